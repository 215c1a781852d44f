#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031  # tests/lib/life.bash sets them, each test in its own shell
# The whole life of a token, with real modules and a real VPN: enrolled and proven, connected with the module that laptops
# have, another PIN, unblocked, renewed, connected again, and emptied. For each kind of token, with an elliptic key and
# an RSA one.

bats_require_minimum_version 1.5.0

setup_file() {
	load ../lib/life.bash
	life_file
}

setup() {
	load ../lib/life.bash
	load ../lib/vpn.bash
	life_setup
	vpn_begin "$dir/log"
	home=$BATS_TEST_TMPDIR/home
}

teardown() {
	vpn_end
	life_teardown
}

# connects PIN-FILE: with what is in the bundle, over TLS 1.3, where RSA is PSS and nothing else
connects() {
	rm -rf "$home"
	mkdir -m 0700 "$home"
	tar -xzf "$dir/bundles/alice.tar.gz" -C "$home"
	grep -q "^pkcs11-providers .*$client" "$home/alice/alice-linux.ovpn"
	vpn_client_start "$home/alice/alice-linux.ovpn" "$1" --tls-version-min 1.3
	vpn_client_wait
	[[ $VPN_MODE != netns ]] || vpn_ping 1
	vpn_client_stop
}

# spared: nothing wrong was sent in all that life; what resets a YubiKey then makes PIN and PUK wrong on purpose
spared() {
	case $serial in
	DECC*) is pin-wrong 0 so-wrong 0 pin-tries 3 ;;
	13371337) is pin-wrong 0 puk-wrong 0 management-key-wrong 0 && reset_meant ;;
	esac
}

# whole_life KEY-TYPE CLIENT-MODULE; enroll, unblock, renew and wipe are the arguments of these, $old the token's PIN and
# $enrolled the one that it has then
whole_life() {
	local first
	client=$2
	life_conf "template.remote=$VPN_HOST $VPN_PORT udp" "token.module=$module"
	vpn_server_start "$dir" tls-crypt

	done_by --serial "$serial" "${ca[@]}" "${enroll[@]}" --key-type "$1" --json alice
	json "d['proved']" true "d['key_type']" "\"$1\""
	connects "$enrolled"

	done_by pin alice --pin-file "$enrolled" --new-pin-file "$dir/newer"
	connects "$dir/newer"
	done_by unblock alice "${unblock[@]}" --new-pin-file "$dir/new"
	pin_is "$dir/new"

	first=$(db "select cert_serial from credentials where state = 'delivered'")
	done_by --serial "$serial" "${ca[@]}" "${renew[@]}" --pin-file "$dir/new" --key-type "$1" --replace --json alice
	json "d['proved']" true "d['certificate']['replaced']" "\"$first\""
	[[ $(rows V) == 1 && $(rows R) == 1 ]]
	# the second key is in 9c, for which OpenSC wants the PIN again at each signature
	[[ $serial != 13371337 ]] || export VPN_PIN_TIMES=2
	connects "$dir/new"

	spared
	done_by wipe --serial "$serial" "${ca[@]}" "${wipe[@]}" --confirm "$serial" --json
	json "d['destroyed'] is None or d['destroyed'] >= 2" true "len(d['revoked'])" 1
	[[ $(rows V) == 0 && $(rows R) == 2 ]]
	done_by tokens --json
	json "[o for o in one(d['tokens'], serial='$serial')['objects'] if not o['nobodys']]" '[]' \
		"one(d['tokens'], serial='$serial')['user']" null
}

softhsm() {
	life_token soft
	module=$(company_softhsm) enrolled=$old enroll=(--pin-file "$old") renew=() unblock=(--so-pin-file "$dir/so") wipe=(--pin-file "$dir/new")
	whole_life "$1" libsofthsm2.so
}

smartcard_hsm() {
	life_token hsm
	module=$(cards_module opensc) enrolled=$old
	enroll=(--pin-file "$old") renew=() unblock=(--so-pin-file "$dir/so") wipe=(--pin-file "$dir/new")
	whole_life "$1" opensc-pkcs11.so
}

yubikey() {
	life_token yubikey
	module=$(cards_module ykcs11) enrolled=$dir/new
	enroll=(--new-pin-file "$dir/new") renew=("${key[@]}") unblock=("${key[@]}") wipe=("${key[@]}")
	whole_life "$1" opensc-pkcs11.so
}

@test "SoftHSM2, P-256" {
	softhsm ec:P-256
}

@test "SoftHSM2, RSA-2048" {
	softhsm rsa:2048
}

@test "SmartCard-HSM through OpenSC, P-256" {
	smartcard_hsm ec:P-256
}

@test "SmartCard-HSM through OpenSC, RSA-2048" {
	smartcard_hsm rsa:2048
}

@test "YubiKey through ykcs11, and through OpenSC on the laptop, P-256" {
	yubikey ec:P-256
}

@test "YubiKey through ykcs11, and through OpenSC on the laptop, RSA-2048" {
	yubikey rsa:2048
}

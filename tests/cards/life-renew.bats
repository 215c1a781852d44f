#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031  # tests/lib/life.bash sets them, each test in its own shell
# tokenroll renew and rekey on cards that have one place for a key's certificate, with the modules that people have, and a
# real VPN client in the end.

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

# connects PIN-FILE: with the bundle as it was unpacked last
connects() {
	vpn_client_start "$home/alice/alice-linux.ovpn" "$1" --tls-version-min 1.3
	vpn_client_wait
	vpn_client_stop
}

unpack() {
	rm -rf "$home"
	mkdir -m 0700 "$home"
	tar -xzf "$dir/bundles/alice.tar.gz" -C "$home"
}

serial_of() {
	openssl x509 -in "$dir/pki/issued/alice.crt" -noout -serial | sed 's/^serial=//'
}

# alone SUBJECT: of ours there is one certificate
alone() {
	done_by tokens --json
	json "[o['subject'] for o in one(d['tokens'], serial='$serial')['objects'] if o['class'] == 'certificate' and o['ours']]" "[\"$1\"]"
}

# takes_over MODULE ENROLL-ARGUMENT... -- ARGUMENT...
takes_over() {
	local enroll=() first second third
	life_conf "template.remote=$VPN_HOST $VPN_PORT udp" "token.module=$1"
	shift
	while [[ $1 != -- ]]; do
		enroll+=("$1") && shift
	done
	shift
	vpn_server_start "$dir" tls-crypt
	done_by --serial "$serial" "${ca[@]}" "${enroll[@]}" alice
	first=$(serial_of)
	unpack
	done_by renew alice "${ca[@]}" "$@" --days 30 --json
	second=$(serial_of)
	json "d['way'], d['state'], d['proved']" '["renew", "delivered", true]' "d['replaces']['serial']" "\"$first\""
	alone alice
	# it is the profile that she had before
	connects "$pin"
	[[ $(rows V) == 1 && $(rows R) == 1 ]]
	done_by rekey alice "${ca[@]}" "$@" --json
	third=$(serial_of)
	json "d['way'], d['state'], d['proved']" '["rekey", "delivered", true]' "d['replaces']['serial']" "\"$second\""
	alone alice
	unpack
	# the second key is in 9c, for which OpenSC wants the PIN again at each signature
	[[ $serial != 13371337 ]] || export VPN_PIN_TIMES=2
	connects "$pin"
	[[ $(rows V) == 1 && $(rows R) == 2 && $third != "$second" ]]
}

@test "SmartCard-HSM through OpenSC" {
	life_token hsm
	pin=$old
	takes_over "$(cards_module opensc)" --pin-file "$old" -- --pin-file "$old"
}

@test "YubiKey through ykcs11, and through OpenSC on the laptop" {
	life_token yubikey
	pin=$dir/new
	takes_over "$(cards_module ykcs11)" --new-pin-file "$dir/new" -- "${key[@]}" --pin-file "$dir/new"
}

@test "a YubiKey without a free place for a second key keeps the one that works: rekey is refused, with the way out" {
	life_token yubikey foreign=9c:ec:P-256
	enroll --new-pin-file "$dir/new"
	refused 3 "has no free place for a key" rekey alice "${ca[@]}" "${key[@]}" --pin-file "$dir/new"
	says "tokenroll enroll --replace alice" "in the place of the old one"
	[[ $(rows V) == 1 && $(db "select count(*) from credentials") == 1 ]]
	done_by renew alice "${ca[@]}" "${key[@]}" --pin-file "$dir/new"
	[[ $(rows V) == 1 && $(rows R) == 1 ]]
}

@test "issued while the YubiKey is not plugged in, and written when it is" {
	life_token yubikey
	enroll --new-pin-file "$dir/new"
	first=$(serial_of)
	card_ctl 0 pull
	done_by renew alice --no-token "${ca[@]}"
	refused 3 "no token is plugged in" renew alice "${ca[@]}" "${key[@]}" --pin-file "$dir/new"
	card_ctl 0 insert
	done_by renew alice "${ca[@]}" "${key[@]}" --pin-file "$dir/new" --json
	json "d['replaces']['serial'], d['replaces']['reason']" "[\"$first\", \"superseded\"]"
	alone alice
}

@test "a certificate that somebody else has put into the key's only place on a YubiKey is never overwritten" {
	local other=$BATS_TEST_TMPDIR/other with=("${ca[@]}" --keep-factory-pins --pin-file "$old")
	life_token yubikey
	with[-1]=$old
	done_by "${with[@]}" alice
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$other.key" -out "$other.crt" \
		-subj "/CN=Wi-Fi CA" 2>/dev/null
	openssl x509 -in "$dir/pki/issued/alice.crt" -noout -pubkey >"$other.pub"
	openssl x509 -new -force_pubkey "$other.pub" -subj /CN=wifi -CA "$other.crt" -CAkey "$other.key" -out "$other.pem"
	yubico-piv-tool --reader Yubico --action import-certificate --slot 9a --input "$other.pem"
	refused 6 'that tokenroll did not make: "wifi", issued by "Wi-Fi CA"' "${with[@]}" alice
	says "tokenroll does not overwrite it"
	# another place, and what is in the old one stays
	done_by "${with[@]}" enroll --replace alice
	says "1 object on token 13371337"
	yubico-piv-tool --reader Yubico --action read-certificate --slot 9a | diff "$other.pem" -
}

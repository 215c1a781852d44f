#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031  # tests/lib/life.bash sets them, each test in its own shell
# Emptying a token: the one thing that destroys what tokenroll did not make, so the token's serial number is typed in
# first, and what is lost is said before.

bats_require_minimum_version 1.5.0

setup_file() {
	load ../lib/life.bash
	life_file
}

setup() {
	load ../lib/life.bash
	life_setup
}

teardown() {
	life_teardown
}

# untouched: all that was there, and the certificate is valid
untouched() {
	[[ $(rows V) == 1 && $(db "select state from credentials") == delivered ]]
}

@test "without the serial number nothing is emptied or revoked" {
	life_token hsm foreign=ec:P-256
	enroll --pin-file "$old"
	is keys 2
	watch
	refused 6 "the serial number was not typed in" wipe --serial "$serial" --pin-file "$old" "${ca[@]}"
	says "3 objects of alice" "3 that tokenroll did not make (Qualified signature 1)" "--confirm"
	refused 6 "the serial number was not typed in" wipe --serial "$serial" --pin-file "$old" "${ca[@]}" --confirm DECC0200002
	refused 2 "--confirm" wipe --serial "$serial" --pin-file "$old" "${ca[@]}" --confirm ""
	# --yes is no serial number
	refused 6 "the serial number was not typed in" wipe --serial "$serial" --pin-file "$old" "${ca[@]}" --yes
	[[ $(sent delete) == 0 && $(sent 'delete a key') == 0 && $(sent 'delete a file') == 0 && $(sent initialize) == 0 ]]
	is keys 2
	untouched
}

@test "it has to be said which token is meant, and only that one is emptied" {
	life_token hsm
	card_new sc-hsm 1 serial=DECC0200002 foreign=ec:P-256
	refused 2 "--serial" wipe --pin-file "$old"
	refused 3 "no token with the serial number DECC0300003" wipe --serial DECC0300003 --confirm DECC0300003 --pin-file "$old"
	done_by wipe --serial "$serial" --confirm "$serial" --pin-file "$old" --no-revoke
	[[ $(card_status 1 keys) == 1 ]]
}

@test "SmartCard-HSM: with the PIN all is deleted, the token keeps its PIN, and can be enrolled again" {
	life_token hsm foreign=ec:P-256
	enroll --pin-file "$old"
	done_by wipe --serial "$serial" --confirm decc0100001 --pin-file "$old" --no-revoke --json
	json "d['ok']" true "d['destroyed']" 6 "d['reset']" false "d['revoked']" '[]' "d['user']" '"alice"'
	is keys 0 pin-tries 3
	pin_is "$old"
	[[ $(rows V) == 1 && $(db "select state from credentials") == abandoned ]]
	[[ $(db "select count(*) from audit where action = 'token-wipe' and user = 'alice' and token_serial = '$serial'") == 1 ]]
	done_by tokens --json
	json "one(d['tokens'], serial='$serial')['user']" null
	done_by --serial "$serial" "${ca[@]}" --pin-file "$old" bob
	is keys 1
}

@test "SmartCard-HSM: with the SO PIN it is reset, and the next enrollment sets a PIN" {
	life_token hsm foreign=ec:P-256
	enroll --pin-file "$old"
	done_by wipe --serial "$serial" --confirm "$serial" --so-pin-file "$dir/so" --no-revoke --json
	json "d['reset']" true
	is keys 0 so-wrong 0 so-tries 15
	done_by --serial "$serial" "${ca[@]}" --so-pin-file "$dir/so" --new-pin-file "$dir/new" --init bob
	is keys 1
	pin_is "$dir/new"
}

@test "SmartCard-HSM: a locked PIN is no obstacle with the SO PIN" {
	life_token hsm
	enroll --pin-file "$old"
	secret wrong 11112222
	cards_tries_meant
	for _ in 1 2 3; do
		! pin_is "$dir/wrong" || return 1
	done
	refused 4 "locked" wipe --serial "$serial" --confirm "$serial" --pin-file "$old" --no-revoke
	is keys 1
	done_by wipe --serial "$serial" --confirm "$serial" --so-pin-file "$dir/so" --no-revoke
	is keys 0
}

@test "a wrong PIN or SO PIN is tried once and empties nothing" {
	life_token hsm
	enroll --pin-file "$old"
	secret wrong 1111222233334444
	secret wrongpin 11112222
	refused 4 "PIN of token $serial is wrong" wipe --serial "$serial" --confirm "$serial" --pin-file "$dir/wrongpin" --no-revoke
	is keys 1 pin-wrong 1
	untouched
	refused 4 "SO PIN of token $serial is wrong" wipe --serial "$serial" --confirm "$serial" --so-pin-file "$dir/wrong" \
		--no-revoke
	says "14 tries are left"
	is keys 1 so-wrong 1
	untouched
}

@test "YubiKey: it is reset with what is in escrow, has the factory's PINs, and can be enrolled again" {
	life_token yubikey
	enroll --new-pin-file "$dir/new"
	reset_meant
	done_by wipe --serial "$serial" --confirm "$serial" "${key[@]}" --no-revoke --json
	json "d['reset']" true "d['destroyed']" null
	is keys 0 certificates 0 default-pin 1 default-puk 1
	# what is in escrow tells what it has
	[[ $(db "select group_concat(kind || ' ' || state, ', ') from (select * from escrow order by kind)") == \
		"puk replaced, so-pin confirmed" ]]
	done_by escrow show --serial "$serial" "${key[@]}"
	shows "the token had it until it was reset" "the token has it"
	done_by tokens --json
	json "one(d['tokens'], serial='$serial')['pin']['factory']" '"yes"' "one(d['tokens'], serial='$serial')['user']" null
	done_by --serial "$serial" "${ca[@]}" --new-pin-file "$dir/new" "${key[@]}" bob
	is keys 1 default-pin 0 default-puk 0
	pin_is "$dir/new"
}

@test "YubiKey from the factory, with somebody's keys, seen or hidden" {
	life_token yubikey foreign=9c:ec:P-256 hidden=9d:ec:P-256
	refused 6 "the serial number was not typed in" wipe --serial "$serial" --no-revoke
	says "that tokenroll did not make" "what cannot be seen"
	is keys 2
	reset_meant
	done_by wipe --serial "$serial" --confirm "$serial" --no-revoke
	is keys 0 certificates 0
}

# on_crl SERIAL: it is on the CRL that VPN servers read
on_crl() {
	openssl crl -in "$dir/server/crl.pem" -noout -text | grep -q "Serial Number: $1"
}

@test "what was on it is revoked, and on the CRL that the VPN server reads" {
	local cert
	life_token hsm
	enroll --pin-file "$old"
	cert=$(db "select cert_serial from credentials")
	done_by wipe --serial "$serial" --confirm "$serial" --pin-file "$old" "${ca[@]}" --json
	json "d['revoked']" "[\"$cert\"]" "d['destroyed']" 3
	[[ $(rows V) == 0 && $(rows R) == 1 && $(db "select state from credentials") == revoked ]]
	grep -q "cessationOfOperation" "$dir/pki/index.txt"
	on_crl "$cert"
	is keys 0
}

@test "without the CA's passphrase nothing is emptied" {
	life_token hsm
	enroll --pin-file "$old"
	secret wrong-pass wrong
	refused 2 "--ca-pass-file" wipe --serial "$serial" --confirm "$serial" --pin-file "$old"
	says "--no-revoke"
	refused 5 "passphrase" wipe --serial "$serial" --confirm "$serial" --pin-file "$old" --ca-pass-file "$dir/wrong-pass"
	is keys 1
	untouched
}

@test "killed between emptying and revoking, the same command revokes" {
	life_token hsm
	enroll --pin-file "$old"
	mkdir -p "$dir/profiles"
	sed "s|^enroll = opensc-pkcs11.so|enroll = $tools/libfaulty.so|" "$COMPANY_ROOT/pkcs11/profiles/smartcard-hsm.conf" \
		>"$dir/profiles/smartcard-hsm.conf"
	export FAULTY_MODULE FAULTY_COUNT=$dir/log/count
	FAULTY_MODULE=$(cards_module opensc)
	life_conf "token.module=$tools/libfaulty.so" "token.profiles=$dir/profiles"
	FAULTY_RULE='C_DestroyObject:3:kill-parent-after' roll wipe --serial "$serial" --confirm "$serial" --pin-file "$old" "${ca[@]}"
	[[ $status == 137 && $(rows V) == 1 ]]
	sleep 0.3
	done_by wipe --serial "$serial" --confirm "$serial" --pin-file "$old" "${ca[@]}" --json
	json "len(d['revoked'])" 1
	is keys 0 pin-wrong 0
	[[ $(rows V) == 0 && $(rows R) == 1 ]]
}

@test "SoftHSM: with the PIN or by reset" {
	life_token soft
	enroll --pin-file "$old"
	done_by wipe --serial "$serial" --confirm "$serial" --pin-file "$old" --no-revoke --json
	json "d['destroyed']" 3
	pin_is "$old"
	[[ $("$tools/tokendump" "$(company_softhsm)" "$serial" "$old" | wc -l) == 0 ]]
	done_by --serial "$serial" "${ca[@]}" --pin-file "$old" bob
	refused 6 "the serial number was not typed in" wipe --serial "$serial" --so-pin-file "$dir/so" --no-revoke
	done_by wipe --serial "$serial" --confirm "$serial" --so-pin-file "$dir/so" --no-revoke --json
	json "d['reset']" true "d['destroyed']" null
}

@test "by reset without the PIN: so many at least are gone" {
	life_token hsm
	enroll --pin-file "$old"
	done_by wipe --serial "$serial" --confirm "$serial" --so-pin-file "$dir/so" --no-revoke
	shows "at least 2 objects"
}

@test "a key whose making was cut off is destroyed, too" {
	local at
	life_token hsm
	watch
	enroll --pin-file "$old"
	at=$(sed -n 's/^\([0-9]*\) generate.*/\1/p' "$trace" | head -n 1)
	rm "$dir"/tokenroll.db*
	life_token hsm
	card_ctl 0 pull-at "$at" after
	roll --serial "$serial" "${ca[@]}" --pin-file "$old" bob
	card_ctl 0 insert
	is keys 1
	done_by wipe --serial "$serial" --confirm "$serial" --pin-file "$old" --no-revoke
	shows "destroyed    1 object"
	is keys 0
}

@test "where nothing can be deleted that is said before anything is asked, with the tool that can" {
	life_token hsm
	enroll --pin-file "$old"
	mkdir -p "$dir/profiles"
	sed "s|^\[key\]|[key]\ndelete = no|; s|^\[init\]|[init]\ncall = tool\ntool = makers-reset --all|; s/^sets-pin.*//" \
		"$COMPANY_ROOT/pkcs11/profiles/smartcard-hsm.conf" >"$dir/profiles/smartcard-hsm.conf"
	life_conf "token.module=$(cards_module opensc)" "token.profiles=$dir/profiles"
	watch
	refused 3 "tokenroll cannot empty token $serial" wipe --serial "$serial" --confirm "$serial" --pin-file "$old"
	says "use makers-reset --all for it"
	nothing_sent
	untouched
}

@test "a token keeps its label when it is reset, without what its module adds to that" {
	life_token soft
	softhsm2-util --init-token --free --label "VPN (Berlin)" --pin 482915 --so-pin "$COMPANY_SO_PIN" >/dev/null
	serial=$(company_token_serial "$dir" "VPN (Berlin)")
	done_by wipe --serial "$serial" --confirm "$serial" --so-pin-file "$dir/so" --no-revoke
	[[ $(company_token_serial "$dir" "VPN (Berlin)") == "$serial" ]]
	life_token hsm
	done_by wipe --serial "$serial" --confirm "$serial" --so-pin-file "$dir/so" --no-revoke
	done_by tokens --json
	json "one(d['tokens'], serial='$serial')['label']" '"SmartCard-HSM (UserPIN)"'
}

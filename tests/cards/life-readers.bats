#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031  # tests/lib/life.bash sets them, each test in its own shell
# Readers: those with a name too long for a slot's description, that another program holds, and with a card that does
# not answer.

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

LONG="HID Global OMNIKEY 3x21 Smart Card Reader [OMNIKEY 3x21 Smart Card Reader]"

# long_hsm: a SmartCard-HSM in a reader with a long name
long_hsm() {
	cards_start 2 "$LONG"
	card_new sc-hsm 0 "pin=$HSM_PIN" "so-pin=$HSM_SO_PIN"
	serial=DECC0100001 old=$dir/old
	secret old "$HSM_PIN"
	life_conf "token.module=$(cards_module opensc)"
}

@test "a token in a reader whose name is longer than a slot's description is one token, and is enrolled" {
	long_hsm
	life_conf
	done_by tokens --json
	json "[t['reader'] for t in d['tokens'] if t['profile']['id'] != 'softhsm2']" "[\"$(cards_reader 0)\"]" "d['readers'][0]['known']" true
	enroll --pin-file "$old"
	done_by pin --reader "$(cards_reader 0)" --pin-file "$old" --new-pin-file "$dir/new"
}

@test "two cards in readers whose names begin alike are told apart, and only the one that is meant hears anything" {
	long_hsm
	card_new sc-hsm 1 "pin=$HSM_PIN" "so-pin=$HSM_SO_PIN" serial=OTHER000001
	done_by tokens --json
	json "one(d['tokens'], serial='DECC0100001')['reader']" "\"$(cards_reader 0)\"" \
		"one(d['tokens'], serial='OTHER000001')['reader']" "\"$(cards_reader 1)\""
	done_by --reader "$(cards_reader 1)" "${ca[@]}" --pin-file "$old" bob
	is keys 0
	[[ $(card_status 1 keys) == 1 ]]
}

# hold_card K: another program has the card for itself, until the test ends
hold_card() {
	local word
	coproc HOLDER { cards_tool readers hold "$1" 3>&-; }
	read -r word <&"${HOLDER[0]}"
	[[ $word == held ]]
}

@test "a card that another program holds: each verb says so, and how to end it" {
	local held="another program holds the card in" verb
	life_token hsm
	watch
	hold_card 0
	refused 3 "$held" --serial "$serial" "${ca[@]}" --pin-file "$old" alice
	says "no token is plugged in: another program" "gpgconf --kill scdaemon"
	refused 3 "$held" "${ca[@]}" --pin-file "$old" alice
	for verb in pin unblock; do
		refused 3 "$held" "$verb" --serial "$serial" --new-pin-file "$dir/new"
		says "no token with the serial number $serial" "gpgconf --kill scdaemon"
	done
	refused 3 "$held" wipe --serial "$serial" --confirm "$serial" "${ca[@]}" --pin-file "$old"
	refused 3 "$held" pin --new-pin-file "$dir/new"
	[[ $(card_ctl 0 count) == 0 ]]
}

@test "a card of ours is not said to be held where another one is named" {
	life_token yubikey
	refused 3 "no token with the serial number 4711 is plugged in" --serial 4711 "${ca[@]}" alice
	[[ $stderr != *"another program"* ]]
	refused 3 "no token with the serial number 4711 is plugged in" pin --serial 4711 --new-pin-file "$dir/new"
	[[ $stderr != *"another program"* ]]
}

@test "no pcscd: each verb says so" {
	life_token hsm
	cards_stop
	export PCSCLITE_CSOCK_NAME=$BATS_TEST_TMPDIR/nobody-listens
	refused 3 "pcscd is not running" --serial "$serial" "${ca[@]}" --pin-file "$old" alice
	says "no token is plugged in: the smart card" "systemctl start pcscd.socket"
	refused 3 "pcscd is not running" pin --new-pin-file "$dir/new"
	refused 3 "pcscd is not running" unblock --serial "$serial" --new-pin-file "$dir/new"
	refused 3 "pcscd is not running" wipe --serial "$serial" --confirm "$serial" "${ca[@]}" --pin-file "$old"
}

# piv_elsewhere: a YubiKey's application in a reader that its module does not look at
piv_elsewhere() {
	cards_start 2
	card_new piv 0
	secret old "$PIV_PIN"
	secret puk "$PIV_PUK"
	old=$dir/old
	life_conf "token.module=$(cards_module opensc)"
}

@test "a YubiKey's ATR in a reader that ykcs11 does not look at: OpenSC shows the card, and enrolling says why not" {
	piv_elsewhere
	done_by tokens --json
	json "d['tokens'][0]['profile']['id']" '"piv"' "d['readers'][0]['known']" true
	watch
	refused 3 "no keys can be made through" "${ca[@]}" --pin-file "$old" --key-type rsa:2048 alice
	says "libykcs11.so.2 looks at readers called Yubico* only" "Virtual Reader"
	nothing_sent
	done_by unblock --puk-file "$dir/puk" --new-pin-file "$dir/new"
	refused 3 "no module here knows" --module "$(company_softhsm)" --reader "$(cards_reader 0)" "${ca[@]}" alice
	says "looks at readers called Yubico* only"
}

@test "where no keys can be made nothing is asked, sent or planned" {
	life_token hsm
	mkdir -p "$dir/profiles"
	sed "s|^\[key\]|[key]\ngenerate = no|" "$COMPANY_ROOT/pkcs11/profiles/smartcard-hsm.conf" >"$dir/profiles/smartcard-hsm.conf"
	life_conf "token.module=$(cards_module opensc)" "token.profiles=$dir/profiles"
	watch
	refused 3 "no keys can be made through" --serial "$serial" "${ca[@]}" --pin-file "$old" alice
	says "take another token, or name the module of its maker"
	nothing_sent
	[[ -z $(db "select 1 from credentials") ]]
	sed -i "s|^generate = no|certificate = no|" "$dir/profiles/smartcard-hsm.conf"
	refused 3 "no certificates can be written through" --serial "$serial" "${ca[@]}" --pin-file "$old" alice
	nothing_sent
}

@test "a certificate that is too long for the token is not written, and that is said" {
	life_token hsm
	mkdir -p "$dir/profiles"
	sed "s|^\[key\]|[key]\ncertificate-max = 200|" "$COMPANY_ROOT/pkcs11/profiles/smartcard-hsm.conf" >"$dir/profiles/smartcard-hsm.conf"
	life_conf "token.module=$(cards_module opensc)" "token.profiles=$dir/profiles"
	refused 3 "(SmartCard-HSM, Nitrokey HSM) takes 200 at most" --serial "$serial" "${ca[@]}" --pin-file "$old" alice
	says "have a shorter certificate made"
	is keys 1
}

@test "a card that does not answer in time: that is said of it, and it is not waited for twice" {
	life_token hsm
	life_conf "token.module=$(cards_module opensc)" token.timeout=1
	card_ctl 0 delay 2000
	done_by tokens
	# as it is said of each further process
	[[ $stderr != *"is left out"* ]]
	shows "a card that could not be looked at (SmartCard-HSM, Nitrokey HSM): " "did not answer within 1 s"
	[[ $output != *"no module knows"* ]]
	done_by tokens --json
	json "d['readers'][0]['trouble']['code']" '"MODULE"' "d['readers'][1]['trouble']" null
	refused 3 "did not answer within 1 s" --serial "$serial" "${ca[@]}" --pin-file "$old" alice
	card_ctl 0 forget
}

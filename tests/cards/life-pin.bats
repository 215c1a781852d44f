#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031  # tests/lib/life.bash sets them, each test in its own shell
# A new PIN for a token: by whoever knows the old one, or without it by PUK, SO PIN or what is in escrow. A secret is sent
# once, the last try is nobody's but the admin's, and no rule is found out by asking the card.

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

# change ARGUMENT...: from $old to new
change() {
	roll pin --serial "$serial" --pin-file "$old" --new-pin-file "$dir/new" "$@"
}

# enrolled_yubikey: with the PIN new, and PUK and management key in escrow
enrolled_yubikey() {
	life_token yubikey
	enroll --new-pin-file "$dir/new"
	old=$dir/new
}

@test "SmartCard-HSM: the PIN is changed, with the old one sent once and no try spent" {
	life_token hsm
	watch
	change --json
	[[ $status == 0 ]]
	json "d['ok']" true "d['before']['tries']" 3 "d['after']['tries']" 3 "d['token']['serial']" '"DECC0100001"' \
		"'pin' in d" false
	is pin-tries 3 pin-wrong 0
	[[ $(sent 'change a PIN') == 1 ]]
	pin_is "$dir/new"
}

@test "YubiKey: the PIN is changed, with the old one sent once" {
	life_token yubikey
	watch
	change --json
	[[ $status == 0 ]]
	json "d['before']['factory']" '"yes"' "d['after']['factory']" '"no"' "d['after']['tries']" 3
	is pin-tries 3 pin-wrong 0 default-pin 0
	[[ $(sent 'change PIN or PUK') == 1 ]]
	pin_is "$dir/new"
}

@test "a wrong old PIN is tried once, the counter says so, and the next one is not tried by itself" {
	local kind
	for kind in hsm yubikey; do
		life_token "$kind"
		secret wrong 11112222
		roll pin --serial "$serial" --pin-file "$dir/wrong" --new-pin-file "$dir/new" --json
		[[ $status == 4 ]]
		says "the PIN of token $serial is wrong" "2 tries are left"
		json "d['error']['code']" '"PIN_WRONG"' "d['before']['tries']" 3 "d['after']['tries']" 2
		is pin-wrong 1 pin-tries 2
		pin_is "$old"
		roll audit --csv
		shows pin-unchanged
		cards_stop
	done
}

@test "a wrong PIN at enrollment says how many tries are left, where the card tells" {
	local kind
	for kind in hsm yubikey; do
		life_token "$kind" pin=24682468
		secret wrong 11112222
		refused 4 "the PIN of token $serial is wrong; 2 tries are left" --serial "$serial" "${ca[@]}" --pin-file "$dir/wrong" \
			alice
		is pin-wrong 1 pin-tries 2
		cards_stop
	done
}

@test "an error of the laptops' module in the proof names the token by its serial number" {
	local rule
	life_token yubikey pin=24682468
	export FAULTY_MODULE FAULTY_COUNT=$dir/log/count
	FAULTY_MODULE=$(cards_module opensc)
	life_conf "token.module=$(cards_module ykcs11)" "vpn.client-module-linux=$tools/libfaulty.so"
	FAULTY_RULE='C_Login:1:CKR_PIN_INCORRECT' refused 4 "the PIN of token 13371337 is wrong; 3 tries are left" \
		--serial "$serial" "${ca[@]}" --pin-file "$dir/new" alice
	rm "$FAULTY_COUNT"
	for rule in C_OpenSession:1:CKR_GENERAL_ERROR C_Sign:1:CKR_GENERAL_ERROR; do
		FAULTY_RULE=$rule refused 3 "token 13371337" --serial "$serial" "${ca[@]}" "${key[@]}" --pin-file "$dir/new" alice
		[[ $stderr != *"token 00000000"* ]]
		rm "$FAULTY_COUNT"
	done
	is pin-wrong 0
	enroll "${key[@]}" --pin-file "$dir/new"
}

@test "the last try is left alone unless --last-try says otherwise" {
	local kind
	for kind in hsm yubikey; do
		life_token "$kind"
		cards_tries_meant
		secret wrong 11112222
		roll pin --serial "$serial" --pin-file "$dir/wrong" --new-pin-file "$dir/new"
		roll pin --serial "$serial" --pin-file "$dir/wrong" --new-pin-file "$dir/new"
		[[ $status == 4 ]]
		is pin-tries 1 pin-wrong 2
		watch
		change
		[[ $status == 4 ]]
		says "one try left, which was not spent" "--last-try"
		nothing_sent
		change --last-try
		[[ $status == 0 ]]
		is pin-tries 3 pin-last-tries 1
		pin_is "$dir/new"
		cards_stop
	done
}

@test "a locked PIN is known before anybody is asked, and the way out is named" {
	local kind
	for kind in hsm yubikey; do
		life_token "$kind"
		lock_pin
		watch
		roll pin --serial "$serial"
		[[ $status == 4 ]]
		says "the PIN of token $serial is locked" "tokenroll unblock --serial $serial"
		nothing_sent
		cards_stop
	done
}

# lock_pin: by somebody else's wrong ones
lock_pin() {
	cards_tries_meant
	secret wrong 11112222
	for _ in 1 2 3; do
		! pin_is "$dir/wrong" || return 1
	done
	is pin-tries 0
}

@test "a new PIN against the rules is refused before anything is sent" {
	local kind bad
	for kind in hsm yubikey; do
		life_token "$kind"
		watch
		for bad in 12345 1234567890123456 'пароль'; do
			secret bad "$bad"
			roll pin --serial "$serial" --pin-file "$old" --new-pin-file "$dir/bad"
			[[ $status == 4 && $stderr != *"$bad"* ]]
			roll unblock --serial "$serial" --so-pin-file "$dir/so" --puk-file "$dir/puk" --new-pin-file "$dir/bad"
			[[ $status != 0 && $stderr != *"$bad"* ]]
		done
		nothing_sent
		is pin-tries 3
		cards_stop
	done
}

@test "a new PIN that is the old one is refused before anything is sent" {
	life_token hsm
	watch
	roll pin --serial "$serial" --pin-file "$old" --new-pin-file "$old"
	[[ $status == 4 ]]
	says "the new PIN is the old one"
	nothing_sent
}

@test "a random PIN obeys the rules, is shown once and works" {
	life_token hsm
	roll pin --serial "$serial" --pin-file "$old" --random-pin --json
	[[ $status == 0 && $stderr == *"shown this once"* ]]
	json "d['pin'].isdigit()" true "6 <= len(d['pin']) <= 15" true
	secret made "$(python3 -c 'import json, sys; print(json.load(sys.stdin)["pin"])' <<<"$output")"
	pin_is "$dir/made"
}

@test "a user's token is found by the user's name, and no other is taken for it" {
	life_token hsm
	enroll --pin-file "$old"
	card_new sc-hsm 1 serial=DECC0200002
	done_by pin alice --pin-file "$old" --new-pin-file "$dir/new"
	shows "Token DECC0100001 of alice has a new PIN."
	card_ctl 0 pull
	refused 3 "the token of alice, DECC0100001, is not plugged in" pin alice --pin-file "$dir/new" --new-pin-file "$dir/newer"
	refused 3 "no token with the serial number DECC0100001" pin --serial DECC0100001 --pin-file "$dir/new" \
		--new-pin-file "$dir/newer"
	refused 3 "bob has no token" pin bob --pin-file "$dir/new" --new-pin-file "$dir/newer"
	[[ $(card_status 1 pin-wrong) == 0 && $(card_status 1 pin-tries) == 3 ]]
	# both a user and another token's serial number
	refused 3 "DECC0100001" pin alice --serial DECC0200002 --pin-file "$dir/new" --new-pin-file "$dir/newer"
	[[ $(card_status 1 pin-wrong) == 0 ]]
}

@test "of several tokens none is guessed" {
	life_token hsm
	card_new sc-hsm 1 serial=DECC0200002
	refused 3 "2 tokens are plugged in" pin --pin-file "$old" --new-pin-file "$dir/new"
	says DECC0100001 DECC0200002
	[[ $(card_status 0 pin-wrong) == 0 && $(card_status 1 pin-wrong) == 0 ]]
}

@test "SoftHSM: pin and unblock" {
	life_token soft
	change
	[[ $status == 0 ]]
	pin_is "$dir/new"
	done_by unblock --serial "$serial" --so-pin-file "$dir/so" --new-pin-file "$dir/newer"
	pin_is "$dir/newer"
	secret wrong 1111222233
	refused 4 "SO PIN of token $serial is wrong" unblock --serial "$serial" --so-pin-file "$dir/wrong" \
		--new-pin-file "$dir/new"
	pin_is "$dir/newer"
}

# ---- unblock

@test "SmartCard-HSM: a locked PIN is unblocked with the SO PIN, and the new one works" {
	life_token hsm
	lock_pin
	watch
	roll unblock --serial "$serial" --so-pin-file "$dir/so" --new-pin-file "$dir/new" --json
	[[ $status == 0 ]]
	json "d['before']['locked']" true "d['before']['tries']" 0 "d['after']['tries']" 3 "d['after']['locked']" false
	[[ $(sent 'unblock the PIN') == 1 ]]
	is pin-tries 3 so-tries 15 so-wrong 0
	pin_is "$dir/new"
}

@test "YubiKey: a locked PIN is unblocked with the PUK, and the new one works" {
	life_token yubikey
	lock_pin
	watch
	roll unblock --serial "$serial" --puk-file "$dir/puk" --new-pin-file "$dir/new" --json
	[[ $status == 0 ]]
	json "d['before']['tries']" 0 "d['after']['tries']" 3
	[[ $(sent 'unblock the PIN') == 1 ]]
	is pin-tries 3 puk-tries 3 puk-wrong 0
	pin_is "$dir/new"
}

@test "a wrong SO PIN or PUK is tried once" {
	life_token hsm
	secret wrong 1111222233334444
	refused 4 "SO PIN of token $serial is wrong" unblock --serial "$serial" --so-pin-file "$dir/wrong" \
		--new-pin-file "$dir/new"
	says "14 tries are left"
	is so-wrong 1 so-tries 14 pin-tries 3
	pin_is "$old"
	cards_stop
	life_token yubikey
	secret wrong 11112222
	refused 4 "PUK of token $serial is wrong" unblock --serial "$serial" --puk-file "$dir/wrong" --new-pin-file "$dir/new"
	says "2 tries are left"
	is puk-wrong 1 puk-tries 2
	pin_is "$old"
}

@test "an SO PIN or PUK against the rules is refused before a try is spent" {
	life_token hsm
	secret bad 12345678
	watch
	refused 4 "SO PIN" unblock --serial "$serial" --so-pin-file "$dir/bad" --new-pin-file "$dir/new"
	nothing_sent
	is so-wrong 0
	cards_stop
	life_token yubikey
	secret bad 12345
	watch
	refused 4 "PUK" unblock --serial "$serial" --puk-file "$dir/bad" --new-pin-file "$dir/new"
	nothing_sent
	is puk-wrong 0
}

@test "a locked PUK is said, with what is left to do" {
	life_token yubikey
	cards_tries_meant
	secret wrong 11112222
	refused 4 "2 tries are left" unblock --serial "$serial" --puk-file "$dir/wrong" --new-pin-file "$dir/new"
	refused 4 "1 try is left" unblock --serial "$serial" --puk-file "$dir/wrong" --new-pin-file "$dir/new"
	is puk-tries 1 puk-wrong 2
	watch
	refused 4 "PUK of token $serial has one try left, which was not spent" unblock --serial "$serial" \
		--puk-file "$dir/wrong" --new-pin-file "$dir/new"
	says "--last-try"
	nothing_sent
	refused 4 "is wrong and is locked now" unblock --serial "$serial" --puk-file "$dir/wrong" --new-pin-file "$dir/new" \
		--last-try
	watch
	refused 4 "PUK of token $serial is locked" unblock --serial "$serial" --puk-file "$dir/puk" --new-pin-file "$dir/new"
	says "this one can only be reset"
	nothing_sent
	is puk-tries 0 puk-wrong 3
}

@test "YubiKey: what enrollment has put into escrow unblocks it" {
	enrolled_yubikey
	lock_pin
	done_by unblock alice "${key[@]}" --new-pin-file "$dir/newer"
	is pin-tries 3 puk-wrong 0
	pin_is "$dir/newer"
	[[ $(db "select count(*) from audit where action = 'pin-unblock' and user = 'alice' and token_serial = '$serial'") == 1 ]]
}

@test "a wrong recovery key opens nothing, and the message names who can" {
	enrolled_yubikey
	recovery_new "$dir/other" "somebody else"
	watch
	refused 2 "VPN recovery" unblock --serial "$serial" --recovery-key "$dir/other.key" --new-pin-file "$dir/newer"
	nothing_sent
	refused 2 "" unblock --serial "$serial" --recovery-key "$recovery.pem" --new-pin-file "$dir/newer"
	refused 2 "" unblock --serial "$serial" --recovery-key "$dir/nowhere.key" --new-pin-file "$dir/newer"
	nothing_sent
	pin_is "$old"
}

@test "a recovery key with a passphrase wants it, and a wrong one opens nothing" {
	recovery_new "$dir/locked" "VPN recovery" -passout "pass:the passphrase"
	life_token yubikey
	life_conf "token.module=$(cards_module ykcs11)" "escrow.recovery=$dir/locked.pem"
	enroll --new-pin-file "$dir/new"
	secret pass "the passphrase"
	secret wrong "another one"
	watch
	refused 2 "--recovery-pass-file" unblock --serial "$serial" --recovery-key "$dir/locked.key" --new-pin-file "$dir/newer"
	refused 2 "passphrase" unblock --serial "$serial" --recovery-key "$dir/locked.key" --recovery-pass-file "$dir/wrong" \
		--new-pin-file "$dir/newer"
	nothing_sent
	done_by unblock --serial "$serial" --recovery-key "$dir/locked.key" --recovery-pass-file "$dir/pass" \
		--new-pin-file "$dir/newer"
	pin_is "$dir/newer"
}

@test "where nothing is in escrow it is said, and nothing is sent" {
	life_token hsm
	watch
	refused 1 "there is no SO PIN of token $serial in escrow" unblock --serial "$serial" "${key[@]}" --new-pin-file "$dir/new"
	says "--so-pin-file"
	nothing_sent
}

@test "without any secret and without a terminal it says how to give one" {
	life_token hsm
	watch
	refused 2 "--pin-file" pin --serial "$serial" --new-pin-file "$dir/new"
	refused 2 "--new-pin-file" pin --serial "$serial" --pin-file "$old"
	refused 2 "--so-pin-file" unblock --serial "$serial" --new-pin-file "$dir/new"
	refused 2 "--new-pin-file" unblock --serial "$serial" --so-pin-file "$dir/so"
	nothing_sent
}

@test "where the card tells of its tries and the module does not, neither enrollment nor wipe or init spends the last one" {
	life_token hsm
	mkdir -p "$dir/profiles"
	sed "s|^enroll = opensc-pkcs11.so|enroll = $tools/libfaulty.so|" "$COMPANY_ROOT/pkcs11/profiles/smartcard-hsm.conf" \
		>"$dir/profiles/smartcard-hsm.conf"
	FAULTY_MODULE=$(cards_module opensc)
	export FAULTY_MODULE FAULTY_COUNT=$dir/log/count FAULTY_RULE='C_GetTokenInfo:*:flags=UNCOUNTED'
	life_conf "token.module=$tools/libfaulty.so" "token.profiles=$dir/profiles"
	secret wrong 11112222
	cards_tries_meant
	! pin_is "$dir/wrong" && ! pin_is "$dir/wrong"
	is pin-tries 1
	refused 4 "one PIN try left, which was not spent" --serial "$serial" "${ca[@]}" --pin-file "$dir/wrong" alice
	refused 4 "has one try left, which was not spent" wipe --serial "$serial" --confirm "$serial" --no-revoke \
		--pin-file "$dir/wrong"
	says "add --last-try"
	refused 4 "has one try left, which was not spent" init --serial "$serial" --wipe --confirm "$serial" \
		--pin-file "$dir/wrong" --so-pin-file "$dir/so" --new-pin-file "$dir/new"
	is pin-tries 1 so-tries 15
	run ! pin_is "$dir/wrong"
	refused 4 "is locked" --serial "$serial" "${ca[@]}" --pin-file "$old" alice
	refused 4 "is locked" wipe --serial "$serial" --confirm "$serial" --no-revoke --pin-file "$old"
	says "tokenroll unblock"
}

@test "a card that was never set up has no PIN to be changed or unblocked, and what sets it up is said" {
	life_token hsm blank=yes
	watch
	refused 3 "token $serial is not set up: it has no PIN yet" pin --pin-file "$old" --new-pin-file "$dir/new"
	says "tokenroll init --serial $serial"
	refused 3 "token $serial is not set up: it has no PIN yet" unblock --so-pin-file "$dir/so" --new-pin-file "$dir/new"
	nothing_sent
}

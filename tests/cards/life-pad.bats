#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031  # tests/lib/life.bash sets them, each test in its own shell
# A reader with a PIN pad: no PIN is asked for at the keyboard, made or sent. It is said what to enter, the token is asked
# once, and what it tells of its tries is shown before and after.

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

# pad_token soft|hsm [NAME=VALUE...]: in a reader with a PIN pad; the module takes no PIN in any other way. With "${pad[@]}"
# it is taken instead of the one that the token's profile names.
pad_token() {
	life_token "$@"
	FAULTY_MODULE=$(company_softhsm)
	[[ $1 == soft ]] || FAULTY_MODULE=$(cards_module opensc)
	export FAULTY_MODULE FAULTY_COUNT=$dir/log/count FAULTY_PAD=$dir/log/pad
	pad=(--module "$tools/libfaulty.so")
	life_conf "token.module=$tools/libfaulty.so" "vpn.client-module-linux=$tools/libfaulty.so"
	typed
}

# blank: without a token but the one that is always empty
blank() {
	pad_token soft
	rm -rf "$dir/token/tokens"/*
}

# typed PIN...: what will be entered on the reader, one after the other
typed() {
	printf '%s\n' "$@" >"$FAULTY_PAD"
	rm -f "$FAULTY_COUNT"
}

# all_typed: it was asked for as often as that
all_typed() {
	[[ ! -s $FAULTY_PAD ]] || { cat "$FAULTY_PAD" && return 1; }
}

# called FUNCTION: how often
called() {
	awk -v name="$1" '$1 == name { n = $2 } END { print n + 0 }' "$FAULTY_COUNT"
}

# ---- pin

@test "another PIN is entered on the reader: the old one, and the new one twice" {
	pad_token soft
	typed "$COMPANY_PIN" 24682468 24682468
	roll pin --serial "$serial" --json
	[[ $status == 0 ]]
	says "enter on the reader: the old PIN of token $serial, then its new PIN (" "twice"
	json "d['ok']" true "'pin' in d" false
	all_typed
	[[ $(called C_SetPIN) == 1 && $(called C_Login) == 0 ]]
	pin_is "$dir/new"
	[[ $(db "select count(*) from audit where action = 'pin-change' and token_serial = '$serial'") == 1 ]]
}

@test "a wrong old PIN on the reader costs one try, of which the number is said before and after" {
	pad_token hsm
	typed 11112222 24682468 24682468 "$HSM_PIN" 24682468 24682468
	roll pin --serial "$serial" "${pad[@]}" --json
	[[ $status == 4 ]]
	says "the PIN of token $serial has 3 tries left" "the PIN of token $serial is wrong; 2 tries are left"
	json "d['error']['code']" '"PIN_WRONG"' "d['before']['tries']" 3 "d['after']['tries']" 2
	is pin-wrong 1 pin-tries 2
	[[ $(called C_SetPIN) == 1 && $(wc -l <"$FAULTY_PAD") == 3 ]]
	done_by pin --serial "$serial" "${pad[@]}"
	shows "before       2 tries left" "now          3 tries left"
	is pin-wrong 1
	pin_is "$dir/new"
}

@test "nobody enters anything, or cancels: that is said, and nothing is tried again" {
	pad_token soft
	refused 4 "nothing was entered on the reader of token $serial, or it was cancelled there" pin --serial "$serial"
	says "run the same command again"
	[[ $(called C_SetPIN) == 1 ]]
	pin_is "$old"
}

@test "two new PINs that differ are refused by the reader, and the old one stays" {
	pad_token soft
	typed "$COMPANY_PIN" 24682468 24682469
	refused 4 "token $serial refused the new PIN" pin --serial "$serial"
	[[ $(called C_SetPIN) == 1 ]]
	pin_is "$old"
}

@test "the last try is not asked for on the reader unless --last-try says so, and a locked PIN never" {
	pad_token soft
	typed "$COMPANY_PIN" 24682468 24682468
	FAULTY_RULE='C_GetTokenInfo:*:flags=FINAL_TRY' refused 4 "one try left, which was not spent" pin --serial "$serial"
	FAULTY_RULE='C_GetTokenInfo:*:flags=LOCKED' refused 4 "is locked" pin --serial "$serial"
	[[ $(called C_SetPIN) == 0 ]]
	FAULTY_RULE='C_GetTokenInfo:*:flags=FINAL_TRY' done_by pin --serial "$serial" --last-try
	says "has ONE try left"
	all_typed
}

@test "a PIN out of a file, or at random, is not used, and that is said" {
	pad_token soft
	typed "$COMPANY_PIN" 24682468 24682468
	done_by pin --serial "$serial" --random-pin --json
	says "has a PIN pad" "is not used"
	json "'pin' in d" false
	pin_is "$dir/new"
	typed 24682468 "$COMPANY_PIN" "$COMPANY_PIN"
	done_by pin --serial "$serial" --pin-file "$dir/so" --new-pin-file "$dir/so"
	says "is not used"
	pin_is "$old"
}

# ---- unblock

@test "unblock: the SO PIN and the new PIN are entered on the reader, each once asked for" {
	pad_token soft
	typed "$COMPANY_SO_PIN" 24682468 24682468
	done_by unblock --serial "$serial"
	says "enter on the reader: the SO PIN of token $serial, then its new PIN (" "twice"
	all_typed
	[[ $(called C_Login) == 1 && $(called C_InitPIN) == 1 ]]
	pin_is "$dir/new"
	typed 1111222233 97531246 97531246
	refused 4 "SO PIN of token $serial is wrong" unblock --serial "$serial"
	[[ $(called C_Login) == 1 && $(called C_InitPIN) == 0 ]]
	pin_is "$dir/new"
}

@test "a kind of token whose SO PIN no reader asks for gets it as before" {
	pad_token hsm
	unset FAULTY_PAD
	export FAULTY_RULE='C_GetTokenInfo:*:flags=PINPAD'
	done_by unblock --serial "$serial" "${pad[@]}" --so-pin-file "$dir/so" --new-pin-file "$dir/new"
	[[ $stderr != *"on the reader"* ]]
	pin_is "$dir/new"
}

# ---- init and wipe

@test "init: a blank token gets SO PIN and PIN on the reader, and none is made or kept" {
	blank
	typed "$COMPANY_SO_PIN" "$COMPANY_SO_PIN" "$COMPANY_SO_PIN" 24682468 24682468
	roll init --label "VPN token" --json
	[[ $status == 0 ]]
	says "enter on the reader: the blank token's new SO PIN, twice" "enter on the reader: the SO PIN of token"
	json "d['so_pin_in_escrow']" false "'pin' in d" false
	all_typed
	[[ $(called C_InitToken) == 1 && $(called C_Login) == 1 && $(called C_InitPIN) == 1 ]]
	serial=$(company_token_serial "$dir" "VPN token")
	pin_is "$dir/new"
	[[ $(db "select count(*) from escrow") == 0 ]]
}

@test "init that was cancelled before the PIN goes on with that, and initializes nothing again" {
	blank
	typed "$COMPANY_SO_PIN" "$COMPANY_SO_PIN"
	refused 4 "nothing was entered on the reader" init --label "VPN token"
	serial=$(company_token_serial "$dir" "VPN token")
	typed "$COMPANY_SO_PIN" 24682468 24682468
	done_by init --serial "$serial"
	all_typed
	[[ $(called C_InitToken) == 0 ]]
	pin_is "$dir/new"
}

@test "init of a used token asks the reader for its SO PIN, and wipe for the PIN" {
	pad_token soft
	typed "$COMPANY_SO_PIN" "$COMPANY_SO_PIN" 24682468 24682468
	refused 6 "--wipe" init --serial "$serial"
	[[ $(called C_InitToken) == 0 && $(called C_Login) == 0 ]]
	done_by init --wipe --serial "$serial" --confirm "$serial"
	all_typed
	serial=$(company_token_serial "$dir" "VPN token")
	pin_is "$dir/new"
	typed 24682468
	done_by wipe --serial "$serial" --confirm "$serial"
	all_typed
}

# ---- enroll

@test "an enrollment asks the reader for the PIN, to write and in the proof" {
	pad_token soft
	typed "$COMPANY_PIN" "$COMPANY_PIN"
	enroll --json
	json "d['proved']" true "'pin' in d" false
	says "enter the PIN on the reader"
	all_typed
}

@test "enroll --init: PIN and SO PIN of a blank token are entered on the reader; none is asked for, made or shown" {
	blank
	typed "$COMPANY_SO_PIN" "$COMPANY_SO_PIN" "$COMPANY_SO_PIN" 24682468 24682468 24682468 24682468
	done_by --init --json "${ca[@]}" alice
	says "its SO PIN and PIN are entered there, and neither is in escrow"
	json "d['proved']" true "d['initialized']" true "'pin' in d" false "'so_pin' in d" false
	all_typed
	serial=$(company_token_serial "$dir" alice)
	[[ $(db "select count(*) from escrow") == 0 && $(rows V) == 1 ]]
}

@test "enroll --init that was cancelled at the reader goes on with the same command" {
	blank
	typed "$COMPANY_SO_PIN" "$COMPANY_SO_PIN"
	refused 4 "nothing was entered on the reader" --init "${ca[@]}" alice
	typed "$COMPANY_SO_PIN" 24682468 24682468 24682468 24682468
	done_by --init "${ca[@]}" alice
	all_typed
	[[ $(called C_InitToken) == 0 && $(rows V) == 1 ]]
}

@test "an enrollment does not spend the last try at the reader without a yes" {
	pad_token soft
	typed "$COMPANY_PIN" "$COMPANY_PIN"
	FAULTY_RULE='C_GetTokenInfo:*:flags=FINAL_TRY' refused 4 "one PIN try left, which was not spent" \
		--serial "$serial" "${ca[@]}" alice
	FAULTY_RULE='C_GetTokenInfo:*:flags=LOCKED' refused 4 "is locked" --serial "$serial" "${ca[@]}" alice
	[[ $(called C_Login) == 0 ]]
	FAULTY_RULE='C_GetTokenInfo:*:flags=FINAL_TRY' enroll --last-try
	all_typed
}

@test "a factory PIN is replaced on the reader when the certificate is on the token" {
	pad_token hsm "pin=$HSM_FACTORY_PIN"
	export FAULTY_RULE='C_GetTokenInfo:*:flags=TO_BE_CHANGED'
	typed "$HSM_FACTORY_PIN" "$HSM_FACTORY_PIN" 24682468 24682468 24682468
	enroll "${pad[@]}"
	says "seems to have the factory's PIN: changed when the certificate is on the token" \
		"enter on the reader: the old PIN of token $serial"
	all_typed
	is pin-wrong 0
	pin_is "$dir/new"
}

#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031  # tests/lib/life.bash sets them, each test in its own shell
# What a person has to do at the token: touch it, type the PIN on the reader, give the PIN for each signature.

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

# wait_for WORD VALUE: until the card's status says so
wait_for() {
	local i
	for ((i = 0; i < 200; i++)); do
		[[ $(card_status 0 "$1") != "$2" ]] || return 0
		sleep 0.05
	done
	return 1
}

@test "a YubiKey that wants to be touched: it is said when the wait begins, and not before" {
	local pid rc=0
	life_token yubikey touch=always
	"${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$dir/tokenroll.conf" --serial "$serial" "${ca[@]}" \
		--new-pin-file "$dir/new" alice </dev/null >"$dir/out" 2>"$dir/err" 3>&- &
	pid=$!
	wait_for touch-wanted 1
	# "as soon as the wait begins", with a margin for a machine under load
	for _ in {1..9}; do
		! grep -q "touch the token" "$dir/err" || break
		sleep 0.1
	done
	cat "$dir/err"
	[[ $(card_status 0 touch-wanted) == 1 ]]
	grep -q "touch the token, if its light blinks" "$dir/err"
	card_ctl 0 touch-after 100
	card_ctl 0 touch
	wait "$pid"
	grep -q "alice is enrolled" "$dir/out"
}

@test "nobody touches it: it ends with a word about that, and the same command goes on" {
	local pid rc=0
	life_token yubikey touch=always
	"${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$dir/tokenroll.conf" --serial "$serial" "${ca[@]}" \
		--new-pin-file "$dir/new" alice </dev/null >"$dir/out" 2>"$dir/err" 3>&- &
	pid=$!
	wait_for touch-wanted 1
	sleep 0.6
	card_ctl 0 touch late
	wait "$pid" || rc=$?
	cat "$dir/err"
	((rc == 3))
	grep -q "touch the token, if its light blinks" "$dir/err"
	grep -q "it seems to have waited for a finger" "$dir/err"
	grep -q "touch the token while its light blinks; it goes on where it stopped" "$dir/err"
	card_ctl 0 touch-after 50
	enroll --new-pin-file "$dir/new"
	is keys 1 certificates 1 pin-wrong 0
	[[ $(rows V) == 1 ]]
}

@test "a key that wants the PIN for each signature is enrolled, and the PIN is typed once" {
	# 9a holds somebody's key, and 9c asks every time
	life_token yubikey foreign=9a:ec:P-256
	enroll --new-pin-file "$dir/new" --json
	json "d['cka_id']" '"02"' "d['proved']" true "'always-authenticate' in d['key_attributes']" true
	is keys 2 pin-wrong 0
	says "this key in 9c Digital Signature wants the PIN for each signature" "again when OpenVPN renews its keys"
	grep -q "wants it for each signature" "$dir/bundles/alice/guide.en.html"
	grep -q "für jede Signatur" "$dir/bundles/alice/guide.de.html"
	grep -q "для каждой подписи" "$dir/bundles/alice/guide.ru.html"
	done_by bundle alice
	grep -q "wants it for each signature" "$dir/bundles/alice/guide.en.html"
}

@test "of a key that does not want the PIN for each signature nothing is said" {
	life_token yubikey
	enroll --new-pin-file "$dir/new" --json
	json "d['cka_id']" '"01"' "'always-authenticate' in d['key_attributes']" false
	[[ $stderr != *"for each signature"* ]]
	run ! grep -q "for each signature" "$dir/bundles/alice/guide.en.html"
}

@test "a PIN pad: no PIN is asked for or sent, and it is said where to type it" {
	life_token soft
	export FAULTY_MODULE FAULTY_COUNT=$dir/log/count
	FAULTY_MODULE=$(company_softhsm)
	life_conf "token.module=$tools/libfaulty.so" "vpn.client-module-linux=$tools/libfaulty.so"
	FAULTY_RULE='C_GetTokenInfo:*:flags=PINPAD;C_Login:*:CKR_FUNCTION_CANCELED' roll --serial "$serial" "${ca[@]}" alice
	[[ $status != 0 && $status != 2 ]]
	says "reader"
	FAULTY_RULE='C_GetTokenInfo:*:flags=PINPAD' roll tokens --json
	json "one(d['tokens'], serial='$serial')['pin_pad']" true
}

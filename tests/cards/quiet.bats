#!/usr/bin/env bats
# shellcheck disable=SC2154  # bats sets $status and $output
# A token in another reader is nobody's business while one is enrolled: OpenSC sends it nothing.

setup() {
	load enroll.bash
}

teardown() {
	cards_stop
}

# others N: cards in readers 1 to N - 1, each of which has not been asked anything yet
others() {
	local k
	for ((k = 1; k < $1; k++)); do
		card_new sc-hsm "$k" "serial=OTHER00000$k" "pin=$COMPANY_PIN"
		card_ctl "$k" reset-count
	done
}

# asked N: how many APDUs the cards in readers 1 to N - 1 have got, in all
asked() {
	local k n=0
	for ((k = 1; k < $1; k++)); do
		n=$((n + $(card_ctl "$k" count)))
	done
	echo "$n"
}

# enroll_counting N OPTION...: the PIN is typed after the token was chosen, which is when $BEFORE is asked
enroll_counting() {
	local n=$1 pin
	shift
	mkfifo "$BATS_TEST_TMPDIR/pin"
	"${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$ENROLL/tokenroll.conf" --ca-pass-file "$ENROLL/ca.pass" --pin-fd 9 \
		alice "$@" 9<"$BATS_TEST_TMPDIR/pin" </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
	pin=$!
	{
		for ((i = 0; i < 400; i++)); do
			! grep -q '^alice, on token' "$BATS_TEST_TMPDIR/out" || break
			sleep 0.05
		done
		BEFORE=$(asked "$n")
		echo "$COMPANY_PIN"
	} >"$BATS_TEST_TMPDIR/pin"
	wait "$pin" || { cat "$BATS_TEST_TMPDIR/out" && return 1; }
}

@test "with --reader a second token gets no APDU at all from the very start" {
	enroll_company sc-hsm
	enroll_card 0
	others 2
	enroll alice --reader "$(cards_reader 0)"
	[[ $(asked 2) == 0 ]]
	enroll_check 0 alice
	enroll alice --reader "$(cards_reader 0)"
	enroll alice --reader "$(cards_reader 0)" --replace
	[[ $(asked 2) == 0 ]]
}

@test "with --serial a second token gets what it takes to learn its serial number, and after the choice no APDU" {
	enroll_company sc-hsm
	enroll_card 0
	others 2
	enroll_counting 2 --serial DECC0100001
	echo "asked before the choice: $BEFORE"
	((BEFORE > 0 && BEFORE <= 16))
	[[ $(asked 2) == "$BEFORE" ]]
	enroll_check 0 alice
}

@test "of eight readers with a token in each seven get no APDU with --reader" {
	enroll_company sc-hsm 8
	enroll_card 0 serial=EIGHT000000
	others 8
	enroll alice --reader "$(cards_reader 0)"
	[[ $(asked 8) == 0 ]]
	enroll_check 0 alice
}

@test "of eight tokens one is found by its serial number, and after the choice the others get no APDU" {
	enroll_company sc-hsm 8
	enroll_card 0 serial=EIGHT000000
	others 8
	enroll_counting 8 --serial EIGHT000000
	echo "asked before the choice: $BEFORE"
	((BEFORE <= 7 * 16))
	[[ $(asked 8) == "$BEFORE" ]]
	enroll_check 0 alice
	# and one of those that OpenSC by itself would not look at
	enroll bob --serial OTHER000007
}

@test "a YubiKey in another reader gets no APDU, either" {
	enroll_company piv
	company_conf "$ENROLL" "token.module=$(cards_module opensc)" "vpn.client-module-linux=$(cards_module opensc)"
	card_new piv 1 attestation=ec:P-256
	card_ctl 1 log "$BATS_TEST_TMPDIR/trace"
	card_new sc-hsm 0 "pin=$COMPANY_PIN"
	company_secret "$ENROLL/pin" "$COMPANY_PIN"
	enroll alice --reader "$(cards_reader 0)"
	[[ ! -s $BATS_TEST_TMPDIR/trace ]]
}

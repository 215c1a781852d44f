#!/usr/bin/env bats
# shellcheck disable=SC2154  # bats sets $status and $output
# Promise 2: first, do no harm. Somebody else's keys and certificates on a card are the same to the last bit, whatever
# tokenroll does and however it ends. Promise 5: what is on the way of that is not paid for with tries.

bats_require_minimum_version 1.5.0

setup() {
	load enroll.bash
}

teardown() {
	cards_stop
}

# enroll_broken SIGNAL: the parent gets it while the card makes the key
enroll_broken() {
	local pid
	card_ctl 0 delay-key 1500
	card_ctl 0 reset-count
	rm -f "$BATS_TEST_TMPDIR/trace"
	card_ctl 0 log "$BATS_TEST_TMPDIR/trace"
	"${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$ENROLL/tokenroll.conf" --ca-pass-file "$ENROLL/ca.pass" --pin-file \
		"$ENROLL/pin" "${ENROLL_SECRETS[@]}" alice </dev/null >"$BATS_TEST_TMPDIR/broken" 2>&1 3>&- &
	pid=$!
	for ((i = 0; i < 400; i++)); do
		! grep -q '[0-9] verify' "$BATS_TEST_TMPDIR/trace" || break
		sleep 0.02
	done
	sleep 0.4
	kill -"$1" "$pid"
	wait "$pid" || true
	cards_settled
	card_ctl 0 forget
	card_ctl 0 log off
}

# cards_settled: nothing is sent to the card any more
cards_settled() {
	local before=-1 now
	for ((i = 0; i < 100; i++)); do
		now=$(card_ctl 0 count)
		[[ $now != "$before" ]] || return 0
		before=$now
		sleep 0.5
	done
}

foreign_survives() {
	local wrong=$BATS_TEST_TMPDIR/wrong
	enroll_company "$1"
	enroll_card 0
	company_secret "$wrong" 111111

	# a wrong PIN, once
	run -4 enroll --pin-file "$wrong" alice
	[[ $(card_status 0 pin-wrong) == 1 ]]
	enroll_foreign_kept 0
	cmp "$CARDS_DIR/foreign-0" "$CARDS_DIR/now-0"

	# ended from outside while the key is made, by force and by Ctrl-C
	enroll_broken KILL
	enroll_foreign_kept 0
	enroll_broken INT
	enroll_foreign_kept 0

	# pulled soon after the key was made
	card_ctl 0 pull-at $(($(sed -n 's/^\([0-9]*\) generate a key\t.*/\1/p' "$BATS_TEST_TMPDIR/trace" | tail -n 1) + 6))
	run -3 enroll alice
	card_ctl 0 forget
	[[ $(card_status 0 inserted) == 1 ]] || card_ctl 0 insert
	enroll_foreign_kept 0

	enroll alice
	enroll_check 0 alice
	enroll alice
	enroll_check 0 alice
	enroll alice --replace
	enroll_check 0 alice
	[[ $(card_status 0 pin-wrong) == 1 && $(card_status 0 pin-tries) == 3 ]]
}

@test "somebody else's keys on a SmartCard-HSM survive a wrong PIN, broken runs, enrollment and --replace" {
	foreign_survives sc-hsm
}

@test "somebody else's keys on a YubiKey survive a wrong PIN, broken runs, enrollment and --replace" {
	foreign_survives piv
}

@test "a YubiKey whose places are somebody else's is refused, and stays as it is" {
	enroll_company piv
	enroll_card 0 foreign=9a:ec:P-256,9c:ec:P-256
	run -3 enroll alice
	[[ $output == *"no free place"* ]]
	enroll_foreign_kept 0
	cmp "$CARDS_DIR/foreign-0" "$CARDS_DIR/now-0"
}

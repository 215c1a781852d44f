#!/usr/bin/env bats
# Promise 3 for renew and rekey on a card with one place for a key's certificate. See sweep.bash. All that changes the card
# is hit, from both sides, so that each state in which it can be left is tried.

setup() {
	load sweep.bash
}

teardown() {
	cards_stop
}

@test "a SmartCard-HSM pulled before it executes any APDU leaves a renewal that the same command completes, with the profile as it was" {
	sweep_setup sc-hsm renew
	sweep 30 pull-at K
}

@test "a SmartCard-HSM pulled when it has just executed any APDU leaves a renewal that the same command completes, with the profile as it was" {
	sweep_setup sc-hsm renew
	sweep 0 pull-at K after
}

@test "a SmartCard-HSM pulled when it has just executed any APDU leaves a rekeying that the same command completes, with one new key" {
	sweep_setup sc-hsm rekey
	sweep 0 pull-at K after
}

# cut_off: a renewal that has written a part of its certificate, in the old one's place: OpenSC takes no other one under
# the key's CKA_ID then. The next run's APDUs count from 1.
cut_off() {
	sweep_reset
	card_ctl 0 pull-at "$begun" after
	sweep_enroll renew alice >"$BATS_TEST_TMPDIR/cut-off" 2>&1 && return 1
	card_ctl 0 forget
	card_ctl 0 insert
	card_ctl 0 reset-count
}

@test "a SmartCard-HSM pulled once more, while the same command goes on with a certificate that was cut off, has its key and profile in the end" {
	sweep_setup sc-hsm renew
	# an empty file is made first
	begun=$(awk '$2 == "delete" { deleted = 1 } deleted && $2 == "write" && ++n == 2 { print $1; exit }' "$SWEEP_WHOLE")
	cut_off
	card_ctl 0 log "$BATS_TEST_TMPDIR/going-on"
	sweep_enroll renew alice
	card_ctl 0 log off
	SWEEP_WHOLE=$BATS_TEST_TMPDIR/going-on
	for k in $(sweep_apdus 0); do
		cut_off
		card_ctl 0 pull-at "$k" after
		sweep_enroll renew alice >"$BATS_TEST_TMPDIR/first" 2>&1 && rc=0 || rc=$?
		card_ctl 0 forget
		sweep_second "APDU $k of the second run" "$rc"
	done
}

#!/usr/bin/env bats
# Promises 2, 3 and 5 for --init on a card that was never set up. See sweep.bash.

setup() {
	load sweep.bash
	sweep_setup sc-hsm init
}

teardown() {
	cards_stop
}

@test "a SmartCard-HSM pulled before it executes any APDU leaves an --init that the same command completes, and PINs that are known" {
	sweep 2 pull-at K
}

@test "a SmartCard-HSM pulled when it has just executed any APDU leaves an --init that the same command completes, and PINs that are known" {
	sweep 0 pull-at K after
}

@test "a SmartCard-HSM that refuses any APDU, or answers with noise or half, leaves an --init that the same command completes, and PINs that are known" {
	sweep_answers 0 6F00 6982 6983 6A84 truncated garbage
}

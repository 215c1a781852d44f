#!/usr/bin/env bats
# Promise 3: nothing is lost. See sweep.bash.

setup() {
	load sweep.bash
	sweep_setup piv
}

teardown() {
	cards_stop
}

@test "a YubiKey pulled before it executes any APDU leaves an enrollment that the same command completes" {
	sweep 3 pull-at K
}

@test "a YubiKey pulled when it has just executed any APDU leaves an enrollment that the same command completes" {
	sweep 0 pull-at K after
}

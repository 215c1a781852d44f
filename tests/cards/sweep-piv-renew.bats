#!/usr/bin/env bats
# Promise 3 for renew on a card with one place for a key's certificate. See sweep.bash.

setup() {
	load sweep.bash
	sweep_setup piv renew
}

teardown() {
	cards_stop
}

@test "a YubiKey pulled before it executes any APDU leaves a renewal that the same command completes, with the profile as it was" {
	sweep 30 pull-at K
}

@test "a YubiKey pulled when it has just executed any APDU leaves a renewal that the same command completes, with the profile as it was" {
	sweep 0 pull-at K after
}

#!/usr/bin/env bats
# Promises 2, 3 and 5 for a card with the factory's PINs: the new ones are known to somebody whenever the card has them. See sweep.bash.

setup() {
	load sweep.bash
	sweep_setup piv factory
}

teardown() {
	cards_stop
}

@test "a YubiKey pulled before it executes any APDU leaves replaced PINs that are known, and the same command completes it" {
	sweep 15 pull-at K
}

@test "a YubiKey pulled when it has just executed any APDU leaves replaced PINs that are known, and the same command completes it" {
	sweep 0 pull-at K after
}

@test "a YubiKey that refuses any APDU, or answers with noise or half, leaves replaced PINs that are known, and the same command completes it" {
	sweep_answers 0 6F00 6982 6983 6A84 truncated garbage
}

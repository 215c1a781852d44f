#!/usr/bin/env bats
# Promises 2, 3 and 5 for --replace: a new key for a user who has one on this card. See sweep.bash.

setup() {
	load sweep.bash
	sweep_setup piv replace
}

teardown() {
	cards_stop
}

@test "a YubiKey pulled before it executes any APDU leaves a --replace that the same command completes, with one new certificate" {
	sweep 15 pull-at K
}

@test "a YubiKey pulled when it has just executed any APDU leaves a --replace that the same command completes, with one new certificate" {
	sweep 0 pull-at K after
}

@test "a YubiKey that refuses any APDU, or answers with noise or half, leaves a --replace that the same command completes, with one new certificate" {
	sweep_answers 0 6F00 6982 6983 6A84 truncated garbage
}

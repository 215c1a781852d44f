#!/usr/bin/env bats
# Promises 2, 3 and 5, whatever a card answers. See sweep.bash.

setup() {
	load sweep.bash
	sweep_setup piv
}

teardown() {
	cards_stop
}

@test "any APDU that a YubiKey refuses, or answers with noise or half, leaves an enrollment that the same command completes" {
	sweep_answers 4 6F00 6982 6983 6A84 truncated garbage
}

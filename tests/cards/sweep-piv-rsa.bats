#!/usr/bin/env bats
# Promises 2, 3 and 5 for RSA keys. See sweep.bash.

setup() {
	load sweep.bash
	sweep_setup piv rsa
}

teardown() {
	cards_stop
}

@test "a YubiKey pulled before it executes any APDU leaves an enrollment with RSA that the same command completes" {
	sweep 0 pull-at K
}

@test "a YubiKey pulled when it has just executed any APDU leaves an enrollment with RSA that the same command completes" {
	sweep 0 pull-at K after
}

@test "a YubiKey that refuses any APDU, or answers with noise or half, leaves an enrollment with RSA that the same command completes" {
	sweep_answers 0 6F00 6982 6983 6A84 truncated garbage
}

#!/usr/bin/env bats
# Promise 3: nothing is lost. See sweep.bash.

setup() {
	source "$BATS_TEST_DIRNAME/sweep.bash"
	sweep_setup enroll
}

teardown() {
	sweep_teardown
}

@test "a full token at any PKCS#11 call leaves an enrollment that the same command completes" {
	sweep_calls CKR_DEVICE_MEMORY 1 8
}

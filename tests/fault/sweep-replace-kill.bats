#!/usr/bin/env bats
# Promise 3: nothing is lost. See sweep.bash.

setup() {
	source "$BATS_TEST_DIRNAME/sweep.bash"
	sweep_setup replace
}

teardown() {
	sweep_teardown
}

@test "a worker killed at any call of --replace leaves what the same command completes, with one new certificate" {
	sweep_calls kill 1 10
}

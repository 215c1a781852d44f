#!/usr/bin/env bats
# Promise 3: nothing is lost. See sweep.bash.

setup() {
	source "$BATS_TEST_DIRNAME/sweep.bash"
	sweep_setup enroll
}

teardown() {
	sweep_teardown
}

# At every fifth change unless TOKENROLL_ALL asks for each.
@test "a process killed before any change on the disk leaves an enrollment that the same command completes" {
	local step=5
	[[ -z ${TOKENROLL_ALL:-} ]] || step=1
	sweep_effects "$step"
}

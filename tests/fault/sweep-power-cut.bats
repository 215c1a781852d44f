#!/usr/bin/env bats
# Promise 3: nothing is lost. See sweep.bash.

setup() {
	source "$BATS_TEST_DIRNAME/sweep.bash"
	sweep_setup enroll
}

teardown() {
	sweep_teardown
}

# What one process leaves behind is swept change by change in sweep-effects.bats; here all die at once, at every eighth
# change unless TOKENROLL_ALL asks for each.
@test "a power cut after a change on the disk leaves an enrollment that the same command completes" {
	local step=8
	[[ -z ${TOKENROLL_ALL:-} ]] || step=1
	sweep_effects "$step" KILLAT_GROUP=1 KILLAT_AFTER=1
}

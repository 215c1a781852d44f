#!/usr/bin/env bats
# Promise 3: nothing is lost, and there is no moment at which alice has no working certificate. See sweep_takeover.bash.
# Every 30th call is hit, by each failure at other ones, unless TOKENROLL_ALL asks for all.

setup() {
	# shellcheck source=tests/fault/sweep_takeover.bash
	source "$BATS_TEST_DIRNAME/sweep_takeover.bash"
	takeover_setup renew
}

teardown() {
	sweep_teardown
}

@test "a worker killed at any call of a renewal leaves a certificate that works, and what the same command completes" {
	takeover_calls kill 1
}

@test "tokenroll killed at any call of a renewal leaves a certificate that works, and what the same command completes" {
	takeover_calls kill-parent 8
}

@test "a token pulled at any call of a renewal has a certificate that works, and the same command completes it" {
	takeover_calls CKR_DEVICE_REMOVED 16
}

@test "a general error at any call of a renewal leaves a certificate that works, and what the same command completes" {
	takeover_calls CKR_GENERAL_ERROR 23
}

@test "a process killed before a change on the disk leaves a certificate that works, and what the same command completes" {
	local step=53
	[[ -z ${TOKENROLL_ALL:-} ]] || step=1
	sweep_effects "$step"
}

@test "a power cut after a change on the disk leaves a certificate that works, and what the same command completes" {
	local step=71
	[[ -z ${TOKENROLL_ALL:-} ]] || step=1
	sweep_effects "$step" KILLAT_GROUP=1 KILLAT_AFTER=1
}

#!/usr/bin/env bats
# Promise 3: nothing is lost, also not a token that was initialized halfway. See sweep.bash. From the key pair on the
# calls are those of every enrollment and swept elsewhere; up to there every other one is hit, by one of the four failures,
# unless TOKENROLL_ALL asks for each and all.

setup() {
	source "$BATS_TEST_DIRNAME/sweep.bash"
	PATH=$PATH:/usr/sbin:/sbin
	sweep_setup init
}

teardown() {
	sweep_teardown
}

@test "a failure in or after the very calls that set a token up leaves one that the same command completes" {
	local function action
	for function in C_InitToken C_InitPIN; do
		for action in kill kill-after kill-parent kill-parent-after CKR_DEVICE_REMOVED after:CKR_DEVICE_REMOVED \
			CKR_GENERAL_ERROR after:CKR_GENERAL_ERROR; do
			sweep_rule "$function ($action)" "$function:1:$action"
			[[ $SWEEP_FIRED == 1 ]]
		done
	done
}

@test "a killed worker at any PKCS#11 call leaves a token that the same command completes" {
	sweep_calls kill 1 8 key
}

@test "tokenroll itself killed at any PKCS#11 call leaves a token that the same command completes" {
	sweep_calls kill-parent 3 8 key
}

@test "a token pulled at any PKCS#11 call is completed by the same command" {
	sweep_calls CKR_DEVICE_REMOVED 5 8 key
}

@test "a general error at any PKCS#11 call leaves a token that the same command completes" {
	sweep_calls CKR_GENERAL_ERROR 7 8 key
}

@test "a process killed before a change on the disk leaves a token that the same command completes" {
	local step=41
	[[ -z ${TOKENROLL_ALL:-} ]] || step=1
	sweep_effects "$step"
}

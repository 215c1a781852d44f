#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031  # tests/lib/life.bash sets them, each test in its own shell
# Readers: those with a name too long for a slot's description, that another program holds, and with a card that does
# not answer.

bats_require_minimum_version 1.5.0

setup_file() {
	load ../lib/life.bash
	life_file
}

setup() {
	load ../lib/life.bash
	life_setup
}

teardown() {
	life_teardown
}

LONG="HID Global OMNIKEY 3x21 Smart Card Reader [OMNIKEY 3x21 Smart Card Reader]"

# long_hsm [NAME=VALUE...]: a SmartCard-HSM in a reader with a long name
long_hsm() {
	cards_start 2 "$LONG"
	card_new sc-hsm 0 "$@"
	serial=DECC0100001 old=$dir/old
	secret old "$HSM_PIN"
	life_conf "token.module=$(cards_module opensc)"
}

@test "a token in a reader whose name is longer than a slot's description is one token, and is enrolled" {
	long_hsm
	life_conf
	done_by tokens --json
	json "[t['reader'] for t in d['tokens'] if t['profile']['id'] != 'softhsm2']" "[\"$(cards_reader 0)\"]" "d['readers'][0]['known']" true
	enroll --pin-file "$old"
	done_by pin --reader "$(cards_reader 0)" --pin-file "$old" --new-pin-file "$dir/new"
}

@test "two cards in readers whose names begin alike are told apart, and only the one that is meant hears anything" {
	long_hsm
	card_new sc-hsm 1 serial=OTHER000001
	done_by tokens --json
	json "one(d['tokens'], serial='DECC0100001')['reader']" "\"$(cards_reader 0)\"" \
		"one(d['tokens'], serial='OTHER000001')['reader']" "\"$(cards_reader 1)\""
	done_by --reader "$(cards_reader 1)" "${ca[@]}" --pin-file "$old" bob
	is keys 0
	[[ $(card_status 1 keys) == 1 ]]
}

#!/usr/bin/env bats
# shellcheck disable=SC2154  # bats sets $status and $output
# Several readers at once: what OpenSC sees of them, and what it sends to which card.

bats_require_minimum_version 1.5.0

setup() {
	load cards.bash
	DIR=$BATS_TEST_TMPDIR
}

teardown() {
	cards_stop
}

# list_slots: OpenSC's own idea of all the readers
list_slots() {
	pkcs11-tool --module "$(cards_module opensc)" --list-slots
}

@test "eight readers at once have each their card, and each card its own keys" {
	local k
	cards_start 8
	for k in {0..7}; do card_new sc-hsm "$k" "serial=EIGHT00000$k" & done
	wait
	[[ $(cards_tool readers list | grep -c present) == 8 ]]
	for k in {0..7}; do
		card_pkcs11 "$k" --login --pin 648219 --keypairgen --key-type EC:prime256v1 --id "0$k" >"$DIR/$k" 2>&1 &
	done
	wait
	for k in {0..7}; do
		grep -q "Key pair generated" "$DIR/$k"
		[[ $(card_status "$k" keys) == 1 && $(card_status "$k" pin-wrong) == 0 ]]
		[[ $(card_pkcs11 "$k" --list-slots) == *"EIGHT00000$k"* ]]
		[[ $(card_pkcs11 "$k" --list-objects --type pubkey) == *"ID: "*"0$k"* ]]
	done
}

@test "a reader that OpenSC is told to ignore gets no APDU at all" {
	cards_start 4
	card_new sc-hsm 0 serial=FIRST000001
	card_new sc-hsm 3 serial=OTHER000001
	list_slots >/dev/null
	(($(card_ctl 3 count) > 0))
	card_ctl 3 reset-count
	card_pkcs11 0 --login --pin 648219 --keypairgen --key-type EC:prime256v1 --id 01
	card_pkcs11 0 --login --pin 648219 --list-objects
	(($(card_ctl 0 count) > 20))
	[[ $(card_ctl 3 count) == 0 ]]
}

@test "with its defaults OpenSC sees the first four readers, and a later one when the others are ignored" {
	cards_start 8
	card_new sc-hsm 3 serial=FOURTH00001
	card_new sc-hsm 7 serial=EIGHTH00001
	list_slots >"$DIR/slots"
	grep -q FOURTH00001 "$DIR/slots"
	run ! grep -q EIGHTH00001 "$DIR/slots"
	[[ $(card_pkcs11 7 --list-slots) == *EIGHTH00001* ]]
}

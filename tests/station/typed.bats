#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154  # bats and station.bash set them
# Tokens with a PIN that no file has: whoever has it types it at the screen, and --pins says what becomes of it.

bats_require_minimum_version 1.5.0

setup_file() {
	export COMPANY_CACHE=$BATS_FILE_TMPDIR/cache
}

setup() {
	load station.bash
	load screen.bash
	PATH=$PATH:/usr/sbin:/sbin
	station_cards 1
	station_roster user,name,language alice,Alice,en
	mkdir "$DIR/printed"
	printf '#!/bin/sh\ncat >"%s/printed/letter"\n' "$DIR" >"$DIR/printer"
	chmod +x "$DIR/printer"
	station_conf "letter.command=$DIR/printer"
}

teardown() {
	screen_end
	station_stop
}

# begin HOW: a station, and a card with a PIN at its only reader
begin() {
	screen_start --pins "$1"
	screen_shows "Put the first token"
	station_card 0
}

present_pin() {
	screen_shows "Please type the PIN that the token has now"
	screen_keys "$COMPANY_PIN" Enter
}

opens() {
	card_pkcs11 0 --login --pin "$1" --list-objects --type privkey | grep -q "Private Key"
}

@test "random: it gets another one, which the letter has" {
	begin random
	present_pin
	screen_shows "PULL: DONE"
	screen_wait 10 test -s "$DIR/printed/letter"
	pin=$(pdftotext -raw "$DIR/printed/letter" - | grep -oE '^[0-9][0-9 ]{5,20}$' | tr -d ' \n')
	[[ $pin != "$COMPANY_PIN" ]]
	opens "$pin"
}

@test "random: of one that is undone and had no known PIN before, the PIN of its letter stays, and that is said" {
	begin random
	present_pin
	screen_shows "letter of alice is printed"
	screen_keys u
	screen_shows "y yes"
	screen_keys y
	screen_shows "UNDONE: empty, but keep its PIN"
	pin=$(pdftotext -raw "$DIR/printed/letter" - | grep -oE '^[0-9][0-9 ]{5,20}$' | tr -d ' \n')
	card_pkcs11 0 --login --pin "$pin" --list-objects
}

@test "random: pulled out before it has got it, it is asked for the present one again" {
	begin random
	card_ctl 0 delay-key 2000
	present_pin
	screen_shows "key pair"
	card_ctl 0 pull
	screen_shows "FAILED"
	card_ctl 0 delay-key 0
	card_ctl 0 insert
	present_pin
	screen_shows "PULL: DONE"
	[[ $(card_status 0 pin-wrong) == 0 ]]
}

@test "typed: whoever gets it types it, twice" {
	begin typed
	present_pin
	screen_shows "Please choose a PIN for your token, and type it twice"
	screen_keys 86420975 Enter 86420975 Enter
	screen_shows "PULL: DONE"
	opens 86420975
}

@test "keep: it stays" {
	begin keep
	present_pin
	screen_shows "PULL: DONE"
	opens "$COMPANY_PIN"
}

@test "pad: at a reader without one no PIN is asked for, and that is said" {
	begin pad
	screen_shows "which has no PIN pad"
	screen_shows "What to do: put it into a reader with a PIN pad"
	[[ $(card_status 0 pin-wrong) == 0 ]]
	card_pkcs11 0 --login --pin "$COMPANY_PIN" --list-objects
}

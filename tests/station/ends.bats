#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2153,SC2154  # bats, station.bash and the printer set or expand them
# A station that is told to end does so, whatever hangs: the third time at once, and letters wait for the next run.

bats_require_minimum_version 1.5.0

setup_file() {
	export COMPANY_CACHE=$BATS_FILE_TMPDIR/cache
}

setup() {
	load station.bash
	load screen.bash
	PATH=$PATH:/usr/sbin:/sbin
	station_cards 2
	station_roster user alice bob
}

teardown() {
	screen_end
	station_stop
}

# hanging_card K: it makes no key within the next 20 seconds
hanging_card() {
	card_process sc-hsm "$1" "pin=$COMPANY_PIN" "so-pin=$COMPANY_SO_PIN" "serial=STAT00000$1" &&
		card_ctl "$1" delay-key 20000 && card_ctl "$1" insert
}

# children: of the station, and of those that enroll
children() {
	local of
	of=$(pgrep -P "$1" -f 'tokenroll-(enroller|letter)$' | paste -sd,)
	[[ -z $of ]] || printf '%s\n' "${of//,/$'\n'}" $(pgrep -P "$of")
}

are_gone() {
	local pid
	for pid; do
		! kill -0 "$pid" 2>/dev/null || return 1
	done
}

@test "told a third time it ends at once, also if nothing obeys, and says so; that can be gone on with" {
	local pids
	hanging_card 0
	station_start
	station_says "alice  .*key\|for alice"
	hanging_card 1
	station_says "for bob"
	sleep 1
	mapfile -t pids < <(children "$STATION")
	((${#pids[@]} >= 4))
	kill -STOP "${pids[1]}" # an enroller
	kill -INT "$STATION"
	station_says "is finished"
	kill -INT "$STATION"
	station_says "is broken off"
	kill -TERM "$STATION"
	station_says "is ended at once"
	station_ended 8
	((STATUS == 7))
	station_says "start it again with the same command"
	are_gone "${pids[0]}" "${pids[1]}"
	card_ctl 0 delay-key 0
	card_ctl 1 delay-key 0
	screen_wait 40 are_gone "${pids[@]}"
	sleep 16 # a card that is busy answers nobody
	station_start
	station_says "alice  done"
	station_says "bob  done"
	station_ended
	((STATUS == 0))
	[[ $(holder 0) == alice && $(holder 1) == bob ]]
	[[ $(grep -c ^V "$DIR/pki/index.txt") == 3 ]]
}

@test "the third Ctrl-C at a screen ends it at once, and the terminal is as before" {
	hanging_card 0
	screen_start --pins keep --pin-file "$DIR/pin"
	screen_shows "key pair"
	screen_keys C-c
	screen_shows "End the station?"
	screen_keys C-c
	screen_shows "Ctrl-C ends the station at once"
	screen_keys C-c
	screen_shows "exit status 7" 8
	screen_has "it goes on where it stopped"
	screen_wait 5 test -s "$DIR/log/stty"
	grep -q "[^-]icanon" "$DIR/log/stty"
}

# printer SECONDS
printer() {
	printf '#!/bin/sh\nsleep %s\ncat >"%s/printed/$$"\n' "$1" "$DIR" >"$DIR/printer"
}

hang_printer() {
	mkdir "$DIR/printed"
	printer 100
	chmod +x "$DIR/printer"
	station_conf "letter.command=$DIR/printer" letter.timeout=120
	station_card 0
}

must_be_printed_next_time() {
	printer 0
	station_start --pins random
	station_says "the PIN letter of alice is printed"
	kill -TERM "$STATION"
	station_ended
	[[ $(find "$DIR/printed" -type f | wc -l) == 1 ]]
	company_tokenroll "$DIR" audit --verify
}

@test "a printer that hangs at the end is not waited for when Ctrl-C is pressed; its letter waits, and that is said" {
	hang_printer
	station_start --pins random
	station_says "alice  done"
	kill -INT "$STATION"
	station_says "is finished"
	sleep 1
	kill -0 "$STATION"
	kill -INT "$STATION"
	station_ended 6
	((STATUS == 0))
	station_says "the PIN letter of alice waits, encrypted"
	station_says "look whether it came out"
	must_be_printed_next_time
}

@test "at a screen it is said that the printer is waited for, and Ctrl-C ends that" {
	hang_printer
	screen_start --pins random --pin-file "$DIR/pin"
	screen_shows "PULL: DONE"
	screen_keys q
	screen_shows "The station ends when the PIN letter of alice is printed."
	screen_keys C-c
	screen_shows "exit status 0" 6
	screen_end
	must_be_printed_next_time
}

is_taken_back() {
	[[ $(sqlite3 "$DIR/tokenroll.db" "SELECT state FROM roster_people WHERE user = 'alice'") != "done" ]]
}

@test "what is taken back while the last letter is in the printer is taken back to its end" {
	printf '#!/bin/sh\nwhile [ ! -e "%s/go" ]; do sleep 0.1; done\ncat >/dev/null\n' "$DIR" >"$DIR/printer"
	chmod +x "$DIR/printer"
	station_conf "letter.command=$DIR/printer"
	card_process sc-hsm 0 "pin=$COMPANY_PIN" "so-pin=$COMPANY_SO_PIN" serial=STAT000000
	card_ctl 0 insert
	(umask 077 && printf '%s\n' "$COMPANY_SO_PIN" >"$DIR/so-pin")
	screen_start -s 120x24 --pins random --pin-file "$DIR/pin" --so-pin-file "$DIR/so-pin"
	screen_shows "PULL: DONE"
	card_ctl 0 delay 60
	screen_keys q
	screen_shows "The station ends when the PIN letter of alice is printed."
	screen_keys u
	screen_shows "y yes"
	screen_keys y
	screen_wait 15 is_taken_back
	touch "$DIR/go"
	screen_shows "exit status 0" 60
	grep -q "^R.*/CN=alice$" "$DIR/pki/index.txt"
	[[ $(card_status 0 keys) == 0 && $(people delivered) == "" ]]
	[[ $(sqlite3 "$DIR/tokenroll.db" "SELECT state FROM roster_people WHERE user = 'alice'") == waiting ]]
}

#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2153,SC2154  # bats and station.bash set them
# PINs that the station makes: each is told to one person, on paper, when the token was proven, and to nobody else.

bats_require_minimum_version 1.5.0

setup_file() {
	export COMPANY_CACHE=$BATS_FILE_TMPDIR/cache
}

setup() {
	load station.bash
	load screen.bash
	PATH=$PATH:/usr/sbin:/sbin
	station_cards 2
	station_card 0
	station_roster user,name,language alice,Алиса,ru bob,Bob,de
	mkdir "$DIR/printed"
	cat >"$DIR/printer" <<-SH
		#!/bin/sh
		[ ! -e "$DIR/no-printer" ] || { echo "out of paper" >&2; exit 1; }
		cat >"$DIR/printed/\$(date +%s%N)"
	SH
	chmod +x "$DIR/printer"
	station_conf "letter.command=$DIR/printer"
}

teardown() {
	screen_end
	station_stop
}

# letters N: waits for so many on paper
letters() {
	local i
	for ((i = 0; i < 200; i++)); do
		[[ $(find "$DIR/printed" -type f -size +0 | wc -l) != "$1" ]] || return 0
		sleep 0.05
	done
	find "$DIR/printed" -type f
	cat "$DIR/log/station"
	return 1
}

# pin_of NAME: the PIN in the letter of whoever has this name
pin_of() {
	local f
	for f in "$DIR"/printed/*; do
		pdftotext -layout "$f" - | grep -q "$1" || continue
		pdftotext -raw "$f" - | grep -oE '^[0-9][0-9 ]{5,20}$' | tr -d ' \n'
	done
}

opens() {
	card_pkcs11 "$1" --login --pin "$2" --list-objects >/dev/null 2>&1
}

@test "a token that came with everybody's PIN goes out with one of its own, which its letter says, once" {
	station_card 1
	station --pins random
	((status == 0))
	letters 2
	alice=$(pin_of Алиса) bob=$(pin_of Bob)
	[[ -n $alice && -n $bob && $alice != "$bob" ]]
	for k in 0 1; do
		pin=$alice
		[[ $(holder $k) == alice ]] || pin=$bob
		opens $k "$pin"
	done
	company_tokenroll "$DIR" audit --csv | grep -c letter-printed | grep -qx 2
	# a second run prints nothing
	station --pins random
	letters 2
	run ! grep -a -e "$alice" -e "$bob" "$DIR"/tokenroll.db* "$DIR/log/station"
}

@test "a letter says until when the certificate is valid, in the language of its person" {
	station_card 1
	station_roster user,name,language alice,Алиса,ru bob,Bob,de
	station --pins random
	letters 2
	for user in alice bob; do
		until=$(date -u -d "$(openssl x509 -in "$DIR/pki/issued/$user.crt" -noout -enddate | cut -d= -f2)" +%F)
		name=$([[ $user == bob ]] && echo Bob || echo Алиса)
		for f in "$DIR"/printed/*; do
			! pdftotext "$f" - | grep -q "$name" || pdftotext "$f" - | tr '\n' ' ' | grep -E "(Ihr Zugang gilt bis|Доступ действует до) +$until"
		done | grep -q "$until"
	done
}

@test "no letter is printed before the proof, and after a kill the token gets the PIN that was made for it" {
	card_ctl 0 delay 40
	station_start --pins random
	station_says "alice  onto the token"
	sleep 0.3
	kill -KILL "$STATION"
	station_ended
	letters 0
	card_ctl 0 delay 0
	station_card 1
	station_start --pins random
	station_says "alice  done"
	station_says "bob  done"
	station_ended
	letters 2
	opens 0 "$(pin_of Алиса)"
	[[ $(holder 0) == alice ]]
}

@test "without a printer letters wait, sealed, and are printed when there is one" {
	touch "$DIR/no-printer"
	station_card 1
	station --pins random
	((status == 0))
	[[ $output == *"waits, encrypted"* && $output == *"out of paper"* ]]
	letters 0
	rm "$DIR/no-printer"
	station --pins random
	letters 2
	opens 0 "$(pin_of "$([[ $(holder 0) == alice ]] && echo Алиса || echo Bob)")"
	(($(company_tokenroll "$DIR" audit --csv | grep -c letter-begun) > 2))
}

@test "letters that cannot be read when they are due are tried again" {
	touch "$DIR/no-printer"
	station_roster user,name,language alice,Alice,en
	station --pins random
	letters 0
	rm "$DIR/no-printer"
	station_roster user,name,language alice,Alice,en bob,Bob,de
	card_ctl 0 pull
	sqlite3 "$DIR/tokenroll.db" "ALTER TABLE letters RENAME TO hidden"
	station_start --pins random
	station_says "reader"
	sleep 1
	sqlite3 -cmd ".timeout 5000" "$DIR/tokenroll.db" "ALTER TABLE hidden RENAME TO letters"
	station_says "letter of alice is printed" 40
	letters 1
	kill -TERM "$STATION"
	station_ended
}

@test "PINs at random are refused before the first token where no letter can be printed" {
	station_conf "letter.command="
	card_ctl 0 reset-count
	station --pins random
	((status == 2))
	[[ $output == *"letter"* && $(card_ctl 0 count) == 0 ]]
}

# on_the_token: alice's token is finished with the PIN of her letter, and the station is killed before the roster says so
on_the_token() {
	card_ctl 0 delay 20
	station_start --pins random
	station_says "alice  onto the token"
	sqlite3 -cmd ".timeout 5000" "$DIR/tokenroll.db" "CREATE TRIGGER full BEFORE UPDATE ON roster_people
		WHEN NEW.state = 'done' BEGIN SELECT RAISE(ABORT, 'full'); END"
	station_says "alice  FAILED"
	kill -KILL "$STATION"
	station_ended
	sqlite3 -cmd ".timeout 5000" "$DIR/tokenroll.db" "DROP TRIGGER full"
	card_ctl 0 delay 0
}

outside() {
	"${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$DIR/tokenroll.conf" "$@" --ca-pass-file "$DIR/ca.pass" </dev/null
}

# waits N: so many letters, by status and by the report
waits() {
	[[ $(outside status --json | jq '[.findings[] | select(.topic == "letters")] | length') == "$1" ]]
	outside report --json "$DIR/roster.csv" | jq -e ".summary.letters_to_print == $1"
}

@test "the letter of somebody who was finished outside is told, and the next station prints it, without the token" {
	on_the_token
	outside enroll alice
	waits 1
	card_ctl 0 pull
	station_start --pins random
	station_says "the PIN letter of alice is printed"
	kill -TERM "$STATION"
	station_ended
	letters 1
	waits 0
	card_ctl 0 insert
	opens 0 "$(pin_of Алиса)"
}

@test "the letter of somebody who was finished outside on another PIN is not printed" {
	on_the_token
	outside enroll alice
	waits 1
	printf '%s\n' "$COMPANY_SO_PIN" >"$DIR/so"
	printf '86420975\n' >"$DIR/new"
	chmod 600 "$DIR/so" "$DIR/new"
	outside unblock --serial STAT000000 --so-pin-file "$DIR/so" --new-pin-file "$DIR/new"
	waits 0
	card_ctl 0 pull
	station_start --pins random
	station_says reader
	sleep 1
	kill -TERM "$STATION"
	station_ended
	letters 0
}

@test "a token that was finished with the PIN of its letter is done when it comes back, and the letter is printed" {
	on_the_token
	station_start --pins random
	station_says "alice  done"
	station_says "the PIN letter of alice is printed"
	kill -TERM "$STATION"
	station_ended
	opens 0 "$(pin_of Алиса)"
}

@test "why a letter waits, and what to do, can be read on a small screen until it is printed, and at the end" {
	touch "$DIR/no-printer"
	screen_start --pins random --pin-file "$DIR/pin"
	screen_shows "the PIN letter of alice waits: out of paper"
	screen_shows "(out of paper)"
	screen_shows "What to do: see to it that the printer works"
	screen_shows "w why"
	screen_keys w
	screen_shows "any key: back"
	screen_text | tr -s ' \n' ' ' | grep -F "the PIN letter of alice waits, encrypted" | grep -F "(out of paper)" | grep -F "What to do:"
	screen_keys x
	screen_shows "p print again"
	rm "$DIR/no-printer"
	screen_keys p
	screen_shows "the PIN letter of alice is printed"
	screen_shows_not "(out of paper)"
	screen_shows_not "w why"
	touch "$DIR/no-printer"
	station_card 1
	screen_shows "the PIN letter of bob waits: out of paper"
	screen_keys q
	screen_shows "exit status 0"
	screen_shows "1 waits to be printed: bob"
	screen_text | tr -s ' \n' ' ' | grep -F "printer failed (out of paper)" | grep -F "What to do: see to it that the printer works"
}

#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2030,SC2031,SC2153,SC2154  # bats and station.bash set them
# A PIN is sacred at a station, too: none is sent twice by itself, and what a token has got can be found.

bats_require_minimum_version 1.5.0

setup_file() {
	export COMPANY_CACHE=$BATS_FILE_TMPDIR/cache
}

setup() {
	load station.bash
	PATH=$PATH:/usr/sbin:/sbin
	station_cards 2
	station_roster user,name,language alice,Alice,en bob,Bob,de
	mkdir "$DIR/printed"
	printer 0
	station_conf "letter.command=$DIR/printer"
}

teardown() {
	station_stop
}

# printer SECONDS: one that takes so long
printer() {
	printf '#!/bin/sh\nsleep %s\ncat >"%s/printed/$(date +%%s%%N)"\n' "$1" "$DIR" >"$DIR/printer"
	chmod +x "$DIR/printer"
}

letters() {
	find "$DIR/printed" -type f -size +0 | wc -l
}

wrong() {
	card_status "$1" pin-wrong
}

# letter_without_token: alice's letter is kept, and everything is killed before card 0 has its PIN
letter_without_token() {
	local i
	station_card 0
	card_ctl 0 delay 60
	station_start --pins random
	for ((i = 0; i < 400; i++)); do
		[[ $(sqlite3 "$DIR/tokenroll.db" 'SELECT count(*) FROM letters' 2>/dev/null) != 1 ]] || break
		sleep 0.02
	done
	kill -KILL "$STATION"
	card_ctl 0 pull
	station_ended
	card_ctl 0 delay 0
}

# forgotten: what the audit trail and the database say of alice's letter
forgotten() {
	company_tokenroll "$DIR" audit --csv | grep -q letter-dropped &&
		[[ $(sqlite3 "$DIR/tokenroll.db" 'SELECT count(*) FROM letters WHERE sealed IS NOT NULL') == 0 ]]
}

@test "a letter whose PIN the token never got is not printed, and its PIN is forgotten" {
	letter_without_token
	station_start --pins keep
	card_ctl 0 insert
	station_says "alice  done"
	kill -TERM "$STATION"
	station_ended
	card_pkcs11 0 --login --pin "$COMPANY_PIN" --list-objects
	forgotten
	station_start --pins random
	sleep 1
	kill -TERM "$STATION"
	station_ended
	[[ $(letters) == 0 ]]
}

@test "the PIN of a letter that a token has refused is never sent again, in no run" {
	cards_tries_meant
	letter_without_token
	card_ctl 0 insert
	company_tokenroll "$DIR" enroll alice --pin-file "$DIR/pin" --ca-pass-file "$DIR/ca.pass"
	card_ctl 0 pull
	station_start --pins random
	card_ctl 0 insert
	station_says "alice  FAILED"
	[[ $(wrong 0) == 1 ]]
	kill -TERM "$STATION"
	station_ended
	card_ctl 0 pull
	station_start --pins random
	card_ctl 0 insert
	station_says "alice  done"
	kill -TERM "$STATION"
	station_ended
	[[ $(wrong 0) == 1 && $(letters) == 0 ]]
	forgotten
}

@test "a token that was proven with its new PIN is not sent the one that all came with" {
	station_card 0
	card_ctl 0 delay 20
	station_start --pins random
	station_says "onto the token"
	rm -rf "$DIR/bundles"
	touch "$DIR/bundles"
	station_says "alice  FAILED"
	rm -f "$DIR/bundles"
	mkdir -m 700 "$DIR/bundles"
	card_ctl 0 pull
	card_ctl 0 insert
	station_says "alice  done"
	kill -TERM "$STATION"
	station_ended
	[[ $(wrong 0) == 0 && $(letters) == 1 ]]
}

@test "a letter that was in the printer when everything was killed still waits, and nothing of it is forgotten" {
	station_card 0
	printer 3
	station_start --pins random
	station_says "alice  done"
	sleep 0.5
	kill -KILL "$STATION" "$(pgrep -P "$STATION" -f 'tokenroll-letter$')"
	station_ended
	printer 0
	rm -f "$DIR"/printed/*
	station_start --pins random
	station_says "the PIN letter of alice is printed"
	kill -TERM "$STATION"
	station_ended
	[[ $(letters) == 1 ]]
}

@test "of a token that was given up no letter is printed" {
	station_roster user,name,language alice,Alice,en
	printf '%s\n' "$COMPANY_SO_PIN" >"$DIR/so"
	chmod 600 "$DIR/so"
	card_new sc-hsm 0 blank=yes serial=STAT000007
	card_ctl 0 delay 60
	rm "$DIR/pin"
	station_command() {
		"${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$DIR/tokenroll.conf" station --ca-pass-file "$DIR/ca.pass" \
			--so-pin-file "$DIR/so" --init --pins random --json "$DIR/roster.csv"
	}
	station_command </dev/null >"$DIR/log/station" 2>&1 3>&- &
	STATION=$!
	station_says '"step-begin".*"initialize"'
	sleep 0.4
	card_ctl 0 pull
	station_says '"event":"failed"'
	card_new sc-hsm 1 blank=yes serial=STAT000008
	station_says '"event":"done"'
	station_ended
	[[ $(letters) == 1 ]]
	pdftotext -layout "$DIR"/printed/* - | grep -q STAT000008
	pin=$(pdftotext -raw "$DIR"/printed/* - | grep -oE '^[0-9][0-9 ]{5,20}$' | tr -d ' \n')
	card_pkcs11 1 --login --pin "$pin" --list-objects
}

@test "a PIN that was wrong is not sent again when the token comes back, and not to the other tokens" {
	cards_tries_meant
	station_card 0
	station_card 1
	printf '111111\n' >"$DIR/pin"
	station_start
	station_says "has refused the PIN that was given\|PIN .*wrong"
	station_says "another token has refused the PIN that was given"
	(($(wrong 0) + $(wrong 1) == 1))
	for k in 0 1; do
		card_ctl $k pull
		card_ctl $k insert
	done
	station_says "has refused its PIN, which is not sent again by itself"
	sleep 1
	(($(wrong 0) + $(wrong 1) <= 2))
	kill -TERM "$STATION"
	station_ended
}

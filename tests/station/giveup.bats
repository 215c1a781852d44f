#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2153,SC2154  # bats and station.bash set them
# Whose token dies half way gets another one, and what became of the first one is said.

bats_require_minimum_version 1.5.0

setup_file() {
	export COMPANY_CACHE=$BATS_FILE_TMPDIR/cache
}

setup() {
	load station.bash
	load screen.bash
	PATH=$PATH:/usr/sbin:/sbin
	station_cards 2
	station_roster user,language alice,en bob,en
	mkdir "$DIR/printed"
	printf '#!/bin/sh\ncat >"%s/printed/$(date +%%s%%N)"\n' "$DIR" >"$DIR/printer"
	chmod +x "$DIR/printer"
	station_conf "letter.command=$DIR/printer"
}

teardown() {
	screen_end
	station_stop
}

sql() {
	sqlite3 "$DIR/tokenroll.db" "$1"
}

sql_is() {
	[[ $(sql "$1" 2>/dev/null) == "$2" ]]
}

# type_name WORD: a person types it, not a scanner
type_name() {
	local i
	for ((i = 0; i < ${#1}; i++)); do
		screen_keys "${1:i:1}"
		sleep 0.08
	done
	screen_keys Enter
}

# answer KEY: not as fast as a scanner
answer() {
	sleep 0.2
	screen_keys "$1"
}

letters() {
	find "$DIR/printed" -type f -size +0 | wc -l
}

printed() {
	[[ $(letters) == "$1" ]]
}

# card_slow: a card from whose start on journal_is can be asked
card_slow() {
	station_card 0
	card_ctl 0 delay-key 1500
}

# journal_is STATE: waits until card 0's enrollment has come so far; from its key on the card is so slow that no state
# goes by unseen
journal_is() {
	screen_wait 20 sql_is "SELECT count(*) FROM credentials WHERE state = 'planned'" 1
	card_ctl 0 delay 200
	screen_wait 60 sql_is "SELECT count(*) FROM credentials WHERE state = '$1'" 1
}

# half_done STATE: the station runs with --pick, and alice's token 0 has died when the journal had come to STATE
half_done() {
	card_slow
	screen_start --pick --pins random --pin-file "$DIR/pin"
	screen_shows "token STAT000000: whose?"
	type_name alice
	journal_is "$1"
	if [[ $1 == written ]]; then
		screen_wait 20 sql_is "SELECT count(*) FROM letters" 1
	fi
	card_ctl 0 pull
	screen_shows "What to do: put the same token in again"
	screen_text | tr -s ' \n' ' ' | grep -q "if it is lost or dead, put in another one, Enter, and type alice"
}

@test "whose token dies when it has its certificate gets another one after a yes; that certificate is revoked and its letter forgotten" {
	half_done written
	station_card 1
	screen_shows "token STAT000001: whose?"
	type_name alice
	screen_shows "alice is half done on token STAT000000: give that up?"
	answer n
	screen_shows "token STAT000001: whose?"
	[[ $(sql "SELECT count(*) FROM letters WHERE sealed IS NOT NULL") == 1 ]]
	type_name alice
	screen_shows "give that up?"
	answer y
	screen_shows "2: alice, done in"
	screen_shows "the PIN letter of alice is printed"
	[[ $(holder 1) == alice && $(letters) == 1 ]]
	pdftotext -layout "$DIR"/printed/* - | grep -q STAT000001
	[[ $(grep -c "^R.*CN=alice" "$DIR/pki/index.txt") == 1 && $(grep -c "^V.*CN=alice" "$DIR/pki/index.txt") == 1 ]]
	openssl crl -in "$DIR/server/crl.pem" -noout -text | grep -q "$(awk -F'\t' '/^R/ { print $4 }' "$DIR/pki/index.txt")"
	sql_is "SELECT c.state FROM credentials c JOIN tokens t ON t.id = c.token WHERE t.serial = 'STAT000000'" superseded
	company_tokenroll "$DIR" audit --csv | grep -q "certificate-revoked.*superseded\|revoked.*superseded"
	sql_is "SELECT count(*) FROM letters WHERE sealed IS NOT NULL AND token_serial = 'STAT000000'" 0
	company_tokenroll "$DIR" audit --csv | grep STAT000000 | grep -q letter-dropped
	company_tokenroll "$DIR" audit --verify
	# it has a PIN of its own, and is not sent another one
	card_ctl 0 delay 0
	card_ctl 0 insert
	screen_shows "LEFT ALONE"
	screen_text | tr -s ' \n' ' ' | grep -q "token STAT000000 has a PIN of its own, which was alice's"
	[[ $(card_status 0 pin-wrong) == 0 ]]
	card_ctl 0 pull
	printf '%s\n' "$COMPANY_SO_PIN" >"$DIR/so"
	chmod 600 "$DIR/so"
	card_ctl 0 insert
	company_tokenroll "$DIR" unblock --serial STAT000000 --so-pin-file "$DIR/so" --new-pin-file "$DIR/pin"
	card_ctl 0 pull
	card_ctl 0 insert
	screen_shows "token STAT000000: whose?"
	type_name bob
	screen_shows "1: bob, done in"
	[[ $(holder 0) == bob ]]
}

@test "a token whose key was only made is nobody's when another one was begun: its enrollment does not go on, and that is said" {
	half_done keyed
	station_card 1
	screen_shows "token STAT000001: whose?"
	type_name alice
	screen_shows "alice is half done on token STAT000000: give that up?"
	answer y
	screen_shows "2: alice, done in"
	card_ctl 0 delay 0
	card_ctl 0 insert
	screen_shows "token STAT000000: whose?"
	type_name bob
	screen_shows "this token has what is left of an enrollment of alice that has ended"
	screen_shows "1: bob, done in"
	[[ $(holder 0) == bob && $(holder 1) == alice ]]
	screen_wait 10 printed 2
	pin=$(pdftotext -raw "$(find "$DIR/printed" -type f | sort | tail -1)" - | grep -oE '^[0-9][0-9 ]{5,20}$' | tr -d ' \n')
	[[ $(card_pkcs11 0 --login --pin "$pin" --list-objects --type privkey | grep -c "Private Key") == 1 ]]
}

@test "a second token that is pulled out goes on with the yes that was given, and the first one is left alone meanwhile" {
	half_done issued
	station_card 1
	screen_shows "token STAT000001: whose?"
	card_ctl 1 delay-key 3000
	type_name alice
	screen_shows "give that up?"
	answer y
	screen_wait 20 sql_is "SELECT count(*) FROM credentials c JOIN tokens t ON t.id = c.token WHERE t.serial = 'STAT000001'" 1
	card_ctl 1 pull
	screen_shows "2: alice, failed"
	card_ctl 0 delay 0
	card_ctl 0 insert
	screen_shows "token STAT000000 was given up: alice is being enrolled on token STAT000001"
	screen_text | tr -s ' \n' ' ' | grep -q "if that one is lost or dead too, run .tokenroll enroll alice --replace. with"
	card_ctl 1 delay-key 0
	card_ctl 1 insert
	screen_shows "2: alice, done in"
	[[ $(holder 1) == alice && $(grep -c ^R "$DIR/pki/index.txt") == 1 ]]
}

@test "without a screen the line of a token that dies half way says how its person gets another one, and that does" {
	station_card 0
	card_ctl 0 delay 30
	station_start
	station_says "onto the token"
	card_ctl 0 pull
	station_says "alice  FAILED"
	station_says "if it is lost or dead, put in another one, and run \`tokenroll enroll alice --replace\`"
	kill -TERM "$STATION"
	station_ended
	station_card 1
	company_tokenroll "$DIR" enroll alice --replace --ca-pass-file "$DIR/ca.pass" --pin-file "$DIR/pin"
	[[ $(holder 1) == alice && $(grep -c ^R "$DIR/pki/index.txt") == 1 ]]
}

# lost_in_undo ARGUMENT...: alice's token was lost while what was made on it was taken back, and tokenroll revoke was run
lost_in_undo() {
	printf '%s\n' "$COMPANY_SO_PIN" >"$DIR/so-pin"
	chmod 600 "$DIR/so-pin"
	card_process sc-hsm 0 "pin=$COMPANY_PIN" "so-pin=$COMPANY_SO_PIN" serial=STAT000000
	card_ctl 0 insert
	screen_start -s 120x24 --pins random --pin-file "$DIR/pin" --so-pin-file "$DIR/so-pin" "$@"
	if [[ " $* " == *" --pick "* ]]; then
		screen_shows "token STAT000000: whose?"
		type_name alice
	fi
	screen_shows "PULL: DONE"
	screen_shows "the PIN letter of alice is printed"
	card_ctl 0 delay 60
	answer u
	screen_shows "y yes"
	answer y
	screen_shows_not "PULL: DONE"
	sleep 0.5
	card_ctl 0 pull
	screen_shows "FAILED"
	screen_text | tr -s ' \n' ' ' | grep -q "if it is lost or dead, run .tokenroll revoke alice., $ADVICE"
	company_tokenroll "$DIR" revoke alice --yes --ca-pass-file "$DIR/ca.pass"
}

@test "whose token is lost while it is undone gets another one when the certificate is revoked outside" {
	ADVICE="put in another one, Enter, and type the name"
	lost_in_undo --pick
	station_card 1
	screen_shows "token STAT000001: whose?"
	type_name alice
	screen_shows "2: alice, done in"
	[[ $(holder 1) == alice && $(grep -c "^R.*CN=alice" "$DIR/pki/index.txt") == 1 ]]
	sql_is "SELECT count(*) FROM letters WHERE sealed IS NOT NULL AND token_serial = 'STAT000000'" 0
}

@test "in line as well: r puts whose undone token is lost first, once its certificate is revoked" {
	ADVICE="then r: the next token is theirs"
	lost_in_undo
	answer r
	screen_shows "next in line"
	station_card 1
	screen_shows "2: alice, done in"
	[[ $(holder 1) == alice ]]
}

# n_gives_up: the operator gives alice's token up, and is sure
n_gives_up() {
	answer n
	screen_shows "give up what is half done on this token?"
	answer y
	screen_shows "alice gets the next token"
}

# second_is_hers: the token that is put in then is alice's, and the certificate of before is revoked
second_is_hers() {
	station_card 1
	screen_shows "2: alice, done in"
	[[ $(holder 1) == alice && $(grep -c "^R.*CN=alice" "$DIR/pki/index.txt") == 1 ]]
}

@test "in line as well: n gives up a token that died half way, after a yes, and the next one is that person's" {
	card_slow
	screen_start --pins random --pin-file "$DIR/pin"
	journal_is issued
	card_ctl 0 pull
	screen_shows "n new token"
	screen_text | tr -s ' \n' ' ' | grep -q "if it is lost or dead, n gives it up: the next token is alice's"
	answer n
	screen_shows "give up what is half done on this token?"
	answer x
	screen_shows "n new token"
	n_gives_up
	second_is_hers
	card_ctl 0 delay 0
	card_ctl 0 insert
	screen_shows "1: bob, done in"
	[[ $(holder 0) == bob ]]
}

@test "with --replace as well, also for somebody whose certificate is valid" {
	company_run "$DIR" easyrsa company_easyrsa "$DIR" build-client-full alice nopass
	card_slow
	screen_start --pins keep --pin-file "$DIR/pin" --replace
	journal_is keyed
	card_ctl 0 pull
	screen_shows "n new token"
	n_gives_up
	second_is_hers
}

# reader_goes: alice's token is half done and goes, and all readers with it, as a token on USB does
reader_goes() {
	card_slow
	screen_start --pins keep --pin-file "$DIR/pin"
	journal_is issued
	cards_stop
	screen_shows "n new token"
}

@test "a token that takes its reader along is given up by n as well" {
	reader_goes
	screen_shows "No reader can be used"
	n_gives_up
	screen_shows_not "FAILED"
	cards_start 2
	station_card 1
	screen_shows "alice, done in"
	[[ $(holder 1) == alice && $(grep -c "^R.*CN=alice" "$DIR/pki/index.txt") == 1 ]]
}

@test "a token that took its reader along goes on in another one, and is waited for in the first no more" {
	reader_goes
	cards_start 2 "Another Reader"
	card_again sc-hsm 0
	card_ctl 0 insert
	screen_shows "alice, done in"
	screen_shows_not "FAILED"
	screen_shows_not "n new token"
	[[ $(holder 0) == alice ]]
}

@test "who is skipped after a token took its reader along has no row any more" {
	reader_goes
	answer s
	screen_shows "is skipped today"
	screen_shows_not "n new token"
	sql_is "SELECT state FROM roster_people WHERE user = 'alice'" skipped
}

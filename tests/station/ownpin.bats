#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2153,SC2154  # bats and station.bash set them
# A token that has a PIN of its own, and comes back for somebody else, is not sent everybody's.

bats_require_minimum_version 1.5.0

setup_file() {
	export COMPANY_CACHE=$BATS_FILE_TMPDIR/cache
}

setup() {
	load station.bash
	load screen.bash
	load ../lib/recovery.bash
	PATH=$PATH:/usr/sbin:/sbin
	station_cards 2
	mkdir "$DIR/printed"
	printf '#!/bin/sh\ncat >"%s/printed/$(date +%%s%%N)"\n' "$DIR" >"$DIR/printer"
	chmod +x "$DIR/printer"
	station_conf "letter.command=$DIR/printer"
	printf '%s\n' "$COMPANY_SO_PIN" >"$DIR/so"
	chmod 600 "$DIR/so"
}

teardown() {
	screen_end
	station_stop
}

outside() {
	company_tokenroll "$DIR" "$@" --ca-pass-file "$DIR/ca.pass" </dev/null
}

sql() {
	sqlite3 -cmd ".timeout 5000" "$DIR/tokenroll.db" "$1"
}

wrong() {
	card_status "$1" pin-wrong
}

end() {
	kill -TERM "$STATION"
	station_ended
}

# again LINE...: the same token is put in for these people, in another run
again() {
	card_ctl 0 pull
	station_roster "$@"
	card_ctl 0 insert
}

# broken TABLE STATE: alice's token has got its PIN, and the station is killed when TABLE cannot be told STATE
broken() {
	card_ctl 0 delay 20
	station_start --pins random
	station_says "alice  onto the token"
	sql "CREATE TRIGGER full BEFORE UPDATE ON $1 WHEN NEW.state = '$2' BEGIN SELECT RAISE(ABORT, 'full'); END"
	station_says "alice  FAILED"
	kill -KILL "$STATION"
	station_ended
	sql "DROP TRIGGER full"
	card_ctl 0 delay 0
}

@test "a token whose person was revoked has their PIN still: the next one's station leaves it alone until it is unblocked" {
	station_card 0
	station_roster user alice bob
	station_start --pins random
	station_says "letter of alice is printed"
	card_ctl 0 pull
	outside revoke alice --yes
	card_ctl 0 insert
	station_says "token STAT000000 has a PIN of its own, which was alice's"
	end
	again user bob
	station_start --pins random
	station_says "token STAT000000 has a PIN of its own, which was alice's"
	[[ $(wrong 0) == 0 ]]
	outside unblock --serial STAT000000 --so-pin-file "$DIR/so" --new-pin-file "$DIR/pin"
	card_ctl 0 pull
	card_ctl 0 insert
	station_says "bob  done"
	end
	[[ $(wrong 0) == 0 && $(holder 0) == bob ]]
}

@test "a token that was replaced while its letter was sealed is left alone, and nobody is told to revoke the new one" {
	station_card 0
	station_roster user alice bob
	broken roster_people "done"
	card_ctl 0 pull
	station_card 1
	outside enroll alice --replace --pin-file "$DIR/pin"
	card_ctl 1 pull
	card_ctl 0 insert
	station_start --pins random
	station_says "token STAT000000 has a PIN of its own, which was alice's"
	run ! grep -q "tokenroll revoke alice" "$DIR/log/station"
	end
	again user bob
	station_start --pins random
	station_says "token STAT000000 has a PIN of its own, which was alice's"
	end
	[[ $(wrong 0) == 0 ]]
}

@test "a token that was set up with the PIN that all have is sent that PIN when it comes back" {
	card_new sc-hsm 0 blank=yes serial=STAT000000
	station_roster user alice
	station_start --init --so-pin-file "$DIR/so"
	station_says "alice  done"
	station_ended
	outside revoke alice --yes
	again user bob
	station_start --so-pin-file "$DIR/so"
	station_says "bob  done"
	station_ended
	[[ $(wrong 0) == 0 && $(holder 0) == bob ]]
}

@test "whoever is back in line on a token that has the PIN of their sealed letter goes on with that PIN" {
	station_card 0
	station_roster user alice
	broken credentials proven
	outside revoke alice --yes
	station_start --pins random
	station_says "alice  done"
	station_says "letter of alice is printed"
	station_ended
	[[ $(wrong 0) == 0 && $(holder 0) == alice ]]
}

@test "r sends a token the PIN that is given all the same, whatever it had or has refused" {
	station_card 0
	station_roster user alice
	printf '111111\n' >"$DIR/wrong"
	printf '654321\n' >"$DIR/new"
	chmod 600 "$DIR/wrong" "$DIR/new"
	screen_start --pins keep --pin-file "$DIR/wrong"
	screen_shows "is wrong"
	screen_keys q
	screen_end
	screen_start -s 120x24 --pins keep --pin-file "$DIR/pin"
	screen_shows "has refused the PIN that was given"
	sleep 0.2
	screen_keys r
	screen_shows "PULL: DONE"
	screen_end
	[[ $(wrong 0) == 1 ]]
	outside revoke alice --yes
	card_ctl 0 pull
	card_ctl 0 insert
	company_tokenroll "$DIR" pin --serial STAT000000 --pin-file "$DIR/pin" --new-pin-file "$DIR/new"
	station_roster user bob
	screen_start -s 120x24 --pins keep --pin-file "$DIR/new"
	screen_shows "has a PIN of its own"
	sleep 0.2
	screen_keys r
	screen_shows "PULL: DONE"
	[[ $(wrong 0) == 1 && $(holder 0) == bob ]]
}

@test "a given PIN that a token has refused is not sent to it by the next run, until it is unblocked" {
	station_card 0
	station_roster user alice
	cp "$DIR/pin" "$DIR/right"
	printf '111111\n' >"$DIR/pin"
	station_start
	station_says "alice  FAILED"
	end
	station_start
	station_says "token STAT000000 has refused the PIN that was given"
	end
	[[ $(wrong 0) == 1 ]]
	cp "$DIR/right" "$DIR/pin"
	outside unblock --serial STAT000000 --so-pin-file "$DIR/so" --new-pin-file "$DIR/pin"
	station_start
	station_says "alice  done"
	station_ended
	[[ $(wrong 0) == 1 ]]
}

@test "a token that was unblocked between its new PIN and the proof is sent the PIN that it has" {
	station_card 0
	station_roster user alice
	broken credentials proven
	outside unblock --serial STAT000000 --so-pin-file "$DIR/so" --new-pin-file "$DIR/pin"
	station_start --pins random
	station_says "alice  done"
	station_says "letter of alice is printed"
	station_ended
	[[ $(wrong 0) == 0 && $(holder 0) == alice ]]
	pin=$(pdftotext -raw "$DIR"/printed/* - | grep -oE '^[0-9][0-9 ]{5,20}$' | tr -d ' \n')
	card_pkcs11 0 --login --pin "$pin" --list-objects >/dev/null
}

# take_back: what was just made at the first reader
take_back() {
	screen_shows "u undo"
	sleep 0.2
	screen_keys u
	screen_shows "y yes"
	sleep 0.2
	screen_keys y
}

put_in_again() {
	card_ctl 0 pull
	card_ctl 0 insert
}

sealed() {
	sql "SELECT count(*) FROM letters WHERE length(sealed) > 0"
}

@test "a token that was undone has its earlier PIN again, and is enrolled when it is put in once more" {
	station_card 0
	station_roster user alice bob
	screen_start -s 120x24 --pins random --pin-file "$DIR/pin" --so-pin-file "$DIR/so"
	screen_shows "letter of alice is printed"
	take_back
	screen_shows "UNDONE: the token is empty again"
	[[ $(sealed) == 0 ]]
	put_in_again
	screen_shows "PULL: DONE"
	[[ $(wrong 0) == 0 && $(holder 0) == alice ]]
	take_back
	screen_shows "UNDONE: the token is empty again"
	card_pkcs11 0 --login --pin "$COMPANY_PIN" --list-objects >/dev/null
	[[ $(wrong 0) == 0 ]]
}

# cut_off_undo: of alice's token, when its PIN was put back and before that is recorded
cut_off_undo() {
	station_card 0
	station_roster user alice bob
	screen_start -s 120x24 --pins random --pin-file "$DIR/pin"
	screen_shows "letter of alice is printed"
	sql "CREATE TRIGGER full BEFORE INSERT ON audit WHEN NEW.action = 'pin-restored' BEGIN SELECT RAISE(ABORT, 'full'); END"
	take_back
	screen_shows "FAILED"
	sql "DROP TRIGGER full"
}

@test "an undo that was cut off while the PIN was put back sends none by itself, and goes on after r" {
	cut_off_undo
	put_in_again
	screen_shows "giving token STAT000000 its earlier PIN back was cut off"
	sleep 0.2
	screen_keys r
	screen_shows "UNDONE: the token is empty again"
	put_in_again
	screen_shows "PULL: DONE"
	[[ $(wrong 0) == 0 && $(holder 0) == alice ]]
}

@test "where r shows that the PIN was not put back, the next r goes on with the one of the letter" {
	cut_off_undo
	# as if it had been pulled out before the token had it
	pin=$(pdftotext -raw "$DIR"/printed/* - | grep -oE '^[0-9][0-9 ]{5,20}$' | tr -d ' \n')
	card_pkcs11 0 --login --pin "$COMPANY_PIN" --change-pin --new-pin "$pin"
	put_in_again
	screen_shows "giving token STAT000000 its earlier PIN back was cut off"
	sleep 0.2
	screen_keys r
	screen_shows "is wrong"
	sleep 0.2
	screen_keys r
	screen_shows "UNDONE: the token is empty again"
	card_pkcs11 0 --login --pin "$COMPANY_PIN" --list-objects >/dev/null
	[[ $(wrong 0) == 1 && $(sealed) == 0 ]]
}

@test "a PIN that somebody typed is replaced by the earlier one when that is undone" {
	station_card 0
	station_roster user alice bob
	screen_start -s 120x24 --pins typed --pin-file "$DIR/pin"
	screen_shows "Please choose a PIN"
	screen_keys 86420975 Enter
	screen_shows "once more:"
	screen_keys 86420975 Enter
	screen_shows "PULL: DONE"
	take_back
	screen_shows "Please type the PIN"
	screen_keys 86420975 Enter
	screen_shows "UNDONE: the token is empty again"
	card_pkcs11 0 --login --pin "$COMPANY_PIN" --list-objects >/dev/null
	[[ $(wrong 0) == 0 ]]
}

@test "a token that is undone and had the factory's PIN has that again" {
	card_new sc-hsm 0 pin=648219 "so-pin=$COMPANY_SO_PIN" serial=STAT000000
	station_roster user alice bob
	screen_start -s 120x24 --pins random
	screen_shows "Please type the PIN"
	screen_keys 648219 Enter
	screen_shows "letter of alice is printed"
	take_back
	screen_shows "UNDONE: the token is empty again"
	card_pkcs11 0 --login --pin 648219 --list-objects >/dev/null
	[[ $(wrong 0) == 0 ]]
}

@test "where no earlier PIN is known the token keeps the one of its letter, which is said and not forgotten" {
	recovery_new "$DIR/recovery" Recovery
	station_conf "letter.command=$DIR/printer" "escrow.recovery=$DIR/recovery.pem"
	card_new sc-hsm 0 blank=yes serial=STAT000000
	station_roster user alice bob
	screen_start -s 120x24 --pins random --init
	screen_shows "letter of alice is printed"
	take_back
	screen_shows "UNDONE: empty, but keep its PIN"
	screen_shows "tokenroll unblock --serial STAT000000"
	[[ $(sealed) == 1 ]]
	put_in_again
	screen_shows "PULL: DONE"
	[[ $(wrong 0) == 0 && $(holder 0) == alice ]]
}

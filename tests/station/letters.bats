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

@test "who prints a letter can read neither the CA's key, nor the database, nor files of PINs and passphrases" {
	local hidden=(pin so ca.pass mail.pass pki/private/ca.key tokenroll.db tokenroll.db-wal tokenroll.db-shm tokenroll.db-lock)
	python3 -c 'import ctypes; exit(ctypes.CDLL(None).syscall(444, None, 0, 1) < 2)' ||
		skip "this kernel has no Landlock, or not that of Linux 5.19"
	company_secret "$DIR/so" "$COMPANY_SO_PIN"
	company_secret "$DIR/mail.pass" "mail password"
	station_conf "letter.command=$DIR/printer" mail.user=admin "mail.password-file=$DIR/mail.pass"
	cat >"$DIR/printer" <<-SH
		#!/bin/sh
		cd "$DIR" || exit
		for f in ${hidden[*]}; do
			[ ! -e "\$f" ] || ! head -c 1 "\$f" >/dev/null || echo "\$f"
		done >"$DIR/printed/read"
		cat >"$DIR/printed/letter"
	SH
	station_roster user alice
	station --pins random --so-pin-file "$DIR/so"
	((status == 0))
	[[ -s $DIR/printed/letter ]]
	diff /dev/null "$DIR/printed/read"
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

# secrets: of the token, and a PIN that it is given, in files
secrets() {
	printf '%s\n' "$COMPANY_SO_PIN" >"$DIR/so"
	printf '86420975\n' >"$DIR/new"
	chmod 600 "$DIR/so" "$DIR/new"
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
	secrets
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

# sealed: how many letters have their PIN in the database
sealed() {
	sqlite3 "$DIR/tokenroll.db" "SELECT count(*) FROM letters WHERE sealed IS NOT NULL"
}

# none_comes: a station that has alice's letter and a printer prints nothing
none_comes() {
	rm "$DIR/no-printer"
	station_roster user,name,language alice,Alice,en bob,Bob,de
	card_ctl 0 pull
	station_start --pins random
	station_says reader
	[[ -z $1 ]] || station_says "$1"
	kill -TERM "$STATION"
	station_ended
	letters 0
}

@test "a letter that waits is not printed, nor told, when its token has got another PIN: it is forgotten" {
	touch "$DIR/no-printer"
	station_roster user,name,language alice,Alice,en
	station --pins random
	waits 1
	secrets
	outside unblock --serial STAT000000 --so-pin-file "$DIR/so" --new-pin-file "$DIR/new"
	waits 0
	[[ $(sealed) == 1 ]]
	none_comes "the PIN letter of alice is not printed, and forgotten: token STAT000000 has got another PIN since"
	[[ $(sealed) == 0 ]]
	company_tokenroll "$DIR" audit --csv | grep -c letter-dropped | grep -qx 1
}

@test "a letter that waits is not printed when its token was wiped, or what is on it revoked" {
	touch "$DIR/no-printer"
	station_roster user,name,language alice,Alice,en
	station --pins random
	waits 1
	outside revoke alice --yes
	waits 0
	none_comes
	touch "$DIR/no-printer"
	card_ctl 0 insert
	secrets
	outside wipe --serial STAT000000 --so-pin-file "$DIR/so" --confirm STAT000000
	waits 0
	none_comes "the PIN letter of alice is not printed"
	[[ $(sealed) == 0 ]]
}

@test "what was printed and could not be recorded is not printed again, and nothing else before it is recorded" {
	card_ctl 0 pull
	station_roster user,name,language alice,Alice,en bob,Bob,de carol,Carol,de
	station_start --pins random
	station_says reader
	sqlite3 -cmd ".timeout 5000" "$DIR/tokenroll.db" "CREATE TRIGGER full BEFORE UPDATE ON letters
		WHEN NEW.printed <> 0 BEGIN SELECT RAISE(ABORT, 'full'); END"
	card_ctl 0 insert
	station_says "printed cannot be recorded, and is tried again"
	station_card 1
	station_says "bob  done"
	sleep 1.5
	letters 1
	sqlite3 -cmd ".timeout 5000" "$DIR/tokenroll.db" "DROP TRIGGER full"
	station_says "letter of bob is printed"
	kill -TERM "$STATION"
	station_ended
	letters 2
	company_tokenroll "$DIR" audit --csv >"$DIR/log/audit"
	[[ $(grep -c letter-begun "$DIR/log/audit") == 2 && $(grep -c letter-printed "$DIR/log/audit") == 2 ]]
}

@test "a letter whose proof could not be recorded is printed when its token is done after all" {
	card_ctl 0 pull
	card_ctl 0 delay 20
	station_roster user,name,language alice,Alice,en
	station_start --pins random
	card_ctl 0 insert
	station_says "alice  onto the token"
	sqlite3 -cmd ".timeout 5000" "$DIR/tokenroll.db" "
		CREATE TRIGGER full BEFORE INSERT ON audit WHEN NEW.action = 'letter-proven'
			BEGIN SELECT RAISE(ABORT, 'full'); END;
		CREATE TRIGGER full_too BEFORE UPDATE ON credentials WHEN NEW.state = 'delivered' OR NEW.handed_over <> 0
			BEGIN SELECT RAISE(ABORT, 'full'); END;"
	station_says "alice  FAILED"
	kill -KILL "$STATION"
	station_ended
	sqlite3 -cmd ".timeout 5000" "$DIR/tokenroll.db" "DROP TRIGGER full; DROP TRIGGER full_too"
	card_ctl 0 delay 0
	station_start --pins random
	station_says "alice  done"
	letters 1
	station_ended
}

# prints_but DO: the printer does this, once, to the process that has called it
prints_but() {
	cat >"$DIR/printer" <<-SH
		#!/bin/sh
		if mkdir "$DIR/printed/once" 2>/dev/null; then $1 \$PPID; sleep 0.5; exit 1; fi
		cat >"$DIR/printed/\$(date +%s%N)"
	SH
}

@test "a crash of the process that prints a letter is told, holds up no other letter, and it is tried again" {
	prints_but "kill -KILL"
	station_roster user,name,language alice,Alice,en bob,Bob,de carol,Carol,de
	station_start --pins random
	station_says "letter of alice waits, encrypted, and is tried again: the process that prints letters crashed"
	station_card 1
	station_says "letter of bob is printed"
	station_says "letter of alice is printed"
	kill -TERM "$STATION"
	station_ended
	letters 2
	opens 0 "$(pin_of Alice)"
}

@test "a crash of the process that prints the last letter is mended before the station ends" {
	prints_but "kill -KILL"
	station_roster user,name,language alice,Alice,en
	station --pins random
	[[ $output == *"the process that prints letters crashed"* ]]
	letters 1
}

@test "a process that prints and hangs is ended when its time is over, and the letter is tried again" {
	station_conf "letter.command=$DIR/printer" letter.timeout=1
	prints_but "kill -STOP"
	station_roster user,name,language alice,Alice,en bob,Bob,de
	station_start --pins random
	station_says "and is tried again: the process that prints letters did not finish within 31 s" 60
	station_says "letter of alice is printed"
	kill -TERM "$STATION"
	station_ended
	letters 1
}

@test "nobody is done before the trail says that the token was proven with the PIN of the letter" {
	card_ctl 0 pull
	station_roster user,name,language alice,Alice,en
	station_start --pins random
	station_says reader
	sqlite3 -cmd ".timeout 5000" "$DIR/tokenroll.db" "CREATE TRIGGER full BEFORE INSERT ON audit
		WHEN NEW.action = 'letter-proven' BEGIN SELECT RAISE(ABORT, 'full'); END"
	card_ctl 0 insert
	station_says "alice  FAILED"
	sqlite3 -cmd ".timeout 5000" "$DIR/tokenroll.db" "DROP TRIGGER full"
	card_ctl 0 pull
	station_says "token out"
	card_ctl 0 insert
	station_says "alice  done"
	station_ended
	letters 1
	opens 0 "$(pin_of Alice)"
}

#!/usr/bin/env bats
# shellcheck disable=SC2034,SC2154  # bats and station.bash set them
# The station on a terminal: whoever sees it for the first time knows what to do next, and what the keys do is shown.

bats_require_minimum_version 1.5.0

setup_file() {
	export COMPANY_CACHE=$BATS_FILE_TMPDIR/cache
}

setup() {
	load station.bash
	load screen.bash
	load ../lib/recovery.bash
	PATH=$PATH:/usr/sbin:/sbin
}

teardown() {
	screen_end
	station_stop
}

# slow_card K MS [SERIAL]: it takes so long to make a key
slow_card() {
	card_process sc-hsm "$1" "pin=$COMPANY_PIN" "so-pin=$COMPANY_SO_PIN" "serial=${3:-STAT00000${1%%.*}}" &&
		card_ctl "$1" delay-key "$2" && card_ctl "$1" insert
}

# company N: with so many readers
company() {
	station_cards "$1"
	keep=(--pins keep --pin-file "$DIR/pin")
}

bells() {
	tr -dc '\a' <"$DIR/log/terminal" | wc -c
}

@test "from no card to a token that may be pulled: each time it is said what to do" {
	company 2
	station_roster user,name 'alice,Alice Jones' bob,Bob carol,Carol
	screen_start "${keep[@]}"
	screen_shows "Put the first token into a reader: it becomes that of alice, Alice Jones."
	screen_shows "0 done  0 failed  3 left"
	screen_shows "next: alice, Alice Jones; bob; carol"
	screen_shows "roster.csv"
	slow_card 0 800
	screen_shows "key pair"
	screen_shows "next: bob, Bob; carol"
	[[ $(bells) == 0 ]]
	screen_shows "PULL: DONE"
	screen_shows "Pull out the token where it says PULL, and put in the next."
	screen_shows "1 done  0 failed  2 left"
	[[ $(bells) == 1 ]]
	card_ctl 0 pull
	screen_shows "Put the next token into a reader: it becomes that of bob"
	# of this model one time is known now
	slow_card 1 1500
	screen_shows "of about"
	screen_text | grep -qE 'key pair \[#*\.+\] [0-9]+ s of about [0-9]+ s'
	screen_keys q
	screen_shows "The station ends as soon as the 1 token under way is finished."
	screen_shows "exit status 0"
	screen_shows "2 of 3 are done, 1 left"
	screen_shows "To go on with those who are left, start the station again with the same command."
	[[ $(people delivered) == "alice bob" ]]
}

@test "a token that is left alone and one that fails say why and what to do; retry, skip and hold, with a reason" {
	company 2
	station_roster user alice bob carol dave
	station_card 0 foreign=ec:P-256
	slow_card 1 30000
	screen_start -s 120x30 "${keep[@]}"
	screen_shows "LEFT ALONE"
	screen_shows "What to do: take another one; with --allow-foreign the station puts ours beside them"
	screen_shows "Reader 1 waits for you"
	# what is under way is not broken off by one key; only one reader can be meant
	screen_keys s
	screen_shows "reader 2, alice: break off what is under way, and skip?"
	screen_keys n
	screen_shows_not "and skip?"
	screen_shows "key pair"
	card_ctl 1 pull
	screen_shows "the token was pulled out of"
	screen_shows "put the same token in again: it goes on where it stopped"
	# several can be meant now
	screen_keys w
	screen_shows "why at which reader?"
	# 3, from a number block
	screen_keys -H 1b 4f 73
	screen_shows "there is no reader 3"
	screen_keys w
	screen_shows "digit or arrows"
	screen_keys 1
	screen_shows "reader 1: $(cards_reader 0)"
	screen_keys x
	screen_shows "2 readers wait for you, and say why"
	screen_keys h
	screen_shows "alice is held, because:"
	screen_keys "is ill" Enter
	screen_shows "2: alice is held"
	screen_shows "PUT BACK"
	screen_shows "1 held"
	card_ctl 1 forget
	card_ctl 1 insert
	screen_shows "is for alice, who is held: is ill"
	screen_keys r
	screen_shows "digit or arrows"
	screen_keys 2
	screen_shows "DONE"
	card_ctl 0 pull
	screen_shows_not "LEFT ALONE"
	[[ $(holder 1) == alice ]]
	# nobody is there who could be skipped
	screen_keys s
	screen_shows "skip: there is nobody who could be skipped"
	card_ctl 1 pull
	slow_card 0.second 30000
	screen_shows "key pair"
	screen_keys s
	screen_shows "y yes"
	screen_keys y
	screen_shows "PUT BACK"
	screen_shows "bob is skipped"
	screen_shows "bob, is skipped today, and what was under way is broken off"
	screen_keys q
	screen_shows "exit status 0"
	screen_shows "Skipped: 1"
}

# state USER: by the roster, with the reason
state() {
	sqlite3 "$DIR/tokenroll.db" "SELECT state || ' ' || why FROM roster_people WHERE user = '$1'"
}

is_at_work() {
	[[ $(state "$1") == "running " ]]
}

@test "a question stays with the person it was asked about, whoever comes to that reader meanwhile" {
	company 2
	station_roster user alice bob carol dave erin
	slow_card 0 30000
	screen_start -s 120x30 "${keep[@]}"
	screen_shows "key pair"
	card_ctl 0 pull
	screen_shows "the token was pulled out of"
	screen_keys h
	screen_shows "reader 1, alice is held, because:"
	screen_keys "is ill to"
	slow_card 0.second 30000 STAT000002
	screen_wait 15 is_at_work bob
	screen_shows "alice is held, because: is ill to"
	screen_keys day Enter
	screen_shows "alice is held"
	screen_shows "1 held"
	[[ $(state alice) == "held is ill today" ]]
	# one that breaks something off ends when there is somebody else to break off
	screen_keys s
	screen_shows "reader 1, bob: break off what is under way, and skip?"
	card_ctl 0.second pull
	slow_card 0.third 30000 STAT000003
	screen_shows "reader 1 is not as it was when that was asked: nothing was done"
	screen_wait 15 is_at_work carol
	screen_keys y
	screen_shows "this key does nothing now"
	# a number is that of whom it was shown with
	slow_card 1 30000
	screen_wait 15 is_at_work dave
	screen_keys h
	screen_shows "hold at which reader?  1 carol  2 dave"
	card_ctl 0.third pull
	slow_card 0.fourth 30000 STAT000004
	screen_wait 15 is_at_work erin
	screen_shows "hold at which reader?  2 dave"
	screen_keys 1
	screen_shows "that cannot be done at this reader"
	is_at_work erin
	is_at_work dave
	[[ $(state bob) == failed* && $(state carol) == failed* ]]
}

@test "whose a token becomes is typed or scanned: unknown, several, by a number, and what is wrong with it is said" {
	company 2
	station_roster user,name,email 'alice,Alice Jones,' 'bob,Bob Jones,' 'carol,Кэрол Смит,carol@example.com' 'eve,,'
	screen_start --pick "${keep[@]}"
	screen_shows "Put the first token into a reader; then type or scan whose it becomes"
	station_card 0
	screen_shows "reader 1, token STAT000000: whose?"
	screen_keys zoe Enter
	screen_shows 'nobody on the roster is called "zoe", or begins so'
	screen_keys jones Enter
	screen_shows '"jones" may be 2 people: type a number, or more of the name'
	screen_shows "1  alice, Alice Jones"
	screen_shows "2  bob, Bob Jones"
	screen_keys 2 Enter
	screen_shows "1: the token becomes that of bob"
	screen_shows "PULL: DONE"
	# typed in another script; the arrows and Backspace edit nothing else
	station_card 1
	screen_shows "reader 2, token STAT000001: whose?"
	screen_keys -l 'bob'
	screen_keys Enter
	screen_shows "bob"
	screen_keys -l 'Кэролл'
	screen_keys BSpace
	screen_shows "whose? Кэрол"
	# other keys are there again when it is put off
	screen_keys Escape
	screen_shows "Enter asks again whose the token is"
	screen_shows "Enter whose"
	screen_keys Enter
	screen_shows "reader 2, token STAT000001: whose?"
	screen_keys carol@example.com Enter
	screen_shows "2 done"
	screen_shows "an hour"
	screen_shows "min left"
	[[ $(holder 0) == bob && $(holder 1) == carol ]]
}

@test "a scan that nobody has asked for is no command, whatever letters it has and however it ends" {
	company 2
	station_roster user anna guy sylvia jacques bob
	station_card 0
	screen_start --pick "${keep[@]}"
	screen_shows "reader 1, token STAT000000: whose?"
	# a scanner that ends with CR and LF, and scans once more
	screen_keys -l $'anna\r\n'
	screen_shows "PULL: DONE"
	screen_keys -l $'guy\r\n'
	screen_shows "no name is asked for: not taken"
	screen_keys -l $'jacques\r'
	screen_keys -l $'sylvia\t'
	sleep 1
	screen_shows "1 done"
	screen_shows "PULL: DONE"
	[[ $(holder 0) == anna ]]
	# while a token is looked at, the name of the next one is waited for
	station_card 1
	screen_shows "reader 2, token STAT000001: whose?"
	screen_keys -l $'guy\t'
	screen_shows "2 done"
	[[ $(holder 1) == guy ]]
	run ! grep -q "^R" "$DIR/pki/index.txt"
	screen_keys q
}

# blank_company: cards that the station initializes, and new PINs that employees type
blank_company() {
	company 2
	recovery_new "$DIR/recovery" Recovery
	company_conf "$DIR" "token.module=$(cards_module opensc)" "vpn.client-module-linux=$(cards_module opensc)" \
		token.timeout=10 "escrow.recovery=$DIR/recovery.pem"
}

@test "an employee types a PIN twice, out of the operator's sight: neither screen nor history has it" {
	blank_company
	station_roster user,name 'alice,Alice Jones' bob,Bob
	screen_start --pins typed --init
	screen_shows "Put the first token"
	station_card 0 blank=yes
	screen_shows "Please choose a PIN for your token, and type it twice: 6 to 15"
	screen_shows "alice, Alice Jones"
	screen_shows "Virtual Reader 00 00"
	# the operator's screen is covered
	screen_shows_not "next:"
	screen_keys 4711 Enter
	screen_shows "It has to be 6 to 15"
	screen_keys 86420975 Enter
	screen_shows "once more:"
	screen_shows "PIN:       ********"
	screen_keys 86420976 Enter
	screen_shows "The two were not the same"
	screen_shows_not "once more:"
	screen_keys 86420975 Enter
	screen_shows "once more:"
	# corrected with Backspace; an arrow is no end of it
	screen_keys 864209756 BSpace Left
	screen_shows "once more: ********"
	screen_keys Enter
	screen_shows "PULL: DONE"
	card_pkcs11 0 --login --pin 86420975 --list-objects --type privkey | grep -q "Private Key"
	for pin in 86420975 86420976 4711; do
		run -1 grep -aqF "$pin" "$DIR/log/terminal"
		screen_tmux capture-pane -p -S - | run -1 grep -F "$pin"
		# nor any process that could still have it
		run -1 grep -aqF "$pin" "/proc/$(screen_pid)/cmdline" "/proc/$(screen_pid)/environ"
	done
	# Esc gives it back to the operator
	station_card 1 blank=yes
	screen_shows "Please choose a PIN"
	screen_shows "bob, Bob"
	screen_keys 1357 Escape
	screen_shows "PUT BACK"
	screen_shows "bob is skipped"
	# a token that is pulled out meanwhile asks no more
	screen_keys r
	screen_shows "Please choose a PIN"
	card_ctl 1 pull
	screen_shows_not "Please choose a PIN"
}

can_gcore() {
	((EUID == 0)) || skip "only root may look into a process that shuts debuggers out"
	command -v gcore >/dev/null || skip "gcore is not installed"
	! grep -qa __asan_init "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" ||
		skip "the address sanitizer's shadow memory is too large for an image"
}

# holds PID SECRET OPTION...: whether an image of the process has it
holds() {
	gcore "${@:3}" -o "$BATS_TEST_TMPDIR/core" "$1" >"$DIR/log/gcore" 2>&1 || { cat "$DIR/log/gcore" && return 2; }
	grep -qaF -- "$2" "$BATS_TEST_TMPDIR/core.$1"
}

@test "a PIN that is being typed is in no core file, and when the token has it in none of the station's memory" {
	can_gcore
	blank_company
	station_roster user alice
	screen_start --pins typed --init
	station_card 0 blank=yes
	screen_shows "Please choose a PIN"
	screen_keys 86420975 Enter
	screen_shows "once more:"
	pid=$(screen_pid)
	run -1 holds "$pid" 86420975
	holds "$pid" 86420975 -a # it is there, so this way to look would find it
	screen_keys 86420975 Enter
	screen_shows "PULL: DONE"
	run -1 holds "$pid" 86420975 -a
}

@test "two employees who are to type a PIN take turns" {
	blank_company
	station_roster user alice bob
	screen_start --pins typed --init
	station_card 0 blank=yes
	station_card 1 blank=yes
	screen_shows "Please choose a PIN"
	first=$(screen_text | grep -oE 'alice|bob')
	# a question to the operator comes first, and takes nothing of what was typed along
	screen_keys 864 C-c
	screen_shows "End the station?"
	screen_keys x
	screen_shows "$first"
	screen_shows "Please choose a PIN"
	screen_keys 86420975 Enter 86420975 Enter
	screen_shows "$([[ $first == alice ]] && echo bob || echo alice)"
	screen_shows "Please choose a PIN"
	screen_keys 97531086 Enter 97531086 Enter
	screen_shows "2 done"
	screen_shows "Everybody on the roster has a token. Pull out what is done. q ends."
}

# waiting: readers at which a PIN is to be typed
waiting() {
	[[ $(screen_text | grep -c "waits for a PIN to be typed") == "$1" ]]
}

@test "whoever thinks of a PIN holds up nobody else: the one that all have is tried before, and on one token only" {
	company 3
	cards_tries_meant
	station_roster user alice bob carol
	(umask 077 && printf '111111\n' >"$DIR/wrong")
	screen_start -s 120x30 --pins typed --pin-file "$DIR/wrong"
	station_card 0
	station_card 1
	station_card 2
	# nobody was asked for a new one in vain
	screen_shows "3 readers wait for you"
	(($(card_status 0 pin-wrong) + $(card_status 1 pin-wrong) + $(card_status 2 pin-wrong) == 1))
	screen_keys q
	screen_shows "exit status 0"
	screen_end
	for k in 0 1 2; do
		card_ctl "$k" pull
		station_card "$k.fresh" "serial=STAT00001$k"
	done
	screen_start -s 120x30 --pins typed --pin-file "$DIR/pin"
	screen_shows "Please choose a PIN"
	screen_keys C-c
	screen_shows "End the station?"
	screen_wait 15 waiting 3
	screen_keys x
	for k in 1 2 3; do
		screen_shows "Please choose a PIN"
		screen_keys 86420975 Enter
		screen_shows "once more:"
		screen_keys 86420975 Enter
		screen_shows_not "once more:"
	done
	screen_shows "3 done"
	card_pkcs11 1 --login --pin 86420975 --list-objects --type privkey | grep -q "Private Key"
}

@test "Ctrl-C asks whether to finish, to stop or to go on; the second one stops, and the same command goes on" {
	company 2
	station_roster user alice bob
	slow_card 0 2000
	screen_start "${keep[@]}"
	screen_shows "key pair"
	screen_keys C-c
	screen_shows "1 token is under way. End the station?"
	screen_shows "f finish them  s stop them now  any other key: go on"
	screen_keys x
	screen_shows_not "End the station?"
	screen_shows "1 done"
	slow_card 1 3000
	screen_shows "key pair"
	screen_keys C-c
	screen_shows "End the station?"
	screen_keys f
	screen_shows "The station ends as soon as the 1 token under way is finished."
	screen_keys C-c
	screen_shows "exit status 0"
	screen_shows "1 of 2 is done, 1 left"
	screen_end
	card_ctl 1 forget
	screen_start "${keep[@]}"
	screen_shows "2 done"
	screen_shows "Everybody on the roster has a token."
	[[ $(holder 0) == alice && $(holder 1) == bob ]]
	# the passphrase would have to be typed again
	screen_keys C-c
	screen_shows "No token is under way. End the station?"
	screen_shows "y yes  any other key: go on"
	screen_keys x
	screen_shows_not "End the station?"
	screen_keys C-c
	screen_shows "End the station?"
	screen_keys C-c
	screen_shows "exit status 0"
}

has_ended() {
	! kill -0 "$1" 2>/dev/null
}

@test "a terminal that is closed: the token under way is finished" {
	company 2
	station_roster user alice bob
	slow_card 0 1500
	screen_start "${keep[@]}"
	screen_shows "key pair"
	pid=$(screen_pid)
	screen_tmux kill-session
	# the shell sends one, too, and the kernel when that has ended
	kill -HUP "$pid"
	kill -HUP "$pid"
	screen_wait 15 has_ended "$pid"
	[[ $(people delivered) == alice && $(holder 0) == alice ]]
}

text_has() {
	screen_text | grep -qE -- "$1"
}

# a screen of so many columns: no line is longer
fits() {
	[[ $(screen_text | LC_ALL=C.UTF-8 wc -L) -le $1 ]]
}

@test "it fits from 40x10 to 200x60, also when that changes while it runs, and wide names keep the columns" {
	company 4
	station_roster user,name alice,王小明 bob,'Борис Петров' carol,Carol dave,Dave
	slow_card 0 30000
	screen_start -s 200x60 "${keep[@]}"
	screen_shows "next in line:"
	screen_shows "1  bob, Борис Петров"
	screen_shows "3  dave"
	screen_shows "key pair"
	screen_text | grep -qE "alice, 王小明 +key pair [0-9]+ s"
	for size in "40 10" "80 24" "30 5" "200 60"; do
		# shellcheck disable=SC2086  # two words
		screen_resize $size
		screen_shows "0 done  0 failed  4 left"
		fits "${size% *}"
	done
	screen_resize 40 10
	screen_shows "q quit"
	screen_shows_not "next in line"
	screen_wait 5 text_has "^  1 Virtua.* alice +key pair"
	screen_shows "next: bob"
	screen_resize 80 24
	screen_shows "alice, 王小明"
	screen_keys '?'
	screen_shows "KEYS"
	screen_shows "Pulled early"
	screen_shows "any key: back"
	screen_resize 60 20
	screen_shows "any key: more"
	screen_keys x
	screen_shows "Pulled early"
	screen_keys x
	screen_shows "next:"
}

@test "without colours, by the terminal or by NO_COLOR, the same is told in words" {
	company 1
	station_roster user,name 'alice,Али́са'
	station_card 0 foreign=ec:P-256
	for how in TERM=vt100 NO_COLOR=1; do
		screen_start -e TERM=tmux-256color -e "$how" "${keep[@]}"
		screen_shows "LEFT ALONE"
		screen_shows "What to do: take another one"
		screen_keys q
		screen_shows "exit status 0"
		run -1 grep -aqE $'\e\\[[0-9;]*(3[0-7]|38;)m' "$DIR/log/terminal"
		screen_end
	done
	screen_start -e TERM=tmux-256color "${keep[@]}"
	screen_shows "LEFT ALONE"
	screen_wait 5 grep -aqE $'\e\\[[0-9;]*31m' "$DIR/log/terminal"
}

@test "a terminal that can show ASCII only gets ASCII, and one that can show no screen gets lines" {
	company 1
	station_roster user,name alice,王小明
	screen_start -e LC_ALL=C "${keep[@]}"
	screen_shows "it becomes that of alice, ???"
	screen_keys q
	screen_shows "exit status 0"
	screen_end
	# a locale that is not installed here, as SSH brings them along
	screen_start -e LANG=xy_XY.UTF-8 "${keep[@]}"
	screen_shows "it becomes that of alice, 王小明"
	screen_keys q
	screen_shows "exit status 0"
	screen_end
	screen_start -e TERM=dumb "${keep[@]}"
	screen_shows "this type of terminal cannot move"
	screen_shows "set it to what the terminal is, e.g. vt100, or use"
	screen_shows "0 done, 0 failed, 1 left"
}

@test "without pcscd it is said what to do, and when it runs the station goes on by itself" {
	company 1
	station_roster user alice
	screen_start -e "PCSCLITE_CSOCK_NAME=$BATS_TEST_TMPDIR/none" "${keep[@]}"
	screen_shows "No reader can be used."
	screen_shows "the smart card service pcscd is not running"
	screen_shows "What to do: start it (systemctl start pcscd.socket), or install"
	ln -s "$PCSCLITE_CSOCK_NAME" "$BATS_TEST_TMPDIR/none"
	screen_shows "Put the first token into a reader"
	screen_shows "readers can be used again"
}

@test "the terminal is as before when the station ends, and when it crashes" {
	company 1
	station_roster user alice
	for signal in TERM ABRT SEGV; do
		screen_start "${keep[@]}"
		screen_shows "Put the first token"
		kill "-$signal" "$(screen_pid)"
		screen_shows "exit status"
		screen_shows_not "Put the first token"
		screen_wait 5 test -s "$DIR/log/stty"
		grep -qw echo "$DIR/log/stty"
		grep -qw icanon "$DIR/log/stty"
		screen_tmux display-message -p '#{alternate_on}#{cursor_flag}' | grep -qx 01
		screen_end
		rm "$DIR/log/stty"
	done
}

printed() {
	[[ $(find "$DIR/printed" -type f | wc -l) == "$1" ]]
}

@test "what was just done: the letter is printed again, and undo takes all of it back after a yes" {
	station_cards 2
	station_roster user alice bob
	mkdir "$DIR/printed"
	printf '#!/bin/sh\ncat >"%s/printed/$$"\n' "$DIR" >"$DIR/printer"
	chmod +x "$DIR/printer"
	station_conf "letter.command=$DIR/printer"
	station_card 0
	screen_start --pins random --pin-file "$DIR/pin"
	screen_shows "PULL: DONE"
	screen_shows "the PIN letter of alice is printed"
	screen_keys p
	screen_wait 15 printed 2
	screen_keys u
	screen_shows "reader 1, alice: empty the token, and revoke the new certificate?"
	screen_keys n
	screen_shows_not "revoke the new certificate?"
	screen_keys u
	screen_shows "y yes"
	screen_keys y
	screen_shows "UNDONE: the token is empty again"
	screen_shows "0 done"
	grep -q "^R.*/CN=alice$" "$DIR/pki/index.txt"
	[[ $(card_status 0 keys) == 0 ]]
}

@test "a letter is not printed again once its token has got another PIN" {
	company 1
	station_roster user alice bob
	mkdir "$DIR/printed"
	printf '#!/bin/sh\ncat >"%s/printed/$$"\n' "$DIR" >"$DIR/printer"
	chmod +x "$DIR/printer"
	station_conf "letter.command=$DIR/printer"
	station_card 0
	screen_start -s 200x24 --pins random --pin-file "$DIR/pin"
	screen_shows "the PIN letter of alice is printed"
	printf '%s\n' "$COMPANY_SO_PIN" >"$DIR/so"
	printf '86420975\n' >"$DIR/new"
	chmod 600 "$DIR/so" "$DIR/new"
	company_tokenroll "$DIR" unblock --serial STAT000000 --so-pin-file "$DIR/so" --new-pin-file "$DIR/new"
	screen_keys p
	screen_shows "the PIN letter of alice is not printed: token STAT000000 has got another PIN since"
	printed 1
}

@test "a retry that has nothing to do with the PIN does not send a wrong one to all tokens" {
	company 4
	cards_tries_meant
	station_roster user alice bob carol dave
	printf '111111\n' >"$DIR/pin"
	station_card 0 foreign=ec:P-256
	screen_start "${keep[@]}"
	screen_shows "LEFT ALONE"
	screen_keys r
	sleep 1
	for k in 1 2 3; do
		station_card "$k"
		sleep 1.5
	done
	screen_shows "another token has refused"
	(($(card_status 1 pin-wrong) + $(card_status 2 pin-wrong) + $(card_status 3 pin-wrong) == 1))
}

@test "what was there before the station saw it is not undone, and it is said which command does it" {
	company 1
	station_card 0
	company_tokenroll "$DIR" enroll alice --pin-file "$DIR/pin" --ca-pass-file "$DIR/ca.pass"
	station_roster user alice bob
	screen_start "${keep[@]}"
	screen_shows "PULL: DONE"
	screen_shows "u undo"
	screen_keys u
	screen_shows "was there before, and is not undone here"
	screen_shows "tokenroll wipe --serial STAT000000"
	# to its end, also on a small screen
	screen_shows "revokes the certificate"
	grep -q "^V.*/CN=alice$" "$DIR/pki/index.txt"
	[[ $(holder 0) == alice ]]
}

# half_undone: alice is done, and her token is being emptied, slowly
half_undone() {
	company 1
	station_roster user alice bob
	card_process sc-hsm 0 "pin=$COMPANY_PIN" "so-pin=$COMPANY_SO_PIN" serial=STAT000000
	card_ctl 0 insert
	screen_start -s 120x24 "${keep[@]}" --so-pin-file "$DIR/so-pin"
	screen_shows "PULL: DONE"
	screen_shows "u undo"
	card_ctl 0 delay "$1"
	screen_keys u
	screen_shows "y yes"
	screen_keys y
}

is_empty() {
	[[ $(card_status 0 keys) == 0 ]]
}

@test "an undo whose token is pulled out goes on when it is put in again" {
	half_undone 60
	screen_wait 15 is_empty
	card_ctl 0 pull
	screen_shows "put the same token in again: it goes on where it stopped"
	card_ctl 0 delay 0
	card_ctl 0 insert
	screen_shows "UNDONE: the token is empty again"
	grep -q "^R.*/CN=alice$" "$DIR/pki/index.txt"
	screen_shows "0 done"
	screen_shows "1  alice"
	station_card 1
	screen_shows "PULL: DONE"
	[[ $(holder 1) == alice ]]
}

@test "an undo that has failed is offered again" {
	half_undone 60
	screen_shows_not "PULL: DONE"
	kill -KILL "$(pgrep -P "$(screen_pid)" -f enroller | head -1)"
	screen_shows "FAILED"
	screen_shows "u undo"
	card_ctl 0 delay 0
	screen_keys u
	screen_shows "y yes"
	screen_keys y
	screen_shows "UNDONE: the token is empty again"
}

is_revoked() {
	grep -q "^R.*/CN=alice$" "$DIR/pki/index.txt"
}

# goes_on_after_kill CONDITION: of the station, which learns of nothing from when the token is empty until that holds
goes_on_after_kill() {
	half_undone 60
	screen_wait 20 is_empty
	kill -STOP "$(screen_pid)"
	screen_wait 20 "$1"
	kill -KILL "$(screen_pid)"
	sleep 2
	card_ctl 0 delay 0
	screen_end
	screen_start -s 120x24 "${keep[@]}" --so-pin-file "$DIR/so-pin"
	screen_shows "UNDONE: the token is empty again"
	is_empty
	is_revoked
	[[ $(people delivered) == "" ]]
	station_card 1
	screen_shows "PULL: DONE"
	[[ $(holder 1) == alice ]]
}

@test "an undo whose station is killed goes on in the next one, and the person gets a token again" {
	goes_on_after_kill is_empty
}

@test "an undo that was over when its station was killed is over, and the person gets a token again" {
	goes_on_after_kill is_revoked
}

@test "a PIN that a YubiKey cannot have, or comes with, is asked for again at once; the rule shown is the token's" {
	cards_start_yubikeys 2
	STATION_CONF=("token.module=$(cards_module ykcs11)" "vpn.client-module-linux=$(cards_module opensc)" token.timeout=20)
	station_make_company
	recovery_new "$DIR/recovery" Recovery
	station_conf "escrow.recovery=$DIR/recovery.pem"
	station_roster user alice bob
	screen_start --pins typed
	card_new piv 0 serial=13371337
	screen_shows "Please choose a PIN for your token, and type it twice: 6 to 8"
	screen_keys 123456 Enter
	screen_shows "All such tokens come with this PIN"
	screen_shows_not "once more:"
	screen_keys 86420975 Enter
	screen_shows "once more:"
	screen_keys 86420975 Enter
	screen_shows "PULL: DONE"
	screen_shows "1 done  0 failed"
	card_new piv 1 serial=13371338 pin=97531864
	screen_shows "Please type the PIN that the token has now: 6 to 8"
	screen_keys 975318649753 Enter
	screen_shows "It has to be 6 to 8"
	screen_keys 97531864 Enter
	screen_shows "Please choose a PIN for your token"
	screen_keys 75318642 Enter
	screen_shows "once more:"
	screen_keys 75318642 Enter
	screen_shows "2 done  0 failed"
	[[ $(card_status 1 pin-wrong) == 0 ]]
}

@test "a key is offered only where it can be done: no letter to print, nobody to skip or to hold" {
	company 1
	station_roster user alice bob
	screen_start "${keep[@]}"
	station_card 0
	screen_shows "PULL: DONE"
	screen_shows "u undo"
	screen_has_not "p print again"
	screen_keys p
	screen_shows "print again: nobody who was just done and gets a letter is at a reader"
	card_ctl 0 pull
	screen_shows_not "PULL"
	card_ctl 0 insert
	screen_shows "token STAT000000 is done: it is alice's"
	screen_shows "r retry  w why"
	screen_has_not "s skip"
	screen_has_not "h hold"
	screen_keys s
	screen_shows "skip: there is nobody who could be skipped"
	# also where nothing is under way it is asked
	screen_keys C-c
	screen_shows "End the station?"
	screen_keys y
	screen_shows "exit status 0"
}

@test "a token that is pulled out at the question for its PIN is nobody's yet: its reader is free when its person is elsewhere" {
	company 2
	station_roster user alice bob
	screen_start -s 100x24 --pins typed --pin-file "$DIR/pin"
	station_card 0
	screen_shows "Please choose a PIN"
	screen_shows "alice"
	card_ctl 0 pull
	screen_shows "What to do: put it in again, or another one: nothing was begun on it, and alice is next in line"
	station_card 1
	screen_shows "Please choose a PIN"
	screen_shows "alice"
	screen_keys 86420975 Enter
	screen_shows "once more:"
	screen_keys 86420975 Enter
	screen_shows "PULL: DONE"
	screen_has_not FAILED
	screen_has_not "What to do:"
	card_ctl 1 pull
	card_ctl 0 insert
	screen_shows "Please choose a PIN"
	screen_shows "bob"
	card_ctl 0 pull
	screen_shows "What to do: put it in again"
	screen_keys r
	screen_shows "1: bob is in line again"
	screen_shows_not FAILED
	[[ $(people delivered) == alice ]]
}

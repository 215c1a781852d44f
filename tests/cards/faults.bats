#!/usr/bin/env bats
# shellcheck disable=SC2154  # bats sets $status and $output
# A virtual card does on command what goes wrong with real ones, counts what it is asked, and keeps its state.

bats_require_minimum_version 1.5.0

PIN=648219

setup() {
	load cards.bash
	DIR=$BATS_TEST_TMPDIR
	cards_start 2
	card_new sc-hsm 0
}

teardown() {
	cards_stop
}

login() {
	card_pkcs11 0 --login --pin "$PIN" "$@"
}

keygen() {
	login --keypairgen --key-type EC:prime256v1 --id "${1:-01}" --label test
}

# A plain question that needs no state: how many tries the PIN has left.
ask() {
	cards_tool readers send 0 0020008100
}

verify_pin() {
	cards_tool readers send 0 "0020008106$(printf %s "$1" | xxd -p)"
}

# at WORDS COMMAND...: the number of the first APDU of a command with that meaning
at() {
	local meaning=$1
	shift
	card_ctl 0 reset-count
	card_ctl 0 log "$DIR/trace"
	"$@"
	card_ctl 0 log off
	awk -v meaning="$meaning" -F'\t' '{ n = $1; sub(/ .*/, "", n); sub(/^[0-9]+ /, "", $1) }
		$1 == meaning && !found { print n; found = 1 } END { exit !found }' "$DIR/trace" >"$DIR/at"
}

@test "every APDU is counted and traced with its meaning, answer and time" {
	card_ctl 0 log "$DIR/trace"
	[[ $(card_ctl 0 count) == 0 ]]
	card_pkcs11 0 --list-slots
	[[ $(card_ctl 0 count) == $(wc -l <"$DIR/trace") && $(card_ctl 0 count) -gt 5 ]]
	grep -qP '^[0-9]+ select the applet\t00A404000BE82B0601040181C31F0201(00)?\t6F0782017885020303''9000\t[0-9]+ ms$' "$DIR/trace"
	card_ctl 0 reset-count
	[[ $(card_ctl 0 count) == 0 ]]
	card_ctl 0 log off
	ask
	[[ $(card_ctl 0 count) == 1 && $(card_status 0 apdus) == 1 ]]
	run ! grep -q 0020008100 "$DIR/trace"
}

@test "pulled at an APDU it does not execute it, and says nothing to anybody until it is put back" {
	[[ $(ask) == 63C3 ]]
	card_ctl 0 pull-at 2
	ask
	run verify_pin 000000
	echo "$output"
	[[ $status != 0 && $output == *"cannot send"* ]]
	[[ $(card_status 0 inserted) == 0 && $(card_status 0 pin-wrong) == 0 ]]
	cards_tool readers wait 0 empty
	card_ctl 0 insert
	[[ $(ask) == 63C3 ]]
}

@test "pulled after an APDU it has executed it, but nobody knows" {
	card_ctl 0 pull-at 1 after
	run verify_pin 000000
	[[ $status != 0 ]]
	[[ $(card_status 0 inserted) == 0 && $(card_status 0 pin-wrong) == 1 ]]
}

@test "pulled at any APDU of a key's generation the module reports a failure, and goes on once it is back" {
	local k last
	at "generate a key" keygen 01
	last=$(card_ctl 0 count)
	for k in 1 5 "$(<"$DIR/at")" $((last - 3)); do
		card_ctl 0 pull-at "$k"
		run keygen 02
		echo "at $k: $output"
		[[ $output != *"Key pair generated"* && $(card_status 0 inserted) == 0 ]]
		card_ctl 0 insert
	done
	keygen 03
	[[ $(login --list-objects --type privkey) == *"ID: "*03* ]]
}

@test "pulled when the key has just been made the key is on the card" {
	at "generate a key" keygen 01
	card_ctl 0 pull
	card_new sc-hsm 0.b # as empty as the first one was
	card_ctl 0.b pull-at "$(<"$DIR/at")" after
	run keygen 01
	echo "$output"
	[[ $status != 0 && $output == *CKR_* && $output != *"Key pair generated"* ]]
	[[ $(card_status 0.b keys) == 1 && $(card_status 0.b files) == 1 ]]
	card_ctl 0.b insert
	[[ $(cards_tool readers send 0 80580000000000) == CC009000 ]]
}

@test "an APDU is answered with a status word, once, and is not executed" {
	card_ctl 0 answer-at 2 6F00
	[[ $(ask) == 63C3 ]]
	[[ $(verify_pin 000000) == 6F00 ]]
	[[ $(card_status 0 pin-wrong) == 0 && $(card_status 0 planned) == 0 ]]
	[[ $(ask) == 63C3 ]]
}

@test "an APDU is executed and answered with a status word all the same" {
	card_ctl 0 answer-at 1 6982 after
	[[ $(verify_pin 000000) == 6982 ]]
	[[ $(card_status 0 pin-wrong) == 1 ]]
}

@test "an APDU is answered with garbage, or with half of the answer" {
	local select=00A404000BE82B0601040181C31F020100
	card_ctl 0 answer-at 1 garbage
	card_ctl 0 answer-at 2 garbage
	card_ctl 0 answer-at 3 truncated
	card_ctl 0 answer-at 4 truncated
	cards_tool readers send 0 "$select" 0020008100 "$select" 0020008100 "$select" >"$DIR/answers"
	cat "$DIR/answers"
	mapfile -t answer <"$DIR/answers"
	[[ ${answer[0]} != 6F07* && ${#answer[0]} == 22 && ${answer[0]} == *9000 ]]
	[[ ${#answer[1]} == 36 && ${answer[1]} == *9000 ]]
	[[ ${answer[2]} == 6F0782019000 ]]
	[[ ${answer[3]} == 63 ]]
	[[ ${answer[4]} == 6F07820178850203039000 ]]
}

@test "what is planned can be forgotten" {
	card_ctl 0 pull-at 1
	card_ctl 0 delay 3000
	card_ctl 0 forget
	SECONDS=0
	[[ $(ask) == 63C3 ]]
	((SECONDS < 2))
}

@test "each APDU takes the time it was told to, and key generation takes more" {
	local began
	card_ctl 0 delay 50
	began=$(date +%s%N)
	cards_tool readers send 0 0020008100 0020008100 0020008100 0020008100
	((($(date +%s%N) - began) / 1000000 >= 200))
	card_ctl 0 delay 0
	card_ctl 0 delay-key 700
	card_ctl 0 log "$DIR/trace"
	keygen
	[[ $(awk -F'\t' '$1 ~ /generate a key/ { print ($4 + 0 >= 700) }' "$DIR/trace") == 1 ]]
	[[ $(awk -F'\t' '$4 + 0 >= 700' "$DIR/trace" | wc -l) == 1 ]]
}

@test "it can be pulled while it is slow, and the module notices at once" {
	local rc=0
	card_ctl 0 delay-key 20000
	SECONDS=0
	keygen >"$DIR/out" 2>&1 3>&- &
	until [[ $(card_status 0 pin-tries) == 3 && $(card_ctl 0 count) -gt 15 ]] && grep -q . "$DIR/out"; do sleep 0.05; done
	sleep 0.3
	card_ctl 0 pull
	wait $! || rc=$?
	cat "$DIR/out"
	[[ $rc != 0 ]]
	grep -q CKR_ "$DIR/out"
	[[ $(card_status 0 keys) == 0 ]]
	((SECONDS < 10))
}

@test "PINs, keys and files survive pulling, and a new process finds them in the file" {
	keygen
	verify_pin 000000
	card_ctl 0 pull
	card_ctl 0 insert
	[[ $(ask) == 63C2 ]]
	login --list-objects --type privkey | grep -q 'ID: *01'
	card_ctl 0 quit
	cards_tool readers wait 0 empty
	card_again sc-hsm 0
	[[ $(card_status 0 keys) == 1 && $(card_status 0 pin-wrong) == 1 && $(card_status 0 inserted) == 0 ]]
	card_ctl 0 insert
	login --list-objects --type privkey | grep -q 'ID: *01'
}

@test "a killed card is whole again in its next process" {
	keygen
	kill -KILL "$(card_status 0 pid)"
	cards_tool readers wait 0 empty
	card_again sc-hsm 0
	card_ctl 0 insert
	login --list-objects --type privkey | grep -q 'ID: *01'
}

@test "a damaged file, another type's file, and a file in use are refused" {
	run card_again sc-hsm 0
	[[ $status != 0 && $output == *"another process has this card"* ]]
	card_ctl 0 quit
	cards_tool readers wait 0 empty
	truncate -s -1 "$CARDS_DIR/card-0"
	run card_again sc-hsm 0
	[[ $status != 0 && $output == *"not the whole state"* ]]
}

@test "options for a card that exists already are refused" {
	card_ctl 0 quit
	cards_tool readers wait 0 empty
	run card_process sc-hsm 0 serial=ANOTHER0001
	[[ $status != 0 && $output == *"is for a new one"* ]]
}

@test "two cards take turns in one reader" {
	card_ctl 0 pull
	card_new sc-hsm 0.b serial=SECOND00001
	[[ $(card_pkcs11 0 --list-slots) == *SECOND00001* ]]
	card_ctl 0.b pull
	card_ctl 0 insert
	[[ $(card_pkcs11 0 --list-slots) == *DECC0100001* ]]
}

@test "a command that makes no sense is refused with a reason, and a missing card is another thing" {
	local words
	for words in "dance" "delay" "delay -1" "delay x" "pull-at 0" "pull-at x" "pull-at 1 before" "answer-at 1" \
		"answer-at 1 9" "answer-at 1 XXXX" "answer-at 0 6F00" "log /nowhere/log"; do
		# shellcheck disable=SC2086  # words
		run card_ctl 0 $words
		[[ $status == 1 && $output == cardctl:* ]] || { echo "$words: $status $output" && return 1; }
	done
	run cards_tool cardctl "$CARDS_DIR/card-0.sock" insert
	[[ $status == 1 && $output == *"in the reader already"* ]]
	run cards_tool cardctl "$CARDS_DIR/card-7.sock" status
	[[ $status == 2 && $output == *"no card listens"* ]]
}

@test "all forms of APDU are understood, and others are refused" {
	# the four cases, short and long; then lengths that are not those of the data
	cards_tool readers send 0 \
		00200081 0084000004 00840000000004 0020008106303030303030 00200081000006363438323139 \
		00A4000002000000 00A400000000022F020000 \
		002000 0020008107303030 00200081000007303030 00A400000300 >"$DIR/answers"
	sed 's/^[0-9A-F]*\(....\)$/\1/' "$DIR/answers" | paste -s -d' ' >"$DIR/words"
	cat "$DIR/words"
	[[ $(<"$DIR/words") == "63C3 9000 9000 63C2 9000 6A82 9000 6700 6700 6700 6700" ]]
	[[ $(sed -n 2p "$DIR/answers" | wc -c) == 13 && $(sed -n 3p "$DIR/answers" | wc -c) == 13 ]]
}

@test "a command in pieces is one command, and a long answer is fetched in pieces" {
	local pin=0020008106363438323139 data
	data=$(printf 'AB%.0s' {1..200})
	# writing a file: two pieces of a chain, the second ends it
	cards_tool readers send 0 "$pin" "10D7CF010854020000538200C8" "00D7CF01C8$data" "00B1CF01045402000000" >"$DIR/answers"
	cat "$DIR/answers"
	[[ $(sed -n '2,3p' "$DIR/answers" | paste -s) == $'9000\t9000' ]]
	[[ $(tail -n 1 "$DIR/answers") == "${data}6282" ]]
	# a piece of another command does not belong to it
	cards_tool readers send 0 "$pin" "10D7CF020854020000538200C8" 00200081 "00D7CF02C8$data" >"$DIR/answers"
	[[ $(tail -n 1 "$DIR/answers") == 6A80 ]]
	# 9 bytes, of which 4 are wanted, then 3, then the rest; then there is no more
	cards_tool readers send 0 00A404000BE82B0601040181C31F020104 00C0000003 00C0000000 00C0000000 >"$DIR/answers"
	[[ $(paste -s -d' ' "$DIR/answers") == "6F0782016105 7885026102 03039000 6985" ]]
	# nor is there after another command
	cards_tool readers send 0 00A404000BE82B0601040181C31F020104 00200081 00C0000000 >"$DIR/answers"
	[[ $(tail -n 1 "$DIR/answers") == 6985 ]]
}

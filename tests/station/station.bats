#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2153,SC2030,SC2031,SC2154  # bats and station.bash set them
# Many tokens at once: who gets which, and which are left alone.

bats_require_minimum_version 1.5.0

setup_file() {
	export COMPANY_CACHE=$BATS_FILE_TMPDIR/cache
}

setup() {
	load station.bash
	PATH=$PATH:/usr/sbin:/sbin
}

teardown() {
	station_stop
}

# all_cards N: so many cards, one in each reader
all_cards() {
	local k
	for ((k = 0; k < $1; k++)); do station_card "$k" & done
	wait
}

@test "each person on the roster gets one token, and card, PKI, inventory and audit trail agree on whose it is" {
	station_cards 4
	all_cards 4
	station_roster user,name alice,Alice bob,Боб carol,Carol dave,Dave
	station
	((status == 0))
	[[ $(people delivered) == "alice bob carol dave" ]]
	for k in {0..3}; do
		user=$(holder "$k")
		company_tokenroll "$DIR" list --csv --user "$user" | grep -q "STAT00000$k"
		company_tokenroll "$DIR" audit --csv --user "$user" | grep delivered | grep -q "STAT00000$k"
	done
	company_tokenroll "$DIR" audit --verify
	[[ $(for k in {0..3}; do holder "$k"; done | sort -u | wc -l) == 4 ]]
}

@test "a token that the roster names goes to that person, and the others to the next in line" {
	station_cards 2
	all_cards 2
	station_roster user,token_serial alice, bob,STAT000000
	station
	((status == 0))
	[[ $(holder 0) == bob && $(holder 1) == alice ]]
}

@test "a second run goes on with who is left, and leaves a token alone that is done" {
	station_cards 2
	station_card 0
	station_roster user alice bob
	station_start
	station_says "alice  done"
	kill -TERM "$STATION"
	station_ended
	station_card 1
	station_start
	station_says "STAT000000 is done: it is alice's"
	station_says "bob  done"
	station_ended
	((STATUS == 0))
	[[ $(holder 0) == alice && $(holder 1) == bob ]]
}

@test "somebody else's token, one with other keys, one with a single try left and a locked one are left alone, and say why" {
	station_cards 6
	cards_tries_meant
	station_card 0
	company_tokenroll "$DIR" --reader "$(cards_reader 0)" --pin-file "$DIR/pin" --ca-pass-file "$DIR/ca.pass" zoe
	station_card 1 foreign=ec:P-256
	station_card 2
	station_card 3
	for k in 2 2 3 3 3; do card_pkcs11 "$k" --login --pin 111111 --list-objects >/dev/null 2>&1 || true; done
	card_ctl 1 export contents "$DIR/before"
	card_ctl 3 reset-count
	station_card 4
	station_roster user alice bob
	station_start
	station_says "token STAT000000 is zoe's, valid until"
	station_says "token STAT000001 holds .* that tokenroll did not make"
	station_says "STAT000002 has one PIN try left"
	station_says "the PIN of token STAT000003 is locked"
	station_says "alice  done"
	card_ctl 1 export contents "$DIR/after"
	cmp "$DIR/before" "$DIR/after"
	[[ $(holder 4) == alice && $(people delivered) == "alice zoe" ]]
	kill -TERM "$STATION"
	station_ended
}

@test "whose key easy-rsa made in a file is skipped, and the token is for the next; with --replace it is theirs" {
	station_cards 2
	all_cards 2
	for user in alice dave; do
		company_run "$DIR" easyrsa company_easyrsa "$DIR" build-client-full "$user" nopass
	done
	station_roster user,token_serial alice, bob, dave,STAT000001
	station_start
	station_says "alice is skipped in this run: the CA has a valid certificate for alice already"
	station_says "bob  done"
	station_says "dave  FAILED: the CA has a valid certificate for dave already"
	run ! grep -q "alice  FAILED" "$DIR/log/station"
	kill -TERM "$STATION"
	station_ended
	[[ $(holder 0) == bob && $(people delivered) == bob ]]
	grep -q "^V.*CN=alice" "$DIR/pki/index.txt"
	card_ctl 0 pull
	card_new sc-hsm 0.second "pin=$COMPANY_PIN" "so-pin=$COMPANY_SO_PIN" serial=STAT000002
	station_start --replace
	station_says "alice  done"
	station_says "dave  done"
	station_ended
	((STATUS == 0))
	for user in alice dave; do
		[[ $(grep -c "^R.*CN=$user" "$DIR/pki/index.txt") == 1 && $(grep -c "^V.*CN=$user" "$DIR/pki/index.txt") == 1 ]]
	done
	[[ $(grep -c "CN=bob" "$DIR/pki/index.txt") == 1 ]]
}

@test "with --allow-foreign other keys stay as they are, beside ours" {
	station_cards 2
	station_card 0 foreign=ec:P-256
	card_ctl 0 export contents "$DIR/before"
	station_roster user alice
	station --allow-foreign
	((status == 0))
	card_ctl 0 export contents "$DIR/after"
	[[ -z $(comm -23 "$DIR/before" "$DIR/after") && $(people delivered) == alice ]]
}

@test "tokens in software need no reader" {
	station_soft
	company_token "$DIR" second
	station_roster user,department alice,Sales bob,IT
	station
	((status == 0))
	[[ $(people delivered) == "alice bob" ]]
}

@test "a token in software that is done is not told again by a later run" {
	station_soft
	station_roster user alice bob
	station_start
	station_says "alice  done"
	kill -TERM "$STATION"
	station_ended
	station_start
	sleep 1.5
	company_token "$DIR" second
	station_says "bob  done"
	station_ended
	((STATUS == 0))
	run ! grep "alice's\|  alice  " "$DIR/log/station"
}

@test "what happens can be read by a program, an object a line" {
	station_soft
	station_roster user,name alice,"Alice A"
	station_start --json
	station_ended
	((STATUS == 0))
	python3 - "$DIR/log/station" <<-'PYTHON'
		import json, sys
		events = [json.loads(line) for line in open(sys.argv[1])]
		kinds = [e["event"] for e in events]
		for kind in "begins", "token-in", "seen", "given", "step-end", "may-pull", "done", "ends":
		    assert kind in kinds, kind
		assert kinds.index("may-pull") > [k for k, e in enumerate(events) if e.get("step") == "proof" and e.get("ok")][0]
		assert events[-1]["done"] == 1 and events[-1]["left"] == 0
	PYTHON
}

# one_line CODE ARGUMENT...: the station ends before its first event, with this error in the one line that it prints
one_line() {
	run --separate-stderr timeout 10 "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$DIR/tokenroll.conf" --json station \
		--pin-file "$DIR/pin" "${@:2}" </dev/null
	((status != 0 && status != 124))
	python3 -c 'import json, sys; l, = sys.stdin; e = json.loads(l); assert not e["ok"] and e["error"]["code"] == sys.argv[1], e' \
		"$1" <<<"$output"
}

@test "an error before the first event is an object in a line as well" {
	station_soft
	printf '%s\n' wrong >"$DIR/wrong"
	chmod 600 "$DIR/wrong"
	station_roster user alice 'b b' alice
	one_line ROSTER --pins keep "$DIR/roster.csv"
	one_line ROSTER --pins keep "$DIR/nowhere.csv"
	one_line USAGE --pins
	one_line USAGE --nonsense "$DIR/roster.csv"
	one_line USAGE --pins nonsense "$DIR/roster.csv"
	station_roster user alice
	one_line CA_PASSPHRASE --pins keep --ca-pass-file "$DIR/wrong" "$DIR/roster.csv"
}

@test "what the roster says of a person is in the profile, and a value that begins with @ reads no file" {
	station_soft
	mkdir "$DIR/templates"
	cp "$COMPANY_ROOT"/templates/* "$DIR/templates"
	printf '# {{name}}, {{department}}, {{room}}, {{desk}}\n' >>"$DIR/templates/client.ovpn"
	station_conf "vpn.templates=$DIR/templates"
	station_roster user,name,department,room,desk 'alice,"Alice, A.",Sales,@/etc/passwd,'
	station
	((status == 0))
	grep -q "^# Alice, A., Sales, @/etc/passwd, $" "$DIR/bundles/alice/alice-linux.ovpn"
}

@test "the same roster is opened once on a machine, and the second station says by whom" {
	station_cards 2
	station_roster user alice
	station_start
	station_says reader
	run -6 bash -c 'source "$0"; DIR=$1; station_command --plain' "$BATS_TEST_DIRNAME/station.bash" "$DIR"
	[[ $output == *"process $STATION"* ]]
	kill -TERM "$STATION"
	station_ended
}

# refused_at_once STATUS ARGUMENT...
refused_at_once() {
	run timeout 10 "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$DIR/tokenroll.conf" station \
		--ca-pass-file "$DIR/ca.pass" "${@:2}" "$DIR/roster.csv" </dev/null
	((status == $1))
	[[ $output == *"there is no screen to type"* && $output == *"--pins pad"* ]]
}

@test "PINs that nobody could type without a screen are refused before the first token" {
	station_soft
	station_roster user alice
	refused_at_once 2 --pins typed --pin-file "$DIR/pin"
	refused_at_once 2 --json
	refused_at_once 2 --pins keep
	run sqlite3 "$DIR/tokenroll.db" "SELECT count(*) FROM roster_people WHERE state <> 'waiting'"
	((status != 0)) || [[ $output == 0 ]]
}

@test "a roster with a wrong line begins nothing" {
	station_cards 2
	station_card 0
	station_roster user,language alice,en bob,klingon "../carol",de
	card_ctl 0 reset-count
	station
	((status == 2))
	[[ $output == *"3"*klingon* && $output == *"4"* ]]
	[[ $(card_ctl 0 count) == 0 && ! -e $DIR/pki/issued/alice.crt ]]
	station_roster user Alice bob
	company_tokenroll "$DIR" list
	sqlite3 "$DIR/tokenroll.db" "INSERT INTO people (name, created) VALUES ('alice', 1)"
	station
	((status == 2))
	[[ $output == *"user 'Alice' is 'alice' in the inventory but for the case"* ]]
	[[ $(card_ctl 0 count) == 0 && ! -e $DIR/pki/issued/Alice.crt ]]
}

@test "at its end a station reports what was done, and who is left; to a program its events are enough" {
	station_soft
	station_roster user alice bob
	station_start
	station_says "alice  done"
	run ! grep -q "is done, 1 left" "$DIR/log/station"
	kill -TERM "$STATION"
	station_ended
	((STATUS == 0))
	grep -q "roster.csv: 1 of 2 is done, 1 left" "$DIR/log/station"
	grep -A 1 "Waiting: 1" "$DIR/log/station" | grep bob
	station_start --json
	station_says '"begins"'
	kill -TERM "$STATION"
	station_ended
	run ! grep -q "is done, 1 left" "$DIR/log/station"
}

@test "a token that was finished before is said to be proven only if its key was tried" {
	station_cards 1
	station_card 0
	company_tokenroll "$DIR" enroll alice --pin-file "$DIR/pin" --ca-pass-file "$DIR/ca.pass"
	station_roster user alice
	run timeout 30 "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$DIR/tokenroll.conf" station \
		--ca-pass-file "$DIR/ca.pass" --pins keep --keep-factory-pins --plain "$DIR/roster.csv" </dev/null
	((status == 0))
	[[ $output == *"done: it was finished before"*"; the key was not tried"* ]]
	[[ $output != *"proven: the token may be pulled out"* && $output != *$'\a'* ]]
	run timeout 30 "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$DIR/tokenroll.conf" station \
		--pin-file "$DIR/pin" --ca-pass-file "$DIR/ca.pass" --pins keep --plain - <"$DIR/roster.csv"
	((status == 0))
	[[ $output == *"proven: the token may be pulled out"*"done: it was finished before"* ]]
	[[ $output != *"the key was not tried"* ]]
}

@test "what is the same with each token is said once, and at the end how often; what is about a token, each time" {
	station_cards 2
	station_conf "ca.crl=$DIR/www/crl.pem"
	touch "$DIR/www"
	station_roster user alice bob carol
	station_start
	for k in 0 1; do
		station_card $k
		station_says "$(printf '%s' "Reader 00 0$k").*done, certificate"
	done
	card_ctl 0 pull
	station_card 0.b serial=STAT000008
	station_ended
	[[ $(grep -c "the CRL could not be published" "$DIR/log/station") == 2 ]]
	grep -q "said 3 times: the CRL could not be published" "$DIR/log/station"
	[[ $(grep -c "proven: the token may be pulled out" "$DIR/log/station") == 3 ]]
}

#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2153,SC2154  # bats and station.bash set them
# Whatever breaks off: the same command goes on, with the same people on the same tokens, and no certificate too many.

bats_require_minimum_version 1.5.0

setup_file() {
	export COMPANY_CACHE=$BATS_FILE_TMPDIR/cache
}

setup() {
	load station.bash
	PATH=$PATH:/usr/sbin:/sbin
	station_cards 2
	station_card 0
	station_roster user alice bob
}

teardown() {
	station_stop
}

# one_each USER...: each has one valid certificate and no other
one_each() {
	local user
	for user; do
		(($(awk -F'\t' -v cn="/CN=$user" '$1 == "V" && $6 == cn' "$DIR/pki/index.txt" | wc -l) == 1))
		(($(awk -F'\t' -v cn="/CN=$user" '$6 == cn' "$DIR/pki/index.txt" | wc -l) == 1))
	done
	company_tokenroll "$DIR" audit --verify >/dev/null
}

# of_station ROLE: the process ids of a role below the station
of_station() {
	local p
	for p in $(pgrep -f "tokenroll-$1\$" || true); do
		! grep -qz "^SOFTHSM2_CONF=$DIR" "/proc/$p/environ" 2>/dev/null || echo "$p"
	done
}

# slow_key: alice's token takes two seconds for its key, and is at it
slow_key() {
	card_ctl 0 delay-key 2000
	station_start
	station_says "for alice"
	sleep 0.7
}

@test "a token that is pulled in the middle waits for its person, and the next person gets another token" {
	slow_key
	card_ctl 0 pull
	station_says "alice  FAILED: .*pulled out"
	station_card 1
	station_says "bob  done"
	card_ctl 0 insert
	station_says "alice  done"
	station_ended
	[[ $(holder 0) == alice && $(holder 1) == bob ]]
	one_each alice bob
}

@test "a token that comes back while its roster cannot be written waits, and goes on by itself when it can" {
	card_ctl 0 delay 30
	station_start
	station_says "alice  certificate"
	sqlite3 -cmd ".timeout 5000" "$DIR/tokenroll.db" "CREATE TRIGGER full BEFORE UPDATE ON roster_people
		WHEN NEW.state = 'failed' BEGIN SELECT RAISE(ABORT, 'no room'); END"
	card_ctl 0 pull
	station_says "alice  FAILED"
	card_ctl 0 delay 0
	card_ctl 0 insert
	station_says "alice  LEFT ALONE: .*could not be written"
	sqlite3 -cmd ".timeout 5000" "$DIR/tokenroll.db" "DROP TRIGGER full"
	station_says "alice  done"
	station_card 1
	station_says "bob  done"
	station_ended
	[[ $(holder 0) == alice && $(holder 1) == bob ]]
	one_each alice bob
}

@test "a station that is killed goes on when it is started again, with each token's person" {
	slow_key
	kill -KILL "$STATION"
	station_ended
	station_card 1
	station_start
	station_says "alice  done" 30
	station_says "bob  done"
	station_ended
	[[ $(holder 0) == alice && $(holder 1) == bob ]]
	one_each alice bob
}

@test "another tokenroll at work on the same person, as one that a crash has left, is waited for, and then it goes on" {
	mkfifo "$DIR/slow"
	exec 7<>"$DIR/slow"
	"${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$DIR/tokenroll.conf" enroll alice --pin-fd 7 \
		--ca-pass-file "$DIR/ca.pass" </dev/null >"$DIR/log/other" 2>&1 3>&- &
	other=$!
	sleep 1
	station_start
	station_says "still at work on this person"
	kill "$other"
	wait "$other" || true
	exec 7>&-
	station_says "alice  FAILED: process $other is working on user alice"
	station_says "it is tried again"
	station_says "alice  done"
	station_card 1
	station_says "bob  done"
	station_ended
	one_each alice bob
}

@test "a process that enrolls, or runs a module, can be killed: its token is gone on with, and the others do not notice" {
	local role
	for role in enroller worker; do
		slow_key
		# alice's, as long as there is no other
		mapfile -t pids < <(of_station $role)
		station_card 1
		kill -KILL "${pids[0]}"
		station_says "alice  FAILED"
		station_says "bob  done"
		card_ctl 0 pull
		card_ctl 0 insert
		station_says "alice  done"
		station_ended
		one_each alice bob
		[[ $(holder 0) == alice ]]
		card_ctl 0 pull && card_ctl 0 quit
		card_ctl 1 pull && card_ctl 1 quit
		rm -rf "$DIR" "$CARDS_DIR"/card-*
		station_make_company
		station_conf
		station_card 0
		station_roster user alice bob
	done
}

@test "a card that hangs for ever costs its own reader: the others go on, it is said, and the station can be ended" {
	station_conf token.timeout=3
	card_ctl 0 delay 600000
	station_start
	sleep 1
	station_card 1
	station_says "alice  done"
	card_ctl 1 pull
	station_card 1.second serial=STAT000009
	station_says "bob  done"
	station_says "Virtual Reader 00 00  FAILED: .*did not answer within 3 s"
	station_ended
	[[ $(holder 1) == bob ]]
	one_each alice bob
}

@test "without its signer the station ends, says so, and goes on when it is started again" {
	slow_key
	kill -KILL "$(of_station signer)"
	station_ended
	((STATUS == 5))
	grep -q "the signer process" "$DIR/log/station"
	grep -q "start the station again" "$DIR/log/station"
	station_card 1
	station_start
	station_says "alice  done"
	station_says "bob  done"
	station_ended
	one_each alice bob
}

@test "when its terminal is closed or it is told to end, it finishes what is under way and begins nothing more" {
	local sig
	for sig in HUP TERM; do
		slow_key
		kill "-$sig" "$STATION"
		station_says "what is under way is finished"
		station_card 1.$sig
		station_says "alice  done"
		station_ended
		((STATUS == 0))
		! grep -q "for bob" "$DIR/log/station"
		rm -rf "$DIR"
		card_ctl 1.$sig pull
		card_ctl 0 pull && card_ctl 0 quit
		rm -f "$CARDS_DIR"/card-0*
		station_make_company
		station_conf
		station_card 0
		station_roster user alice bob
	done
}

@test "told twice, it breaks off what is under way, and that can be gone on with" {
	slow_key
	kill -INT "$STATION"
	station_says "is finished"
	kill -INT "$STATION"
	station_says "is broken off"
	station_ended
	card_ctl 0 delay-key 0
	station_card 1
	station_start
	station_says "alice  done"
	station_says "bob  done"
	station_ended
	one_each alice bob
	[[ $(holder 0) == alice ]]
}

@test "when PC/SC is started anew, tokens that were in the readers are gone on with" {
	slow_key
	cards_stop
	station_says "no readers"
	station_says "alice  FAILED"
	cards_start 2
	card_again sc-hsm 0
	card_ctl 0 insert
	station_card 1
	station_says "alice  done"
	station_says "bob  done"
	station_ended
	one_each alice bob
	[[ $(holder 0) == alice ]]
}

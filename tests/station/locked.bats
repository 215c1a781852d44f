#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154  # bats and station.bash set them
# Another program keeps the database locked: the station says so while it waits, and loses nothing.

bats_require_minimum_version 1.5.0

setup_file() {
	export COMPANY_CACHE=$BATS_FILE_TMPDIR/cache
}

setup() {
	load station.bash
	load screen.bash
	PATH=$PATH:/usr/sbin:/sbin
	station_cards 1
	station_roster user alice
}

teardown() {
	screen_end
	station_stop
	[[ ! -v LOCKER ]] || kill "$LOCKER" 2>/dev/null || true
}

# lock SECONDS: the database, from when this returns
lock() {
	python3 - "$DIR" "$1" 3>&- <<-'PY' &
		import sqlite3, sys, time
		db = sqlite3.connect(sys.argv[1] + "/tokenroll.db", isolation_level=None, timeout=20)
		db.execute("BEGIN IMMEDIATE")
		open(sys.argv[1] + "/locked", "w")
		time.sleep(float(sys.argv[2]))
		db.execute("ROLLBACK")
	PY
	LOCKER=$!
	screen_wait 10 test -e "$DIR/locked"
}

@test "on the screen it is said that the database is locked, and then the token is done" {
	screen_start --pins keep --pin-file "$DIR/pin"
	screen_shows "Put the first token"
	lock 7
	station_card 0
	screen_shows "another program keeps the database locked; the station waits for it" 5
	screen_shows "PULL: DONE" 20
	[[ $(screen_text | sed -n 2p) != *locked* ]]
	[[ $(people delivered) == alice ]]
}

@test "as a line, too, and told twice the station does not wait for it" {
	station_start
	station_says "reader"
	sleep 1
	lock 40
	station_card 0
	station_says "another program keeps the database locked"
	kill -INT "$STATION"
	sleep 0.3
	kill -INT "$STATION"
	sleep 0.3
	kill -INT "$STATION"
	station_ended 15
	kill "$LOCKER"
	wait "$LOCKER" || true
	station_start
	station_says "alice  done"
	station_ended
	company_tokenroll "$DIR" audit --verify
}

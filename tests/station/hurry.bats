#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154  # bats and station.bash set them
# Asked for the third time the station ends within seconds, with status 7, whatever hangs.

bats_require_minimum_version 1.5.0

setup_file() {
	export COMPANY_CACHE=$BATS_FILE_TMPDIR/cache
}

setup() {
	load station.bash
	PATH=$PATH:/usr/sbin:/sbin
	station_soft
}

teardown() {
	station_stop
	[[ ! -v LOCKER ]] || kill "$LOCKER" 2>/dev/null || true
}

# lock: the database, from when this returns
lock() {
	local i
	python3 - "$DIR" 3>&- <<-'PY' &
		import sqlite3, sys, time
		db = sqlite3.connect(sys.argv[1] + "/tokenroll.db", isolation_level=None, timeout=20)
		db.execute("BEGIN IMMEDIATE")
		open(sys.argv[1] + "/locked", "w")
		time.sleep(100)
	PY
	LOCKER=$!
	for ((i = 0; i < 200; i++)); do
		[[ ! -e $DIR/locked ]] || return 0
		sleep 0.05
	done
	return 1
}

three_times() {
	BEGAN=$SECONDS
	kill -TERM "$STATION"
	sleep 1
	kill -TERM "$STATION" 2>/dev/null || return 0
	sleep 1
	kill -TERM "$STATION" 2>/dev/null || true
}

ends_soon() {
	station_ended 60
	((STATUS == 7 && SECONDS - BEGAN < 13)) || { echo "status $STATUS after $((SECONDS - BEGAN)) s" && return 1; }
}

at_work() {
	grep -qx "C_GenerateKeyPair *4" "$FAULTY_COUNT"
}

@test "another program keeps the database locked, and four tokens are at work" {
	local i
	company_token "$DIR" second
	company_token "$DIR" third
	company_token "$DIR" fourth
	FAULTY_MODULE=$(company_softhsm)
	export FAULTY_MODULE FAULTY_COUNT=$DIR/log/count FAULTY_RULE="C_GenerateKeyPair:*:hang"
	: >"$FAULTY_COUNT"
	station_conf "token.module=${BUILD:-$COMPANY_ROOT/build}/tests/fault/libfaulty.so" "vpn.client-module-linux="
	station_roster user alice bob carol dave
	station_start
	for ((i = 0; i < 200; i++)); do
		! at_work || break
		sleep 0.1
	done
	at_work
	lock
	three_times
	ends_soon
}

@test "[ca] after-crl hangs, and is owed all the same" {
	printf '#!/bin/sh\nsleep 100\n' >"$DIR/hook"
	chmod +x "$DIR/hook"
	station_conf "ca.after-crl=$DIR/hook"
	station_roster user,token_serial alice,NOSUCH
	: >"$DIR/tokenroll.db.after-crl"
	station_start
	station_says "LEFT ALONE"
	three_times
	ends_soon
	[[ -e $DIR/tokenroll.db.after-crl ]]
	grep -q "was not told" "$DIR/log/station"
}

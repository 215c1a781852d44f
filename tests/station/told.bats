#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2154  # the hook expands it; bats and station.bash set them
# A certificate that an undo revokes: the VPN server is told by [ca] after-crl soon, and not when the station ends.

bats_require_minimum_version 1.5.0

setup_file() {
	export COMPANY_CACHE=$BATS_FILE_TMPDIR/cache
}

setup() {
	load station.bash
	load screen.bash
	PATH=$PATH:/usr/sbin:/sbin
	station_cards 3
	called=$DIR/log/called
	: >"$called"
	printf '#!/bin/sh\necho "$TOKENROLL_CRL" >>"%s"\n. "%s/log/then"\n' "$called" "$DIR" >"$DIR/hook"
	: >"$DIR/log/then"
	chmod +x "$DIR/hook"
	station_conf "ca.after-crl=$DIR/hook"
	station_roster user alice bob carol
}

teardown() {
	screen_end
	station_stop
}

# times N: it was run so often
times() {
	[[ $(wc -l <"$called") == "$1" ]]
}

# undo READER: as an operator does it
undo() {
	local key
	for key in "$1" u; do
		screen_keys "$key"
		sleep 0.2
	done
	screen_shows "reader $1"
	screen_shows "y yes"
	screen_keys y
	sleep 0.2
}

both_done() {
	station_card 0
	station_card 1
	screen_start -s 120x24 --pins keep --pin-file "$DIR/pin" --so-pin-file "$DIR/so-pin"
	screen_shows "2 done" 30
}

@test "the VPN server is told of an undo within seconds, once for several, and not again when the station ends" {
	both_done
	times 0
	undo 1
	undo 2
	screen_shows "0 done"
	screen_wait 15 times 1
	screen_shows "the VPN server was told of the fresh CRL"
	[[ $(<"$called") == "$DIR/server/crl.pem" ]]
	openssl crl -in "$DIR/server/crl.pem" -noout -text | grep -c "Serial Number:" | grep -qx 2
	screen_keys q
	screen_shows "exit status 0"
	times 1
	[[ ! -e $DIR/tokenroll.db.after-crl ]]
}

@test "a hook that hangs holds up nothing, and is waited for in the end" {
	both_done
	echo "sleep 12" >"$DIR/log/then"
	undo 1
	screen_wait 15 times 1
	station_card 2
	screen_shows "2 done"
	screen_text
	screen_has_not "the VPN server was told"
	screen_keys q
	screen_shows "exit status 0" 30
	times 1
	[[ ! -e $DIR/tokenroll.db.after-crl ]]
}

@test "a hook that fails is said at once, and is run again when the station ends" {
	both_done
	echo "echo no route to it >&2; exit 1" >"$DIR/log/then"
	undo 1
	screen_shows "the VPN server was not told"
	screen_keys q
	screen_shows "exit status 1"
	times 2
	screen_has "the VPN server was not told"
	[[ -e $DIR/tokenroll.db.after-crl ]]
}

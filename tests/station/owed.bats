#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2153,SC2154  # the hook expands it; bats and station.bash set them
# That the VPN server is still to be told of a CRL by [ca] after-crl is not forgotten: whoever dies, and whoever else is
# at work.

bats_require_minimum_version 1.5.0

setup_file() {
	export COMPANY_CACHE=$BATS_FILE_TMPDIR/cache
}

setup() {
	load station.bash
	PATH=$PATH:/usr/sbin:/sbin
}

teardown() {
	[[ ! -v VERB ]] || kill -KILL "$VERB" 2>/dev/null || true
	station_stop
}

# hook: writes that it was called, and fails while there is DIR/broken
hook() {
	called=$DIR/log/called
	debt=$DIR/tokenroll.db.after-crl
	: >"$called"
	printf '#!/bin/sh\necho told >>"%s"\n[ ! -e "%s/broken" ]\n' "$called" "$DIR" >"$DIR/hook"
	chmod +x "$DIR/hook"
	station_conf "ca.after-crl=$DIR/hook"
}

# a station that waits for a token, and carol, who has a certificate
waiting_station() {
	station_soft
	hook
	company_run "$DIR" pki company_easyrsa "$DIR" build-client-full carol nopass
	station_roster user,token_serial alice,NOSUCH
	station_start
	station_says "LEFT ALONE"
}

# times N: it was run so often since the last time
times() {
	[[ $(wc -l <"$called") == "$1" ]]
	: >"$called"
}

verb() {
	company_tokenroll "$DIR" "$@" --ca-pass-file "$DIR/ca.pass"
}

end_station() {
	kill "-$1" "$STATION"
	station_ended
}

@test "what another run could not tell is not forgotten by a station that ends" {
	waiting_station
	: >"$DIR/broken"
	run verb revoke carol --yes
	((status == 1))
	times 1
	end_station TERM
	((STATUS == 0))
	[[ -e $debt ]]
	: >"$called"
	rm "$DIR/broken"
	verb revoke carol --yes
	times 1
	[[ ! -e $debt ]]
}

@test "a station that ends tells of it when that works by then" {
	waiting_station
	: >"$DIR/broken"
	run verb revoke carol --yes
	((status == 1))
	rm "$DIR/broken"
	: >"$called"
	end_station TERM
	((STATUS == 0))
	times 1
	[[ ! -e $debt ]]
}

@test "what a station may owe is not settled by another run that succeeds, nor told of without a reason" {
	waiting_station
	verb revoke carol --yes
	times 1
	verb revoke carol --yes
	times 0
	end_station KILL
	[[ -e $debt ]]
	verb revoke carol --yes
	times 1
	[[ ! -e $debt ]]
}

revoked_and_published() {
	local serial
	serial=$(awk -F'\t' '/^R.*CN=alice/ { print $4 }' "$DIR/pki/index.txt")
	[[ -n $serial ]] && openssl crl -in "$DIR/server/crl.pem" -noout -text | grep -q "$serial"
}

# half_replaced: alice's certificate on the first card is to be given up for the second one, by a verb that was killed
half_replaced() {
	station_cards 2
	hook
	station_card 0
	station_roster user alice
	card_ctl 0 delay 30
	station_start
	station_says "onto the token"
	card_ctl 0 pull
	station_says "alice  FAILED"
	end_station TERM
	station_card 1
	card_ctl 1 delay-key 4000
	"${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$DIR/tokenroll.conf" enroll alice --replace --pin-file "$DIR/pin" \
		--ca-pass-file "$DIR/ca.pass" </dev/null >/dev/null 2>&1 3>&- &
	VERB=$!
	wait_for is_planned
	kill -KILL "$VERB"
	wait "$VERB" || true
	unset VERB
	card_ctl 1 delay-key 0
	sleep 5
	card_ctl 1 pull
	card_ctl 1 delay 40
	card_ctl 1 insert
	rm -f "$debt"
	: >"$called"
}

is_planned() {
	[[ $(sqlite3 "$DIR/tokenroll.db" "select count(*) from credentials") == 2 ]]
}

enroller() {
	pgrep -P "$STATION" -x tokenroll-enrol
}

@test "a process at a token that is killed behind a revocation: the server is told all the same" {
	half_replaced
	station_start
	wait_for revoked_and_published
	kill -KILL "$(enroller)"
	wait_for test -s "$called"
	card_ctl 1 delay 0
	end_station TERM
	[[ ! -e $debt ]]
}

@test "... and if the station is ended at once, it is owed" {
	half_replaced
	station_start
	wait_for revoked_and_published
	kill -STOP "$(enroller)"
	kill -TERM "$STATION"
	sleep 0.3
	kill -TERM "$STATION"
	sleep 0.3
	kill -TERM "$STATION"
	station_ended
	((STATUS == 7))
	times 0
	[[ -e $debt ]]
	verb crl
	times 1
	[[ ! -e $debt ]]
}

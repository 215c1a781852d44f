#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2030,SC2031,SC2153,SC2154  # bats and station.bash set them
# Tokens that are in no reader of PC/SC's: how the station learns of them.

bats_require_minimum_version 1.5.0

setup_file() {
	export COMPANY_CACHE=$BATS_FILE_TMPDIR/cache
}

setup() {
	load station.bash
	load screen.bash
	PATH=$PATH:/usr/sbin:/sbin
}

teardown() {
	screen_end
	station_stop
}

# vendor_start [EVENTS]: the station for alice, bob and carol, with a module of a vendor's that goes around PC/SC, and one
# token, which is alice's then. EVENTS are FAULTY_EVENTS, without the file; the rules of FAULTY_RULE come on top
vendor_start() {
	station_soft
	FAULTY_MODULE=$(company_softhsm)
	export FAULTY_MODULE FAULTY_COUNT=$DIR/log/count
	export FAULTY_RULE="C_GetSlotInfo:*:flags=HARDWARE${FAULTY_RULE:+;$FAULTY_RULE}"
	: >"$DIR/log/events"
	: >"$FAULTY_COUNT"
	[[ ! -v 1 ]] || export FAULTY_EVENTS=$1$DIR/log/events
	station_conf "token.module=${BUILD:-$COMPANY_ROOT/build}/tests/fault/libfaulty.so" "vpn.client-module-linux="
	station_roster user alice bob carol
	station_start
	station_says "alice  done"
}

# vendor_event LABEL: one more token, of which the module tells
vendor_event() {
	company_token "$DIR" "$1"
	echo "$1" >>"$DIR/log/events"
}

vendor_ends() {
	station_ended
	((STATUS == 0))
	[[ $(people delivered) == "alice bob carol" ]]
}

# called FUNCTION: how often, by all processes
called() {
	awk -v name="$1" '$1 == name { print $2 }' "$DIR/log/count"
}

# called_within SECONDS FUNCTION: how often from now on
called_within() {
	local before
	before=$(called "$2")
	sleep "$1"
	echo $(($(called "$2") - before))
}

# quiet: waits until no look is taken any more
quiet() {
	local i
	for ((i = 0; i < 10; i++)); do
		(($(called_within 2.5 C_Initialize) > 0)) || return 0
	done
	echo "a look is taken again and again"
	return 1
}

@test "tokens in hardware that PC/SC knows nothing of are seen by their module, also one that comes later" {
	local i
	vendor_start
	company_token "$DIR" second
	station_says "bob  done"
	# SoftHSM2 can be asked for events, but has not told of this one
	for ((i = 0; i < 10 && $(called_within 2.5 C_WaitForSlotEvent) > 0; i++)); do :; done
	((i < 10))
	company_token "$DIR" third
	vendor_ends
}

@test "such a token is seen when its module tells of it, and no look is taken while it tells of none" {
	vendor_start ""
	quiet
	company_token "$DIR" second
	(($(called_within 3 C_Initialize) == 0))
	run ! grep -q bob "$DIR/log/station"
	echo second >>"$DIR/log/events"
	station_says "bob  done" 10
	quiet
	vendor_event third
	vendor_ends
}

@test "a module that does not wait for slot events, but tells of them when asked, is asked each second instead of for its tokens" {
	local asked
	vendor_start asked:
	vendor_event second
	station_says "bob  done"
	quiet
	asked=$(called_within 4 C_WaitForSlotEvent)
	((asked >= 2 && asked <= 5))
	(($(called_within 2 C_GetSlotList) == 0))
	vendor_event third
	vendor_ends
}

@test "a module without slot events is looked at each second" {
	FAULTY_RULE='C_WaitForSlotEvent:*:CKR_FUNCTION_NOT_SUPPORTED'
	vendor_start
	(($(called_within 4 C_Initialize) >= 2))
	(($(called C_WaitForSlotEvent) == 2))
	company_token "$DIR" second
	station_says "bob  done"
	company_token "$DIR" third
	vendor_ends
}

@test "a crash of a module that waits for slot events is told once, its tokens are seen meanwhile, and it waits again" {
	local i
	FAULTY_RULE='C_WaitForSlotEvent:1:crash;C_WaitForSlotEvent:2:crash'
	vendor_start ""
	station_says "while it waited for slot events.*crashed"
	vendor_event second
	station_says "bob  done"
	for ((i = 0; i < 40 && $(called C_WaitForSlotEvent) < 3; i++)); do sleep 0.5; done
	quiet
	vendor_event third
	vendor_ends
	(($(grep -c "while it waited for slot events" "$DIR/log/station") == 1))
}

@test "a module whose wait for slot events always ends at once costs no more than a look a second" {
	FAULTY_RULE='C_WaitForSlotEvent:*:CKR_OK'
	vendor_start ""
	sleep 2
	(($(called_within 4 C_WaitForSlotEvent) <= 5))
	(($(called_within 4 C_Initialize) <= 5))
	company_token "$DIR" second
	company_token "$DIR" third
	vendor_ends
}

@test "a module that is one process's alone while it waits for slot events is looked at each second, and does not wait" {
	vendor_start alone:
	(($(called C_WaitForSlotEvent) == 1))
	run ! grep -q CKR_DEVICE_ERROR "$DIR/log/station"
	company_token "$DIR" second
	station_says "bob  done"
	company_token "$DIR" third
	vendor_ends
	(($(called C_WaitForSlotEvent) == 1))
}

@test "whatever a module does that waits for slot events, a station ends at once, and with it what waits" {
	local waiting i
	FAULTY_RULE='C_WaitForSlotEvent:*:hang'
	vendor_start ""
	quiet
	waiting=$(pgrep -d, -P "$(pgrep -d, -P "$STATION")")
	[[ $(ps -o comm= -p "$waiting") == tokenroll-worke* ]]
	kill -TERM "$STATION"
	station_ended 3
	((STATUS == 0))
	for ((i = 0; i < 20; i++)); do
		[[ $(ps -o stat= -p "$waiting") == [^Z]* ]] || return 0
		sleep 0.05
	done
	return 1
}

@test "a module that shows cards only is not made to wait for slot events, and left alone after its first card" {
	local i
	station_cards 2
	FAULTY_MODULE=$(cards_module opensc)
	export FAULTY_MODULE FAULTY_COUNT=$DIR/log/count FAULTY_EVENTS=$DIR/log/events
	: >"$FAULTY_EVENTS"
	: >"$FAULTY_COUNT"
	station_conf "token.module=${BUILD:-$COMPANY_ROOT/build}/tests/fault/libfaulty.so" token.timeout=10
	station_card 0
	station_roster user alice bob carol
	station_start
	station_says "alice  done"
	quiet
	(($(called C_WaitForSlotEvent) == 0))
	kill -TERM "$STATION"
	station_ended
	card_ctl 0 pull
	station_start
	for ((i = 0; i < 100 && $(called C_WaitForSlotEvent) == 0; i++)); do sleep 0.1; done
	station_card 1
	echo card >>"$FAULTY_EVENTS"
	station_says "bob  done"
	quiet
	echo another >>"$FAULTY_EVENTS"
	(($(called_within 2 C_Initialize) == 0))
	kill -TERM "$STATION"
	station_ended
}

# at_key RULE: the station for alice and bob, with alice's software token at its key, to which the rule is done
at_key() {
	local i
	station_soft
	FAULTY_MODULE=$(company_softhsm)
	export FAULTY_MODULE FAULTY_COUNT=$DIR/log/count FAULTY_RULE="C_GenerateKeyPair:1:$1"
	: >"$FAULTY_COUNT"
	station_conf "token.module=${BUILD:-$COMPANY_ROOT/build}/tests/fault/libfaulty.so" "vpn.client-module-linux="
	station_roster user alice bob
	station_start
	for ((i = 0; i < 200; i++)); do
		(($(called C_GenerateKeyPair) + 0 == 0)) || return 0
		sleep 0.1
	done
	return 1
}

take_away() {
	mkdir -p "$DIR/away"
	mv "$DIR"/token/tokens/* "$DIR/away"
}

# fail_work: what runs the module at the token ends
fail_work() {
	local enroller workers
	enroller=$(pgrep -P "$STATION" -x tokenroll-enrol)
	mapfile -t workers < <(pgrep -P "$enroller" -x tokenroll-worke)
	kill -KILL "${workers[@]}"
}

put_back() {
	mv "$DIR"/away/* "$DIR/token/tokens"
}

@test "a token without a reader that is pulled while it is at work, and put in again, is gone on with" {
	at_key hang
	take_away
	station_says "alice  token out"
	fail_work
	station_says "alice  FAILED"
	put_back
	station_says "alice  done" 35
	(($(grep -c "for alice" "$DIR/log/station") == 2))
}

@test "a token without a reader that is put in again before its work has failed is gone on with then" {
	at_key hang
	take_away
	station_says "alice  token out"
	put_back
	station_says "alice  token in"
	fail_work
	station_says "alice  FAILED"
	station_says "alice  done" 35
}

@test "a token at work that its module does not list for a moment is left to it, and is no other one" {
	local looks i
	at_key delay=6000
	take_away
	looks=$(called C_Initialize)
	for ((i = 0; i < 100 && $(called C_Initialize) == looks; i++)); do sleep 0.05; done
	sleep 0.5
	put_back
	station_says "alice  done"
	run ! grep -q "token out\|reader is gone.*reader is gone" "$DIR/log/station"
	(($(grep -c "for alice" "$DIR/log/station") == 1))
	(($(grep -c "token in" "$DIR/log/station") == 1))
}

@test "whose a token without a reader is, is not asked any more when it is pulled, and again when it is put in" {
	station_soft
	station_roster user alice bob
	screen_start --pins keep --pin-file "$DIR/pin" --pick
	screen_shows "whose is it?"
	take_away
	screen_shows_not "whose is it?"
	put_back
	screen_shows "whose is it?"
}

@test "a blank token that gets its serial number while it is set up is no other token, and is gone on with by it" {
	station_soft
	rm -rf "$DIR"/token/tokens/*
	FAULTY_MODULE=$(company_softhsm)
	export FAULTY_MODULE FAULTY_COUNT=$DIR/log/count
	export FAULTY_RULE="C_InitPIN:1:delay=2500;C_GenerateKeyPair:1:delay=2500"
	: >"$FAULTY_COUNT"
	(umask 077 && echo "$COMPANY_SO_PIN" >"$DIR/so-pin")
	station_conf "token.module=${BUILD:-$COMPANY_ROOT/build}/tests/fault/libfaulty.so" "vpn.client-module-linux="
	station_roster user alice
	station_start --init --so-pin-file "$DIR/so-pin"
	station_says "alice  done"
	station_ended
	run ! grep -q "another reader\|alice  token" "$DIR/log/station"
	# its own, and that of the next blank one
	(($(grep -c "  token in" "$DIR/log/station") == 2))
	[[ $(people delivered) == alice ]]
}

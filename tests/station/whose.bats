#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2153,SC2154  # bats and station.bash set them
# Whose a token is: whom the roster names, who has it by the inventory, and nobody who has only tried it.

bats_require_minimum_version 1.5.0

setup_file() {
	export COMPANY_CACHE=$BATS_FILE_TMPDIR/cache
}

setup() {
	load station.bash
	load screen.bash
	PATH=$PATH:/usr/sbin:/sbin
	station_cards 2
}

teardown() {
	screen_end
	station_stop
}

# by_hand VERB ARGUMENT...: tokenroll beside the station
by_hand() {
	company_tokenroll "$DIR" "$@" --ca-pass-file "$DIR/ca.pass" >"$DIR/log/hand" 2>&1 || { cat "$DIR/log/hand" && return 1; }
}

end() {
	kill -TERM "$STATION"
	station_ended
}

# done_with CARD USER: and the station has ended
done_with() {
	station_card "$1"
	station_start
	station_says "$2  done"
	card_ctl "$1" pull
	station_says "token out"
	end
}

# again LINE...: the roster is another one, and the station is started again
again() {
	station_roster "$@"
	station_start
	station_says reader
}

@test "who was under way at a kill goes on with that token, and one that the roster names for them since goes to nobody else" {
	station_roster user,token_serial alice, bob,
	station_card 0
	card_ctl 0 delay-key 3000
	station_start
	station_says "key pair"
	kill -KILL "$STATION"
	station_ended
	card_ctl 0 pull
	card_ctl 0 delay-key 0
	again user,token_serial alice,STAT000001 bob,
	station_card 1
	station_says "begun on token STAT000000 and is not finished"
	run ! grep -q "for bob" "$DIR/log/station"
	card_ctl 0 insert
	station_says "alice  done"
	[[ $(holder 0) == alice && -z $(holder 1) ]]
}

@test "a token that the roster names for somebody who is done goes to nobody else, and that is said" {
	station_roster user,token_serial alice, bob,
	done_with 0 alice
	again user,token_serial alice,STAT000001 bob,
	station_card 1
	station_says "the roster has token STAT000001 for alice, who has token STAT000000 already"
	run ! grep -q "for bob" "$DIR/log/station"
	[[ -z $(holder 1) ]]
}

@test "who has another token than the one that the roster names is not done with it, and what to do is said" {
	station_card 0
	by_hand enroll alice --pin-file "$DIR/pin"
	card_ctl 0 pull
	again user,token_serial alice,STAT000001 bob,
	card_ctl 0 insert
	station_says "token STAT000000 is alice's, but the roster has token STAT000001 for alice"
	card_ctl 0 pull
	station_card 1
	station_says "alice has a valid certificate on token STAT000000"
	run ! grep -q "is done: it is" "$DIR/log/station"
	by_hand revoke alice --yes
	card_ctl 1 pull
	card_ctl 1 insert
	station_says "alice  done"
	[[ $(holder 1) == alice ]]
}

@test "a token that was emptied since it was done is free, and one that is lost is told as lost" {
	station_roster user alice bob
	done_with 0 alice
	card_ctl 0 insert
	by_hand wipe --serial STAT000000 --yes --confirm STAT000000 --so-pin-file "$DIR/so-pin" --pin-file "$DIR/pin"
	station_start --init --so-pin-file "$DIR/so-pin"
	station_says "bob  done"
	station_ended
	[[ $(holder 0) == bob ]]
	card_ctl 0 pull
	by_hand lost bob --yes
	again user alice bob carol
	card_ctl 0 insert
	station_says "token STAT000000 is reported lost"
	run ! grep -q "is done: it is" "$DIR/log/station"
}

@test "somebody who has a token already is skipped, and the next in line gets the one that is there" {
	station_card 0
	by_hand enroll alice --pin-file "$DIR/pin"
	card_ctl 0 pull
	again user alice bob
	station_card 1
	station_says "alice is skipped in this run: alice has a valid certificate on token STAT000000"
	station_says "bob  done"
	[[ $(holder 1) == bob ]]
	# her own she goes on with
	card_ctl 0 insert
	station_says "alice  done"
}

@test "a token named for somebody who is not on the roster any more goes to the next in line" {
	again user,token_serial alice,STAT000000 bob,
	end
	again user,token_serial bob,
	station_card 0
	station_says "bob  done"
	[[ $(holder 0) == bob ]]
}

@test "with --pick nobody is told as done who is not: a second token for the same person says which they have" {
	station_roster user alice bob
	station_card 0
	screen_start --pick --pins keep --pin-file "$DIR/pin"
	screen_shows "token STAT000000: whose?"
	screen_keys alice Enter
	screen_shows "PULL: DONE"
	station_card 1
	screen_shows "token STAT000001: whose?"
	screen_keys alice Enter
	screen_shows "alice has token STAT000000 already"
	screen_keys bob Enter
	screen_shows "2: bob, done in"
	[[ $(holder 1) == bob ]]
}

@test "people of an earlier list on standard input whom another one leaves out are told" {
	list() {
		run timeout 5 "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$DIR/tokenroll.conf" station --pin-file "$DIR/pin" \
			--ca-pass-file "$DIR/ca.pass" --pins keep --plain - < <(printf '%s\n' "$@")
	}
	list user alice bob
	run ! grep "an earlier list" <<<"$output"
	list user bob carol
	[[ $output == *"1 whom an earlier list on standard input named, and this one does not, get no token"* ]]
}

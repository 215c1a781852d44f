#!/usr/bin/env bats
# shellcheck disable=SC2154  # bats sets $status and $output
# A token that is pulled: modules have many names for it, but whoever did it reads what happened, and what to do.

bats_require_minimum_version 1.5.0

setup() {
	load enroll.bash
}

teardown() {
	cards_stop
}

# told MEANING: the card is pulled at the last APDU of a whole enrollment that means that, and that is what is said
told() {
	local k
	k=$(sed -n "s/^\([0-9]*\) $1\t.*/\1/p" "$BATS_TEST_TMPDIR/trace" | tail -n 1)
	card_ctl 0 quit
	cards_tool readers wait 0 empty
	cp "$CARDS_DIR/template" "$CARDS_DIR/card-0"
	rm -rf "$ENROLL"
	cp -a "$BATS_TEST_TMPDIR/template" "$ENROLL"
	card_again "$ENROLL_TYPE" 0 && card_ctl 0 insert
	card_ctl 0 pull-at "$k"
	run -3 enroll alice
	echo "$1: $output"
	[[ $output == *"was pulled out of '"* ]]
	[[ $output == *"put the same token in again and run the same command; it goes on where it stopped"* ]]
}

# each_is_told sc-hsm|piv MEANING...
each_is_told() {
	local meaning
	enroll_company "$1"
	enroll_card 0
	cp -a "$ENROLL" "$BATS_TEST_TMPDIR/template"
	cp "$CARDS_DIR/card-0" "$CARDS_DIR/template"
	card_ctl 0 reset-count
	card_ctl 0 log "$BATS_TEST_TMPDIR/trace"
	enroll alice
	card_ctl 0 log off
	shift
	for meaning; do
		told "$meaning"
	done
}

@test "a SmartCard-HSM that is pulled: that is said" {
	each_is_told sc-hsm "verify a PIN" "generate a key" "write" "sign"
}

@test "a YubiKey that is pulled: that is said" {
	each_is_told piv "authenticate with the management key" "generate a key" "write an object" "sign"
}

@test "a card that is pulled, and its module hangs for it: that is said" {
	local module n=0 rc
	enroll_company sc-hsm
	enroll_card 0
	module=${BUILD:-$COMPANY_ROOT/build}/tests/fault/libfaulty.so
	mkdir "$ENROLL/log/counts"
	export FAULTY_MODULE FAULTY_RULE=C_SignInit:1:hang FAULTY_COUNT=$ENROLL/log/counts/n
	FAULTY_MODULE=$(cards_module opensc)
	company_conf "$ENROLL" "token.module=$module" "vpn.client-module-linux=$module" token.timeout=3
	enroll alice >"$ENROLL/log/run" 2>&1 3>&- &
	until grep -q "onto the token" "$ENROLL/log/run" || ((++n > 200)); do sleep 0.1; done
	sleep 1
	card_ctl 0 pull
	wait $! && rc=0 || rc=$?
	cat "$ENROLL/log/run"
	((rc == 3))
	grep -q "was pulled out of '" "$ENROLL/log/run"
	grep -q "put the same token in again and run the same command" "$ENROLL/log/run"
}

@test "a card that the module does not show is put in again before anything is installed" {
	enroll_company sc-hsm
	enroll_card 0
	run -3 enroll alice --module "$(cards_module ykcs11)"
	echo "$output"
	[[ $output == *"the nearest profile is SmartCard-HSM"* ]]
	[[ $output == *"pull it out, put it in again and run the same command"*"--module (its profile names opensc-pkcs11.so)"* ]]
}

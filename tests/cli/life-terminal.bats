#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031  # tests/lib/life.bash sets them, each test in its own shell
# shellcheck disable=SC2016  # the conversations are expect's, not the shell's
# A token's life at a terminal: new secrets are asked for twice, no secret is echoed, and what destroys wants the serial
# number.

bats_require_minimum_version 1.5.0

setup_file() {
	load ../lib/life.bash
	life_file
}

setup() {
	load ../lib/life.bash
	load ../lib/talk.bash
	life_setup
	life_token soft
}

teardown() {
	life_teardown
}

# talk CONVERSATION ARGUMENT...: as talk_with, by the company's configuration
talk() {
	talk_with "$1" -c "$dir/tokenroll.conf" "${@:2}"
}

@test "pin: the old one once, the new one twice, until both are the same, and none is echoed" {
	talk "says {PIN of token \"VPN token\" ($serial): }; answer $COMPANY_PIN
	      says {New PIN for the token (4 to 255 characters): }; answer 24682468
	      says {again: }; answer 24682469
	      says {New PIN for the token (4 to 255 characters): }; answer 24682468
	      says {again: }; answer 24682468" pin --serial "$serial"
	[[ $status == 0 ]]
	[[ $output != *"$COMPANY_PIN"* && $output != *24682468* ]]
	pin_is "$dir/new"
}

@test "unblock: the SO PIN is asked for, then the new PIN twice" {
	talk "says {SO PIN of token \"VPN token\" ($serial): }; answer $COMPANY_SO_PIN
	      says {New PIN}; answer 24682468; says {again: }; answer 24682468" unblock --serial "$serial"
	[[ $status == 0 && $output != *"$COMPANY_SO_PIN"* && $output != *24682468* ]]
	pin_is "$dir/new"
}

@test "init: PIN and, without a recovery certificate, SO PIN are asked for twice" {
	rm -rf "$dir/token/tokens"/*
	company_conf "$dir"
	talk 'says {New PIN for the token (4 to 255 characters): }; answer 24682468; says {again: }; answer 24682468
	      says {New SO PIN for the token (4 to 255 characters): }; answer 97531246; says {again: }; answer 97531246' \
		init --label "VPN token"
	[[ $status == 0 && $output != *24682468* && $output != *97531246* ]]
	pin_is "$dir/new"
	serial=$(company_token_serial "$dir" "VPN token")
	done_by unblock --serial "$serial" --so-pin-file "$dir/newer" --new-pin-file "$dir/pin"
	pin_is "$dir/pin"
}

@test "init: Ctrl-C at any question leaves a blank token blank" {
	rm -rf "$dir/token/tokens"/*
	talk 'says {New PIN}; key \003' init
	[[ $status == 7 && -z $(ls "$dir/token/tokens") ]]
	talk 'says {New PIN}; answer 24682468; says {again: }; key \003' init
	[[ $status == 7 && -z $(ls "$dir/token/tokens") ]]
}

@test "wipe: what will be lost is said, and the serial number is typed in" {
	enroll --pin-file "$old"
	talk "says {PIN of token}; answer $COMPANY_PIN; says {holds 3 objects of alice}
	      says {Type the token's serial number: }; answer yes" wipe --serial "$serial" --no-revoke
	[[ $status == 6 ]]
	talk "says {PIN of token}; answer $COMPANY_PIN; says {Type the token's serial number: }; answer {}" \
		wipe --serial "$serial" --no-revoke
	[[ $status == 6 || $status == 7 ]]
	talk "says {PIN of token}; answer $COMPANY_PIN; says {Type the token's serial number: }; key \\003" \
		wipe --serial "$serial" --no-revoke
	[[ $status == 7 ]]
	[[ $("$tools/tokendump" "$(company_softhsm)" "$serial" "$old" | wc -l) == 3 ]]
	talk "says {PIN of token}; answer $COMPANY_PIN; says {Type the token's serial number: }; answer $serial" \
		wipe --serial "$serial" --no-revoke
	[[ $status == 0 && $output == *"is empty"* ]]
	[[ $("$tools/tokendump" "$(company_softhsm)" "$serial" "$old" | wc -l) == 0 ]]
}

@test "init --wipe: the serial number is typed in" {
	enroll --pin-file "$old"
	talk "says {holds 2 objects of alice; what cannot be seen without the PIN} {serial number: }; answer 4711" \
		init --wipe --serial "$serial" --so-pin-file "$dir/so" --new-pin-file "$dir/new"
	[[ $status == 6 ]]
	pin_is "$old"
	talk "says {serial number: }; answer $serial" \
		init --wipe --serial "$serial" --so-pin-file "$dir/so" --new-pin-file "$dir/new"
	[[ $status == 0 ]]
	pin_is "$dir/new"
}

@test "of several tokens one is chosen by its number" {
	company_token "$dir" "Second token"
	talk 'says "Several tokens are plugged in:"
	      expect -re {([0-9]+) +[^\r\n]*"Second token"} {}
	      set number $expect_out(1,string)
	      says "Which one? "; answer $number
	      says {PIN of token "Second token"}; answer '"$COMPANY_PIN"'
	      says {New PIN}; answer 24682468; says {again: }; answer 24682468' pin
	[[ $status == 0 ]]
	pkcs11-tool --module "$(company_softhsm)" --token-label "Second token" --login --pin 24682468 --list-objects >/dev/null
	pin_is "$old"
}

@test "revoke: a server's certificate after a yes, and not after a no; then the passphrase is asked for" {
	talk "says {is a server's: its VPN connections break} {Revoke it? [y/N] }; answer n" revoke server
	[[ $status == 6 && $output == *"so it was not revoked"* ]]
	run -1 grep -q ^R "$dir/pki/index.txt"
	talk "says {Revoke it? [y/N] }; answer y; says {Passphrase of the CA key}; answer {$COMPANY_PASSPHRASE}" revoke server
	[[ $status == 0 && $output != *"$COMPANY_PASSPHRASE"* ]]
	grep -q "^R.*/CN=server" "$dir/pki/index.txt"
}

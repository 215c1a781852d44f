#!/usr/bin/env bats
# shellcheck disable=SC2154  # bats sets $status and $output
# What goes wrong with real YubiKeys goes wrong with the virtual one on command, and it keeps its state.

bats_require_minimum_version 1.5.0

load piv.bash

@test "keys, objects, PINs and what was counted survive pulling and a new process" {
	new
	key EC:prime256v1 01
	raw "$(pin_apdu 000000)"
	card_ctl 0 quit
	cards_tool readers wait 0 empty
	card_again piv 0
	is keys 1 certificates 1 pin-wrong 1 pin-tries 2 inserted 0
	card_ctl 0 insert
	attestation 01
	signs_ec 01 sha256
}

@test "pulled when a key has just been made it is on the card, without a placeholder, and is attested" {
	new
	card_ctl 0 log "$DIR/trace"
	admin --keypairgen --key-type EC:prime256v1 --id 01 >/dev/null 2>&1
	card_ctl 0 log off
	card_ctl 0 pull
	card_new piv 0.b attestation=ec:P-256
	card_ctl 0.b pull-at "$(sed -n 's/^\([0-9]*\) generate a key\t.*/\1/p' "$DIR/trace")" after
	refused CKR_ admin --keypairgen --key-type EC:prime256v1 --id 01
	[[ $(card_status 0.b keys) == 1 && $(card_status 0.b certificates) == 0 ]]
	card_ctl 0.b insert
	[[ $(login --list-objects --type privkey) == *"ID: "*01*local* ]]
}

@test "pulled at any APDU of a generation ykcs11 reports a failure, and makes a key once it is back" {
	local k first made
	new
	made=$(number_of "generate a key" admin --keypairgen --key-type EC:prime256v1 --id 01)
	first=$(card_status 0 apdus)
	for k in 1 $((made / 2)) $((made - 1)) "$made" $((made + 2)); do
		card_ctl 0 pull-at "$k"
		run admin --keypairgen --key-type EC:prime256v1 --id 02
		echo "at $k of $first: $output"
		[[ $output != *"Key pair generated"* ]]
		is inserted 0
		card_ctl 0 insert
	done
	key EC:prime256v1 02
	signs_ec 02 sha256
}

# again: makes the key in slot 9a anew, so that each time takes the same APDUs; made is the number of the one that does
again() {
	admin --keypairgen --key-type EC:prime256v1 --id 01
}

# changed: whether there is another key in slot 9a than when this was asked last
changed() {
	card_ctl 0 export contents "$DIR/contents"
	grep '^key 9a' "$DIR/contents" >"$DIR/now"
	! cmp -s "$DIR/now" "$DIR/last"
	local rc=$?
	mv "$DIR/now" "$DIR/last"
	return "$rc"
}

@test "an APDU is answered with any status word, before or after it was executed" {
	local made
	new
	again
	made=$(number_of "generate a key" again)
	changed
	card_ctl 0 answer-at "$made" 6F00
	refused CKR_DEVICE_ERROR again
	run ! changed
	card_ctl 0 answer-at "$made" 6F00 after
	refused CKR_DEVICE_ERROR again
	changed
	card_ctl 0 answer-at "$(number_of "verify the PIN" login --list-objects)" 6983
	refused CKR_PIN_LOCKED login --list-objects
	is pin-tries 3 planned 0
}

@test "an APDU is answered with noise, or half of the answer is lost, and ykcs11 makes no signature of it" {
	local made signed what
	new
	again
	made=$(number_of "generate a key" again)
	public 01
	digest sha256
	signed=$(number_of sign sign 01 "$DIR/digest" ECDSA --signature-format openssl)
	for what in garbage truncated; do
		card_ctl 0 answer-at "$signed" "$what" # for C_Sign
		card_ctl 0 answer-at $((signed + 1)) "$what" # for C_SignFinal, which pkcs11-tool tries after it
		run sign 01 "$DIR/digest" ECDSA --signature-format openssl
		[[ $status != 0 ]] || run ! verify 01 "$DIR/digest"
		card_ctl 0 answer-at "$made" "$what"
		refused CKR_ again
		is planned 0
		key EC:prime256v1 01
	done
	signs_ec 01 sha256
}

@test "each APDU takes as long as it is told, and a key longer" {
	local began
	new
	card_ctl 0 delay 20
	began=$(date +%s%N)
	raw 00FD000000 00F8000000 0020008000
	((($(date +%s%N) - began) / 1000000 >= 4 * 20))
	card_ctl 0 delay 0
	card_ctl 0 delay-key 700
	card_ctl 0 log "$DIR/trace"
	key EC:prime256v1 01
	awk -F'\t' '{ split($4, ms, " "); if ($1 ~ /generate a key$/) made = ms[1]; else if (ms[1] > most) most = ms[1] }
		END { exit !(made >= 700 && most < 700) }' "$DIR/trace"
}

@test "eight are in eight readers at once, and each is its own" {
	local k
	cards_stop
	cards_start_yubikeys 8
	for k in {0..7}; do
		card_new piv "$k" attestation=ec:P-256 serial=$((1000 + k))
	done
	card_ykcs11 --list-slots >"$DIR/slots"
	for k in {0..7}; do
		grep -q "serial num *: $((1000 + k))\$" "$DIR/slots"
	done
	admin --slot 7 --keypairgen --key-type EC:prime256v1 --id 01
	[[ $(card_status 7 keys) == 1 && $(card_status 6 keys) == 0 ]]
	[[ $(card_pkcs11 7 --list-objects --type cert) == *"Certificate for PIV Authentication"* ]]
	[[ $(card_pkcs11 0 --list-objects --type cert) != *"Certificate for PIV Authentication"* ]]
}

@test "long APDUs are taken, or refused by one that cannot" {
	new
	[[ $(to_admin "$(put 5FC102 300)" 00CB3FFF0000055C035FC1020000) == $'9000\n5382012C5A'*9000 ]]
	card_ctl 0 pull
	card_new piv 0.b attestation=no extended=no
	[[ $(to_admin "$(put 5FC102 300)" 00CB3FFF055C035FC10200) == $'6700\n6A82' ]]
}

@test "an option that makes no sense is refused, and no card is made" {
	local option
	for option in serial=x serial=0 colour=red pin=1 puk=123456789 pin-tries=0 pin-tries=256 version=3.1.2 version=5 \
		management-key=01 management-key=aes128:"$ADMIN" types=dsa touch=often attestation=dsa:1024 chuid=maybe \
		memory=x foreign=9b:ec:P-256 foreign=9a hidden=19a:ec:P-256 extended=x; do
		run card_new piv 0 "$option"
		[[ $status != 0 && $output == *"${option%%=*}"* ]] || { echo "$option: $output" && return 1; }
		[[ ! -e $CARDS_DIR/card-0 ]]
	done
}

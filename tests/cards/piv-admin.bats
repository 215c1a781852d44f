#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154  # talk sets $ANSWER, bats $status and $output
# PIN, PUK and management key of the virtual YubiKey guard what they guard on a real one, and are reset as there.

bats_require_minimum_version 1.5.0

load piv.bash

@test "the PIN is changed, and only the new one is right" {
	new
	tool change-pin --pin "$PIN" --new-pin 87654321
	refused CKR_PIN_INCORRECT login --list-objects
	is pin-tries 2 pin-wrong 1 default-pin 0
	PIN=87654321 login --list-objects
	is pin-tries 3 pin-wrong 1
}

@test "the PIN is locked after three wrong ones, and the PUK unblocks it with a new one" {
	cards_tries_meant
	new foreign=9a:ec:P-256
	PIN=000000 refused CKR_PIN_INCORRECT login --list-objects
	[[ $(card_ykcs11 --list-slots) == *"user PIN count low"* ]]
	PIN=000000 refused CKR_PIN_INCORRECT login --list-objects
	[[ $(card_ykcs11 --list-slots) == *"final user PIN try"* ]]
	PIN=000000 refused CKR_PIN_INCORRECT login --list-objects
	[[ $(card_ykcs11 --list-slots) == *"user PIN locked"* ]]
	refused CKR_PIN_LOCKED login --list-objects
	is pin-tries 0 pin-wrong 3 pin-last-tries 1
	run ! tool unblock-pin --pin 00000000 --new-pin 456456
	is pin-tries 0 puk-tries 2
	tool unblock-pin --pin "$PUK" --new-pin 456456
	is pin-tries 3 puk-tries 3 keys 1
	PIN=456456 login --list-objects
}

@test "OpenSC counts wrong PINs and changes the PIN, too" {
	cards_tries_meant
	new foreign=9a:ec:P-256
	refused CKR_PIN_INCORRECT card_pkcs11 0 --login --pin 000000 --list-objects
	is pin-tries 2 pin-wrong 1
	refused CKR_PIN_INCORRECT card_pkcs11 0 --login --pin 000000 --list-objects
	[[ $(card_pkcs11 0 --list-slots) == *"final user PIN try"* ]]
	card_pkcs11 0 --login --pin "$PIN" --change-pin --new-pin 765432
	PIN=765432 login --list-objects
	is pin-tries 3 pin-wrong 2 default-pin 0
}

@test "the PUK is changed, and locked by wrong ones" {
	cards_tries_meant
	new
	tool change-puk --pin "$PUK" --new-pin 11223344
	is default-puk 0
	run ! tool unblock-pin --pin "$PUK" --new-pin 456456
	is puk-tries 2 puk-wrong 1
	tool unblock-pin --pin 11223344 --new-pin 456456
	is puk-tries 3 default-pin 0
	[[ $(raw "$(unblock 00000000)" "$(unblock 00000000)" "$(unblock 00000000)" "$(unblock 11223344)") == \
		$'63C2\n63C1\n63C0\n6983' ]]
	is puk-tries 0 puk-last-tries 1
}

@test "setting the numbers of tries takes management key and PIN, and sets PIN and PUK back" {
	new pin=765432 puk=87654321
	[[ $(raw 00FA0508) == 6982 && $(to_admin 00FA0508) == 6982 && $(raw "$(pin_apdu 765432)" 00FA0508) == $'9000\n6982' ]]
	is default-pin 0 default-puk 0
	tool verify-pin --pin 765432 --action pin-retries --pin-retries 5 --puk-retries 8
	is pin-tries 5 puk-tries 8 default-pin 1 default-puk 1
}

@test "it is reset only when PIN and PUK are locked, and keeps nothing but its attestation key" {
	cards_tries_meant
	new foreign=9c:ec:P-256
	key EC:prime256v1 01
	run ! tool reset
	raw "$(pin_apdu 000000)" "$(pin_apdu 000000)" "$(pin_apdu 000000)" 00FB000000 | paste -s -d' ' >"$DIR/pin"
	[[ $(<"$DIR/pin") == "63C2 63C1 63C0 6985" ]]
	is keys 2
	raw "$(unblock 000000)" "$(unblock 000000)" "$(unblock 000000)"
	tool reset
	is keys 0 certificates 0 pin-tries 3 puk-tries 3 default-pin 1 default-management-key 1
	key EC:prime256v1 01
	attestation 01
}

@test "C_InitToken resets it, leaves the management key, and blocks PIN and PUK with what is no PIN" {
	cards_tries_meant
	local new_key=A1A2A3A4A5A6A7A8B1B2B3B4B5B6B7B8C1C2C3C4C5C6C7C8
	new foreign=9a:ec:P-256 pin=765432
	tool set-mgm-key --new-key "$new_key"
	refused CKR_PIN_INCORRECT card_ykcs11 --init-token --slot-index 0 --so-pin "$ADMIN" --label new
	is keys 1 pin-tries 3 puk-tries 3 management-key-wrong 1
	card_ykcs11 --init-token --slot-index 0 --so-pin "$new_key" --label new
	is keys 0 certificates 0 default-pin 1 default-puk 1 default-management-key 0
	is pin-wrong 0 pin-void 3 puk-wrong 0 puk-void 3
	ADMIN=$new_key key EC:prime256v1 01
}

@test "the management key is changed, and only the new one writes" {
	new
	tool set-mgm-key --new-key A1A2A3A4A5A6A7A8B1B2B3B4B5B6B7B8C1C2C3C4C5C6C7C8
	is default-management-key 0
	refused CKR_PIN_INCORRECT admin --keypairgen --key-type EC:prime256v1 --id 01
	is keys 0 management-key-wrong 1
	ADMIN=A1A2A3A4A5A6A7A8B1B2B3B4B5B6B7B8C1C2C3C4C5C6C7C8 key EC:prime256v1 01
	is keys 1
}

@test "a management key may be AES, which this ykcs11 takes for a wrong one" {
	local key=000102030405060708090A0B0C0D0E0F
	new version=5.7.1
	[[ $(raw 00F7009B00) == 01010A020200010501019000 ]]
	refused CKR_PIN_INCORRECT admin --keypairgen --key-type EC:prime256v1 --id 01
	[[ $(to_admin -a 0A aes-192-ecb "$ADMIN" "00FFFFFF13089B10$key") == 9000 ]]
	[[ $(to_admin -a 08 aes-128-ecb "$key" 0047009A05AC03800111) == 7F4943864104*9000 ]]
	is keys 1
}

@test "the management key's owner can also be asked with a challenge" {
	local response
	new
	talk_begin
	talk 0087039B047C028100
	response=$(xxd -r -p <<<"${ANSWER:8:16}" | openssl enc -des-ede3 -K "$ADMIN" -nopad | xxd -p)
	talk_end "0087039B0C7C0A8208$response" 00DB3FFF075C035FC1025300 "0087039B0C7C0A8208$response" \
		00DB3FFF075C035FC1025300 >"$DIR/answers"
	[[ $(paste -s -d' ' "$DIR/answers") == "9000 9000 6982 6982" ]]
}

@test "nothing is written, made or imported without the management key" {
	local apdu
	new foreign=9a:ec:P-256
	for apdu in 0047009A05AC03800111 00DB3FFF075C035FC1055300 "00FE119A220620$(printf '11%.0s' {1..32})" \
		"00FFFFFF1B039B18$ADMIN" 00FA0505; do
		[[ $(raw "$(pin_apdu)" "$apdu" | tail -n 1) == 6982 ]] || { echo "done without it: $apdu" && return 1; }
	done
	is keys 1 certificates 1 default-management-key 1
}

@test "what is known of PIN, PUK, management key and keys" {
	new pin=765432 foreign=9c:ec:P-256
	raw 00F7008000 00F7008100 00F7009B00 00F7009C00 00F7009A00 >"$DIR/answers"
	cat "$DIR/answers"
	mapfile -t answer <"$DIR/answers"
	[[ ${answer[0]} == 0101FF050100060203039000 && ${answer[1]} == 0101FF050101060203039000 ]]
	[[ ${answer[2]} == 010103020200010501019000 && ${answer[3]} == 010111020203010301010443864104*9000 ]]
	[[ ${answer[4]} == 6A88 ]]
}

@test "nobody is logged in after a reset, nor after another application was selected" {
	new
	[[ $(raw "$(pin_apdu)" 0020008000) == $'9000\n9000' ]]
	[[ $(raw 0020008000) == 63C3 ]]
	[[ $(raw "$(pin_apdu)" "$SELECT" 0020008000 | tail -n 1) == 9000 ]]
	[[ $(raw "$(pin_apdu)" 00A4040008A000000527471117 00200080 "$SELECT" 00200080 | tail -n 3 | sed 's/^.*\(....\)$/\1/' |
		paste -s -d' ') == "6D00 9000 63C3" ]]
	[[ $(cards_tool readers send 0 0020008000) == 6D00 ]]
}

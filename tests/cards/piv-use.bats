#!/usr/bin/env bats
# shellcheck disable=SC2154  # bats sets $status and $output
# When a key of the virtual YubiKey wants its PIN or a finger, what its attestation says, and what its objects are.

bats_require_minimum_version 1.5.0

load piv.bash

@test "a key wants the PIN once, each time, or never, as its slot or its maker says" {
	local sign=$TO_SIGN
	new foreign=9a:ec:P-256,9c:ec:P-256,9e:ec:P-256
	raw "0087119A$sign" "0087119E$sign" "$(pin_apdu)" "0087119A$sign" "0087119A$sign" "0087119C$sign" \
		"$(pin_apdu)" "0087119C$sign" "0087119C$sign" "$(pin_apdu)" 0020008000 "0087119C$sign" >"$DIR/answers"
	sed 's/.*\(....\)$/\1/' "$DIR/answers" | paste -s -d' ' >"$DIR/words"
	cat "$DIR/words"
	[[ $(<"$DIR/words") == "6982 9000 9000 9000 9000 6982 9000 9000 6982 9000 9000 6982" ]]
	to_admin 0047009A08AC06800111AA0101 >/dev/null
	[[ $(raw "0087119A$sign") == 7C*9000 ]]
	login --list-objects --type privkey >"$DIR/keys"
	digest sha256
	public 02
	sign 02 "$DIR/digest" ECDSA --signature-format openssl
	verify 02 "$DIR/digest"
}

@test "a key with a touch policy waits for a finger, and is refused without one" {
	local rc=0
	new touch=always
	key EC:prime256v1 01
	digest sha256
	sign 01 "$DIR/digest" ECDSA --signature-format openssl 3>&- &
	until [[ $(card_status 0 touch-wanted) == 1 ]]; do sleep 0.02; done
	[[ ! -s $DIR/signature ]]
	card_ctl 0 touch
	wait $!
	verify 01 "$DIR/digest"
	login --sign --id 01 --input-file "$DIR/digest" --output-file "$DIR/late" --mechanism ECDSA >"$DIR/out" 2>&1 3>&- &
	for _ in C_Sign C_SignFinal; do # pkcs11-tool tries one after the other
		until [[ $(card_status 0 touch-wanted) == 1 ]]; do sleep 0.02; done
		card_ctl 0 touch late
	done
	wait $! || rc=$?
	cat "$DIR/out"
	[[ $rc != 0 && $(<"$DIR/out") == *CKR_USER_NOT_LOGGED_IN* ]]
	refused "does not wait" card_ctl 0 touch
}

@test "a finger comes by itself after a while, is remembered by some keys, and the card can be pulled instead" {
	local sign=$TO_SIGN began
	new touch=cached
	key EC:prime256v1 01
	card_ctl 0 touch-after 300
	began=$(date +%s%N)
	[[ $(raw "$(pin_apdu)" "0087119A$sign" "0087119A$sign" | grep -c '^7C.*9000$') == 2 ]]
	((($(date +%s%N) - began) / 1000000 < 600))
	((($(date +%s%N) - began) / 1000000 >= 300))
	card_ctl 0 touch-after 0
	raw "$(pin_apdu)" "0087119A$sign" >"$DIR/out" 2>&1 3>&- &
	until [[ $(card_status 0 touch-wanted) == 1 ]]; do sleep 0.02; done
	card_ctl 0 pull
	wait $! || true
	[[ $(<"$DIR/out") != *7C* ]]
}

@test "a key is attested: made here, by which firmware, with which policies, in which token" {
	card_new piv 0 serial=66051
	key EC:prime256v1 02
	attestation 02 9c
	openssl x509 -in "$DIR/proof.pem" -noout -subject -issuer >"$DIR/names"
	grep -q 'subject=CN = YubiKey PIV Attestation 9c' "$DIR/names"
	openssl x509 -in "$DIR/proof.pem" -outform DER | xxd -p | tr -d '\n' >"$DIR/hex"
	grep -qi '060a2b0601040182c40a03030403050403' "$DIR/hex"   # firmware
	grep -qi '060a2b0601040182c40a030704050203010203' "$DIR/hex" # serial number
	grep -qi '060a2b0601040182c40a030804020301' "$DIR/hex"     # PIN always, touch never
	grep -qi '060a2b0601040182c40a0309040101' "$DIR/hex"       # form factor
	card_ykcs11 --list-objects --type cert >"$DIR/certificates"
	[[ $(grep -c 'ID: *02' "$DIR/certificates") == 2 ]]
	grep -q 'label: *X.509 Certificate for PIV Attestation 9c' "$DIR/certificates"
}

@test "the attestation of another maker's token, or of none, is not good" {
	new attestation=no
	[[ $(raw 00F99A0000) == 6D00 ]]
	card_ctl 0 pull
	card_new piv 0.b attestation=ec:P-384
	key EC:prime256v1 01
	tool attest --slot 9a --output "$DIR/proof.pem"
	tool read-certificate --slot f9 --output "$DIR/device.pem"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -subj "/CN=Virtual YubiKey Root" \
		-keyout /dev/null -out "$DIR/root.pem" 2>/dev/null
	run ! openssl verify -CAfile "$DIR/root.pem" -untrusted "$DIR/device.pem" "$DIR/proof.pem"
}

@test "a data object is written, read and deleted, and some are read with the PIN only" {
	new
	[[ $(raw 00CB3FFF055C035FC10200) == 6A82 ]]
	tool set-chuid
	tool set-ccc
	[[ $(tool status) == *"CHUID:"*3019d4e739da* ]]
	[[ $(raw 00CB3FFF055C035FC10200) == 533B3019*9000 ]]
	[[ $(card_pkcs11 0 --list-slots) != *"serial num         : 00000000"* ]]
	[[ $(to_admin 00DB3FFF0B5C035FC109530488020102 00DB3FFF075C035FC1025300) == $'9000\n9000' ]]
	[[ $(raw 00CB3FFF055C035FC10200 00CB3FFF055C035FC10900 "$(pin_apdu)" 00CB3FFF055C035FC10900) == \
		$'6A82\n6982\n9000\n5304880201029000' ]]
	[[ $(raw 00CB3FFF035C017E00) == 7E124F0BA0000003080000100001005F2F0240009000 ]]
}

@test "from the factory it may have a CHUID" {
	new chuid=yes
	[[ $(card_pkcs11 0 --list-slots) != *"serial num         : 00000000"* ]]
	is certificates 0
}

@test "keys of somebody else are there with their certificates, and sign" {
	new foreign=9c:ec:P-384,82:ec:P-256
	login --list-objects >"$DIR/objects" 2>&1
	grep -q 'Qualified signature 9c' "$DIR/objects"
	grep -q 'Qualified signature 82' "$DIR/objects"
	public 05
	signs_ec 05 sha256
	[[ $(card_pkcs11 0 --list-objects --type cert) == *"Qualified signature 9c"* ]]
}

@test "what is done in one slot changes nothing in the others, and a test can see that" {
	new foreign=9c:ec:P-384,82:ec:P-256 hidden=9d:ec:P-256
	card_ctl 0 export contents "$DIR/before"
	grep -q '^key 9c algorithm=14 pin=3 touch=1 origin=1 sha256=' "$DIR/before"
	grep -q '^key 9d algorithm=11 pin=2 touch=1 origin=2 sha256=' "$DIR/before"
	grep -q '^object 5fc10d size=[0-9]* sha256=' "$DIR/before"
	key EC:prime256v1 01
	certificate 01
	write 01
	signs_ec 01 sha256
	card_ctl 0 export contents "$DIR/after"
	grep -v -e '^key 9a ' -e '^object 5fc105 ' "$DIR/after" | cmp - "$DIR/before"
	admin --delete-object --type cert --id 02
	card_ctl 0 export contents "$DIR/deleted"
	[[ $(diff "$DIR/after" "$DIR/deleted") == *"< object 5fc10a "* ]]
}

@test "an imported key without a certificate is seen with firmware 5.3, not before, and is gone when another is made" {
	new hidden=9a:ec:P-256
	[[ $(login --list-objects --type privkey) == *"ID: "*01* ]]
	[[ $(card_pkcs11 0 --list-objects --type pubkey) != *"ID: "*01* ]]
	card_ctl 0 pull
	card_new piv 0.b version=5.2.7 attestation=ec:P-256 hidden=9a:ec:P-256
	[[ $(login --list-objects --type privkey) != *"ID: "*01* ]]
	card_ctl 0.b export contents "$DIR/before"
	key EC:prime256v1 01
	card_ctl 0.b export contents "$DIR/after"
	[[ $(diff "$DIR/before" "$DIR/after") == *"< key 9a "*"> key 9a "* ]]
}

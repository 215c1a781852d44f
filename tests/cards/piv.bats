#!/usr/bin/env bats
# shellcheck disable=SC2154  # bats sets $status and $output
# The virtual YubiKey is one for Debian's ykcs11, yubico-piv-tool and OpenSC: what is made with the first is read and
# signs with the last, and OpenSSL finds that keys and signatures are real.

bats_require_minimum_version 1.5.0

load piv.bash

@test "ykcs11 shows serial number, model and firmware, and OpenSC takes it for a PIV card" {
	new serial=12345678
	card_ykcs11 --list-slots >"$DIR/slots"
	grep -q 'token label *: YubiKey PIV #12345678' "$DIR/slots"
	grep -q 'token manufacturer *: Yubico (www.yubico.com)' "$DIR/slots"
	grep -q 'token model *: YubiKey YK5' "$DIR/slots"
	grep -q 'serial num *: 12345678' "$DIR/slots"
	[[ $(card_pkcs11 0 --list-slots) == *"piv_II"* ]]
	[[ $(tool status) == *"Version:"*5.4.3*"PIN tries left:"*3* ]]
}

@test "an older one keeps its serial number in another application" {
	new serial=87654321 version=4.3.7
	card_ykcs11 --list-slots >"$DIR/slots"
	grep -q 'token model *: YubiKey YK4' "$DIR/slots"
	grep -q 'serial num *: 87654321' "$DIR/slots"
	[[ $(raw 00F8000000 00F7009A00) == $'6D00\n6D00' ]]
}

@test "a P-256 key gets a placeholder certificate at once, and signs ECDSA" {
	new
	key EC:prime256v1 01
	is keys 1 certificates 1
	[[ $(openssl x509 -inform DER -in "$DIR/01.der" -noout -subject) == *"YubiKey PIV Slot 9a" ]]
	[[ $(login --list-objects --type privkey) == *"ID: "*01*"never extractable, local"* ]]
	signs_ec 01 sha256
	head -c 32 /dev/zero >"$DIR/other"
	run ! verify 01 "$DIR/other"
}

@test "a P-384 key in another slot signs ECDSA" {
	new
	key EC:secp384r1 03
	[[ $(openssl pkey -pubin -inform DER -in "$DIR/03.pub" -noout -text) == *P-384* ]]
	signs_ec 03 sha384
}

@test "an RSA-2048 key signs PKCS#1, PSS and raw" {
	new
	key rsa:2048 01
	digest sha256
	sign 01 "$DIR/text" SHA256-RSA-PKCS
	verify 01 "$DIR/digest" -pkeyopt digest:sha256
	sign 01 "$DIR/digest" "${PSS_TOOL[@]}"
	verify 01 "$DIR/digest" "${PSS[@]}"
	{ printf '\x01' && head -c 255 /dev/urandom; } >"$DIR/block"
	sign 01 "$DIR/block" RSA-X-509
	openssl pkeyutl -verifyrecover -pubin -keyform DER -inkey "$DIR/01.pub" -in "$DIR/signature" \
		-pkeyopt rsa_padding_mode:none | cmp - "$DIR/block"
}

@test "a certificate takes the placeholder's place, and both modules read it back byte by byte" {
	new
	key EC:prime256v1 01
	certificate 01
	write 01
	is keys 1 certificates 1
	card_ykcs11 --read-object --type cert --id 01 --output-file "$DIR/read.der"
	cmp "$DIR/cert.der" "$DIR/read.der"
	card_pkcs11 0 --read-object --type cert --id 01 --output-file "$DIR/opensc.der"
	cmp "$DIR/cert.der" "$DIR/opensc.der"
}

@test "OpenSC signs with a key that ykcs11 made: ECDSA" {
	new
	key EC:prime256v1 01
	certificate 01
	write 01
	digest sha256
	[[ $(card_pkcs11 0 --list-slots) == *"token label"*alice* ]]
	card_pkcs11 0 --login --pin "$PIN" --sign --id 01 --mechanism ECDSA --signature-format openssl \
		--input-file "$DIR/digest" --output-file "$DIR/signature"
	verify 01 "$DIR/digest"
}

@test "OpenSC signs with a key that ykcs11 made: RSA-PSS" {
	new
	key rsa:2048 01
	digest sha256
	card_pkcs11 0 --login --pin "$PIN" --sign --id 01 --mechanism "${PSS_TOOL[@]}" \
		--input-file "$DIR/digest" --output-file "$DIR/signature"
	verify 01 "$DIR/digest" "${PSS[@]}"
}

@test "OpenSC shows the PIN again for each signature of slot 9c" {
	new
	key EC:secp384r1 02
	digest sha384
	card_ctl 0 log "$DIR/trace"
	card_pkcs11 0 --login --pin "$PIN" --sign --id 02 --mechanism ECDSA --signature-format openssl \
		--input-file "$DIR/digest" --output-file "$DIR/signature"
	verify 02 "$DIR/digest"
	[[ $(grep -c ' verify the PIN' "$DIR/trace") == 2 ]]
}

@test "OpenSC shows a key in a retired slot when the key history names it" {
	new foreign=9a:ec:P-256,82:ec:P-256
	[[ $(card_pkcs11 0 --list-objects --type cert) != *"Qualified signature 82"* ]]
	[[ $(to_admin 00DB3FFF0F5C035FC10C5308C10101C20100FE00) == 9000 ]]
	card_pkcs11 0 --list-objects --type cert >"$DIR/certificates"
	grep -q 'Qualified signature 82' "$DIR/certificates"
	grep -q 'ID: *05' "$DIR/certificates"
}

@test "OpenSC gets random numbers out of the management key's challenges" {
	new
	card_pkcs11 0 --generate-random 20 >"$DIR/one"
	card_pkcs11 0 --generate-random 20 >"$DIR/two"
	[[ $(wc -c <"$DIR/one") == 20 ]]
	run ! cmp "$DIR/one" "$DIR/two"
	is management-key-wrong 0
}

@test "deleting a certificate leaves its key, and the key signs again when it has one" {
	new
	key EC:prime256v1 01
	admin --delete-object --type cert --id 01
	is keys 1 certificates 0
	certificate 01
	write 01
	signs_ec 01 sha256
}

@test "a new key in a slot that has one takes its place without a word" {
	new
	key EC:prime256v1 01
	cp "$DIR/01.pub" "$DIR/first.pub"
	key EC:prime256v1 01
	is keys 1
	run ! cmp "$DIR/first.pub" "$DIR/01.pub"
}

@test "ykcs11 takes the first byte of a longer CKA_ID for a slot's number, so that a random one hits somebody's key" {
	new foreign=9c:ec:P-256
	card_ctl 0 export contents "$DIR/before"
	admin --keypairgen --key-type EC:prime256v1 --id 02A5C3B7D1E4F608
	card_ctl 0 export contents "$DIR/after"
	is keys 1
	[[ $(diff "$DIR/before" "$DIR/after") == *"< key 9c "*"> key 9c "* ]]
	refused CKR_ATTRIBUTE_VALUE_INVALID admin --keypairgen --key-type EC:prime256v1 --id A5C3B7D1E4F60802
}

@test "a certificate that is too long is refused and the old one stays" {
	new
	key EC:prime256v1 01
	certificate 01 2900
	refused CKR_ write 01
	card_ykcs11 --read-object --type cert --id 01 --output-file "$DIR/read.der"
	cmp "$DIR/01.der" "$DIR/read.der"
}

@test "a card without room says so and keeps what it has" {
	new memory=1
	admin --keypairgen --key-type EC:prime256v1 --id 01
	[[ $(to_admin "00DB3FFF045C017E5300" "$(put 5FC102 500)") == $'6A80\n6A84' ]]
	is certificates 1
}

@test "an imported key signs, but is not attested and not said to be made here" {
	new
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$DIR/ec.pem"
	openssl pkey -in "$DIR/ec.pem" -pubout -outform DER -out "$DIR/01.pub"
	tool import-key --slot 9a --input "$DIR/ec.pem"
	[[ $(raw 00F99A0000) == 6A80 ]]
	certificate 01
	write 01
	login --list-objects --type privkey >"$DIR/keys"
	grep -q 'ID: *01' "$DIR/keys"
	run ! grep -q local "$DIR/keys"
	signs_ec 01 sha256
	openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$DIR/rsa.pem" 2>/dev/null
	openssl pkey -in "$DIR/rsa.pem" -pubout -outform DER -out "$DIR/03.pub"
	tool import-key --slot 9d --input "$DIR/rsa.pem"
	certificate 03
	write 03
	digest sha256
	sign 03 "$DIR/digest" "${PSS_TOOL[@]}"
	verify 03 "$DIR/digest" "${PSS[@]}"
	is keys 2
}

@test "numbers that are no key are not imported" {
	new
	# the scalar 0, one that is too short, and five numbers that do not belong together
	to_admin "00FE119A220620$(printf '00%.0s' {1..32})" 00FE119A06060400000001 \
		"$(printf '00FE079A00%04X' $((5 * 131)))$(for i in 1 2 3 4 5; do printf '0%d8180%s' $i \
			"$(printf '33%.0s' {1..128})"; done)" >"$DIR/answers"
	cat "$DIR/answers"
	[[ $(sort -u "$DIR/answers") == 6A80 ]]
	is keys 0
}

@test "a key agrees on a secret with somebody's public key" {
	local point
	new
	key EC:prime256v1 03
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$DIR/other.pem"
	point=$(openssl pkey -in "$DIR/other.pem" -pubout -outform DER | tail -c 65 | xxd -p | tr -d '\n')
	openssl pkeyutl -derive -inkey "$DIR/other.pem" -peerkey "$DIR/03.pub" -peerform DER | xxd -p | tr -d '\n' >"$DIR/secret"
	[[ $(raw "$(pin_apdu)" "0087119D477C4582008541${point}00" | tail -n 1) == 7C228220"$(tr a-f A-F <"$DIR/secret")"9000 ]]
	# a point that is not on the curve
	[[ $(raw "$(pin_apdu)" "0087119D477C4582008541${point:0:-2}$(printf %02x $(((0x${point: -2} + 1) % 256)))00" |
		tail -n 1) == 6A80 ]]
}

@test "a type of key that it does not make, and a slot that it does not have, are refused" {
	new types=ec:P-256
	refused CKR_DEVICE_ERROR admin --keypairgen --key-type rsa:2048 --id 01
	[[ $(to_admin 0047009A05AC03800107 0047009A05AC03800105 0047008005AC03800111 0047009A08AC06800111AA0107) == \
		$'6A80\n6A80\n6B00\n6A80' ]]
	is keys 0
}

#!/usr/bin/env bats
# shellcheck disable=SC2154  # bats sets $status and $output
# The virtual YubiKey is one for Debian's ykcs11, yubico-piv-tool and OpenSC: what is made with the first is read and
# signs with the last, and OpenSSL finds that keys, signatures and attestations are real.

bats_require_minimum_version 1.5.0

PIN=123456 PUK=12345678 ADMIN=010203040506070801020304050607080102030405060708 # from the factory
SELECT=00A4040005A000000308
TO_SIGN=267C2482008120222222222222222222222222222222222222222222222222222222222222222200 # a digest

setup() {
	load cards.bash
	DIR=$BATS_TEST_TMPDIR
	cards_start 2 "Yubico YubiKey OTP+FIDO+CCID"
}

teardown() {
	cards_stop
}

# new [NAME=VALUE...]: a card in reader 0, with an attestation key that takes no time to make
new() {
	card_new piv 0 attestation=ec:P-256 "$@"
}

# yk ARGUMENT...: pkcs11-tool with ykcs11; admin and login the same with the management key, or with the PIN
yk() {
	pkcs11-tool --module "$(cards_module ykcs11)" "$@"
}

admin() {
	yk --login --login-type so --so-pin "$ADMIN" "$@"
}

login() {
	yk --login --pin "$PIN" "$@"
}

# tool ACTION [OPTION...]: yubico-piv-tool
tool() {
	yubico-piv-tool --reader Yubico --action "$@"
}

# raw APDU...: each answer, after selecting the application
raw() {
	cards_tool readers send 0 "$SELECT" "$@" | tail -n +2
}

pin_apdu() {
	printf '0020008008%-16s' "$(printf %s "${1:-$PIN}" | xxd -p)" | tr ' ' f
}

# to_admin [-a NUMBER CIPHER KEY] APDU...: each answer, after it was shown that we have the management key; without -a
# it is the 3DES key ADMIN
to_admin() {
	local number=03 cipher=des-ede3 key=$ADMIN response
	if [[ $1 == -a ]]; then
		number=$2 cipher=$3 key=$4
		shift 4
	fi
	talk_begin
	talk "0087${number}9B047C028000"
	response=$(xxd -r -p <<<"${ANSWER:8:-4}" | openssl enc -d "-$cipher" -K "$key" -nopad | xxd -p | tr -d '\n')
	talk "$(printf '0087%s9B%02X7C%02X80%02X%s' "$number" $((${#response} / 2 + 4)) $((${#response} / 2 + 2)) \
		$((${#response} / 2)) "$response")"
	[[ $ANSWER == 9000 ]] || printf '%s\n' "$ANSWER"
	talk_end "$@"
}

# One connection to the card, in which an APDU can depend on an answer: talk_begin; talk APDU sets ANSWER; talk_end
# APDU... sends the last ones and prints their answers.
talk_begin() {
	coproc CARD { cards_tool readers send 0 - 3>&-; }
	TALK=("${CARD[0]}" "${CARD[1]}" "$CARD_PID")
	talk "$SELECT"
}

talk() {
	printf '%s\n' "$1" >&"${TALK[1]}"
	read -r ANSWER <&"${TALK[0]}"
}

talk_end() {
	local apdu out=${TALK[1]}
	for apdu; do
		talk "$apdu"
		printf '%s\n' "$ANSWER"
	done
	exec {out}>&-
	wait "${TALK[2]}"
}

# key TYPE ID: makes a key pair; ID.pub is its public key
key() {
	admin --keypairgen --key-type "$1" --id "$2" >/dev/null 2>&1
	public "$2"
}

public() {
	yk --read-object --type cert --id "$1" --output-file "$DIR/$1.der" 2>/dev/null
	openssl x509 -inform DER -in "$DIR/$1.der" -pubkey -noout | openssl pkey -pubin -outform DER -out "$DIR/$1.pub"
}

# certificate ID [OPTION...]: one of about 1200 bytes for the public key, in cert.der; more than goes into one APDU
certificate() {
	[[ -e $DIR/ca.key ]] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -subj /CN=ca \
		-keyout "$DIR/ca.key" -out "$DIR/ca.crt" 2>/dev/null
	openssl req -new -key "$DIR/ca.key" -subj /CN=alice -out "$DIR/req"
	printf 'subjectAltName=URI:https://example.com/%s' "$(printf "x%.0s" $(seq "${2:-800}"))" >"$DIR/ext"
	openssl x509 -req -in "$DIR/req" -force_pubkey "$DIR/$1.pub" -CA "$DIR/ca.crt" -CAkey "$DIR/ca.key" -days 9 \
		-extfile "$DIR/ext" -outform DER -out "$DIR/cert.der" 2>/dev/null
}

write() {
	admin --write-object "$DIR/cert.der" --type cert --id "$1"
}

digest() {
	head -c 100 /dev/urandom >"$DIR/text"
	openssl dgst "-$1" -binary -out "$DIR/digest" "$DIR/text"
}

# sign ID INPUT MECHANISM...: into the file signature
sign() {
	login --sign --id "$1" --input-file "$2" --output-file "$DIR/signature" --mechanism "${@:3}" 2>/dev/null
}

# verify ID DIGEST OPTION...: whether signature is one over that digest
verify() {
	openssl pkeyutl -verify -pubin -keyform DER -inkey "$DIR/$1.pub" -in "$2" -sigfile "$DIR/signature" "${@:3}"
}

# signs_ec ID HASH
signs_ec() {
	digest "$2"
	sign "$1" "$DIR/digest" ECDSA --signature-format openssl
	verify "$1" "$DIR/digest"
}

PSS=(-pkeyopt rsa_padding_mode:pss -pkeyopt digest:sha256 -pkeyopt rsa_pss_saltlen:32)
PSS_TOOL=(RSA-PKCS-PSS --hash-algorithm SHA256 --mgf MGF1-SHA256 --salt-len 32)

# refused CODE COMMAND...: it fails with that PKCS#11 code, or words
refused() {
	local code=$1
	shift
	run "$@"
	echo "$output"
	[[ $status != 0 && $output == *"$code"* ]]
}

# is WORD VALUE...: pairs of what the card's status says
is() {
	while (($#)); do
		[[ $(card_status 0 "$1") == "$2" ]] || { echo "$1 is $(card_status 0 "$1"), not $2" && return 1; }
		shift 2
	done
}

@test "ykcs11 shows serial number, model and firmware, and OpenSC takes it for a PIV card" {
	new serial=12345678
	yk --list-slots >"$DIR/slots"
	grep -q 'token label *: YubiKey PIV #12345678' "$DIR/slots"
	grep -q 'token manufacturer *: Yubico (www.yubico.com)' "$DIR/slots"
	grep -q 'token model *: YubiKey YK5' "$DIR/slots"
	grep -q 'serial num *: 12345678' "$DIR/slots"
	[[ $(card_pkcs11 0 --list-slots) == *"piv_II"* ]]
	[[ $(tool status) == *"Version:"*5.4.3*"PIN tries left:"*3* ]]
}

@test "an older one keeps its serial number in another application" {
	new serial=87654321 version=4.3.7
	yk --list-slots >"$DIR/slots"
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
	yk --read-object --type cert --id 01 --output-file "$DIR/read.der"
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

@test "a certificate that is too long is refused and the old one stays" {
	new
	key EC:prime256v1 01
	certificate 01 2900
	refused CKR_ write 01
	yk --read-object --type cert --id 01 --output-file "$DIR/read.der"
	cmp "$DIR/01.der" "$DIR/read.der"
}

@test "a card without room says so and keeps what it has" {
	new memory=1
	admin --keypairgen --key-type EC:prime256v1 --id 01
	[[ $(to_admin "00DB3FFF045C017E5300" "$(put 5FC102 500)") == $'6A80\n6A84' ]]
	is certificates 1
}

# put TAG SIZE: an APDU that writes an object of so many bytes
put() {
	printf '00DB3FFF00%04X5C03%s5382%04X%s' $((9 + $2)) "$1" "$2" "$(printf '5A%.0s' $(seq "$2"))"
}

@test "the PIN is changed, and only the new one is right" {
	new
	tool change-pin --pin "$PIN" --new-pin 87654321
	refused CKR_PIN_INCORRECT login --list-objects
	is pin-tries 2 pin-wrong 1 default-pin 0
	PIN=87654321 login --list-objects
	is pin-tries 3 pin-wrong 1
}

@test "the PIN is locked after three wrong ones, and the PUK unblocks it with a new one" {
	new foreign=9a:ec:P-256
	PIN=000000 refused CKR_PIN_INCORRECT login --list-objects
	[[ $(yk --list-slots) == *"user PIN count low"* ]]
	PIN=000000 refused CKR_PIN_INCORRECT login --list-objects
	[[ $(yk --list-slots) == *"final user PIN try"* ]]
	PIN=000000 refused CKR_PIN_INCORRECT login --list-objects
	[[ $(yk --list-slots) == *"user PIN locked"* ]]
	refused CKR_PIN_LOCKED login --list-objects
	is pin-tries 0 pin-wrong 3 pin-last-tries 1
	run ! tool unblock-pin --pin 00000000 --new-pin 456456
	is pin-tries 0 puk-tries 2
	tool unblock-pin --pin "$PUK" --new-pin 456456
	is pin-tries 3 puk-tries 3 keys 1
	PIN=456456 login --list-objects
}

@test "the PUK is changed, and locked by wrong ones" {
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

# unblock PUK: an APDU with that PUK and the PIN 654321
unblock() {
	printf '002C008010%-16s363534333231FFFF' "$(printf %s "$1" | xxd -p)" | tr ' ' F
}

@test "setting the numbers of tries takes management key and PIN, and sets PIN and PUK back" {
	new pin=765432 puk=87654321
	[[ $(raw 00FA0508) == 6982 && $(to_admin 00FA0508) == 6982 && $(raw "$(pin_apdu 765432)" 00FA0508) == $'9000\n6982' ]]
	is default-pin 0 default-puk 0
	tool verify-pin --pin 765432 --action pin-retries --pin-retries 5 --puk-retries 8
	is pin-tries 5 puk-tries 8 default-pin 1 default-puk 1
}

@test "it is reset only when PIN and PUK are locked, and keeps nothing but its attestation key" {
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
	local new_key=A1A2A3A4A5A6A7A8B1B2B3B4B5B6B7B8C1C2C3C4C5C6C7C8
	new foreign=9a:ec:P-256 pin=765432
	tool set-mgm-key --new-key "$new_key"
	refused CKR_PIN_INCORRECT yk --init-token --slot-index 0 --so-pin "$ADMIN" --label new
	is keys 1 pin-tries 3 puk-tries 3 management-key-wrong 1
	yk --init-token --slot-index 0 --so-pin "$new_key" --label new
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

# attestation ID: proof.pem is that of a slot, which openssl finds to be good down to the maker's root
attestation() {
	tool attest --slot "${2:-9a}" --output "$DIR/proof.pem"
	tool read-certificate --slot f9 --output "$DIR/device.pem"
	card_ctl 0 export attestation-root "$DIR/root.pem"
	openssl verify -CAfile "$DIR/root.pem" -untrusted "$DIR/device.pem" "$DIR/proof.pem"
	openssl x509 -in "$DIR/proof.pem" -pubkey -noout | openssl pkey -pubin -outform DER | cmp - "$DIR/$1.pub"
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
	yk --list-objects --type cert >"$DIR/certificates"
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

@test "keys of somebody else are there with their certificates, and sign" {
	new foreign=9c:ec:P-384,82:ec:P-256
	login --list-objects >"$DIR/objects" 2>&1
	grep -q 'Qualified signature 9c' "$DIR/objects"
	grep -q 'Qualified signature 82' "$DIR/objects"
	public 05
	signs_ec 05 sha256
	[[ $(card_pkcs11 0 --list-objects --type cert) == *"Qualified signature 9c"* ]]
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

@test "a type of key that it does not make, and a slot that it does not have, are refused" {
	new types=ec:P-256
	refused CKR_DEVICE_ERROR admin --keypairgen --key-type rsa:2048 --id 01
	[[ $(to_admin 0047009A05AC03800107 0047009A05AC03800105 0047008005AC03800111 0047009A08AC06800111AA0107) == \
		$'6A80\n6A80\n6B00\n6A80' ]]
	is keys 0
}

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

@test "nobody is logged in after a reset, nor after another application was selected" {
	new
	[[ $(raw "$(pin_apdu)" 0020008000) == $'9000\n9000' ]]
	[[ $(raw 0020008000) == 63C3 ]]
	[[ $(raw "$(pin_apdu)" "$SELECT" 0020008000 | tail -n 1) == 9000 ]]
	[[ $(raw "$(pin_apdu)" 00A4040008A000000527471117 00200080 "$SELECT" 00200080 | tail -n 3 | sed 's/^.*\(....\)$/\1/' |
		paste -s -d' ') == "6D00 9000 63C3" ]]
	[[ $(cards_tool readers send 0 0020008000) == 6D00 ]]
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
		memory=x foreign=9b:ec:P-256 foreign=9a extended=x; do
		run card_new piv 0 "$option"
		[[ $status != 0 && $output == *"${option%%=*}"* ]] || { echo "$option: $output" && return 1; }
		[[ ! -e $CARDS_DIR/card-0 ]]
	done
}

#!/usr/bin/env bats
# shellcheck disable=SC2154  # bats sets $status and $output
# The virtual SmartCard-HSM is one for Debian's OpenSC: all that a token has to do goes through opensc-pkcs11.so, and
# OpenSSL finds that the keys and signatures are real.

bats_require_minimum_version 1.5.0

PIN=648219 SO_PIN=3537363231383830 # from the factory

setup() {
	load cards.bash
	DIR=$BATS_TEST_TMPDIR
	cards_start 2
}

teardown() {
	cards_stop
}

# p11 ARGUMENT...: on the card in reader 0; login the same with the user's PIN
p11() {
	card_pkcs11 0 "$@"
}

login() {
	p11 --login --pin "$PIN" "$@"
}

# key TYPE ID: makes a key pair, and ID.pub of its public key
key() {
	login --keypairgen --key-type "$1" --id "$2" --label "key $2" >/dev/null
	public "$2"
}

# Not every pkcs11-tool can write a P-384 key: an EC point gets its SubjectPublicKeyInfo here.
public() {
	local point head
	point=$(p11 --list-objects --type pubkey --id "$1" | sed -n 's/^ *EC_POINT: *04[0-9a-f][0-9a-f]//p')
	case ${#point} in
	130) head=3059301306072a8648ce3d020106082a8648ce3d030107034200 ;;
	194) head=3076301006072a8648ce3d020106052b81040022036200 ;;
	*) p11 --read-object --type pubkey --id "$1" --output-file "$DIR/$1.pub" && return ;;
	esac
	xxd -r -p <<<"$head$point" >"$DIR/$1.pub"
}

# sign ID INPUT MECHANISM...: into the file signature
sign() {
	login --sign --id "$1" --input-file "$2" --output-file "$DIR/signature" --mechanism "${@:3}"
}

# verify ID DIGEST OPTION...: whether signature is one over that digest
verify() {
	openssl pkeyutl -verify -pubin -keyform DER -inkey "$DIR/$1.pub" -in "$2" -sigfile "$DIR/signature" "${@:3}"
}

digest() {
	head -c 100 /dev/urandom >"$DIR/text"
	openssl dgst "-$1" -binary -out "$DIR/digest" "$DIR/text"
}

# refused CODE COMMAND...: it fails with that PKCS#11 code
refused() {
	local code=$1
	shift
	run "$@"
	echo "$output"
	[[ $status != 0 && $output == *"$code"* ]]
}

@test "a blank card is initialized with a label, then gets a PIN, which logs in" {
	card_new sc-hsm 0 blank=yes serial=BLANK000001
	refused CKR_ login --list-objects
	p11 --init-token --slot 0 --so-pin 0123456789ABCDEF --label "VPN of alice"
	p11 --init-pin --login --login-type so --so-pin 0123456789ABCDEF --new-pin 7391826450
	PIN=7391826450 login --list-objects
	p11 --list-slots >"$DIR/slots"
	grep -q 'token label *: VPN of alice (UserPIN)' "$DIR/slots"
	grep -q 'serial num *: BLANK000001' "$DIR/slots"
	grep -q 'pin min/max *: 6/15' "$DIR/slots"
}

@test "initializing wants the SO PIN, and takes keys and certificates away" {
	card_new sc-hsm 0 foreign=ec:P-256
	refused CKR_PIN_INCORRECT p11 --init-token --slot 0 --so-pin 0000000000000000 --label new
	[[ $(card_status 0 so-tries) == 14 && $(card_status 0 keys) == 1 ]]
	p11 --init-token --slot 0 --so-pin "$SO_PIN" --label new
	[[ $(card_status 0 so-tries) == 15 && $(card_status 0 keys) == 0 ]]
	[[ $(p11 --list-objects) != *Certificate* ]]
}

@test "a P-256 key signs ECDSA, and its public key is the one that verifies it" {
	card_new sc-hsm 0
	key EC:prime256v1 01
	[[ $(openssl pkey -pubin -inform DER -in "$DIR/01.pub" -noout -text) == *P-256* ]]
	digest sha256
	sign 01 "$DIR/digest" ECDSA --signature-format openssl
	verify 01 "$DIR/digest"
	head -c 32 /dev/zero >"$DIR/other"
	run ! verify 01 "$DIR/other"
	sign 01 "$DIR/text" ECDSA-SHA256 --signature-format openssl
	verify 01 "$DIR/digest"
}

@test "a P-384 key signs ECDSA" {
	card_new sc-hsm 0
	key EC:secp384r1 02
	[[ $(openssl pkey -pubin -inform DER -in "$DIR/02.pub" -noout -text) == *P-384* ]]
	digest sha384
	sign 02 "$DIR/digest" ECDSA --signature-format openssl
	verify 02 "$DIR/digest"
}

@test "an RSA-2048 key signs PKCS#1, PSS and raw" {
	card_new sc-hsm 0
	key rsa:2048 03
	rsa_signs 03 2048
}

# rsa_signs ID BITS
rsa_signs() {
	[[ $(openssl pkey -pubin -inform DER -in "$DIR/$1.pub" -noout -text) == *"($2 bit)"* ]]
	digest sha256
	sign "$1" "$DIR/text" SHA256-RSA-PKCS
	verify "$1" "$DIR/digest" -pkeyopt digest:sha256
	sign "$1" "$DIR/digest" RSA-PKCS-PSS --hash-algorithm SHA256 --mgf MGF1-SHA256 --salt-len 32
	verify "$1" "$DIR/digest" -pkeyopt rsa_padding_mode:pss -pkeyopt digest:sha256 -pkeyopt rsa_pss_saltlen:32
	{ printf '\x01' && head -c $(($2 / 8 - 1)) /dev/urandom; } >"$DIR/block"
	sign "$1" "$DIR/block" RSA-X-509
	openssl pkeyutl -verifyrecover -pubin -keyform DER -inkey "$DIR/$1.pub" -in "$DIR/signature" \
		-pkeyopt rsa_padding_mode:none -out "$DIR/recovered"
	cmp "$DIR/block" "$DIR/recovered"
}

@test "an RSA-3072 key signs in the same ways" {
	card_new sc-hsm 0
	key rsa:3072 04
	rsa_signs 04 3072
}

@test "an RSA-4096 key signs in the same ways" {
	card_new sc-hsm 0 foreign=rsa:4096
	public 5100
	rsa_signs 5100 4096
}

@test "a key cannot be read, and is said to be sensitive and not extractable" {
	card_new sc-hsm 0
	key EC:prime256v1 01
	[[ $(login --list-objects --type privkey) == *"never extractable"* ]]
	[[ $(with_pin 00B1CC00045402000000) == 6982 ]]
}

# with_pin APDU...: the answer to the last of these, after the PIN
with_pin() {
	cards_tool readers send 0 "$(printf '00200081%02X' ${#PIN})$(printf %s "$PIN" | xxd -p)" "$@" | tail -n 1
}

@test "a certificate is written beside its key, read back byte by byte, and deleted" {
	card_new sc-hsm 0
	key EC:prime256v1 01
	certificate
	login --write-object "$DIR/cert.der" --type cert --id 01 --label "key 01"
	p11 --read-object --type cert --id 01 --output-file "$DIR/read.der"
	cmp "$DIR/cert.der" "$DIR/read.der"
	[[ $(p11 --list-objects --type cert) == *"ID: "*01* ]]
	login --delete-object --type cert --id 01
	[[ -z $(p11 --list-objects --type cert) ]]
	[[ $(card_status 0 keys) == 1 ]]
	digest sha256
	sign 01 "$DIR/digest" ECDSA --signature-format openssl
	verify 01 "$DIR/digest"
}

# A certificate of about 1200 bytes, more than goes into one APDU.
certificate() {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout /dev/null -subj "/CN=alice" -days 30 -outform DER \
		-addext "subjectAltName=URI:https://example.com/$(printf 'x%.0s' {1..400})" -out "$DIR/cert.der" 2>/dev/null
}

@test "a certificate without a key, and data with and without a PIN, are kept and deleted" {
	card_new sc-hsm 0
	certificate
	login --write-object "$DIR/cert.der" --type cert --id 77 --label "CA"
	p11 --read-object --type cert --id 77 --output-file "$DIR/read.der"
	cmp "$DIR/cert.der" "$DIR/read.der"
	login --write-object "$DIR/cert.der" --type data --label open
	p11 --read-object --type data --label open --output-file "$DIR/read.der"
	cmp "$DIR/cert.der" "$DIR/read.der"
	login --write-object "$DIR/cert.der" --type data --label secret --private
	[[ $(card_status 0 files) == 7 ]]
	cards_tool readers send 0 00B1CD01045402000000 | grep -qx 6982
	login --read-object --type data --label secret --output-file "$DIR/read.der"
	cmp "$DIR/cert.der" "$DIR/read.der"
	login --delete-object --type cert --id 77
	login --delete-object --type data --label open
	login --delete-object --type data --label secret
	[[ $(card_status 0 files) == 1 ]]
}

@test "a key is deleted, and the others stay" {
	card_new sc-hsm 0 foreign=ec:P-256
	key EC:prime256v1 01
	key EC:prime256v1 02
	login --delete-object --type privkey --id 01
	[[ $(card_status 0 keys) == 2 ]]
	login --list-objects --type privkey >"$DIR/keys"
	[[ $(grep -c '^Private Key' "$DIR/keys") == 2 ]]
	grep -q 'ID: *02' "$DIR/keys"
	grep -q 'ID: *5100' "$DIR/keys"
	digest sha256
	sign 02 "$DIR/digest" ECDSA --signature-format openssl
	verify 02 "$DIR/digest"
}

@test "the PIN is changed, and only the new one is right" {
	card_new sc-hsm 0
	p11 --login --pin "$PIN" --change-pin --new-pin 111222333
	refused CKR_PIN_INCORRECT login --list-objects
	[[ $(card_status 0 pin-tries) == 2 ]]
	PIN=111222333 login --list-objects
	[[ $(card_status 0 pin-tries) == 3 && $(card_status 0 pin-wrong) == 1 ]]
}

@test "the SO PIN is changed, and only the new one unblocks" {
	card_new sc-hsm 0
	p11 --login --login-type so --so-pin "$SO_PIN" --change-pin --new-pin 00112233445566FF
	refused CKR_ p11 --init-pin --login --login-type so --so-pin "$SO_PIN" --new-pin 123456
	p11 --init-pin --login --login-type so --so-pin 00112233445566FF --new-pin 123456
	PIN=123456 login --list-objects
}

@test "the PIN is locked with its last try, and the SO PIN unblocks it with a new one" {
	cards_tries_meant
	card_new sc-hsm 0 foreign=ec:P-256
	PIN=000000 refused CKR_PIN_INCORRECT login --list-objects
	[[ $(p11 --list-slots) != *"final user PIN try"* ]]
	PIN=000000 refused CKR_PIN_INCORRECT login --list-objects
	[[ $(p11 --list-slots) == *"final user PIN try"* ]]
	PIN=000000 refused CKR_PIN_LOCKED login --list-objects
	[[ $(p11 --list-slots) == *"user PIN locked"* ]]
	refused CKR_PIN_LOCKED login --list-objects
	[[ $(card_status 0 pin-wrong) == 3 && $(card_status 0 pin-last-tries) == 1 ]]
	p11 --init-pin --login --login-type so --so-pin "$SO_PIN" --new-pin 456456
	PIN=456456 login --list-objects
	[[ $(card_status 0 pin-tries) == 3 && $(card_status 0 keys) == 1 ]]
}

@test "a wrong SO PIN unblocks nothing and costs a try" {
	card_new sc-hsm 0
	refused CKR_ p11 --init-pin --login --login-type so --so-pin 1111111111111111 --new-pin 456456
	[[ $(card_status 0 so-tries) == 14 && $(card_status 0 so-wrong) == 1 ]]
	login --list-objects
}

@test "nothing is written, made or deleted without the PIN" {
	local apdu
	card_new sc-hsm 0 foreign=ec:P-256
	for apdu in 00D7CE00065402000053013B 00E4020002CC00 00E4020002CE00 0046050000 8068007020"$(printf '00%.0s' {1..32})"00; do
		[[ $(cards_tool readers send 0 "$apdu") == 6982 ]] || { echo "done without a PIN: $apdu" && return 1; }
	done
	[[ $(card_status 0 keys) == 1 && $(card_status 0 files) == 3 ]]
}

@test "selecting the applet logs out, and so does a reset" {
	card_new sc-hsm 0
	[[ $(with_pin 0020008100) == 9000 ]]
	[[ $(cards_tool readers send 0 0020008100) == 63C3 ]]
	[[ $(with_pin 00A404000BE82B0601040181C31F020100 0020008100) == 63C3 ]]
}

@test "a card without room says so and keeps what it has" {
	card_new sc-hsm 0 memory=3
	key EC:prime256v1 01
	certificate
	login --write-object "$DIR/cert.der" --type cert --id 70
	refused CKR_ login --write-object "$DIR/cert.der" --type cert --id 71
	refused CKR_DEVICE_MEMORY login --keypairgen --key-type EC:prime256v1 --id 02
	p11 --read-object --type cert --id 70 --output-file "$DIR/read.der"
	cmp "$DIR/cert.der" "$DIR/read.der"
	digest sha256
	sign 01 "$DIR/digest" ECDSA --signature-format openssl
	verify 01 "$DIR/digest"
}

@test "with long APDUs it does the same with fewer of them" {
	local short
	card_new sc-hsm 0
	key EC:prime256v1 01
	certificate
	card_ctl 0 reset-count
	login --write-object "$DIR/cert.der" --type cert --id 01
	short=$(card_ctl 0 count)
	login --delete-object --type cert --id 01
	sed -i 's/^app default {/&\n\treader_driver pcsc {\n\t\tmax_send_size = 65535;\n\t\tmax_recv_size = 65536;\n\t}/' \
		"$(cards_only 0)"
	card_ctl 0 reset-count
	OPENSC_CONF=$CARDS_DIR/opensc-0.conf pkcs11-tool --module "$(cards_module opensc)" --login --pin "$PIN" \
		--write-object "$DIR/cert.der" --type cert --id 01
	(($(card_ctl 0 count) < short))
	OPENSC_CONF=$CARDS_DIR/opensc-0.conf pkcs11-tool --module "$(cards_module opensc)" \
		--read-object --type cert --id 01 --output-file "$DIR/read.der"
	cmp "$DIR/cert.der" "$DIR/read.der"
}

@test "random bytes are as many as asked for and no two alike" {
	card_new sc-hsm 0
	p11 --generate-random 32 --output-file "$DIR/a"
	p11 --generate-random 32 --output-file "$DIR/b"
	[[ $(wc -c <"$DIR/a") == 32 && $(wc -c <"$DIR/b") == 32 ]]
	run ! cmp "$DIR/a" "$DIR/b"
}

@test "keys of somebody else are there with their certificates, and sign" {
	card_new sc-hsm 0 foreign=ec:P-384,ec:P-256
	login --list-objects >"$DIR/objects"
	[[ $(grep -c '^Private Key' "$DIR/objects") == 2 && $(grep -c '^Certificate' "$DIR/objects") == 2 ]]
	grep -q 'non-repudiation' "$DIR/objects"
	p11 --read-object --type cert --id 5100 --output-file "$DIR/cert.der"
	openssl x509 -inform DER -in "$DIR/cert.der" -pubkey -noout | openssl pkey -pubin -outform DER -out "$DIR/5100.pub"
	digest sha384
	sign 5100 "$DIR/digest" ECDSA --signature-format openssl
	verify 5100 "$DIR/digest"
}

@test "an option that makes no sense is refused, and no card is made" {
	local option
	for option in serial=x colour=red pin=1 so-pin=12 tries=0 tries=11 memory=x foreign=dsa:1024 label; do
		run card_new sc-hsm 0 "$option"
		[[ $status != 0 && $output == *"${option%%=*}"* ]] || { echo "$option: $output" && return 1; }
		[[ ! -e $CARDS_DIR/card-0 ]]
	done
}

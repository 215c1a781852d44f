# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154  # for those that load it; bats sets $status and $output
# piv: tests of the virtual YubiKey share these; its setup and teardown are here, too. What they make goes into DIR.

load cards.bash

# from the factory
PIN=123456 PUK=12345678 ADMIN=010203040506070801020304050607080102030405060708
SELECT=00A4040005A000000308
TO_SIGN=267C2482008120222222222222222222222222222222222222222222222222222222222222222200 # a digest

setup() {
	DIR=$BATS_TEST_TMPDIR
	cards_start_yubikeys 2
}

teardown() {
	cards_stop
}

# new [NAME=VALUE...]: a card in reader 0, with an attestation key that takes no time to make
new() {
	card_new piv 0 attestation=ec:P-256 "$@"
}

# admin and login ARGUMENT...: pkcs11-tool with ykcs11 and the management key, or the PIN
admin() {
	card_ykcs11 --login --login-type so --so-pin "$ADMIN" "$@"
}

login() {
	card_ykcs11 --login --pin "$PIN" "$@"
}

# tool ACTION [OPTION...]: yubico-piv-tool
tool() {
	yubico-piv-tool --reader Yubico --action "$@"
}

# raw APDU...: each answer, after selecting the application
raw() {
	cards_tool readers send 0 "$SELECT" "$@" | tail -n +2
}

# pin_apdu [PIN]: an APDU that verifies it
pin_apdu() {
	printf '0020008008%-16s' "$(printf %s "${1:-$PIN}" | xxd -p)" | tr ' ' f
}

# unblock PUK: an APDU with that PUK and the PIN 654321
unblock() {
	printf '002C008010%-16s363534333231FFFF' "$(printf %s "$1" | xxd -p)" | tr ' ' F
}

# put TAG SIZE: an APDU that writes an object of so many bytes
put() {
	printf '00DB3FFF00%04X5C03%s5382%04X%s' $((9 + $2)) "$1" "$2" "$(printf '5A%.0s' $(seq "$2"))"
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
	card_ykcs11 --read-object --type cert --id "$1" --output-file "$DIR/$1.der" 2>/dev/null
	openssl x509 -inform DER -in "$DIR/$1.der" -pubkey -noout | openssl pkey -pubin -outform DER -out "$DIR/$1.pub"
}

# certificate ID [SIZE]: one for the public key, in cert.der, of about 400 bytes and SIZE (800), which is more than goes
# into one APDU
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

# attestation ID: proof.pem is that of a slot, which openssl finds to be good down to the maker's root
attestation() {
	tool attest --slot "${2:-9a}" --output "$DIR/proof.pem"
	tool read-certificate --slot f9 --output "$DIR/device.pem"
	card_ctl 0 export attestation-root "$DIR/root.pem"
	openssl verify -CAfile "$DIR/root.pem" -untrusted "$DIR/device.pem" "$DIR/proof.pem"
	openssl x509 -in "$DIR/proof.pem" -pubkey -noout | openssl pkey -pubin -outform DER | cmp - "$DIR/$1.pub"
}

PSS=(-pkeyopt rsa_padding_mode:pss -pkeyopt digest:sha256 -pkeyopt rsa_pss_saltlen:32)
PSS_TOOL=(RSA-PKCS-PSS --hash-algorithm SHA256 --mgf MGF1-SHA256 --salt-len 32)

# number_of MEANING COMMAND...: the number of the first APDU of a command that means that
number_of() {
	local meaning=$1
	shift
	rm -f "$DIR/trace"
	card_ctl 0 reset-count
	card_ctl 0 log "$DIR/trace"
	"$@" >/dev/null 2>&1
	card_ctl 0 log off
	sed -n "s/^\([0-9]*\) $meaning\t.*/\1/p" "$DIR/trace" | head -n 1
}

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

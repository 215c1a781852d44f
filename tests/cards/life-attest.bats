#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031  # tests/lib/life.bash sets them, each test in its own shell
# The token's own proof that a key was made in it: judged before the CA signs, kept with the credential, and asked for
# where the company wants one.

bats_require_minimum_version 1.5.0

setup_file() {
	load ../lib/life.bash
	life_file
}

setup() {
	load ../lib/life.bash
	life_setup
}

teardown() {
	life_teardown
}

nothing_issued() {
	[[ $(grep -c CN=alice "$dir/pki/index.txt") == 0 && ! -e $dir/pki/issued/alice.crt && ! -e $dir/bundles/alice.zip ]]
}

# with_root [SECTION.KEY=VALUE...]: the maker's root is known to the CA
with_root() {
	card_ctl 0 export attestation-root "$BATS_TEST_TMPDIR/root.pem"
	life_conf "token.module=$(cards_module ykcs11)" "ca.attestation-roots=$BATS_TEST_TMPDIR/root.pem" "$@"
}

@test "with the maker's root the proof is verified, shown and kept with the credential" {
	life_token yubikey
	with_root ca.require-attestation=yes
	enroll --new-pin-file "$dir/new"
	shows "attestation  yubico: serial 13371337, firmware 5.4.3, PIN once, touch never"
	[[ $(db "select length(attestation) > 500 from credentials") == 1 ]]
	# what is kept is the statement and its issuer's certificate, which openssl verifies
	db "select hex(attestation) from credentials" | xxd -r -p >"$dir/proof.der"
	openssl x509 -inform DER -in "$dir/proof.der" -noout -pubkey | openssl pkey -pubin -outform DER >"$dir/a"
	openssl x509 -in "$dir/pki/issued/alice.crt" -noout -pubkey | openssl pkey -pubin -outform DER | cmp - "$dir/a"
	roll --serial "$serial" "${ca[@]}" --pin-file "$dir/new" --json alice
	json "d['already']" true "'serial 13371337' in d['attestation']" true
}

@test "a YubiKey by another maker's root is refused, and nothing is issued" {
	life_token yubikey
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -subj "/CN=Another maker" \
		-keyout "$BATS_TEST_TMPDIR/other.key" -out "$BATS_TEST_TMPDIR/other.pem" 2>/dev/null
	life_conf "token.module=$(cards_module ykcs11)" "ca.attestation-roots=$BATS_TEST_TMPDIR/other.pem" ca.require-attestation=yes
	roll --serial "$serial" "${ca[@]}" --new-pin-file "$dir/new" alice
	[[ $status != 0 ]]
	says "attest" "what to do: "
	nothing_issued
	is default-pin 1 default-puk 1 default-management-key 1
}

@test "required of a token that cannot give one, it is refused before a key is made" {
	life_token hsm
	life_conf "token.module=$(cards_module opensc)" ca.require-attestation=yes "ca.attestation-roots=$recovery.pem"
	watch
	roll --serial "$serial" "${ca[@]}" --pin-file "$old" alice
	[[ $status != 0 ]]
	says "attest" "what to do: "
	nothing_sent
	nothing_issued
	is keys 0
}

@test "required of SoftHSM, it is refused before a key is made" {
	life_token soft
	life_conf "token.module=$(company_softhsm)" ca.require-attestation=yes "ca.attestation-roots=$recovery.pem"
	roll --serial "$serial" "${ca[@]}" --pin-file "$old" alice
	[[ $status != 0 ]]
	says "attest"
	nothing_issued
	[[ $("$tools/tokendump" "$(company_softhsm)" "$serial" "$old" | wc -l) == 0 ]]
}

@test "required of a YubiKey that cannot attest, it is refused, and nothing is issued" {
	life_token yubikey attestation=no
	card_new piv 1 attestation=ec:P-256 serial=42424242
	card_ctl 1 export attestation-root "$BATS_TEST_TMPDIR/root.pem"
	card_ctl 1 pull
	life_conf "token.module=$(cards_module ykcs11)" "ca.attestation-roots=$BATS_TEST_TMPDIR/root.pem" ca.require-attestation=yes
	roll --serial "$serial" "${ca[@]}" --new-pin-file "$dir/new" alice
	[[ $status != 0 ]]
	says "attest"
	nothing_issued
}

@test "not required, a token without proof is enrolled and recorded as such" {
	life_token hsm
	enroll --pin-file "$old" --json
	json "'none' in d['attestation']" true
	[[ $(db "select coalesce(length(attestation), 0) from credentials") == 0 ]]
}

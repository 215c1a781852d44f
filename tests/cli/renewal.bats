#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031  # bats sets $stderr and $status, each test in its own shell
# A certificate that the CA has renewed with easy-rsa, for the key that is on the token, goes onto that token: no new key
# is made, and the renewal is not revoked. A user whom the CA has revoked does not come back unnoticed.

bats_require_minimum_version 1.5.0

setup_file() {
	export COMPANY_CACHE=$BATS_FILE_TMPDIR/cache
}

setup() {
	load ../lib/company.bash
	PATH=$PATH:/usr/sbin:/sbin
	dir="$BATS_TEST_TMPDIR/the company"
	company_new "$dir"
	export SOFTHSM2_CONF=$dir/token/softhsm2.conf
	module=$(company_softhsm)
	tools=${BUILD:-$COMPANY_ROOT/build}/tests/fault
}

dump() {
	"$tools/tokendump" "$module" "$(company_token_serial "$dir" "${1:-VPN token}")" "$dir/pin"
}

on_token() {
	dump "${2:-VPN token}" | grep -c "^CKO_$1" || true
}

hex() {
	od -An -v -tx1 | tr -d ' \n'
}

serial_of() {
	openssl x509 -in "$1" -noout -serial | sed 's/^serial=//'
}

rows() {
	grep -c $'^'"$1"$'\t.*/CN=alice$' "$dir/pki/index.txt" || true
}

key() {
	dump | grep '^CKO_PRIVATE_KEY'
}

# renew [DAYS]: the kept request is signed once more, as `easyrsa renew` of 3.1.1 and later does: the old certificate
# stays valid and is kept apart. (That of Debian 12 makes a private key in a file instead.)
renew() {
	mkdir -p "$dir/pki/renewed/issued"
	mv "$dir/pki/issued/alice.crt" "$dir/pki/renewed/issued/alice.crt"
	sleep 1.1 # it is issued in a later second, as it always is where nobody waits for a test
	company_run "$dir" easyrsa company_easyrsa "$dir" --days="${1:-900}" sign-req client alice
}

# revoke_renewed: as `easyrsa revoke-renewed alice`
revoke_renewed() {
	mv "$dir/pki/issued/alice.crt" "$dir/newer.crt"
	mv "$dir/pki/renewed/issued/alice.crt" "$dir/pki/issued/alice.crt"
	# reqs/alice.req goes with what is revoked, which revoke-renewed leaves
	cp "$dir/pki/reqs/alice.req" "$dir/alice.req"
	company_run "$dir" easyrsa company_easyrsa "$dir" revoke alice superseded
	cp "$dir/alice.req" "$dir/pki/reqs/alice.req"
	mv "$dir/newer.crt" "$dir/pki/issued/alice.crt"
	company_run "$dir" easyrsa company_easyrsa "$dir" gen-crl
}

# renewed [FILE]: the key is the one that was there, and the only one; the certificate, the only one, is that of the file
renewed() {
	local crt=${1:-$dir/pki/issued/alice.crt}
	key | diff "$dir/key" -
	[[ $(on_token PRIVATE_KEY) == 1 && $(on_token PUBLIC_KEY) == 1 && $(on_token CERTIFICATE) == 1 ]]
	dump | grep -q "^CKO_CERTIFICATE .*CKA_VALUE=$(openssl x509 -in "$crt" -outform DER | hex) "
	[[ $(sqlite3 "$dir/tokenroll.db" "SELECT cert_serial, state FROM credentials") == "$(serial_of "$crt")|delivered" ]]
	openssl verify -CAfile "$dir/pki/ca.crt" "$crt"
	grep -rqF "$(openssl x509 -in "$crt" -noout -enddate -dateopt iso_8601 | sed 's/notAfter=\(..........\).*/\1/')" \
		"$dir/bundles/alice"
}

says() {
	local words
	for words; do
		[[ $stderr == *"$words"* ]] || { echo "not said: $words in $stderr" && return 1; }
	done
}

enrolled() {
	company_tokenroll "$dir" alice
	key >"$dir/key"
	old=$(serial_of "$dir/pki/issued/alice.crt")
}

@test "renewed, and the old one revoked: the new certificate goes onto the token, for the key that is there" {
	enrolled
	renew
	revoke_renewed
	cp "$dir/pki/index.txt" "$dir/index.before"
	run -0 --separate-stderr company_tokenroll "$dir" alice
	says "certificate $old of alice was renewed" "$(serial_of "$dir/pki/issued/alice.crt")"
	[[ $stderr != *"stays valid"* ]]
	renewed
	diff "$dir/index.before" "$dir/pki/index.txt"
	run -0 --separate-stderr company_tokenroll "$dir" alice
	[[ $output == *already* ]]
	renewed
}

@test "renewed, and the old one still valid: the new certificate goes onto the token, and what is left to do is said" {
	enrolled
	renew
	run -0 --separate-stderr company_tokenroll "$dir" alice
	says "certificate $old of alice was renewed" "certificate $old of alice, which is replaced, stays valid until"
	renewed
	[[ $(rows V) == 2 ]]
	run -0 --separate-stderr company_tokenroll "$dir" alice
	[[ $output == *already* ]]
	renewed
}

@test "revoked, and the kept request signed again: no second key, and nothing is revoked" {
	enrolled
	cp "$dir/pki/reqs/alice.req" "$dir/alice.req"
	company_run "$dir" easyrsa company_easyrsa "$dir" revoke alice
	cp "$dir/alice.req" "$dir/pki/reqs/alice.req"
	company_run "$dir" easyrsa company_easyrsa "$dir" sign-req client alice
	company_run "$dir" easyrsa company_easyrsa "$dir" gen-crl
	run -0 --separate-stderr company_tokenroll "$dir" alice
	renewed
	[[ $(rows V) == 1 && $(rows R) == 1 ]]
}

@test "killed on the way, the renewed certificate is brought onto the token by the same command" {
	local rule
	enrolled
	renew
	revoke_renewed
	export FAULTY_MODULE=$module FAULTY_COUNT=$dir/log/count
	company_conf "$dir" "token.module=$tools/libfaulty.so" "vpn.client-module-linux=$tools/libfaulty.so"
	for rule in C_Login:1:CKR_DEVICE_REMOVED C_CreateObject:1:CKR_DEVICE_MEMORY C_Sign:1:CKR_DEVICE_REMOVED; do
		rm -f "$FAULTY_COUNT"
		FAULTY_RULE=$rule run -3 --separate-stderr company_tokenroll "$dir" alice
	done
	company_conf "$dir"
	run -0 --separate-stderr company_tokenroll "$dir" alice
	renewed
}

@test "--cert with a newer certificate for the same key is a renewal, whether it ends later or was issued later" {
	local days
	enrolled
	for days in 1000 30; do
		old=$(serial_of "$dir/pki/issued/alice.crt")
		renew "$days"
		cp "$dir/pki/issued/alice.crt" "$dir/alice.crt"
		run -0 --separate-stderr company_tokenroll "$dir" enroll --cert "$dir/alice.crt" alice
		says "certificate $old of alice was renewed" "$old of alice, which is replaced, stays valid until"
		renewed "$dir/alice.crt"
	done
}

@test "--cert with an older certificate for the same key is none: it is refused while the newer one is valid" {
	enrolled
	cp "$dir/pki/issued/alice.crt" "$dir/older.crt"
	renew
	company_tokenroll "$dir" alice
	run -6 --separate-stderr company_tokenroll "$dir" enroll --cert "$dir/older.crt" alice
	says "is no renewal" "at least as new"
	renewed
}

@test "a renewed certificate on another token counts: neither its owner's key nor a second certificate is given up" {
	local second first
	enrolled
	renew
	revoke_renewed
	first=$(company_token_serial "$dir" "VPN token")
	company_token "$dir" "Second token"
	second=$(company_token_serial "$dir" "Second token")
	run -6 --separate-stderr company_tokenroll "$dir" enroll --serial "$second" alice
	says "has a valid certificate on token $first"
	run -6 --separate-stderr company_tokenroll "$dir" enroll --serial "$first" bob
	says "belongs to alice"
	company_tokenroll "$dir" enroll --serial "$first" alice
	renewed
}

@test "renewed, but the key is gone from the token: that is said, and no key is made" {
	enrolled
	renew
	revoke_renewed
	pkcs11-tool --module "$module" --login --pin "$COMPANY_PIN" --delete-object --type privkey --label alice
	run -3 --separate-stderr company_tokenroll "$dir" alice
	says "the key of certificate $(serial_of "$dir/pki/issued/alice.crt") is no longer on token" --replace
	[[ $(on_token PRIVATE_KEY) == 0 && $(rows V) == 1 ]]
}

@test "renewed with another key, in a file: that is refused before a second key is made" {
	enrolled
	company_run "$dir" easyrsa company_easyrsa "$dir" revoke alice
	company_run "$dir" easyrsa company_easyrsa "$dir" build-client-full alice nopass
	run -6 --separate-stderr company_tokenroll "$dir" alice
	says "the CA has a valid certificate for alice already" "add --replace"
	key | diff "$dir/key" -
	[[ $(on_token PRIVATE_KEY) == 1 && $(rows V) == 1 ]]
}

@test "a certificate that the journal does not know: adopt comes first, and a server's cannot be replaced" {
	enrolled
	rm "$dir"/tokenroll.db*
	run -6 --separate-stderr company_tokenroll "$dir" alice
	says "the CA has a valid certificate for alice already" "run \`tokenroll adopt\`" "add --replace"
	company_tokenroll "$dir" adopt
	company_tokenroll "$dir" alice
	[[ $(rows V) == 1 ]]
	company_token "$dir" "other token"
	run -6 --separate-stderr company_tokenroll "$dir" --serial "$(company_token_serial "$dir" "other token")" server
	says "is not a client's" "choose another name"
	[[ $stderr != *--replace* ]]
}

revoked() {
	enrolled
	company_run "$dir" easyrsa company_easyrsa "$dir" revoke alice keyCompromise
	company_run "$dir" easyrsa company_easyrsa "$dir" gen-crl
}

@test "a user whom the CA has revoked is not enrolled again unasked: without a terminal --replace or --yes is needed" {
	revoked
	dump >"$dir/before"
	run -6 --separate-stderr company_tokenroll "$dir" alice
	says "certificate $old of alice was revoked" "--replace" "--yes"
	[[ $(rows V) == 0 ]]
	dump | diff "$dir/before" -
	run -6 --separate-stderr company_tokenroll "$dir" --json alice
	[[ $output == *'"code": "REVOKED"'* ]]
	run -0 --separate-stderr company_tokenroll "$dir" --yes alice
	says "note: certificate $old of alice was revoked"
	[[ $(rows V) == 1 && $(on_token PRIVATE_KEY) == 1 ]]
	run -0 --separate-stderr company_tokenroll "$dir" alice
	[[ $stderr != *"was revoked"* ]]
}

@test "with --replace a revoked user is enrolled again, and the note is there, too" {
	revoked
	run -0 --separate-stderr company_tokenroll "$dir" --replace alice
	says "note: certificate $old of alice was revoked"
	[[ $(rows V) == 1 && $(rows R) == 1 && $(on_token PRIVATE_KEY) == 1 ]]
}

@test "a revoked user's new token needs no question, but a note says what was revoked" {
	local second
	revoked
	company_token "$dir" "Second token"
	second=$(company_token_serial "$dir" "Second token")
	run -0 --separate-stderr company_tokenroll "$dir" enroll --serial "$second" alice
	says "note: certificate $old of alice was revoked"
	[[ $(rows V) == 1 ]]
}

@test "--key-type and --days that a finished token cannot follow are not passed over in silence" {
	enrolled
	run -0 --separate-stderr company_tokenroll "$dir" --key-type rsa:2048 alice
	says "note: " "ec:P-256" "rsa:2048" --replace
	run -0 --separate-stderr company_tokenroll "$dir" --days 3 alice
	says "note: " "--days 3" --replace
	renewed
	run -0 --separate-stderr company_tokenroll "$dir" --key-type ec:P-256 alice
	[[ $stderr != *note* ]]
	# nothing is said where all is as it was asked for
	run -0 --separate-stderr company_tokenroll "$dir" --replace --days 3 alice
	run -0 --separate-stderr company_tokenroll "$dir" --days 3 alice
	[[ $stderr != *note* ]]
	run -0 --separate-stderr company_tokenroll "$dir" --replace --days 36500 alice
	run -0 --separate-stderr company_tokenroll "$dir" --days 36500 alice
	[[ $stderr != *note* ]]
}

@test "another key type after a request was made: the request that was sent is said to be void" {
	company_tokenroll "$dir" enroll --csr-only --key-type rsa:2048 alice
	run -0 --separate-stderr company_tokenroll "$dir" enroll --csr-only --key-type ec:P-256 alice
	says "note: " "the request of alice for a key of type rsa:2048" "void"
	run -0 --separate-stderr company_tokenroll "$dir" enroll --csr-only --key-type ec:P-256 alice
	[[ $stderr != *void* ]]
}

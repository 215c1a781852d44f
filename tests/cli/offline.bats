#!/usr/bin/env bats
# shellcheck disable=SC2154  # bats sets $stderr
# A CA that is elsewhere: --csr-only makes the request, --cert goes on with what that CA has made of it. Here "elsewhere"
# is a folder that holds the CA's key; tokenroll's own PKI has none.

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
	mkdir "$dir/elsewhere"
	mv "$dir/pki/private/ca.key" "$dir/elsewhere/"
	cp -a "$dir/pki" "$dir/pki.before"
	client='basicConstraints=CA:FALSE,extendedKeyUsage=clientAuth,keyUsage=digitalSignature'
}

dump() {
	"$tools/tokendump" "$module" "$(company_token_serial "$dir" "VPN token")" "$dir/pin"
}

on_token() {
	dump | grep -c "^CKO_$1" || true
}

# sign FILE [EXTENSIONS [OPTION...]]: what a CA makes of the request; the options are those of openssl x509 -req
sign() {
	local out=$dir/$1 extensions=${2:-$client}
	tr ',' '\n' <<<"$extensions" >"$dir/elsewhere/ext"
	openssl x509 -req -in "$dir/bundles/alice.req" -CA "$dir/pki/ca.crt" -CAkey "$dir/elsewhere/ca.key" \
		-passin "file:$dir/ca.pass" -days 30 -set_serial "0x5$(openssl rand -hex 15)" -extfile "$dir/elsewhere/ext" \
		"${@:3}" -out "$out" 2>>"$dir/log/elsewhere"
}

# other_ca NAME FILE: as sign, by a CA of this name with another key
other_ca() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$1" -days 30 \
		-keyout "$dir/other.key" -out "$dir/other.crt" 2>>"$dir/log/elsewhere"
	sign "$2" "" -CA "$dir/other.crt" -CAkey "$dir/other.key"
}

# dated FILE FROM UNTIL: a certificate with these days; openssl x509 cannot make one that is not valid now
dated() {
	cat >"$dir/elsewhere/ca.cnf" <<-CONF
		[ca]
		default_ca = dated
		[dated]
		database = $dir/elsewhere/index.txt
		serial = $dir/elsewhere/serial
		new_certs_dir = $dir/elsewhere
		default_md = sha256
		policy = any
		[any]
		commonName = supplied
	CONF
	: >"$dir/elsewhere/index.txt"
	echo 77 >"$dir/elsewhere/serial"
	tr ',' '\n' <<<"$client" >"$dir/elsewhere/ext"
	openssl ca -batch -config "$dir/elsewhere/ca.cnf" -in "$dir/bundles/alice.req" -cert "$dir/pki/ca.crt" \
		-keyfile "$dir/elsewhere/ca.key" -passin "file:$dir/ca.pass" -extfile "$dir/elsewhere/ext" \
		-startdate "$2" -enddate "$3" -notext -out "$dir/$1" 2>>"$dir/log/elsewhere"
}

hex() {
	od -An -v -tx1 | tr -d ' \n'
}

request() {
	company_tokenroll "$dir" enroll --csr-only alice
	dump >"$dir/requested"
}

# refused STATUS FILE WORDS...: --cert FILE is not taken, with these words, no PIN is needed for that, and nothing changes
refused() {
	local status_wanted=$1 file=$2 words
	shift 2
	run --separate-stderr "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$dir/tokenroll.conf" \
		enroll --cert "$file" alice </dev/null
	printf 'status %s, stderr: %s\n' "$status" "$stderr"
	[[ $status == "$status_wanted" && -z $output ]]
	for words in "$@" "what to do: "; do
		[[ $stderr == *"$words"* ]] || { echo "not said: $words" && return 1; }
	done
	unchanged
}

unchanged() {
	dump | diff "$dir/requested" -
	diff -r "$dir/pki.before" "$dir/pki"
	[[ ! -e $dir/bundles/alice && ! -e $dir/bundles/alice.zip && ! -e $dir/bundles/alice.tar.gz ]]
}

# finished: one key pair, one certificate, which is the one of this file, and the profile of the key
finished() {
	[[ $(on_token PRIVATE_KEY) == 1 && $(on_token PUBLIC_KEY) == 1 && $(on_token CERTIFICATE) == 1 ]]
	dump | grep -q "^CKO_CERTIFICATE .*CKA_VALUE=$(openssl x509 -in "$dir/$1" -outform DER | hex) "
	[[ -s $dir/bundles/alice.zip && -s $dir/bundles/alice/alice-linux.ovpn ]]
	diff -r "$dir/pki.before" "$dir/pki"
}

@test "the request is signed by its key, has the user's name, and a passphrase is not needed for it" {
	rm "$dir/ca.pass"
	run --separate-stderr "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$dir/tokenroll.conf" --pin-file "$dir/pin" \
		enroll --csr-only alice </dev/null
	[[ $status == 0 ]]
	[[ $output == *"$dir/bundles/alice.req"*"tokenroll alice --cert FILE"* ]]
	[[ $(stat -c %a "$dir/bundles/alice.req") == 600 ]]
	openssl req -in "$dir/bundles/alice.req" -noout -verify -subject -nameopt RFC2253 >"$dir/said" 2>&1
	grep -q "verify OK" "$dir/said"
	grep -q "^subject=CN=alice$" "$dir/said"
	[[ $(on_token PRIVATE_KEY) == 1 && $(on_token CERTIFICATE) == 0 ]]
	diff -r "$dir/pki.before" "$dir/pki"
}

@test "--csr-only twice makes one key and requests of it" {
	request
	openssl req -in "$dir/bundles/alice.req" -noout -pubkey >"$dir/first"
	rm "$dir/bundles/alice.req"
	request
	openssl req -in "$dir/bundles/alice.req" -noout -pubkey | cmp "$dir/first" -
	[[ $(on_token PRIVATE_KEY) == 1 && $(on_token PUBLIC_KEY) == 1 ]]
}

@test "the certificate goes onto the token, in PEM or in DER, and what follows is the usual" {
	request
	sign alice.crt
	openssl x509 -in "$dir/alice.crt" -outform DER -out "$dir/alice.der"
	run -0 --separate-stderr company_tokenroll "$dir" enroll --cert "$dir/alice.der" alice
	[[ $output == *"alice is enrolled."* ]]
	finished alice.crt
}

@test "--cert again with the same certificate is done, and checks; with an older one it is refused" {
	request
	sign older.crt "" -days 29
	sign alice.crt
	company_tokenroll "$dir" enroll --cert "$dir/alice.crt" alice
	dump >"$dir/requested"
	run -0 --separate-stderr company_tokenroll "$dir" enroll --cert "$dir/alice.crt" alice
	[[ $output == *"alice is enrolled already; nothing was changed."* ]]
	run -6 --separate-stderr company_tokenroll "$dir" enroll --cert "$dir/older.crt" alice
	[[ $stderr == *"older.crt is no renewal"*"at least as new"* ]]
	run -6 --separate-stderr company_tokenroll "$dir" enroll --csr-only alice
	[[ $stderr == *"has a certificate for the key"* ]]
	dump | diff "$dir/requested" -
	finished alice.crt
	company_tokenroll "$dir" alice
}

@test "a certificate that is not for this key, from another CA, or no certificate, is refused" {
	request
	refused 5 "$dir/pki/issued/server.crt" "$dir/pki/issued/server.crt: " "for another public key"
	other_ca "Somebody else" other.pem
	refused 5 "$dir/other.pem" "by another CA"
	other_ca "Example VPN CA" same-name.pem
	refused 5 "$dir/same-name.pem" "not by the configured CA's key"
	refused 5 "$dir/bundles/alice.req" "$dir/bundles/alice.req: it is no certificate, but a certificate request" \
		"have it signed by the CA"
	: >"$dir/empty"
	refused 5 "$dir/empty" "no certificate"
	sign alice.crt
	head -c 300 "$dir/alice.crt" >"$dir/half"
	refused 5 "$dir/half" "no certificate"
	company_tokenroll "$dir" enroll --cert "$dir/alice.crt" alice
	finished alice.crt
}

@test "a certificate for another name, not for a client, not valid yet or no longer, is refused" {
	request
	sign bob.crt "" -subj /CN=bob
	refused 5 "$dir/bob.crt" "common name is another one"
	sign server.crt "basicConstraints=CA:FALSE,extendedKeyUsage=serverAuth,keyUsage=digitalSignature"
	refused 5 "$dir/server.crt" "not a client certificate"
	sign ca.crt "basicConstraints=CA:TRUE"
	refused 5 "$dir/ca.crt" "not a client certificate"
	dated expired.crt 20200101000000Z 20200201000000Z
	refused 5 "$dir/expired.crt" "has expired"
	dated later.crt 20900101000000Z 20910101000000Z
	refused 5 "$dir/later.crt" "not valid yet"
	sign alice.crt
	company_tokenroll "$dir" enroll --cert "$dir/alice.crt" alice
	finished alice.crt
}

@test "a file that cannot be read, and a certificate without a request, are usage errors" {
	dump >"$dir/requested"
	refused 2 "$dir/pki/issued/server.crt" "no key" "--csr-only first"
	request
	refused 2 "$dir/nowhere.crt" "nowhere.crt" "No such file"
	refused 2 "$dir/pki" "Is a directory"
}

@test "--cert never makes a new key, whatever else is asked for" {
	local option
	request
	sign alice.crt
	for option in --key-type=rsa:2048 --days=10 --csr-only; do
		run -2 --separate-stderr company_tokenroll "$dir" enroll --cert "$dir/alice.crt" "$option" alice
		unchanged
	done
	run -2 --separate-stderr company_tokenroll "$dir" enroll --csr-only --days 10 alice
	company_tokenroll "$dir" enroll --cert "$dir/alice.crt" --replace alice
	finished alice.crt
	run -0 --separate-stderr company_tokenroll "$dir" enroll --cert "$dir/alice.crt" --replace alice
	[[ $output == *already* ]]
	finished alice.crt
}

@test "the key was deleted on the token meanwhile: --cert says so and makes none" {
	request
	sign alice.crt
	pkcs11-tool --module "$module" --login --pin "$COMPANY_PIN" --delete-object --type privkey --label alice
	pkcs11-tool --module "$module" --login --pin "$COMPANY_PIN" --delete-object --type pubkey --label alice
	run -2 --separate-stderr company_tokenroll "$dir" enroll --cert "$dir/alice.crt" alice
	[[ $stderr == *"there is no key on token"*"--csr-only"* ]]
	[[ $(on_token PRIVATE_KEY) == 0 && ! -e $dir/bundles/alice.zip ]]
	request
	openssl x509 -in "$dir/alice.crt" -noout -pubkey >"$dir/before"
	run -1 cmp "$dir/before" <(openssl req -in "$dir/bundles/alice.req" -noout -pubkey)
	sign second.crt
	company_tokenroll "$dir" enroll --cert "$dir/second.crt" alice
	finished second.crt
}

@test "--replace for a second token: the first certificate is given up here, and a note says to revoke it at the CA" {
	local first second serial
	request
	sign alice.crt
	first=$(company_token_serial "$dir" "VPN token")
	serial=$(openssl x509 -in "$dir/alice.crt" -noout -serial | sed 's/^serial=//')
	company_tokenroll "$dir" enroll --cert "$dir/alice.crt" alice
	company_token "$dir" "Second token"
	second=$(company_token_serial "$dir" "Second token")
	run -6 --separate-stderr company_tokenroll "$dir" enroll --serial "$second" --csr-only alice
	[[ $stderr == *"has a valid certificate on token $first"*"--replace"* ]]
	run -0 --separate-stderr company_tokenroll "$dir" enroll --serial "$second" --csr-only --replace alice
	[[ $stderr == *"note: certificate $serial of alice, which is replaced, stays valid until the CA revokes it"* ]]
	sign second.crt
	run -6 --separate-stderr company_tokenroll "$dir" enroll --serial "$second" --cert "$dir/second.crt" alice
	run -0 --separate-stderr company_tokenroll "$dir" enroll --serial "$second" --cert "$dir/second.crt" --replace alice
	[[ $stderr == *"certificate $serial of alice"*"until the CA revokes it"* ]]
	[[ $(sqlite3 "$dir/tokenroll.db" "SELECT state FROM credentials ORDER BY id" | tr '\n' ' ') == "superseded delivered " ]]
	company_tokenroll "$dir" enroll --serial "$second" alice
}

@test "--replace for the same token makes a new key, and the note is there, too" {
	request
	sign alice.crt
	company_tokenroll "$dir" enroll --cert "$dir/alice.crt" alice
	run -0 --separate-stderr company_tokenroll "$dir" enroll --csr-only --replace alice
	[[ $stderr == *"which is replaced, stays valid until the CA revokes it"* ]]
	run -5 company_tokenroll "$dir" enroll --cert "$dir/alice.crt" alice
	sign second.crt
	company_tokenroll "$dir" enroll --cert "$dir/second.crt" alice
	finished second.crt
}

@test "once the CA's key is on this machine, the same user is enrolled with the key that was requested" {
	request
	openssl req -in "$dir/bundles/alice.req" -noout -pubkey >"$dir/first"
	run -5 --separate-stderr company_tokenroll "$dir" alice
	[[ $stderr == *"is not on this machine"*"--csr-only"* ]]
	unchanged
	mv "$dir/elsewhere/ca.key" "$dir/pki/private/"
	company_tokenroll "$dir" alice
	openssl x509 -in "$dir/pki/issued/alice.crt" -noout -pubkey | cmp "$dir/first" -
	[[ $(on_token PRIVATE_KEY) == 1 && $(on_token CERTIFICATE) == 1 && -s $dir/bundles/alice.zip ]]
}

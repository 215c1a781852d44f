#!/usr/bin/env bats
# shellcheck disable=SC2154  # bats sets $stderr
# What `tokenroll alice` promises beside the connection itself: it can be run again, touches nothing that is not its own,
# keeps secrets to itself, and shares a PKI with others.

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

count() {
	grep -cE -- "$1" "$2" || true
}

@test "the same command on a finished token says so, makes nothing, and is done" {
	company_tokenroll "$dir" alice
	dump >"$dir/before"
	cp "$dir/pki/index.txt" "$dir/index.before"
	run --separate-stderr company_tokenroll "$dir" alice
	[[ $status == 0 ]]
	[[ $output$stderr == *"already"* ]]
	dump | diff "$dir/before" -
	diff "$dir/index.before" "$dir/pki/index.txt"
}

@test "--json is one document with what a script needs, and stdout has nothing else" {
	local fields serial id
	run --separate-stderr company_tokenroll "$dir" --json alice
	[[ $status == 0 ]]
	fields=$(python3 -c '
import json, sys
r = json.loads(sys.argv[1])
print(r["ok"], r["state"], r["token"]["serial"], r["certificate"]["serial"], r["pkcs11_id"], r["bundle"]["zip"])' "$output")
	serial=$(openssl x509 -in "$dir/pki/issued/alice.crt" -noout -serial)
	id=$(sed -n "s/^pkcs11-id '\(.*\)'\$/\1/p" "$dir/bundles/alice/alice-linux.ovpn")
	[[ $fields == "True delivered $(company_token_serial "$dir" "VPN token") ${serial#serial=} $id $dir/bundles/alice.zip" ]]
}

@test "foreign keys, certificates and data on the token stay byte for byte" {
	local serial
	serial=$(company_token_serial "$dir" "VPN token")
	"$tools/tokenfill" "$module" "$serial" "$dir/pin" alice
	dump >"$dir/before"
	company_tokenroll "$dir" alice
	company_tokenroll "$dir" alice
	dump >"$dir/after"
	[[ -z $(comm -23 "$dir/before" "$dir/after") ]]
	[[ $(comm -13 "$dir/before" "$dir/after" | count '^CKO_PRIVATE_KEY' -) == 1 ]]
	[[ $(comm -13 "$dir/before" "$dir/after" | count '^CKO_CERTIFICATE' -) == 1 ]]
}

@test "somebody else's token is refused, and stays theirs" {
	company_tokenroll "$dir" alice
	dump >"$dir/before"
	run --separate-stderr company_tokenroll "$dir" bob
	[[ $status == 6 ]]
	[[ $stderr == *alice* ]]
	dump | diff "$dir/before" -
	[[ $(count '/CN=bob' "$dir/pki/index.txt") == 0 ]]
}

@test "a second token for a user who has a valid one is refused; --replace revokes the first and publishes a CRL" {
	local second
	company_tokenroll "$dir" alice
	company_token "$dir" "Second token"
	second=$(company_token_serial "$dir" "Second token")
	run --separate-stderr company_tokenroll "$dir" enroll --serial "$second" alice
	[[ $status == 6 ]]
	[[ $stderr == *--replace* ]]
	company_tokenroll "$dir" enroll --serial "$second" --replace alice
	[[ $(count '^V.*/CN=alice$' "$dir/pki/index.txt") == 1 ]]
	[[ $(count '^R.*,superseded.*/CN=alice$' "$dir/pki/index.txt") == 1 ]]
	openssl crl -in "$dir/server/crl.pem" -noout -text | grep -q "Superseded"
}

@test "neither PIN nor passphrase is anywhere afterwards" {
	company_tokenroll "$dir" -v alice >"$dir/out" 2>"$dir/err"
	rm "$dir/pin" "$dir/ca.pass" # where they belong
	local secret
	for secret in "$COMPANY_PIN" "$COMPANY_PASSPHRASE"; do
		run -1 grep -rlaF -- "$secret" "$dir"
	done
}

@test "neither PIN nor passphrase is in the arguments or the environment of any process" {
	local trace=$dir/trace
	export ASAN_OPTIONS=detect_leaks=0 # which it cannot do for a traced program
	strace -f -v -s 4096 -e trace=execve -o "$trace" \
		"${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$dir/tokenroll.conf" --pin-file "$dir/pin" \
		--ca-pass-file "$dir/ca.pass" alice </dev/null
	[[ $(count 'execve\(' "$trace") -ge 3 ]] # parent, worker and signer
	run -1 grep -F -- "$COMPANY_PIN" "$trace"
	run -1 grep -F -- "$COMPANY_PASSPHRASE" "$trace"
}

@test "two at once on two tokens and one PKI: both are done, no row is lost, no serial doubled" {
	local serials a b i
	company_token "$dir" "Second token"
	a=$(company_token_serial "$dir" "VPN token")
	b=$(company_token_serial "$dir" "Second token")
	company_tokenroll "$dir" enroll --serial "$a" alice 3>&- &
	i=$!
	company_tokenroll "$dir" enroll --serial "$b" bob
	wait "$i"
	[[ $(count '^V.*/CN=(alice|bob|server)$' "$dir/pki/index.txt") == 3 ]]
	serials=$(cut -f 4 "$dir/pki/index.txt" | sort | uniq -d)
	[[ -z $serials ]]
}

@test "beside easyrsa build-client-full no row is lost and no serial doubled" {
	local i n=6 pid
	for ((i = 0; i < n; i++)); do
		company_easyrsa "$dir" build-client-full "soft$i" nopass || exit 1
	done >"$dir/log/beside" 2>&1 3>&- &
	pid=$!
	company_tokenroll "$dir" alice
	wait "$pid"
	company_easyrsa "$dir" gen-crl
	[[ $(count '^V.*/CN=alice$' "$dir/pki/index.txt") == 1 ]]
	[[ $(count '^V.*/CN=soft[0-9]$' "$dir/pki/index.txt") == "$n" ]]
	[[ -z $(cut -f 4 "$dir/pki/index.txt" | sort | uniq -d) ]]
}

@test "every module that p11-kit knows is asked, and a name of p11-kit's is as good as a path" {
	company_can_p11kit || skip "needs a mount namespace when run as root"
	company_p11kit "$dir" one="$tools/libfaulty.so" two=/nonexistent.so
	export FAULTY_MODULE=$module
	company_conf "$dir" "token.module="
	company_with_p11kit "$dir" "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$dir/tokenroll.conf" \
		--pin-file "$dir/pin" --ca-pass-file "$dir/ca.pass" alice </dev/null
	company_conf "$dir" "token.module=one"
	company_with_p11kit "$dir" "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$dir/tokenroll.conf" \
		--pin-file "$dir/pin" --ca-pass-file "$dir/ca.pass" alice </dev/null
	company_conf "$dir" "token.module=three"
	run --separate-stderr company_with_p11kit "$dir" "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" \
		-c "$dir/tokenroll.conf" --pin-file "$dir/pin" --ca-pass-file "$dir/ca.pass" alice </dev/null
	[[ $status == 3 ]]
	[[ $stderr == *three* ]]
}

@test "a CA elsewhere: --csr-only stops at the request, --cert goes on with what that CA signed" {
	local request
	company_tokenroll "$dir" enroll --csr-only alice
	[[ $(count '/CN=alice' "$dir/pki/index.txt") == 0 ]]
	request=$(find "$dir/bundles" -name alice.req)
	openssl req -in "$request" -noout -verify -subject
	company_run "$dir" elsewhere company_easyrsa "$dir" import-req "$request" alice
	company_run "$dir" elsewhere company_easyrsa "$dir" sign-req client alice
	cp "$dir/pki/issued/alice.crt" "$dir/alice.crt"
	run --separate-stderr company_tokenroll "$dir" enroll --cert "$dir/pki/issued/server.crt" alice
	[[ $status != 0 ]]
	[[ ! -e $dir/bundles/alice.tar.gz ]]
	company_tokenroll "$dir" enroll --cert "$dir/alice.crt" alice
	[[ -s $dir/bundles/alice.tar.gz ]]
	[[ $(dump | count '^CKO_CERTIFICATE' -) == 1 ]]
}

@test "a blank token is initialized with --init, with PINs that are shown once" {
	rm -rf "$dir/token/tokens"
	mkdir "$dir/token/tokens"
	company_secret "$dir/pin" 55667788
	run --separate-stderr company_tokenroll "$dir" enroll --init --label "Alice's token" alice
	printf '%s\n' "$output" "$stderr"
	[[ $status == 0 ]]
	company_token_serial "$dir" "Alice's token"
	[[ $(COMPANY_PIN=55667788 dump "Alice's token" | count '^CKO_PRIVATE_KEY' -) == 1 ]]
}

@test "the certificate ends with the CA at the latest, and tokenroll says so" {
	rm -rf "$dir"
	company_new "$dir" ca_days=30 days=20
	run --separate-stderr company_tokenroll "$dir" enroll --days 400 alice
	[[ $status == 0 ]]
	[[ $output == *"shortened"* ]]
	openssl verify -CAfile "$dir/pki/ca.crt" "$dir/pki/issued/alice.crt"
	run openssl x509 -in "$dir/pki/issued/alice.crt" -noout -checkend $((31 * 86400))
	[[ $status == 1 ]]
}

@test "bundles and database are for nobody else to read" {
	(umask 000 && company_tokenroll "$dir" alice)
	[[ -z $(find "$dir/bundles/alice" "$dir/tokenroll.db" -perm /077) ]]
	[[ $(stat -c %a "$dir/bundles/alice.zip" "$dir/bundles/alice.tar.gz" | sort -u) == 600 ]]
	run -1 grep -rl "PRIVATE KEY" "$dir/bundles"
}

@test "the list of several tokens says whose each one is" {
	company_tokenroll "$dir" alice
	company_token "$dir" "Second token"
	run --separate-stderr company_tokenroll "$dir" bob
	[[ $status == 3 ]]
	[[ $(grep -c "^ *[0-9a-f]*, alice's, until 20[0-9-]*  .*\"VPN token\"" <<<"$stderr") == 1 ]]
	[[ $(grep -c "^ *[0-9a-f]*  .*\"Second token\"" <<<"$stderr") == 1 ]]
	(($(wc -L <<<"$stderr") < 160))
}

@test "a laptops' module that does not see the token is said to be the wrong module, not a bad token" {
	local opensc
	opensc=$(echo /usr/lib/*/opensc-pkcs11.so)
	company_conf "$dir" "vpn.client-module-linux=$opensc"
	run --separate-stderr company_tokenroll "$dir" alice
	printf '%s\n' "$stderr"
	[[ $status == 3 && $stderr == *"the proof with the laptops' module $opensc"*"what to do: $module finds it"* ]]
	[[ $stderr == *"client-module-linux in $dir/tokenroll.conf, or with --client-module"* ]]
	company_conf "$dir"
	company_tokenroll "$dir" alice
	[[ $(count '/CN=alice$' "$dir/pki/index.txt") == 1 ]]
}

@test "what is missing of the bundle is made again by the same command; what was changed is named, and left" {
	company_tokenroll "$dir" alice
	rm "$dir/bundles/alice/alice-linux.ovpn"
	run --separate-stderr company_tokenroll "$dir" alice
	[[ $status == 0 && $stderr == *"alice/alice-linux.ovpn is missing in $dir/bundles: the bundle is made again"* ]]
	[[ -s $dir/bundles/alice/alice-linux.ovpn ]]
	: >"$dir/bundles/alice.zip"
	run --separate-stderr company_tokenroll "$dir" alice
	[[ $status == 0 && $stderr == *"alice.zip in $dir/bundles was changed"*"tokenroll bundle alice"* ]]
	rm "$dir/bundles/alice.zip"
	company_tokenroll "$dir" alice
	[[ -s $dir/bundles/alice.zip ]]
}

@test "another module of the laptops is not passed over in silence on a finished token" {
	company_tokenroll "$dir" alice
	run --separate-stderr company_tokenroll "$dir" --client-module /opt/vendor/lib.so alice
	printf '%s\n' "$stderr"
	[[ $status == 0 && $stderr == *"alice-linux.ovpn names another module than /opt/vendor/lib.so"* ]]
	[[ $stderr == *"tokenroll bundle --client-module /opt/vendor/lib.so alice"* ]]
	company_conf "$dir" vpn.client-module-linux=/opt/vendor/lib.so
	run --separate-stderr company_tokenroll "$dir" alice
	[[ $status == 0 && $stderr == *"names another module than /opt/vendor/lib.so; \`tokenroll bundle alice\` makes"* ]]
	company_tokenroll "$dir" bundle alice
	run --separate-stderr company_tokenroll "$dir" alice
	[[ $status == 0 && $stderr != *"names another module"* ]]
}

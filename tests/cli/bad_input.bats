#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031  # bats sets $stderr and $status, each test in its own shell
# Bad input gets a clear error and the right exit status, and changes nothing: not the token, not the PKI, no bundle.

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
	snapshot >"$BATS_TEST_TMPDIR/before"
}

# What must stay as it is: every file of the PKI, each object on the token, no bundle.
snapshot() {
	(cd "$dir/pki" && find . -type f -print0 | sort -z | xargs -0 sha256sum)
	pkcs11-tool --module "$module" --login --pin "$COMPANY_PIN" --list-objects 2>/dev/null | sort
	[[ ! -d $dir/bundles ]] || find "$dir/bundles"
}

# refused STATUS ARGUMENT...: tokenroll ends with that status, says something, and changes nothing
refused() {
	local expected=$1
	shift
	run --separate-stderr company_tokenroll "$dir" "$@"
	printf 'status %s, stderr: %s\n' "$status" "$stderr"
	[[ $status == "$expected" ]]
	[[ -n $stderr ]]
	unchanged
}

unchanged() {
	snapshot | diff "$BATS_TEST_TMPDIR/before" -
}

# says WORDS...: each is somewhere in the message
says() {
	local words
	for words; do
		[[ $stderr == *"$words"* ]] || { echo "not said: $words" && return 1; }
	done
}

@test "user names that cannot be a file name and a common name are usage errors" {
	local name long
	long=$(printf 'a%.0s' {1..65})
	for name in ../alice a/b 'al ice' $'alice\nbob' "$long" 'älice' .alice '' 'al;ice' "al'ice" '@lice'; do
		refused 2 enroll "$name"
	done
}

@test "a name that begins with a hyphen is no option and no user" {
	refused 2 -- -alice
}

@test "an unknown verb's option, an unknown key type and too many names are usage errors" {
	refused 2 enroll --frobnicate alice
	says frobnicate
	refused 2 enroll --key-type dsa:1024 alice
	says "ec:P-256" "rsa:4096"
	refused 2 enroll alice bob
}

@test "what is no number of days, or no descriptor, is a usage error with the limits" {
	local n
	for n in 0 -1 36501 1e3 ten ''; do
		refused 2 enroll --days "$n" alice
		says "--days" "from 1 to 36500" "'$n'"
	done
	refused 2 --pin-fd -1 alice
	says "--pin-fd" "from 0 to"
}

@test "no argument at all says where help is, and the help what there is" {
	run --separate-stderr company_tokenroll "$dir"
	[[ $status == 2 ]]
	says --help
	run --separate-stderr company_tokenroll "$dir" --help
	[[ $status == 0 ]]
	[[ $output == *"tokenroll USER"*--serial*--pin-file*--ca-pass-file* ]]
}

@test "an unknown key in the configuration is named with file and line" {
	printf '[ca]\npki = %s\n\n[token]\nmodul = x\n' "$dir/pki" >"$dir/tokenroll.conf"
	refused 2 alice
	says "tokenroll.conf" "5" "modul"
}

@test "an unknown section in the configuration is named with its line" {
	company_conf "$dir" "vpm.templates=x"
	refused 2 alice
	says "vpm"
}

@test "a configuration that is not there says how to name one" {
	rm "$dir/tokenroll.conf"
	refused 2 alice
	says "tokenroll.conf" "-c"
}

@test "a configuration that this user may not read says whose turn it is" {
	local as_user=()
	((EUID != 0)) || as_user=(setpriv --bounding-set=-all --inh-caps=-all) # else root reads everything
	chmod 000 "$dir/tokenroll.conf"
	run -2 --separate-stderr "${as_user[@]}" "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$dir/tokenroll.conf" alice </dev/null
	chmod 600 "$dir/tokenroll.conf"
	says "Permission denied" "run it as root or as the user whom $dir/tokenroll.conf belongs to"
}

@test "a secret file that others can read is refused" {
	chmod 644 "$dir/pin"
	refused 2 alice
	says "$dir/pin"
	chmod 600 "$dir/pin"
	chmod 640 "$dir/ca.pass"
	refused 2 alice
	says "$dir/ca.pass"
}

@test "without a terminal and without a PIN it says how to give one" {
	run --separate-stderr setsid "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$dir/tokenroll.conf" \
		--ca-pass-file "$dir/ca.pass" alice </dev/null
	[[ $status == 2 ]]
	says "--pin-file"
	unchanged
}

@test "without a terminal and without a passphrase it says how to give one, and leaves no key on the token" {
	run --separate-stderr setsid "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$dir/tokenroll.conf" \
		--pin-file "$dir/pin" alice </dev/null
	[[ $status == 2 || $status == 5 ]]
	says "--ca-pass-file"
	unchanged
}

@test "a wrong PIN is a PIN error, tried once" {
	company_secret "$dir/pin" 000000
	company_conf "$dir" "token.module=${BUILD:-$COMPANY_ROOT/build}/tests/fault/libfaulty.so"
	export FAULTY_MODULE=$module FAULTY_COUNT=$dir/log/count
	refused 4 alice
	[[ $(awk '$1 == "C_Login" { print $2 }' "$dir/log/count") == 1 ]]
}

@test "a wrong passphrase is a CA error" {
	company_secret "$dir/ca.pass" wrong
	refused 5 alice
	says "passphrase"
}

# What else can be wrong with it is in ca.bats.
@test "a PKI that is missing is a CA error that names it" {
	mv "$dir/pki" "$dir/pki.away"
	run --separate-stderr company_tokenroll "$dir" alice
	[[ $status == 5 ]]
	says "$dir/pki"
	mv "$dir/pki.away" "$dir/pki"
	unchanged
}

@test "a broken index.txt is named with its line" {
	printf 'V\t290101000000Z\t\tabc\tunknown\t/CN=bob\n' >>"$dir/pki/index.txt"
	snapshot >"$BATS_TEST_TMPDIR/before"
	refused 5 alice
	says "index.txt" "2"
}

@test "a module that cannot be loaded is a token error that names it" {
	company_conf "$dir" "token.module=/nonexistent/module.so"
	refused 3 alice
	says "/nonexistent/module.so"
}

@test "two tokens and no terminal: both are listed with their serial numbers" {
	local serial
	company_token "$dir" "Second token"
	serial=$(company_token_serial "$dir" "Second token")
	snapshot >"$BATS_TEST_TMPDIR/before"
	refused 3 alice
	says "VPN token" "Second token" "$serial" "--serial"
}

@test "a serial number that no token has is a token error" {
	refused 3 enroll --serial 0123456789abcdef alice
	says "0123456789abcdef"
}

@test "no token at all is a token error" {
	rm -rf "$dir/token/tokens"
	mkdir "$dir/token/tokens"
	snapshot >"$BATS_TEST_TMPDIR/before"
	refused 3 alice
}

# broken_template TEXT: client.ovpn with TEXT at its end, from line 2 of the addition on
broken_template() {
	rm -rf "$dir/templates"
	cp -r "$COMPANY_ROOT/templates" "$dir/templates"
	printf '%s\n' "$@" >>"$dir/templates/client.ovpn"
	company_conf "$dir" "vpn.templates=$dir/templates"
}

@test "a template that OpenVPN or the employee would stumble over is refused with its line, before the token is touched" {
	local last
	last=$(($(wc -l <"$COMPANY_ROOT/templates/client.ovpn") + 1))
	broken_template '{{no_such_name}}'
	refused 2 alice
	says "client.ovpn" "$last" "no_such_name"
	broken_template '{{#user}}'
	refused 2 alice
	says "client.ovpn" "user"
	broken_template 'key alice.key'
	refused 2 alice
	says "client.ovpn" "key"
	broken_template "# $(printf 'x%.0s' {1..300})"
	refused 2 alice
	says "254"
}

@test "a template with a mistake costs no PIN try, and what was begun is not given up for it" {
	local conf=("token.module=${BUILD:-$COMPANY_ROOT/build}/tests/fault/libfaulty.so" "vpn.client-module-linux=")
	company_conf "$dir" "${conf[@]}"
	FAULTY_MODULE=$module FAULTY_RULE=C_Sign:1:CKR_DEVICE_REMOVED run company_tokenroll "$dir" alice
	((status != 0))
	[[ $(sqlite3 "$dir/tokenroll.db" "SELECT state FROM credentials") == keyed ]]
	broken_template 'key alice.key'
	company_secret "$dir/pin" 999999
	snapshot >"$BATS_TEST_TMPDIR/before"
	for type in ec:P-256 rsa:2048; do
		refused 2 alice --key-type "$type"
		says "client.ovpn"
		[[ $(sqlite3 "$dir/tokenroll.db" "SELECT state FROM credentials") == keyed ]]
	done
}

@test "a name that has a valid certificate is refused, and --replace is named" {
	company_run "$dir" other company_easyrsa "$dir" build-client-full alice nopass
	snapshot >"$BATS_TEST_TMPDIR/before"
	refused 6 alice
	says "alice" "--replace"
}

@test "--json gives one document on stdout for an error, too" {
	company_secret "$dir/ca.pass" wrong
	refused 5 --json alice
	[[ $(python3 -c 'import json, sys; print(json.loads(sys.argv[1])["error"]["code"])' "$output") == CA_PASSPHRASE ]]
	refused 3 --json --serial nope alice
	[[ $(python3 -c 'import json, sys; print(json.loads(sys.argv[1])["state"])' "$output") == None ]]
}

@test "an option with an empty value, such as an unset shell variable leaves, is a usage error that names it" {
	local option
	for option in serial reader key-type cert label module pin-file so-pin-file ca-pass-file config; do
		refused 2 enroll "--$option" '' alice
		says "--$option" "empty"
		refused 2 enroll "--$option=" --init alice
		says "--$option" "empty"
	done
}

# with_count: the company's module counts its calls
with_count() {
	export FAULTY_MODULE=$module FAULTY_COUNT=$dir/log/count
	company_conf "$dir" "token.module=${BUILD:-$COMPANY_ROOT/build}/tests/fault/libfaulty.so"
}

@test "a PIN that cannot be right by the token's rules is not sent, and costs no try" {
	local pin
	with_count
	for pin in q_q "$(printf '7%.0s' {1..300})"; do
		company_secret "$dir/pin" "$pin"
		refused 4 alice
		says "4 to 255" "nothing was sent to the token"
		[[ $stderr != *"$pin"* ]]
	done
	[[ $(awk '$1 == "C_Login" { print $2 }' "$FAULTY_COUNT") == 0 ]]
}

@test "a byte order mark, which some editors put before a text, is not part of a PIN or passphrase" {
	printf '\xEF\xBB\xBF%s\r\n' "$COMPANY_PIN" >"$dir/pin"
	printf '\xEF\xBB\xBF%s\r\n' "$COMPANY_PASSPHRASE" >"$dir/ca.pass"
	company_tokenroll "$dir" alice
	printf '\xEF\xBB\xBF\n' >"$dir/pin"
	run -2 --separate-stderr company_tokenroll "$dir" --replace alice
	says "is empty"
}

@test "a secret that is too long is not told to be a matter of permissions" {
	company_secret "$dir/pin" "$(printf '7%.0s' {1..1100})"
	refused 2 alice
	says "is longer than 1024 bytes" "plain text, on one line"
	[[ $stderr != *chmod* ]]
}

@test "several tokens and nobody to ask: each is on a line of its own, and --json has them, too" {
	local serial label
	company_token "$dir" "Second token"
	refused 3 alice
	for label in "VPN token" "Second token"; do
		serial=$(company_token_serial "$dir" "$label")
		[[ $(grep -c "^ *$serial .*\"$label\"" <<<"$stderr") == 1 ]]
	done
	says "3 tokens are plugged in: " "--serial or --reader"
	(($(wc -L <<<"$stderr") < 160))
	refused 3 --json alice
	[[ $(python3 -c 'import json, sys; print(json.loads(sys.argv[1])["error"]["message"])' "$output") == *"$serial"* ]]
}

#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031  # bats sets $stderr and $status, each test in its own shell
# shellcheck disable=SC2016  # the conversation is expect's, not the shell's
# What a token says of itself is somebody else's text: whatever is in it, it is no command to a terminal, no second line
# in a profile and no fault in a JSON document, and OpenVPN finds the key all the same.

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
	tools=${BUILD:-$COMPANY_ROOT/build}/tests/fault
	FAULTY_MODULE=$(company_softhsm)
	export FAULTY_MODULE
	company_conf "$dir" "token.module=$tools/libfaulty.so" "vpn.client-module-linux="
}

# claims FIELD TEXT...: from here on the token says this of itself; \xNN is a byte
claims() {
	local function
	FAULTY_RULE=
	while (($# > 0)); do
		function=C_GetTokenInfo
		[[ $1 != reader ]] || function=C_GetSlotInfo
		FAULTY_RULE+="$function:*:$1=$2;"
		shift 2
	done
	export FAULTY_RULE
}

# The worst of everything: escape sequences, line ends, quotes of all kinds, C1 controls, text that runs backwards, bytes
# that are no UTF-8, template and HTML markup, a comment, and fields without any blank.
claims_the_worst() {
	claims label '\x1b]0\x3bowned\x07"\x27<b>{{user}}\x0akey x' \
		manufacturer 'a\x0db\xffc\xc2\x9bd\xe2\x80\xaee#f%n' \
		model '\x1b[31m\xf0\x9f\x98\x80\x3b\x7f$(id)' \
		serial '\xc3\x28\x08/../\x0a\x22\x27' \
		reader 'R\x1b[2J\x1b[1mS\x0aT\x9b5n'
}

# says_nothing_raw FILE...: neither control characters but the line end, nor what is no UTF-8, nor what turns text around
says_nothing_raw() {
	python3 - "$@" <<-'PYTHON'
		import re, sys, unicodedata
		for path in sys.argv[1:]:
		    text = open(path, "rb").read().decode()
		    bad = {c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")}
		    if bad or not text:
		        sys.exit(f"{path}: {bad or 'empty'}")
	PYTHON
}

# tokenroll ARGUMENT...: sets $status; stdout and stderr are in files
tokenroll() {
	status=0
	company_tokenroll "$dir" "$@" >"$dir/out" 2>"$dir/err" || status=$?
	cat -v "$dir/out" "$dir/err"
}

# json EXPRESSION: of the document d on stdout
json() {
	python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$dir/out" "$1"
}

# The ids that OpenVPN itself gives to the keys on this token
openvpn_ids() {
	openvpn --show-pkcs11-ids "$tools/libfaulty.so" | sed -n 's/^ *Serialized id: *//p'
}

profile_id() {
	sed -n "s/^pkcs11-id '\(.*\)'\$/\1/p" "$dir/bundles/alice/alice-linux.ovpn"
}

@test "whatever a token is called, what is printed is clean, and the profile names its key as OpenVPN does" {
	claims_the_worst
	tokenroll alice
	[[ $status == 0 ]]
	says_nothing_raw "$dir/out" "$dir/err"
	grep -qF '?]0;owned?"'"'"'<b>{{user}}?key x' "$dir/out"
	[[ $(profile_id) == "$(openvpn_ids)" ]]
	run -1 grep -E '^key' "$dir/bundles/alice/alice-linux.ovpn"
	says_nothing_raw "$dir"/bundles/alice/alice-linux.ovpn "$dir"/bundles/alice/guide.*.html
	run -1 grep -F '<b>{{' "$dir"/bundles/alice/guide.*.html
	tokenroll alice
	[[ $status == 0 ]]
	grep -q "enrolled already" "$dir/out"
	says_nothing_raw "$dir/out" "$dir/err"
}

@test "errors, and the list of several tokens, are as clean" {
	claims_the_worst
	tokenroll alice
	tokenroll bob
	[[ $status == 6 ]]
	says_nothing_raw "$dir/err"
	company_secret "$dir/pin" 000000
	tokenroll alice
	[[ $status == 4 ]]
	says_nothing_raw "$dir/err"
	company_token "$dir" "Second token"
	tokenroll carol
	[[ $status == 3 ]]
	grep -q "tokens are plugged in" "$dir/err"
	says_nothing_raw "$dir/err"
	tokenroll enroll --serial $'\e[2Jx' carol
	[[ $status == 3 ]]
	says_nothing_raw "$dir/err"
}

@test "on a terminal there are no escape sequences but our own" {
	claims_the_worst
	cat >"$dir/talk.exp" <<-'TCL'
		set timeout 15
		spawn -noecho {*}$argv
		expect "PIN of token" {send "$env(PIN)\r"} timeout {exit 99}
		expect eof {} timeout {exit 99}
		exit [lindex [wait] 3]
	TCL
	TERM=xterm PIN=$COMPANY_PIN timeout -k 1 60 expect -f "$dir/talk.exp" -- "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" \
		-c "$dir/tokenroll.conf" --ca-pass-file "$dir/ca.pass" alice >"$dir/shown" 3>&-
	grep -q "alice is enrolled" "$dir/shown"
	sed 's/\x1b\[\(K\|0m\|1m\|3[12]m\)//g; s/\r//g' "$dir/shown" >"$dir/rest"
	says_nothing_raw "$dir/rest"
}

@test "--json is one document in ASCII that says exactly what the token says, or a ? for a byte that is no UTF-8" {
	claims_the_worst
	tokenroll --json alice
	[[ $status == 0 ]]
	LC_ALL=C run -1 grep -P '[^\x0a\x20-\x7f]' "$dir/out"
	[[ $(json 'd["ok"], d["token"]["label"] == "\x1b]0;owned\x07\"\x27<b>{{user}}\nkey x"') == "(True, True)" ]]
	[[ $(json 'd["token"]["manufacturer"] == "a?b?c?d?e#f%n"') == True ]]
	[[ $(json 'd["token"]["serial"] == "?(?/../?\"\x27"') == True ]]
	[[ $(json 'd["pkcs11_id"]') == "$(openvpn_ids)" ]]
	tokenroll --json bob
	[[ $status == 6 && $(json 'd["error"]["code"], "belongs to alice" in d["error"]["message"]') == "('TOKEN_TAKEN', True)" ]]
}

@test "what is said when a token got another PIN, is one of several, and was emptied, is clean" {
	claims label '\x1b]0\x3bowned\x07\x0ax' model '\x1b[31m\xff' serial '1\x1b[2J\x0a\x9b5n'
	local serial=$'1\e[2J\n\x9b5n'
	company_secret "$dir/new-pin" 739164
	tokenroll pin --new-pin-file "$dir/new-pin"
	[[ $status == 0 ]]
	says_nothing_raw "$dir/out"
	cp "$dir/new-pin" "$dir/pin"
	tokenroll unblock --so-pin-file "$dir/so-pin" --new-pin-file "$dir/new-pin"
	[[ $status == 0 ]]
	says_nothing_raw "$dir/out"
	# the blank one that SoftHSM2 always has says the same
	tokenroll init --so-pin-file "$dir/so-pin"
	[[ $status == 3 ]]
	local reader
	reader=$(grep -o 'in SoftHSM slot ID 0x[0-9a-f]*;' "$dir/err" | head -n 1)
	reader=${reader#in } reader=${reader%;}
	says_nothing_raw "$dir/err"
	company_tokenroll "$dir" tokens >"$dir/out"
	says_nothing_raw "$dir/out"
	tokenroll wipe --serial "$serial" --reader "$reader" --confirm "$serial"
	[[ $status == 0 ]]
	says_nothing_raw "$dir/out" "$dir/err"
	sqlite3 "$dir/tokenroll.db" "SELECT count(*) FROM audit WHERE action = 'token-wipe'" | grep -qx 1
}

@test "a field ends at a NUL, and one that is full needs none" {
	claims label 'ab\x00cdefgh' manufacturer 01234567890123456789012345678901 model 0123456789abcdef serial 0123456789ABCDEF \
		reader 0123456789012345678901234567890123456789012345678901234567890123
	tokenroll alice
	[[ $status == 0 ]]
	[[ $(profile_id) == 01234567890123456789012345678901/0123456789abcdef/0123456789ABCDEF/ab/* ]]
	[[ $(profile_id) == "$(openvpn_ids)" ]]
	grep -q ' in 0123456789012345678901234567890123456789012345678901234567890123$' "$dir/err"
	claims label 01234567890123456789012345678901
	company_conf "$dir" "token.module=$tools/libfaulty.so" "vpn.client-module-linux=" "store.path=$dir/2.db"
	tokenroll --replace alice
	[[ $status == 0 && $(profile_id) == */01234567890123456789012345678901/* ]]
	openvpn_ids | grep -qxF "$(profile_id)"
}

@test "a token whose id is too long for a line of a profile is refused before a key is made" {
	claims manufacturer '--------------------------------' label '----------------a'
	tokenroll alice
	[[ $status == 3 ]]
	grep -q "too long" "$dir/err"
	grep -q "what to do: .*label" "$dir/err"
	says_nothing_raw "$dir/err"
	[[ ! -e $dir/pki/issued/alice.crt && ! -e $dir/bundles/alice ]]
	[[ -z $("$tools/tokendump" "$FAULTY_MODULE" "$(company_token_serial "$dir" "VPN token")" "$dir/pin") ]]
	# the longest that fits is taken, by OpenVPN as well
	claims manufacturer '--------------------------------' label '----------------'
	tokenroll alice
	[[ $status == 0 && $(profile_id) == "$(openvpn_ids)" ]]
	[[ $(grep '^pkcs11-id' "$dir/bundles/alice/alice-windows.ovpn" | tr -d "\n" | wc -c) == 254 ]]
}

@test "the database holds the exact bytes, and the audit trail one clean line each" {
	claims_the_worst
	tokenroll alice
	python3 - "$dir/tokenroll.db" <<-'PYTHON'
		import sqlite3, sys, unicodedata
		db = sqlite3.connect(sys.argv[1])
		db.text_factory = bytes
		label, maker = db.execute("SELECT label, manufacturer FROM tokens").fetchone()
		assert label == b"\x1b]0;owned\x07\"'<b>{{user}}\nkey x", label
		assert maker == b"a\rb\xffc\xc2\x9bd\xe2\x80\xaee#f%n", maker
		details = [row[0].decode() for row in db.execute("SELECT detail FROM audit")]
		assert any("owned" in d for d in details)
		for d in details:
		    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") for c in d), d
	PYTHON
}

#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031  # bats sets $stderr and $status, each test in its own shell
# Setting up a token that nobody can log in to yet: once, for one user, and on from where it stopped. What was not begun
# here is left as it is, and an SO PIN is tried once.

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
	rm -r "$dir/token/tokens/"*
	module=$(company_softhsm)
	tools=${BUILD:-$COMPANY_ROOT/build}/tests/fault
	export FAULTY_MODULE=$module FAULTY_COUNT=$dir/log/count
	company_conf "$dir" "token.module=$tools/libfaulty.so" "vpn.client-module-linux=" "token.timeout=10"
	so_pin=(--so-pin-file "$dir/so-pin")
}

# enroll RULE ARGUMENT...: sets $status, $output and $stderr; the calls are counted from nothing
enroll() {
	rm -f "$FAULTY_COUNT"
	export FAULTY_RULE=$1
	shift
	run --separate-stderr company_tokenroll "$dir" "$@"
	unset FAULTY_RULE
	printf 'status %s, stdout: %s\nstderr: %s\n' "$status" "$output" "$stderr"
}

# called FUNCTION: how often, in the last run
called() {
	awk -v name="$1" '$1 == name { n = $2 } END { print n + 0 }' "$FAULTY_COUNT"
}

# says WORDS...: each is somewhere in the message
says() {
	local words
	for words; do
		[[ $stderr == *"$words"* ]] || { echo "not said: $words" && return 1; }
	done
}

# tokens INITIALIZED WITH-PIN: so many are there, and one blank one
tokens() {
	local slots
	slots=$(softhsm2-util --show-slots)
	[[ $(grep -c '^ *Initialized: *yes' <<<"$slots") == "$1" && $(grep -c '^ *Initialized: *no' <<<"$slots") == 1 &&
		$(grep -c '^ *User PIN init.: *yes' <<<"$slots") == "$2" ]] || { echo "$slots" && return 1; }
}

# on_token LABEL CLASS: how many objects of that class
on_token() {
	"$tools/tokendump" "$module" "$(company_token_serial "$dir" "$1")" "$dir/pin" | grep -c "^CKO_$2" || true
}

# enrolled USER [LABEL]: one row, one key pair, one certificate
enrolled() {
	[[ $(grep -c $'^V\t.*/CN='"$1"'$' "$dir/pki/index.txt") == 1 && -s $dir/bundles/$1.zip ]]
	[[ $(on_token "${2:-$1}" PRIVATE_KEY) == 1 && $(on_token "${2:-$1}" CERTIFICATE) == 1 ]]
}

nothing_issued() {
	[[ ! -e $dir/pki/issued/alice.crt && ! -e $dir/bundles/alice.zip ]]
}

# broken_off: there is a token that was initialized for alice, but has no user PIN yet
broken_off() {
	enroll C_InitPIN:1:CKR_DEVICE_REMOVED alice --init "${so_pin[@]}"
	[[ $status == 3 ]]
	tokens 1 0
	nothing_issued
}

# half_by_another LABEL: another program has initialized a token and set no user PIN
half_by_another() {
	company_run "$dir" token pkcs11-tool --module "$module" --init-token --slot-index 0 --label "$1" \
		--so-pin "$COMPANY_SO_PIN"
}

@test "two --init at once end with a token each, and SoftHSM with one more empty slot" {
	local user pids=()
	export FAULTY_RULE='C_InitToken:1:delay=2500'
	for user in alice bob; do
		company_tokenroll "$dir" "$user" --init --label "VPN token of $user" "${so_pin[@]}" >"$dir/$user.log" 2>&1 &
		pids+=("$!")
	done
	for user in "${pids[@]}"; do
		wait "$user" || { cat "$dir"/*.log && return 1; }
	done
	unset FAULTY_RULE
	tokens 2 2
	[[ $(called C_InitToken) == 2 && $(called C_InitPIN) == 2 ]]
	enrolled alice "VPN token of alice"
	enrolled bob "VPN token of bob"
	# one of them has seen that it is not alone
	[[ $(cat "$dir"/*.log | grep -c "waiting for an earlier tokenroll that is still at a new token") == 1 ]]
}

@test "with one label for all tokens, too, nobody takes the one that is just being set up for another" {
	local first
	enroll 'C_InitToken:1:CKR_GENERAL_ERROR' bob --init --label VPN "${so_pin[@]}"
	[[ $status == 3 ]]
	rm "$FAULTY_COUNT"
	FAULTY_RULE='C_InitPIN:*:delay=700' company_tokenroll "$dir" alice --init --label VPN "${so_pin[@]}" \
		>"$dir/alice.log" 2>&1 &
	first=$!
	until [[ $(called C_InitPIN) == 1 ]]; do sleep 0.02; done
	company_tokenroll "$dir" bob --init --label VPN "${so_pin[@]}"
	wait "$first" || { cat "$dir/alice.log" && return 1; }
	tokens 2 2
	[[ $(called C_InitToken) == 2 && $(called C_InitPIN) == 2 ]]
	[[ -s $dir/bundles/alice.zip && -s $dir/bundles/bob.zip ]]
}

@test "when tokenroll is killed while its worker initializes, the same command waits, and sets no second token up" {
	local function
	local -A then_sets=([C_InitToken]=1 [C_InitPIN]=0)
	for function in C_InitToken C_InitPIN; do
		rm -rf "$dir/token/tokens/"* "$dir"/tokenroll.db* "$dir/bundles"
		enroll "$function:1:kill-parent;$function:1:delay=1000" alice --init "${so_pin[@]}"
		[[ $status == 137 ]]
		enroll "" alice --init "${so_pin[@]}"
		[[ $status == 0 ]]
		[[ $(called C_InitToken) == 0 && $(called C_InitPIN) == "${then_sets[$function]}" ]]
		tokens 1 1
		enrolled alice
		company_run "$dir" easyrsa company_easyrsa "$dir" revoke alice
	done
}

@test "a random SO PIN that was shown before a failure is what the same command needs to go on" {
	local shown
	enroll C_InitPIN:1:CKR_DEVICE_REMOVED alice --init
	[[ $status == 3 ]]
	says "CKR_DEVICE_REMOVED" "keep the SO PIN" "run the same command"
	shown=$(sed -n 's/^ *SO PIN *//p' <<<"$output")
	[[ $shown =~ ^[0-9A-F]{16}$ ]]
	tokens 1 0
	enroll "" alice --init
	[[ $status == 2 ]]
	says "$(company_token_serial "$dir" alice)" "no user PIN yet" "--so-pin-file"
	[[ $(called C_Login) == 0 && $(called C_InitToken) == 0 && $output != *"SO PIN"* ]]
	company_secret "$dir/so-pin" "$shown"
	enroll "" alice --init "${so_pin[@]}"
	[[ $status == 0 ]]
	tokens 1 1
	enrolled alice
	run -1 grep -raF -e "$shown" -e "$COMPANY_PIN" "$dir"/tokenroll.db* "$dir/bundles"
}

@test "random PINs that the token was not given are neither shown nor in the JSON document" {
	company_secret "$dir/ca.pass" "not the passphrase"
	company_conf "$dir" "token.module=$tools/libfaulty.so" "vpn.client-module-linux=" "token.pin=random"
	rm "$dir/pin"
	run --separate-stderr "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$dir/tokenroll.conf" --json --init \
		--ca-pass-file "$dir/ca.pass" alice </dev/null
	[[ $status == 5 && $stderr != *"SO PIN"* ]]
	python3 -c 'import json, sys; d = json.loads(sys.argv[1]); assert "pin" not in d and "so_pin" not in d, d' "$output"
	tokens 0 0
}

@test "a PIN from a descriptor is read once, also if the token was set up further meanwhile" {
	enroll "C_InitToken:1:kill-parent;C_InitToken:1:delay=1000" alice --init "${so_pin[@]}"
	[[ $status == 137 ]]
	run --separate-stderr "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$dir/tokenroll.conf" --init --pin-fd 4 \
		--ca-pass-file "$dir/ca.pass" "${so_pin[@]}" alice </dev/null 4<"$dir/pin"
	[[ $status == 0 ]]
	[[ $(called C_InitToken) == 1 && $(called C_InitPIN) == 1 ]]
	tokens 1 1
	enrolled alice
}

@test "when the SO PIN is lost another blank token can be named, and the first one stays as it is" {
	local lost
	broken_off
	lost=$(company_token_serial "$dir" alice)
	cp -r "$dir/token/tokens" "$dir/before"
	enroll "" alice --init --reader "SoftHSM slot ID 0x1"
	[[ $status == 6 && $(called C_InitToken) == 0 ]]
	says "was begun on token $lost" "--replace"
	enroll "" alice --init --reader "SoftHSM slot ID 0x1" --replace --label new
	[[ $status == 0 && $(called C_InitToken) == 1 && $(called C_Login) == 3 ]]
	tokens 2 1
	enrolled alice new
	diff -r "$dir/before" "$dir/token/tokens" | (! grep -v "^Only in $dir/token/tokens: ")
}

@test "a wrong SO PIN is tried once, and the right one goes on" {
	broken_off
	company_secret "$dir/wrong" 99999999
	enroll "" alice --so-pin-file "$dir/wrong"
	[[ $status == 4 && $(called C_Login) == 1 && $(called C_InitPIN) == 0 ]]
	says "the SO PIN of token" "is wrong" "CKR_PIN_INCORRECT" "not tried again by itself"
	tokens 1 0
	nothing_issued
	enroll "" alice "${so_pin[@]}"
	[[ $status == 0 ]]
	enrolled alice
}

@test "an SO PIN that is locked or has one try left is not tried" {
	broken_off
	enroll 'C_GetTokenInfo:*:flags=SO_LOCKED' alice "${so_pin[@]}"
	[[ $status == 4 && $(called C_Login) == 0 ]]
	says "the SO PIN" "is locked" "take another token"
	enroll 'C_Login:1:CKR_PIN_LOCKED' alice "${so_pin[@]}"
	[[ $status == 4 && $(called C_Login) == 1 ]]
	says "the SO PIN" "is locked" "CKR_PIN_LOCKED" "take another token"
	enroll 'C_GetTokenInfo:*:flags=SO_FINAL_TRY' alice "${so_pin[@]}"
	[[ $status == 4 && $(called C_Login) == 0 ]]
	says "the SO PIN" "one try left, which was not spent" "--last-try"
	enroll 'C_GetTokenInfo:*:flags=SO_FINAL_TRY' alice "${so_pin[@]}" --last-try
	[[ $status == 0 ]]
	enrolled alice
}

@test "a PIN that the token does not take can be chosen anew by the same command" {
	enroll C_InitPIN:1:CKR_PIN_LEN_RANGE alice --init "${so_pin[@]}"
	[[ $status == 4 ]]
	says "cannot set the user PIN" "CKR_PIN_LEN_RANGE" "with a PIN that suits the token"
	tokens 1 0
	company_secret "$dir/pin" 55667788
	enroll "" alice --init "${so_pin[@]}"
	[[ $status == 0 ]]
	tokens 1 1
	enrolled alice
}

@test "a token without a user PIN that holds anything is refused, and stays byte for byte" {
	half_by_another theirs
	echo theirs >"$dir/object"
	company_run "$dir" token pkcs11-tool --module "$module" --token-label theirs --write-object "$dir/object" \
		--type data --label theirs
	cp -r "$dir/token/tokens" "$dir/before"
	enroll "" alice "${so_pin[@]}" --yes
	[[ $status == 6 && $(called C_Login) == 0 && $(called C_InitToken) == 0 && $(called C_InitPIN) == 0 ]]
	says "$(company_token_serial "$dir" theirs)" "holds objects" "left as it is" "take another token"
	diff -r "$dir/before" "$dir/token/tokens"
	nothing_issued
}

@test "a token that says it is blank but holds objects is refused, and stays byte for byte" {
	company_run "$dir" token softhsm2-util --init-token --free --label theirs --so-pin "$COMPANY_SO_PIN" --pin "$COMPANY_PIN"
	echo theirs >"$dir/object"
	company_run "$dir" token pkcs11-tool --module "$module" --token-label theirs --write-object "$dir/object" \
		--type data --label theirs
	cp -r "$dir/token/tokens" "$dir/before"
	enroll 'C_GetTokenInfo:*:flags=UNINIT|NO_PIN' alice --init --serial "$(company_token_serial "$dir" theirs)" \
		"${so_pin[@]}"
	[[ $status == 6 && $(called C_InitToken) == 0 && $(called C_Login) == 0 ]]
	says "says that it was never initialized but holds objects (1)" "left as it is" "take another token"
	diff -r "$dir/before" "$dir/token/tokens"
	nothing_issued
}

@test "a blank token that is changed for another at the last moment is not initialized" {
	local k
	# from the last reading before C_InitToken on there is another one in the slot
	enroll C_InitToken:1:kill alice --init "${so_pin[@]}"
	k=$(called C_GetTokenInfo)
	tokens 0 0
	enroll "C_GetTokenInfo:$k+:serial=another" alice --init "${so_pin[@]}"
	[[ $status == 3 && $(called C_InitToken) == 0 ]]
	says "another token in it now"
	tokens 0 0
}

@test "--init takes a blank token before one that another program has left without a user PIN" {
	local label
	for label in alice theirs; do
		rm -rf "$dir/token/tokens/"* "$dir"/tokenroll.db* "$dir/bundles"
		half_by_another "$label"
		cp -r "$dir/token/tokens" "$dir/before.$label"
		enroll "" alice --init --label "Alice's token" "${so_pin[@]}"
		[[ $status == 0 ]]
		tokens 2 1
		enrolled alice "Alice's token"
		diff -r "$dir/before.$label" "$dir/token/tokens" | (! grep -v "^Only in $dir/token/tokens: ")
		company_run "$dir" easyrsa company_easyrsa "$dir" revoke alice
	done
}

@test "one that another program has left without a user PIN gets it when its SO PIN is given, and somebody agrees" {
	half_by_another theirs
	cp -r "$dir/token/tokens" "$dir/before"
	enroll "" alice "${so_pin[@]}"
	[[ $status == 3 && $(called C_Login) == 0 ]]
	says "was initialized by somebody else and has no user PIN yet" "on a terminal, or with --init"
	diff -r "$dir/before" "$dir/token/tokens"
	enroll "" alice "${so_pin[@]}" --yes
	[[ $status == 0 && $(called C_InitToken) == 0 ]]
	tokens 1 1
	enrolled alice theirs
}

@test "a finished token that somebody has cleared is set up again only with --replace" {
	local serial
	enroll "" alice --init "${so_pin[@]}"
	[[ $status == 0 ]]
	serial=$(company_token_serial "$dir" alice)
	half_by_another alice
	[[ $(company_token_serial "$dir" alice) == "$serial" ]]
	enroll "" alice "${so_pin[@]}"
	[[ $status == 3 && $(called C_Login) == 0 ]]
	says "is no longer on token $serial" "--replace"
	tokens 1 0
	enroll "" alice --replace "${so_pin[@]}"
	[[ $status == 0 ]]
	enrolled alice
	[[ $(grep -c '^R' "$dir/pki/index.txt") == 1 ]]
}

@test "a label that does not fit onto a token is refused before anything is done" {
	enroll "" alice --init --label "a label of more than 32 bytes in all" "${so_pin[@]}"
	[[ $status == 2 ]]
	says "1 to 32 bytes"
	tokens 0 0
	enroll "" alice --init --label "" "${so_pin[@]}"
	[[ $status == 2 ]]
	says "the value of --label is empty"
	tokens 0 0
}

@test "a label with which a profile's line would be too long for OpenVPN is refused before it is given" {
	local long='C_GetTokenInfo:*:manufacturer=................................'
	company_conf "$dir" "token.module=$tools/libfaulty.so" "vpn.client-module-linux="
	enroll "$long" alice --init --label "................................" "${so_pin[@]}"
	[[ $status == 3 && $(called C_InitToken) == 0 ]]
	says "would be too long" "shorter label"
	tokens 0 0
	enroll "$long" alice --init --label alice "${so_pin[@]}"
	[[ $status == 0 ]]
	tokens 1 1
}

@test "a user name that is longer than a label is cut for it" {
	local user=a.name.that.is.longer.than.a.label@example.com
	enroll C_InitPIN:1:CKR_DEVICE_REMOVED "$user" --init "${so_pin[@]}"
	enroll C_InitToken:1:CKR_GENERAL_ERROR "$user" --init "${so_pin[@]}"
	[[ $status == 0 ]]
	tokens 1 1
	enrolled "$user" "${user:0:32}"
}

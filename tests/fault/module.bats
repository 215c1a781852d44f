#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031  # bats sets $stderr and $status, each test in its own shell
# A token's module that crashes, hangs, lies or refuses: the right exit status and message, nothing issued, no key of
# ours left where none can be, and the same command is done once the fault is gone.

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
	export FAULTY_MODULE=$module FAULTY_COUNT=$dir/log/count
	company_conf "$dir" "token.module=$tools/libfaulty.so" "vpn.client-module-linux=" "token.timeout=2"
	serial=$(company_token_serial "$dir" "VPN token")
	cp "$dir/pki/index.txt" "$dir/index.before"
}

# faulty STATUS RULE ARGUMENT...: tokenroll with a module that follows the rule ends with that status
faulty() {
	local expected=$1
	rm -f "$FAULTY_COUNT"
	export FAULTY_RULE=$2
	shift 2
	run --separate-stderr company_tokenroll "$dir" "$@"
	unset FAULTY_RULE
	printf 'status %s, stderr: %s\n' "$status" "$stderr"
	[[ $status == "$expected" ]]
	(($(called fired) > 0))
}

# called FUNCTION: how often, in the last run
called() {
	awk -v name="$1" '$1 == name { print $2 }' "$FAULTY_COUNT"
}

# says WORDS...: each is somewhere in the message
says() {
	local words
	for words; do
		[[ $stderr == *"$words"* ]] || { echo "not said: $words" && return 1; }
	done
}

# on_token CLASS: how many objects of that class are there
on_token() {
	"$tools/tokendump" "$module" "$serial" "$dir/pin" | grep -c "^CKO_$1" || true
}

nothing_issued() {
	diff "$dir/index.before" "$dir/pki/index.txt"
	[[ ! -e $dir/pki/issued/alice.crt && ! -e $dir/bundles/alice.zip ]]
	[[ $(on_token CERTIFICATE) == 0 ]]
}

no_key() {
	[[ $(on_token PRIVATE_KEY) == 0 && $(on_token PUBLIC_KEY) == 0 ]]
}

# then_done ARGUMENT...: without the fault, one key pair, one certificate, one row
then_done() {
	company_tokenroll "$dir" "${@:-alice}"
	[[ $(grep -c $'^V\t.*/CN=alice$' "$dir/pki/index.txt") == 1 ]]
	[[ $(on_token PRIVATE_KEY) == 1 && $(on_token PUBLIC_KEY) == 1 && $(on_token CERTIFICATE) == 1 ]]
	[[ -s $dir/bundles/alice.zip ]]
}

@test "a module that crashes when it is loaded or initialized is named as crashed, with the signal" {
	faulty 3 C_Initialize:1:crash alice
	says "crashed" "SIGSEGV" "what to do: "
	faulty 3 C_GetFunctionList:1:crash alice
	says "crashed" "SIGSEGV"
	nothing_issued
	no_key
	then_done
}

@test "a module that hangs is ended after token.timeout, and said to have hung" {
	local began=$SECONDS
	faulty 3 C_Initialize:1:hang alice
	((SECONDS - began <= 5))
	says "did not answer within 2 s" "what to do: "
	nothing_issued
	no_key
	then_done
}

@test "a module that hangs or crashes in the middle costs no second certificate" {
	faulty 3 C_CreateObject:1:hang alice
	says "did not answer within 2 s"
	[[ $(on_token CERTIFICATE) == 0 ]]
	faulty 3 C_CreateObject:1:crash alice
	says "crashed"
	[[ $(on_token CERTIFICATE) == 0 ]]
	then_done
	[[ $(find "$dir/pki/certs_by_serial" -type f | wc -l) == 2 ]] # the server's and alice's
}

@test "a module with a nonsense number of slots is refused" {
	faulty 3 'C_GetSlotList:*:huge' alice
	says "2147483647 slots"
	[[ $(called C_OpenSession) == 0 ]]
	nothing_issued
	no_key
	then_done
}

@test "a module with a nonsense number of objects is refused before a key is made" {
	faulty 3 'C_FindObjects:*:huge' alice
	says "$serial" "CKR_GENERAL_ERROR"
	[[ $(called C_GenerateKeyPair) == 0 ]]
	nothing_issued
	no_key
	then_done
}

@test "attributes of nonsense length, or of none, are not believed: no certificate for a key that is not shown" {
	local answer
	for answer in huge unavailable; do
		faulty 3 "C_GetAttributeValue:*:$answer" alice
		says "$serial" "does not show its public key"
		nothing_issued
	done
	then_done
}

@test "a signature of nonsense length is not believed, and nothing is issued for it" {
	faulty 3 'C_Sign:*:huge' alice
	says "$serial" "sign"
	nothing_issued
	then_done
}

@test "a token that refuses CKA_EXTRACTABLE in the template gets its key without it, and it cannot be read out all the same" {
	faulty 0 'C_GenerateKeyPair:*:refuse-attribute=CKA_EXTRACTABLE' alice
	(($(called C_GenerateKeyPair) > 1))
	[[ $(on_token PRIVATE_KEY) == 1 ]]
	pkcs11-tool --module "$module" --token-label "VPN token" --login --pin "$COMPANY_PIN" --list-objects \
		--type privkey >"$dir/keys" 2>/dev/null
	grep -q 'Access:.*sensitive.*never extractable' "$dir/keys"
	then_done
}

@test "a token that refuses optional attributes of a certificate gets it without them" {
	faulty 0 'C_CreateObject:*:refuse-attribute=CKA_PRIVATE;C_CreateObject:*:refuse-attribute=CKA_LABEL' alice
	[[ $(on_token CERTIFICATE) == 1 ]]
	then_done
}

@test "a token without the key type asked for says which types it has" {
	faulty 3 '*:*:hide=CKM_EC_KEY_PAIR_GEN' alice
	says "$serial" "ec:P-256" "CKR_MECHANISM_INVALID" "rsa:2048" "rsa:3072" "rsa:4096" "--key-type"
	[[ $stderr != *ec:P-384* ]]
	nothing_issued
	no_key
	then_done
}

@test "what it then says to do works: the same command with --key-type makes a key of that type" {
	faulty 3 '*:*:hide=CKM_EC_KEY_PAIR_GEN' alice
	FAULTY_RULE='*:*:hide=CKM_EC_KEY_PAIR_GEN' then_done enroll --key-type rsa:2048 alice
	openssl x509 -in "$dir/pki/issued/alice.crt" -noout -text | grep -q "Public-Key: (2048 bit)"
}

@test "a full token says so, and nothing is issued" {
	faulty 3 C_GenerateKeyPair:1:CKR_DEVICE_MEMORY alice
	says "$serial" "CKR_DEVICE_MEMORY" "room"
	nothing_issued
	no_key
	then_done
}

@test "a token that is full at the certificate goes on with the one that was issued" {
	faulty 3 C_CreateObject:1:CKR_DEVICE_MEMORY alice
	says "$serial" "CKR_DEVICE_MEMORY" "room"
	cp "$dir/pki/issued/alice.crt" "$dir/first.crt"
	then_done
	cmp "$dir/first.crt" "$dir/pki/issued/alice.crt"
}

@test "a write-protected token is refused before the PIN is sent" {
	faulty 3 'C_GetTokenInfo:*:flags=WRITE_PROTECTED' alice
	says "$serial" "write-protected"
	[[ $(called C_Login) == 0 ]]
	nothing_issued
	no_key
	then_done
}

@test "a locked PIN is a PIN error that says how to unlock it, and no PIN is sent" {
	faulty 4 'C_GetTokenInfo:*:flags=LOCKED' alice
	says "$serial" "locked" "SO PIN"
	[[ $(called C_Login) == 0 ]]
	nothing_issued
	no_key
	then_done
}

@test "the last try of a PIN is not spent without a terminal, not even with --yes" {
	faulty 4 'C_GetTokenInfo:*:flags=FINAL_TRY' alice
	says "$serial" "one PIN try left" "not spent" "--last-try"
	[[ $(called C_Login) == 0 ]]
	faulty 4 'C_GetTokenInfo:*:flags=FINAL_TRY' --yes alice
	[[ $(called C_Login) == 0 ]]
	nothing_issued
	no_key
	then_done
}

@test "--last-try spends it" {
	faulty 0 'C_GetTokenInfo:*:flags=FINAL_TRY' enroll --last-try alice
	[[ $(on_token CERTIFICATE) == 1 ]]
}

@test "a wrong PIN says how few tries are left, and a finished token's check spends no last try either" {
	company_tokenroll "$dir" alice
	faulty 4 'C_GetTokenInfo:*:flags=FINAL_TRY' alice
	[[ $(called C_Login) == 0 ]]
	company_secret "$dir/pin" 000000
	faulty 4 'C_GetTokenInfo:*:flags=LOW' alice
	says "wrong" "few tries are left"
	[[ $(called C_Login) == 1 ]]
}

@test "a token without a user PIN says so, and no PIN is sent" {
	faulty 3 'C_GetTokenInfo:*:flags=NO_PIN' alice
	says "$serial" "no user PIN" "or with --init"
	[[ $(called C_Login) == 0 ]]
	nothing_issued
	no_key
	then_done
}

# beside RULE: of two modules that p11-kit knows the first follows the rule; both must not cost the other
beside() {
	local began=$SECONDS
	company_can_p11kit || skip "needs a mount namespace when run as root"
	company_p11kit "$dir" bad="$tools/libfaulty.so" good="$module"
	company_conf "$dir" "token.module=" "token.timeout=2"
	FAULTY_RULE=$1 run --separate-stderr company_with_p11kit "$dir" "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" \
		-c "$dir/tokenroll.conf" --pin-file "$dir/pin" --ca-pass-file "$dir/ca.pass" alice </dev/null
	printf 'status %s, stderr: %s\n' "$status" "$stderr"
	((SECONDS - began <= 8))
	[[ $status == 0 ]]
	says "note: " "bad" "$2"
	[[ $(on_token PRIVATE_KEY) == 1 && $(on_token CERTIFICATE) == 1 ]]
}

@test "waiting for the worker of a run that was killed does not count as the module's time" {
	faulty 137 "C_GenerateKeyPair:1:kill-parent;C_GenerateKeyPair:1:delay=5000" alice
	faulty 0 "C_Login:1:delay=1" alice
	says "waiting for an earlier tokenroll that is still at token $serial"
	[[ $(on_token PRIVATE_KEY) == 1 && $(on_token CERTIFICATE) == 1 ]]
}

@test "one of two modules that crashes costs that module only, and is named" {
	beside C_Initialize:1:crash "crashed"
}

@test "one of two modules that hangs costs that module only, and is named" {
	beside C_Initialize:1:hang "did not answer"
}

@test "a registered module that crashes while it is loaded is got round by naming the right one" {
	company_can_p11kit || skip "needs a mount namespace when run as root"
	company_p11kit "$dir" bad="$tools/libfaulty.so" good="$module"
	company_conf "$dir" "token.module="
	FAULTY_RULE='C_GetFunctionList:*:crash' run -3 --separate-stderr company_with_p11kit "$dir" \
		"${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$dir/tokenroll.conf" --pin-file "$dir/pin" \
		--ca-pass-file "$dir/ca.pass" alice </dev/null
	[[ $stderr == *"while the modules that p11-kit knows were loaded"*crashed*"--module"* ]]
	FAULTY_RULE='C_GetFunctionList:*:crash' run -0 company_tokenroll "$dir" --module "$module" alice
}

@test "a card of a kind that the module does not know is no token that could be meant, and is left out" {
	company_token "$dir" bank-card
	# SoftHSM shows its empty slot last
	faulty 0 "C_GetTokenInfo:2:CKR_TOKEN_NOT_RECOGNIZED" alice -v
	says "note: the card in 'SoftHSM slot ID 0x" "is left out" "does not know its kind"
}

@test "when there is nothing but a card that the module does not know, its reader is named" {
	faulty 3 "C_GetTokenInfo:*:CKR_TOKEN_NOT_RECOGNIZED" alice
	says "the card in 'SoftHSM slot ID 0x" "is of a kind that $tools/libfaulty.so does not know" "--module"
	nothing_issued
}

@test "a token that does not answer is not passed over for another one" {
	faulty 3 "C_GetTokenInfo:2:CKR_GENERAL_ERROR" alice --init
	says "does not answer" "pull it out"
	nothing_issued
	faulty 3 "C_GetTokenInfo:1:CKR_GENERAL_ERROR" alice --init
	says "does not answer"
	faulty 3 "C_GetTokenInfo:1:CKR_GENERAL_ERROR" alice
	says "does not answer"
	nothing_issued
	[[ $(on_token PRIVATE_KEY) == 0 ]]
}

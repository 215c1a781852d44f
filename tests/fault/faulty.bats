#!/usr/bin/env bats
# The fault-injecting module and the tools beside it do what the tests that use them believe.

bats_require_minimum_version 1.5.0

setup() {
	load ../lib/company.bash
	BUILD=${BUILD:-$COMPANY_ROOT/build}
	DIR=$BATS_TEST_TMPDIR
	company_hsm "$DIR"
	company_token "$DIR" alice
	export SOFTHSM2_CONF=$DIR/token/softhsm2.conf
	FAULTY_MODULE=$(company_softhsm)
	export FAULTY_MODULE FAULTY_COUNT=$DIR/count
	SERIAL=$(company_token_serial "$DIR" alice)
}

# faulty RULE ARGUMENT...: pkcs11-tool through the module
faulty() {
	FAULTY_RULE=$1 timeout 20 pkcs11-tool --module "$BUILD/tests/fault/libfaulty.so" "${@:2}" 2>&1
}

# with_pin: the same, logged in
with_pin() {
	faulty "$1" --token-label alice --login --pin "$COMPANY_PIN" "${@:2}"
}

keygen() {
	with_pin "$1" --keypairgen --key-type EC:prime256v1 --id "${2:-01}" --label test
}

sign() {
	head -c 32 /dev/zero >"$DIR/digest"
	with_pin "$1" --sign --mechanism ECDSA --id 01 --input-file "$DIR/digest" --output-file "$DIR/signature"
}

# counted NAME: a number from the file of counts
counted() {
	awk -v name="$1" '$1 == name { print $2 }' "$FAULTY_COUNT"
}

dump() {
	"$BUILD/tests/fault/tokendump" "$FAULTY_MODULE" "$SERIAL" "$DIR/pin"
}

fill() {
	"$BUILD/tests/fault/tokenfill" "$FAULTY_MODULE" "$SERIAL" "$DIR/pin" alice
}

private_keys() {
	dump | grep -c '^CKO_PRIVATE_KEY' || true
}

@test "without a rule it is the real module, and every call is counted" {
	keygen ""
	sign ""
	[[ -s $DIR/signature ]]
	[[ $(counted C_GenerateKeyPair) == 1 && $(counted C_Sign) == 1 && $(counted C_Decrypt) == 0 ]]
	[[ $(counted fired) == 0 ]]
	[[ $(counted total) == $(awk '/^C_/ { n += $2 } END { print n }' "$FAULTY_COUNT") ]]
	[[ $(private_keys) == 1 ]]
}

@test "the counts of processes that run at once add up" {
	local i before
	faulty "" --list-slots
	before=$(counted total)
	rm "$FAULTY_COUNT"
	for i in 1 2 3 4 5 6; do faulty "" --list-slots >"$DIR/out$i" & done
	wait
	[[ $(counted total) == $((6 * before)) && $(counted C_Initialize) == 6 ]]
}

@test "a call fails with the code of the rule and does nothing" {
	run keygen "C_GenerateKeyPair:1:CKR_DEVICE_REMOVED"
	((status != 0))
	[[ $output == *CKR_DEVICE_REMOVED* ]]
	[[ $(private_keys) == 0 && $(counted fired) == 1 ]]
}

@test "a call fails after the real module has done it" {
	run keygen "C_GenerateKeyPair:1:after:CKR_GENERAL_ERROR"
	((status != 0))
	[[ $output == *CKR_GENERAL_ERROR* ]]
	[[ $(private_keys) == 1 ]]
}

@test "the number of a call goes on counting in the next process" {
	keygen "C_GenerateKeyPair:2:CKR_DEVICE_ERROR"
	run keygen "C_GenerateKeyPair:2:CKR_DEVICE_ERROR" 02
	[[ $output == *CKR_DEVICE_ERROR* ]]
	keygen "C_GenerateKeyPair:2:CKR_DEVICE_ERROR" 02
	[[ $(private_keys) == 2 ]]
}

@test "from a call on, and always" {
	keygen "C_GenerateKeyPair:2+:CKR_DEVICE_MEMORY"
	run keygen "C_GenerateKeyPair:2+:CKR_DEVICE_MEMORY" 02
	[[ $output == *CKR_DEVICE_MEMORY* ]]
	run keygen "C_GenerateKeyPair:2+:CKR_DEVICE_MEMORY" 02
	[[ $output == *CKR_DEVICE_MEMORY* ]]
	run keygen "C_OpenSession:*:CKR_TOKEN_NOT_RECOGNIZED" 02
	[[ $output == *CKR_TOKEN_NOT_RECOGNIZED* ]]
	[[ $(private_keys) == 1 ]]
}

@test "kill before a call, and after it" {
	run keygen "C_GenerateKeyPair:1:kill"
	((status == 137))
	[[ $(private_keys) == 0 ]]
	run keygen "C_GenerateKeyPair:2:kill-after"
	((status == 137))
	[[ $(private_keys) == 1 ]]
}

@test "kill at every call of all, until there is none left" {
	local k=0 fired=1
	while ((fired)); do
		((++k < 100))
		rm -f "$FAULTY_COUNT"
		run faulty "*:$k:kill" --list-slots
		fired=$(counted fired)
		((fired == 0 || status == 137))
	done
	((status == 0 && k > 5))
	[[ $(counted total) == $((k - 1)) ]]
}

@test "kill the parent, and the call goes on" {
	run -137 bash -c "FAULTY_RULE=C_GenerateKeyPair:1:kill-parent pkcs11-tool --module '$BUILD/tests/fault/libfaulty.so' \
		--token-label alice --login --pin $COMPANY_PIN --keypairgen --key-type EC:prime256v1 --id 01; true"
	local i
	for ((i = 0; i < 50; i++)); do
		[[ $(private_keys) == 1 ]] && break
		sleep 0.1
	done
	[[ $(private_keys) == 1 ]]
}

@test "crash and hang" {
	run faulty "C_Initialize:1:crash" --list-slots
	((status == 139))
	run env FAULTY_RULE="C_GetTokenInfo:*:hang" timeout 1 pkcs11-tool --module "$BUILD/tests/fault/libfaulty.so" \
		--list-slots
	((status == 124))
}

@test "nonsense counts and lengths" {
	cat >"$DIR/huge.c" <<-'C'
		#include <dlfcn.h>
		#include <p11-kit/pkcs11.h>
		#include <stdio.h>
		int main(int argc, char **argv)
		{
			CK_FUNCTION_LIST *p11;
			CK_C_GetFunctionList get = (CK_C_GetFunctionList)dlsym(dlopen(argv[argc - 1], RTLD_NOW), "C_GetFunctionList");
			CK_ULONG slots = 0, mechanisms = 0, found = 0;
			CK_SLOT_ID slot[16];
			CK_SESSION_HANDLE session;
			CK_OBJECT_HANDLE object;
			CK_ATTRIBUTE a = {CKA_LABEL, NULL, 0};

			if (get(&p11) || p11->C_Initialize(NULL) || p11->C_GetSlotList(1, NULL, &slots))
				return 1;
			printf("slots %lx\n", slots);
			slots = 16;
			if (p11->C_GetSlotList(1, slot, &slots) || p11->C_GetMechanismList(slot[0], NULL, &mechanisms) ||
			    p11->C_OpenSession(slot[0], CKF_SERIAL_SESSION, NULL, NULL, &session) ||
			    p11->C_FindObjectsInit(session, NULL, 0) || p11->C_FindObjects(session, &object, 1, &found) ||
			    p11->C_GetAttributeValue(session, object, &a, 1))
				return 1;
			printf("mechanisms %lx, found %lx, length %lx\n", mechanisms, found, a.ulValueLen);
			return 0;
		}
	C
	# shellcheck disable=SC2046
	cc -o "$DIR/huge" "$DIR/huge.c" $(pkg-config --cflags p11-kit-1) -ldl
	keygen ""
	rm "$FAULTY_COUNT"
	run -0 env FAULTY_RULE="C_GetSlotList:1:huge;C_GetMechanismList:*:huge;C_FindObjects:*:huge;C_GetAttributeValue:*:huge" \
		"$DIR/huge" "$BUILD/tests/fault/libfaulty.so"
	[[ $output == "slots 7fffffff"$'\n'"mechanisms 7fffffff, found 7fffffff, length 7fffffff" ]]
	run -0 env FAULTY_RULE="C_GetAttributeValue:*:unavailable" "$DIR/huge" "$BUILD/tests/fault/libfaulty.so"
	[[ $output == *"found 1, length ffffffffffffffff" ]]
}

@test "flags of the token" {
	run -0 faulty "C_GetTokenInfo:*:flags=LOW|FINAL_TRY" --list-slots
	[[ $output == *"user PIN count low"*"final user PIN try"* ]]
	run -0 faulty "C_GetTokenInfo:*:flags=LOCKED|WRITE_PROTECTED" --list-slots
	[[ $output == *"readonly"*"user PIN locked"* || $output == *"user PIN locked"*"readonly"* ]]
	run -0 faulty "C_GetTokenInfo:*:flags=UNINIT" --list-slots
	[[ $output == *uninitialized* ]]
	run -0 faulty "" --list-slots
	[[ $output != *"count low"* && $output != *readonly* ]]
}

@test "texts of the token and of its reader, byte by byte" {
	run -0 faulty 'C_GetTokenInfo:1+:label=a\x41: \x3b;C_GetTokenInfo:*:serial=0123456789abcdef;C_GetSlotInfo:*:reader=R\x0aS' \
		--list-slots
	[[ $output == *"(0x"*"): R"* && $output == *"aA: ;"* && $output == *": 0123456789abcdef"* ]]
	[[ $output != *"token label        : alice"* && $output == *"SoftHSM v2"* ]]
	(($(counted fired) > 0))
}

@test "a call that takes its time" {
	local began=${EPOCHREALTIME/[^0-9]/}
	keygen "C_GenerateKeyPair:1:delay=1200"
	((${EPOCHREALTIME/[^0-9]/} - began >= 1200000))
	[[ $(private_keys) == 1 && $(counted fired) == 1 ]]
}

@test "a token that refuses an attribute" {
	run keygen "C_GenerateKeyPair:*:refuse-attribute=CKA_SENSITIVE"
	((status != 0))
	[[ $output == *CKR_ATTRIBUTE_TYPE_INVALID* ]]
	keygen "C_GenerateKeyPair:*:refuse-attribute=CKA_START_DATE"
	[[ $(private_keys) == 1 ]]
}

@test "a token that lacks a mechanism, and one whose list only says so" {
	local list='C_GetMechanismList:*:hide=CKM_EC_KEY_PAIR_GEN'
	run -0 faulty "$list" --token-label alice --list-mechanisms
	[[ $output != *ECDSA-KEY-PAIR-GEN* && $output == *RSA-PKCS* ]]
	run keygen "$list"
	[[ $output == *"not supported"* && $(counted C_GenerateKeyPair) == 0 ]]
	run keygen "C_GetMechanismInfo:*:hide=CKM_EC_KEY_PAIR_GEN"
	[[ $output == *"not supported"* && $(counted C_GenerateKeyPair) == 0 ]]
	run keygen "C_GenerateKeyPair:*:hide=CKM_EC_KEY_PAIR_GEN"
	[[ $output == *CKR_MECHANISM_INVALID* && $(private_keys) == 0 ]]
	keygen "*:*:hide=CKM_RSA_PKCS_KEY_PAIR_GEN"
	[[ $(private_keys) == 1 ]]
	run sign "C_SignInit:*:hide=CKM_ECDSA"
	[[ $output == *CKR_MECHANISM_INVALID* ]]
	sign "C_SignInit:*:hide=CKM_RSA_PKCS"
}

@test "rules from a file are read anew" {
	export FAULTY_RULE_FILE=$DIR/rules
	printf 'C_Sign:1:CKR_DEVICE_ERROR\nC_GenerateKeyPair:1:CKR_DEVICE_MEMORY\n' >"$FAULTY_RULE_FILE"
	run keygen ""
	[[ $output == *CKR_DEVICE_MEMORY* ]]
	: >"$FAULTY_RULE_FILE"
	keygen ""
}

@test "a rule that can never do anything is a mistake" {
	local rule
	for rule in C_Sing:1:kill C_Sign:0:kill C_Sign:x:kill C_Sign:1:CKR_NONSENSE C_Sign:1 C_Sign:1:flags=LOW \
		C_GetTokenInfo:1:flags=HIGH C_GetTokenInfo:1:huge C_GetSlotList:1:hide=CKM_RSA_PKCS C_Sign:1:kill- C_Sign:1:label=x \
		C_GetTokenInfo:1:reader=x C_GetTokenInfo:1:model=01234567890123456 'C_GetTokenInfo:1:label=\xg0' \
		C_Sign:1:delay= C_Sign:1:delay=1s; do
		run faulty "$rule" --list-slots
		[[ $output == *"faulty: rule 1 of '$rule'"* ]]
	done
	FAULTY_MODULE=/nowhere run faulty "" --list-slots
	[[ $output == *"cannot load FAULTY_MODULE"* ]]
}

@test "a filled token has what somebody else may have, twice dumped alike" {
	fill
	dump >"$DIR/before"
	[[ $(cut -d ' ' -f 1 "$DIR/before" | sort | uniq -c | xargs) == \
		"3 CKO_CERTIFICATE 1 CKO_DATA 2 CKO_PRIVATE_KEY 2 CKO_PUBLIC_KEY" ]]
	[[ $(grep -c "CKA_LABEL=$(printf alice | xxd -p)" "$DIR/before") == 3 ]]
	[[ $(grep -c "CKA_ID= " "$DIR/before") == 1 ]]
	[[ $(grep '^CKO_PRIVATE' "$DIR/before") == *CKA_PRIVATE_EXPONENT=sensitive* ]]
	dump | cmp - "$DIR/before"
}

@test "a dump shows the one object that was changed" {
	fill
	dump >"$DIR/before"
	keygen "" 77
	dump >"$DIR/added"
	[[ -z $(comm -23 "$DIR/before" "$DIR/added") && $(comm -13 "$DIR/before" "$DIR/added" | wc -l) == 2 ]]
	with_pin "" --set-id 47 --type cert --id 46
	dump >"$DIR/after"
	[[ $(comm -23 "$DIR/added" "$DIR/after" | wc -l) == 1 ]]
	[[ $(comm -23 "$DIR/added" "$DIR/after") == CKO_CERTIFICATE*CKA_ID=46* ]]
}

@test "a PIN pad: what is typed on it is taken once, and no PIN in any other way" {
	export FAULTY_PAD=$DIR/pad
	printf '%s\n' "$COMPANY_PIN" 24682468 24682468 left >"$FAULTY_PAD"
	run faulty "" --token-label alice --login --pin "$COMPANY_PIN" --list-objects
	[[ $output == *CKR_ARGUMENTS_BAD* ]]
	faulty "" --list-token-slots | grep -q 'PIN pad present'
	faulty "" --token-label alice --login --list-objects
	[[ $(<"$FAULTY_PAD") == $'24682468\n24682468\nleft' ]]
	true >"$FAULTY_PAD"
	run faulty "" --token-label alice --login --list-objects
	[[ $output == *CKR_FUNCTION_CANCELED* ]]
}

#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031  # tests/lib/life.bash sets them, each test in its own shell
# The recovery key may be on the admin's own token, beside the employee's: it opens what is in escrow there, without being
# in any file, and with the same care for its PIN as for every other.

bats_require_minimum_version 1.5.0

setup_file() {
	load ../lib/life.bash
	life_file
	life_recovery_ec "$BATS_FILE_TMPDIR/ec" "EC recovery"
}

# life_recovery_ec FILE NAME
life_recovery_ec() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -days 400 -subj "/CN=$2" \
		-addext basicConstraints=critical,CA:FALSE -addext keyUsage=critical,keyAgreement -keyout "$1.key" \
		-out "$1.pem" 2>/dev/null
}

# The employee's token has its SO PIN in escrow for both keys; the admin's token has them, and no file.
setup() {
	load ../lib/life.bash
	life_setup
	module=$(company_softhsm)
	rm -r "$dir/token/tokens/"*
	life_conf "token.module=$module"
	printf 'recovery = %s\n' "$BATS_FILE_TMPDIR/ec.pem" >"$BATS_TEST_TMPDIR/line"
	sed -i "/^\[escrow\]/r $BATS_TEST_TMPDIR/line" "$dir/tokenroll.conf"
	done_by init --label "VPN token" --new-pin-file "$dir/new"
	serial=$(company_token_serial "$dir" "VPN token")
	company_token "$dir" Admin 7182937
	secret admin 7182937
	onto Admin 7182937 "$recovery" rsa 01 decrypt
	onto Admin 7182937 "$BATS_FILE_TMPDIR/ec" ec 02 derive
	admin=$(company_token_serial "$dir" Admin)
	pin=(--recovery-pin-file "$dir/admin")
	rsa='pkcs11:token=Admin;object=rsa' ec='pkcs11:token=Admin;id=%02;type=private'
}

# onto TOKEN PIN FILE LABEL ID USE [nocert]: FILE.key and FILE.pem
onto() {
	local tool=(pkcs11-tool --module "$module" --token-label "$1" --login --pin "$2" --label "$4" --id "$5")
	openssl pkey -in "$3.key" -outform DER -out "$BATS_TEST_TMPDIR/key.der"
	openssl x509 -in "$3.pem" -outform DER -out "$BATS_TEST_TMPDIR/cert.der"
	"${tool[@]}" --write-object "$BATS_TEST_TMPDIR/key.der" --type privkey --usage-"$6" --sensitive >/dev/null 2>&1
	openssl pkey -in "$3.key" -pubout -outform DER -out "$BATS_TEST_TMPDIR/pub.der"
	"${tool[@]}" --write-object "$BATS_TEST_TMPDIR/pub.der" --type pubkey >/dev/null 2>&1
	[[ ${7:-} == nocert ]] || "${tool[@]}" --write-object "$BATS_TEST_TMPDIR/cert.der" --type cert >/dev/null 2>&1
}

# so_pin: the value out of the document
so_pin() {
	python3 -c 'import json, sys; print(json.load(sys.stdin)["escrow"][0]["value"])' <<<"$output"
}

# called FUNCTION: so often the module was called, in runs through the counting module
called() {
	awk -v name="$1" '$1 == name { n = $2 } END { print n + 0 }' "$FAULTY_COUNT"
}

# counted: from now on the URI's module is one that counts its calls
counted() {
	export FAULTY_MODULE=$module FAULTY_COUNT=$dir/log/count
	rm -f "$FAULTY_COUNT"
	faulty="?module-path=$tools/libfaulty.so"
}

@test "escrow show: an RSA and an EC key on the admin's token open it, as the file does" {
	local uri by_file
	done_by escrow show --serial "$serial" "${key[@]}" --json
	by_file=$(so_pin)
	for uri in "$rsa" "$ec"; do
		done_by escrow show --serial "$serial" --recovery-key "$uri" "${pin[@]}" --json
		[[ $(so_pin) == "$by_file" ]]
	done
	[[ $(db "select detail from audit where action = 'escrow-show' order by id desc limit 1") == *"token $admin"* ]]
}

@test "unblock: the employee's token gets a new PIN while the admin's is plugged in, too" {
	local uri
	for uri in "$rsa" "$ec"; do
		done_by unblock --serial "$serial" --recovery-key "$uri" "${pin[@]}" --new-pin-file "$dir/newer"
		pin_is "$dir/newer"
		done_by unblock --serial "$serial" --recovery-key "$uri" "${pin[@]}" --new-pin-file "$dir/new"
		pin_is "$dir/new"
	done
}

@test "unblock without --serial: the token that the recovery key is on is not the one that is meant" {
	done_by unblock --recovery-key "$rsa" "${pin[@]}" --new-pin-file "$dir/newer"
	pin_is "$dir/newer"
	[[ $output == *"$serial"* ]]
}

@test "the two tokens may have different modules, and a URI that names only its key finds it" {
	counted
	done_by unblock --serial "$serial" --recovery-key "$rsa$faulty" "${pin[@]}" --new-pin-file "$dir/newer"
	pin_is "$dir/newer"
	[[ $(called C_Login) == 1 ]]
	done_by escrow show --serial "$serial" --recovery-key "pkcs11:object=ec" "${pin[@]}"
	done_by escrow show --serial "$serial" --recovery-key "pkcs11:serial=$admin" "${pin[@]}"
}

@test "of several keys the one that can is used, and a certificate on the token tells which" {
	openssl genrsa -out "$dir/else.key" 2048 2>/dev/null
	openssl req -x509 -new -key "$dir/else.key" -subj /CN=else -out "$dir/else.pem"
	onto Admin 7182937 "$dir/else" else 03 decrypt
	company_conf "$dir" "token.module=$module" vpn.client-module-linux=
	counted
	done_by escrow show --serial "$serial" --recovery-key "pkcs11:token=Admin$faulty" "${pin[@]}"
	[[ $(called C_Decrypt) -le 1 ]]
}

@test "a token in a strict mode, which has CKM_RSA_PKCS_OAEP and no CKM_RSA_X_509, opens it" {
	export OAEP_MODULE=$module
	done_by escrow show --serial "$serial" "${key[@]}" --json
	by_file=$(so_pin)
	done_by escrow show --serial "$serial" --recovery-key "$rsa?module-path=$tools/liboaep.so" "${pin[@]}" --json
	[[ $(so_pin) == "$by_file" ]]
	recovery_new "$dir/other" "somebody else"
	onto Admin 7182937 "$dir/other" bare 04 decrypt nocert
	refused 3 "cannot decrypt with the recovery key" escrow show --serial "$serial" \
		--recovery-key "pkcs11:token=Admin;object=bare?module-path=$tools/liboaep.so" "${pin[@]}"
	says CKR_ENCRYPTED_DATA_INVALID
}

@test "a module without OAEP does it by CKM_RSA_X_509, and one that can do neither, or no ECDH, is said" {
	counted
	export FAULTY_RULE=C_DecryptInit:1:CKR_MECHANISM_INVALID
	done_by escrow show --serial "$serial" --recovery-key "$rsa$faulty" "${pin[@]}"
	rm -f "$FAULTY_COUNT"
	export FAULTY_RULE='C_DecryptInit:*:CKR_KEY_FUNCTION_NOT_PERMITTED'
	refused 3 "cannot decrypt with the recovery key" escrow show --serial "$serial" --recovery-key "$rsa$faulty" "${pin[@]}"
	says CKR_KEY_FUNCTION_NOT_PERMITTED "CKA_DECRYPT"
	rm -f "$FAULTY_COUNT"
	export FAULTY_RULE='C_DeriveKey:*:CKR_MECHANISM_INVALID'
	refused 3 "cannot agree on a key with the recovery key" escrow show --serial "$serial" --recovery-key "$ec$faulty" \
		"${pin[@]}"
	says CKR_MECHANISM_INVALID "CKM_ECDH1_DERIVE"
}

@test "no such token, no such key, and one that is no recipient's" {
	refused 3 "no token with label Nobody is plugged in for the recovery key" escrow show --serial "$serial" \
		--recovery-key "pkcs11:token=Nobody" "${pin[@]}"
	says "module-path"
	refused 2 "there is no private key named 'nothing' on token $admin" escrow show --serial "$serial" \
		--recovery-key "pkcs11:token=Admin;object=nothing" "${pin[@]}"
	refused 2 "there is no private key with the CKA_ID 99 on token $admin" escrow show --serial "$serial" \
		--recovery-key "pkcs11:token=Admin;id=%99" "${pin[@]}"
	recovery_new "$dir/other" "somebody else"
	onto Admin 7182937 "$dir/other" other 03 decrypt
	refused 2 "opens none of the recipients" unblock --serial "$serial" --recovery-key "pkcs11:token=Admin;object=other" \
		"${pin[@]}" --new-pin-file "$dir/newer"
	says "VPN recovery" "EC recovery"
	onto Admin 7182937 "$dir/other" bare 04 decrypt nocert
	refused 2 "opens none of the recipients" escrow show --serial "$serial" --recovery-key "pkcs11:token=Admin;object=bare" \
		"${pin[@]}"
	pin_is "$dir/new"
	company_token "$dir" Admin 7182937
	refused 3 "2 tokens may have the recovery key" escrow show --serial "$serial" --recovery-key "$rsa" "${pin[@]}"
	says "pkcs11:serial="
}

@test "a wrong PIN of the recovery token is sent once, and the employee's token is left alone" {
	counted
	secret wrong 1111222
	refused 4 "the recovery key's token: the PIN of token $admin is wrong" unblock --serial "$serial" \
		--recovery-key "$rsa$faulty" --recovery-pin-file "$dir/wrong" --new-pin-file "$dir/newer"
	says "not tried again"
	[[ $(called C_Login) == 1 ]]
	pin_is "$dir/new"
	company_secret "$dir/tiny" 1
	rm -f "$FAULTY_COUNT"
	refused 4 "PIN" escrow show --serial "$serial" --recovery-key "$rsa$faulty" --recovery-pin-file "$dir/tiny"
	[[ $(called C_Login) == 0 ]]
}

@test "a locked recovery token is known before its PIN is asked, and its last try is never spent here" {
	counted
	export FAULTY_RULE='C_GetTokenInfo:*:flags=LOCKED'
	refused 4 "the PIN of the recovery token $admin is locked" escrow show --serial "$serial" --recovery-key "$rsa$faulty"
	export FAULTY_RULE='C_GetTokenInfo:*:flags=FINAL_TRY'
	refused 4 "has one try left, which was not spent" unblock --last-try --serial "$serial" --recovery-key "$rsa$faulty" \
		"${pin[@]}" --new-pin-file "$dir/newer"
	says "tokenroll pin --serial $admin --last-try"
	[[ $(called C_Login) == 0 ]]
}

@test "its PIN is asked as the recovery token's, not echoed, or read from the URI's pin-source" {
	cat >"$BATS_TEST_TMPDIR/talk" <<-'TCL'
		set timeout 15
		spawn -noecho {*}$argv
		expect "PIN of the recovery token \"Admin\" (" { send "7182937\r" } timeout { exit 98 } eof { exit 97 }
		expect "PIN of" { exit 99 } eof {}
		exit [lindex [wait] 3]
	TCL
	run expect -f "$BATS_TEST_TMPDIR/talk" -- "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$dir/tokenroll.conf" \
		escrow show --serial "$serial" --recovery-key "$rsa" 3>&-
	echo "$output"
	[[ $status == 0 && $output == *"SO PIN"* && $output != *7182937* ]]
	refused 2 "--recovery-pin-file" escrow show --serial "$serial" --recovery-key "$rsa"
	secret admin-pin 7182937
	cp -p "$dir/admin-pin" "$BATS_TEST_TMPDIR/pin"
	done_by escrow show --serial "$serial" --recovery-key "$rsa?pin-source=file:$BATS_TEST_TMPDIR/pin"
	done_by escrow show --serial "$serial" --recovery-key "$rsa?pin-source=$BATS_TEST_TMPDIR/pin"
}

@test "a URI that says what has no meaning here is refused before anything is asked, and a PIN in it first of all" {
	refused 2 "there is a PIN (pin-value) in the URI" escrow show --serial "$serial" --recovery-key "$rsa?pin-value=7182937"
	[[ $stderr != *7182937* ]]
	refused 2 "the slot-id in the URI" escrow show --serial "$serial" --recovery-key "pkcs11:slot-id=1"
	refused 2 "'module' of the URI" escrow show --serial "$serial" --recovery-key "$rsa?module=x"
	refused 2 "no private key" escrow show --serial "$serial" --recovery-key "$rsa;type=cert"
	refused 2 "cannot be read" escrow show --serial "$serial" --recovery-key "pkcs11:id=%0"
	refused 2 "not a whole path" escrow show --serial "$serial" --recovery-key "$rsa?module-path=libsofthsm2.so"
	refused 2 "--recovery-pin-file is for a recovery key on a token" escrow show --serial "$serial" "${key[@]}" "${pin[@]}"
	refused 2 "--recovery-pass-file is for a recovery key in a file" escrow show --serial "$serial" \
		--recovery-key "$rsa" --recovery-pass-file "$dir/admin"
}

@test "the vendor's module that uses the recovery key is in no process that the parent or the CA is" {
	# the sanitizer of `make asan` cannot look for leaks in a process that is traced
	ASAN_OPTIONS=detect_leaks=0 strace -f -q -e trace=openat,execve -o "$BATS_TEST_TMPDIR/calls" -- "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" \
		-c "$dir/tokenroll.conf" escrow show --serial "$serial" --recovery-key "$rsa" "${pin[@]}" >/dev/null
	run ! grep -E 'execve.*tokenroll-signer' "$BATS_TEST_TMPDIR/calls"
	users=$(awk '/openat.*libsofthsm2.so".*= [0-9]/ { print $1 }' "$BATS_TEST_TMPDIR/calls" | sort -u)
	[[ -n $users ]]
	for user in $users; do
		grep -E "^$user .*execve.*tokenroll-worker" "$BATS_TEST_TMPDIR/calls" >/dev/null
	done
}

@test "of the tokens that are plugged in the one of the recovery key is not enrolled by mistake" {
	refused 4 "is wrong" --recovery-key "$rsa" "${pin[@]}" "${ca[@]}" --pin-file "$dir/admin" alice
	says "token $serial"
	refused 3 "tokens are plugged in" "${ca[@]}" --pin-file "$dir/admin" alice
}

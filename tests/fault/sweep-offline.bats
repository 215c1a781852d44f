#!/usr/bin/env bats
# Promise 3 with a CA that is elsewhere: nothing is lost, neither before the request is out nor after the certificate is
# back, and no second key is made. See sweep.bash. Every 19th call is hit, by each failure at other ones,
# unless TOKENROLL_ALL asks for all.

# shellcheck source=tests/fault/sweep.bash
source "$BATS_TEST_DIRNAME/sweep.bash" # here, so that sweep_again below takes the place of its own

setup() {
	sweep_setup enroll
	mv "$SWEEP/template/pki/private/ca.key" "$SWEEP/ca.key"
	printf '%s\n' basicConstraints=CA:FALSE extendedKeyUsage=clientAuth keyUsage=digitalSignature >"$SWEEP/ext"
	SWEEP_COMMAND=(enroll --csr-only alice)
}

teardown() {
	sweep_teardown
}

# with_certificate: the request was made and signed, and what is swept is --cert
with_certificate() {
	sweep_reset
	company_tokenroll "$SWEEP/c" enroll --csr-only alice >"$SWEEP/first" 2>&1
	sign
	rm -rf "$SWEEP/template"
	mv "$SWEEP/c" "$SWEEP/template"
	SWEEP_COMMAND=(enroll --cert "$SWEEP/alice.crt" alice)
}

sign() {
	openssl x509 -req -in "$SWEEP/c/bundles/alice.req" -CA "$SWEEP/c/pki/ca.crt" -CAkey "$SWEEP/ca.key" \
		-passin "file:$SWEEP/c/ca.pass" -set_serial "0x5$(openssl rand -hex 15)" -days 30 -extfile "$SWEEP/ext" \
		-out "$SWEEP/alice.crt" 2>/dev/null
}

# The same command without the failure and, where that stops at the request, what follows it. In place of sweep.bash's.
sweep_again() {
	run_again "$1" "${SWEEP_COMMAND[@]}" || return
	if [[ ${SWEEP_COMMAND[1]} == --csr-only ]]; then
		check_objects "$1" "CKO_PRIVATE_KEY CKO_PUBLIC_KEY " || return
		sign || { sweep_complain "$1" "the request cannot be signed"; return 1; }
		run_again "$1" enroll --cert "$SWEEP/alice.crt" alice || return
	fi
	check_end "$1"
}

run_again() {
	company_tokenroll "$SWEEP/c" "${@:2}" >"$SWEEP/second" 2>&1 || { sweep_complain "$1" "${*:2} failed"; return 1; }
}

# check_objects PLACE CLASSES: on the token are these and the foreign ones as before
check_objects() {
	local ours
	sweep_dump >"$SWEEP/now"
	[[ -z $(comm -23 "$SWEEP/foreign" "$SWEEP/now") ]] || { sweep_complain "$1" "foreign objects changed"; return 1; }
	ours=$(comm -13 "$SWEEP/foreign" "$SWEEP/now" | cut -d' ' -f1 | sort | tr '\n' ' ')
	[[ $ours == "$2" ]] || { sweep_complain "$1" "on the token are: $ours"; return 1; }
}

check_end() {
	local place=$1 dir=$SWEEP/c cka_id
	check_objects "$place" "CKO_CERTIFICATE CKO_PRIVATE_KEY CKO_PUBLIC_KEY " || return
	cka_id=$(comm -13 "$SWEEP/foreign" "$SWEEP/now" | sed -n 's/.* CKA_ID=\([0-9a-f]*\) .*/\U\1/p' | sort -u)
	grep -q "^pkcs11-id '.*/$SWEEP_SERIAL/VPN\\\\x20token/$cka_id'" "$dir/bundles/alice/alice-linux.ovpn" ||
		{ sweep_complain "$place" "the profile does not name CKA_ID $cka_id"; return 1; }
	comm -13 "$SWEEP/foreign" "$SWEEP/now" |
		grep -q "^CKO_CERTIFICATE .* CKA_VALUE=$(openssl x509 -in "$SWEEP/alice.crt" -outform DER | od -An -v -tx1 | tr -d ' \n') " ||
		{ sweep_complain "$place" "the certificate on the token is another one"; return 1; }
	diff -r "$SWEEP/template/pki" "$dir/pki" >&2 || { sweep_complain "$place" "the PKI was changed"; return 1; }
	[[ -z $(find "$dir/bundles" -name '*.tmp-*') ]] || { sweep_complain "$place" "files were left over"; return 1; }
}

# calls ACTION FROM: at every 19th PKCS#11 call from that one on, until there is none left
calls() {
	local k from=$2 step=19
	[[ -z ${TOKENROLL_ALL:-} ]] || from=1 step=1
	for ((k = from; ; k += step)); do
		sweep_rule "call $k ($1)" "*:$k:$1" || return 1
		((SWEEP_FIRED > 0)) || break
	done
	((SWEEP_RC == 0)) || { sweep_complain "no call" "status $SWEEP_RC"; return 1; }
	((k > 50)) || { sweep_complain "no call" "only $((k - 1)) calls were tried"; return 1; }
}

@test "a worker killed at any call of --csr-only leaves what the same command completes, with one key" {
	calls kill 1
}

@test "tokenroll killed at any call of --csr-only leaves what the same command completes, with one key" {
	calls kill-parent 6
}

@test "a token pulled at any call of --csr-only leaves what the same command completes, with one key" {
	calls CKR_DEVICE_REMOVED 11
}

@test "a general error at any call of --csr-only leaves what the same command completes, with one key" {
	calls CKR_GENERAL_ERROR 16
}

@test "a worker killed at any call of --cert leaves what the same command completes, with that certificate" {
	with_certificate
	calls kill 3
}

@test "tokenroll killed at any call of --cert leaves what the same command completes, with that certificate" {
	with_certificate
	calls kill-parent 8
}

@test "a token pulled at any call of --cert leaves what the same command completes, with that certificate" {
	with_certificate
	calls CKR_DEVICE_REMOVED 13
}

@test "a general error at any call of --cert leaves what the same command completes, with that certificate" {
	with_certificate
	calls CKR_GENERAL_ERROR 18
}

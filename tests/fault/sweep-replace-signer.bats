#!/usr/bin/env bats
# Promise 3: nothing is lost. See sweep.bash.

setup() {
	source "$BATS_TEST_DIRNAME/sweep.bash"
	sweep_setup replace
	real=$(realpath "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}")
	make_programs "$SWEEP/bin"
}

teardown() {
	sweep_teardown
}

# make_programs FOLDER: the programs under test, with a signer that is killed before side effect $SIGNER_WHEN
make_programs() {
	mkdir "$1"
	cp "$real" "$1/tokenroll"
	ln -s "${real%/*}"/tokenroll-* "$1/"
	ln -s "$(readlink "$1/tokenroll-signer")" "$1/signer"
	rm "$1/tokenroll-signer"
	cat >"$1/tokenroll-signer" <<-SCRIPT
		#!/bin/sh
		LD_PRELOAD='$FAULT_DIR/libkillat.so' KILLAT_COUNT='$SWEEP/effects' KILLAT_WHEN=\$SIGNER_WHEN exec '$1/signer'
	SCRIPT
	chmod 755 "$1/tokenroll-signer"
}

# check_crl PLACE: the revoked certificate is on the CRL, and the VPN server has that
check_crl() {
	local pki=$SWEEP/c/pki serial
	serial=$(awk -F'\t' '/^R.*CN=alice$/ { print $4 }' "$pki/index.txt")
	openssl crl -in "$pki/crl.pem" -noout -text | grep -q "Serial Number: $serial" ||
		sweep_complain "$1" "the CRL does not have $serial" || return
	cmp -s "$pki/crl.pem" "$SWEEP/c/server/crl.pem" || sweep_complain "$1" "the CRL is not published"
}

@test "a signer killed in the middle of --replace leaves what the same command completes, with a CRL that is published" {
	local k step=10 between=0
	[[ -z ${TOKENROLL_ALL:-} ]] || step=1
	for ((k = 1; ; k += step)); do
		sweep_reset
		rm -f "$SWEEP/effects"
		SWEEP_RC=0
		SIGNER_WHEN=$k TOKENROLL=$SWEEP/bin/tokenroll company_tokenroll "$SWEEP/c" "${SWEEP_COMMAND[@]}" \
			>"$SWEEP/first" 2>&1 || SWEEP_RC=$?
		(($(cat "$SWEEP/effects") >= k)) || break
		# revoked, but the CRL does not say so yet
		grep -q '^R' "$SWEEP/c/pki/index.txt" && cmp -s "$SWEEP/c/pki/crl.pem" "$SWEEP/template/pki/crl.pem" &&
			between=$((between + 1))
		[[ $SWEEP_RC == 5 ]]
		sweep_again "side effect $k of the signer"
		check_crl "side effect $k of the signer"
	done
	((SWEEP_RC == 0 && k > 60 && between > 0))
}

# shellcheck shell=bash
# sweep: one enrollment, made to fail at one place after the other, each time followed by the same command without
# the failure. Whatever the place, the end has to be the same: one key pair and one certificate of ours, one V row,
# a bundle that names that key, and foreign objects as before.

# shellcheck source=tests/lib/company.bash
source "${BASH_SOURCE[0]%/*}/../lib/company.bash"

FAULT_DIR=${BUILD:-$COMPANY_ROOT/build}/tests/fault

# sweep_setup enroll|replace|init|renew|rekey: a company with somebody else's objects on the token, kept aside so that each round begins
# with the same. With replace, alice is enrolled already, and what is swept is `tokenroll alice --replace`. With init it
# is `tokenroll alice --init`, and there is only a blank token. With renew and rekey alice is enrolled already, too.
sweep_setup() {
	SWEEP_COMMAND=(alice)
	SWEEP_LABEL="VPN token"
	SWEEP_ROWS=1
	SWEEP=$(mktemp -d "${TMPDIR:-/tmp}/tokenroll-sweep.XXXXXX")
	FAULTY_MODULE=$(company_softhsm)
	export FAULTY_MODULE FAULTY_COUNT=$SWEEP/c/log/count
	company_new "$SWEEP/c" || return
	company_conf "$SWEEP/c" "token.module=$FAULT_DIR/libfaulty.so" "vpn.client-module-linux=" "token.timeout=5"
	SWEEP_SERIAL=$(company_token_serial "$SWEEP/c" "VPN token")
	"$FAULT_DIR/tokenfill" "$FAULTY_MODULE" "$SWEEP_SERIAL" "$SWEEP/c/pin" alice
	sweep_dump >"$SWEEP/foreign"
	if [[ $1 == init ]]; then
		SWEEP_COMMAND=(alice --init --so-pin-file "$SWEEP/c/so-pin")
		SWEEP_LABEL=alice
		rm -r "$SWEEP/c/token/tokens/"*
		: >"$SWEEP/foreign"
	elif [[ $1 != enroll ]]; then
		company_tokenroll "$SWEEP/c" alice >"$SWEEP/first" 2>&1 || return
		SWEEP_COMMAND=("$1" alice)
		[[ $1 != replace ]] || SWEEP_COMMAND=(alice --replace)
		SWEEP_ROWS=2
	fi
	mv "$SWEEP/c" "$SWEEP/template"
}

sweep_teardown() {
	rm -rf "$SWEEP"
}

sweep_dump() {
	"$FAULT_DIR/tokendump" "$FAULTY_MODULE" "$SWEEP_SERIAL" "$SWEEP/c/pin"
}

sweep_reset() {
	rm -rf "$SWEEP/c"
	cp -a "$SWEEP/template" "$SWEEP/c"
	rm -f "$FAULTY_COUNT"
}

sweep_complain() {
	echo "after a failure at $1: $2" >&2
	sed 's/^/  first run: /' "$SWEEP/first" >&2
	sed 's/^/  second run: /' "$SWEEP/second" >&2
	return 1
}

# sweep_check_token PLACE: there is one token, it has a user PIN, and its label is the right one
sweep_check_token() {
	local slots
	slots=$(SOFTHSM2_CONF=$SWEEP/c/token/softhsm2.conf softhsm2-util --show-slots)
	[[ $(grep -c '^ *Initialized: *yes' <<<"$slots") == 1 && $(grep -c '^ *User PIN init.: *yes' <<<"$slots") == 1 &&
		$(grep -c '^ *Initialized: *no' <<<"$slots") == 1 ]] || { sweep_complain "$1" "$slots"; return 1; }
	SWEEP_SERIAL=$(company_token_serial "$SWEEP/c" "$SWEEP_LABEL") || sweep_complain "$1" "$slots"
}

# sweep_check PLACE: everything that has to be true in the end
sweep_check() {
	local place=$1 dir=$SWEEP/c ours row serial cka_id
	sweep_check_token "$place" || return
	sweep_dump >"$SWEEP/now"
	[[ -z $(comm -23 "$SWEEP/foreign" "$SWEEP/now") ]] || { sweep_complain "$place" "foreign objects changed"; return 1; }
	ours=$(comm -13 "$SWEEP/foreign" "$SWEEP/now" | cut -d' ' -f1 | sort | tr '\n' ' ')
	[[ $ours == "CKO_CERTIFICATE CKO_PRIVATE_KEY CKO_PUBLIC_KEY " ]] ||
		{ sweep_complain "$place" "on the token are: $ours"; return 1; }
	row=$(grep -c $'^V\t.*/CN=alice$' "$dir/pki/index.txt")
	[[ $row == 1 && $(grep -c '/CN=alice$' "$dir/pki/index.txt") == "$SWEEP_ROWS" &&
		$(wc -l <"$dir/pki/index.txt") == $((SWEEP_ROWS + 1)) ]] ||
		{ sweep_complain "$place" "index.txt: $(cat "$dir/pki/index.txt")"; return 1; }
	serial=$(awk -F'\t' '/^V.*CN=alice$/ { print $4 }' "$dir/pki/index.txt")
	[[ $(find "$dir/pki/certs_by_serial" -type f | wc -l) == 2 && -s $dir/pki/certs_by_serial/$serial.pem ]] ||
		{ sweep_complain "$place" "certs_by_serial: $(ls "$dir/pki/certs_by_serial")"; return 1; }
	cmp -s "$dir/pki/issued/alice.crt" "$dir/pki/certs_by_serial/$serial.pem" ||
		{ sweep_complain "$place" "issued/alice.crt is not certificate $serial"; return 1; }
	[[ -z $(find "$dir/pki" "$dir/bundles" -name '*.tmp-*' -o -name '.*.tmp*' -o -name lock.file -o \
		-name 'index.txt.tokenroll') ]] || { sweep_complain "$place" "files were left over"; return 1; }
	cka_id=$(comm -13 "$SWEEP/foreign" "$SWEEP/now" | sed -n 's/.* CKA_ID=\([0-9a-f]*\) .*/\U\1/p' | sort -u)
	grep -q "^pkcs11-id '.*/$SWEEP_SERIAL/${SWEEP_LABEL// /\\\\x20}/$cka_id'" "$dir/bundles/alice/alice-linux.ovpn" ||
		{ sweep_complain "$place" "the profile does not name CKA_ID $cka_id"; return 1; }
}

# sweep_again PLACE: the same command once more, without the failure
sweep_again() {
	# a run that was hit too late to fail has done its work: --replace once more would rightly replace that
	local command=("${SWEEP_COMMAND[@]}")
	((SWEEP_RC != 0)) || command=(alice)
	company_tokenroll "$SWEEP/c" "${command[@]}" >"$SWEEP/second" 2>&1 || { sweep_complain "$1" "the next run failed"; return 1; }
	sweep_check "$1"
}

# sweep_status PLACE STATUS: what a run that was hit may end with
sweep_status() {
	(($2 <= 7 || $2 == 137)) || { sweep_complain "$1" "the first run ended with $2"; return 1; }
	(($2 == 0 || $2 == 137)) || grep -q '^tokenroll: ' "$SWEEP/first" ||
		{ sweep_complain "$1" "the first run said nothing"; return 1; }
}

# sweep_counted NAME: how often that was, in the first run of this round
sweep_counted() {
	awk -v name="$1" '$1 == name { n = $2 } END { print n + 0 }' "$FAULTY_COUNT"
}

# sweep_rule PLACE RULE: one round. $SWEEP_FIRED is how often the rule was followed; if never, nothing else is tried.
sweep_rule() {
	sweep_reset
	SWEEP_RC=0
	FAULTY_RULE=$2 company_tokenroll "$SWEEP/c" "${SWEEP_COMMAND[@]}" >"$SWEEP/first" 2>&1 || SWEEP_RC=$?
	SWEEP_FIRED=$(sweep_counted fired)
	SWEEP_TOTAL=$(sweep_counted total)
	((SWEEP_FIRED > 0)) || return 0
	sweep_status "$1" "$SWEEP_RC" && sweep_again "$1"
}

# sweep_calls ACTION [FROM STEP [key]]: at PKCS#11 call 1, 2, 3 … until none is left. $SWEEP_CALLS is how many there were.
# With FROM and STEP at every STEPth, from other ones for each failure, and with "key" only up to the one that makes the
# key, unless TOKENROLL_ALL asks for each.
sweep_calls() {
	local k from=1 step=1 until=1000000 least=50
	if (($# >= 3)) && [[ -z ${TOKENROLL_ALL:-} ]]; then
		from=$2 step=$3
	fi
	if [[ ${4:-} == key && -z ${TOKENROLL_ALL:-} ]]; then
		sweep_rule "the key (kill)" "C_GenerateKeyPair:1:kill" || return 1
		until=$SWEEP_TOTAL least=30
	fi
	for ((k = from; k <= until; k += step)); do
		sweep_rule "call $k ($1)" "*:$k:$1" || return 1
		((SWEEP_FIRED > 0)) || break
	done
	SWEEP_CALLS=$((k - 1))
	((SWEEP_FIRED > 0 || SWEEP_RC == 0)) || { sweep_complain "no call" "status $SWEEP_RC"; return 1; }
	((SWEEP_CALLS > least)) || { sweep_complain "no call" "only $SWEEP_CALLS calls were tried"; return 1; }
}

# sweep_effects STEP ENVIRONMENT...: at every STEPth side effect on the file system, from another one
# in each test of a file, until none is left
sweep_effects() {
	local k rc step=$1
	shift
	for ((k = 1 + 7 * BATS_TEST_NUMBER % step; ; k += step)); do
		sweep_reset
		rm -f "$SWEEP/effects"
		rc=0
		LD_PRELOAD=$FAULT_DIR/libkillat.so KILLAT_COUNT=$SWEEP/effects KILLAT_WHEN=$k \
			sweep_with "$@" >"$SWEEP/first" 2>&1 || rc=$?
		(($(cat "$SWEEP/effects") >= k)) || break
		SWEEP_RC=$rc
		sweep_status "side effect $k" "$rc" && sweep_again "side effect $k ($*)" || return 1
	done
	SWEEP_EFFECTS=$((k - 1))
	((rc == 0)) || { sweep_complain "no side effect" "status $rc"; return 1; }
	((SWEEP_EFFECTS > 50)) || { sweep_complain "no side effect" "only $SWEEP_EFFECTS were tried"; return 1; }
}

# The faulty module's own count is left out: a kill in the middle of it would not be tokenroll's.
sweep_with() (
	unset FAULTY_COUNT
	# shellcheck disable=SC2163  # the arguments are NAME=VALUE
	(($# == 0)) || export "$@"
	company_tokenroll "$SWEEP/c" "${SWEEP_COMMAND[@]}"
)

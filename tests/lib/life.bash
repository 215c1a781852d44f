# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154,SC2128,SC2178  # for those that load it; bats sets $status, $output and $stderr
# life: tests of a token's life share these: a company with a recovery certificate, and a token of one of three kinds.
#
#   setup_file() { life_file; }   setup() { life_setup; }   teardown() { life_teardown; }
#
# life_token says what is plugged in; after it $serial names the token, and $old is a file with its PIN.

# shellcheck source=tests/lib/company.bash
source "${BASH_SOURCE[0]%/*}/company.bash"
# shellcheck source=tests/lib/recovery.bash
source "${BASH_SOURCE[0]%/*}/recovery.bash"
# shellcheck source=tests/cards/cards.bash
source "${BASH_SOURCE[0]%/*}/../cards/cards.bash"

# from the factory
PIV_PIN=123456 PIV_PUK=12345678 PIV_ADMIN=010203040506070801020304050607080102030405060708
HSM_FACTORY_PIN=648219 HSM_FACTORY_SO_PIN=3537363231383830
# not from the factory, where they would be replaced
HSM_PIN=593827 HSM_SO_PIN=A1B2C3D4E5F60718

life_file() {
	export COMPANY_CACHE=$BATS_FILE_TMPDIR/cache
	recovery_new "$BATS_FILE_TMPDIR/recovery" "VPN recovery"
}

# The token that company_new makes is kept aside: most of these tests are about another one.
life_setup() {
	PATH=$PATH:/usr/sbin:/sbin
	dir="$BATS_TEST_TMPDIR/the company"
	company_new "$dir"
	export SOFTHSM2_CONF=$dir/token/softhsm2.conf
	tools=${BUILD:-$COMPANY_ROOT/build}/tests/fault
	recovery=$BATS_FILE_TMPDIR/recovery
	ca=(--ca-pass-file "$dir/ca.pass")
	key=(--recovery-key "$recovery.key")
	secret new 24682468
	secret newer 97531246
	trace=$BATS_TEST_TMPDIR/apdus # no blank in it, or the card would take it for two words
}

life_teardown() {
	cards_stop
}

# secret NAME VALUE: a file that only we can read
secret() {
	company_secret "$dir/$1" "$2"
}

# life_conf [SECTION.KEY=VALUE...]: with the recovery certificate, and modules as the profiles say
life_conf() {
	company_conf "$dir" token.module= vpn.client-module-linux= "escrow.recovery=$recovery.pem" "$@"
}

# life_token soft|hsm|yubikey [NAME=VALUE...]: plugged in
life_token() {
	local kind=$1
	shift
	# another one than before
	cards_stop
	rm -rf "$BATS_TEST_TMPDIR/cards"
	case $kind in
	soft)
		serial=$(company_token_serial "$dir" "VPN token") old=$dir/pin
		secret so "$COMPANY_SO_PIN"
		life_conf "token.module=$(company_softhsm)"
		;;
	hsm)
		cards_start 2
		card_new sc-hsm 0 "pin=$HSM_PIN" "so-pin=$HSM_SO_PIN" "$@"
		serial=DECC0100001 old=$dir/old
		secret old "$HSM_PIN"
		secret so "$HSM_SO_PIN"
		life_conf "token.module=$(cards_module opensc)"
		;;
	yubikey)
		cards_start_yubikeys 2
		card_new piv 0 attestation=ec:P-256 "$@"
		serial=13371337 old=$dir/old
		secret old "$PIV_PIN"
		secret puk "$PIV_PUK"
		life_conf "token.module=$(cards_module ykcs11)"
		;;
	esac
}

# roll ARGUMENT...: tokenroll with nothing but these; sets $status, $output and $stderr
roll() {
	run --separate-stderr "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$dir/tokenroll.conf" "$@" </dev/null
	printf '%s\nstatus %s, stdout: %s\nstderr: %s\n' "tokenroll $*" "$status" "$output" "$stderr"
}

# done_by ARGUMENT...: it has to work
done_by() {
	roll "$@"
	[[ $status == 0 ]]
}

# refused STATUS WORDS ARGUMENT...: ends with that status, and says that
refused() {
	local want=$1 words=$2
	shift 2
	roll "$@"
	[[ $status == "$want" && $stderr == *"$words"* ]]
}

# says WORDS...: each is somewhere in the messages
says() {
	local words
	for words; do
		[[ $stderr == *"$words"* ]] || { echo "not said: $words" && return 1; }
	done
}

# shows WORDS...: each is somewhere in the result
shows() {
	local words
	for words; do
		[[ $output == *"$words"* ]] || { echo "not shown: $words" && return 1; }
	done
}

# json EXPRESSION VALUE...: pairs; what Python's expression gives of d, the document, in JSON
json() {
	python3 -c '
import json, sys
d = json.loads(sys.stdin.read())
def one(list, **want):
    found = [x for x in list if all(x.get(k) == v for k, v in want.items())]
    assert len(found) == 1, found
    return found[0]
bad = 0
for what, want in zip(sys.argv[1::2], sys.argv[2::2]):
    got = json.dumps(eval(what))
    if got != want:
        print(what, "is", got, "and not", want)
        bad = 1
sys.exit(bad)' "$@" <<<"$output"
}

# enroll ARGUMENT...: alice, on the token
enroll() {
	done_by --serial "$serial" "${ca[@]}" "$@" alice
}

# watch; sent MEANING: how often the card was sent that since then
watch() {
	rm -f "$trace"
	card_ctl 0 reset-count
	card_ctl 0 log "$trace"
}

sent() {
	awk -F'\t' -v meaning="$1" '{ m = $1; sub(/^[0-9]* /, "", m) } m == meaning { n++ } END { print n + 0 }' "$trace"
}

# nothing_sent: no APDU that carries a secret or changes anything
nothing_sent() {
	local meaning
	for meaning in 'verify a PIN' 'verify the PIN' 'change a PIN' 'change PIN or PUK' 'unblock the PIN' 'initialize' \
		'generate a key' 'write' 'delete' 'authenticate with the management key' 'write an object' \
		'reset the application' 'set the management key'; do
		[[ $(sent "$meaning") == 0 ]] || { echo "sent: $meaning" && cut -f1 "$trace" && return 1; }
	done
}

# is WORD VALUE...: pairs of what the card's status says
is() {
	while (($#)); do
		[[ $(card_status 0 "$1") == "$2" ]] || { echo "$1 is $(card_status 0 "$1"), not $2" && return 1; }
		shift 2
	done
}

# db SQL: the inventory, read
db() {
	sqlite3 -readonly "$dir/tokenroll.db" "$1"
}

# rows STATE [USER]: how many rows of easy-rsa's index are V or R
rows() {
	grep -c "^$1"$'\t.*/CN='"${2:-alice}"'$' "$dir/pki/index.txt" || true
}

# pin_is FILE: a login with that PIN works, by pkcs11-tool
pin_is() {
	local module=opensc slot=()
	if [[ $serial == 13371337 ]]; then
		module=ykcs11
	elif [[ -z ${CARDS_DIR:-} ]]; then
		pkcs11-tool --module "$(company_softhsm)" --token-label "VPN token" --login --pin "$(<"$1")" --list-objects \
			>/dev/null 2>&1
		return
	fi
	pkcs11-tool --module "$(cards_module "$module")" --slot-index 0 --login --pin "$(<"$1")" --list-objects \
		>/dev/null 2>&1
}

# users_of FILE: the processes that have it mapped
users_of() {
	grep -lF -- "$1" /proc/[0-9]*/maps 2>/dev/null || true
}

# reset_meant: ykcs11 resets a YubiKey by making PIN and PUK wrong until both are locked
reset_meant() {
	cards_tries_meant
}

#!/bin/bash
# `make bench`: how long `tokenroll alice` takes, beside what it replaces. SoftHSM2, P-256, an encrypted CA key.
#
# Each round runs every contender once, one after the other, each in a fresh company, so that a slow moment of the
# machine hits all of them. Times are wall clock, medians over ROUNDS rounds (15), as are the ratios of each round.
# crl.sh does the same for a CRL, inventory.sh asks an inventory of 100,000 people, and cards.sh counts what an
# enrollment asks of virtual cards.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-$root/build}
case $build in /*) ;; *) build=$root/$build ;; esac
rounds=${ROUNDS:-15}
growth_rounds=${GROWTH_ROUNDS:-7}
export PATH=$PATH:/usr/sbin:/sbin TOKENROLL=${TOKENROLL:-$build/tokenroll}

# shellcheck source=tests/lib/company.bash
. "$root/tests/lib/company.bash"

work=$(mktemp -d "${TMPDIR:-/tmp}/tokenroll-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
export COMPANY_CACHE=$work/cache
module=$(company_softhsm)
engine=$(echo /usr/lib/*/engines-3/pkcs11.so)
dir=$work/company

run_tokenroll() {
	company_tokenroll "$dir" -q alice
}

# The script that an admin would write with the tools there are.
run_chain() {
	pkcs11-tool --module "$module" --login --pin "$COMPANY_PIN" --keypairgen --key-type EC:prime256v1 --id 01 \
		--label alice --sensitive
	OPENSSL_CONF=$dir/engine.conf openssl req -new -sha256 -engine pkcs11 -keyform engine \
		-key "pkcs11:token=VPN%20token;id=%01;type=private" -subj /CN=alice -out "$dir/alice.csr"
	company_easyrsa "$dir" import-req "$dir/alice.csr" alice
	company_easyrsa "$dir" sign-req client alice
	openssl x509 -in "$dir/pki/issued/alice.crt" -outform DER -out "$dir/alice.der"
	pkcs11-tool --module "$module" --login --pin "$COMPANY_PIN" --write-object "$dir/alice.der" --type cert --id 01 \
		--label alice
}

engine_conf() {
	cat >"$dir/engine.conf" <<-CONF
		openssl_conf = openssl_init
		[openssl_init]
		engines = engines
		[engines]
		pkcs11 = pkcs11
		[pkcs11]
		engine_id = pkcs11
		dynamic_path = $engine
		MODULE_PATH = $module
		PIN = $COMPANY_PIN
		init = 0
		[req]
		distinguished_name = name
		[name]
	CONF
}

# A private key in a file: what the old way did.
run_easyrsa() {
	company_easyrsa "$dir" build-client-full alice nopass
}

run_bare() {
	"$build/tests/bench/bare" "$module" "$dir/pin" "$dir/pki/private/ca.key" "$dir/ca.pass"
}

fresh() {
	rm -rf "$dir"
	company_new "$dir"
	engine_conf
	export SOFTHSM2_CONF=$dir/token/softhsm2.conf
	sync -f "$dir" # the company's past is on disk already
}

# timed NAME: runs it once, milliseconds in the file $work/NAME
timed() {
	local begin end
	begin=$EPOCHREALTIME
	"run_$1" </dev/null >"$work/log" 2>&1 || {
		echo "$1 failed:" >&2
		tail -n 20 "$work/log" >&2
		exit 1
	}
	end=$EPOCHREALTIME
	echo "${begin/[.,]/} ${end/[.,]/}" | awk '{ printf "%.1f\n", ($2 - $1) / 1000 }' >>"$work/${2:-$1}"
}

median() {
	sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# ratio NAME: the median of tokenroll's time by that one's, round by round
ratio() {
	paste "$work/tokenroll" "$work/$1" | awk '{ print $1 / $2 }' | median
}

# row TEXT NAME WANTED
row() {
	printf '%-62s %8.0f ms  %8.2f  %s\n' "$1" "$(median <"$work/$2")" "$(ratio "$2")" "$3"
}

compare() {
	local i name
	for ((i = 0; i < rounds; i++)); do
		for name in tokenroll chain easyrsa bare; do
			fresh
			timed "$name"
		done
	done
	printf '%-62s %11s  %8s  %s\n' "P-256 on SoftHSM2, medians of $rounds paired runs" "time" "ratio" "wanted"
	row "tokenroll alice" tokenroll ""
	row "(a) pkcs11-tool, openssl engine, easyrsa import+sign, pkcs11-tool" chain "under 0.35"
	row "(b) easyrsa build-client-full nopass (key in a file)" easyrsa "under 1"
	row "(c) the bare C_ calls, one signature, one CA signature" bare ""
}

# index ROWS: an index.txt of so many valid certificates
index() {
	awk -v n="$1" 'BEGIN {
		for (i = 1; i <= n; i++)
			printf "V\t350101000000Z\t\t%08X%024X\tunknown\t/CN=user%d\n", 1 + i % 100000, i, i
	}'
}

grow() {
	local i n sizes=(10 10000 1000000)
	for n in "${sizes[@]}"; do
		index "$n" >"$work/index.$n"
	done
	for ((i = 0; i < growth_rounds; i++)); do
		for n in "${sizes[@]}"; do
			fresh
			cat "$work/index.$n" >>"$dir/pki/index.txt"
			sync "$dir/pki/index.txt"
			timed tokenroll "rows.$n"
		done
	done
	echo
	printf '%-62s %11s  %8s  %s\n' "tokenroll alice by rows in index.txt, $growth_rounds paired runs" "time" "more" "wanted"
	for n in "${sizes[@]}"; do
		printf '%-62s %8.0f ms  %5.0f ms  %s\n' "$n rows" "$(median <"$work/rows.$n")" \
			"$(paste "$work/rows.10" "$work/rows.$n" | awk '{ print $2 - $1 }' | median)" \
			"$( ((n == 1000000)) && echo "under 100 ms")"
	done
}

compare
grow
"$root/tests/bench/crl.sh"
"$root/tests/bench/inventory.sh"
"$root/tests/bench/cards.sh"
"$root/tests/bench/station.sh"

#!/bin/bash
# A fresh CRL from a million rows of index.txt, 100,000 of them revoked: `tokenroll crl` beside `easyrsa gen-crl`, one
# after the other in each of CRL_ROUNDS rounds (7). Wall clock and the largest process of each, medians over the rounds.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-$root/build}
case $build in /*) ;; *) build=$root/$build ;; esac
rounds=${CRL_ROUNDS:-7}
rows=${CRL_ROWS:-1000000}
export PATH=$PATH:/usr/sbin:/sbin TOKENROLL=${TOKENROLL:-$build/tokenroll}

# shellcheck source=tests/lib/company.bash
. "$root/tests/lib/company.bash"

work=$(mktemp -d "${TMPDIR:-/tmp}/tokenroll-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
dir=$work/company

# Every tenth is revoked, every other one of these with a reason, and serial numbers are in no order.
index() {
	awk -v n="$1" 'BEGIN {
		for (i = 1; i <= n; i++) {
			serial = sprintf("%08X%024X", 1 + (i * 7919) % 1000003, i)
			if (i % 10)
				printf "V\t350101000000Z\t\t%s\tunknown\t/CN=user%d\n", serial, i
			else
				printf "R\t350101000000Z\t2501%02d000000Z%s\t%s\tunknown\t/CN=user%d\n", 1 + i % 28,
					i % 20 ? "" : ",keyCompromise", serial, i
		}
	}'
}

# measured NAME COMMAND...: milliseconds and megabytes go to $work/NAME.ms and $work/NAME.mb
measured() {
	local name=$1
	shift
	python3 - "$work/$name" "$@" <<-'PY'
		import resource, subprocess, sys, time
		name, command = sys.argv[1], sys.argv[2:]
		began = time.monotonic()
		done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
		ms = (time.monotonic() - began) * 1000
		if done.returncode != 0:
		    sys.exit(done.stdout.decode())
		mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
		print(f"{ms:.1f}", file=open(name + ".ms", "a"))
		print(f"{mb:.1f}", file=open(name + ".mb", "a"))
	PY
}

median() {
	sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# ratio WHAT: the median of tokenroll's by easy-rsa's, round by round
ratio() {
	paste "$work/tokenroll.$1" "$work/easyrsa.$1" | awk '{ print $1 / $2 }' | median
}

entries() {
	openssl crl -in "$1" -noout -text | grep -c "Serial Number"
}

company_new "$dir"
index "$rows" >>"$dir/pki/index.txt"
for ((i = 0; i < rounds; i++)); do
	measured easyrsa env EASYRSA_PKI="$dir/pki" "$COMPANY_EASYRSA" --batch --passin="file:$dir/ca.pass" gen-crl
	theirs=$(entries "$dir/pki/crl.pem")
	measured tokenroll "$TOKENROLL" -c "$dir/tokenroll.conf" --ca-pass-file "$dir/ca.pass" crl
	[[ $(entries "$dir/server/crl.pem") == "$theirs" ]] || { echo "the two CRLs differ" >&2 && exit 1; }
done
openssl crl -in "$dir/server/crl.pem" -CAfile "$dir/pki/ca.crt" -noout 2>/dev/null

printf '%-62s %11s  %11s\n' "a CRL of $theirs from $rows rows, medians of $rounds paired runs" "time" "memory"
for name in tokenroll easyrsa; do
	printf '%-62s %8.0f ms  %8.0f MB\n' "$([[ $name == easyrsa ]] && echo "easyrsa gen-crl" || echo "tokenroll crl, and published")" \
		"$(median <"$work/$name.ms")" "$(median <"$work/$name.mb")"
done
printf '%-62s %8.2f     %8.2f     %s\n' "ratio" "$(ratio ms)" "$(ratio mb)" "wanted: both under 0.5"

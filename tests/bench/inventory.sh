#!/bin/bash
# How long list, show and status take with 100,000 people in the inventory and as many rows in index.txt, and a report
# of rosters of 5,000 and 100,000 people. Called by bench.sh; medians over INVENTORY_ROUNDS runs (7).
#
# The people are put into the database by SQL, with certificates of the size of real ones, and in an order that is not
# that of their names: the worst that a list by name can meet.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-$root/build}
case $build in /*) ;; *) build=$root/$build ;; esac
people=${PEOPLE:-100000}
rounds=${INVENTORY_ROUNDS:-7}
export PATH=$PATH:/usr/sbin:/sbin TOKENROLL=${TOKENROLL:-$build/tokenroll}

# shellcheck source=tests/lib/company.bash
. "$root/tests/lib/company.bash"

work=$(mktemp -d "${TMPDIR:-/tmp}/tokenroll-inventory.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
dir=$work/company
config=$dir/tokenroll.conf

fill() {
	sqlite3 "$dir/tokenroll.db" <<-SQL
		PRAGMA synchronous = OFF;
		BEGIN;
		CREATE TEMP TABLE n AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $people)
			SELECT i, i * 7919 % 1000003 AS name FROM n;
		INSERT INTO people (id, name, created) SELECT i, 'user' || name, 1700000000 FROM n;
		INSERT INTO tokens (id, manufacturer, model, serial, label, created, profile)
			SELECT i, 'Yubico', 'YubiKey YK5', 10000000 + i, 'VPN token', 1700000000, 'yubikey-piv' FROM n;
		INSERT INTO escrow (token, kind, cms, recipients, state, created)
			SELECT i, 'so-pin', randomblob(700), 'CN=recovery', 'confirmed', 1700000000 FROM n;
		INSERT INTO credentials (person, token, state, key_type, cka_id, spki, csr, serial, cert, cert_serial, not_after,
			module, pkcs11_id, client_module, key_attributes, created, changed)
			SELECT i, i, 'delivered', 'ec:P-256', x'01', randomblob(91), randomblob(300), randomblob(16),
			randomblob(650), printf('%08X%024X', 1 + i * 31 % 100000, i),
			strftime('%s', 'now') + 86400 * (60 + i % 700), '/usr/lib/libykcs11.so', 'an id of about eighty bytes',
			'/usr/lib/opensc-pkcs11.so', 'sensitive', 1700000000, 1700000000 FROM n;
		COMMIT;
	SQL
	sqlite3 -separator $'\t' "$dir/tokenroll.db" "SELECT 'V', substr(strftime('%Y%m%d%H%M%SZ', not_after, 'unixepoch'), 3), '', cert_serial, 'unknown', '/CN=' || p.name
		FROM credentials c JOIN people p ON p.id = c.person" >>"$dir/pki/index.txt"
}

# roster PEOPLE: all but a tenth of them are done
roster() {
	sqlite3 "$dir/tokenroll.db" <<-SQL
		PRAGMA synchronous = OFF;
		BEGIN;
		INSERT INTO rosters (source, created, opened) VALUES ('/$1.csv', 1700000000, 1700000000);
		INSERT INTO roster_people (roster, line, user, name, email, department, language, wanted, key_type, extra, name_key,
			last_key, state, reserved, code, why, token_serial, token_model, cert_serial, reader, began, ended, took, attempts)
			WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
			SELECT (SELECT max(id) FROM rosters), i, 'user' || (i * 7919 % 1000003), 'Anna Meyer ' || i, 'a' || i || '@example.com',
			'Sales', 'en', '', '', '', '', '', iif(i % 10 = 0, 'failed', 'done'), '', iif(i % 10 = 0, 'REMOVED', ''),
			iif(i % 10 = 0, 'the token was pulled', ''), 10000000 + i, 'YubiKey YK5', printf('%032X', i), 'Reader 1',
			1700000000 + i * 30, 1700000040 + i * 30, 30000 + i * 37 % 20000, 1 FROM n;
		COMMIT;
	SQL
}

# timed NAME ARGUMENT...: milliseconds of each round in the file $work/NAME
timed() {
	local name=$1 i begin end rc
	shift
	for ((i = 0; i < rounds; i++)); do
		begin=$EPOCHREALTIME
		rc=0
		"$TOKENROLL" -c "$config" "$@" >"$work/out" 2>"$work/err" || rc=$?
		end=$EPOCHREALTIME
		((rc <= 2)) || { cat "$work/err" >&2 && exit 1; }
		echo "${begin/[.,]/} ${end/[.,]/}" | awk '{ printf "%.1f\n", ($2 - $1) / 1000 }' >>"$work/$name"
	done
	printf '%-62s %8.0f ms  %8s  %s\n' "tokenroll $*" "$(sort -n "$work/$name" |
		awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }')" "" "${wanted:-under 200 ms}"
}

COMPANY_CACHE='' company_new "$dir"
"$TOKENROLL" -c "$config" list >"$work/out" 2>&1
fill
user=$(sqlite3 "$dir/tokenroll.db" 'SELECT name FROM people WHERE id = 4711')
printf '\n%-62s %11s  %8s  %s\n' "$people people, as many rows in index.txt" "time" "" "wanted"
timed list list
timed list-json list --json
timed list-csv list --csv
timed expiring list --expiring 90d
timed model list --model "YubiKey*" --state delivered
timed show show "$user"
timed status status
timed status-json status --json
timed status-html status --html "$work/page.html"
roster 5000
roster 100000
wanted="under 1 s"
timed report-page report --html "$work/page.html" /5000.csv
timed report report /100000.csv
wanted="under 2 s"
timed report-csv report --csv /100000.csv

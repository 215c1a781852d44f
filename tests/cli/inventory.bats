#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031  # tests/lib/life.bash sets them, each test in its own shell
# tokenroll list and show: who holds what, for people, programs and spreadsheets.

bats_require_minimum_version 1.5.0

setup_file() {
	load ../lib/life.bash
	life_file
}

setup() {
	load ../lib/life.bash
	life_setup
	life_token soft
}

sql() {
	sqlite3 "$dir/tokenroll.db" "$1"
}

# person NAME SERIAL MODEL STATE DAYS: a credential of a person on a token of their own, that ends in so many days
person() {
	[[ -e $dir/tokenroll.db ]] || done_by list
	sql "INSERT OR IGNORE INTO people (name, created) VALUES ('$1', 1700000000);
		INSERT OR IGNORE INTO tokens (manufacturer, model, serial, label, created)
			VALUES ('Maker', '$3', '$2', 'VPN token', 1700000000);
		INSERT INTO credentials (person, token, state, key_type, cka_id, spki, csr, serial, cert, cert_serial, not_after,
			module, pkcs11_id, client_module, key_attributes, created, changed)
			SELECT p.id, t.id, '$4', 'ec:P-256', x'01', x'02', x'03', randomblob(16), x'04', hex(randomblob(16)),
			strftime('%s', 'now') + 86400 * ($5), '/m', 'id', '/m', 'sensitive', 1700000000, 1700000000
			FROM people p, tokens t WHERE p.name = '$1' AND t.serial = '$2'"
}

some_people() {
	person alice 1001 "YubiKey YK5" delivered 400
	person bob 1002 "YubiKey YK5" delivered 20
	person carol 1003 "SoftHSM v2" delivered -3
	person dave 1004 "SoftHSM v2" planned 0
	person erin 1005 "YubiKey YK4" revoked 200
	person alina 1006 "YubiKey YK4" superseded 100
	sql "UPDATE credentials SET not_after = 0, cert = NULL, cert_serial = '' WHERE state = 'planned'"
}

users() {
	json "[r['user'] for r in d['rows']]" "$1"
}

# invalid WORDS...: refused as wrong usage, with what there is
invalid() {
	refused 2 "$1" list "${@:2}"
}

@test "an empty inventory is said, and is no failure" {
	done_by list
	[[ -z $output && $stderr == *"the inventory is empty"* && $stderr == *"tokenroll adopt"* ]]
	done_by list --json
	json "d" '{"rows": [], "count": 0, "ok": true}'
	done_by list --csv
	[[ $output == "user,state,"* ]]
}

@test "an inventory in which everybody has left is not called empty" {
	done_by list
	sqlite3 "$dir/tokenroll.db" "INSERT INTO people (name, created) VALUES ('bob', 0);
		INSERT INTO certificates (person, cert_serial, subject, purpose, state, not_after, created, changed, revoked)
		SELECT id, 'AB', '/CN=bob', 'client', 'revoked', 2000000000, 0, 0, 1 FROM people"
	done_by list
	[[ -z $output && $stderr == *"nobody in the inventory has a certificate that counts"* ]]
	says "tokenroll list --state all"
	done_by list --state all
	shows bob
}

@test "everybody who has something that counts, by name" {
	some_people
	done_by list --json
	users '["alice", "bob", "carol", "dave"]'
	json "d['count']" 4 "d['rows'][2]['state']" '"expired"' "d['rows'][3]['valid_until']" null \
		"sorted(d['rows'][0])" \
		'["certificate", "model", "purpose", "state", "token", "token_lost", "user", "valid_until"]'
}

@test "filters, alone and together" {
	some_people
	done_by list --json --expiring 30d
	users '["bob"]'
	done_by list --json --expiring 5w
	users '["bob"]'
	done_by list --json --expiring 0
	users '[]'
	done_by list --json --state valid
	users '["alice", "bob"]'
	done_by list --json --state expired
	users '["carol"]'
	done_by list --json --state unfinished
	users '["dave"]'
	done_by list --json --state revoked
	users '["erin"]'
	done_by list --json --state all
	users '["alice", "alina", "bob", "carol", "dave", "erin"]'
	done_by list --json --state all --user 'al*'
	users '["alice", "alina"]'
	done_by list --json --user alice
	users '["alice"]'
	done_by list --json --user '?o?'
	users '["bob"]'
	done_by list --json --state all --model 'YubiKey*' --user '*a*'
	users '["alice", "alina"]'
	done_by list --json --model "YubiKey YK5" --expiring 30
	users '["bob"]'
}

@test "a filter value that makes no sense is refused, with those that make some" {
	some_people
	invalid "'soon' is not a number of days" --expiring soon
	invalid "'30x' is not a number of days" --expiring 30x
	invalid "'-1' is not a number of days" --expiring -1
	says "30d"
	invalid "there is no state 'lively'" --state lively
	says "valid, expired, unfinished, all" "delivered" "abandoned"
	invalid "have not expired" --state expired --expiring 3d
	invalid "the value of --user is empty" --user ''
	invalid "either --json or --csv" --json --csv
	invalid "one argument too many" alice
	done_by list --model Ruotken
	[[ -z $output ]]
	says "its models are SoftHSM v2, YubiKey YK4, YubiKey YK5"
}

@test "for people it fits 80 columns, cuts nothing off, and is harmless" {
	local long
	long=$(printf 'a%.0s' {1..64})
	person "$long" 1234567890123456 "A model, 16 long" superseded 3
	person bob 1002 $'Ключ\e[2J"<' delivered 20
	done_by list --state all
	[[ $output != *$'\e'* ]]
	shows "$long" "1234567890123456" "A model, 16 long" "superseded" 'Ключ?[2J"<'
	[[ $(LC_ALL=C.UTF-8 awk 'length > 80' <<<"$output") == "" ]]
	# aligned: the model begins where its title does
	[[ $(LC_ALL=C.UTF-8 awk '/^USER/ { at = index($0, "MODEL") } /^bob/ { print index($0, "Ключ") - at }' <<<"$output") == 0 ]]
}

@test "CSV by RFC 4180, also for what a token says of itself" {
	person bob 1002 '=1+"2",x' delivered 20
	done_by list --csv
	python3 - "$output" <<-'PY'
		import csv, io, sys
		rows = list(csv.DictReader(io.StringIO(sys.argv[1], newline=''), strict=True))
		assert len(rows) == 1 and rows[0]['user'] == 'bob', rows
		assert rows[0]['model'] == "'=1+\"2\",x", rows
		assert rows[0]['token'] == '1002' and len(rows[0]['certificate']) == 32, rows
	PY
	[[ $(company_tokenroll "$dir" list --csv | tr -cd '\r' | wc -c) == 2 ]]
}

@test "JSON, also for names with quotes, and for one that is longer than a line" {
	local long
	long=$(printf 'x%.0s' {1..5000})
	done_by list
	sqlite3 "$dir/tokenroll.db" "INSERT INTO people (name, created) VALUES ('a\"b\\c', 0), ('Jürgen', 0), ('$long', 0);
		INSERT INTO certificates (person, cert_serial, subject, purpose, state, not_after, created, changed)
		SELECT id, printf('%02X', id), '', 'client', 'valid', 4102444800, 0, 0 FROM people"
	done_by list --json
	json "[r['user'] for r in d['rows']]" "[\"J\\u00fcrgen\", \"a\\\"b\\\\c\", \"$long\"]" "d['count']" 3 \
		"d['rows'][0]['valid_until']" '"2100-01-01"' "d['rows'][0]['token_lost']" null
}

@test "a reader that goes away, a closed and a full stdout" {
	local verb
	some_people
	run bash -c '"$@" | head -n 1' _ "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$dir/tokenroll.conf" list
	[[ $output == USER* && $output != *tokenroll:* ]]
	for verb in list "list --json" "list --csv" "show alice" "show --json alice" "show --csv alice"; do
		# shellcheck disable=SC2086  # the words are the arguments
		run bash -c 'exec >/dev/full; "$@"' _ "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$dir/tokenroll.conf" $verb
		[[ $status == 1 ]]
		# shellcheck disable=SC2086
		run bash -c 'exec >&-; "$@"' _ "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$dir/tokenroll.conf" $verb
		[[ $status == 1 ]]
	done
}

@test "show: every certificate and token that alice ever had" {
	enroll --pin-file "$old"
	enroll --pin-file "$old" --replace
	local certificate
	certificate=$(openssl x509 -in "$dir/pki/issued/alice.crt" -noout -serial | cut -d= -f2)
	sql "UPDATE tokens SET lost = 1700000000"
	done_by show --json alice
	json "len(d['certificates'])" 2 "d['certificates'][0]['certificate']" "\"$certificate\"" \
		"d['certificates'][0]['state']" '"delivered"' "d['certificates'][1]['state'] in ('revoked', 'superseded')" true \
		"len(d['tokens'])" 1 "d['tokens'][0]['serial']" "\"$serial\"" "d['tokens'][0]['lost']" '"2023-11-14"' \
		"d['tokens'][0]['escrow']" '{"so_pin": null, "puk": null}' "d['certificates'][0]['way']" '"enroll"'
	done_by show alice
	shows "certificate $certificate" "token $serial" "delivered, by enroll" "ec:P-256, CKA_ID" "2023-11-14" "escrow       nothing"
	[[ $(awk 'length > 80' <<<"$output") == "" ]]
	done_by show --csv alice
	[[ $(grep -c "^alice," <<<"$output") == 2 ]]
}

@test "a user that nobody has: the nearest names, or where to look" {
	some_people
	refused 2 "nobody called 'alcie'" show alcie
	says "did you mean alice"
	refused 2 "nobody called 'ali'" show ali
	says "did you mean alice or alina?"
	refused 2 "nobody called 'zacharias'" show zacharias
	says "tokenroll list" "tokenroll adopt"
	refused 2 "wants a user" show
	refused 2 "one argument too many" show alice bob
	refused 2 "nobody called" show --json $'\e[2J'
	[[ $stderr != *$'\e'* ]]
	json "d['ok']" false "d['error']['code']" '"USAGE"'
}

#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031  # tests/lib/life.bash sets them, each test in its own shell
# tokenroll roster FILE: what a station would do with it, and which lines it could not use.

bats_require_minimum_version 1.5.0

# Neither token nor PKI is asked: a database is all there is.
setup() {
	load ../lib/life.bash
	dir=$BATS_TEST_TMPDIR/company
	mkdir "$dir"
	printf '[ca]\npki = %s/pki\n[store]\npath = %s/tokenroll.db\n' "$dir" "$dir" >"$dir/tokenroll.conf"
	roster=$dir/roster.csv
}

# roster TEXT: as printf writes it
roster() {
	# shellcheck disable=SC2059  # its escapes are meant
	printf "$1" >"$roster"
}

# bad WORDS: refused with status 2, and nobody was taken in
bad() {
	refused 2 "$1" roster "$roster"
	says "nothing was begun"
	[[ $(sqlite3 "$dir/tokenroll.db" "SELECT count(*) FROM roster_people") == 0 ]]
}

sql() {
	sqlite3 "$dir/tokenroll.db" "$1"
}

@test "a roster is checked and told, and not taken in" {
	roster '\xef\xbb\xbfuser;name;language;token_serial;room\r\nalice;M\xc3\xbcller, Alice;de;123;3,14\r\nbob;Bob;;;\r\n'
	done_by roster "$roster"
	shows "$roster: 2 people, all lines are good" "UTF-8 with a byte order mark, ';' between the columns" \
		"user, name, language, token_serial" "{{room}}" "1 de, 1 none" "1 has a token of their own (token_serial)" \
		"no station has opened it yet" "A station would have 2 to enroll; 0 are done, 0 are held."
	[[ -z $stderr ]]
	[[ $(sql "SELECT (SELECT count(*) FROM rosters) + (SELECT count(*) FROM audit)") == 0 ]]
	done_by roster -q "$roster"
	[[ -z $output ]]
}

@test "a program reads the same" {
	roster 'user,key_type,x\nalice,ec:P-384,1\nbob,,\n'
	done_by roster --json "$roster"
	json "d['ok']" true "d['source']" "\"$roster\"" "d['people']" 2 "d['separator']" '","' "d['columns']" \
		'["user", "key_type"]' "d['templates']" '["x"]' "d['key_types']" '{"none": 1, "ec:P-384": 1}' \
		"d['byte_order_mark']" false "d['short_lines']" 0 "d['certified']" '[]' "d['open_at']" null \
		"d['station']['new']" 2 "d['station']['left']" 2 "d['station']['opened_before']" false
}

@test "standard input is read for -" {
	run --separate-stderr "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$dir/tokenroll.conf" roster - \
		<<<$'user\tname\nal ice\t'
	[[ $status == 2 && $stderr == *"the roster standard input cannot be used"* ]]
	run --separate-stderr "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$dir/tokenroll.conf" roster --json - \
		<<<$'user\tname\nalice\tA'
	[[ $status == 0 ]]
	json "d['source']" '"-"' "d['people']" 1 "d['separator']" '"\t"'
}

@test "who has a certificate already, and whose token it is, is told" {
	done_by list
	sql "INSERT INTO people (name, created) VALUES ('alice', 0), ('bob', 0), ('carol', 0);
		INSERT INTO tokens (manufacturer, model, serial, label, created) VALUES ('M', 'M', '77', 'VPN', 0);
		INSERT INTO credentials (person, token, state, key_type, cka_id, spki, csr, serial, cert, cert_serial,
			not_after, module, pkcs11_id, client_module, key_attributes, created, changed)
			SELECT p.id, t.id, 'delivered', 'ec:P-256', x'01', x'02', x'03', randomblob(16), x'04', 'AB', 2000000000,
			'/m', 'id', '/m', '', 0, 0 FROM people p, tokens t WHERE p.name = 'alice';
		INSERT INTO certificates (person, cert_serial, subject, purpose, state, not_after, created, changed)
			SELECT id, 'C' || id, '/CN=' || name, 'client', 'valid', CASE name WHEN 'bob' THEN 2000000000 ELSE 1000 END,
			0, 0 FROM people WHERE name <> 'alice'"
	roster 'user,token_serial\nalice,\nbob,\ncarol,\ndave,77\n'
	done_by roster "$roster"
	shows "2 have a valid certificate already: alice until 2033-05-18, bob" "77 for dave (line 5) is alice's"
	done_by roster --json "$roster"
	json "d['certified'][1]" '{"line": 3, "user": "bob", "valid_until": "2033-05-18"}' "d['tokens_of_others']" \
		'[{"line": 5, "user": "dave", "token": "77", "holder": "alice"}]'
}

@test "a roster that was opened before is compared with what became of its people" {
	done_by list
	sql "INSERT INTO rosters (source, created, opened) VALUES ('$(realpath "$dir")/roster.csv', 1, 1);
		INSERT INTO roster_people (roster, line, user, name, email, department, language, wanted, key_type, extra,
			name_key, last_key, reserved, state, token_serial, cert_serial) VALUES
			(1, 2, 'alice', '', '', '', '', '', '', '', '', '', '', 'done', '1', 'AB'),
			(1, 3, 'bob', '', '', '', '', '', '', '', '', '', '', 'held', '', ''),
			(1, 4, 'carol', '', '', '', '', '', '', '', '', '', '', 'waiting', '', '')"
	roster 'user,name\nalice,\nbob,Bob\ndave,\n'
	done_by roster "$roster"
	shows "since it was opened last: 1 new, 1 changed, 0 changed but done, 1" \
		"A station would have 1 to enroll; 1 is done, 1 is held."
}

@test "every bad line is reported with its number" {
	roster 'user,email\nalice,\nal ice,\nalice,x\n'
	bad "3 faults, the first in line 3"
	says "line 3: user 'al ice': this is not a user name" "line 4: email 'x' is not one address" \
		"line 4: user 'alice' stands in line 2 already"
	refused 2 "3 faults" roster --json "$roster"
	json "d['ok']" false "d['error']['code']" '"ROSTER"' "d['error']['exit_status']" 2 "d['fault_count']" 3 \
		"[f['line'] for f in d['faults']]" '[3, 4, 4]'
}

@test "of very many bad lines the first hundred are shown" {
	{ echo user && yes 'a b' | head -n 250; } >"$roster"
	bad "250 faults"
	says "line 101: user" "... and 150 more"
	[[ $stderr != *"line 102"* ]]
}

@test "duplicate users" {
	roster 'user\nalice\nbob\nAlice\n'
	bad "line 4: user 'Alice' is 'alice' of line 2 but for the case"
}

@test "a user whom the inventory writes in another case" {
	roster 'user\n'
	run roll roster "$roster"
	sql "INSERT INTO people (name, created) VALUES ('bob', 1), ('Carol', 1), ('carol', 1)"
	roster 'user\nalice\nBob\ncarol\n'
	refused 2 "1 fault, the first in line 3: user 'Bob' is 'bob' in the inventory but for the case" roster "$roster"
	roster 'user\nalice\nBob\nCAROL\n'
	bad "line 3: user 'Bob' is 'bob' in the inventory"
	says "line 4: user 'CAROL' is 'Carol' in the inventory" "write it as it is there"
}

@test "duplicate serials" {
	roster 'user,token_serial\nalice,7\nbob,7\n'
	bad "line 3: token_serial '7' stands in line 2 already"
}

@test "missing columns" {
	roster 'name,email\nAlice,a@example.com\n'
	bad "line 1: no column is called 'user'"
	roster 'user,name\nalice,Smith, Alice\n'
	bad "' Alice' stands in column 3, which has no name"
	roster 'user,name,room\nalice,Alice\nbob,Bob,1\n'
	done_by roster "$roster"
	shows "1 has fewer columns than the first line" "first: line 2"
}

@test "bad names" {
	roster 'user\n../../etc\n'
	bad "line 2: user '../../etc': this is not a user name"
}

@test "a field of a megabyte" {
	{ printf 'user,name\nalice,' && head -c 1048576 /dev/zero | tr '\0' x && printf '\nbob,\n'; } >"$roster"
	bad "line 2: a field is too long"
}

@test "an unclosed quote" {
	roster 'user,name\nalice,"Alice\nbob,Bob\n'
	bad "line 2: a quote is opened in it and never closed"
}

@test "NUL bytes" {
	roster 'user\nali\0ce\n'
	bad "line 2: there is a NUL byte in it"
	head -c 4096 /dev/zero >"$roster"
	bad "NUL byte"
}

@test "a wrong encoding" {
	roster 'user;name\nalice;M\xfcller\n'
	bad "line 2: it is not UTF-8 (byte 0xFC in column 2): have the spreadsheet save the file as CSV UTF-8"
	printf 'user\nalice\n' | iconv -t UTF-16 >"$roster"
	refused 2 "is UTF-16" roster "$roster"
	says "have the spreadsheet save it as CSV UTF-8"
}

@test "an empty file, and none" {
	: >"$roster"
	refused 2 "$roster is empty" roster "$roster"
	rm "$roster"
	refused 2 "cannot open the roster $roster" roster "$roster"
	says "No such file"
	refused 2 "cannot open the roster" roster ""
	refused 2 "is not a file" roster "$dir"
	refused 2 "'roster' wants a file" roster
	refused 2 "'roster' takes one file" roster "$roster" "$roster"
}

@test "nothing in a roster is a command to the terminal" {
	roster 'user,name\n\x1b]0;x\x07,\x1b[31m\n'
	refused 2 "user '?]0;x?'" roster "$roster"
	[[ $stderr != *$'\x1b'* ]]
}

@test "a key type that the CA does not take is refused" {
	printf '[ca]\nkey-types = ec:P-256\n[store]\npath = %s/tokenroll.db\n' "$dir" >"$dir/tokenroll.conf"
	roster 'user,key_type\nalice,rsa:2048\n'
	bad "key_type 'rsa:2048' is none that the CA takes: ec:P-256"
}

@test "100,000 people are checked in bounded memory" {
	! grep -qa __asan_init "$(realpath "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}")" || skip "the address sanitizer's own memory has no bound"
	awk 'BEGIN { print "user,name,email,token_serial"
		for (i = 0; i < 100000; i++) printf "u%06d,Anna M.,u%06d@example.com,T%06d\n", i, i, i }' >"$roster"
	run --separate-stderr bash -c 'ulimit -v 400000 && exec "$@"' - "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" \
		-c "$dir/tokenroll.conf" roster "$roster"
	[[ $output == *"100000 people, all lines are good"* ]]
}

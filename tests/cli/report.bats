#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031  # tests/lib/life.bash sets them, each test in its own shell
# tokenroll report: who on a roster got what, who did not and why, how fast it went, and who is left; for people,
# spreadsheets, programs and, looked at in Chromium where that is installed, browsers and paper.

bats_require_minimum_version 1.5.0

setup() {
	load ../lib/life.bash
	dir="$BATS_TEST_TMPDIR/the company"
	page=$BATS_TEST_TMPDIR/page.html
	mkdir "$dir"
	export TZ=Europe/Berlin
	printf '[store]\npath = %s\n' "$dir/tokenroll.db" >"$dir/tokenroll.conf"
	roll list # makes the database
	nine=$(date -d 'yesterday 09:00' +%s)
}

teardown() {
	[[ -z ${holder:-} ]] || kill "$holder"
}

sql() {
	sqlite3 "$dir/tokenroll.db" "$1"
}

# roster PATH [OPENED]: one that was opened then, seconds since 1970
roster() {
	sql "INSERT INTO rosters (source, created, opened) VALUES ('${1//\'/\'\'}', 1700000000, ${2:-1700000000})"
	line=1
}

# person USER STATE [COLUMN=VALUE...]: on the newest roster; the values are SQL
person() {
	local user=$1 state=$2 pair changes='' got="'', '', '', 0, 0, 0, 0"
	shift 2
	case $state in
	done) got="'T-$user', 'YubiKey YK5', '0A$((++line))', $nine, $((nine + 40)), 40000, 1" ;;
	failed | running) got="'T-$user', 'YubiKey YK5', '', $nine, $((nine + 40)), 0, 1" ;;
	esac
	for pair; do
		changes+="UPDATE roster_people SET ${pair%%=*} = ${pair#*=} WHERE id = last_insert_rowid();"
	done
	sql "PRAGMA synchronous = OFF;
		INSERT INTO roster_people (roster, line, user, name, email, department, language, wanted, key_type, extra, name_key,
		last_key, state, reserved, reader, token_serial, token_model, cert_serial, began, ended, took, attempts)
		SELECT max(id), $((++line)), '${user//\'/\'\'}', 'Name of $user', '$user@example.com', 'Sales', '', '', '', '', '', '',
		'$state', '', 'Reader 1', $got FROM rosters; $changes"
}

# One in each state, and more than one of those who are done and who failed.
everybody() {
	roster /srv/spring.csv "$nine"
	person alice "done" ended=$((nine + 60)) took=40000
	person bob "done" ended=$((nine + 120)) took=60000
	person carol "done" ended=$((nine + 7200)) took=200000
	person dave failed "code='PIN_LOCKED'" "why='the PIN of token T-dave is locked'" attempts=2
	person erin failed "code='REMOVED'" "why='the token was pulled'" "reserved='T-erin'"
	person frank held "why='is ill until Monday'"
	person grace skipped "why='not here'"
	person heidi running
	person ivan waiting
	person judy waiting "reserved='T-42'"
	person mallory waiting withdrawn=1
}

# many N DONE: a roster of so many people, of whom so many are done
many() {
	roster /srv/many.csv "$nine"
	sql "PRAGMA synchronous = OFF;
		INSERT INTO roster_people (roster, line, user, name, email, department, language, wanted, key_type, extra, name_key,
			last_key, state, reserved, why, token_serial, token_model, cert_serial, began, ended, took, attempts)
			WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
			SELECT (SELECT max(id) FROM rosters), i, 'user' || i, 'Name', '', '', '', '', '', '', '', '',
			iif(i <= $2, 'done', 'failed'), '', iif(i <= $2, '', 'broken'), 'T' || i, 'Card', 'AB' || i, $nine + i, $nine + i,
			1000, 1 FROM n"
}

# open_elsewhere: a process has the newest roster open, as a station has it
open_elsewhere() {
	coproc HOLDER { exec python3 -c 'import fcntl, struct, sys, time
f = open(sys.argv[1] + "-lock", "r+b")
fcntl.fcntl(f, fcntl.F_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, (1 << 61) + int(sys.argv[2]), 1, 0))
print("open", flush=True)
time.sleep(60)' "$dir/tokenroll.db" "$(sql 'SELECT max(id) FROM rosters')"; }
	holder=$HOLDER_PID
	local said
	read -r said <&"${HOLDER[0]}"
	[[ $said == open ]]
	sql "UPDATE rosters SET pid = $holder, login = 'carol', terminal = '/dev/tty8'"
}

# told WORDS...: each is on the page
told() {
	local words
	for words; do
		grep -qF -- "$words" "$page" || { echo "not on the page: $words" && return 1; }
	done
}

browser() {
	command -v chromium-headless-shell || command -v chromium
}

# browse OPTION...: the page in the browser; its console in $console
browse() {
	console=$BATS_TEST_TMPDIR/console
	(cd "$BATS_TEST_TMPDIR" && timeout 120 "$(browser)" --headless --no-sandbox --disable-gpu --enable-logging=stderr \
		--user-data-dir="$BATS_TEST_TMPDIR/profile" --window-size=1000,1400 "$@" "file://$page" 2>"$console")
}

evil='<script>document.title="broken"</script><img src=x onerror=alert(1)>"&'

@test "on a terminal: sums, who failed and why, who is left" {
	everybody
	roll report
	[[ $status == 1 && -z $stderr ]]
	shows "/srv/spring.csv: 3 of 10 are done, 7 left" "(CET, UTC+01:00)" "median 1 min 0 s; slowest 3 min 20 s (carol)" \
		"2 failed, 1 interrupted, 1 held, 1 skipped, 2 waiting" "1 whom the roster does not name any more" \
		"Failed: 2" "by error: 1 PIN_LOCKED, 1 REMOVED" "dave (Name of dave), Sales" \
		"PIN_LOCKED: the PIN of token T-dave is locked" "Was under way when the station ended: 1" "token T-heidi" \
		"REMOVED: the token was pulled; waits for token T-erin" "Held: 1" "is ill until Monday" "Skipped: 1" "not here" "Waiting: 2" "waits for token T-42"
	[[ $output != *mallory* && $(wc -L <<<"$output") -le 80 ]]
	shows "the last at $(date -d @$((nine + 7200)) '+%Y-%m-%d %H:%M')"
	roll -q report
	[[ $status == 1 && -z $output ]]
}

@test "of a long list the first ten, and how many more" {
	many 60 20
	roll report
	[[ $status == 1 && $(grep -c '^    user' <<<"$output") == 10 ]]
	shows "Failed: 40" "user21 (Name)" "and 30 more; --csv and --html have them"
}

@test "tokens an hour, and the time that those who are left will take at that pace" {
	many 200 100
	sql "UPDATE roster_people SET ended = $nine + line * 60, took = 60000"
	roll report
	shows "60 tokens an hour, breaks of more than 30 minutes left out" "about 1 h 40 min of work at this pace"
	roll report --json
	json "d['summary']['tokens_per_hour']" 60.0 "d['summary']['seconds_left']" 6000 "d['summary']['median_seconds']" 60.0
}

# proven USER: enrolled on the token T-USER, which was proven with the PIN of the user's letter
proven() {
	sql "INSERT INTO people (name, created) VALUES ('$1', 1);
		INSERT INTO tokens (manufacturer, model, serial, label, created) VALUES ('Yubico', 'YubiKey YK5', 'T-$1', '', 1);
		INSERT INTO credentials (person, token, state, key_type, cka_id, spki, csr, serial, cert, cert_serial, not_after,
			module, pkcs11_id, client_module, key_attributes, created, changed)
		SELECT p.id, t.id, 'delivered', '', x'', x'01', x'01', zeroblob(16), x'01', '0A', 2000000000, '', '01', '', '', 1, 1
			FROM people p, tokens t WHERE p.name = '$1' AND t.serial = 'T-$1';
		INSERT INTO audit SELECT h.id + 1, 1, '', '', '', 'letter-proven', '$1', 'T-$1', '', 'letter ' || l.id, h.hash,
			randomblob(32) FROM audit_head h, letters l JOIN roster_people r ON r.id = l.person WHERE r.user = '$1'"
}

@test "a letter that waits is told, and the PIN that it keeps is nowhere" {
	everybody
	sql "INSERT INTO letters (person, token_serial, sealed, created)
		SELECT id, token_serial, CAST('sealed-pin-4711' AS BLOB), 1 FROM roster_people WHERE user IN ('alice', 'dave')"
	proven alice
	roll report --html "$page"
	shows "PIN letters  1 waits to be printed: alice"
	told "PIN letters to print" "1: alice"
	cp "$page" "$BATS_TEST_TMPDIR/all"
	printf '%s' "$output" >>"$BATS_TEST_TMPDIR/all"
	roll report --csv
	printf '%s' "$output" >>"$BATS_TEST_TMPDIR/all"
	roll report --json
	json "d['summary']['letters_to_print']" 1
	printf '%s' "$output" >>"$BATS_TEST_TMPDIR/all"
	[[ $(grep -ciE "4711|$(printf sealed-pin | xxd -p)" "$BATS_TEST_TMPDIR/all") == 0 ]]
}

@test "CSV: a line for each person, by user, with times in UTC" {
	everybody
	roll report --csv
	[[ $status == 1 ]]
	local lines began
	mapfile -t lines < <(tr -d '\r' <<<"$output")
	[[ ${lines[0]} == user,name,email,department,state,token,model,certificate,reader,began,ended,seconds,attempts,error_code,reason ]]
	[[ ${#lines[@]} == 12 ]]
	began=$(date -u -d "@$nine" +%Y-%m-%dT%H:%M:%SZ)
	[[ ${lines[1]} == "alice,Name of alice,alice@example.com,Sales,done,T-alice,YubiKey YK5,0A2,Reader 1,$began,$(date -u -d @$((nine + 60)) +%Y-%m-%dT%H:%M:%SZ),40.0,1,," ]]
	[[ ${lines[4]} == "dave,"*",failed,T-dave,YubiKey YK5,,Reader 1,"*",,2,PIN_LOCKED,the PIN of token T-dave is locked" ]]
	[[ $(cut -d, -f1,5 <<<"$output" | tail -n +2 | paste -sd' ') == "alice,done bob,done carol,done dave,failed erin,failed \
frank,held grace,skipped heidi,interrupted ivan,waiting judy,waiting mallory,withdrawn" ]]
}

@test "CSV: what a spreadsheet would take for a formula is text, and quotes are doubled" {
	roster /srv/spring.csv
	person alice failed "name='=HYPERLINK(\"http://x\")'" "department='+1'" "why='-2+3, \"so\"'" "reader='@SUM(A1)'"
	person bob failed "name='a' || char(9) || '=1' || char(10) || 'b'" "department=char(9) || '=1'"
	roll report --csv
	[[ $output == *",\"'=HYPERLINK(\"\"http://x\"\")\","* ]]
	[[ $output == *",'+1,"* && $output == *",'@SUM(A1),"* && $output == *",\"'-2+3, \"\"so\"\"\""* ]]
	[[ $output == *",a?=1?b,"* && $output == *",?=1,"* ]]
	[[ $(python3 -c 'import csv, sys; print(len([r for r in csv.reader(sys.stdin) if len(r) == 15]))' <<<"$output") == 3 ]]
}

@test "JSON: the same people, and the summary" {
	everybody
	roll report --json
	[[ $status == 1 ]]
	json "d['ok']" true "d['exit_status']" 1 "[p['user'] for p in d['people']][:2]" '["alice", "bob"]' \
		"len(d['people'])" 11 "one(d['people'], user='heidi')['state']" '"interrupted"' \
		"one(d['people'], user='carol')['seconds']" 200.0 "one(d['people'], user='ivan')['token']" null \
		"one(d['people'], user='dave')['error_code']" '"PIN_LOCKED"' \
		"sorted(d['people'][0])" '["attempts", "began", "certificate", "department", "email", "ended", "error_code", "model", "name", "reader", "reason", "seconds", "state", "token", "user"]' \
		"d['summary']['counts']" '{"waiting": 2, "running": 0, "held": 1, "skipped": 1, "failed": 2, "done": 3, "interrupted": 1, "withdrawn": 1, "left": 7}' \
		"d['summary']['roster']" '"/srv/spring.csv"' "d['summary']['open_at']" null "d['summary']['median_seconds']" 60.0 \
		"[x['user'] for x in d['summary']['slowest']]" '["carol", "bob", "alice"]' \
		"d['summary']['errors'][1]" '{"error_code": "REMOVED", "people": 1}' \
		"d['summary']['days'][0]['zone']" '"CET, UTC+01:00"' "d['summary']['days'][0]['hours'][8:12]" '[0, 2, 0, 1]'
}

@test "the exit status: everybody done, some left, and no report at all" {
	roll report
	[[ $status == 3 ]]
	says "no station has opened a roster yet" "tokenroll station ROSTER.csv"
	roll report --json
	json "d['ok']" false "d['error']['code']" '"ROSTER"'
	[[ $status == 3 ]]
	roster /srv/spring.csv
	person alice "done"
	person bob waiting withdrawn=1
	done_by report
	shows "1 of 1 is done, 0 left"
	done_by report --html "$page"
	told "Nobody."
	person carol skipped
	roll report
	[[ $status == 1 ]]
	refused 3 "no station has opened the roster $dir/none.csv" report "$dir/none.csv"
	says "name one of those there are: /srv/spring.csv, last opened 2023-11-14"
	refused 3 "is no time to count from" report --since soon
	refused 3 "either --json or --csv" report --json --csv
	refused 3 "is one argument too many" report a b
	refused 3 "there is no option --nonsense" report --nonsense
	refused 3 "--serial does not belong to 'report'" report --serial 1
	printf 'no database' >"$dir/tokenroll.db"
	refused 3 "$dir/tokenroll.db" report
}

@test "a roster with nobody on it" {
	roster /srv/empty.csv
	done_by report --html "$page"
	shows "/srv/empty.csv: there is nobody on it"
	told "0 of 0" "None was finished."
	done_by report --csv
	[[ $(wc -l <<<"$output") == 1 ]]
	done_by report --json
	json "d['people']" '[]' "d['summary']['counts']['left']" 0 "d['summary']['tokens_per_hour']" null \
		"d['summary']['median_seconds']" null
}

@test "several rosters: the one that was opened last, or the one that is named, also by another way to it" {
	touch "$dir/spring.csv" "$dir/autumn.csv"
	ln -s spring.csv "$dir/link.csv"
	roster "$dir/spring.csv" 1700000002
	person alice waiting
	roster "$dir/autumn.csv" 1700000001
	person bob waiting
	person alice waiting
	roster - 1700000000
	person carol waiting
	roll report
	shows "spring.csv: 0 of 1" alice
	roll report "$dir/autumn.csv"
	shows "autumn.csv: 0 of 2"
	roll report "$dir/../the company/link.csv"
	shows "spring.csv: 0 of 1"
	cd "$dir"
	rm autumn.csv
	roll report autumn.csv
	shows "autumn.csv: 0 of 2"
	roll report -
	shows "standard input: 0 of 1" carol
	refused 3 "standard input" report nix.csv
	says spring.csv autumn.csv
}

@test "since then: who was done before is left out, who is left is told all the same" {
	everybody
	sql "UPDATE roster_people SET began = 1600000000, ended = 1600000000 WHERE user IN ('alice', 'dave')"
	roll report --since 3d --html "$page"
	[[ $status == 1 ]]
	shows "3 of 10 are done" "done         2, the first" "dave" "median 2 min 10 s"
	told "Who was done before" "left out of lists and figures" "Who got a token: 2"
	[[ $(grep -c '>alice<' "$page") == 0 ]]
	roll report --since 3d --csv
	[[ $output != *alice* && $output == *dave* && $output == *bob* ]]
	roll report --since 3d --json
	json "d['summary']['counts']['done']" 3 "d['summary']['done_since']" 2 "len(d['people'])" 10
	roll report --since 0h
	shows "done         nobody"
}

@test "while a station has it open: it is said by whom, and who has a token in a reader is under way" {
	everybody
	open_elsewhere
	# and the station is writing just now
	python3 -c 'import sqlite3, subprocess, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN IMMEDIATE")
db.execute("UPDATE roster_people SET state = \"waiting\"")
sys.exit(subprocess.run(sys.argv[2:], timeout=5).returncode)' "$dir/tokenroll.db" "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" \
		-c "$dir/tokenroll.conf" report --html "$page" >"$BATS_TEST_TMPDIR/out" || [[ $? == 1 ]]
	output=$(tr -s ' \n' ' ' <"$BATS_TEST_TMPDIR/out")
	shows "open now at process $holder of" "carol on /dev/tty8" "Under way: 1" "1 under way, 1 held"
	told "Open now at" "process $holder of carol on /dev/tty8" "Under way: 1"
	roll report --csv
	[[ $output == *"heidi,"*",running,"* ]]
	roll report --json
	json "d['summary']['counts']['running']" 1 "d['summary']['counts']['interrupted']" 0
	kill "$holder"
	wait "$holder" || true
	holder=
	roll report --html "$page"
	shows "Was under way when the station ended: 1" "1 interrupted"
	[[ $output != *"open now"* ]]
	told "Was under way when the station ended: 1"
}

@test "the page is one file that loads nothing, of its owner alone, and text stays text" {
	everybody
	sql "UPDATE roster_people SET name = '$evil', department = '<i>' || char(8238) || 'x', token_model = '</td>', token_serial = '<b>&', reserved = '<u>'"
	sql "UPDATE roster_people SET why = '$evil' WHERE state <> 'done'"
	sql "UPDATE rosters SET source = '/srv/<h1>.csv'"
	roll report --html "$page"
	[[ $status == 1 && $(stat -c %a "$page") == 600 ]]
	[[ $(grep -ciE '<script|<img|<i>|<u>|https?://|@import|url\(' <(sed 's|http://www.w3.org/2000/svg||' "$page")) == 0 ]]
	told '&lt;script&gt;' '&lt;i&gt;?x' '&lt;b&gt;&amp;' '&lt;/td&gt;' '/srv/&lt;h1&gt;.csv' '&lt;u&gt;'
	# every tag is closed, every attribute quoted
	sed -e 's/<!DOCTYPE html>//' -e 's/<\(meta\|link\|col\)\( [^>]*\)>/<\1\2\/>/g' -e 's/<br>/<br\/>/g' "$page" |
		python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parseString(sys.stdin.buffer.read())'
}

@test "nothing in a name is a command to a terminal, or breaks the JSON" {
	everybody
	sql "UPDATE roster_people SET name = char(27) || '[2J', department = x'ff' || 'x', why = char(10) || 'a', reader = char(7)"
	sql "UPDATE rosters SET source = char(27) || ']0;title'"
	roll report
	[[ $status == 1 && $output != *$'\e'* && $output != *$'\xff'* ]]
	shows "?]0;title: 3 of 10" "(?[2J), ?x"
	roll report --csv
	[[ $output != *$'\e'* && $output == *",?[2J,"* ]]
	sql "PRAGMA ignore_check_constraints = ON; UPDATE roster_people SET user = CAST(x'ff' || 'x' AS TEXT) WHERE user = 'carol'"
	roll report --json
	[[ $output != *$'\e'* ]]
	json "d['ok']" true "len(d['people'])" 11 "one(d['people'], user='?x')['state']" '"done"' \
		"d['summary']['slowest'][0]['user']" '"?x"'
}

@test "the page tells who got what, who did not and why, and what is left" {
	everybody
	roll report --html "$page"
	told "report of $(date +%Y-%m-%d)" "Times are local (CET, UTC+01:00)" "3 of 10" \
		"2 failed, 1 interrupted, 1 held, 1 skipped, 2 waiting" "Who is left, and why: 7" "Failed: 2" \
		"the PIN of token T-dave is locked (<code>PIN_LOCKED</code>)" "2 attempts" "is ill until Monday" "Waiting: 2" "T-42</code><br>waits for this one" \
		"Who got a token: 3" "T-carol" "0A6" "3 min 20 s" "1 min 0 s" "size: A4"
	[[ $(grep -c mallory "$page") == 0 ]]
}

@test "the bars: for each day the numbers of its hours, in proportion, and in words for a screen reader" {
	everybody
	person kim "done" ended=$((nine + 86400)) took=1
	roll report --html "$page" --json
	printf '%s' "$output" >"$BATS_TEST_TMPDIR/json"
	python3 - "$page" "$BATS_TEST_TMPDIR/json" <<-'PY'
		import json, re, sys
		page, days = open(sys.argv[1]).read(), json.load(open(sys.argv[2]))['summary']['days']
		pictures = re.findall(r'<svg.*?</svg>', page, re.S)
		assert len(pictures) == len(days) == 2, len(pictures)
		for svg, day in zip(pictures, days):
		    assert 'role="img"' in svg and 'hour of ' + day['day'] in svg
		    bars = re.findall(r'<title>(\d\d):00 to \d\d:00: (\d+)</title><rect [^>]*height="(\d+)"[^>]*/><text[^>]*>(\d+)<', svg)
		    assert {int(h): int(n) for h, n, _, _ in bars} == {h: n for h, n in enumerate(day['hours']) if n}, bars
		    assert all(n == shown and int(height) == 50 * int(n) for _, n, height, shown in bars), bars
		    words = re.search(r'<desc[^>]*>(.*?)</desc>', svg).group(1)
		    assert words == ', '.join('%02d:00 to %02d:00: %d' % (h, h + 1, n) for h, n in enumerate(day['hours']) if n) + '.'
		    colours = set(re.findall(r'#[0-9a-f]+', svg))
		    assert all(len(set(c[1:])) == 1 for c in colours), colours  # greys
		assert '<h3>' in page and days[0]['tokens'] == 3 and days[1]['tokens'] == 1
	PY
}

@test "a browser shows the page and prints it on A4: nothing is complained of, and the picture is not blank" {
	browser >/dev/null || skip "no browser: tests/lib/packages.sh try browser"
	everybody
	sql "UPDATE roster_people SET name = '$evil'"
	roll report --html "$page"
	browse --dump-dom >"$BATS_TEST_TMPDIR/dom"
	cat "$console"
	run ! grep -q 'CONSOLE' "$console"
	grep -q '<title>VPN tokens: report</title>' "$BATS_TEST_TMPDIR/dom"
	grep -qF 'the PIN of token T-dave is locked' "$BATS_TEST_TMPDIR/dom"
	browse --screenshot="$BATS_TEST_TMPDIR/page.png" >/dev/null
	browse --print-to-pdf="$BATS_TEST_TMPDIR/page.pdf" --no-pdf-header-footer >/dev/null
	grep -aqE '/MediaBox \[0 0 (594|595)[.0-9]* 84[12][.0-9]*\]' "$BATS_TEST_TMPDIR/page.pdf"
	[[ $(stat -c %s "$BATS_TEST_TMPDIR/page.png") -gt 20000 ]]
}

@test "a page that cannot be written: said, nothing left behind, and the old page stands" {
	everybody
	refused 3 "the page $dir/nowhere/page.html was not written" report --html "$dir/nowhere/page.html"
	says "what to do"
	mkdir "$dir/folder"
	roll report --json --html "$dir/folder"
	[[ $status == 3 && -z $(ls "$dir/folder") ]]
	json "d['ok']" false "d['error']['code']" '"SYSTEM"'
	mkfifo "$dir/pipe"
	refused 3 "is there already, and is no file" report --html "$dir/pipe"
	[[ -p $dir/pipe ]]
	roll report --html "$page"
	cp "$page" "$page.before"
	# a failure in the middle: a state that there is none of
	sql "PRAGMA ignore_check_constraints = ON; UPDATE roster_people SET key_type = 'nonsense' WHERE user = 'carol'"
	roll report --html "$page"
	[[ $status == 3 ]]
	diff "$page" "$page.before"
	[[ $(find "$BATS_TEST_TMPDIR" -name 'page.html.tmp*') == "" ]]
}

@test "a result that nobody takes is a failure, and a reader that goes away is none of ours" {
	many 3000 0
	[[ -e /dev/full ]] || skip "no /dev/full"
	# shellcheck disable=SC2016 # for the inner shell
	run --separate-stderr bash -c '"$1" -c "$2" report --csv >/dev/full' _ "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" \
		"$dir/tokenroll.conf"
	[[ $status == 3 && $stderr == *"could not be written to stdout"* ]]
	# shellcheck disable=SC2016 # for the inner shell
	run --separate-stderr bash -c 'set -o pipefail; "$1" -c "$2" report --csv | head -n 1' _ \
		"${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" "$dir/tokenroll.conf"
	[[ -z $stderr && $output == user,* ]]
}

@test "memory does not grow with the roster, as a page or as CSV" {
	many 2000 1000
	# what a sanitizer keeps of what was freed would be counted
	export ASAN_OPTIONS=quarantine_size_mb=0:thread_local_quarantine_size_kb=0
	measure() {
		python3 -c 'import os, resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" \
			-c "$dir/tokenroll.conf" report --csv --html "$page"
	}
	local little much
	little=$(measure)
	sql "DELETE FROM roster_people; DELETE FROM rosters"
	many 20000 10000
	much=$(measure)
	echo "$little KiB for 2000 people, $much for 20000"
	[[ $(grep -c '<tr><td>user' "$page") == 20000 ]]
	((much < little + 4500))
}

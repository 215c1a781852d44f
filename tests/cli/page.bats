#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031  # tests/lib/life.bash sets them, each test in its own shell
# tokenroll status --html: one page that a browser reads without a network and without a script, whatever the names in
# it are. Looked at in Chromium, where that is installed (packages.sh, set browser).

bats_require_minimum_version 1.5.0

setup_file() {
	load ../lib/life.bash
	life_file
}

setup() {
	load ../lib/life.bash
	life_setup
	life_token soft
	page=$BATS_TEST_TMPDIR/page.html
}

sql() {
	sqlite3 "$dir/tokenroll.db" "$1"
}

evil='<script>document.title="broken"</script><img src=x onerror=alert(1)>"&'"'"

# An inventory with something of everything, and names that would like to be more than text.
inventory() {
	local days
	enroll --pin-file "$old"
	sql "UPDATE tokens SET model = '<b>\"SoftHSM&'"
	for days in 3 20 40 100 300; do
		sql "INSERT OR IGNORE INTO people (name, created) VALUES ('user$days', 1700000000), ('${evil//\'/\'\'}', 1700000000);
			INSERT INTO certificates (person, cert_serial, subject, purpose, state, not_after, created, changed)
			SELECT id, hex(randomblob(16)), '/CN=' || name, 'client', 'valid', strftime('%s', 'now') + 86400 * $days, 0, 0
			FROM people WHERE name IN ('user$days', iif($days = 20, '${evil//\'/\'\'}', ''))"
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

@test "it is one file that loads nothing, of its owner alone, and text stays text" {
	inventory
	roll status --html "$page"
	[[ $status == 2 ]]
	[[ $(stat -c %a "$page") == 600 ]]
	[[ $(grep -ciE '<script|<img|https?://|@import|url\(' <(sed 's|http://www.w3.org/2000/svg||' "$page")) == 0 ]]
	grep -qF '&lt;script&gt;' "$page"
	grep -qF '&lt;b&gt;&quot;SoftHSM&amp;' "$page"
	# every tag is closed, every attribute quoted
	sed -e 's/<!DOCTYPE html>//' -e 's/<\(meta\|link\)\([^>]*\)>/<\1\2\/>/' -e 's/<br>/<br\/>/g' "$page" |
		python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parseString(sys.stdin.buffer.read())'
}

@test "the calendar: each month's number, and words for a screen reader" {
	inventory
	roll status --html "$page"
	local month
	month=$(date -u -d '300 days' +%Y-%m)
	grep -qF "<title>$month: 1</title>" "$page"
	grep -q '<svg [^>]*role="img" aria-labelledby="chart-title chart-text"' "$page"
	grep -q "<desc id=\"chart-text\">.*$month: 1" "$page"
}

@test "a browser shows it: the text is there, nothing is complained of, and the picture is not blank" {
	browser >/dev/null || skip "no browser: tests/lib/packages.sh try browser"
	inventory
	roll status --html "$page"
	browse --dump-dom >"$BATS_TEST_TMPDIR/dom"
	cat "$console"
	run ! grep -q 'CONSOLE' "$console"
	grep -q '<title>VPN certificates: status</title>' "$BATS_TEST_TMPDIR/dom"
	grep -q 'something is wrong now' "$BATS_TEST_TMPDIR/dom"
	grep -q 'Certificates by the month in which they end' "$BATS_TEST_TMPDIR/dom"
	grep -qF 'user3' "$BATS_TEST_TMPDIR/dom"
	browse --screenshot="$BATS_TEST_TMPDIR/page.png" >/dev/null
	python3 - "$BATS_TEST_TMPDIR/page.png" <<-'PY'
		import struct, sys, zlib
		data = open(sys.argv[1], 'rb').read()
		assert data[:8] == b'\x89PNG\r\n\x1a\n'
		width, height, depth, kind = struct.unpack('>IIBB', data[16:26])
		assert width == 1000 and depth == 8, (width, depth)
		at, pixels = 8, b''
		while at < len(data):
		    n, name = struct.unpack('>I4s', data[at:at + 8])
		    if name == b'IDAT':
		        pixels += data[at + 8:at + 8 + n]
		    at += 12 + n
		row = 1 + width * {2: 3, 6: 4}[kind]
		raw = zlib.decompress(pixels)
		rows = {raw[i:i + row] for i in range(0, len(raw), row)}
		assert len(rows) > 100, len(rows)  # filtered rows of a blank page are all the same
	PY
}

@test "a file that cannot be written: said, nothing left behind, and the old page stands" {
	inventory
	roll status --html "$dir/nowhere/page.html"
	[[ $status == 3 ]]
	says "the page $dir/nowhere/page.html was not written" "what to do"
	mkdir "$dir/folder"
	roll status --json --html "$dir/folder"
	[[ $status == 3 ]]
	json "d['ok']" false "d['error']['code']" '"SYSTEM"'
	[[ $(ls "$dir/folder") == "" ]]
	says "is there already, and is no file"
	mkfifo "$dir/pipe"
	roll status --html "$dir/pipe"
	[[ $status == 3 && -p $dir/pipe ]]
	ln -s /dev/null "$dir/link"
	roll status --html "$dir/link"
	[[ $status == 3 && -L $dir/link ]]
	roll status --html "$page"
	cp "$page" "$page.before"
	chmod 0500 "$BATS_TEST_TMPDIR"
	if ((EUID != 0)); then
		roll status --html "$page"
		[[ $status == 3 ]]
	fi
	chmod 0700 "$BATS_TEST_TMPDIR"
	[[ -s $page ]] && diff "$page" "$page.before"
}

#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031  # bats sets $status, $output and $stderr
# tokenroll letter --test: a sample by the way that is configured, and nothing of it in clear on a disk.

bats_require_minimum_version 1.5.0

setup_file() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$BATS_FILE_TMPDIR/r.key" \
		-out "$BATS_FILE_TMPDIR/r.pem" -days 365 -subj "/CN=print room" -addext basicConstraints=critical,CA:FALSE \
		-addext keyUsage=critical,keyAgreement 2>/dev/null
}

setup() {
	load ../lib/company.bash
	dir="$BATS_TEST_TMPDIR/the office"
	mkdir -p "$dir/spool" "$dir/state"
	cat >"$dir/printer" <<-SH
		#!/bin/sh
		exec cat >"$dir/spool/page"
	SH
	chmod +x "$dir/printer"
}

# letter_conf LINE...: of section [letter]
letter_conf() {
	printf '%s\n' "[ca]" "pki = state/pki" "[store]" "path = state/tokenroll.db" "[template]" "company = Example GmbH" \
		"[letter]" "templates = $COMPANY_ROOT/templates" "$@" >"$dir/tokenroll.conf"
}

letter() {
	run --separate-stderr "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$dir/tokenroll.conf" letter "$@" </dev/null
	printf '%s\nstatus %s, stdout: %s\nstderr: %s\n' "letter $*" "$status" "$output" "$stderr"
}

# opened KEY FILE: the letter in clear, as text
opened() {
	openssl cms -decrypt -inform DER -inkey "$1" -in "$2" -out "$BATS_TEST_TMPDIR/page.pdf"
	pdftotext "$BATS_TEST_TMPDIR/page.pdf" -
}

@test "a sample is printed, in the language that is wanted, with a PIN that is nobody's" {
	letter_conf "command = '$dir/printer'"
	letter --test
	[[ $status == 0 && $output == *"was given to the print command"*"0O1lTEST (made up)"* && $stderr == "" ]]
	[[ $(pdftotext "$dir/spool/page" -) == *"Maxi Muster (SAMPLE)"*"0O1l TEST"*"Wrong PINs lock the token"* ]]
	letter --test --language de
	[[ $status == 0 && $(pdftotext "$dir/spool/page" -) == *"0O1l TEST"*"Falsche PINs sperren"* ]]
	letter --test --language ru --json
	[[ $status == 0 && $(pdftotext "$dir/spool/page" -) == *"0O1l TEST"*"Неверные PIN-коды"* ]]
	[[ $(python3 -c 'import json, sys; d = json.load(sys.stdin); print(d["ok"], d["state"], d["file"])' <<<"$output") == "True printed None" ]]
}

@test "into the folder: encrypted, and said where" {
	letter_conf "folder = letters" "recipient = $BATS_FILE_TMPDIR/r.pem"
	letter --test
	[[ $status == 0 && $output == *"encrypted, is in $dir/letters/sample-0000TEST.pdf.p7m"* ]]
	[[ $(opened "$BATS_FILE_TMPDIR/r.key" "$dir/letters/sample-0000TEST.pdf.p7m") == *"0O1l TEST"* ]]
	[[ $(ls -A "$dir/letters") == sample-0000TEST.pdf.p7m ]]
}

@test "no printer: status 1, what it said, and the letter waits encrypted where there is a folder" {
	printf '#!/bin/sh\necho "lp: Error - No default destination available." >&2\nexit 1\n' >"$dir/printer"
	letter_conf "command = '$dir/printer'"
	letter --test
	[[ $status == 1 && $stderr == *"is not printed"*"No default destination available"*"printer works"* ]]
	letter_conf "command = '$dir/printer'" "folder = letters" "recipient = $BATS_FILE_TMPDIR/r.pem"
	letter --test --json
	[[ $status == 1 && $output == *'"state": "waits"'*'"code": "PRINTER"'* ]]
	[[ $stderr == *"the sample waits, encrypted, in $dir/letters/sample-0000TEST.pdf.p7m"* ]]
	[[ $(opened "$BATS_FILE_TMPDIR/r.key" "$dir/letters/sample-0000TEST.pdf.p7m") == *"0O1l TEST"* ]]
}

# written FILE: what a trace says was opened to be written to, without the devices
written() {
	sed -nE 's/.*(open|openat|openat2|creat)\((AT_FDCWD, |[0-9]+(<[^>]*>)?, )?"([^"]*)".*(O_WRONLY|O_RDWR|O_CREAT|O_TMPFILE|creat).* = [0-9].*/\4/p' \
		"$1" | grep -v -e ^/dev/ -e ^/proc/ | sort -u
}

@test "no file but the encrypted one is written to, whatever the format, and no PIN is in an argument" {
	command -v strace >/dev/null || skip "strace is not installed"
	local format
	export ASAN_OPTIONS=detect_leaks=0 # which it cannot do for a traced program
	for format in pdf ps; do
		letter_conf "folder = letters" "recipient = $BATS_FILE_TMPDIR/r.pem" "format = $format"
		# a home without a cache of fonts, so that whoever makes one is seen
		mkdir -p "$BATS_TEST_TMPDIR/home" "$BATS_TEST_TMPDIR/tmp"
		HOME="$BATS_TEST_TMPDIR/home" TMPDIR="$BATS_TEST_TMPDIR/tmp" strace -f -qq -s 65536 -o "$BATS_TEST_TMPDIR/trace" \
			-e trace=open,openat,openat2,creat,execve,mknodat,memfd_create \
			"${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$dir/tokenroll.conf" letter --test
		grep -q memfd_create "$BATS_TEST_TMPDIR/trace"
		run -0 written "$BATS_TEST_TMPDIR/trace"
		[[ $output =~ ^$dir/letters/sample-0000TEST\.$format\.p7m\.tmp-......$ ]]
		run ! grep -e 0O1l "$BATS_TEST_TMPDIR/trace"
		[[ $(find "$BATS_TEST_TMPDIR/home" "$BATS_TEST_TMPDIR/tmp" -type f | wc -l) == 0 ]]
		[[ $(opened_format "$format") == *"0O1l"*"TEST"* ]]
	done
}

@test "on its way to the print command it is in no file either" {
	command -v strace >/dev/null || skip "strace is not installed"
	local format
	export ASAN_OPTIONS=detect_leaks=0
	for format in pdf ps; do
		letter_conf "command = wc -c" "format = $format"
		strace -f -qq -o "$BATS_TEST_TMPDIR/trace" -e trace=open,openat,openat2,creat,memfd_create \
			"${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$dir/tokenroll.conf" letter --test
		grep -q memfd_create "$BATS_TEST_TMPDIR/trace"
		run written "$BATS_TEST_TMPDIR/trace"
		[[ $output == "" ]]
	done
}

opened_format() {
	openssl cms -decrypt -inform DER -inkey "$BATS_FILE_TMPDIR/r.key" -in "$dir/letters/sample-0000TEST.$1.p7m" \
		-out "$BATS_TEST_TMPDIR/page.$1"
	if [[ $1 == ps ]]; then
		ps2txt "$BATS_TEST_TMPDIR/page.ps" -
	else
		pdftotext "$BATS_TEST_TMPDIR/page.pdf" -
	fi
}

@test "a folder that is full or read-only is said in words, and leaves nothing behind" {
	local namespace=(unshare --mount --propagation private) binary=${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}
	((EUID == 0)) || namespace+=(--map-root-user)
	# shellcheck disable=SC2016  # expanded by the inner shell
	"${namespace[@]}" sh -c 'mount -t tmpfs tmpfs "$1"' sh "$dir/spool" 2>/dev/null || skip "needs a mount namespace"
	letter_conf "folder = letters" "recipient = $BATS_FILE_TMPDIR/r.pem"
	mkdir "$dir/letters"
	# shellcheck disable=SC2016  # expanded by the inner shell
	run --separate-stderr "${namespace[@]}" sh -c 'mount -t tmpfs -o size=64k tmpfs "$1/letters"
		head -c 60000 /dev/zero >"$1/letters/filler"
		"$2" -c "$1/tokenroll.conf" letter --test; echo "status $?"; ls -A "$1/letters"' sh "$dir" "$binary"
	echo "$output" "$stderr"
	[[ $output == "status 1"$'\n'filler && $stderr == *"cannot be put into the folder"*"No space left"*"make room"* ]]
	# shellcheck disable=SC2016  # expanded by the inner shell
	run --separate-stderr "${namespace[@]}" sh -c 'mount -t tmpfs -o ro tmpfs "$1/letters"
		"$2" -c "$1/tokenroll.conf" letter --test; echo "status $?"; ls -A "$1/letters"' sh "$dir" "$binary"
	echo "$output" "$stderr"
	[[ $output == "status 1" && $stderr == *"cannot be put into the folder"*"Read-only"*"can be written to"* ]]
}

@test "what is wrong with the command line or the configuration: status 2, and what to do" {
	letter_conf "command = '$dir/printer'"
	letter
	[[ $status == 2 && $stderr == *"letter --test"* ]]
	letter --test alice
	[[ $status == 2 && $stderr == *"'alice' is one argument too many"* ]]
	letter --test --language fr
	[[ $status == 2 && $stderr == *"no letter in the language 'fr'"*"letter.fr.pango"* ]]
	letter_conf
	letter --test
	[[ $status == 2 && $stderr == *"neither command nor folder"*"command = lp"* ]]
	letter_conf "command = '$dir/printer"
	letter --test
	[[ $status == 2 && $stderr == *"line 9:"* ]]
	cp "$COMPANY_ROOT/templates/letter.en.pango" "$dir/state"
	sed -i 's/{{expires}}/{{expiers}}/' "$dir/state/letter.en.pango"
	letter_conf "command = '$dir/printer'"
	sed -i "s|^templates = .*|templates = state|" "$dir/tokenroll.conf"
	letter --test
	[[ $status == 2 && $stderr == *"state/letter.en.pango:"[0-9]*": there is no name {{expiers}}"* ]]
	[[ ! -e $dir/spool/page ]]
}

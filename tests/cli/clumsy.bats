#!/usr/bin/env bats
# shellcheck disable=SC2154  # bats sets $stderr
# shellcheck disable=SC2016  # what is in single quotes is for the shell that is run
# What happens on a busy day: closed descriptors, odd environments, a configuration from another editor, the wrong verb,
# the same command twice at once.

bats_require_minimum_version 1.5.0

setup_file() {
	export COMPANY_CACHE=$BATS_FILE_TMPDIR/cache
}

setup() {
	load ../lib/company.bash
	PATH=$PATH:/usr/sbin:/sbin
	dir="$BATS_TEST_TMPDIR/the company"
	company_new "$dir"
	export SOFTHSM2_CONF=$dir/token/softhsm2.conf
	module=$(company_softhsm)
	tools=${BUILD:-$COMPANY_ROOT/build}/tests/fault
	program=${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}
	secrets=(--pin-file "$dir/pin" --ca-pass-file "$dir/ca.pass")
}

on_token() {
	"$tools/tokendump" "$module" "$(company_token_serial "$dir" "VPN token")" "$dir/pin" | grep -c "^CKO_$1" || true
}

enrolled() {
	[[ $(grep -c $'^V\t.*/CN=alice$' "$dir/pki/index.txt") == 1 && -s $dir/bundles/alice.zip ]]
	[[ $(on_token PRIVATE_KEY) == 1 && $(on_token CERTIFICATE) == 1 ]]
}

nothing_done() {
	[[ $(grep -c '/CN=alice$' "$dir/pki/index.txt") == 0 && ! -e $dir/bundles ]]
	[[ $(on_token PRIVATE_KEY) == 0 && $(on_token CERTIFICATE) == 0 ]]
}

# refused STATUS ARGUMENT...: with this company's configuration
refused() {
	local expected=$1
	shift
	run --separate-stderr "$program" -c "$dir/tokenroll.conf" "$@" </dev/null
	printf 'status %s, stderr: %s\n' "$status" "$stderr"
	[[ $status == "$expected" && $stderr == *"what to do: "* ]]
	nothing_done
}

# nowhere_else TEXT: it is in no file of the company, and no database was harmed
nowhere_else() {
	run -1 grep -rlaF -- "$1" "$dir"
	[[ $(sqlite3 "$dir/tokenroll.db" 'PRAGMA integrity_check; SELECT state FROM credentials') == "ok"$'\n'*"delivered"* ]]
}

@test "closed stdin, stdout and stderr: the work is done, and nothing is written into a database or a socket instead" {
	"$program" -c "$dir/tokenroll.conf" "${secrets[@]}" alice 2>&- >"$dir/out" </dev/null
	grep -q "alice is enrolled" "$dir/out"
	rm "$dir/out"
	enrolled
	nowhere_else "made on the token"
	run -1 sh -c '"$@" >&- 2>&- <&-' sh "$program" -c "$dir/tokenroll.conf" "${secrets[@]}" --replace alice
	enrolled
	nowhere_else "alice is enrolled"
	nowhere_else "made on the token"
}

@test "a result that cannot be written is a failure that says that the work is done" {
	[[ -e /dev/full ]] || skip "no /dev/full here"
	run -1 --separate-stderr sh -c '"$@" >/dev/full' sh "$program" -c "$dir/tokenroll.conf" "${secrets[@]}" alice
	[[ $stderr == *"the work is done, but its result could not be written"*"No space left"* ]]
	enrolled
	run -1 --separate-stderr bash -c '"$@" | true; exit "${PIPESTATUS[0]}"' bash "$program" -c "$dir/tokenroll.conf" \
		"${secrets[@]}" --json alice
	[[ $stderr == *"the work is done, but its result could not be written"* ]]
}

@test "a descriptor for a secret that is not open is a usage error: nothing of our own is read as a PIN" {
	local n
	export FAULTY_MODULE=$module FAULTY_COUNT=$dir/log/count
	company_conf "$dir" "token.module=$tools/libfaulty.so"
	for n in 3 4 5 6 7; do
		refused 2 --ca-pass-file "$dir/ca.pass" --pin-fd "$n" alice
		[[ $stderr == *"--pin-fd: descriptor $n is not open"*"--pin-fd $n alice $n<FILE"* ]]
		refused 2 --pin-file "$dir/pin" --ca-pass-fd "$n" alice
	done 3>&- 4>&- 5>&- 6>&- 7>&-
	[[ ! -e $dir/log/count ]]
	"$program" -c "$dir/tokenroll.conf" --pin-fd 7 --ca-pass-fd 8 alice 7<"$dir/pin" 8<"$dir/ca.pass" </dev/null
	enrolled
}

@test "one secret in two places is a usage error" {
	refused 2 --pin-file "$dir/pin" --pin-fd 0 alice
	[[ $stderr == *"either in --pin-file or on --pin-fd"* ]]
	refused 2 --ca-pass-file "$dir/ca.pass" --ca-pass-fd 0 alice
	[[ $stderr == *"either in --ca-pass-file or on --ca-pass-fd"* ]]
}

@test "Ctrl-C while a secret is awaited on a pipe ends it" {
	local pid i
	mkfifo "$dir/pipe"
	exec 9<>"$dir/pipe"
	"$program" -c "$dir/tokenroll.conf" --ca-pass-file "$dir/ca.pass" --pin-fd 9 alice 2>"$dir/err" </dev/null 3>&- &
	pid=$!
	exec 9>&-
	for ((i = 0; i < 100; i++)); do
		! grep -q "alice, on token" "$dir/err" || break
		sleep 0.1
	done
	sleep 0.3
	kill -INT "$pid"
	for ((i = 0; i < 50; i++)); do
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.1
	done
	kill -KILL "$pid" 2>/dev/null || true
	wait "$pid" || status=$?
	cat "$dir/err"
	[[ $status == 7 ]]
	grep -q "interrupted while a secret was read from descriptor 9" "$dir/err"
	nothing_done
}

@test "relative paths in a configuration count from its folder, wherever the command is run" {
	sed "s|= $dir/|= |; s|@$dir/|@|" "$dir/tokenroll.conf" >"$dir/relative.conf"
	grep -qx "path = tokenroll.db" "$dir/relative.conf"
	mkdir "$dir/elsewhere"
	(cd "$dir/elsewhere" && "$program" -c ../relative.conf "${secrets[@]}" alice </dev/null)
	enrolled
	[[ -z $(ls -A "$dir/elsewhere") ]]
	(cd "$dir" && TOKENROLL_CONFIG=relative.conf run -0 "$program" "${secrets[@]}" alice </dev/null)
	(cd / && run -0 "$program" -c "$dir/relative.conf" "${secrets[@]}" alice </dev/null)
	enrolled
	[[ ! -e /tokenroll.db ]]
}

@test "a configuration with CR LF, a byte order mark or indented lines is read as it is meant" {
	cp "$dir/tokenroll.conf" "$dir/plain.conf"
	sed 's/$/\r/' "$dir/plain.conf" >"$dir/tokenroll.conf"
	company_tokenroll "$dir" alice
	enrolled
	printf '\xef\xbb\xbf' | cat - "$dir/plain.conf" >"$dir/tokenroll.conf"
	run -0 company_tokenroll "$dir" alice
	[[ $output == *"already"* ]]
	sed 's/^[a-z]/    &/' "$dir/plain.conf" >"$dir/tokenroll.conf"
	run -0 company_tokenroll "$dir" alice
	[[ $output == *"already"* ]]
}

@test "a key that is given twice, and a section without its bracket, are named with their lines" {
	cp "$dir/tokenroll.conf" "$dir/plain.conf"
	{ cat "$dir/plain.conf" && printf '[ca]\npki = /nowhere\n'; } >"$dir/tokenroll.conf"
	refused 2 alice
	[[ $stderr == *"line $(wc -l <"$dir/tokenroll.conf"): [ca] pki is given twice, first in line 2"* ]]
	sed 's/^\[token\]/[token/' "$dir/plain.conf" >"$dir/tokenroll.conf"
	refused 2 alice
	[[ $stderr == *"line 4: the ] behind the section's name is missing"* ]]
}

@test "a verb of another version is not taken for a user, unless enroll says so" {
	refused 2 "${secrets[@]}" help
	[[ $stderr == *"this version of tokenroll has no verb 'help'"*"tokenroll enroll help"* ]]
	refused 2 "${secrets[@]}" enrol alice
	[[ $stderr == *"there is no verb 'enrol'"* ]]
	company_tokenroll "$dir" enroll list
	[[ -s $dir/bundles/list.zip ]]
}

@test "--json answers with a document also when the command line makes no sense" {
	local arguments
	for arguments in "--json --frobnicate alice" "--days x --json alice" "--json alice bob" "--json"; do
		# shellcheck disable=SC2086  # they are words
		refused 2 $arguments
		[[ $(python3 -c 'import json, sys; print(json.loads(sys.argv[1])["error"]["code"])' "$output") == USAGE ]]
	done
	refused 2 -- --json
	[[ -z $output ]]
}

@test "without HOME and TERM, in another locale, and with any umask it is the same" {
	local mask
	for mask in 000 077 777; do
		(umask "$mask" && env -u HOME -u TERM LC_ALL=de_DE.UTF-8 LANGUAGE=de TZ=Asia/Kathmandu "$program" \
			-c "$dir/tokenroll.conf" "${secrets[@]}" --replace alice </dev/null)
		[[ -z $(find "$dir/bundles" "$dir"/tokenroll.db* -perm /077) ]]
		[[ $(stat -c %a "$dir/bundles/alice" "$dir/bundles/alice.zip" "$dir/tokenroll.db" | tr '\n' ' ') == "700 600 600 " ]]
	done
	enrolled
	run -0 --separate-stderr env -i LC_ALL=de_DE.UTF-8 SOFTHSM2_CONF="$SOFTHSM2_CONF" "$program" -c "$dir/tokenroll.conf" \
		"${secrets[@]}" alice
	[[ $output == *"alice is enrolled already"* ]]
}

@test "the same command twice at once: one is refused or finds all done, and there is one key and one certificate" {
	local first=0 second=0
	company_tokenroll "$dir" alice >"$dir/first" 2>&1 3>&- &
	company_tokenroll "$dir" alice >"$dir/second" 2>&1 || second=$?
	wait $! || first=$?
	cat "$dir/first" "$dir/second"
	[[ $first == 0 || $second == 0 ]]
	[[ $((first + second)) == 0 || $((first + second)) == 6 ]]
	((first + second == 0)) || grep -q "process [0-9]* is working on user alice" "$dir/first" "$dir/second"
	enrolled
}

@test "a label that would not be one line of text is refused before a token is initialized" {
	rm -rf "$dir/token/tokens"
	mkdir "$dir/token/tokens"
	for label in $'a\nb' $'\e[2J' $'\xff' 0123456789012345678901234567890123; do
		run --separate-stderr company_tokenroll "$dir" enroll --init --label "$label" alice
		[[ $status == 2 && $stderr == *"a token's label"* ]]
		[[ -z $(ls "$dir/token/tokens") ]]
	done
}

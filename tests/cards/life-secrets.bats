#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031  # tests/lib/life.bash sets them, each test in its own shell
# Where a PIN, PUK, SO PIN or management key is never: in the database, in what is printed (but the one that is made and
# shown on purpose), in arguments and environments, and in files that stay.

bats_require_minimum_version 1.5.0

setup_file() {
	load ../lib/life.bash
	life_file
}

setup() {
	load ../lib/life.bash
	life_setup
}

teardown() {
	life_teardown
}

# traced ARGUMENT...: tokenroll under strace, which notes every program that is started, with arguments and environment
traced() {
	strace -f -q -s 4096 -v -e trace=execve -o "$BATS_TEST_TMPDIR/execs" -A -- \
		"${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$dir/tokenroll.conf" -v "$@" </dev/null \
		>>"$BATS_TEST_TMPDIR/printed" 2>&1 || { cat "$BATS_TEST_TMPDIR/printed" && return 1; }
}

# nowhere SECRET...: not in the database and what belongs to it, the bundles, what was printed or started
nowhere() {
	local secret found
	for secret; do
		[[ -n $secret ]]
		found=$(grep -rlaiF -- "$secret" "$dir" "$BATS_TEST_TMPDIR/printed" "$BATS_TEST_TMPDIR/execs" --exclude-dir=log \
			--exclude-dir=token | grep -vE "/(old|new|newer|so|puk|pin|so-pin|profiles)$" || true)
		[[ -z $found ]] || { echo "a secret is in $found" && return 1; }
		# nor as the hexadecimal of a blob
		! sqlite3 "$dir/tokenroll.db" .dump | grep -qiF -- "$(printf %s "$secret" | xxd -p | tr -d '\n')"
	done
}

# escrowed KIND: opened by openssl alone
escrowed() {
	recovery_open "$dir/tokenroll.db" "$recovery.key" "kind = '$1'" | head -n 1
}

@test "YubiKey: enroll, pin, unblock, tokens, wipe leave no secret anywhere" {
	local admin puk
	life_token yubikey
	traced --serial "$serial" "${ca[@]}" --new-pin-file "$dir/new" alice
	admin=$(escrowed so-pin) puk=$(escrowed puk)
	[[ ${#admin} == 48 && ${#puk} == 8 ]]
	traced tokens --json
	traced pin alice --pin-file "$dir/new" --new-pin-file "$dir/newer"
	traced unblock alice "${key[@]}" --new-pin-file "$dir/new"
	reset_meant
	traced wipe --serial "$serial" --confirm "$serial" --no-revoke "${key[@]}"
	nowhere "$admin" "$puk" 24682468 97531246
}

@test "SmartCard-HSM: init, enroll, pin, unblock, wipe leave no secret anywhere" {
	local so
	life_token hsm blank=yes
	traced init --new-pin-file "$dir/new"
	so=$(escrowed so-pin)
	[[ ${#so} == 16 ]]
	traced --serial "$serial" "${ca[@]}" --pin-file "$dir/new" alice
	traced pin alice --pin-file "$dir/new" --new-pin-file "$dir/newer"
	traced unblock alice "${key[@]}" --new-pin-file "$dir/new"
	traced wipe --serial "$serial" --confirm "$serial" --no-revoke --pin-file "$dir/new"
	nowhere "$so" 24682468 97531246
}

@test "a random PIN is shown once, and is nowhere else" {
	local pin
	life_token hsm
	roll pin --serial "$serial" --pin-file "$old" --random-pin
	[[ $status == 0 ]]
	pin=$(sed -n 's/^  PIN  *//p' <<<"$output")
	[[ -n $pin && $(grep -oF -- "$pin" <<<"$output$stderr" | wc -l) == 1 ]]
	touch "$BATS_TEST_TMPDIR/printed" "$BATS_TEST_TMPDIR/execs"
	nowhere "$pin"
}

@test "a secret in a file that others can read is refused, whichever it is" {
	life_token hsm
	cp "$dir/new" "$dir/open"
	chmod 0644 "$dir/open"
	watch
	refused 2 "chmod 600" pin --serial "$serial" --pin-file "$dir/open" --new-pin-file "$dir/new"
	refused 2 "chmod 600" pin --serial "$serial" --pin-file "$old" --new-pin-file "$dir/open"
	refused 2 "chmod 600" unblock --serial "$serial" --so-pin-file "$dir/open" --new-pin-file "$dir/new"
	nothing_sent
}

@test "a recovery key in a file that others can read is refused" {
	life_token yubikey
	enroll --new-pin-file "$dir/new"
	cp "$recovery.key" "$dir/open.key"
	chmod 0644 "$dir/open.key"
	refused 2 "chmod 600" escrow show --serial "$serial" --recovery-key "$dir/open.key"
	# on a stick with FAT it has that mode for ever
	chmod 0755 "$dir/open.key"
	refused 2 "install -m 600 '$dir/open.key' '/dev/shm/open.key'" escrow show --serial "$serial" \
		--recovery-key "$dir/open.key"
	says "can be read by others (mode 0755)" "FAT"
	install -m 600 "$dir/open.key" "$dir/copied.key"
	done_by escrow show --serial "$serial" --recovery-key "$dir/copied.key"
	refused 2 "chmod 600" unblock --serial "$serial" --recovery-key "$dir/open.key" --new-pin-file "$dir/newer"
	pin_is "$dir/new"
}

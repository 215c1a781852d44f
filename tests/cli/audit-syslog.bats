#!/usr/bin/env bats
# shellcheck disable=SC2154  # bats sets $stderr and $status
# [audit] syslog: each record of the audit trail is one line in the system's log as well, with nothing in it that looks
# like another field; and a log that is not there or does not read is no failure and no delay.

bats_require_minimum_version 1.5.0

setup_file() {
	export COMPANY_CACHE=$BATS_FILE_TMPDIR/cache
}

setup() {
	load ../lib/company.bash
	PATH=$PATH:/usr/sbin:/sbin
	((EUID == 0)) && namespace=(unshare -m) || namespace=(unshare -rm)
	"${namespace[@]}" true 2>/dev/null || skip "no mount namespaces here"
	dir="$BATS_TEST_TMPDIR/the company"
	company_new "$dir"
	company_conf "$dir" "audit.syslog=yes"
	db=$dir/tokenroll.db
	log=$dir/log/system
}

# own_dev COMMAND...: with a /dev of its own that has no log
own_dev() {
	# shellcheck disable=SC2016  # expanded by the inner shell
	DEV=$BATS_TEST_TMPDIR/dev "${namespace[@]}" --propagation private bash -c '
		mkdir -p "$DEV" && mount -t tmpfs none "$DEV" || exit 77
		for node in null zero full random urandom; do
			: >"$DEV/$node" && mount --bind "/dev/$node" "$DEV/$node" || exit 77
		done
		ln -s /proc/self/fd "$DEV/fd"
		mount --rbind "$DEV" /dev || exit 77
		exec "$@"' bash "$@"
}

# with_log read|hang ARGUMENT...: tokenroll, beside a daemon that reads into $log, or does not
with_log() {
	local how=$1
	shift
	run --separate-stderr own_dev python3 "$COMPANY_ROOT/tests/lib/dev_log.py" "$how" "$log.all" \
		"$TOKENROLL" -c "$dir/tokenroll.conf" --pin-file "$dir/pin" --ca-pass-file "$dir/ca.pass" "$@"
	printf 'status %s\nstdout: %s\nstderr: %s\n' "$status" "$output" "$stderr"
	# SoftHSM2 has something to say there, too
	[[ $how != read ]] || grep -F ' tokenroll[' "$log.all" >"$log" || true
	[[ $status != 77 ]] || skip "no /dev of one's own here"
}

@test "each record is one line, as authpriv, to be found by user, token, certificate and hash" {
	export SUDO_USER=carol
	with_log read -q alice
	((status == 0))
	cat "$log"
	[[ $(wc -l <"$log") == "$(sqlite3 "$db" "SELECT count(*) FROM audit")" ]]
	# 80 is authpriv, and 6 info
	[[ $(grep -cE '^<86>[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} tokenroll\[[0-9]+\]: action=[a-z-]+ user=' "$log") == "$(wc -l <"$log")" ]]
	while IFS='|' read -r id action token cert hash; do
		grep -qF "action=$action user=alice token=$token cert=$cert id=$id hash=$hash login=" "$log"
	done < <(sqlite3 "$db" "SELECT id, action, token_serial, cert_serial, hex(hash) FROM audit WHERE cert_serial <> ''")
	grep -q ' sudo=carol detail="ec:P-256, CKA_ID [0-9A-F]*, was requested"$' "$log"
	run ! grep -qF "$(<"$dir/pin")" "$log"
}

@test "no token can put a field of its own into a line" {
	FAULTY_MODULE=$(company_softhsm)
	export FAULTY_MODULE
	export FAULTY_RULE='C_GetTokenInfo:*:serial=1 user=root\x0a"\x5c;'
	company_conf "$dir" "audit.syslog=yes" "token.module=${BUILD:-$COMPANY_ROOT/build}/tests/fault/libfaulty.so" \
		"vpn.client-module-linux="
	with_log read -q alice
	((status == 0))
	cat "$log"
	grep -qF 'action=keyed user=alice token="1 user=root?\"\\" cert="" id=' "$log"
}

@test "all that is in the trail was said, wherever a run ends" {
	local rule
	FAULTY_MODULE=$(company_softhsm)
	export FAULTY_MODULE
	company_conf "$dir" "audit.syslog=yes" "token.module=${BUILD:-$COMPANY_ROOT/build}/tests/fault/libfaulty.so" \
		"vpn.client-module-linux="
	for rule in C_GenerateKeyPair:1:CKR_DEVICE_REMOVED C_Sign:1:CKR_DEVICE_REMOVED; do
		FAULTY_RULE=$rule with_log read -q alice
		((status != 0))
		cat "$log" >>"$log.so-far"
		sqlite3 "$db" "SELECT action FROM audit ORDER BY id"
		[[ $(wc -l <"$log.so-far") == "$(sqlite3 "$db" "SELECT count(*) FROM audit")" ]]
	done
	[[ $(sqlite3 "$db" "SELECT action FROM audit ORDER BY id DESC LIMIT 1") == keyed ]]
}

@test "what was rolled back is not said" {
	with_log read -q alice
	sqlite3 "$db" "CREATE TRIGGER t BEFORE INSERT ON audit WHEN NEW.action = 'delivered' BEGIN SELECT RAISE(ABORT, 'no'); END"
	with_log read -q bundle alice
	((status == 1))
	[[ ! -s $log ]]
}

@test "without [audit] syslog nothing is said" {
	company_conf "$dir"
	with_log read -q alice
	((status == 0))
	[[ ! -s $log ]]
}

@test "a log that is not there, or is there but does not read, is no failure and is not waited for" {
	local began=$SECONDS
	run --separate-stderr own_dev "$TOKENROLL" -c "$dir/tokenroll.conf" --pin-file "$dir/pin" --ca-pass-file \
		"$dir/ca.pass" -q alice
	((status == 0))
	[[ -z $stderr ]]
	# by a verb that needs no token: SoftHSM2 would wait
	with_log hang -q bundle alice
	((status == 0))
	[[ -z $stderr ]]
	((SECONDS - began < 30))
	[[ $(sqlite3 "$db" "SELECT count(*) FROM audit WHERE action = 'delivered'") == 2 ]]
}

@test "the record of the database's own upgrade is said, too" {
	python3 - "$COMPANY_ROOT/tests/unit/store_v1.h" "$db" <<-'PYTHON'
		import re, sqlite3, sys
		# the C string of the unit test's old database
		text = open(sys.argv[1]).read()
		sql = "".join(eval(s) for s in re.findall(r'^\s*("(?:[^"\\]|\\.)*")', text, re.M))
		sqlite3.connect(sys.argv[2]).executescript(sql)
	PYTHON
	chmod 600 "$db"
	with_log read audit --verify
	cat "$log"
	grep -q 'action=database-upgraded .* detail="version 1 to ' "$log"
}

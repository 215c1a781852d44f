#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031,SC2034,SC2154  # each test's own; the libraries use them; bats sets $stderr
# The systemd units, the group and the polkit rule: what systemd and polkit make of them, and that the programs need no
# more than the units leave them.

bats_require_minimum_version 1.5.0

setup_file() {
	load ../lib/company.bash
	local build
	build=$(realpath --relative-to="$COMPANY_ROOT" "${BUILD:-$COMPANY_ROOT/build}") # make's paths have no blanks
	# for real, so that systemd finds the programs
	export DEST="$BATS_FILE_TMPDIR/usr"
	make -C "$COMPANY_ROOT" --no-print-directory -o all BUILD="$build" PREFIX="$DEST" \
		SYSCONFDIR="$BATS_FILE_TMPDIR/etc" install >"$BATS_FILE_TMPDIR/log" 2>&1 || { cat "$BATS_FILE_TMPDIR/log" && return 1; }
}

setup() {
	load ../lib/company.bash
	load ../lib/vpn.bash
	units=$DEST/lib/systemd/system
}

teardown() {
	end_traced "${VPN_CLIENT_PID:-}"
	vpn_end
	[[ ! -v CARDS_STAND ]] || cards_stop
}

# end_traced PID: the program that a strace runs; strace ends with it, while ended itself it would leave it running
end_traced() {
	local traced
	traced=$([[ -z $1 ]] || pgrep -P "$1") || return 0
	[[ -z $traced ]] || kill "$traced"
}

@test "systemd has nothing to say against the units, and finds what they run" {
	local unit
	for unit in tokenroll-vpn@office.service tokenroll-station@tty8.service tokenroll-crl.service; do
		# the manual page is not where man looks
		run --separate-stderr systemd-analyze verify --man=no "$units/$unit"
		echo "$output $stderr"
		[[ $status == 0 && $output$stderr != *tokenroll* ]]
	done
	grep -qx "ExecStart=$DEST/libexec/tokenroll/tokenroll-vpn /etc/openvpn/client/%i" "$units/tokenroll-vpn@.service"
	grep -qx "ExecStart=$DEST/bin/tokenroll station \$TOKENROLL_STATION_OPTIONS \${TOKENROLL_ROSTER}" \
		"$units/tokenroll-station@.service"
	[[ -x $DEST/libexec/tokenroll/tokenroll-vpn && -x $DEST/bin/tokenroll ]]
}

# systemd makes one $ of two and one \ of two, and passes on what is in quotes; it is told no code for
# the terminal as such, which would be one in the terminal of `systemctl status`
@test "the station's console is brought to the front, if it is a virtual one" {
	local line
	line=$(sed -n 's/^ExecStartPre=-+//p' "$units/tokenroll-station@.service")
	line=${line//'$$'/'$'}
	line=${line//\\\\/\\}
	[[ $line == *'\033[m'* ]]
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\necho "shows $*"\n' >"$BATS_TEST_TMPDIR/bin/chvt"
	chmod +x "$BATS_TEST_TMPDIR/bin/chvt"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
	eval "run -0 ${line//%I/tty8}"
	[[ $output == *$'\n'"shows 8" ]]
	# without it nothing is said there
	rm "$BATS_TEST_TMPDIR/bin/chvt"
	local tools="$BATS_TEST_TMPDIR/tools"
	mkdir "$tools"
	PATH=$tools eval "run -127 ${line//%I/tty8}"
	[[ $output != *chvt* ]]
}

# figure UNIT: what systemd reckons its exposure to be
figure() {
	systemd-analyze security --offline=true --no-pager "$units/$1" 2>/dev/null |
		sed -n 's/.*Overall exposure level for .*: \([0-9.]*\) .*/\1/p'
}

@test "the units are locked up at least as the README says" {
	local unit said measured
	for unit in tokenroll-station@.service tokenroll-vpn@.service tokenroll-crl.service; do
		said=$(sed -nE "s/.*\`?$unit\`? +([0-9]\.[0-9])\b.*/\1/p" "$COMPANY_ROOT/README.md")
		measured=$(figure "$unit")
		echo "$unit: $said in the README, $measured measured"
		[[ -n $said && -n $measured ]]
		# a newer systemd looks at more
		awk -v said="$said" -v measured="$measured" 'BEGIN { exit !(measured <= said + 0.2) }'
	done
}

@test "nothing runs where nobody has configured it, and no PIN is tried because a service starts again" {
	local vpn="$units/tokenroll-vpn@.service" station="$units/tokenroll-station@.service"
	grep -qx "ConditionPathExists=$BATS_FILE_TMPDIR/etc/tokenroll/vpn.env" "$vpn"
	grep -qx "ConditionPathExists=$BATS_FILE_TMPDIR/etc/tokenroll/station.env" "$station"
	run ! grep -x "\[Install\]" "$vpn" "$station"
	[[ $(grep "^Restart=" "$vpn") == "Restart=no" ]]
}

# calls UNIT: the system calls that a unit allows, one a line; what is in @default always is
calls() {
	systemd-analyze syscall-filter --no-pager | awk -v filters="$(sed -n 's/^SystemCallFilter=//p' "$units/$1" | tr '\n' ';')" '
		function apply(word, allow,  i, n, part) {
			if (word !~ /^@/) {
				allowed[word] = allow
				return
			}
			n = split(members[word], part, " ")
			for (i = 1; i <= n; i++)
				apply(part[i], allow)
		}
		/^@/ { set = $1 }
		/^ +[@a-z0-9_-]+$/ { members[set] = members[set] " " $1 }
		END {
			n = split(filters, filter, ";")
			for (f = 1; f <= n; f++) {
				allow = sub(/^~/, "", filter[f]) ? 0 : 1
				m = split(filter[f], word, " ")
				for (w = 1; w <= m; w++)
					apply(word[w], allow)
			}
			apply("@default", 1)
			for (name in allowed)
				if (allowed[name])
					print name
		}'
}

# needs_no_more UNIT TRACE [CALL...]: every call of the trace is allowed, but these, which are done without
needs_no_more() {
	{
		calls "$1"
		printf '%s\n' "${@:3}"
	} >"$BATS_TEST_TMPDIR/$1"
	(($(wc -l <"$BATS_TEST_TMPDIR/$1") > 200))
	sed -nE 's/^([0-9]+ +)?([a-z0-9_]+)\(.*/\2/p' "$2" | sort -u >"$BATS_TEST_TMPDIR/called"
	(($(wc -l <"$BATS_TEST_TMPDIR/called") > 30))
	run -0 comm -23 "$BATS_TEST_TMPDIR/called" <(sort -u "$BATS_TEST_TMPDIR/$1")
	echo "not allowed to $1: $output"
	[[ -z $output ]]
}

# no_code_from_memory COMMAND...: becomes that, as under MemoryDenyWriteExecute=
no_code_from_memory() {
	exec python3 -c '
import ctypes, os, sys
PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN = 65, 1
if ctypes.CDLL(None).prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) != 0:
    sys.exit(125)
os.execvp(sys.argv[1], sys.argv[1:])' "$@"
}

@test "an enrollment needs no system call and no executable memory that the station's unit forbids" {
	local dir="$BATS_TEST_TMPDIR/company"
	company_new "$dir"
	(no_code_from_memory true) || skip "this kernel cannot try it (Linux 6.3)"
	export SOFTHSM2_CONF=$dir/token/softhsm2.conf
	(no_code_from_memory strace -f -qq -o "$BATS_TEST_TMPDIR/trace" "$DEST/bin/tokenroll" -c "$dir/tokenroll.conf" \
		--pin-file "$dir/pin" --ca-pass-file "$dir/ca.pass" alice) </dev/null
	needs_no_more tokenroll-station@.service "$BATS_TEST_TMPDIR/trace"
}

# outside TRACE UNIT: the places that a trace (strace -y) of successful calls has written to or, below /dev, opened at all,
# and the unit does not leave to it, and the families of sockets; $dir is the company, whose folders are the unit's
outside() {
	python3 - "$1" "$units/$2" "$dir" <<-'PY'
		import os, re, sys

		trace, unit, company = sys.argv[1:]
		names = re.compile(r'(AT_FDCWD|\d+)<([^>]*)>, "([^"]*)"|^"([^"]*)"')
		changes = re.compile("[fl]?(rename|unlink|mkdir|rmdir|link|symlink|chmod|chown|truncate|mknod|utime)")
		families = set(re.search(r"^RestrictAddressFamilies=(.*)", open(unit).read(), re.M).group(1).split())
		own = [company + at for at in ("/pki/", "/server/", "/bundles/", "/letters/", "/tokenroll.db")]
		devices = ["/dev/" + at for at in ("null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts/", "shm/", "log")]
		seen = set()

		def may_write(path):
		    # /tmp and /dev are the unit's own
		    at_home = any((path + "/").startswith(at) or path.startswith(at) for at in own)
		    tmp = path.startswith("/tmp/") and not path.startswith(company)
		    return at_home or tmp or path.startswith("/dev/") or re.match(r"/proc/(self|\d+)/", path)

		for line in open(trace, errors="replace"):
		    call = re.match(r"\d+ +([a-z0-9_]+)\((.*)\) += (\S+)", line)
		    if not call or call.group(3) == "-1":
		        continue
		    name, arguments = call.group(1), call.group(2)
		    family = re.match(r"(AF_\w+)", arguments)
		    # the resolver asks for this computer's addresses, and does without
		    if name == "socket" and family.group(1) not in families | {"AF_NETLINK"}:
		        seen.add(family.group(1))
		    opens = name.startswith("open")
		    writes = changes.match(name) or (opens and re.search("O_WRONLY|O_RDWR|O_CREAT", arguments))
		    for _, folder, below, alone in names.findall(arguments):
		        path = os.path.normpath(os.path.join(folder, below) if below else alone or folder)
		        if writes and not may_write(path):
		            seen.add(path)
		        elif opens and path.startswith("/dev/") and not any(path.startswith(at) for at in devices):
		            seen.add(path)
		print("\n".join(sorted(seen)))
	PY
}

@test "a station needs no system call, no executable memory and no place that its unit forbids" {
	local dir
	(no_code_from_memory true) || skip "this kernel cannot try it (Linux 6.3)"
	load ../lib/recovery.bash
	load ../station/station.bash
	station_cards 1
	dir=$DIR
	recovery_new "$dir/letters" letters
	mkdir "$dir/letters" "$dir/mail"
	mkfifo "$dir/log/on"
	"$COMPANY_ROOT/tests/lib/smtp_server.py" "$dir/mail" --mode plain <"$dir/log/on" >"$dir/log/port" 3>&- &
	exec 9>"$dir/log/on"
	vpn_wait_for 10 "$dir/log/port" $! "[0-9]"
	station_conf "letter.folder=$dir/letters" "letter.recipient=$dir/letters.pem" mail.to=admin@example.com \
		mail.from=tokenroll@example.com "mail.smtp=127.0.0.1:$(<"$dir/log/port")" mail.tls=none audit.syslog=yes
	station_roster user,name alice,Alice
	station_card 0
	(no_code_from_memory strace -f -qq -y -o "$BATS_TEST_TMPDIR/trace" "$DEST/bin/tokenroll" -c "$dir/tokenroll.conf" \
		station --plain --pins random --pin-file "$dir/pin" --ca-pass-file "$dir/ca.pass" "$dir/roster.csv") </dev/null
	exec 9>&-
	[[ -s $dir/mail/1.eml && -n $(ls "$dir/letters") && -s $dir/bundles/alice.tar.gz ]]
	# GLib, below what draws the letter, tries whether its threads may
	needs_no_more tokenroll-station@.service "$BATS_TEST_TMPDIR/trace" sched_setattr
	grep -q "openat(AT_FDCWD.*, \"$dir/pki" "$BATS_TEST_TMPDIR/trace"
	run -0 outside "$BATS_TEST_TMPDIR/trace" tokenroll-station@.service
	echo "not left to it: $output"
	[[ -z $output ]]
}

@test "a VPN's client needs no system call and no executable memory that its unit forbids" {
	local dir="$BATS_TEST_TMPDIR/company" tls
	(no_code_from_memory true) || skip "this kernel cannot try it (Linux 6.3)"
	company_new "$dir"
	vpn_begin "$BATS_TEST_TMPDIR/log" null
	mapfile -t tls < <(company_tls tls-crypt "$dir")
	company_conf "$dir" "template.remote=$VPN_HOST $VPN_PORT udp" "${tls[@]}"
	company_tokenroll "$dir" alice
	mkdir "$dir/home" "$BATS_TEST_TMPDIR/bin"
	tar -xzf "$dir/bundles/alice.tar.gz" -C "$dir/home"
	printf '#!/bin/sh\nexec cat "%s"\n' "$dir/pin" >"$BATS_TEST_TMPDIR/bin/systemd-ask-password"
	chmod +x "$BATS_TEST_TMPDIR/bin/systemd-ask-password"
	vpn_server_start "$dir" tls-crypt
	export SOFTHSM2_CONF=$dir/token/softhsm2.conf
	TMPDIR=$VPN_RUN PATH=$BATS_TEST_TMPDIR/bin:$PATH no_code_from_memory strace -f -qq -o "$BATS_TEST_TMPDIR/trace" \
		"$DEST/libexec/tokenroll/tokenroll-vpn" "$dir/home/alice/alice-linux" --dev null --disable-dco \
		</dev/null >"$VPN_DIR/client.log" 2>&1 3>&- &
	VPN_CLIENT_PID=$!
	vpn_client_wait
	end_traced "$VPN_CLIENT_PID"
	wait "$VPN_CLIENT_PID"
	needs_no_more tokenroll-vpn@.service "$BATS_TEST_TMPDIR/trace"
}

@test "systemd-sysusers makes the group, and no user" {
	mkdir -p "$BATS_TEST_TMPDIR/root/etc"
	command -v systemd-sysusers >/dev/null || skip "systemd-sysusers is not installed"
	systemd-sysusers --root="$BATS_TEST_TMPDIR/root" "$DEST/lib/sysusers.d/tokenroll.conf"
	grep -qE "^tokenroll:[^:]*:[0-9]+:$" "$BATS_TEST_TMPDIR/root/etc/group"
	run ! grep tokenroll "$BATS_TEST_TMPDIR/root/etc/passwd"
}

# polkit ACTION GROUPS [KEY=VALUE...]: what the rules say to somebody who is in these groups; local= and active= are the
# subject's, all else are details of the action
polkit() {
	local id=$1 groups=$2 pair
	shift 2
	{
		cat <<-'JS'
			// what polkit(8) gives to a rule
			var rules = [];
			var polkit = { Result: { NO: "no", YES: "yes", NOT_HANDLED: null }, addRule: function(r) { rules.push(r); } };
		JS
		cat "$BATS_FILE_TMPDIR/etc/polkit-1/rules.d/60-tokenroll.rules"
		echo "var details = {};"
		for pair; do
			echo "details['${pair%%=*}'] = '${pair#*=}';"
		done
		cat <<-JS
			var groups = " $groups ", result = null;
			var action = { id: "$id", lookup: function(key) { return details[key]; } };
			var subject = { user: "alice", local: details.local == "yes", active: details.active == "yes",
				isInGroup: function(name) { return groups.indexOf(" " + name + " ") >= 0; } };
			for (var i = 0; i < rules.length && (result === null || result === undefined); i++)
				result = rules[i](action, subject);
			print(result === null || result === undefined ? "not handled" : result);
		JS
	} >"$BATS_TEST_TMPDIR/polkit.js"
	duk "$BATS_TEST_TMPDIR/polkit.js"
}

@test "polkit lets members of the group use pcscd, and leaves all else as it is" {
	local action
	for action in org.debian.pcsc-lite.access_pcsc org.debian.pcsc-lite.access_card; do
		[[ $(polkit "$action" "users tokenroll") == yes ]]
		[[ $(polkit "$action" "users") == "not handled" ]]
		[[ $(polkit "$action" "tokenrollers") == "not handled" ]]
	done
	[[ $(polkit org.freedesktop.login1.reboot "users tokenroll" local=yes active=yes) == "not handled" ]]
	[[ $(polkit org.debian.pcsc-lite.access "users tokenroll" local=yes active=yes) == "not handled" ]]
}

@test "polkit lets members of the group who sit at the computer answer the VPN's question, and do nothing else as root" {
	local id=org.freedesktop.policykit.exec reply=$DEST/libexec/tokenroll/tokenroll-vpn-reply other=/usr/lib/systemd/systemd-reply-password
	local here=(local=yes active=yes user=root) ask="$reply 1 ask.Xy2z8P"
	[[ -x $reply ]]
	[[ $(polkit "$id" "tokenroll" "${here[@]}" "program=$reply" "command_line=$ask") == yes ]]
	[[ $(polkit "$id" "users" "${here[@]}" "program=$reply" "command_line=$ask") == "not handled" ]]
	[[ $(polkit "$id" "tokenroll" active=yes user=root "program=$reply" "command_line=$ask") == "not handled" ]]
	[[ $(polkit "$id" "tokenroll" local=yes user=root "program=$reply" "command_line=$ask") == "not handled" ]]
	[[ $(polkit "$id" "tokenroll" local=yes active=yes user=bin "program=$reply" "command_line=$ask") == "not handled" ]]
	[[ $(polkit "$id" "tokenroll" "${here[@]}" "program=/bin/sh" "command_line=/bin/sh ${ask#* }") == "not handled" ]]
	[[ $(polkit "$id" "tokenroll" "${here[@]}" "program=$reply" "command_line=$reply 1 /tmp/ask.01") == "not handled" ]]
	[[ $(polkit "$id" "tokenroll" "${here[@]}" "program=$reply" "command_line=$reply 1 ask.01/../../x") == "not handled" ]]
	[[ $(polkit "$id" "tokenroll" "${here[@]}") == "not handled" ]]
	# systemd's own program answers everybody's questions
	for id in org.freedesktop.systemd1.reply-password org.freedesktop.policykit.exec; do
		[[ $(polkit "$id" "tokenroll" "${here[@]}" "program=$other" \
			"command_line=$other 1 /run/systemd/ask-password/sck.0123456789abcdef") == "not handled" ]]
	done
}

@test "uninstall takes all of it away, and nothing of others" {
	local build dest="$BATS_TEST_TMPDIR/dest"
	build=$(realpath --relative-to="$COMPANY_ROOT" "${BUILD:-$COMPANY_ROOT/build}")
	mkdir -p "$dest/usr/lib/udev/rules.d" "$dest/usr/share/polkit-1/rules.d"
	touch "$dest/usr/lib/udev/rules.d/60-other.rules" "$dest/usr/share/polkit-1/rules.d/60-other.rules"
	chmod 0700 "$dest/usr/share/polkit-1/rules.d"
	make -C "$COMPANY_ROOT" -s -o all BUILD="$build" PREFIX=/usr DESTDIR="$dest" install
	# polkit's folder keeps the mode that it has
	[[ $(stat -c %a "$dest/usr/share/polkit-1/rules.d") == 700 ]]
	local f
	for f in lib/udev/rules.d/{55-tokenroll,90-tokenroll-start}.rules lib/sysusers.d/tokenroll.conf \
		share/polkit-1/rules.d/60-tokenroll.rules lib/systemd/system/tokenroll-{vpn,station}@.service \
		../etc/xdg/autostart/tokenroll-vpn-ask.desktop; do
		[[ $(stat -c %a "$dest/usr/$f") == 644 ]]
	done
	run ! grep -r /usr/local "$dest/usr/lib" "$dest/etc"
	grep -qx "Exec=/usr/libexec/tokenroll/tokenroll-vpn-ask" "$dest/etc/xdg/autostart/tokenroll-vpn-ask.desktop"
	make -C "$COMPANY_ROOT" -s BUILD="$build" PREFIX=/usr DESTDIR="$dest" uninstall
	run -0 find "$dest" -type f
	[[ $(sort <<<"$output") == "$(printf '%s\n' "$dest/usr/lib/udev/rules.d/60-other.rules" "$dest/usr/share/polkit-1/rules.d/60-other.rules")" ]]
}

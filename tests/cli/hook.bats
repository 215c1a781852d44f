#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031  # tests/lib/life.bash sets them, each test in its own shell
# [ca] after-crl: the company's command that tells the VPN server of a fresh CRL, after each publication, without a shell.

bats_require_minimum_version 1.5.0

setup_file() {
	load ../lib/life.bash
	life_file
}

setup() {
	load ../lib/life.bash
	life_setup
	life_token soft
	hook="$dir/log/the hook"
	called=$dir/log/called
	cat >"$hook" <<-SH
		#!/bin/bash
		# written at once: a test that sees it may end this program in the next moment
		says=\$(
			printf '%s\n' "\$#" "\$@"
			env | grep -v -e ^PWD= -e ^SHLVL= -e ^_= | sort
			umask
			readlink /proc/self/fd/0
		)
		printf '%s\n' "\$says" >>"$called"
		. "$dir/log/then"
	SH
	chmod +x "$hook"
	: >"$dir/log/then"
	: >"$called"
	hook_conf "'$hook' one \"two words\" \\\$HOME"
}

# hook_conf COMMAND
hook_conf() {
	life_conf "token.module=$(company_softhsm)" "ca.after-crl=$1"
}

# times N: it was run so often since the last time
times() {
	[[ $(grep -c "^TOKENROLL_CRL=" "$called") == "$1" ]]
	: >"$called"
}

revoke_somebody() {
	company_run "$dir" easyrsa company_easyrsa "$dir" build-client-full bob nopass
	roll revoke bob "${ca[@]}"
}

@test "words as they are written, a clean environment, nothing on stdin, and the fresh CRL's name" {
	done_by crl "${ca[@]}"
	cat "$called"
	diff "$called" - <<-END
		3
		one
		two words
		\$HOME
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
		TOKENROLL_CRL=$dir/server/crl.pem
		0022
		/dev/null
	END
}

@test "after each publication: revoke, lost, crl, enroll --replace and wipe, and not without one" {
	enroll --pin-file "$old"
	times 0
	enroll --pin-file "$old" --replace
	times 1
	done_by tokens
	times 0
	done_by crl --check
	times 0
	done_by crl "${ca[@]}"
	times 1
	revoke_somebody
	[[ $status == 0 ]]
	times 1
	done_by revoke bob
	times 0
	done_by wipe --serial "$serial" --confirm "$serial" --pin-file "$old" "${ca[@]}"
	times 1
	enroll --pin-file "$old"
	done_by lost alice "${ca[@]}"
	times 1
}

@test "what it says is shown only if it fails, and then that the VPN server was not told, with status 1" {
	local cert
	echo 'echo all is well; echo some noise >&2' >"$dir/log/then"
	done_by crl "${ca[@]}"
	[[ $stderr != *"all is well"* && $stderr != *noise* && $output != *"all is well"* ]]
	echo 'echo cannot reach; echo the server >&2; exit 3' >"$dir/log/then"
	revoke_somebody
	cert=$(awk -F'\t' '/CN=bob$/ { print $4 }' "$dir/pki/index.txt")
	[[ $status == 1 ]]
	says "cannot reach" "the server" "certificate $cert is revoked; but the VPN server was not told" "tokenroll crl"
	openssl crl -in "$dir/server/crl.pem" -noout -text | grep -q "Serial Number: $cert"
	enroll --pin-file "$old" || [[ $status == 0 ]]
	roll --serial "$serial" "${ca[@]}" --pin-file "$old" --replace alice --json
	[[ $status == 1 ]]
	json "d['ok']" false "d['state']" '"delivered"' "d['error']['code']" '"HOOK"' "d['error']['exit_status']" 1
}

@test "one that does not exist, is no program, or does not end" {
	hook_conf "/no/such/program"
	refused 1 "/no/such/program cannot be run" crl "${ca[@]}"
	chmod -x "$hook"
	hook_conf "\"$hook\""
	refused 1 "the VPN server was not told" crl "${ca[@]}"
}

@test "one that leaves another program behind is not waited for" {
	local began=$SECONDS
	echo 'sleep 20 & exit 0' >"$dir/log/then"
	done_by crl "${ca[@]}"
	((SECONDS - began < 10))
}

@test "one that hangs is ended after half a minute, with all it has started" {
	[[ -n ${TOKENROLL_ALL:-} ]] || skip "only with TOKENROLL_ALL=1 (make check-all)"
	echo "sleep 300 & echo \$! >'$dir/log/child'; wait" >"$dir/log/then"
	refused 1 "did not finish within 30 s" crl "${ca[@]}"
	# as far as nobody collects it, its name stays
	run ! grep -q "^State:.*[RSD]" "/proc/$(<"$dir/log/child")/status"
}

@test "one that hangs is ended by Ctrl-C, with status 7, and is run again by the next verb" {
	local verb began=$SECONDS
	echo "sleep 300" >"$dir/log/then"
	"${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$dir/tokenroll.conf" crl "${ca[@]}" </dev/null >"$dir/log/crl" 2>&1 3>&- &
	verb=$!
	until [[ -s $called ]]; do
		sleep 0.05
		((SECONDS - began < 20))
	done
	kill -TERM "$verb"
	status=0
	wait "$verb" || status=$?
	((status == 7 && SECONDS - began < 20))
	grep -q "but the VPN server was not told" "$dir/log/crl"
	times 1
	compgen -G "$dir/*.after-crl"
	: >"$dir/log/then"
	done_by crl "${ca[@]}"
	times 1
	run ! compgen -G "$dir/*.after-crl"
}

@test "one that closes its output and hangs is ended, too" {
	[[ -n ${TOKENROLL_ALL:-} ]] || skip "only with TOKENROLL_ALL=1 (make check-all)"
	echo "exec >&- 2>&-; sleep 300" >"$dir/log/then"
	refused 1 "did not finish within 30 s" crl "${ca[@]}"
}

@test "it is not told of a CRL that could not be published" {
	enroll --pin-file "$old"
	life_conf "token.module=$(company_softhsm)" "ca.crl=$dir/nowhere/crl.pem" "ca.after-crl='$hook'"
	refused 5 "the VPN server still reads an old CRL" --serial "$serial" --pin-file "$old" --replace alice "${ca[@]}"
	refused 5 "the VPN server still reads an old CRL" crl "${ca[@]}"
	times 0
}

# copied: the admin does what the message says, and the place is the server's
copied() {
	mkdir -p "$dir/nowhere"
	cp "$dir/pki/crl.pem" "$dir/nowhere/crl.pem"
}

@test "one that could not be published and was copied by hand: the same command tells the server, once" {
	life_conf "token.module=$(company_softhsm)" "ca.crl=$dir/nowhere/crl.pem" "ca.after-crl='$hook'"
	revoke_somebody
	[[ $status == 5 ]]
	says "Then run the same command again"
	refused 5 "the VPN server still reads an old CRL" crl "${ca[@]}"
	times 0
	copied
	done_by revoke bob
	times 1
	done_by revoke bob
	times 0
}

@test "... and of a lost token, and of one that was replaced" {
	enroll --pin-file "$old"
	life_conf "token.module=$(company_softhsm)" "ca.crl=$dir/nowhere/crl.pem" "ca.after-crl='$hook'"
	refused 5 "the VPN server still reads an old CRL" --serial "$serial" --pin-file "$old" --replace alice "${ca[@]}"
	copied
	done_by --serial "$serial" --pin-file "$old" --replace alice "${ca[@]}"
	times 1
	rm -r "$dir/nowhere"
	refused 5 "the VPN server still reads an old CRL" lost alice "${ca[@]}"
	copied
	done_by lost alice
	times 1
}

@test "one that failed is run again by the same command, and one that was killed before it, too" {
	local began
	echo 'exit 3' >"$dir/log/then"
	revoke_somebody
	[[ $status == 1 ]]
	says "the VPN server was not told"
	times 1
	refused 1 "the VPN server was not told" revoke bob
	times 1
	: >"$dir/log/then"
	done_by revoke bob
	times 1
	done_by revoke bob
	times 0
	# the CRL is published, and nobody comes to tell of it
	echo "kill -KILL \"\$PPID\"" >"$dir/log/then"
	roll crl "${ca[@]}"
	[[ $status != 0 ]]
	times 1
	: >"$dir/log/then"
	done_by revoke bob
	times 1
}

@test "a quote that is not closed is a fault of the configuration, with its line" {
	hook_conf "systemctl reload 'openvpn"
	refused 2 "a quote is not closed" crl "${ca[@]}"
	says "tokenroll.conf, line"
}

@test "with no published place it is told of PKI/crl.pem" {
	life_conf "token.module=$(company_softhsm)" "ca.crl=" "ca.after-crl='$hook'"
	done_by crl "${ca[@]}"
	grep -qxF "TOKENROLL_CRL=$dir/pki/crl.pem" "$called"
}

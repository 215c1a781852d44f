#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154  # each test's own; the libraries use them; bats and they set them
# The VPN on the employee's laptop, as tokenroll-vpn@.service runs it: asked for the PIN by systemd's password agents, and
# a wrong PIN is not tried twice. Real OpenVPN on both sides; the token is SoftHSM2.

bats_require_minimum_version 1.5.0

setup_file() {
	load ../lib/company.bash
	load ../lib/vpn.bash
	export COMPANY_DIR="$BATS_FILE_TMPDIR/company"
	vpn_begin "$BATS_FILE_TMPDIR/log" null
	export PORT=$VPN_PORT
	vpn_end
	company_new "$COMPANY_DIR"
	mapfile -t tls < <(company_tls tls-crypt "$COMPANY_DIR")
	company_conf "$COMPANY_DIR" "template.remote=127.0.0.1 $PORT udp" "${tls[@]}"
	company_tokenroll "$COMPANY_DIR" alice >"$BATS_FILE_TMPDIR/enroll" 2>&1
	mkdir "$COMPANY_DIR/home"
	tar -xzf "$COMPANY_DIR/bundles/alice.tar.gz" -C "$COMPANY_DIR/home"
	# a module that counts the logins
	export COUNTING="$BATS_FILE_TMPDIR/libcounting.so"
	cp "$(realpath "${BUILD:-$COMPANY_ROOT/build}")/tests/fault/libfaulty.so" "$COUNTING"
	sed "s|^pkcs11-providers .*|pkcs11-providers $COUNTING|" "$COMPANY_DIR/home/alice/alice-linux.ovpn" \
		>"$COMPANY_DIR/home/alice/office.ovpn"
}

setup() {
	load ../lib/company.bash
	load ../lib/vpn.bash
	program=("$(realpath "${BUILD:-$COMPANY_ROOT/build}")/tokenroll-vpn")
	export SOFTHSM2_CONF=$COMPANY_DIR/token/softhsm2.conf
	FAULTY_MODULE=$(company_softhsm)
	export FAULTY_MODULE FAULTY_COUNT=$BATS_TEST_TMPDIR/count
	export ASKED=$BATS_TEST_TMPDIR/asked ANSWERS=$BATS_TEST_TMPDIR/answers
	: >"$ASKED"
	: >"$ANSWERS"
	vpn_begin "$BATS_TEST_TMPDIR/log" null
	VPN_PORT=$PORT LAPTOP=''
	export TMPDIR=$VPN_RUN
	mkdir "$BATS_TEST_TMPDIR/bin"
	cat >"$BATS_TEST_TMPDIR/bin/systemd-ask-password" <<-'SH'
		#!/bin/sh
		# notes what is asked, and answers with the next line of $ANSWERS: "cancel" cancels, none at all thinks it over
		printf '%s\n' "$*" >>"$ASKED"
		answer=$(sed -n "$(wc -l <"$ASKED")p" "$ANSWERS")
		[ -n "$answer" ] || exec sleep 60
		[ "$answer" != cancel ] || exit 1
		printf '%s\n' "$answer"
	SH
	chmod +x "$BATS_TEST_TMPDIR/bin/systemd-ask-password"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

teardown() {
	vpn_stop_pid "$LAPTOP"
	vpn_end
}

# laptop PROFILE [OPTION...]: the service's process, in the background; its log is client.log
laptop() {
	local profile=$1
	shift
	"${program[@]}" "$COMPANY_DIR/home/alice/$profile" --dev null --disable-dco --connect-retry 1 "$@" \
		</dev/null >"$VPN_DIR/client.log" 2>&1 3>&- &
	LAPTOP=$! VPN_CLIENT_PID=$!
}

# ends_with STATUS: by itself
ends_with() {
	local rc=0
	timeout 20 tail --pid="$LAPTOP" -f /dev/null
	wait "$LAPTOP" || rc=$?
	LAPTOP='' VPN_CLIENT_PID=''
	cat "$VPN_DIR/client.log"
	((rc == $1))
}

questions() {
	wc -l <"$ASKED"
}

logins() {
	awk '$1 == "C_Login" { print $2 }' "$FAULTY_COUNT"
}

# hears FILE: what the service tells systemd, a message a line
hears() {
	python3 -u -c '
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("listening", flush=True)
while True:
    print(s.recv(4096).decode().replace("\n", " "), flush=True)' "$VPN_RUN/notify" >"$1" 3>&- &
	VPN_FEEDER_PID=$!
	vpn_wait_for 10 "$1" "$VPN_FEEDER_PID" listening
}

@test "the PIN is asked for once, the VPN is up, and systemd is told when it is" {
	vpn_server_start "$COMPANY_DIR" tls-crypt
	echo "$COMPANY_PIN" >"$ANSWERS"
	hears "$BATS_TEST_TMPDIR/heard"
	NOTIFY_SOCKET=$VPN_RUN/notify laptop office
	vpn_client_wait
	vpn_wait_for 5 "$BATS_TEST_TMPDIR/heard" "$LAPTOP" "READY=1 STATUS=Connected"
	cat "$ASKED"
	[[ $(questions) == 1 && $(logins) == 1 ]]
	[[ $(<"$ASKED") == *'VPN office: PIN of "VPN token":' ]]
	# the service stops: SIGTERM to it takes OpenVPN with it
	kill "$LAPTOP"
	ends_with 0
	grep -q "SIGTERM\[hard,\] received, process exiting" "$VPN_DIR/client.log"
	[[ -z $(find "$VPN_RUN" -name "vpn-*") ]]
}

@test "a wrong PIN is not tried twice, nor asked for again, and it is said what to do" {
	vpn_server_start "$COMPANY_DIR" tls-crypt
	printf '%s\n' 000000 "$COMPANY_PIN" "$COMPANY_PIN" >"$ANSWERS"
	laptop office
	ends_with 4
	[[ $(questions) == 1 && $(logins) == 1 ]]
	grep -q 'tokenroll-vpn: the PIN of "VPN token" was not accepted, and it is not tried again' "$VPN_DIR/client.log"
	grep -q "pull the token out and put it in again" "$VPN_DIR/client.log"
	run ! grep -e 000000 -e "$COMPANY_PIN" "$VPN_DIR/client.log"
}

@test "a connection that breaks comes back without the PIN" {
	vpn_server_start "$COMPANY_DIR" tls-crypt
	echo "$COMPANY_PIN" >"$ANSWERS"
	laptop office --ping 1 --ping-restart 2
	vpn_client_wait
	vpn_server_stop
	vpn_wait_for 10 "$VPN_DIR/client.log" "$LAPTOP" "Inactivity timeout"
	: >"$VPN_DIR/client.log"
	vpn_server_start "$COMPANY_DIR" tls-crypt
	vpn_client_wait
	[[ $(questions) == 1 && $(logins) == 1 ]]
}

@test "a question that is cancelled is not asked again" {
	vpn_server_start "$COMPANY_DIR" tls-crypt
	echo cancel >"$ANSWERS"
	laptop office
	ends_with 7
	[[ $(questions) == 1 ]]
	grep -q "the question was cancelled" "$VPN_DIR/client.log"
	[[ $(logins) == 0 ]]
}

@test "when the token is pulled, the question for its PIN goes away with the VPN" {
	vpn_server_start "$COMPANY_DIR" tls-crypt
	laptop office
	vpn_wait_for 10 "$ASKED" "$LAPTOP" PIN
	kill "$LAPTOP"
	ends_with 0
	[[ -z $(pgrep -f "systemd-ask-password.*$BATS_TEST_TMPDIR" || true) ]]
	[[ $(logins) == 0 ]]
}

@test "another token than the profile's is waited for, and then named" {
	vpn_server_start "$COMPANY_DIR" tls-crypt
	mkdir "$BATS_TEST_TMPDIR/tokens"
	echo "directories.tokendir = $BATS_TEST_TMPDIR/tokens" >"$BATS_TEST_TMPDIR/softhsm2.conf"
	SOFTHSM2_CONF=$BATS_TEST_TMPDIR/softhsm2.conf laptop office
	ends_with 3
	grep -q "token-insertion-request" "$VPN_DIR/client.log"
	grep -q 'tokenroll-vpn: the token "VPN token", which the profile names, is not there' "$VPN_DIR/client.log"
	[[ $(questions) == 0 ]]
}

@test "a profile that cannot be used says why" {
	echo "no-such-option here" >"$COMPANY_DIR/home/alice/broken.conf"
	laptop broken
	ends_with 1
	grep -q "Unrecognized option" "$VPN_DIR/client.log"
	grep -q "tokenroll-vpn: OpenVPN has ended" "$VPN_DIR/client.log"
	{
		cat "$COMPANY_DIR/home/alice/office.ovpn"
		echo daemon
	} >"$COMPANY_DIR/home/alice/background.ovpn"
	laptop background
	ends_with 2
	grep -q 'take the line "daemon" out of the profile' "$VPN_DIR/client.log"
	run -2 --separate-stderr "${program[@]}" "$COMPANY_DIR/home/alice/none"
	[[ $stderr == *"there is no file $COMPANY_DIR/home/alice/none, neither with .conf nor with .ovpn behind it"* ]]
	run -2 --separate-stderr "${program[@]}"
	[[ $stderr == "usage: tokenroll-vpn PROFILE"* ]]
}

# in a /run of its own, where no agent of this machine sees the question
@test "systemd's own program asks, and a password agent's answer gets through" {
	[[ -x /lib/systemd/systemd-reply-password ]] && unshare -m mount -t tmpfs tmpfs /run 2>/dev/null || skip "needs root and systemd"
	vpn_server_start "$COMPANY_DIR" tls-crypt
	rm "$BATS_TEST_TMPDIR/bin/systemd-ask-password"
	cat >"$BATS_TEST_TMPDIR/agent" <<-'SH'
		mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/ask-password
		"$@" &
		trap "kill $!; wait" TERM
		for i in $(seq 200); do
			socket=$(sed -n 's/^Socket=//p' /run/systemd/ask-password/ask.* 2>/dev/null)
			[ -z "$socket" ] || break
			sleep 0.05
		done
		cat /run/systemd/ask-password/ask.*
		/lib/systemd/systemd-reply-password 1 "$socket" <"$PIN_FILE"
		wait
	SH
	export PIN_FILE=$COMPANY_DIR/pin
	program=(unshare -m sh "$BATS_TEST_TMPDIR/agent" "${program[@]}")
	laptop office
	vpn_client_wait
	grep -q '^Message=VPN office: PIN of "VPN token":$' "$VPN_DIR/client.log"
	grep -q '^Icon=network-vpn$' "$VPN_DIR/client.log"
	grep -q '^NotAfter=0$' "$VPN_DIR/client.log"
	[[ $(logins) == 1 ]]
}

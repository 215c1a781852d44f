#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031,SC2154  # each test's own; bats sets $stderr
# What tokenroll-vpn makes of anything that OpenVPN can say to it, and of a token that is pulled. OpenVPN is played
# (played_openvpn.py), and so is systemd-ask-password.

bats_require_minimum_version 1.5.0

setup() {
	load ../lib/company.bash
	load ../lib/vpn.bash
	load ../cards/cards.bash
	program=$(realpath "${BUILD:-$COMPANY_ROOT/build}")/tokenroll-vpn
	export T=$BATS_TEST_TMPDIR PLAY=$BATS_TEST_TMPDIR/play NOTED=$BATS_TEST_TMPDIR/noted
	TMPDIR=$(mktemp -d "${TMPDIR:-/tmp}/tokenroll.XXXXXX") # a socket's path has to be short
	export TMPDIR
	mkdir "$T/bin"
	: >"$T/asked"
	cp "$COMPANY_ROOT/tests/udev/played_openvpn.py" "$T/bin/openvpn"
	cat >"$T/bin/systemd-ask-password" <<-'SH'
		#!/bin/sh
		printf '%s\n' "$*" >>"$T/asked"
		sed -n "$(wc -l <"$T/asked")p" "$T/answers"
	SH
	chmod +x "$T/bin/systemd-ask-password"
	PATH=$T/bin:$PATH
	touch "$T/office.ovpn"
}

teardown() {
	[[ -z ${VPN:-} ]] || kill -KILL "$VPN" || true
	[[ -z ${PROXY:-} ]] || kill "$PROXY" || true
	[[ ! -v CARDS_STAND ]] || cards_stop
	rm -rf "$TMPDIR"
}

# plays STATUS LINE...: OpenVPN says these lines; what is answered is in $NOTED, what is said to the person in $stderr
plays() {
	local status=$1
	shift
	printf '%s\n' "$@" >"$PLAY"
	run "-$status" --separate-stderr timeout 10 "$program" "$T/office"
	echo "$stderr"
	cat "$NOTED"
	[[ -z $(ls -A "$TMPDIR") ]]
}

@test "a PIN with quotes, backslashes and letters of any alphabet gets to OpenVPN as it was typed" {
	printf '%s\n' 'a "b\c" ÄЖ #;' >"$T/answers"
	plays 1 ">INFO:OpenVPN Management Interface Version 5" ">PASSWORD:Need 'VPN token token' password" \
		">STATE:1,CONNECTED,SUCCESS,198.51.100.2,192.0.2.1,1194,," quit
	grep -qxF 'password "VPN token token" "a \"b\\c\" ÄЖ #;"' "$NOTED"
	[[ $(<"$T/asked") == "--no-tty --timeout=0 --icon=network-vpn --id=tokenroll-vpn VPN office: PIN of \"VPN token\":" ]]
	[[ $stderr != *'b\c'* ]]
}

@test "a label may have quotes and look like OpenVPN's own words" {
	echo 1234 >"$T/answers"
	plays 1 ">PASSWORD:Need 'Al'ice' password \"x\\' token' password" quit
	grep -qxF "password \"Al'ice' password \\\"x\\\\' token\" \"1234\"" "$NOTED"
	grep -qF "PIN of \"Al'ice' password \"x\\'\":" "$T/asked"
}

@test "a label cannot do anything to the terminal" {
	echo 1234 >"$T/answers"
	plays 4 ">PASSWORD:Need '"$'\e'"[2JX token' password" ">PASSWORD:Need '"$'\e'"[2JX token' password"
	[[ $stderr == *'the PIN of "?[2JX" was not accepted'* ]]
	run ! grep -q $'\e' "$T/asked"
}

@test "after a connection the PIN may be asked for again, once" {
	printf '%s\n' 1111 2222 3333 >"$T/answers"
	plays 4 ">PASSWORD:Need 'A token' password" ">STATE:1,CONNECTED,SUCCESS,,,,," \
		">STATE:2,RECONNECTING,ping-restart,,,,," ">PASSWORD:Need 'A token' password" ">PASSWORD:Need 'A token' password"
	[[ $(grep -c "^password" "$NOTED") == 2 ]]
	[[ $stderr == *'the PIN of "A" was not accepted, and it is not tried again'*"ask your administrator"* ]]
}

@test "two tokens in one profile are asked for each, and neither twice" {
	printf '%s\n' 1111 2222 3333 >"$T/answers"
	plays 4 ">PASSWORD:Need 'A token' password" ">PASSWORD:Need 'B token' password" ">PASSWORD:Need 'A token' password"
	[[ $(grep -c "^password" "$NOTED") == 2 ]]
	[[ $stderr == *'the PIN of "A" was not accepted'* ]]
}

@test "a password that the company wants besides is asked for, its name in the open" {
	printf '%s\n' alice "pass word" >"$T/answers"
	plays 1 ">PASSWORD:Need 'Auth' username/password" quit
	grep -qxF 'username "Auth" "alice"' "$NOTED"
	grep -qxF 'password "Auth" "pass word"' "$NOTED"
	grep -q -- "--echo VPN office: user name:" "$T/asked"
	grep -q -- "--id=tokenroll-vpn VPN office: password:" "$T/asked"
}

@test "what nobody here can answer ends it, and is named" {
	plays 2 ">PASSWORD:Need 'Auth' username/password SC:1,Code?"
	[[ $stderr == *"the VPN asks for a one-time code, which cannot be asked for here"*"tokenroll-vpn@.service"* ]]
	plays 2 ">NEED-STR:Need 'pkcs11-id-request' input MSG:Please specify PKCS#11 id to use"
	[[ $stderr == *"take pkcs11-id-management out of it, and put pkcs11-id in"* ]]
	plays 2 ">NEED-OK:Need 'something-else' confirmation MSG:Shall I?"
	[[ $stderr == *"OpenVPN asks something that nobody here can answer"* ]]
	[[ ! -s $T/asked ]]
}

@test "why OpenVPN ended is passed on" {
	PLAY_STATUS=1 plays 1 ">FATAL:Cannot open TUN/TAP dev" quit
	[[ $stderr == *"OpenVPN has ended: Cannot open TUN/TAP dev"*"journalctl -u tokenroll-vpn@office"* ]]
	plays 1 ">STATE:1,EXITING,auth-failure,,,,," quit
	[[ $stderr == *"OpenVPN has ended: auth-failure"* ]]
}

@test "a line without end, bytes that are no text and nonsense do no harm" {
	plays 1 "*x" quit
	[[ $stderr == *"OpenVPN has sent a line of more than 2048 bytes"* ]]
	plays 1 "" ">" ">PASSWORD:" ">PASSWORD:Need" ">PASSWORD:Need '" ">PASSWORD:Verification Failed: 'Auth'" ">STATE:" ">STATE:,,," \
		">STATE:1" ">NEED-OK" "SUCCESS: real-time state notification set to ON" quit
	[[ $stderr == *"OpenVPN has ended"* && ! -s $T/asked ]]
}

@test "an answer too long for OpenVPN is not sent" {
	head -c 1000 /dev/zero | tr '\0' '"' >"$T/answers"
	plays 1 ">PASSWORD:Need 'A token' password" quit
	[[ $stderr == *"what was typed is too long for OpenVPN"* ]]
	run ! grep "^password" "$NOTED"
}

@test "OpenVPN is run in the profile's folder, without trying a password twice, and what is behind the profile goes to it" {
	printf '%s\n' quit >"$PLAY"
	# what belongs to a profile may be in a folder of its name, which is not meant
	mkdir "$T/office" "$T/office.conf"
	local given
	for given in office.ovpn office; do
		run -1 timeout 10 "$program" "$T/$given" --verb 4
		grep -q -- "--cd $T --config office.ovpn --auth-retry none --management $TMPDIR/vpn-.*/management unix" "$NOTED"
		grep -q -- "--management-client --management-query-passwords --verb 4$" "$NOTED"
	done
	rm "$T/office.ovpn"
	run -2 --separate-stderr "$program" "$T/office"
	[[ $stderr == *"there is no file $T/office, neither with .conf nor with .ovpn behind it"* ]]
}

@test "where OpenVPN is not installed that is said" {
	rm "$T/bin/openvpn"
	PATH=$T/bin:/usr/bin:/bin run -1 --separate-stderr "$program" "$T/office"
	[[ $stderr == *"openvpn cannot be run"*"apt-get install openvpn"* ]]
}

# begins LINE...: OpenVPN says these lines and goes on; what is said to the person is in $T/said
begins() {
	printf '%s\n' "$@" >"$PLAY"
	PCSCLITE_CSOCK_NAME=$T/pcscd "$program" "$T/office" >"$T/said" 2>&1 3>&- &
	VPN=$!
}

# says TEXT: waits until it has
says() {
	local i
	for ((i = 0; i < 150; i++)); do
		! grep -qF -- "$1" "$T/said" || return 0
		sleep 0.1
	done
	cat "$T/said"
	return 1
}

# ends: by itself, without having failed
ends() {
	timeout 25 tail --pid="$VPN" -f /dev/null || { cat "$T/said" && return 1; }
	wait "$VPN"
	VPN=''
}

# proxy: what reaches pcscd as $T/pcscd, and can go while the card stays
proxy() {
	python3 - "$T/pcscd" "$PCSCLITE_CSOCK_NAME" >"$T/proxy" 3>&- <<-'PY' &
		import os, socket, sys, threading

		def copy(a, b):
		    while data := a.recv(65536):
		        b.sendall(data)
		    b.shutdown(socket.SHUT_WR)

		if os.path.exists(sys.argv[1]):
		    os.unlink(sys.argv[1])
		listening = socket.socket(socket.AF_UNIX)
		listening.bind(sys.argv[1])
		listening.listen()
		print("listening", flush=True)
		while True:
		    client = listening.accept()[0]
		    server = socket.socket(socket.AF_UNIX)
		    server.connect(sys.argv[2])
		    for pair in (client, server), (server, client):
		        threading.Thread(target=copy, args=pair, daemon=True).start()
	PY
	PROXY=$!
	vpn_wait_for 10 "$T/proxy" "$PROXY" listening
}

# watches: the token of card 0 is in, and the VPN is to end with it
watches() {
	local opensc
	opensc=$(cards_module opensc) && cards_start 2 || return
	proxy
	cp "$(realpath "${BUILD:-$COMPANY_ROOT/build}")/tests/fault/libfaulty.so" "$T/module.so"
	export FAULTY_MODULE=$opensc FAULTY_RULE_FILE=$T/rules
	: >"$FAULTY_RULE_FILE"
	card_new sc-hsm 0 pin=593827 so-pin=A1B2C3D4E5F60718 serial=WATCHED0
	printf '%s\n' "pkcs11-providers $T/module.so" \
		"pkcs11-id 'www\\x2ECardContact\\x2Ede/PKCS\\x2315\\x20emulated/WATCHED0/SmartCard\\x2DHSM\\x20\\x28UserPIN\\x29/01'" >"$T/office.ovpn"
	echo 593827 >"$T/answers"
	begins ">PASSWORD:Need 'A token' password"
	says 'the VPN ends when the token "SmartCard-HSM (UserPIN)" is pulled'
}

@test "a module that would hang when the token is pulled is not asked: there is no card" {
	watches
	echo "C_GetSlotList:*:hang" >"$FAULTY_RULE_FILE"
	card_ctl 0 pull
	ends
	grep -qF 'the token "SmartCard-HSM (UserPIN)" was pulled' "$T/said"
}

@test "a module that crashes when the token is pulled takes nobody with it, and the VPN ends" {
	watches
	card_new sc-hsm 1 pin=593827 so-pin=A1B2C3D4E5F60718 serial=WATCHED1
	echo "C_GetSlotList:*:crash" >"$FAULTY_RULE_FILE"
	card_ctl 0 pull
	ends
	grep -qF 'the token "SmartCard-HSM (UserPIN)" was pulled' "$T/said"
}

@test "while pcscd cannot be used the VPN stays up, and the token is watched again afterwards" {
	watches
	kill "$PROXY"
	# longer than a token may be away
	sleep 7
	kill -0 "$VPN"
	proxy
	card_ctl 0 pull
	ends
	grep -qF 'the token "SmartCard-HSM (UserPIN)" was pulled' "$T/said"
}

@test "why a token is not watched is said, also where its PIN is typed on a pad" {
	begins ">STATE:1,CONNECTED,SUCCESS,,,,,"
	says "tokenroll-vpn: the token is not watched: the profile itself has no pkcs11-id"
	kill "$VPN"
	ends
	echo 1234 >"$T/answers"
	printf '%s\n' "pkcs11-id 'a/b/c/d/01'" "pkcs11-providers $T/none.so" >"$T/office.ovpn"
	begins ">PASSWORD:Need 'A token' password"
	says "the token is not watched: the modules of pkcs11-providers show no token that pkcs11-id names"
	kill "$VPN"
	ends
}

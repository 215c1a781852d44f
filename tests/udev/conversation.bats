#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031,SC2154  # each test's own; bats sets $stderr
# What tokenroll-vpn makes of anything that OpenVPN can say to it. OpenVPN is played (played_openvpn.py), and so is
# systemd-ask-password.

bats_require_minimum_version 1.5.0

setup() {
	load ../lib/company.bash
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

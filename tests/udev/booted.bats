#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2154  # expanded inside the system; bats sets $output and $status
# What `make install` brings, in a system that a systemd of its own has started: the sandboxes leave station, VPN and CRL
# all that they need, and what happens to the console, the token and the PIN is as promised.

bats_require_minimum_version 1.5.0

setup_file() {
	load ../lib/company.bash
	load boot.bash
	boot_start || return 0
	booted bash -es <<-'SH'
		source /opt/project/tests/lib/company.bash
		mkdir -p /etc/tokenroll /etc/openvpn/server /etc/openvpn/client
		company_secret /etc/tokenroll/ca.pass "the passphrase"
		company_secret /etc/tokenroll/pin 593827
		tokenroll setup -q --yes --server server --remote "192.0.2.1 1194 udp" --ca-pass-file /etc/tokenroll/ca.pass </dev/null
		opensc=$(ls /usr/lib/*/opensc-pkcs11.so)
		printf '%s\n' "[token]" "module = opensc-pkcs11" "[vpn]" "client-module-linux = $opensc" "[audit]" "syslog = yes" \
			>>/etc/tokenroll/tokenroll.conf
	SH
}

teardown_file() {
	load boot.bash
	boot_end
}

setup() {
	load ../lib/company.bash
	load boot.bash
	load ../station/screen.bash
	boot_or_skip
	ln -s "$BOOT/tmux" "$BATS_TEST_TMPDIR/tmux"
}

teardown() {
	[[ -s $BOOT/pid ]] || return 0
	booted sh -c 'systemctl stop "tokenroll-*"; rm -f /etc/tokenroll/*.env; ip link del token0 2>/dev/null
		for card in /run/card-*.sock; do [ ! -e "$card" ] || /opt/build/tests/cards/cardctl "$card" quit; done' || true
}

# card NAME K [MS]: a new card called that, with the PIN of /etc/tokenroll/pin, in reader K; it makes a key in so long
card() {
	booted sh -ec '
		/opt/build/tests/cards/readers list >/dev/null
		/opt/build/tests/cards/card sc-hsm --port $((35963 + $2)) --state "/run/card-$1" --control "/run/card-$1.sock" \
			pin=593827 so-pin=A1B2C3D4E5F60718 "serial=BOOT000000$1"
		/opt/build/tests/cards/cardctl "/run/card-$1.sock" delay-key "$3"
		/opt/build/tests/cards/cardctl "/run/card-$1.sock" insert
		/opt/build/tests/cards/readers wait "$2" present' sh "$1" "$2" "${3:-0}"
}

card_says() {
	booted /opt/build/tests/cards/cardctl "/run/card-$1.sock" status | tr ' ' '\n' | sed -n "s/^$2=//p"
}

# roster LINE...: whom the station is to enroll; with a header, and as the unit wants it
roster() {
	ROSTER=/var/lib/tokenroll/$BATS_TEST_NUMBER.csv
	printf '%s\n' user,name "$@" | booted sh -c "cat >$ROSTER"
	printf '%s\n' TOKENROLL_STATION=tty8 "TOKENROLL_ROSTER=$ROSTER" \
		"TOKENROLL_STATION_OPTIONS=\"--pins ${PINS:-keep} --pin-file /etc/tokenroll/pin\"" | booted sh -c 'cat >/etc/tokenroll/station.env'
}

# its question is no screen, so that a burst of keys is no barcode
give_passphrase() {
	screen_shows "Passphrase of the CA key (/CN=VPN CA):"
	screen_keys "the passphrase" Enter
}

@test "nothing in a started system complains about what was installed, and the group is there" {
	[[ $(booted systemctl is-system-running) == running ]]
	booted getent group tokenroll
	run ! grep . <(booted journalctl -q --no-pager -p warning -g tokenroll)
	run ! grep -F .rules: <(booted journalctl -q --no-pager -u systemd-udevd)
	run -0 booted udevadm test /devices/virtual/net/lo
	[[ $output == *"/usr/local/lib/udev/rules.d/55-tokenroll.rules"* && $output == *"/usr/local/lib/udev/rules.d/90-tokenroll-start.rules"* ]]
}

@test "a reader that is plugged in starts the station on its console, and a token is enrolled with all that belongs to it" {
	booted bash -es <<-'SH'
		mkdir -p /run/mail /var/lib/tokenroll/letters
		systemd-run -q --unit=mail sh -c 'sleep 1000 | /opt/project/tests/lib/smtp_server.py /run/mail --mode plain >/run/mail/port'
		for i in $(seq 100); do [ ! -s /run/mail/port ] || break; sleep 0.1; done
		openssl req -x509 -newkey rsa:3072 -nodes -subj /CN=letters -days 30 -keyout /root/letters.key -out /etc/tokenroll/letters.pem \
			-addext basicConstraints=critical,CA:FALSE -addext keyUsage=keyEncipherment 2>/dev/null
		printf '%s\n' "[mail]" "to = admin@example.com" "from = tokenroll@example.com" "smtp = 127.0.0.1:$(cat /run/mail/port)" \
			"tls = none" "[letter]" "folder = /var/lib/tokenroll/letters" \
			"recipient = /etc/tokenroll/letters.pem" >>/etc/tokenroll/tokenroll.conf
	SH
	PINS=random roster alice,Алиса bob,Bob
	boot_usb reader
	boot_plug
	boot_is tokenroll-station@tty8 active
	give_passphrase
	screen_shows "Put the first token into a reader"
	card A 0
	screen_shows "PULL: DONE"
	screen_shows "the PIN letter of alice is in"
	screen_shows "alice, Алиса"
	booted test -s /var/lib/tokenroll/bundles/alice.tar.gz
	booted sh -ec 'openssl cms -decrypt -inform DER -in /var/lib/tokenroll/letters/alice*.p7m -inkey /root/letters.key' |
		head -c 5 | grep -qx "%PDF-"
	boot_wait 10 booted grep -q "alice" /run/mail/1.eml
	[[ $(booted journalctl -q --no-pager -u tokenroll-station@tty8 -g "action=delivered user=alice" | wc -l) == 1 ]]
	run -0 booted systemctl status --no-pager tokenroll-station@tty8
	[[ $output == *"Enrollment of tokens on tty8"* && $output == *"active (running)"* ]]
	# nor has it what the console is told
	[[ $output != *$'\e'* ]]
}

@test "after a kill the station asks on its console again, in a line of its own, goes on, and finishes when it is stopped" {
	roster carol,Carol dave,Dave
	booted systemctl start tokenroll-station@tty8
	give_passphrase
	screen_shows "Put the first token into a reader"
	card C 0
	screen_shows "PULL: DONE"
	booted systemctl kill --kill-whom=main -s KILL tokenroll-station@tty8
	give_passphrase
	screen_text | grep -x "Passphrase of the CA key (/CN=VPN CA): *"
	screen_shows "token BOOT000000C is done: it is carol's"
	card D 1 1500
	screen_shows "key pair"
	# what is under way is finished first
	booted systemctl stop tokenroll-station@tty8
	[[ $(boot_state tokenroll-station@tty8) == inactive ]]
	# what it says at the end stays there, and is no mixture with what was there
	screen_text
	screen_text | grep -x "$ROSTER: 2 of 2 are done, 0 left *"
	[[ $(card_says C pin-wrong) == 0 && $(card_says D pin-wrong) == 0 ]]
}

@test "a station that is stopped while it asks has not failed" {
	roster erin,Erin
	booted systemctl start tokenroll-station@tty8
	screen_shows "Passphrase of the CA key"
	booted systemctl stop tokenroll-station@tty8
	[[ $(boot_state tokenroll-station@tty8) == inactive ]]
}

# vpn_server: what the profiles' remote is, in a network of its own
vpn_server() {
	booted bash -es <<-'SH'
		! systemctl -q is-active server || exit 0
		pki=/etc/easy-rsa/pki
		ip netns add server
		ip link add veth0 type veth peer name veth1 netns server
		ip addr add 192.0.2.2/30 dev veth0
		ip link set veth0 up
		ip -n server addr add 192.0.2.1/30 dev veth1
		ip -n server link set veth1 up
		systemd-run -q --unit=server -p NetworkNamespacePath=/run/netns/server openvpn --local 192.0.2.1 --dev tun \
			--topology subnet --server 198.51.100.0 255.255.255.0 --ca $pki/ca.crt --cert $pki/issued/server.crt \
			--key $pki/private/server.key --dh none --crl-verify /etc/openvpn/server/crl.pem --remote-cert-tls client \
			--tls-crypt /etc/tokenroll/tls-crypt.key --keepalive 5 20
	SH
}

# asked: what the password agents are asked
asked() {
	booted systemd-tty-ask-password-agent --list
}

# answer TEXT: to it, as a password agent on a terminal
answer() {
	boot_wait 20 eval '[[ $(asked) == *"VPN office: PIN of"* ]]' || { booted systemctl status --no-pager tokenroll-vpn@office && return 1; }
	booted script -qec "systemd-tty-ask-password-agent --query" /dev/null <<<"$1"
}

@test "a token that is plugged in brings the VPN up with a PIN that is asked for once, and pulled takes it down" {
	vpn_server
	card V 0
	booted bash -es <<-'SH'
		tokenroll -q --pin-file /etc/tokenroll/pin --ca-pass-file /etc/tokenroll/ca.pass victor </dev/null
		cp /var/lib/tokenroll/bundles/victor/victor-linux.ovpn /etc/openvpn/client/office.ovpn
		echo TOKENROLL_VPN=office >/etc/tokenroll/vpn.env
	SH
	boot_usb token
	boot_plug
	answer 593827
	boot_is tokenroll-vpn@office active
	booted ping -q -c 1 -W 5 198.51.100.1
	run -0 booted systemctl status --no-pager tokenroll-vpn@office
	[[ $output == *'Status: "Connected"'* ]]
	boot_pull
	boot_is tokenroll-vpn@office inactive
	run ! booted ip link show tun0
	# a wrong one ends it, and only the token or a person starts it again
	boot_plug
	answer 111111
	boot_is tokenroll-vpn@office failed
	[[ -z $(asked) && $(card_says V pin-wrong) == 1 ]]
	run booted systemctl status --no-pager tokenroll-vpn@office
	[[ $output == *"was not accepted, and it is not tried again"* ]]
	booted udevadm trigger --settle --action=change /sys/class/net/token0
	[[ $(boot_state tokenroll-vpn@office) == failed ]]
	boot_pull
	boot_plug
	answer 593827
	boot_is tokenroll-vpn@office active
	run ! grep -E "593827|111111" <(booted journalctl -q --no-pager)
	# the token that counts is the one with the key, in a reader here: neither another card nor a USB token that stays
	boot_wait 20 vpn_says 'the VPN ends when the token "SmartCard-HSM (UserPIN)" is pulled: Virtual PCD 00 00'
	card W 1
	booted /opt/build/tests/cards/cardctl /run/card-W.sock pull
	booted /opt/build/tests/cards/readers wait 1 empty
	booted ping -q -c 1 -W 5 198.51.100.1
	[[ $(boot_state tokenroll-vpn@office) == active ]]
	booted /opt/build/tests/cards/cardctl /run/card-V.sock pull
	boot_is tokenroll-vpn@office inactive
	vpn_says 'the token "SmartCard-HSM (UserPIN)" was pulled'
	run ! booted ip link show tun0
}

# vpn_says TEXT: since the VPN was started last
vpn_says() {
	booted journalctl -q --no-pager "_SYSTEMD_INVOCATION_ID=$(booted systemctl show -p InvocationID --value tokenroll-vpn@office)" |
		grep -F "$1"
}

# may USER ACTION [KEY=VALUE...]: whether polkit lets a process of this user do that at once
may() {
	local user=$1 action=$2 pair details=()
	shift 2
	for pair; do
		details+=(--detail "${pair%%=*}" "${pair#*=}")
	done
	booted sh -c 'user=$1; shift
		runuser -u "$user" sleep 100 >/dev/null 2>&1 &
		sleep 0.2
		process=$(pgrep -P $!)
		pkcheck --process "$process" "$@" >/dev/null 2>&1
		rc=$?
		kill "$process"
		exit $rc' sh "$user" --action-id "$action" "${details[@]}"
}

# Debian 12's pcscd asks nobody; the action is pcsc-lite's own then
@test "a member of the group may use pcscd without a session at the screen, and others may not" {
	local action reply=/usr/local/libexec/tokenroll/tokenroll-vpn-reply
	booted bash -es <<-'SH'
		useradd member
		useradd -g member other
		gpasswd -a member tokenroll >/dev/null
		[ ! -e /usr/share/polkit-1/actions/org.debian.pcsc-lite.policy ] || exit 0
		{
			echo "<policyconfig>"
			for action in access_pcsc access_card; do
				echo "<action id='org.debian.pcsc-lite.$action'><description>d</description><message>m</message><defaults>
					<allow_any>no</allow_any><allow_inactive>no</allow_inactive><allow_active>yes</allow_active></defaults></action>"
			done
			echo "</policyconfig>"
		} >/usr/share/polkit-1/actions/org.debian.pcsc-lite.policy
	SH
	for action in org.debian.pcsc-lite.access_pcsc org.debian.pcsc-lite.access_card; do
		may member "$action"
		run ! may other "$action"
	done
	# neither may answer systemd's questions, as neither sits at the computer
	for user in member other; do
		run ! may "$user" org.freedesktop.policykit.exec "program=$reply" user=root \
			"command_line=$reply 1 ask.Xy2z8P"
	done
	run ! grep -iE "error|60-tokenroll.*fail" <(booted journalctl -q --no-pager -u polkit)
}

@test "the daily CRL is made with a passphrase that systemd hands over, as the unit says" {
	local before
	sed -n '/^#$/,/^#$/{s/^#\t//p}' "$COMPANY_ROOT/udev/tokenroll-crl.service" | booted sh -ec '
		mkdir -p /etc/systemd/system/tokenroll-crl.service.d
		cat >/etc/systemd/system/tokenroll-crl.service.d/override.conf
		systemctl daemon-reload'
	before=$(booted stat -c %Y.%i /etc/openvpn/server/crl.pem)
	booted systemctl start tokenroll-crl
	[[ $(booted stat -c %Y.%i /etc/openvpn/server/crl.pem) != "$before" ]]
	booted systemctl enable -q --now tokenroll-crl.timer
	[[ $(boot_state tokenroll-crl.timer) == active ]]
}

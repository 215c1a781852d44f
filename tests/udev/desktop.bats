#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2030,SC2031  # expanded by another shell; each test has an environment of its own
# The question for a PIN as a dialog on the desktop: systemd's own programs ask and take the answer; the dialog and
# pkexec, which there is no desktop for here, are played.

bats_require_minimum_version 1.5.0

setup() {
	load ../lib/company.bash
	load ../lib/vpn.bash
	program=$(realpath "${BUILD:-$COMPANY_ROOT/build}")/tokenroll-vpn-ask
	export T="$BATS_TEST_TMPDIR"
	bin=$T/bin
	mkdir "$bin"
	: >"$T/dialog"
	: >"$T/pkexec"
	cat >"$bin/pinentry" <<-'SH'
		#!/bin/bash
		# notes what it is told, and does in the end what $DIALOG says
		echo "OK Pleased to meet you"
		while read -r line; do
			printf '%s\n' "$line" >>"$T/dialog"
			case $line in
			GETPIN)
				case $DIALOG in
				cancel) echo "ERR 83886179 Operation cancelled <Pinentry>" ;;
				wait) exec sleep 60 ;;
				*) printf '%s\n' "S PASSWORD_FROM_CACHE" "D $DIALOG" OK ;;
				esac
				;;
			*) echo OK ;;
			esac
		done
	SH
	cat >"$bin/pkexec" <<-'SH'
		#!/bin/bash
		printf '%s\n' "$*" >>"$T/pkexec"
		[ "$1" = --disable-internal-agent ] && shift
		exec "$@"
	SH
	chmod +x "$bin/pinentry" "$bin/pkexec"
	own=(unshare -m)
	((EUID == 0)) || own=(unshare -rm)
	"${own[@]}" mount -t tmpfs tmpfs /run 2>/dev/null || skip "no mount namespace can be had here"
	[[ -x /lib/systemd/systemd-reply-password ]] || skip "systemd-reply-password is not installed"
}

# desk SCRIPT: runs it where /run is its own, with the agent in the background; $agent is its process
desk() {
	cat >"$T/desk.sh" <<-SH
		mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/ask-password
		"$program" /run/systemd/ask-password 2>"$T/agent" &
		agent=\$!
		asker=
		trap 'kill \$agent \$asker 2>/dev/null' EXIT
		ask() {
			systemd-ask-password --no-tty --timeout=15 "\$@" </dev/null
		}
		asks() { # in the background
			systemd-ask-password --no-tty --timeout=15 "\$@" </dev/null >/dev/null &
			asker=\$!
		}
		sees() { # FILE TEXT: until it is there
			i=0
			until grep -q -- "\$2" "\$1"; do
				i=\$((i + 1))
				[ \$i -lt 200 ] || return 1
				sleep 0.05
			done
		}
		$1
	SH
	PATH=$bin:$PATH timeout 30 "${own[@]}" bash -e "$T/desk.sh" 3>&-
}

@test "a question of the VPN's is a dialog, and what is typed gets through as it is" {
	export DIALOG='48%2529 "\+äö'
	run -0 --separate-stderr desk 'ask --id=tokenroll-vpn "VPN 100% office: PIN of \"VPN token\":"'
	[[ $output == '48%29 "\+äö' ]]
	cat "$T/dialog"
	grep -qx 'SETDESC VPN 100%25 office: PIN of "VPN token":' "$T/dialog"
	grep -qxE -- '--disable-internal-agent /(usr/)?lib/systemd/systemd-reply-password 1 /run/systemd/ask-password/sck\.[0-9a-f]+' \
		"$T/pkexec"
	# the PIN is in no argument
	run ! grep 48 "$T/pkexec" "$T/agent"
}

@test "a dialog that is cancelled ends the question, and the next one is asked all the same" {
	export DIALOG=cancel
	run -0 --separate-stderr desk '! ask --id=tokenroll-vpn one: && ! ask --id=tokenroll-vpn two:'
	[[ $(grep -c SETDESC "$T/dialog") == 2 ]]
	grep -q "systemd-reply-password 0 /run" "$T/pkexec"
}

@test "when the token is pulled the dialog goes away" {
	export DIALOG=wait
	run -0 --separate-stderr desk '
		asks --id=tokenroll-vpn PIN:
		sees "$T/dialog" GETPIN
		dialog=$(pgrep -P $agent)
		kill $asker
		i=0
		while kill -0 $dialog 2>/dev/null && [ $i -lt 100 ]; do sleep 0.05; i=$((i + 1)); done
		! kill -0 $dialog 2>/dev/null
		kill -0 $agent'
	[[ ! -s $T/pkexec ]]
}

@test "other programs' questions are left to other agents" {
	export DIALOG=1234
	run -0 --separate-stderr desk 'asks --id=cryptsetup disk:; sleep 0.5; kill -0 $asker'
	[[ ! -s $T/dialog && ! -s $T/pkexec ]]
}

@test "without a dialog or without the right to answer it is said what to install, and the question stays" {
	rm "$bin/pinentry"
	printf '#!/bin/sh\nexit 1\n' >"$bin/pinentry"
	chmod +x "$bin/pinentry"
	run -0 --separate-stderr desk 'asks --id=tokenroll-vpn PIN:; sees "$T/agent" pinentry-gnome3; kill -0 $asker'
	grep -q "there is no dialog to ask for the PIN" "$T/agent"
	printf '#!/bin/sh\nprintf "OK\\nOK\\nOK\\nD 1\\nOK\\n"\nexec sleep 60\n' >"$bin/pinentry"
	printf '#!/bin/sh\nexit 127\n' >"$bin/pkexec"
	run -0 --separate-stderr desk 'asks --id=tokenroll-vpn PIN:; sees "$T/agent" adduser; kill -0 $asker'
	grep -q "pkexec is not installed, or does not allow it" "$T/agent"
}

@test "on a computer where no VPN starts with a token it ends at once" {
	[[ ! -e /etc/tokenroll/vpn.env ]] || skip "here one does"
	timeout 5 "$program"
}

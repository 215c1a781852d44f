#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2030,SC2031  # expanded by another shell; each test has an environment of its own
# The question for a PIN as a dialog on the desktop: systemd's own programs ask and take the answer; the dialog and
# pkexec, which there is no desktop for here, are played.

bats_require_minimum_version 1.5.0

setup() {
	load ../lib/company.bash
	load ../lib/vpn.bash
	export program
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
				[ ! -e "$T/unlocked" ] || DIALOG=$(<"$T/unlocked")
				case $DIALOG in
				cancel) echo "ERR 83886179 Operation cancelled <Pinentry>" ;;
				closed) echo "ERR 83886278 Operation fully cancelled <Pinentry>" ;;
				no-tty) echo "ERR 83918950 Inappropriate ioctl for device <Pinentry>" ;;
				wait) exec sleep 60 ;;
				stuck)
					trap "" TERM
					echo $$ >"$T/stuck"
					exec sleep 60
					;;
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
		question() { # NAME LINE...: one of the VPN's, that somebody else has left in the folder
			printf '%s\n' "[Ask]" Id=tokenroll-vpn "Message=\$1" Socket=/run/systemd/ask-password/sck.0 "\${@:2}" >/run/new
			mv /run/new "/run/systemd/ask-password/ask.\$1"
		}
		${BEFORE:-}
		"$program" /run/systemd/ask-password 2>"$T/agent" &
		agent=\$!
		askers=
		trap 'kill \$agent \$askers 2>/dev/null' EXIT
		ask() {
			systemd-ask-password --no-tty --timeout=15 "\$@" </dev/null
		}
		asks() { # in the background
			systemd-ask-password --no-tty --timeout=15 "\$@" </dev/null >/dev/null &
			asker=\$! askers="\$askers \$!"
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
	grep -qxE -- "--disable-internal-agent ${program%-ask}-reply 1 ask\.[0-9A-Za-z]+" "$T/pkexec"
	# the PIN is in no argument
	run ! grep 48 "$T/pkexec" "$T/agent"
}

@test "a dialog that is cancelled ends the question, and the next one is asked all the same" {
	export DIALOG=cancel
	run -0 --separate-stderr desk '! ask --id=tokenroll-vpn one: && ! ask --id=tokenroll-vpn two:'
	[[ $(grep -c SETDESC "$T/dialog") == 2 ]]
	export DIALOG=closed
	run -0 --separate-stderr desk '! ask --id=tokenroll-vpn three:'
	[[ $(grep -c "tokenroll-vpn-reply 0 ask\." "$T/pkexec") == 3 ]]
}

@test "a dialog that cannot be shown cancels nothing: each question is said to be there once, and stays for other agents" {
	export DIALOG=no-tty
	run -0 --separate-stderr desk '
		asks --id=tokenroll-vpn one:
		asks --id=tokenroll-vpn two:
		sees "$T/dialog" "SETDESC one:" && sees "$T/dialog" "SETDESC two:"
		asks --id=tokenroll-vpn three:
		sees "$T/dialog" "SETDESC three:"
		until [ "$(grep -c "pinentry says" "$T/agent")" -ge 3 ]; do sleep 0.05; done
		kill -0 $askers'
	cat "$T/agent" "$T/dialog"
	[[ $(sort -u "$T/dialog" | grep SETDESC) == "SETDESC one:"$'\n'"SETDESC three:"$'\n'"SETDESC two:" ]]
	[[ $(grep -c 'pinentry says "Inappropriate ioctl for device <Pinentry>"' "$T/agent") == 3 ]]
	[[ ! -s $T/pkexec ]]
}

@test "a question that came while the screen was locked is asked when it is unlocked, and complained of once" {
	export DIALOG=no-tty
	run -0 --separate-stderr desk '
		ask --timeout=28 --id=tokenroll-vpn PIN: >"$T/answer" & asking=$!
		sees "$T/agent" "pinentry says"
		until [ "$(grep -c SETDESC "$T/dialog")" -ge 2 ]; do sleep 0.05; done
		echo 1234 >"$T/unlocked"
		wait $asking'
	[[ $(<"$T/answer") == 1234 && $(grep -c "pinentry says" "$T/agent") == 1 ]]
}

@test "a dialog that does not end when it is told to is ended, and the next question is asked" {
	export DIALOG=stuck
	run -0 --separate-stderr desk '
		asks --id=tokenroll-vpn PIN:
		until [ -s "$T/stuck" ]; do sleep 0.05; done
		kill $asker
		echo 1234 >"$T/unlocked"
		ask --id=tokenroll-vpn next: >"$T/answer"
		! kill -0 "$(cat "$T/stuck")" 2>/dev/null'
	[[ $(<"$T/answer") == 1234 ]]
}

@test "where a symbolic link leads to what is installed, the answer goes by the path that polkit's rule names" {
	local installed=/usr/local/libexec/tokenroll
	grep -qaF "$installed/tokenroll-vpn-reply" "$program" || skip "it is not made for /usr/local"
	mkdir "$T/elsewhere"
	cp "$program" "${program%-ask}-reply" "$T/elsewhere"
	program=$installed/tokenroll-vpn-ask
	export DIALOG=1234
	BEFORE="mount -t tmpfs tmpfs /usr/local; mkdir -p ${installed%/*}; ln -s $T/elsewhere $installed" run -0 --separate-stderr \
		desk 'ask --id=tokenroll-vpn PIN:'
	[[ $output == 1234 ]]
	cat "$T/pkexec"
	grep -qE -- "^--disable-internal-agent $installed/tokenroll-vpn-reply 1 ask" "$T/pkexec"
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

# PASSWORD_AGENTS of systemd: PID= and NotAfter=
@test "a question of somebody who was killed, or whose time is over, gets no dialog, and an open one goes away" {
	export DIALOG=1234
	BEFORE='true & wait; question dead PID=$!; question late PID=$$ NotAfter=1' run -0 --separate-stderr desk 'ask --id=tokenroll-vpn PIN:'
	[[ $output == 1234 && $(grep SETDESC "$T/dialog") == "SETDESC PIN:" ]]
	export DIALOG=wait
	run -0 --separate-stderr desk '
		asks --id=tokenroll-vpn killed:
		sees "$T/dialog" "SETDESC killed:"
		kill -KILL $asker
		read -r up _ </proc/uptime
		question soon PID=$$ NotAfter=$((${up%.*} * 1000000 + 3000000))
		asks --id=tokenroll-vpn next:
		sees "$T/dialog" "SETDESC next:"'
	[[ ! -s $T/pkexec || $(wc -l <"$T/pkexec") == 1 ]]
	# nor is anybody told to do something about it
	[[ ! -s $T/agent ]]
}

@test "other programs' questions are left to other agents, and what may answer ours for everybody answers no other" {
	export DIALOG=1234
	run -0 --separate-stderr desk '
		asks --id=cryptsetup disk:
		i=0
		until file=$(cd /run/systemd/ask-password && ls ask.*); do i=$((i + 1)); [ $i -lt 200 ]; sleep 0.05; done
		ask --id=tokenroll-vpn PIN:
		for words in "0 $file" "1 $file" "0 ../ask-password/$file" "0 ask.none" "0 sck.0" 0 "2 $file"; do
			rc=0
			"${program%-ask}-reply" $words </dev/null || rc=$?
			[ $rc = 1 ] || [ $rc = 2 ]
		done
		ls "/run/systemd/ask-password/$file"
		kill -0 $asker'
	[[ $(grep -c SETDESC "$T/dialog") == 1 && $(wc -l <"$T/pkexec") == 1 ]]
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

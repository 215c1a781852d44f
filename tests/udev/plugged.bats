#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2154  # expanded by another shell; lib/udev.bash sets $log
# Token in, VPN up; token out, VPN down; and never up again by itself: a real systemd, told by udev's own words of a
# device in a sysfs of the test's. It is a user's instance of systemd, in namespaces of its own, which reads
# SYSTEMD_USER_WANTS where the system's reads SYSTEMD_WANTS; and what the unit starts is a program of the test's.

bats_require_minimum_version 1.5.0

setup_file() {
	load ../lib/company.bash
	load ../lib/udev.bash
	udev_install
}

setup() {
	load ../lib/company.bash
	load ../lib/udev.bash
	udev_begin
	((EUID == 0)) || skip "only root can have a systemd of his own here"
	[[ -x /lib/systemd/systemd ]] || skip "systemd is not installed"
	group=tokenroll-test.$BASHPID
	export T=$BATS_TEST_TMPDIR ROOT=$COMPANY_ROOT
	units=$T/conf/systemd/user
	mkdir -p "$units" "$T/home" "$T/sys"
	printf '[Unit]\nDefaultDependencies=no\n' >"$units/test.target"
}

teardown() {
	rm -rf "$CONF"
	# systemd is gone with its process namespace, and then its control groups can be removed
	local at
	for at in "/sys/fs/cgroup/${group:-none}" /sys/fs/cgroup/*/"${group:-none}"; do
		[[ ! -d $at ]] || find "$at" -depth -type d -exec rmdir '{}' ';'
	done
}

# unit NAME COMMAND: the installed unit's dependencies; COMMAND in place of what it runs, without sandbox or console
unit() {
	{
		sed -n '/^\[Unit\]/,/^\[Service\]/p' "$DEST/usr/lib/systemd/system/$1" | grep -v "^Condition\|^Wants=\|^Conflicts="
		grep -E "^Restart(Sec)?=" "$DEST/usr/lib/systemd/system/$1"
		echo "ExecStart=$2"
	} >"$units/$1"
}

# as_udev_says ACTION: the properties of the event, as udev evaluates the rules, for systemd
as_udev_says() {
	event 1050 0407 usb_device "$1"
	sed -nE 's/^SYSTEMD_WANTS=/SYSTEMD_USER_WANTS=/; /^(SYSTEMD_USER_WANTS|SYSTEMD_ALIAS|TAGS|CURRENT_TAGS|MAJOR|MINOR|DEVNAME|DEVTYPE)=/p' \
		"$log" >"$T/event-$1"
	echo "USEC_INITIALIZED=1" >>"$T/event-$1"
}

# with_systemd SCRIPT: plug, tell ACTION and pull are what happens to the token; is UNIT STATE waits
with_systemd() {
	as_udev_says add
	as_udev_says bind
	as_udev_says change
	cat >"$T/script" <<-'SH'
		set -e
		mount -t tmpfs tmpfs /run
		mount -t tmpfs tmpfs "$T/sys"
		cd "$T/sys"
		mkdir -p fs/cgroup devices/usb1 dev/char bus/usb class kernel
		mount --rbind /sys/fs/cgroup fs/cgroup
		mount --rbind "$T/sys" /sys
		cd /
		mkdir -p /run/user/0 /run/systemd/system /run/udev/data /run/udev/tags/systemd
		touch /run/udev/control
		export XDG_RUNTIME_DIR=/run/user/0 XDG_CONFIG_HOME=$T/conf HOME=$T/home SYSTEMD_DEVICE_VERIFY_SYSFS=0
		unset DBUS_SESSION_BUS_ADDRESS
		number=100
		tell() {
			number=$((number + 1))
			mapfile -t properties <"$T/event-${1/remove/change}"
			"$ROOT/tests/udev/send_uevent.py" "$1" /devices/usb1/1-2 "$number" "${properties[@]}"
		}
		plug() {
			mkdir /sys/devices/usb1/1-2
			printf 'MAJOR=189\nMINOR=4\nDEVNAME=bus/usb/001/005\nDEVTYPE=usb_device\n' >/sys/devices/usb1/1-2/uevent
			ln -s ../../../bus/usb /sys/devices/usb1/1-2/subsystem
			ln -s ../../devices/usb1/1-2 /sys/dev/char/189:4
			printf 'I:1\nG:systemd\nQ:systemd\nV:1\n' >/run/udev/data/c189:4
			touch /run/udev/tags/systemd/c189:4
			tell add
			tell bind
		}
		pull() {
			rm -r /sys/devices/usb1/1-2 /sys/dev/char/189:4 /run/udev/data/c189:4 /run/udev/tags/systemd/c189:4
			tell remove
		}
		state() {
			systemctl --user show -p ActiveState --value "$1"
		}
		is() {
			for i in $(seq 100); do
				[ "$(state "$1")" != "$2" ] || return 0
				sleep 0.05
			done
			echo "$1 is $(state "$1"), not $2"
			return 1
		}
		tried() { # times
			for i in $(seq 100); do
				[ "$(wc -l <"$T/tried")" != "$1" ] || return 0
				sleep 0.05
			done
			echo "tried $(wc -l <"$T/tried") times, not $1"
			return 1
		}
		stays() {
			sleep 0.5
			is "$1" "$2"
		}
		/lib/systemd/systemd --user --unit=test.target >/dev/null 2>&1 &
		is test.target active 2>/dev/null || exit 77
	SH
	printf '%s\n' "$1" >>"$T/script"
	local at
	for at in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup; do
		[[ ! -e $at/cgroup.procs ]] || mkdir "$at/$group" 2>/dev/null || skip "no control group can be made here"
	done
	# in control groups of its own, which systemd takes for the root of all; without them it would move everybody else
	run timeout 60 bash -c 'for at in /sys/fs/cgroup/{systemd/,unified/,}"$0"; do
			[ ! -e "$at" ] || echo $$ >"$at/cgroup.procs" || exit 77
		done
		! grep -E "^(0:|[0-9]+:name=systemd)" /proc/self/cgroup | grep -qv "/$0\$" || exit 77
		exec unshare -mnpf --kill-child --mount-proc bash "$T/script"' "$group" 3>&-
	echo "$output"
	((status != 77)) || skip "systemd does not run in namespaces here"
	((status == 0))
}

@test "token in, VPN up; token out, VPN down; and again" {
	echo "TOKENROLL_VPN=office" >"$CONF/vpn.env"
	unit tokenroll-vpn@.service "/bin/sleep 1000"
	with_systemd '
		is tokenroll-vpn@office.service inactive
		plug
		is tokenroll-vpn@office.service active
		pull
		is tokenroll-vpn@office.service inactive
		plug
		is tokenroll-vpn@office.service active'
}

@test "a VPN that has ended, be it of a wrong PIN, is not started by anything but the token or a person" {
	echo "TOKENROLL_VPN=office" >"$CONF/vpn.env"
	unit tokenroll-vpn@.service "/bin/sh -c 'echo tried >>$T/tried; exit 4'"
	with_systemd '
		plug
		is tokenroll-vpn@office.service failed
		tell change
		tell bind
		stays tokenroll-vpn@office.service failed
		systemctl --user daemon-reload
		tell change
		stays tokenroll-vpn@office.service failed
		tried 1
		systemctl --user start tokenroll-vpn@office || true
		tried 2
		pull
		plug
		tried 3'
}

@test "a token starts the station, which stays when it is pulled, and quit it stays quit until the next" {
	printf '%s\n' "TOKENROLL_STATION=tty8" "TOKENROLL_ROSTER=/srv/roster.csv" >"$CONF/station.env"
	unit tokenroll-station@.service "/bin/sleep 1000"
	with_systemd '
		plug
		is tokenroll-station@tty8.service active
		pull
		stays tokenroll-station@tty8.service active
		plug
		systemctl --user stop tokenroll-station@tty8.service
		tell change
		tell bind
		stays tokenroll-station@tty8.service inactive
		pull
		plug
		is tokenroll-station@tty8.service active'
}

@test "where no file says so a token starts nothing" {
	unit tokenroll-vpn@.service "/bin/sleep 1000"
	unit tokenroll-station@.service "/bin/sleep 1000"
	with_systemd '
		plug
		sleep 0.5
		[ -z "$(systemctl --user list-units --all --no-legend "tokenroll*" "sys-subsystem-tokenroll*")" ]'
}

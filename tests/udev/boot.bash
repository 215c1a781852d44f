# shellcheck shell=bash disable=SC2154  # BATS_...
# boot: a system of its own that a systemd has started, for trying what `make install` puts in place: units, rules of udev
# and polkit, the group. It has this machine's programs and none of its files of our trade, a network with nobody in it,
# a console tty8 that is a tmux, this system's own pcscd with two virtual readers, and the project in /opt/project.
#
#   boot_start           boots it, once, from setup_file; fails where that cannot be
#   boot_or_skip         from setup: skips the test there, and says why
#   booted COMMAND...    in it, as root
#   boot_is UNIT STATE   waits until the unit is in that ActiveState
#   boot_usb KIND        a token or a reader is plugged in with boot_plug from now on, and pulled with boot_pull
#   boot_end             ends all of it, from teardown_file
#
# The console is for screen.bash, whose terminal it is: BATS_TEST_TMPDIR/tmux leads to it.

boot_start() {
	export BOOT=$BATS_FILE_TMPDIR/boot BOOT_GROUP=tokenroll-boot.$BASHPID
	mkdir "$BOOT"
	boot_prepare && boot_init || return
	# a system that has begun to start has to come to its end
	boot_wait 60 boot_runs || { cat "$BOOT/log" && booted journalctl --no-pager | tail -n 50 && exit 1; }
}

boot_or_skip() {
	[[ ! -s $BOOT/skip ]] || skip "$(<"$BOOT/skip")"
}

# boot_not REASON
boot_not() {
	echo "$1" >"$BOOT/skip"
	return 1
}

# what it needs of this machine, and the console
boot_prepare() {
	local at
	((EUID == 0)) || boot_not "only root can boot a system here" || return
	for at in /lib/systemd/systemd /usr/lib/polkit-1/polkitd; do
		[[ -x $at ]] || boot_not "$at is not installed" || return
	done
	tmux -S "$BOOT/tmux" -f /dev/null new-session -d -x 80 -y 24 \
		"exec $(printf '%q ' "$COMPANY_ROOT/tests/udev/boot_tty.py" "$BOOT/tty")" 3>&-
	boot_wait 5 test -s "$BOOT/tty" || boot_not "there is no terminal for it"
}

boot_init() {
	local at found=''
	for at in /sys/fs/cgroup/unified /sys/fs/cgroup; do
		[[ -e $at/cgroup.procs ]] && mkdir "$at/$BOOT_GROUP" 2>/dev/null && found=$at/$BOOT_GROUP && break
	done
	[[ -n $found ]] || boot_not "no control group can be made here" || return
	# not even a killed test leaves it behind for long
	bash -c 'echo $$ >"$0/cgroup.procs" || exit 77
		exec timeout -s KILL 300 unshare -mpuinC -f --kill-child --propagation private "$@"' \
		"$found" "$COMPANY_ROOT/tests/udev/boot_init.sh" "$BOOT" "$COMPANY_ROOT" \
		"$(realpath "${BUILD:-$COMPANY_ROOT/build}")" "$(<"$BOOT/tty")" </dev/null >"$BOOT/log" 2>&1 3>&- &
	boot_wait 20 boot_began $! || true
	[[ -s $BOOT/pid ]] || boot_not "no system can be booted in namespaces here: $(tail -n 1 "$BOOT/log")"
}

# boot_wait SECONDS COMMAND...
boot_wait() {
	local end=$((SECONDS + $1 + 1))
	while ((SECONDS < end)); do
		! "${@:2}" || return 0
		sleep 0.1
	done
	return 1
}

# boot_began PID: it has come as far as systemd, or ended before
boot_began() {
	[[ -s $BOOT/pid ]] || ! kill -0 "$1" 2>/dev/null
}

boot_runs() {
	[[ $(booted systemctl is-system-running 2>/dev/null) == @(running|degraded) ]]
}

booted() {
	nsenter -t "$(<"$BOOT/pid")" -m -p -u -i -n -C -r -w env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		TERM=linux LANG=C.UTF-8 HOME=/root "$@" 3>&-
}

boot_state() {
	booted systemctl show -p ActiveState --value "$1"
}

boot_is() {
	local i
	for ((i = 0; i < 300; i++)); do
		[[ $(boot_state "$1") != "$2" ]] || return 0
		sleep 0.1
	done
	echo "$1 is $(boot_state "$1"), not $2:"
	booted systemctl status --no-pager -n 50 "$1"
	return 1
}

# boot_usb KIND: a network interface token0 is what a USB device of that kind is elsewhere. Its coming and going are events
# of the kernel's, as those of a USB device are, but known only inside this system; all else of the rules is as installed.
boot_usb() {
	# shellcheck disable=SC2016  # the inner shell's
	booted sh -ec '
		echo "SUBSYSTEM==\"net\", KERNEL==\"token0\", ENV{TOKENROLL_KIND}=\"$1\"" >/etc/udev/rules.d/89-kind.rules
		sed -e "s/SUBSYSTEM!=\"usb\"/SUBSYSTEM!=\"net\"/" -e "/DEVTYPE/d" /usr/local/lib/udev/rules.d/90-tokenroll-start.rules \
			>/etc/udev/rules.d/90-tokenroll-start.rules
		udevadm control --reload' sh "$1"
}

boot_plug() {
	booted ip link add token0 type veth peer name token1
}

boot_pull() {
	booted ip link del token0
}

boot_end() {
	local at
	[[ ! -s ${BOOT:-none}/pid ]] || kill -KILL "$(<"$BOOT/pid")" 2>/dev/null || true
	tmux -S "${BOOT:-none}/tmux" kill-server 2>/dev/null || true
	for at in /sys/fs/cgroup/{unified/,}"${BOOT_GROUP:-none}"; do
		[[ -d $at ]] || continue
		boot_wait 10 grep -q "populated 0" "$at/cgroup.events" || true
		find "$at" -depth -type d -exec rmdir '{}' ';'
	done
}

# shellcheck shell=bash
# udev: what udev makes of a device. It evaluates the rules that `make install` puts in place, in a mount namespace where
# /etc and /run are the test's, for a device that umockdev pretends is there.
#
# udev_install once, from setup_file; udev_begin from setup, which sets $rules (their folder), $log, and $CONF, the
# folder of vpn.env and station.env; then event and udev_says.

# shellcheck disable=SC2154  # BATS_...

udev_install() {
	local build
	build=$(realpath --relative-to="$COMPANY_ROOT" "${BUILD:-$COMPANY_ROOT/build}") # make's paths have no blanks
	export DEST="$BATS_FILE_TMPDIR/dest" CONF="$BATS_FILE_TMPDIR/etc/tokenroll"
	make -C "$COMPANY_ROOT" --no-print-directory -o all BUILD="$build" PREFIX=/usr DESTDIR="$DEST" \
		SYSCONFDIR="${CONF%/tokenroll}" install >"$BATS_FILE_TMPDIR/log" 2>&1 || { cat "$BATS_FILE_TMPDIR/log" && return 1; }
}

udev_begin() {
	rules=$DEST/usr/lib/udev/rules.d
	log=$BATS_TEST_TMPDIR/log
	mkdir -p "$CONF" "$BATS_TEST_TMPDIR/rules" "$BATS_TEST_TMPDIR/dev"
	# 777 is the group's number here
	sed '/^tokenroll:/d' /etc/group >"$BATS_TEST_TMPDIR/no-group"
	{
		cat "$BATS_TEST_TMPDIR/no-group"
		echo "tokenroll:x:777:"
	} >"$BATS_TEST_TMPDIR/group"
	# everybody has a namespace where he is root, or root has one
	own=(unshare -m)
	((EUID == 0)) || own=(unshare -rm)
	"${own[@]}" mount -t tmpfs tmpfs /run 2>/dev/null || skip "no mount namespace can be had here"
}

# event VENDOR PRODUCT [DEVTYPE [ACTION]]: udev's own words about it go to $log
event() {
	local type=${3:-usb_device} path=/devices/pci0000:00/0000:00:14.0/usb1/1-2
	[[ $type == usb_device ]] || path+=/1-2:1.0
	{
		printf 'P: %s\n' "$path"
		[[ $type != usb_device ]] || printf 'N: bus/usb/001/005\nE: DEVNAME=/dev/bus/usb/001/005\nE: MAJOR=189\nE: MINOR=4\n'
		printf 'E: SUBSYSTEM=usb\nE: DEVTYPE=%s\nE: PRODUCT=%x/%x/100\n' "$type" "0x$1" "0x$2"
		printf 'A: idVendor=%s\nA: idProduct=%s\n' "$1" "$2"
	} >"$BATS_TEST_TMPDIR/device"
	# shellcheck disable=SC2016  # the inner shell's
	"${own[@]}" sh -ec '
		mount --bind "$1" /etc/group
		mount -t tmpfs tmpfs "$7"
		touch "$7/null" "$7/urandom"
		mount --bind /dev/null "$7/null"
		mount --bind /dev/urandom "$7/urandom"
		mount --rbind "$7" /dev
		mount -t tmpfs tmpfs /run
		mount -t tmpfs tmpfs /etc/udev
		mkdir /etc/udev/rules.d
		cp "$2"/*.rules /etc/udev/rules.d
		[ -z "$(ls "$3")" ] || cp "$3"/* /etc/udev/rules.d
		umockdev-run --device "$4" -- udevadm test --action="$6" "/sys$5" 2>&1' sh \
		"${GROUP_FILE:-$BATS_TEST_TMPDIR/group}" "$rules" "$BATS_TEST_TMPDIR/rules" "$BATS_TEST_TMPDIR/device" "$path" \
		"${4:-add}" "$BATS_TEST_TMPDIR/dev" >"$log" || { cat "$log" && return 1; }
	# no rule of ours is one that udev does not understand
	run ! grep -E "rules.d/(55-tokenroll|90-tokenroll-start).rules:[0-9]+ .*([Ii]nvalid|[Ff]ailed|[Uu]nknown key)" "$log"
}

# udev_says KEY: a property of the device, "" if it has none
udev_says() {
	sed -n "s/^$1=//p" "$log"
}

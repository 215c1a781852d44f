#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2154  # udev's words; lib/udev.bash sets $log and $rules
# What udev makes of a device that is plugged in: udev itself evaluates the installed rules, for devices that umockdev
# pretends are there, in a mount namespace where /etc and /run are this test's.

bats_require_minimum_version 1.5.0

setup_file() {
	load ../lib/company.bash
	load ../lib/udev.bash
	udev_install
}

setup() {
	load ../lib/company.bash
	load ../lib/udev.bash
	table=$COMPANY_ROOT/udev/devices.table
	udev_begin
}

teardown() {
	rm -rf "$CONF"
}

gets_nothing() {
	run ! grep -e "tokenroll.*GROUP" -e "tokenroll.*MODE" -e "^TOKENROLL" "$log"
	[[ $(udev_says TAGS) != *:uaccess:* && $(udev_says TAGS) != *:systemd:* ]]
}

@test "a known token gets the group, the one who sits at the computer, its kind, name and profile" {
	event 1050 0407
	grep -qE "55-tokenroll.rules:[0-9]+ GROUP 777$" "$log"
	grep -qE "55-tokenroll.rules:[0-9]+ MODE 0660$" "$log"
	[[ $(udev_says TAGS) == *:uaccess:* ]]
	grep -q "^run: 'uaccess'" "$log"
	[[ $(udev_says TOKENROLL_KIND) == token ]]
	[[ $(udev_says TOKENROLL_NAME) == "Yubico YubiKey OTP+FIDO+CCID" ]]
	[[ $(udev_says TOKENROLL_PROFILE) == yubikey-piv ]]
}

@test "so does a known reader, which has no profile, and what the last line of the table has" {
	local id kind name
	event 076b 3031
	grep -qE "55-tokenroll.rules:[0-9]+ GROUP 777$" "$log"
	[[ $(udev_says TAGS) == *:uaccess:* && $(udev_says TOKENROLL_KIND) == reader ]]
	[[ -z $(udev_says TOKENROLL_PROFILE) ]]
	read -r id kind _ name < <(tail -n 1 "$table")
	event "${id%:*}" "${id#*:}"
	[[ $(udev_says TOKENROLL_KIND) == "$kind" && $(udev_says TOKENROLL_NAME) == "$name" ]]
}

@test "a keyboard that is a reader has a name, but who may use readers does not read what is typed" {
	event 046a 0010
	[[ $(udev_says TOKENROLL_KIND) == keyboard && $(udev_says TOKENROLL_NAME) == Cherry* ]]
	run ! grep -e "tokenroll.*GROUP" -e "tokenroll.*MODE" "$log"
	[[ $(udev_says TAGS) != *:uaccess:* ]]
}

@test "another keyboard of the same vendor gets nothing, nor does a token of it that is none for a VPN" {
	event 046a 0011
	gets_nothing
	event 1050 0402 # FIDO only
	gets_nothing
}

@test "an unknown device gets nothing, nor does a token's interface" {
	event 1d6b 0002
	gets_nothing
	event 1050 0407 usb_interface
	gets_nothing
}

@test "who assigns a group after us keeps it, as the CCID driver does for a pcscd that is not root" {
	echo 'SUBSYSTEM=="usb", ATTR{idVendor}=="1050", GROUP="daemon"' >"$BATS_TEST_TMPDIR/rules/92-pcscd.rules"
	event 1050 0407
	grep "GROUP" "$log" | tail -n 1 | grep -q "92-pcscd.rules:1 GROUP $(id -g daemon)$"
	[[ $(udev_says TAGS) == *:uaccess:* ]]
}

@test "where the group does not exist udev says so, and all the rest holds" {
	GROUP_FILE=$BATS_TEST_TMPDIR/no-group event 1050 0407
	grep -qE "Unknown group '?tokenroll'?, ignoring" "$log"
	[[ $(udev_says TAGS) == *:uaccess:* && $(udev_says TOKENROLL_KIND) == token ]]
}

@test "where no file says so nothing is started" {
	event 1050 0407
	[[ -z $(udev_says SYSTEMD_ALIAS) ]]
	run ! grep "SYSTEMD_WANTS.*tokenroll" "$log"
	event 076b 3031
	run ! grep "SYSTEMD_WANTS.*tokenroll" "$log"
}

@test "vpn.env: a token starts the VPN of the profile that it names, and a reader does not" {
	echo "TOKENROLL_VPN=office" >"$CONF/vpn.env"
	event 1050 0407
	[[ $(udev_says SYSTEMD_WANTS) == *"tokenroll-vpn@office.service"* ]]
	[[ $(udev_says SYSTEMD_ALIAS) == */sys/subsystem/tokenroll/devices/vpn* && $(udev_says TAGS) == *:systemd:* ]]
	# later events keep the device's name, and start nothing
	event 1050 0407 usb_device bind
	[[ $(udev_says SYSTEMD_ALIAS) == */sys/subsystem/tokenroll/devices/vpn* && $(udev_says TAGS) == *:systemd:* ]]
	run ! grep "SYSTEMD_WANTS.*tokenroll" "$log"
	event 076b 3031
	run ! grep "SYSTEMD_WANTS.*tokenroll" "$log"
	event 1d6b 0002
	gets_nothing
}

@test "the service is bound to the device by the very name that udev gives it" {
	local unit="$DEST/usr/lib/systemd/system/tokenroll-vpn@.service" device
	device=$(systemd-escape --path --suffix=device /sys/subsystem/tokenroll/devices/vpn)
	grep -qx "BindsTo=$device" "$unit"
	grep -qx "After=$device" "$unit"
}

@test "station.env: a reader or a token starts the station on the console that it names" {
	printf '%s\n' "TOKENROLL_STATION=tty8" "TOKENROLL_ROSTER=/srv/roster.csv" 'TOKENROLL_STATION_OPTIONS="--pick --plain"' \
		>"$CONF/station.env"
	event 076b 3031
	[[ $(udev_says SYSTEMD_WANTS) == *"tokenroll-station@tty8.service"* && $(udev_says TAGS) == *:systemd:* ]]
	event 1050 0407
	[[ $(udev_says SYSTEMD_WANTS) == *"tokenroll-station@tty8.service"* ]]
	event 1d6b 0002
	gets_nothing
}

@test "each device of the table is in the rules exactly once, as the table has it" {
	sed -nE 's/^ATTR\{idVendor\}=="(....)", ATTR\{idProduct\}=="(....)", ENV\{TOKENROLL_KIND\}="([a-z]+)", ENV\{TOKENROLL_NAME\}="([^"]+)"(, ENV\{TOKENROLL_PROFILE\}="([a-z0-9-]+)")?$/\1:\2|\3|\6|\4/p' \
		"$rules/55-tokenroll.rules" >"$BATS_TEST_TMPDIR/in-rules"
	awk '!/^#/ { name = $0; sub(/^[^ ]+ +[^ ]+ +[^ ]+ +/, "", name); print $1 "|" $2 "|" ($3 == "-" ? "" : $3) "|" name }' \
		"$table" >"$BATS_TEST_TMPDIR/in-table"
	(($(wc -l <"$BATS_TEST_TMPDIR/in-table") > 300))
	diff "$BATS_TEST_TMPDIR/in-table" "$BATS_TEST_TMPDIR/in-rules"
	[[ $(grep -c 'ATTR{idProduct}' "$rules/55-tokenroll.rules") == $(wc -l <"$BATS_TEST_TMPDIR/in-table") ]]
}

@test "udev's own verification has nothing to say" {
	udevadm verify --help >/dev/null 2>&1 || skip "this udev cannot verify rules"
	# it knows only groups that there are
	sed 's/GROUP="tokenroll"/GROUP="root"/' "$rules/55-tokenroll.rules" >"$BATS_TEST_TMPDIR/55-tokenroll.rules"
	udevadm verify "$BATS_TEST_TMPDIR/55-tokenroll.rules" "$rules/90-tokenroll-start.rules"
}

# checks LINE...: what the table's check says of a table of these lines
checks() {
	printf '%s\n' "$@" >"$BATS_TEST_TMPDIR/table"
	printf '1050  Yubico.com\n\t0407  Yubikey 4/5 OTP+U2F+CCID\n' >"$BATS_TEST_TMPDIR/usb.ids"
	awk -f "$COMPANY_ROOT/udev/check.awk" -v profiles="$COMPANY_ROOT/pkcs11/profiles" "$BATS_TEST_TMPDIR/usb.ids" \
		"$BATS_TEST_TMPDIR/table"
}

@test "the table is as its head says, and what is not is named with its line" {
	awk -f "$COMPANY_ROOT/udev/check.awk" -v profiles="$COMPANY_ROOT/pkcs11/profiles" "$table"
	local good='1050:0407  token     yubikey-piv    Yubico YubiKey'
	checks "$good"
	run -1 checks "$good" "$good"
	[[ $output == *"table:2: 1050:0407 is there twice" ]]
	run -1 checks "$good" '0a89:0030  token     rutoken-ecp    Aktiv Rutoken ECP'
	[[ $output == *"table:2: 0a89:0030 belongs before 1050:0407" ]]
	run -1 checks '1050:0407  token     no-such        Yubico YubiKey'
	[[ $output == *"table:1: there is no profile no-such" ]]
	run -1 checks '1050:0407  reader    yubikey-piv    Yubico YubiKey'
	[[ $output == *"table:1: a reader has no profile" ]]
	run -1 checks '1050:0407  token     yubikey-piv    Some other thing'
	[[ $output == *'table:1: "Some other thing" is "Yubico.com Yubikey 4/5 OTP+U2F+CCID" to usb.ids' ]]
	run -1 checks '1050:0407  token     yubikey-piv    Yubico "Key" for $20'
	[[ $output == *"is no name for people and for udev" ]]
	run -1 checks '1050:407  token  yubikey-piv  Yubico YubiKey'
	[[ $output == *'table:1: not "vendor:product  kind  profile  name"'* ]]
	run -1 checks '# nothing'
	[[ $output == *"there is no device in it" ]]
}

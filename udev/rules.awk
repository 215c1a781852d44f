# Makes the udev rules from the table of devices: awk -f rules.awk devices.table >55-tokenroll.rules
#
# Number 55 is after udev's own 50-udev-default.rules, which sets the mode of every USB device, and before everybody
# else's: whoever assigns a group later, as the CCID driver does for a pcscd that is not root (92), keeps it. uaccess
# has to be there before 73-seat-late.rules.

# leave VENDOR: where the devices of a vendor end, which the others jump over
function leave(vendor)
{
	if (vendor != "")
		printf "GOTO=\"tokenroll_access\"\nLABEL=\"tokenroll_not_%s\"\n", vendor
}

BEGIN {
	print "# Made by udev/rules.awk from udev/devices.table. Changes of yours: a file of this name in /etc/udev/rules.d"
	print "# replaces it, one with a higher number adds to it."
	print ""
	print "ACTION==\"remove\", GOTO=\"tokenroll_end\""
	print "SUBSYSTEM!=\"usb\", GOTO=\"tokenroll_end\""
	print "ENV{DEVTYPE}!=\"usb_device\", GOTO=\"tokenroll_end\""
	print ""
}

/^#/ || NF == 0 { next }

{
	name = $0
	sub(/^[^ ]+ +[^ ]+ +[^ ]+ +/, "", name)
	split($1, id, ":")
	if (id[1] != vendor) {
		leave(vendor)
		vendor = id[1]
		printf "ATTR{idVendor}!=\"%s\", GOTO=\"tokenroll_not_%s\"\n", vendor, vendor
	}
	printf "ATTR{idVendor}==\"%s\", ATTR{idProduct}==\"%s\", ENV{TOKENROLL_KIND}=\"%s\", ENV{TOKENROLL_NAME}=\"%s\"%s\n", \
		id[1], id[2], $2, name, $3 == "-" ? "" : ", ENV{TOKENROLL_PROFILE}=\"" $3 "\""
}

END {
	leave(vendor)
	print ""
	print "# The device itself, for software that talks to it without pcscd: to members of the group, and to who sits at"
	print "# the computer."
	print "LABEL=\"tokenroll_access\""
	print "ENV{TOKENROLL_KIND}==\"token|reader\", GROUP=\"tokenroll\", MODE=\"0660\", TAG+=\"uaccess\""
	print ""
	print "LABEL=\"tokenroll_end\""
}

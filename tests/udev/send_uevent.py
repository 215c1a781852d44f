#!/usr/bin/python3
"""Tells systemd of an event, as udev does: on the netlink socket of this network namespace.

usage: send_uevent.py ACTION DEVPATH SEQNUM KEY=VALUE...

The format is libudev's (struct monitor_netlink_header of systemd's device-monitor.c); a tag filter of all ones lets it
through to everybody.
"""

import socket
import struct
import sys

NETLINK_KOBJECT_UEVENT = 15
UDEV_GROUP = 2
HEADER_SIZE = 40
MAGIC = 0xFEEDCAFE


def main():
    action, path, number = sys.argv[1:4]
    pairs = ["ACTION=" + action, "DEVPATH=" + path, "SUBSYSTEM=usb", "SEQNUM=" + number] + sys.argv[4:]
    properties = "".join(pair + "\0" for pair in pairs).encode("utf-8")
    header = struct.pack("=8s", b"libudev") + struct.pack(">I", MAGIC)
    header += struct.pack("=III", HEADER_SIZE, HEADER_SIZE, len(properties))
    header += struct.pack(">IIII", 0, 0, 0xFFFFFFFF, 0xFFFFFFFF)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_KOBJECT_UEVENT) as netlink:
        netlink.bind((0, 0))
        netlink.sendto(header + properties, (0, UDEV_GROUP))


main()

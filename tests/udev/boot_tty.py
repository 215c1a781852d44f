#!/usr/bin/python3
"""A terminal for the system that boot.bash starts: what is written to it goes to this one, and the other way round.

usage: boot_tty.py FILE     the path of the new terminal is written to FILE

A program that is in front of a terminal for the time of its life, as a tmux is, takes a hang-up of it for the end.
systemd hangs its console up before each use; the one behind a screen does not mind, and this one does not either.
"""

import errno
import fcntl
import os
import select
import sys
import termios
import time
import tty


def main():
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, fcntl.ioctl(0, termios.TIOCGWINSZ, bytes(8)))
    with open(sys.argv[1] + ".new", "w", encoding="utf-8") as f:
        f.write(os.ttyname(slave) + "\n")
    os.rename(sys.argv[1] + ".new", sys.argv[1])
    os.close(slave)
    tty.setraw(0)
    while True:
        ready, _, _ = select.select([0, master], [], [])
        try:
            if 0 in ready:
                os.write(master, os.read(0, 4096))
            if master in ready:
                os.write(1, os.read(master, 4096))
        except OSError as e:
            # nobody has it open just now
            if e.errno != errno.EIO:
                raise
            time.sleep(0.02)


main()

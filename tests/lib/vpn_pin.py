#!/usr/bin/python3
"""Answers a VPN client's questions over OpenVPN's management interface.

usage: vpn_pin.py SOCKET PIN-FILE [TIMES]

Listens on SOCKET (start the client with `--management SOCKET unix --management-client --management-query-passwords`),
gives the token's PIN TIMES times (1), says yes to "insert the token" a few times, and prints what happened, a line each:
READY, ASKED <what>, PIN-REFUSED, TOKEN-MISSING, CONNECTED, and EXIT when the client has gone. A PIN is given once
only, but for a key that wants it again for each signature: OpenVPN would try a wrong one until the token locks.
"""

import re
import socket
import sys

TOKEN_TRIES = 5


def say(text):
    print(text, flush=True)


class Client:
    """The client's end of the management interface, one line at a time."""

    def __init__(self, connection, pin, times):
        self.stream = connection.makefile("rw", encoding="utf-8", newline="\n")
        self.pin = pin
        self.times = times
        self.missing = 0

    def send(self, line):
        self.stream.write(line + "\n")
        self.stream.flush()

    def stop(self, reason):
        say(reason)
        self.send("signal SIGTERM")

    def password(self, what):
        say("ASKED " + what)
        if self.times == 0:
            self.stop("PIN-REFUSED")
            return
        self.times -= 1
        quoted = self.pin.replace("\\", "\\\\").replace('"', '\\"')
        self.send('password "%s" "%s"' % (what.replace('"', '\\"'), quoted))

    def insert(self):
        self.missing += 1
        if self.missing > TOKEN_TRIES:
            self.stop("TOKEN-MISSING")
            return
        self.send("needok token-insertion-request ok")

    def serve(self):
        self.send("state on")
        for line in self.stream:
            asked = re.match(r">PASSWORD:Need '(.*)' password", line)
            if asked:
                self.password(asked.group(1))
            elif line.startswith(">NEED-OK:Need 'token-insertion-request'"):
                self.insert()
            elif line.startswith(">STATE:") and ",CONNECTED,SUCCESS," in line:
                say("CONNECTED")
        say("EXIT")


def main():
    path, pin_file = sys.argv[1:3]
    times = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    with open(pin_file, encoding="utf-8") as f:
        pin = f.readline().rstrip("\n")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(1)
        say("READY")
        connection, _ = listener.accept()
    try:
        Client(connection, pin, times).serve()
    except (ConnectionError, BrokenPipeError):
        say("EXIT")


if __name__ == "__main__":
    main()

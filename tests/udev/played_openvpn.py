#!/usr/bin/python3
"""Plays the OpenVPN of a test: says over the management interface what the test wants, and notes what it is told.

In the environment PLAY is a file of lines to say, each once the one before it was answered where it is a question, and
NOTED the file of what came. PLAY_STATUS is the exit status in the end. A line that begins with * is repeated so often
that no line has that length; one that is "quit" ends it.
"""

import os
import re
import signal
import socket
import sys


class Ended(Exception):
    pass


def stop(_signal, _frame):
    sys.exit(0)


class Conversation:
    def __init__(self, connection):
        self.connection = connection
        self.stream = connection.makefile("rb")

    def say(self, line):
        # in two pieces, as a socket may deliver it
        data = line.encode("utf-8") + b"\r\n"
        self.connection.sendall(data[:7])
        self.connection.sendall(data[7:])

    def hear(self, lines, noted):
        for _ in range(lines):
            line = self.stream.readline()
            if not line:
                raise Ended
            noted.write(line.decode("utf-8"))
            noted.flush()


def answers_to(line):
    """How many lines answer it."""
    if "username/password" in line and "SC:" not in line:
        return 2
    return 1 if re.match(r">(PASSWORD|NEED-OK):Need '.*'", line) else 0


def main():
    signal.signal(signal.SIGTERM, stop)
    arguments = sys.argv[1:]
    path = arguments[arguments.index("--management") + 1]
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    talk = Conversation(connection)
    with open(os.environ["NOTED"], "w", encoding="utf-8") as noted, open(os.environ["PLAY"], encoding="utf-8") as play:
        noted.write(" ".join(arguments) + "\n")
        talk.hear(1, noted)
        try:
            for line in play.read().splitlines():
                if line == "quit":
                    break
                talk.say(line[1:] * 5000 if line.startswith("*") else line)
                talk.hear(answers_to(line), noted)
            else:
                signal.pause()
        except (Ended, ConnectionError):
            pass
    sys.exit(int(os.environ.get("PLAY_STATUS", "0")))


main()

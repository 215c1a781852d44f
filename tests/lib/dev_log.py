"""dev_log.py read|hang FILE COMMAND...: a daemon at /dev/log, in the mount namespace it is run in, while a command runs.

read: writes what arrives to FILE, one datagram a line. hang: is there, but
never reads, and no more fits into its queue. Exits as the command does.
"""
import socket
import subprocess
import sys
import threading

how, path, command = sys.argv[1], sys.argv[2], sys.argv[3:]
log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
log.bind("/dev/log")
log.settimeout(0.1)
ended = threading.Event()


def read():
    with open(path, "wb") as out:
        while True:
            try:
                out.write(log.recv(65536) + b"\n")
            except socket.timeout:
                if ended.is_set():
                    return


def fill():
    more = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    more.connect("/dev/log")
    more.setblocking(False)
    try:
        while True:
            more.send(b"full")
    except BlockingIOError:
        pass


reader = threading.Thread(target=read, daemon=True)
if how == "read":
    reader.start()
else:
    fill()
status = subprocess.call(command)
ended.set()
if how == "read":
    reader.join()
sys.exit(status)

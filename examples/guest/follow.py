#!/usr/bin/python3
"""Prints what the host sends on a port, and when it comes and goes.

    follow.py PORT LINES

poll says what happens: POLLIN with bytes, POLLHUP while the host has its end
closed. A program that follows a port lives through both. Ends after LINES lines.

Exit status: 0; 1 where the port cannot be used; 2 for a wrong call.
"""

import os
import select
import sys
import time

AGAIN_S = 0.05  # POLLHUP is a state: poll would not wait while it lasts


def read_now(port):
    try:
        return os.read(port, 4096)
    except BlockingIOError:
        return b""


def follow(path, lines):
    port = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    poll = select.poll()
    poll.register(port, select.POLLIN)
    was_away = False
    unfinished = b""
    print("following", flush=True)
    while lines > 0:
        [(_, events)] = poll.poll()
        is_away = bool(events & select.POLLHUP)
        if is_away != was_away:
            was_away = is_away
            print("the host is", "away" if is_away else "here", flush=True)
        received = read_now(port)
        if is_away and not received:
            time.sleep(AGAIN_S)
        *whole, unfinished = (unfinished + received).split(b"\n")
        for line in whole:
            print("line:", line.decode(errors="replace"), flush=True)
        lines -= len(whole)


if __name__ == "__main__":
    if len(sys.argv) != 3 or not sys.argv[2].isdigit():
        print("usage: follow.py PORT LINES", file=sys.stderr)
        sys.exit(2)
    try:
        follow(sys.argv[1], int(sys.argv[2]))
    except OSError as fault:
        sys.exit(f"follow.py: {fault}")

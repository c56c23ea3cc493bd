#!/usr/bin/python3
"""Writes a line to a port and prints the line that comes back.

    hello.py PORT [LINE]

Exit status: 0; 1 where the port cannot be used; 2 for a wrong call.
"""

import sys


def hello(path, line):
    # One process at a time has a port: for another, this is EBUSY. Unbuffered,
    # since a port is no file that could be read ahead.
    with open(path, "r+b", buffering=0) as port:
        port.write(line.encode() + b"\n")
        answer = port.readline()
    if not answer.endswith(b"\n"):
        raise OSError(f"{path}: the host closed the port")
    print(answer.decode(errors="replace"), end="")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        print("usage: hello.py PORT [LINE]", file=sys.stderr)
        sys.exit(2)
    try:
        hello(sys.argv[1], sys.argv[2] if len(sys.argv) == 3 else "hello")
    except OSError as fault:
        sys.exit(f"hello.py: {fault}")

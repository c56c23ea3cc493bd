#!/usr/bin/python3
"""Speaks to a QEMU guest agent as libvirt does.

    qga.py SOCKET [TIMES]

Reads commands from standard input, a JSON object a line, and prints what the
agent answers to each, a line: TIMES times each, once if left out. A command that
is not answered where it succeeds (guest-shutdown) prints an empty line.

    echo '{"execute": "guest-get-osinfo"}' | qga.py run/agent.sock

Exit status: 0; 1 where the agent does not answer; 2 for a wrong call.
"""

import json
import random
import socket
import sys

PATIENCE_S = 60
SILENT = ("guest-shutdown", "guest-suspend-ram", "guest-suspend-disk", "guest-suspend-hybrid")


class Agent:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(path)
        self.received = b""

    def send(self, command, before=b""):
        self.socket.sendall(before + json.dumps(command).encode() + b"\n")

    def read_until(self, end):
        while end not in self.received:
            piece = self.socket.recv(65536)
            if not piece:
                raise OSError("the agent's end was closed")
            self.received += piece
        line, _, self.received = self.received.partition(end)
        return line

    def sync(self):
        """Brings both ends to the same place, whatever was said before."""
        number = random.getrandbits(31)
        command = {"execute": "guest-sync-delimited", "arguments": {"id": number}}
        self.send(command, before=b"\xff")
        while True:
            self.read_until(b"\xff")
            answer = json.loads(self.read_until(b"\n"))
            if answer.get("return") == number:
                return
            if "error" in answer:
                raise OSError(answer["error"]["desc"])

    def ask(self, command):
        self.send(command)
        if command["execute"] in SILENT:
            # Where it fails, that comes before the answer to the next.
            self.send({"execute": "guest-ping"})
            answer = self.read_until(b"\n")
            if b'"error"' not in answer:
                return b""
            self.read_until(b"\n")
            return answer
        return self.read_until(b"\n")


def main(path, times):
    agent = Agent(path)
    agent.sync()
    for line in sys.stdin:
        command = json.loads(line)
        for _ in range(times):
            print(agent.ask(command).decode(), flush=True)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3) or not all(word.isdigit() for word in sys.argv[2:]):
        print("usage: qga.py SOCKET [TIMES]", file=sys.stderr)
        sys.exit(2)
    try:
        main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) == 3 else 1)
    except OSError as fault:
        sys.exit(f"qga.py: {fault}")

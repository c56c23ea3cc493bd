#!/usr/bin/python3
"""Sends bytes to a port, reads what comes back meanwhile, and compares.

    transfer.py PORT BYTES

The host must echo. One thread: a selector says when the port can be read and
when it can be written. Prints bytes and CRC-32 of either direction.

Exit status: 0; 1 where what came back differs; 2 for a wrong call.
"""

import os
import random
import selectors
import sys
import zlib

PIECE = 32768  # as much as Linux takes of one write
PATIENCE_S = 60


def transfer(path, total):
    source = random.Random(1)
    port = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    selector = selectors.DefaultSelector()
    both = selectors.EVENT_READ | selectors.EVENT_WRITE
    key = selector.register(port, both)
    sent = received = sent_crc = received_crc = 0
    piece = b""
    while received < total:
        ready = selector.select(PATIENCE_S)
        if not ready:
            raise OSError(f"nothing came back after {received} of {total} bytes")
        events = ready[0][1]
        if events & selectors.EVENT_WRITE:
            piece = piece or source.randbytes(min(PIECE, total - sent))
            written = os.write(port, piece)
            sent_crc = zlib.crc32(piece[:written], sent_crc)
            sent += written
            piece = piece[written:]
        if events & selectors.EVENT_READ:
            bytes_read = os.read(port, PIECE)
            if not bytes_read:
                raise OSError("the host closed the port")
            received_crc = zlib.crc32(bytes_read, received_crc)
            received += len(bytes_read)
        wanted = both if sent < total else selectors.EVENT_READ
        if key.events != wanted:
            key = selector.modify(port, wanted)
    print(f"sent {sent} bytes, crc {sent_crc:08x}")
    print(f"received {received} bytes, crc {received_crc:08x}")
    if received != sent or received_crc != sent_crc:
        raise OSError("what came back is not what was sent")


if __name__ == "__main__":
    if len(sys.argv) != 3 or not sys.argv[2].isdigit() or int(sys.argv[2]) == 0:
        print("usage: transfer.py PORT BYTES", file=sys.stderr)
        sys.exit(2)
    try:
        transfer(sys.argv[1], int(sys.argv[2]))
    except OSError as fault:
        sys.exit(f"transfer.py: {fault}")

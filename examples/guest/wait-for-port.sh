#!/bin/sh
# Waits until ports are there. After the driver is loaded, the host announces
# one port after the other, and udev makes a link for each.
#
#     wait-for-port.sh NAME...
#
# Exit status: 0; 1 where one is not there after 30 seconds; 2 for a wrong call.

if [ $# -eq 0 ]; then
    echo "usage: wait-for-port.sh NAME..." >&2
    exit 2
fi
tries=300
for name; do
    while ! [ -e "/dev/virtio-ports/$name" ]; do
        tries=$((tries - 1))
        if [ "$tries" -eq 0 ]; then
            echo "wait-for-port.sh: there is no port $name" >&2
            exit 1
        fi
        sleep 0.1
    done
done

#!/bin/sh
# Writes a line to a port and prints the line that comes back.
#
#     hello.sh PORT [LINE]
#
# Exit status: 0; 1 where the port cannot be used; 2 for a wrong call.

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
    echo "usage: hello.sh PORT [LINE]" >&2
    exit 2
fi
if ! [ -c "$1" ]; then
    echo "hello.sh: there is no port $1" >&2
    exit 1
fi
# Both directions by one open: one process at a time has a port.
exec 3<>"$1" || exit 1
echo "${2:-hello}" >&3 || exit 1
read -r answer <&3 || exit 1
echo "$answer"

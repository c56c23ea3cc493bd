#!/bin/busybox sh
# shellcheck shell=dash
# First process of the outer machine: loads KVM, and runs the commands that come
# on its serial port, each told by a line with its exit status.

export PATH=/bin HOME=/tmp PORTUNUS_CACHE_DIR=/tmp/cache

/bin/busybox mount -t devtmpfs none /dev
/bin/busybox mount -t proc none /proc
/bin/busybox mount -t sysfs none /sys
/bin/busybox mount -t tmpfs none /tmp
/bin/busybox --install -s /bin
# The console is a pipe: what is typed needs no echo, lines no carriage return.
stty -echo -onlcr

for module in irqbypass kvm kvm-amd; do
    insmod "/modules/$module.ko"
done
cd /tmp || exit
echo "outer: ready with $(ls /dev/kvm)"

while read -r command; do
    eval "$command"
    echo "outer: status $?"
done
reboot -f

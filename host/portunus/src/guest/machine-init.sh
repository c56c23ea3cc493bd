#!/bin/busybox sh
# shellcheck shell=dash
# First process of a Portunus guest on KVM, whose root is its initial RAM disk. It
# brings up what a Debian system has (udev loads the virtio modules and makes
# /dev/virtio-ports), and powers off when its power button is pressed. Where there
# is /exchange/run it runs that and says how it ended; else a shell on the console.
# Then it powers off. Busybox finds its commands without a path.

export PATH=/usr/sbin:/usr/bin:/run/busybox HOME=/root LC_ALL=C.UTF-8

/bin/busybox mount -t devtmpfs none /dev
/bin/busybox mount -t proc none /proc
/bin/busybox mount -t sysfs none /sys
/bin/busybox mount -t tmpfs none /run
/bin/busybox mkdir /run/busybox /dev/pts /dev/shm
/bin/busybox --install -s /run/busybox
mount -t devpts none /dev/pts
mount -t tmpfs none /dev/shm

# These two by their paths: busybox has its own, which udev does not understand.
/usr/sbin/depmod
/usr/sbin/modprobe -a evdev button
/usr/lib/systemd/systemd-udevd --daemon 2>/dev/null
udevadm trigger --action=add
udevadm settle

# hvc0 may be the console, and is there only now.
exec </dev/console >/dev/console 2>&1

for name in /sys/class/input/event*/device/name; do
    if [ "$(cat "$name")" = "Power Button" ]; then
        event=${name%/device/name}
        (head -c 1 "/dev/input/${event##*/}" >/dev/null; poweroff -f) &
    fi
done

if [ -x /exchange/run ]; then
    stty -echo -onlcr
    cd /exchange && ./run
    echo "guest: its program ended with $?"
else
    echo "Ports, in /dev/virtio-ports:"
    ls /dev/virtio-ports
    echo "To end this machine: exit, or poweroff -f. To start it again: reboot -f."
    cd /root || cd /
    setsid cttyhack sh -l
fi
poweroff -f

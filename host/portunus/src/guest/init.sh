#!/bin/busybox sh
# shellcheck shell=dash
# First process of a Portunus guest. Its root is a folder that it cannot write;
# /exchange is its own, shared with the host. It brings up what a Debian system
# has (udev loads virtio_console and makes /dev/virtio-ports), runs
# /exchange/run, leaves that program's exit status in /exchange/status, and
# powers off. Busybox finds its commands without a path.
#
# From the kernel's command line: PORTUNUS_LIFE_S, the seconds after which the
# guest ends whatever it does, should its host have died.

export PATH=/usr/sbin:/usr/bin:/run/busybox HOME=/root LC_ALL=C.UTF-8

/bin/busybox mount -t proc none /proc
/bin/busybox mount -t sysfs none /sys
for folder in /run /tmp /var /root; do
    /bin/busybox mount -t tmpfs none "$folder"
done
/bin/busybox mkdir /run/busybox /dev/pts /dev/shm
/bin/busybox --install -s /run/busybox
mount -t devpts none /dev/pts
mount -t tmpfs none /dev/shm
mount -t hostfs -o exchange none /exchange

# The console is a pipe: what is typed needs no echo, lines no carriage return.
stty -echo -onlcr

(sleep "${PORTUNUS_LIFE_S:-600}"; echo "guest: out of time"; poweroff -f) &

# How often this guest has started: a reboot comes back here.
boot=$(($(cat /exchange/boot 2>/dev/null) + 1))
echo "$boot" >/exchange/boot
export PORTUNUS_BOOT="$boot"

# As at any boot: udev first, then the events of what the kernel found before.
/usr/lib/systemd/systemd-udevd --daemon 2>/dev/null
udevadm trigger --action=add --subsystem-match=virtio --subsystem-match=mem
udevadm settle

cd /exchange || poweroff -f
./run
echo "$?" >/exchange/status
poweroff -f

#!/bin/busybox sh
# shellcheck shell=dash
# A guest's desktop without a screen: X, the SPICE agent's daemon and its half in
# the session. Runs each line that it is told, and says how that ended.
mkdir -p /run/spice-vdagentd /tmp/.X11-unix
export DISPLAY=:0 HOME=/tmp GTK_THEME=none
Xvfb :0 -screen 0 640x480x24 -nolisten tcp >/exchange/xvfb.log 2>&1 &
until xclip -version 2>/dev/null && [ -S /tmp/.X11-unix/X0 ]; do sleep 0.1; done
# There is no uinput in User Mode Linux: any file takes what the mouse does.
: >/tmp/uinput

start_agent() {
    socket=/run/spice-vdagentd/spice-vdagent-sock
    rm -f "$socket"
    spice-vdagentd -f -x -X -d -u /tmp/uinput >>/exchange/vdagentd.log 2>&1 &
    until [ -S "$socket" ]; do sleep 0.1; done
    spice-vdagent -x -d >>/exchange/vdagent.log 2>&1 &
}

start_agent
echo desktop
while read -r line; do
    eval "$line"
    echo "ended: $?"
done

#!/bin/sh
# What the guest of `portunus demo` does. A port is a file to it. What it says
# with "demo" in front, the host tells its user.

ports=/dev/virtio-ports
echo_port=org.portunus.echo.0
log_port=org.portunus.log.0

echo "demo kernel $(uname -a)"

./wait-for-port.sh "$echo_port" "$log_port" || exit
names=
for port in "$ports"/*; do
    names="$names ${port##*/}"
done
echo "demo ports$names"

# The host types the word of this run.
read -r word
line="hello from the guest, the word is $word"

echo "demo writes $line"
answer=$(./hello.sh "$ports/$echo_port" "$line") || exit
echo "demo reads $answer"

echo "$line" >"$ports/$log_port" || exit
echo "demo logs $line"

# A guest that powers off takes back what nobody has read yet: the host says
# when the line is in its file.
read -r _

#!/bin/sh
# Runs RabbitMQ out of a folder of unpacked packages, on loopback, with everything
# that it writes in the working folder: broker.sh ROOT PORT EPMD_PORT DIST_PORT
set -eu
root=$1 port=$2 epmd_port=$3 dist_port=$4
here=$PWD
erlang=$root/usr/lib/erlang

# Debian's own knows one place alone.
mkdir bin
cat >bin/erl <<END
#!/bin/sh
export ROOTDIR='$erlang' BINDIR='$(echo "$erlang"/erts-*/bin)' EMU=beam PROGNAME=erl
exec "\$BINDIR/erlexec" "\$@"
END
chmod +x bin/erl
export PATH="$here/bin:$erlang/bin:$PATH" HOME="$here"
export LD_LIBRARY_PATH="$root/usr/lib/x86_64-linux-gnu"

echo "listeners.tcp.default = 127.0.0.1:$port" >rabbitmq.conf
echo '[].' >enabled_plugins
export RABBITMQ_CONFIG_FILE="$here/rabbitmq.conf" RABBITMQ_CONF_ENV_FILE=/dev/null
export RABBITMQ_ENABLED_PLUGINS_FILE="$here/enabled_plugins"
export RABBITMQ_MNESIA_BASE="$here/mnesia" RABBITMQ_LOG_BASE="$here/log" RABBITMQ_LOGS=-
export RABBITMQ_NODENAME=portunus-test@localhost RABBITMQ_DIST_PORT="$dist_port"
# One scheduler, which sleeps where there is nothing to do.
export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1} +S 1 +sbwt none"

# Erlang's directory of nodes: started by the broker where there is none, and then
# it would outlive it.
export ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT="$epmd_port"
"$erlang"/erts-*/bin/epmd &
exec "$root"/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server

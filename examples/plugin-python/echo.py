"""Sends every byte back, as plugins/echo does. docs/PLUGINS.md builds it."""

from componentize_py_types import Err
from wit_world.imports import channel, lifecycle


class Handler:
    def init(self, port, config, saved):
        if config != "{}":
            raise Err("config: this plugin has no configuration")

    def on_data(self, channel_id, data):
        try:
            return channel.send(channel_id, data)
        except Err:
            return len(data)

    def on_writable(self, channel_id):
        channel.resume(channel_id)

    def on_end(self, channel_id):
        channel.finish(channel_id)

    def on_open(self, channel_id, peer, why):
        pass

    def on_close(self, channel_id, why):
        pass

    def on_timer(self, token):
        pass

    def on_stop(self, grace_ms):
        lifecycle.stopped()

    def save(self):
        return None

//! Handlers without Wasm: what a plugin's calls cost is the difference to these.
//! They do what the plugin in their place does, through the same host.

use std::sync::Arc;

use portunus::session::{Channels, Handler, HandlerRecipe, PluginHost, Port, StartFault};
use portunus_plugin::{ChannelId, ChannelOrder, Fault, Host};

/// What a native handler does with the guest's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Native {
    /// Sends them back, as `plugins/echo` does.
    Echo,
    /// Takes them, and that is all.
    Null,
}

/// A native handler of one port.
pub struct NativeHandler {
    does: Native,
    host: PluginHost,
}

impl HandlerRecipe for Native {
    type Handler = NativeHandler;

    fn name(&self) -> &str {
        "native"
    }

    async fn instance(
        &self,
        port: &Arc<Port>,
        channels: &mut Channels,
    ) -> Result<NativeHandler, StartFault> {
        let mut host = PluginHost::new(Arc::clone(port));
        host.channels = std::mem::take(channels);
        Ok(NativeHandler { does: *self, host })
    }

    fn count(_: &mut NativeHandler) {}
}

impl Handler for NativeHandler {
    fn host(&self) -> &PluginHost {
        &self.host
    }

    fn host_mut(&mut self) -> &mut PluginHost {
        &mut self.host
    }

    async fn on_data(&mut self, channel: ChannelId, data: &[u8]) -> Result<usize, Fault> {
        Ok(match self.does {
            Native::Echo => self.host.send(channel, data).unwrap_or(data.len()),
            Native::Null => data.len(),
        })
    }

    async fn on_writable(&mut self, channel: ChannelId) -> Result<(), Fault> {
        self.host.steer(channel, ChannelOrder::Resume);
        Ok(())
    }

    async fn on_end(&mut self, channel: ChannelId) -> Result<(), Fault> {
        self.host.steer(channel, ChannelOrder::Finish);
        Ok(())
    }
}

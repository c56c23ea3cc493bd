//! The terminal as what answers a port: the guest's console hvc0, by native code
//! in the place of a plugin.

use std::sync::Arc;

use portunus_device::layout::{PortId, PortName, PortNameError};
use portunus_plugin::{ChannelId, Fault};

use super::terminal::Screen;
use crate::router::PortPlan;
use crate::session::{
    ChannelPlan, Channels, Handler, HandlerRecipe, PluginHost, Port, PortLimits, RestartPolicy,
    StartFault,
};

/// The port's name in the guest.
const NAME: &str = "org.portunus.console.0";

/// The terminal's port: what the guest writes goes to `screen`.
pub(super) fn plan(screen: Screen) -> Result<PortPlan<ToScreen>, PortNameError> {
    let name: PortName = NAME.parse()?;
    Ok(PortPlan {
        id: PortId::ZERO,
        name,
        console: true,
        recipe: ToScreen(screen),
        channels: ChannelPlan::default(),
        limits: PortLimits::DEFAULT,
        restart: RestartPolicy::default(),
    })
}

/// Makes what writes to the screen.
pub(super) struct ToScreen(Screen);

/// Writes what the guest writes to the screen. What is typed comes to the port by
/// another way ([`Port::give`]).
pub(super) struct Console {
    screen: Screen,
    host: PluginHost,
}

impl HandlerRecipe for ToScreen {
    type Handler = Console;

    fn name(&self) -> &str {
        "terminal"
    }

    async fn instance(&self, port: &Arc<Port>, _: &mut Channels) -> Result<Console, StartFault> {
        Ok(Console {
            screen: self.0.clone(),
            host: PluginHost::new(Arc::clone(port)),
        })
    }

    fn count(_: &mut Console) {}
}

impl Handler for Console {
    fn host(&self) -> &PluginHost {
        &self.host
    }

    fn host_mut(&mut self) -> &mut PluginHost {
        &mut self.host
    }

    async fn on_data(&mut self, _: ChannelId, data: &[u8]) -> Result<usize, Fault> {
        self.screen.show(data).await;
        Ok(data.len())
    }
}

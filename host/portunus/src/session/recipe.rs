//! All that a fresh instance of a port's plugin is made from.

use std::sync::Arc;

use portunus_plugin::{Component, Fault, Grants, Instance, Limits, PortInfo};

use super::calls::Export;
use super::channels::Channels;
use super::handler::HandlerRecipe;
use super::plugin_host::PluginHost;
use super::port::Port;

/// What a port's table says of its plugin, loaded and checked.
#[derive(Clone)]
pub struct Recipe {
    /// The compiled component, shared by the ports that name it.
    pub component: Component,
    /// What the plugin may use.
    pub limits: Limits,
    /// What it may reach.
    pub grants: Grants,
    /// The port it answers.
    pub info: PortInfo,
    /// Its `config` table as JSON.
    pub config: Arc<str>,
}

/// Why no instance came to be.
#[derive(Debug, thiserror::Error)]
pub enum StartFault {
    /// The plugin looked at its configuration and said no.
    #[error("the plugin refuses its configuration: {0}")]
    Refused(String),
    /// The plugin failed before it could say anything.
    #[error(transparent)]
    Failed(#[from] Fault),
}

impl HandlerRecipe for Recipe {
    type Handler = Instance<PluginHost>;

    fn name(&self) -> &str {
        self.component.named()
    }

    /// Makes an instance and has it look at its configuration.
    async fn instance(
        &self,
        port: &Arc<Port>,
        channels: &mut Channels,
    ) -> Result<Self::Handler, StartFault> {
        let host = PluginHost::new(Arc::clone(port));
        let calls = &port.counters.calls;
        let start = Instance::start(&self.component, &self.limits, &self.grants, host);
        let mut instance = calls.watch(Export::Start, start).await?;
        instance.host_mut().channels = std::mem::take(channels);
        let init = instance.init(&self.info, &self.config, None);
        let answer = calls.watch(Export::Init, init).await;
        PluginHost::count(&mut instance);
        let fault = match answer {
            Ok(Ok(())) => return Ok(instance),
            Ok(Err(words)) => {
                calls.note_refused();
                StartFault::Refused(words)
            }
            Err(fault) => fault.into(),
        };
        *channels = std::mem::take(&mut instance.host_mut().channels);
        Err(fault)
    }

    fn count(plugin: &mut Self::Handler) {
        PluginHost::count(plugin);
    }
}

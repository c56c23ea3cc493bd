//! The runtime against real components, small and mostly hostile. Each is
//! written as WebAssembly text where its test stands.

#![cfg(test)]

mod calls;
mod compile;
mod contract;
mod faults;
mod grants;
mod limits;
mod load;
mod recorder;
mod text;
mod wasi_memory;
mod words;

use portunus_plugin::{Component, Engine, Fault, Grants, Instance, Limits};
use std::sync::LazyLock;

use recorder::Recorder;
use text::Plugin;

/// One engine for all tests, as a process has it.
fn engine() -> &'static Engine {
    static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new().expect("an engine"));
    &ENGINE
}

fn load(plugin: &Plugin) -> Component {
    Component::load(engine(), &plugin.encode(), "test.wasm").expect("a plugin")
}

/// Starts a plugin within limits that a test sets, and without grants.
async fn start_within(plugin: &Plugin, limits: Limits) -> Result<Instance<Recorder>, Fault> {
    Instance::start(
        &load(plugin),
        &limits,
        &Grants::default(),
        Recorder::default(),
    )
    .await
}

async fn start(plugin: &Plugin) -> Instance<Recorder> {
    start_within(plugin, Limits::default())
        .await
        .expect("a started plugin")
}

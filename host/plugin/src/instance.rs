//! One running plugin: a store with a component's instance in it, and the calls
//! of `handler`.

use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::{Store, UpdateDeadline};

use crate::bindings::Plugin;
use crate::call_clock::CallClock;
use crate::component::Component;
use crate::engine::Engine;
use crate::fault::{Fault, FaultCause, bad_answer};
use crate::grants::Grants;
use crate::host::{ChannelId, CloseReason, Host, OpenReason, Peer, PortInfo};
use crate::journal::{MAX_ANSWER_BYTES, clean};
use crate::limits::{Limits, to_usize};
use crate::outlet::{Losses, Outlet};
use crate::output::Output;
use crate::state::State;

/// Bytes that one `on-data` is given at most.
pub const MAX_DELIVERY_BYTES: usize = 64 << 10;

/// Bytes that `save` may return.
pub const MAX_SAVED_BYTES: usize = 1 << 20;

/// Name of the first, unnamed call: the component's own start.
const START: &str = "start";

/// A plugin that answers one port. `H` is what its imports reach.
///
/// Calls need a tokio runtime with its timer. While a plugin computes, its
/// call's future yields every millisecond, so that other tasks of the thread go
/// on. A call's future may be dropped before its end; the instance is then, as
/// after any [`Fault`], of no more use: every later call is
/// [`FaultCause::Poisoned`].
pub struct Instance<H> {
    store: Store<State>,
    plugin: Plugin,
    clock: Arc<CallClock>,
    limits: Limits,
    healthy: bool,
    host: PhantomData<fn() -> H>,
}

impl<H: Host> Instance<H> {
    /// Instantiates a plugin within its limits. Its first call is
    /// [`init`](Self::init).
    pub async fn start(
        component: &Component,
        limits: &Limits,
        grants: &Grants,
        host: H,
    ) -> Result<Self, Fault> {
        let (stdout, stderr) = (Output::new(limits), Output::new(limits));
        let wasi = open(grants, limits, stdout.clone(), stderr.clone()).await?;
        let outlet = Outlet::new(Box::new(host), limits, stdout, stderr);
        let clock = Arc::new(CallClock::new(component.engine().clone(), limits));
        let mut store = new_store(
            component.engine(),
            State::new(outlet, limits, wasi),
            limits,
            &clock,
        );

        store.set_epoch_deadline(1);
        match clock
            .run(component.pre().instantiate_async(&mut store))
            .await
        {
            Ok(plugin) => Ok(Self {
                store,
                plugin,
                clock,
                limits: limits.clone(),
                healthy: true,
                host: PhantomData,
            }),
            Err(error) => {
                close(&mut store);
                Err(Fault::from_error(START, &error, limits))
            }
        }
    }

    /// The plugin's first call. `config_json` is a JSON object. The inner error
    /// is the plugin's word, in one line, on what is wrong in it.
    pub async fn init(
        &mut self,
        port: &PortInfo,
        config_json: &str,
        saved: Option<&[u8]>,
    ) -> Result<Result<(), String>, Fault> {
        self.begin("init")?;
        let handler = self.plugin.portunus_port_handler();
        let call = handler.call_init(&mut self.store, port, config_json, saved);
        let outcome = self.clock.run(call).await;
        let answer = self.end("init", outcome)?;
        Ok(answer.map_err(|word| clean(&word, MAX_ANSWER_BYTES)))
    }

    /// A channel opened.
    pub async fn on_open(
        &mut self,
        channel: ChannelId,
        peer: &Peer,
        why: &OpenReason,
    ) -> Result<(), Fault> {
        self.begin("on-open")?;
        let handler = self.plugin.portunus_port_handler();
        let call = handler.call_on_open(&mut self.store, channel.0, peer, why);
        let outcome = self.clock.run(call).await;
        self.end("on-open", outcome)
    }

    /// Bytes from the channel's peer: 1 to [`MAX_DELIVERY_BYTES`], which it is
    /// the caller's to keep. Returns how many were taken, from the first on.
    pub async fn on_data(&mut self, channel: ChannelId, data: &[u8]) -> Result<usize, Fault> {
        self.begin("on-data")?;
        let handler = self.plugin.portunus_port_handler();
        let call = handler.call_on_data(&mut self.store, channel.0, data);
        let outcome = self.clock.run(call).await;
        let taken = self.end("on-data", outcome)?;
        match usize::try_from(taken) {
            Ok(taken) if taken <= data.len() => Ok(taken),
            _ => {
                self.poison();
                Err(bad_answer(
                    "on-data",
                    format_args!("it took {taken} bytes of {}", data.len()),
                ))
            }
        }
    }

    /// There is room again on a channel that had too little.
    pub async fn on_writable(&mut self, channel: ChannelId) -> Result<(), Fault> {
        self.begin("on-writable")?;
        let handler = self.plugin.portunus_port_handler();
        let outcome = self
            .clock
            .run(handler.call_on_writable(&mut self.store, channel.0))
            .await;
        self.end("on-writable", outcome)
    }

    /// The peer's end of file.
    pub async fn on_end(&mut self, channel: ChannelId) -> Result<(), Fault> {
        self.begin("on-end")?;
        let handler = self.plugin.portunus_port_handler();
        let outcome = self
            .clock
            .run(handler.call_on_end(&mut self.store, channel.0))
            .await;
        self.end("on-end", outcome)
    }

    /// The channel closed.
    pub async fn on_close(&mut self, channel: ChannelId, why: &CloseReason) -> Result<(), Fault> {
        self.begin("on-close")?;
        let handler = self.plugin.portunus_port_handler();
        let outcome = self
            .clock
            .run(handler.call_on_close(&mut self.store, channel.0, why))
            .await;
        self.end("on-close", outcome)
    }

    /// A timer is due.
    pub async fn on_timer(&mut self, token: u64) -> Result<(), Fault> {
        self.begin("on-timer")?;
        let handler = self.plugin.portunus_port_handler();
        let outcome = self
            .clock
            .run(handler.call_on_timer(&mut self.store, token))
            .await;
        self.end("on-timer", outcome)
    }

    /// The host is going down, and waits for `grace` at most.
    pub async fn on_stop(&mut self, grace: Duration) -> Result<(), Fault> {
        self.begin("on-stop")?;
        let handler = self.plugin.portunus_port_handler();
        let grace_ms = u32::try_from(grace.as_millis()).unwrap_or(u32::MAX);
        let outcome = self
            .clock
            .run(handler.call_on_stop(&mut self.store, grace_ms))
            .await;
        self.end("on-stop", outcome)
    }

    /// What the next instance needs to go on: at most [`MAX_SAVED_BYTES`].
    pub async fn save(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        self.begin("save")?;
        let handler = self.plugin.portunus_port_handler();
        let outcome = self.clock.run(handler.call_save(&mut self.store)).await;
        let saved = self.end("save", outcome)?;
        match saved {
            Some(saved) if saved.len() > MAX_SAVED_BYTES => {
                self.poison();
                let given = saved.len();
                Err(bad_answer(
                    "save",
                    format_args!("it returned {given} bytes; at most {MAX_SAVED_BYTES} are kept"),
                ))
            }
            saved => Ok(saved),
        }
    }

    /// What the plugin's imports reach.
    pub fn host(&self) -> &H {
        let outlet = self.store.data().outlet.as_deref();
        let host = outlet.map(|outlet| &*outlet.host as &dyn Any);
        match host.and_then(<dyn Any>::downcast_ref) {
            Some(host) => host,
            None => unreachable!("{AWAY}"),
        }
    }

    /// What the plugin's imports reach.
    pub fn host_mut(&mut self) -> &mut H {
        let outlet = self.store.data_mut().outlet.as_deref_mut();
        let host = outlet.map(|outlet| &mut *outlet.host as &mut dyn Any);
        match host.and_then(<dyn Any>::downcast_mut) {
            Some(host) => host,
            None => unreachable!("{AWAY}"),
        }
    }

    /// Linear memory that the plugin has, in bytes.
    pub fn memory_bytes(&self) -> u64 {
        self.store.data().usage.memory_bytes()
    }

    /// What the plugin gave that did not reach its host.
    pub fn losses(&self) -> Losses {
        self.store
            .data()
            .outlet
            .as_deref()
            .map(Outlet::losses)
            .unwrap_or_default()
    }

    /// Enters a call. Until it has ended well, the instance counts as poisoned.
    fn begin(&mut self, export: &'static str) -> Result<(), Fault> {
        if !std::mem::take(&mut self.healthy) {
            return Err(Fault::new(export, FaultCause::Poisoned));
        }
        self.store.set_epoch_deadline(1);
        Ok(())
    }

    fn end<T>(&mut self, export: &'static str, outcome: wasmtime::Result<T>) -> Result<T, Fault> {
        match outcome {
            Ok(answer) => {
                if let Some(outlet) = self.store.data_mut().outlet.as_deref_mut() {
                    outlet.end_call();
                }
                self.healthy = true;
                Ok(answer)
            }
            Err(error) => {
                self.poison();
                Err(Fault::from_error(export, &error, &self.limits))
            }
        }
    }

    /// Ends the instance, with what the plugin said last.
    fn poison(&mut self) {
        self.healthy = false;
        close(&mut self.store);
    }
}

impl<H> Drop for Instance<H> {
    fn drop(&mut self) {
        close(&mut self.store);
    }
}

/// Only an import is without a host, and no import runs while an instance can
/// be looked at; and the host is always the one that `start` was given.
const AWAY: &str = "an instance has the host that it was started with";

/// A store within its limits.
fn new_store(
    engine: &Engine,
    state: State,
    limits: &Limits,
    clock: &Arc<CallClock>,
) -> Store<State> {
    let mut store = Store::new(engine.wasm(), state);
    store.limiter(|state| &mut state.usage);
    store.set_hostcall_fuel(to_usize(limits.host_call_bytes));
    store.set_max_component_handles(to_usize(limits.resources));
    let clock = Arc::clone(clock);
    store.epoch_deadline_callback(move |_| {
        clock.epoch_passed()?;
        Ok(UpdateDeadline::YieldCustom(
            1,
            Box::pin(tokio::task::yield_now()),
        ))
    });
    store
}

/// Opens what is granted, where waiting for a file system holds nobody up.
async fn open(
    grants: &Grants,
    limits: &Limits,
    stdout: Output,
    stderr: Output,
) -> Result<wasmtime_wasi::WasiCtx, Fault> {
    let opened = if grants.dirs.is_empty() {
        grants.open(limits, stdout, stderr)
    } else {
        let (grants, limits) = (grants.clone(), limits.clone());
        tokio::task::spawn_blocking(move || grants.open(&limits, stdout, stderr))
            .await
            .map_err(|error| Fault::new(START, FaultCause::Host(error.to_string())))?
    };
    opened.map_err(|error| Fault::new(START, error))
}

fn close(store: &mut Store<State>) {
    if let Some(outlet) = store.data_mut().outlet.as_deref_mut() {
        outlet.close();
    }
}

//! A host for tests of a plugin, natively and without Wasm.
//!
//! Each thread has one, so tests do not meet. [`Host::new`] makes it fresh;
//! what the plugin then calls is noted, and answered as the test has said.

#[path = "testing/imports.rs"]
pub(crate) mod imports;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::time::Duration;

use crate::log::Level;
use crate::{Channel, Plugin, PortInfo, SendError, Start};

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

/// All that a host knows of its plugin.
#[derive(Default)]
pub(crate) struct State {
    streams: BTreeMap<u64, Stream>,
    targets: Vec<String>,
    /// The last channel that [`Channel::connect`] gave.
    connected: u64,
    /// Connections that may be begun yet. `None`: any number.
    connects_left: Option<usize>,
    timers_ms: BTreeMap<u64, u64>,
    logged: Vec<(Level, String)>,
    counters: BTreeMap<String, u64>,
    gauges: BTreeMap<String, f64>,
    stopped: bool,
}

/// One channel, as its peer sees it.
#[derive(Default)]
struct Stream {
    received: Vec<u8>,
    /// Bytes that it takes until more room is made. `None`: all there are.
    room: Option<usize>,
    broken: Option<SendError>,
    paused: bool,
    finished: bool,
    closed: bool,
}

/// The host, as a test sees it. Not to be sent to another thread.
#[derive(Debug)]
pub struct Host {
    this_thread: PhantomData<*const ()>,
}

impl Default for Host {
    fn default() -> Self {
        Self::new()
    }
}

impl Host {
    /// A host on which every channel takes all it is given.
    pub fn new() -> Self {
        STATE.set(State::default());
        Self {
            this_thread: PhantomData,
        }
    }

    /// What [`Plugin::new`] gets, for a port named `test` of a VM named `vm`.
    /// `config` is the port's table as JSON, `"{}"` for none.
    pub fn start(&self, config: &str) -> Start {
        let port = PortInfo {
            vm: "vm".into(),
            name: "test".into(),
            id: 1,
            console: false,
            lossy: false,
        };
        Start {
            port,
            saved: None,
            config: config.into(),
        }
    }

    /// Gives bytes to the plugin as the host does, in pieces of at most 65,536
    /// bytes until it takes fewer than it is given or pauses the channel.
    /// Returns how many were taken.
    ///
    /// # Panics
    ///
    /// If the plugin says that it took more than it was given.
    pub fn deliver(&self, plugin: &mut dyn Plugin, channel: Channel, data: &[u8]) -> usize {
        let mut rest = data;
        while !rest.is_empty() && !self.is_paused(channel) {
            let (piece, _) = rest.split_at(rest.len().min(65_536));
            let taken = plugin.on_data(channel, piece);
            assert!(
                taken <= piece.len(),
                "took {taken} bytes of {}",
                piece.len()
            );
            if taken < piece.len() {
                imports::channel::pause(channel.id());
            }
            rest = rest.get(taken..).unwrap_or_default();
        }
        data.len().saturating_sub(rest.len())
    }

    /// Lets the channel take this many bytes more, and no further ones.
    pub fn make_room(&self, channel: Channel, bytes: usize) {
        STATE.with_borrow_mut(|state| state.stream(channel).room = Some(bytes));
    }

    /// Makes every further send on the channel fail.
    pub fn break_channel(&self, channel: Channel, error: SendError) {
        STATE.with_borrow_mut(|state| state.stream(channel).broken = Some(error));
    }

    /// Grants a target for [`Channel::connect`]. Connections are channels 1, 2 and
    /// so on, whatever their targets.
    pub fn grant_target(&self, name: &str) {
        STATE.with_borrow_mut(|state| state.targets.push(name.into()));
    }

    /// Lets this many connections more be begun, and no further ones.
    pub fn allow_connects(&self, connects: usize) {
        STATE.with_borrow_mut(|state| state.connects_left = Some(connects));
    }

    /// Has the peer open the channel again, after it was closed: as if nothing had
    /// been done to it.
    pub fn reopen(&self, channel: Channel) {
        STATE.with_borrow_mut(|state| *state.stream(channel) = Stream::default());
    }

    /// Takes out what the channel's peer has received since the last call.
    pub fn take_received(&self, channel: Channel) -> Vec<u8> {
        STATE.with_borrow_mut(|state| std::mem::take(&mut state.stream(channel).received))
    }

    /// Whether the plugin gets no bytes from the channel now.
    pub fn is_paused(&self, channel: Channel) -> bool {
        STATE.with_borrow_mut(|state| state.stream(channel).paused)
    }

    /// Whether the plugin has said that it sends no more on the channel.
    pub fn is_finished(&self, channel: Channel) -> bool {
        STATE.with_borrow_mut(|state| state.stream(channel).finished)
    }

    /// Whether the plugin has closed the channel.
    pub fn is_closed(&self, channel: Channel) -> bool {
        STATE.with_borrow_mut(|state| state.stream(channel).closed)
    }

    /// Takes the timer of this token, and says after how long it was to be due.
    pub fn take_timer(&self, token: u64) -> Option<Duration> {
        STATE
            .with_borrow_mut(|state| state.timers_ms.remove(&token))
            .map(Duration::from_millis)
    }

    /// Takes out what the plugin has logged since the last call.
    pub fn take_log(&self) -> Vec<(Level, String)> {
        STATE.with_borrow_mut(|state| std::mem::take(&mut state.logged))
    }

    /// A counter's value: 0 if nothing was counted under that name.
    pub fn counter(&self, name: &str) -> u64 {
        STATE.with_borrow(|state| state.counters.get(name).copied().unwrap_or(0))
    }

    /// A gauge's value, if it was set.
    pub fn gauge(&self, name: &str) -> Option<f64> {
        STATE.with_borrow(|state| state.gauges.get(name).copied())
    }

    /// Whether the plugin has said that it has stopped.
    pub fn is_stopped(&self) -> bool {
        STATE.with_borrow(|state| state.stopped)
    }
}

impl State {
    fn stream(&mut self, channel: Channel) -> &mut Stream {
        self.streams.entry(channel.id()).or_default()
    }
}

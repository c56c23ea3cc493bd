//! The task that owns one port: it moves the guest's bytes to the plugin, tells
//! it what happens, and replaces it when it fails.
//!
//! Nothing is queued here: every turn looks at what is so (the ring, the
//! guest's end, the timers) and makes at most one call for each kind of thing
//! that is due, so no kind starves another.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use portunus_plugin::{ChannelId, CloseReason, Fault, OpenReason, Peer};
use tokio::sync::mpsc;

use super::alarm::{Alarm, AlarmBell};
use super::calls::Export;
use super::channels::{self, Channels, Given};
use super::counters::{Counters, add, get, set};
use super::crash_report::CrashReport;
use super::edges::{CloseCause, Edge};
use super::handler::{Handler, HandlerRecipe};
use super::inbox::Inbox;
use super::port::{Port, sleep_until};
use super::recipe::{Recipe, StartFault};
use super::recovery::{PastBudget, Recovery, RestartPolicy};
use crate::control::Control;

/// What a session is told from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The host is going down: the plugin may take this long to make things
    /// safe.
    Stop {
        /// How long, from now.
        grace: Duration,
    },
}

/// One port with its plugin, or with what a recipe makes in a plugin's place.
pub struct Session<R: HandlerRecipe = Recipe> {
    port: Arc<Port>,
    control: Arc<Control>,
    recipe: R,
    inbox: Inbox,
    plugin: Option<R::Handler>,
    /// The channels beside the guest's, while no plugin has them.
    channels: Channels,
    recovery: Recovery,
    restart: RestartPolicy,
    alarm: Arc<AlarmBell>,
    /// While the plugin rests: until when.
    rest_until: Option<Instant>,
    /// The plugin failed more often than its budget allows: it is not replaced.
    given_up: bool,
    /// The plugin closed the guest's channel; that lasts until the guest
    /// closes its end too.
    shut: bool,
    stop_by: Option<Instant>,
}

impl<R: HandlerRecipe> Session<R> {
    /// Starts the port's plugin. The port is announced as open once the task
    /// runs.
    pub async fn start(
        port: Arc<Port>,
        control: Arc<Control>,
        recipe: R,
        mut channels: Channels,
        restart: RestartPolicy,
        alarm: Arc<AlarmBell>,
    ) -> Result<Self, StartFault> {
        let plugin = recipe.instance(&port, &mut channels).await?;
        Ok(Self {
            port,
            control,
            recipe,
            inbox: Inbox::default(),
            plugin: Some(plugin),
            channels,
            recovery: Recovery::new(restart),
            restart,
            alarm,
            rest_until: None,
            given_up: false,
            shut: false,
            stop_by: None,
        })
    }

    /// Runs until an order stops it, or whoever gives orders is gone.
    pub async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        self.control.set_host_open(self.port.id, true);
        while !self.is_over() {
            if self.given_up {
                self.unanswered(&mut orders).await;
                break;
            }
            let busy = self.turn().await || self.owes_an_edge();
            match orders.try_recv() {
                Ok(order) => self.obey(order).await,
                Err(mpsc::error::TryRecvError::Disconnected) => break,
                // A guest that never pauses must not keep other ports waiting.
                Err(mpsc::error::TryRecvError::Empty) if busy => {
                    tokio::task::coop::consume_budget().await;
                }
                Err(mpsc::error::TryRecvError::Empty) => {
                    let (wake_at, data) = (self.next_wake(), self.wants_data());
                    let heard = self.plugin.is_some();
                    let channels = match &mut self.plugin {
                        Some(plugin) => &mut plugin.host_mut().channels,
                        None => &mut self.channels,
                    };
                    tokio::select! {
                        order = orders.recv() => match order {
                            Some(order) => self.obey(order).await,
                            None => break,
                        },
                        () = self.port.changed(data) => self.port.tend(),
                        () = channels.changed(heard) => {}
                        () = sleep_until(wake_at) => {}
                    }
                }
            }
        }
        self.port.flush();
        self.control.set_host_open(self.port.id, false);
        let untaken = self.inbox.clear();
        add(&self.port.counters.discarded_bytes, untaken);
        self.port.abandon();
        if untaken > 0 {
            tracing::warn!(
                untaken_bytes = untaken,
                "the plugin stopped before it took all it was given"
            );
        }
        self.tell_counters();
    }

    /// Whether an open or a close became due in a turn that made no call: by an
    /// empty chain, or a ring that the guest has just broken.
    fn owes_an_edge(&self) -> bool {
        self.plugin.is_some() && self.port.next_edge(self.inbox.is_empty()).is_some()
    }

    fn is_over(&self) -> bool {
        let Some(stop_by) = self.stop_by else {
            return false;
        };
        let Some(plugin) = &self.plugin else {
            return true;
        };
        let has_taken_all = self.inbox.is_empty() || plugin.host().paused;
        if plugin.host().stopped && has_taken_all && !self.owes_an_edge() {
            return true;
        }
        let late = Instant::now() >= stop_by;
        if late {
            tracing::warn!("the plugin did not say within the grace that it has stopped");
        }
        late
    }

    async fn obey(&mut self, order: Order) {
        let Order::Stop { grace } = order;
        self.stop_by = Instant::now().checked_add(grace);
        if let Some(plugin) = &mut self.plugin {
            let outcome = called(&self.port, Export::OnStop, plugin.on_stop(grace)).await;
            self.settle(outcome, &Given::default());
        }
    }

    /// Whether there is anything to gain from the guest's next bytes now.
    fn wants_data(&self) -> bool {
        let Some(plugin) = &self.plugin else {
            return false;
        };
        self.shut || (self.inbox.is_empty() && !plugin.host().paused)
    }

    fn next_wake(&self) -> Option<Instant> {
        let (timer, channels) = match &self.plugin {
            Some(plugin) => {
                let host = plugin.host();
                (host.timers.next_due(), host.channels.next_wake())
            }
            None => (None, self.channels.next_wake()),
        };
        [timer, channels, self.rest_until, self.stop_by]
            .into_iter()
            .flatten()
            .min()
    }

    /// Does what is due, and tells whether anything was.
    async fn turn(&mut self) -> bool {
        let Some(mut plugin) = self.plugin.take() else {
            return self.revive().await;
        };
        let mut given = Given::default();
        let outcome = self.serve(&mut plugin, &mut given).await;
        R::count(&mut plugin);
        self.plugin = Some(plugin);
        let busy = self.settle(outcome, &given).unwrap_or(true);
        set(&self.port.counters.inbox_bytes, self.inbox.bytes().len());
        busy
    }

    /// One call for each kind of thing that is due. Where a call fails, `given`
    /// is what it had been given.
    async fn serve(&mut self, plugin: &mut R::Handler, given: &mut Given) -> Result<bool, Fault> {
        let mut busy = false;
        let room = self.port.flush();
        if plugin.host().wants_writable && self.port.has_room(room) {
            plugin.host_mut().wants_writable = false;
            let call = plugin.on_writable(ChannelId::GUEST);
            called(&self.port, Export::OnWritable, call).await?;
            busy = true;
        }
        if let Some(token) = plugin.host_mut().timers.take_due(Instant::now()) {
            called(&self.port, Export::OnTimer, plugin.on_timer(token)).await?;
            busy = true;
        }
        if self.port.opened_by_writing() {
            self.control.assume_guest_open(self.port.id);
        }
        if let Some(edge) = self.port.next_edge(self.inbox.is_empty()) {
            self.port.tell(edge);
            self.tell_edge(plugin, edge).await?;
            busy = true;
        }
        let closes = plugin.host().closed && self.port.told_open();
        if closes && !self.shut && self.port.waiting_bytes() == 0 {
            self.shut_channel(plugin).await?;
            busy = true;
        }
        busy |= self.deliver(plugin, &mut given.guest).await?;
        busy |= channels::serve(&self.port, plugin, given).await?;
        Ok(busy)
    }

    async fn tell_edge(&mut self, plugin: &mut R::Handler, edge: Edge) -> Result<(), Fault> {
        match edge {
            Edge::Opened => {
                // A close while nothing was open closed nothing.
                let host = plugin.host_mut();
                (host.closed, host.finished) = (false, false);
                called(
                    &self.port,
                    Export::OnOpen,
                    plugin.on_open(ChannelId::GUEST, &Peer::Guest, &OpenReason::New),
                )
                .await
            }
            Edge::Closed { .. } if self.shut => {
                self.shut = false;
                let host = plugin.host_mut();
                (host.closed, host.finished) = (false, false);
                self.control.set_host_open(self.port.id, true);
                Ok(())
            }
            Edge::Closed { cause, .. } => {
                let host = plugin.host_mut();
                (host.closed, host.finished) = (false, false);
                let why = match cause {
                    CloseCause::Guest => CloseReason::Closed,
                    CloseCause::Lost(why) => CloseReason::Lost(why.to_owned()),
                };
                let call = plugin.on_close(ChannelId::GUEST, &why);
                called(&self.port, Export::OnClose, call).await
            }
        }
    }

    /// The plugin closed the guest's channel, and what it sent is gone: the
    /// guest sees the port disconnected.
    async fn shut_channel(&mut self, plugin: &mut R::Handler) -> Result<(), Fault> {
        self.control.set_host_open(self.port.id, false);
        self.shut = true;
        called(
            &self.port,
            Export::OnClose,
            plugin.on_close(ChannelId::GUEST, &CloseReason::Closed),
        )
        .await
    }

    /// Gives the plugin what the guest wrote.
    async fn deliver(&mut self, plugin: &mut R::Handler, given: &mut usize) -> Result<bool, Fault> {
        if self.shut {
            let unheard = self.refill();
            self.inbox.clear();
            add(&self.port.counters.discarded_bytes, unheard);
            return Ok(unheard > 0);
        }
        if plugin.host().paused || !self.port.told_open() || self.refill() == 0 {
            return Ok(false);
        }
        *given = self.inbox.bytes().len();
        let taken = called(
            &self.port,
            Export::OnData,
            plugin.on_data(ChannelId::GUEST, self.inbox.bytes()),
        )
        .await?;
        plugin.host_mut().paused |= taken < *given;
        *given = 0;
        self.inbox.take(taken);
        add(&self.port.counters.from_guest_bytes, taken);
        add(&self.port.counters.deliveries, 1);
        Ok(true)
    }

    /// Fills the inbox where it is empty, and tells how much it holds.
    fn refill(&mut self) -> usize {
        if self.inbox.is_empty() {
            self.inbox.refill(|buffer| self.port.pull(buffer));
            set(&self.port.counters.inbox_bytes, self.inbox.bytes().len());
        }
        self.inbox.bytes().len()
    }

    /// Takes a call's outcome: a plugin that failed is dropped and rests.
    fn settle<T>(&mut self, outcome: Result<T, Fault>, given: &Given) -> Option<T> {
        let failed = |fault: Fault| self.fail(&fault.into(), given);
        outcome.map_err(failed).ok()
    }

    fn fail(&mut self, fault: &StartFault, given: &Given) {
        if let Some(mut plugin) = self.plugin.take() {
            R::count(&mut plugin);
            self.channels = std::mem::take(&mut plugin.host_mut().channels);
        }
        self.channels.orphan();
        let Counters {
            failures,
            lost_to_failure_bytes,
            memory_bytes,
            resting,
            ..
        } = &*self.port.counters;
        set(memory_bytes, 0);
        set(resting, 1);
        add(failures, 1);
        let lost_bytes = given.guest.saturating_add(given.peer);
        add(lost_to_failure_bytes, lost_bytes);
        self.inbox.take(given.guest);
        let CrashReport {
            export,
            cause,
            struck,
            backtrace,
        } = fault.into();
        if let Some(struck) = struck {
            self.port.counters.strikes.ended(&struck);
        }
        self.control.set_host_open(self.port.id, false);
        let now = Instant::now();
        let rest = self.recovery.failed(now);
        self.rest_until = rest.and_then(|rest| now.checked_add(rest));
        self.given_up = rest.is_none();
        let rest_ms = rest.map(|rest| rest.as_millis());
        let what = match rest {
            Some(_) => "the plugin failed; the port is closed while it rests",
            None => "the plugin failed, more often than its restart budget allows",
        };
        tracing::error!(
            %fault, export, cause, lost_bytes, rest_ms, backtrace, "{what}"
        );
        if rest.is_none() {
            self.give_up(fault);
        }
    }

    /// Does with the port what its policy says of one without a plugin.
    fn give_up(&mut self, fault: &StartFault) {
        self.channels = Channels::default();
        add(&self.port.counters.given_up, 1);
        set(&self.port.counters.resting, 0);
        let what = match self.restart.then {
            PastBudget::Close => "the port is closed for good; what is left in it is discarded",
            PastBudget::Drain => "the port stays open; what the guest writes is discarded",
            PastBudget::StopVm => "the machine is not to run without this port: the program stops",
        };
        let RestartPolicy { budget, within, .. } = self.restart;
        tracing::error!(budget, ?within, "the plugin is not started again: {what}");
        match self.restart.then {
            PastBudget::Close => {}
            PastBudget::Drain => self.control.set_host_open(self.port.id, true),
            PastBudget::StopVm => self.alarm.raise(Alarm {
                port: self.port.label.clone(),
                cause: fault.to_string(),
            }),
        }
    }

    /// The port without a plugin, until the session is stopped.
    async fn unanswered(&mut self, orders: &mut mpsc::Receiver<Order>) {
        add(&self.port.counters.discarded_bytes, self.inbox.clear());
        tokio::select! {
            _ = orders.recv() => {}
            () = discard(&self.port) => {}
        }
    }

    /// Replaces a plugin that has rested.
    async fn revive(&mut self) -> bool {
        if self.rest_until.is_some_and(|until| Instant::now() < until) {
            return false;
        }
        self.rest_until = None;
        let instance = self.recipe.instance(&self.port, &mut self.channels);
        let mut plugin = match tended(&self.port, instance).await {
            Ok(plugin) => plugin,
            Err(fault) => {
                self.fail(&fault, &Given::default());
                return true;
            }
        };
        add(&self.port.counters.restarts, 1);
        set(&self.port.counters.resting, 0);
        plugin.host_mut().closed = self.shut;
        let mut outcome = Ok(());
        if self.port.told_open() && !self.shut {
            let open = plugin.on_open(ChannelId::GUEST, &Peer::Guest, &OpenReason::Restarted);
            outcome = called(&self.port, Export::OnOpen, open).await;
        }
        self.plugin = Some(plugin);
        if self.settle(outcome, &Given::default()).is_some() {
            tracing::info!("a new instance of the plugin took over");
            self.control.set_host_open(self.port.id, !self.shut);
        }
        true
    }

    fn tell_counters(&self) {
        let counters = &self.port.counters;
        tracing::info!(
            from_guest_bytes = get(&counters.from_guest_bytes),
            to_guest_bytes = get(&counters.to_guest_bytes),
            console_dropped_bytes = get(&counters.console_dropped_bytes),
            lost_to_failure_bytes = get(&counters.lost_to_failure_bytes),
            unread_bytes = get(&counters.unread_bytes),
            discarded_bytes = get(&counters.discarded_bytes),
            failures = get(&counters.failures),
            restarts = get(&counters.restarts),
            guest_faults = get(&counters.guest_faults),
            "the port's session ends"
        );
    }
}

/// Completes all that the guest writes to a port that nothing answers, so that
/// it never hangs on us; what was sent before still goes to it. Runs until it is
/// dropped.
pub async fn discard(port: &Port) {
    loop {
        port.flush();
        port.discard();
        while let Some(edge) = port.next_edge(true) {
            port.tell(edge);
        }
        port.changed(true).await;
    }
}

/// Calls the plugin: every call of a session but those that make an instance.
/// What it took and how it ended is counted.
pub(super) async fn called<T>(
    port: &Port,
    export: Export,
    call: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    tended(port, port.counters.calls.watch(export, call)).await
}

/// Waits for a call of the plugin's and meanwhile does what cannot wait.
async fn tended<T>(port: &Port, call: impl Future<Output = T>) -> T {
    let mut call = pin!(call);
    loop {
        tokio::select! {
            biased;
            answer = &mut call => return answer,
            () = port.changed(false) => port.tend(),
        }
    }
}

//! What becomes of a session whose plugin failed: it is dropped, rests, and is
//! replaced or given up. The channels stay, or are closed, with it.

use std::time::Instant;

use portunus_plugin::{ChannelId, Fault, OpenReason, Peer};
use tokio::sync::mpsc;

use super::{Order, Session, called, discard, tended};
use crate::session::alarm::Alarm;
use crate::session::calls::Export;
use crate::session::channels::{Channels, Given};
use crate::session::counters::{Counters, add, set};
use crate::session::crash_report::CrashReport;
use crate::session::handler::{Handler, HandlerRecipe};
use crate::session::recipe::StartFault;
use crate::session::recovery::{PastBudget, RestartPolicy};

impl<R: HandlerRecipe> Session<R> {
    /// Takes a call's outcome: a plugin that failed is dropped and rests.
    pub(super) fn settle<T>(&mut self, outcome: Result<T, Fault>, given: &Given) -> Option<T> {
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
    pub(super) async fn unanswered(&mut self, orders: &mut mpsc::Receiver<Order>) {
        add(&self.port.counters.discarded_bytes, self.inbox.clear());
        tokio::select! {
            _ = orders.recv() => {}
            () = discard(&self.port) => {}
        }
    }

    /// Replaces a plugin that has rested.
    pub(super) async fn revive(&mut self) -> bool {
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
}

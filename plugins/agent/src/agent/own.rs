//! This plugin's own commands, and what its services have it do.

use std::time::Duration;

use portunus_plugin_sdk::{lifecycle, log, metrics};

use super::Agent;
use crate::ask::{self, Ask, Asker, Job, Task};
use crate::audit::Who;
use crate::command::Command;
use crate::queue::Lane;
use crate::rights::{Handle, Meaning};
use crate::services::Effect;
use crate::spec::OnStop;
use crate::surroundings::Surroundings;

impl<S: Surroundings> Agent<S> {
    pub(super) fn take_effect(&mut self, effects: impl IntoIterator<Item = Effect>, now: Duration) {
        for effect in effects {
            match effect {
                Effect::Ask(task, command) => self.ask_own(task, &command, now),
                Effect::Gauge(name, value) => metrics::gauge(name, value),
                Effect::Count(name) => metrics::count(name, 1),
                Effect::Info(words) => log::info(words),
                Effect::Warn(words) => log::warn(words),
                Effect::Error(words) => log::error(words),
                Effect::Stopped => lifecycle::stopped(),
            }
        }
    }

    fn ask_own(&mut self, task: Task, command: &Command, now: Duration) {
        let meaning = match task {
            Task::Stop => Meaning::Silent,
            _ => Meaning::Plain,
        };
        let ticket = self.next_ticket;
        self.next_ticket = ticket.saturating_add(1);
        let ask = Ask::new(ticket, command, meaning, (Asker::Own(task), &Who::Own), now);
        let job = Job::Ask(ask);
        match task {
            Task::Stop => self.queue.push_first(Lane::Own, job, now),
            _ => self.queue.push(Lane::Own, job, now),
        }
    }

    /// Closes a file that no client has any more.
    pub(super) fn close_handle(&mut self, handle: Handle, now: Duration) {
        if let Some(command) = ask::close(handle).filter(|_| self.link.is_open()) {
            self.ask_own(Task::Close, &command, now);
        }
    }

    /// The host stops.
    pub(super) fn stop(&mut self, grace: Duration, now: Duration) {
        if self.spec.on_stop != OnStop::Nothing {
            // What the agent does now must not use up the grace.
            let soon = grace.checked_div(4).unwrap_or_default();
            self.link.hurry(now.saturating_add(soon));
        }
        // A little before the host stops waiting, so that how it went is said.
        let margin = Duration::from_millis(250).min(grace.checked_div(2).unwrap_or_default());
        let until = now.saturating_add(grace).saturating_sub(margin);
        let effects = self.services.stop(until, self.link.is_open());
        self.take_effect(effects, now);
    }
}

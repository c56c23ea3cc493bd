//! What this plugin does by itself, without any client: it asks a new agent what
//! it is, and for figures at an interval; has the guest's sessions locked; and
//! has the guest go down when the host does.
//!
//! Pure: says what is to be asked and when, and reads what was answered.

use std::time::Duration;

use crate::ask::Task;
use crate::command::Command;
use crate::exec::{Started, Status};
use crate::figures::{Figure, Gauge};
use crate::info::Info;
use crate::reply::Outcome;
use crate::spec::{Lock, OnStop, Spec};

/// How often it is asked whether the program that locks has ended.
const LOCK_LOOK: Duration = Duration::from_millis(500);

/// How many times, at most: locking takes a moment, or it hangs.
const LOCK_LOOKS: u32 = 20;

/// How far the sessions are locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Locking {
    /// They need not be.
    No,
    /// They are to be, as soon as there is an agent.
    Wanted,
    /// The agent was asked to.
    Asked,
    /// The program runs, and is looked at next at this time.
    Runs { pid: i64, looks: u32, at: Duration },
    /// The agent was asked how the program ended.
    Looked { pid: i64, looks: u32 },
}

/// How far the guest's going down is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stopping {
    /// The host goes on.
    No,
    /// The guest was asked, and has until then.
    Asked(Duration),
    /// Nothing more is waited for.
    Done,
}

/// Something to be done outside.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    /// A command for the agent.
    Ask(Task, Command),
    /// A number for the metrics.
    Gauge(&'static str, f64),
    /// One more for the metrics.
    Count(&'static str),
    /// What an operator wants to see.
    Info(String),
    /// What may go wrong.
    Warn(String),
    /// What went wrong.
    Error(String),
    /// All that the stop asked for is done.
    Stopped,
}

/// This plugin's own business.
#[derive(Debug)]
pub(crate) struct Services {
    lock: Option<Lock>,
    on_stop: OnStop,
    interval: Option<Duration>,
    /// The agent that is there, once it has said what it is.
    info: Option<Info>,
    /// When figures are asked for next: never where no agent says which it has.
    figures_at: Option<Duration>,
    /// Figures that were asked for and not answered.
    open_figures: usize,
    block_bytes: f64,
    locking: Locking,
    stopping: Stopping,
}

impl Services {
    pub(crate) fn new(spec: &Spec) -> Self {
        Self {
            lock: spec.lock.clone(),
            on_stop: spec.on_stop,
            interval: spec.figures,
            info: None,
            figures_at: None,
            open_figures: 0,
            block_bytes: 0.0,
            locking: Locking::No,
            stopping: Stopping::No,
        }
    }

    /// The class whose last client's going locks the guest's sessions.
    pub(crate) fn locking_class(&self) -> Option<&str> {
        Some(&self.lock.as_ref()?.class)
    }

    /// The last client of that class has gone.
    pub(crate) fn lock(&mut self) {
        self.locking = Locking::Wanted;
    }

    /// When something is to be done next.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        let look = match self.locking {
            Locking::Runs { at, .. } => Some(at),
            _ => None,
        };
        let stop = match self.stopping {
            Stopping::Asked(until) => Some(until),
            _ => None,
        };
        [self.figures_at, look, stop].into_iter().flatten().min()
    }

    /// An agent answered for the first time since its port was opened.
    pub(crate) fn agent_came(&mut self) -> Vec<Effect> {
        let mut effects = vec![
            Effect::Ask(Task::Info, Command::plain("guest-info")),
            Effect::Gauge("agent_present", 1.0),
        ];
        effects.extend(self.ask_lock());
        if let Stopping::Asked(_) = self.stopping {
            let command = self.on_stop.command();
            effects.extend(command.map(|command| Effect::Ask(Task::Stop, command)));
        }
        effects
    }

    /// The agent closed its port, or the guest is gone, which `lost` says: what it
    /// was asked is not answered.
    pub(crate) fn agent_went(&mut self, lost: bool) -> Vec<Effect> {
        self.info = None;
        self.figures_at = None;
        self.open_figures = 0;
        if !matches!(self.locking, Locking::No) {
            // Perhaps it was done; twice does no harm.
            self.locking = Locking::Wanted;
        }
        let mut effects = vec![Effect::Gauge("agent_present", 0.0)];
        // An agent ends early in a shutdown: the guest itself is waited for.
        if let (Stopping::Asked(_), true) = (self.stopping, lost) {
            effects.extend(self.stopped(Effect::Info("the guest has gone down".into())));
        }
        effects
    }

    /// Does what is due.
    pub(crate) fn tick(&mut self, now: Duration) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.figures_at.is_some_and(|at| at <= now) {
            effects.extend(self.ask_figures(now));
        }
        if let Locking::Runs { pid, looks, at } = self.locking
            && at <= now
        {
            self.locking = Locking::Looked { pid, looks };
            let command = Command::plain("guest-exec-status").with("pid", pid);
            effects.push(Effect::Ask(Task::LockStatus, command));
        }
        if let Stopping::Asked(until) = self.stopping
            && until <= now
        {
            let said = match self.on_stop {
                OnStop::Nothing | OnStop::Shutdown => {
                    Effect::Warn("the guest has not gone down within the grace".into())
                }
                _ => Effect::Info("the guest was asked to suspend".into()),
            };
            effects.extend(self.stopped(said));
        }
        effects
    }

    /// Asks for the lock if it is wanted; to be called where an agent is there.
    pub(crate) fn ask_lock(&mut self) -> Option<Effect> {
        let lock = self.lock.as_ref()?;
        (self.locking == Locking::Wanted).then(|| {
            self.locking = Locking::Asked;
            Effect::Ask(Task::Lock, lock.command.clone())
        })
    }

    /// The host stops, and waits until then. `is_there` says whether an agent is.
    pub(crate) fn stop(&mut self, until: Duration, is_there: bool) -> Vec<Effect> {
        let Some(command) = self.on_stop.command() else {
            self.stopping = Stopping::Done;
            return vec![Effect::Stopped];
        };
        self.stopping = Stopping::Asked(until);
        match is_there {
            true => vec![Effect::Ask(Task::Stop, command)],
            false => {
                let said = "the guest has no agent now, which could have it go down";
                self.stopped(Effect::Warn(said.into())).into()
            }
        }
    }

    /// The agent has done what the stop asked for, and still answers.
    pub(crate) fn went_down(&mut self) -> Vec<Effect> {
        match self.on_stop {
            // It goes down now.
            OnStop::Nothing | OnStop::Shutdown => Vec::new(),
            _ => {
                let said = "the guest has suspended, and is awake again";
                self.stopped(Effect::Info(said.into())).into()
            }
        }
    }

    /// An answer came to what was asked; nothing where none came in time.
    pub(crate) fn hear(
        &mut self,
        task: Task,
        outcome: Option<Outcome<'_>>,
        now: Duration,
    ) -> Vec<Effect> {
        match (task, outcome) {
            (Task::Info, Some(Outcome::Returned(json))) => self.hear_info(json, now),
            (Task::Figure(figure), outcome) => self.hear_figure(figure, outcome),
            (Task::Lock, outcome) => self.hear_lock(outcome, now),
            (Task::LockStatus, outcome) => self.hear_status(outcome, now),
            (Task::Stop, Some(Outcome::Failed(failure))) => {
                let desc = failure.desc();
                let said = format!("the guest does not go down: its agent says {desc:?}");
                self.stopped(Effect::Error(said)).into()
            }
            (Task::Info, _) => vec![Effect::Warn("the agent does not say what it is".into())],
            (Task::Stop | Task::Close, _) => Vec::new(),
        }
    }

    fn hear_info(&mut self, json: &str, now: Duration) -> Vec<Effect> {
        let Some(info) = Info::read(json) else {
            return vec![Effect::Warn("the agent does not say what it is".into())];
        };
        let [major, minor, patch] = info.version;
        let mut effects = vec![
            Effect::Info(format!(
                "the guest's agent is there: {major}.{minor}.{patch}"
            )),
            Effect::Gauge("agent_version_major", f64::from(major)),
            Effect::Gauge("agent_version_minor", f64::from(minor)),
            Effect::Gauge("agent_version_patch", f64::from(patch)),
        ];
        self.info = Some(info);
        if self.interval.is_some() {
            effects.extend(self.ask_figures(now));
        }
        effects
    }

    /// Asks for all figures that the agent has, unless it has not answered for
    /// those before.
    fn ask_figures(&mut self, now: Duration) -> Vec<Effect> {
        self.figures_at = self.interval.map(|interval| now.saturating_add(interval));
        let Some(info) = self.info.as_ref().filter(|_| self.open_figures == 0) else {
            return Vec::new();
        };
        self.open_figures = info.figures.len();
        let ask =
            |figure: &Figure| Effect::Ask(Task::Figure(*figure), Command::plain(figure.command()));
        info.figures.iter().map(ask).collect()
    }

    fn hear_figure(&mut self, figure: Figure, outcome: Option<Outcome<'_>>) -> Vec<Effect> {
        self.open_figures = self.open_figures.saturating_sub(1);
        let gauges = match outcome {
            Some(Outcome::Returned(json)) => figure.read(json),
            _ => None,
        };
        let Some(gauges) = gauges else {
            return vec![Effect::Count("figures_failed")];
        };
        let mut effects = Vec::new();
        for (name, value) in gauges {
            effects.push(Effect::Gauge(name, value));
            effects.extend(self.memory((name, value)));
        }
        effects
    }

    /// The guest's memory, once both of its figures are known.
    fn memory(&mut self, (name, value): Gauge) -> Option<Effect> {
        if name == "memory_block_bytes" {
            self.block_bytes = value;
        }
        let known = name == "memory_blocks_online" && self.block_bytes > 0.0;
        known.then_some(Effect::Gauge("memory_bytes", value * self.block_bytes))
    }

    fn hear_lock(&mut self, outcome: Option<Outcome<'_>>, now: Duration) -> Vec<Effect> {
        match outcome {
            Some(Outcome::Returned(json)) => match serde_json::from_str(json) {
                Ok(Started { pid }) => {
                    let at = now.saturating_add(LOCK_LOOK);
                    self.locking = Locking::Runs { pid, looks: 1, at };
                    Vec::new()
                }
                Err(_) => self.not_locked("the agent's answer is not understood"),
            },
            Some(Outcome::Failed(failure)) => {
                self.not_locked(&format!("the agent says {:?}", failure.desc()))
            }
            None => self.not_locked("the agent did not answer in time"),
        }
    }

    fn hear_status(&mut self, outcome: Option<Outcome<'_>>, now: Duration) -> Vec<Effect> {
        let Locking::Looked { pid, looks } = self.locking else {
            return Vec::new();
        };
        let status = match outcome {
            Some(Outcome::Returned(json)) => serde_json::from_str(json).ok(),
            _ => None,
        };
        match status {
            Some(Status {
                exited: true,
                exitcode: Some(0),
                ..
            }) => {
                self.locking = Locking::No;
                let said = Effect::Info("the guest's sessions are locked".into());
                vec![Effect::Count("locks"), said]
            }
            Some(Status {
                exited: true,
                exitcode,
                signal,
            }) => {
                let how = match (exitcode, signal) {
                    (Some(code), _) => format!("its program ended with {code}"),
                    (_, Some(signal)) => format!("signal {signal} ended its program"),
                    _ => "its program ended, nobody knows how".into(),
                };
                self.not_locked(&how)
            }
            _ if looks >= LOCK_LOOKS => self.not_locked("its program does not end"),
            _ => {
                let looks = looks.saturating_add(1);
                let at = now.saturating_add(LOCK_LOOK);
                self.locking = Locking::Runs { pid, looks, at };
                Vec::new()
            }
        }
    }

    fn not_locked(&mut self, why: &str) -> Vec<Effect> {
        self.locking = Locking::No;
        let said = format!("the guest's sessions are perhaps not locked: {why}");
        vec![Effect::Count("locks_failed"), Effect::Error(said)]
    }

    fn stopped(&mut self, said: Effect) -> [Effect; 2] {
        self.stopping = Stopping::Done;
        [said, Effect::Stopped]
    }
}

#[cfg(test)]
#[path = "services_tests.rs"]
mod tests;

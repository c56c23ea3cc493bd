//! The guest's part: what it does, and what it says of it on its console.

use std::thread;
use std::time::{Duration, Instant};

use super::DemoFault;
use super::evidence::Evidence;
use super::step::Step;
use super::word::Word;
use crate::guest::{Guest, GuestError, KvmGuest};

/// How often the log is looked at until it has the guest's line. Nothing tells
/// of a file that is written, and the line is there within a millisecond or so.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// What the guest runs.
pub(super) const SCRIPT: &[u8] = include_bytes!("guest.sh");

/// Programs that the script calls: two of `examples/guest`.
pub(super) const PROGRAMS: [(&str, &[u8]); 2] = [
    (
        "wait-for-port.sh",
        include_bytes!("../../../../examples/guest/wait-for-port.sh"),
    ),
    (
        "hello.sh",
        include_bytes!("../../../../examples/guest/hello.sh"),
    ),
];

/// A guest that is spoken to on its console.
pub(super) enum Partner {
    /// User Mode Linux.
    Uml(Guest),
    /// A machine of our own.
    Kvm(KvmGuest),
}

impl Partner {
    fn say(&mut self, line: &str) -> Result<(), GuestError> {
        match self {
            Self::Uml(guest) => guest.say(line),
            Self::Kvm(guest) => guest.say(line),
        }
    }

    fn find_line(
        &mut self,
        task: &'static str,
        within: Duration,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<String, GuestError> {
        match self {
            Self::Uml(guest) => guest.find_line(task, within, is_wanted),
            Self::Kvm(guest) => guest.find_line(task, within, is_wanted),
        }
    }

    fn finish(&mut self, within: Duration) -> Result<i32, GuestError> {
        match self {
            Self::Uml(guest) => guest.finish(within),
            Self::Kvm(guest) => guest.finish(within),
        }
    }
}

/// A guest that is listened to until it powers off.
pub(super) struct Story<'tell> {
    guest: Partner,
    began: Instant,
    within: Duration,
    tell: &'tell dyn Fn(Step),
}

impl<'tell> Story<'tell> {
    /// Of a guest that has `within` from now on.
    pub(super) fn new(guest: Partner, within: Duration, tell: &'tell dyn Fn(Step)) -> Self {
        Self {
            guest,
            began: Instant::now(),
            within,
            tell,
        }
    }

    /// Follows the guest to its end, which may come once `is_logged`: a guest
    /// that powers off takes back what nobody has read yet. What it leaves on
    /// the host, its log, is not part of the evidence yet.
    pub(super) fn follow(
        mut self,
        word: &Word,
        is_logged: impl Fn() -> bool,
    ) -> Result<Evidence, DemoFault> {
        (self.tell)(Step::Kernel(self.hear("boot", "kernel")?));
        (self.tell)(Step::Ports(self.hear("find its ports", "ports")?));
        self.guest.say(word.as_str())?;
        (self.tell)(Step::Word(word.clone()));
        let console = self.hear("read the word on its console", "writes")?;
        (self.tell)(Step::Wrote(console.clone()));
        let reply = self.hear("get its line back from the echo plugin", "reads")?;
        (self.tell)(Step::CameBack(reply.clone()));
        self.hear("write to the log plugin", "logs")?;
        // Where it never is, what is missing is told at the end.
        while !is_logged() && !self.left().is_zero() {
            thread::sleep(LOOK_AGAIN);
        }
        self.guest.say("")?;
        let left = self.left();
        let status = self.guest.finish(left);
        match status.map_err(|fault| self.in_all(fault))? {
            0 => Ok(Evidence {
                console,
                reply,
                log: String::new(),
            }),
            status => Err(DemoFault::Script(status)),
        }
    }

    /// Waits for what the guest says under this heading.
    fn hear(&mut self, task: &'static str, heading: &str) -> Result<String, DemoFault> {
        let left = self.left();
        let is_wanted = |line: &str| said_under(heading, line).is_some();
        let line = self.guest.find_line(task, left, is_wanted);
        let line = line.map_err(|fault| self.in_all(fault))?;
        Ok(said_under(heading, &line).unwrap_or_default().to_owned())
    }

    fn left(&self) -> Duration {
        self.within.saturating_sub(self.began.elapsed())
    }

    /// A fault with the time that the guest had in all, not the rest of it.
    fn in_all(&self, fault: GuestError) -> DemoFault {
        match fault {
            GuestError::Late { task, tail, .. } => DemoFault::Late(GuestError::Late {
                task,
                within: self.within,
                tail,
            }),
            other => DemoFault::Guest(other),
        }
    }
}

/// What a line of the guest's console says under a heading of the script's.
fn said_under<'line>(heading: &str, line: &'line str) -> Option<&'line str> {
    line.strip_prefix("demo ")?
        .strip_prefix(heading)?
        .strip_prefix(' ')
}

#[cfg(test)]
#[path = "story_tests.rs"]
mod tests;

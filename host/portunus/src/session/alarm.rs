//! A session's word to the whole program: the machine is not to run on.

use std::fmt;

use tokio::sync::watch;

/// A port without which its machine is not to run, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// The port's name.
    pub port: String,
    /// How its plugin failed, last.
    pub cause: String,
}

impl fmt::Display for Alarm {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { port, cause } = self;
        write!(
            out,
            "port `{port}` failed more often than its restart budget allows, and its policy is \
             `stop-vm`: {cause}; see the log for where it failed"
        )
    }
}

/// Where sessions raise alarms. The first is the one that is heard.
#[derive(Debug, Default)]
pub struct AlarmBell(watch::Sender<Option<Alarm>>);

impl AlarmBell {
    /// Raises an alarm, unless there is one.
    pub(super) fn raise(&self, alarm: Alarm) {
        self.0.send_if_modified(|raised| {
            let first = raised.is_none();
            raised.get_or_insert(alarm);
            first
        });
    }

    /// Waits for an alarm. Safe to cancel.
    pub async fn raised(&self) -> Alarm {
        let mut listener = self.0.subscribe();
        loop {
            let raised = listener.borrow_and_update().clone();
            if let Some(alarm) = raised {
                return alarm;
            }
            if listener.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

//! What is said of each transfer, in the log and in numbers. Never what it has.

use std::fmt;
use std::time::Instant;

use portunus_plugin_sdk::{log, metrics};

use crate::consent::{Bucket, Refusal, Transfer};
use crate::spec::Way;

/// How many refusals are logged in a minute: a guest can have as many as it
/// likes. All are counted.
const REFUSALS_A_MINUTE: u32 = 60;

/// Who content goes to, or who offered it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Who {
    pub(crate) pid: u32,
    pub(crate) uid: u32,
}

/// A client's words on itself, or none.
struct Shown(Option<Who>);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(Who { pid, uid }) => write!(f, " pid={pid} uid={uid}"),
            None => Ok(()),
        }
    }
}

/// Writes the audit.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    refusals: Bucket,
    unlogged: u64,
}

impl Audit {
    /// A client offers content, which goes nowhere by that.
    pub(crate) fn offered(&self, transfer: Transfer, bytes: usize, who: Option<Who>) {
        metrics::count("puts", 1);
        log::info(format_args!(
            "audit: offered way={transfer} bytes={bytes}{}",
            Shown(who)
        ));
    }

    /// Content went. `who` is the client that has it now.
    pub(crate) fn transferred(&self, transfer: Transfer, bytes: usize, who: Option<Who>) {
        let (count, volume) = match transfer.way {
            Way::GuestToHost => ("transfers_to_host", "transferred_bytes_to_host"),
            Way::HostToGuest => ("transfers_to_guest", "transferred_bytes_to_guest"),
        };
        metrics::count(count, 1);
        metrics::count(volume, u64::try_from(bytes).unwrap_or(u64::MAX));
        log::info(format_args!(
            "audit: transferred way={transfer} bytes={bytes}{}",
            Shown(who)
        ));
    }

    /// Content did not go.
    pub(crate) fn refused(
        &mut self,
        transfer: Transfer,
        refusal: Refusal,
        who: Option<Who>,
        now: Instant,
    ) {
        metrics::count(&format!("refused_{}", refusal.word().replace('-', "_")), 1);
        if !self.refusals.take(REFUSALS_A_MINUTE, now) {
            self.unlogged = self.unlogged.saturating_add(1);
            return;
        }
        let unlogged = std::mem::take(&mut self.unlogged);
        let others = match unlogged {
            0 => String::new(),
            _ => format!(" (and {unlogged} others before, which are only counted)"),
        };
        log::warn(format_args!(
            "audit: refused way={transfer} reason={}{}{others}",
            refusal.word(),
            Shown(who)
        ));
    }
}

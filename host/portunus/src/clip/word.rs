//! What is asked for, and what the plugin asks.

use std::fmt;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::escape::Escaped;

/// Which content of which clipboard: names that the plugin knows.
#[derive(Debug, Clone)]
pub struct Place {
    /// The selection.
    pub selection: String,
    /// The MIME type, for a request that is about one.
    pub kind: Option<String>,
}

impl Place {
    /// A request about it.
    pub(super) fn request(&self, verb: &str) -> Value {
        match &self.kind {
            Some(kind) => json!({ "do": verb, "selection": self.selection, "type": kind }),
            None => json!({ "do": verb, "selection": self.selection }),
        }
    }
}

/// What the plugin asks somebody who decides.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Question {
    /// Its number.
    pub(super) ask: u64,
    way: String,
    selection: String,
    #[serde(rename = "type")]
    kind: String,
    pid: Option<u32>,
    uid: Option<u32>,
}

impl fmt::Display for Question {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, selection) = (Escaped::new(&self.kind), Escaped::new(&self.selection));
        match self.way.as_str() {
            "host-to-guest" => write!(out, "the guest wants {kind} from the host's {selection}"),
            _ => {
                write!(out, "a program wants {kind} from the guest's {selection}")?;
                match (self.pid, self.uid) {
                    (Some(pid), Some(uid)) => write!(out, ": process {pid} of user {uid}"),
                    _ => Ok(()),
                }
            }
        }
    }
}

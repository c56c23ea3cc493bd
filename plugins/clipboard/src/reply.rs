//! What a client is told: lines of JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::audit::Who;
use crate::consent::Refusal;
use crate::kinds::{Selection, TypeSet};
use crate::questions::Question;

/// Why a client does not get what it asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Its line is no request.
    BadLine(String),
    /// The policy refuses it.
    Refused(Refusal),
    /// The guest offers nothing of that type.
    NotOffered,
    /// No agent is there.
    NoAgent,
    /// The agent said that it has nothing of that type, or too much.
    NoContent,
    /// The guest offers something else, or nothing, by now.
    Replaced,
    /// The agent did not answer.
    Unanswered,
    /// As much content is on its way as there may be.
    Busy,
    /// There is no such question, or it is answered.
    NoQuestion,
    /// The client may not decide.
    MayNotDecide,
}

impl Failure {
    fn word(&self) -> String {
        match self {
            Self::BadLine(_) => "bad-line".into(),
            Self::Refused(refusal) => format!("refused-{}", refusal.word()),
            Self::NotOffered => "not-offered".into(),
            Self::NoAgent => "no-agent".into(),
            Self::NoContent => "no-content".into(),
            Self::Replaced => "replaced".into(),
            Self::Unanswered => "unanswered".into(),
            Self::Busy => "busy".into(),
            Self::NoQuestion => "no-question".into(),
            Self::MayNotDecide => "may-not-decide".into(),
        }
    }

    fn reason(&self) -> &str {
        match self {
            Self::BadLine(reason) => reason,
            Self::Refused(refusal) => refusal.reason(),
            Self::NotOffered => "the guest offers nothing of that type",
            Self::NoAgent => "no agent runs in the guest",
            Self::NoContent => {
                "the guest's agent has nothing of that type, or more than the port's `max-size`"
            }
            Self::Replaced => "what was asked for is not offered any more",
            Self::Unanswered => "the guest's agent did not answer in time",
            Self::Busy => "too much content is on its way: try again",
            Self::NoQuestion => "no such question is open",
            Self::MayNotDecide => "this user is not among the port's `deciders`",
        }
    }
}

/// Who offers what a selection has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Guest,
    Host,
}

/// What was asked for is done.
pub(crate) fn done(id: Option<u64>) -> String {
    line(id, json!({ "ok": true }))
}

/// What was asked for is not done.
pub(crate) fn failed(id: Option<u64>, failure: &Failure) -> String {
    line(
        id,
        json!({ "error": failure.word(), "reason": failure.reason() }),
    )
}

/// The next part of what was asked for: written at the end of `line`.
pub(crate) fn data(id: Option<u64>, bytes: &[u8], more: bool, line: &mut String) {
    // By hand: base64 has nothing to be escaped, and there may be a lot of it.
    line.push_str("{\"data\":\"");
    STANDARD.encode_string(bytes, line);
    line.push('"');
    if more {
        line.push_str(",\"more\":true");
    }
    if let Some(id) = id {
        line.push_str(&format!(",\"id\":{id}"));
    }
    line.push_str("}\n");
}

/// Whether an agent is there.
pub(crate) fn agent(present: bool) -> String {
    line(None, json!({ "event": "agent", "present": present }))
}

/// What a selection has.
pub(crate) fn offer(selection: Selection, offer: Option<(Side, TypeSet)>) -> String {
    let from = match offer {
        None => Value::Null,
        Some((Side::Guest, _)) => "guest".into(),
        Some((Side::Host, _)) => "host".into(),
    };
    let types = offer.map(|(_, types)| types).unwrap_or_default();
    let types: Vec<_> = types.iter().map(|kind| kind.mime()).collect();
    line(
        None,
        json!({ "event": "offer", "selection": selection.name(), "from": from, "types": types }),
    )
}

/// A question.
pub(crate) fn ask(question: &Question) -> String {
    let transfer = question.transfer;
    let mut event = json!({
        "event": "ask",
        "ask": question.number,
        "way": transfer.way.name(),
        "selection": transfer.selection.name(),
        "type": transfer.kind.mime(),
    });
    if let (Some(Who { pid, uid }), Some(event)) = (question.who, event.as_object_mut()) {
        event.insert("pid".into(), pid.into());
        event.insert("uid".into(), uid.into());
    }
    line(None, event)
}

fn line(id: Option<u64>, value: Value) -> String {
    let mut words: Map<String, Value> = Map::new();
    if let Value::Object(given) = value {
        words.extend(given);
    }
    words.extend(id.map(|id| ("id".to_owned(), id.into())));
    format!("{}\n", Value::Object(words))
}

//! Lines to and from the plugin, each way one JSON object, and what can go wrong
//! with them.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::escape::Escaped;

/// The longest line that the plugin sends has 64 KiB of base64; a longer one is
/// of something else that listens there.
const MAX_LINE_BYTES: u64 = 128 << 10;

/// More events than the plugin has, were each of its questions one, before an
/// answer: it is no plugin.
const MAX_EVENTS: usize = 1024;

/// Why the clipboard could not be used.
#[derive(Debug, thiserror::Error)]
pub enum ClipError {
    /// Nobody listens there, or not for this user.
    #[error(
        "{}: {cause}: is `portunus` running, with `listen` at this path, and may this user connect?",
        .socket.display()
    )]
    Connect {
        /// The socket.
        socket: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The connection ended.
    #[error("the connection to the plugin is lost: {0}")]
    Lost(io::Error),
    /// What listens there is not the clipboard plugin.
    #[error("what listens there does not speak as the clipboard plugin does: {0}")]
    Language(String),
    /// The plugin says no.
    #[error("{}", Escaped::new(.reason))]
    Plugin {
        /// The reason, for programs.
        word: String,
        /// The reason, for people.
        reason: String,
    },
    /// What is to be offered could not be read.
    #[error("cannot read standard input: {0}")]
    Input(io::Error),
    /// What was got could not be written.
    #[error("cannot write to standard output: {0}")]
    Output(io::Error),
}

impl ClipError {
    /// Whether somebody, or the port's policy, did not want it.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Plugin { word, .. } if word.starts_with("refused-"))
    }

    /// Whether there is nothing to be had.
    pub fn is_nothing(&self) -> bool {
        const NOTHING: [&str; 4] = ["not-offered", "no-agent", "no-content", "replaced"];
        matches!(self, Self::Plugin { word, .. } if NOTHING.contains(&word.as_str()))
    }
}

/// A line of the plugin's that answers a request.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    error: Option<String>,
    reason: Option<String>,
    #[serde(default)]
    data: String,
    /// Whether another part of the content follows.
    #[serde(default)]
    pub(super) more: bool,
}

impl Answer {
    /// The part of content that it has.
    pub(super) fn content(&self) -> Result<Vec<u8>, ClipError> {
        let decoded = STANDARD.decode(&self.data);
        decoded.map_err(|error| ClipError::Language(error.to_string()))
    }
}

/// Adds a part of content to a line.
pub(super) fn add_content(line: &mut Value, part: &[u8], more: bool) {
    if let Some(line) = line.as_object_mut() {
        line.insert("data".into(), STANDARD.encode(part).into());
        line.insert("more".into(), more.into());
    }
}

/// A connection.
#[derive(Debug)]
pub(super) struct Connection {
    reader: BufReader<UnixStream>,
    /// Events that came before an answer.
    events: VecDeque<Value>,
}

impl Connection {
    pub(super) fn open(socket: &Path) -> Result<Self, ClipError> {
        let stream = UnixStream::connect(socket).map_err(|cause| ClipError::Connect {
            socket: socket.to_owned(),
            cause,
        })?;
        Ok(Self::of(stream))
    }

    pub(super) fn of(stream: UnixStream) -> Self {
        Self {
            reader: BufReader::new(stream),
            events: VecDeque::new(),
        }
    }

    /// Says a line.
    pub(super) fn say(&mut self, line: &Value) -> Result<(), ClipError> {
        let line = format!("{line}\n");
        self.reader
            .get_mut()
            .write_all(line.as_bytes())
            .map_err(ClipError::Lost)
    }

    /// The next answer. Events that come before it are kept.
    pub(super) fn answer(&mut self) -> Result<Answer, ClipError> {
        loop {
            let line = self.line()?;
            if line.get("event").is_some() {
                if self.events.len() >= MAX_EVENTS {
                    return Err(ClipError::Language("no answer, but events".into()));
                }
                self.events.push_back(line);
                continue;
            }
            let answer: Answer = understood(line)?;
            return match answer.error {
                None => Ok(answer),
                Some(word) => Err(ClipError::Plugin {
                    reason: answer.reason.unwrap_or_else(|| word.clone()),
                    word,
                }),
            };
        }
    }

    /// The next event.
    pub(super) fn event<Event: DeserializeOwned>(&mut self) -> Result<Event, ClipError> {
        let line = match self.events.pop_front() {
            Some(event) => event,
            None => self.line()?,
        };
        understood(line)
    }

    fn line(&mut self) -> Result<Value, ClipError> {
        let mut line = Vec::new();
        let mut limited = self.reader.by_ref().take(MAX_LINE_BYTES);
        limited
            .read_until(b'\n', &mut line)
            .map_err(ClipError::Lost)?;
        if line.is_empty() {
            return Err(ClipError::Lost(io::ErrorKind::UnexpectedEof.into()));
        }
        serde_json::from_slice(&line).map_err(|error| {
            let shown = Escaped::new(&line).at_most(40);
            ClipError::Language(format!("{error}: {shown}"))
        })
    }
}

/// A line of the plugin's as what it must be.
fn understood<Words: DeserializeOwned>(line: Value) -> Result<Words, ClipError> {
    serde_json::from_value(line).map_err(|error| ClipError::Language(error.to_string()))
}

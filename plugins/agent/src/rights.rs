//! What a client may ask of the agent, and what each command that it may ask
//! means for what is kept of its handles.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use crate::command::Command;
use crate::paths::{Prefix, is_plain};
use crate::pattern::Pattern;

/// What one kind of client may ask.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rights {
    /// Commands that are allowed, but for those with rules of their own.
    pub(crate) allow: Vec<Pattern>,
    /// Commands that are refused whatever else says.
    pub(crate) deny: Vec<Pattern>,
    /// Programs that `guest-exec` may run.
    pub(crate) exec: Vec<ExecRule>,
    /// Files that may be read.
    pub(crate) read: Vec<Prefix>,
    /// Files that may be written.
    pub(crate) write: Vec<Prefix>,
}

/// A program, and what it may be given.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExecRule {
    path: Pattern,
    /// A pattern for each argument; a last `...` stands for any further ones.
    #[serde(default)]
    args: Vec<ArgumentRule>,
    /// Patterns of the environment, `NAME=value`.
    #[serde(default)]
    env: Vec<Pattern>,
    /// Whether it may be given standard input.
    #[serde(default)]
    input: bool,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(from = "String")]
enum ArgumentRule {
    One(Pattern),
    Rest,
}

/// What an allowed command is, for the one that passes it on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Nothing but itself.
    Plain,
    /// `guest-sync` and `guest-sync-delimited`, with the client's number.
    Sync {
        /// Any number that the agent would take.
        number: i64,
        /// Whether 0xFF goes before the reply.
        delimited: bool,
    },
    /// `guest-info`: its reply says what this client may ask.
    Info,
    /// The agent does not answer where it succeeds.
    Silent,
    /// Opens a file: its reply is a handle.
    Open,
    /// Does something with this handle.
    Uses(Handle),
    /// Closes this handle.
    Closes(Handle),
    /// Runs a program: its reply has a process's number.
    Exec,
}

impl Meaning {
    /// Whether 0xFF goes before the reply, be it an error: who waits for that
    /// byte is not to wait longer.
    pub(crate) fn delimits(&self) -> bool {
        matches!(
            self,
            Self::Sync {
                delimited: true,
                ..
            }
        )
    }
}

/// What the guest has given a number to for one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Handle {
    /// An open file.
    File(i64),
    /// A program that was run.
    Process(i64),
}

/// Why a command is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is not allowed at all.
    Command,
    /// Its program, or what the program is given.
    Program,
    /// Its path.
    Path,
    /// Its handle is not one of this client's.
    Handle,
    /// Its arguments cannot be judged.
    Arguments,
}

/// Commands that the agent does not answer where they succeed.
const SILENT: [&str; 4] = [
    "guest-shutdown",
    "guest-suspend-disk",
    "guest-suspend-ram",
    "guest-suspend-hybrid",
];

impl Rights {
    /// Judges a command. Whether a handle is the client's says `owns`.
    pub(crate) fn judge(
        &self,
        command: &Command,
        owns: impl Fn(Handle) -> bool,
    ) -> Result<Meaning, Refusal> {
        let name = command.name.as_str();
        let number = |key| command.number(key).ok_or(Refusal::Arguments);
        let owned = |handle| owns(handle).then_some(handle).ok_or(Refusal::Handle);
        // The protocol's own: without it nobody can speak it.
        if let "guest-sync" | "guest-sync-delimited" = name {
            let delimited = name == "guest-sync-delimited";
            let number = number("id")?;
            return Ok(Meaning::Sync { number, delimited });
        }
        if self.deny.iter().any(|pattern| pattern.matches(name)) {
            return Err(Refusal::Command);
        }
        match name {
            "guest-exec" => self.judge_exec(command),
            "guest-exec-status" => owned(Handle::Process(number("pid")?)).map(Meaning::Uses),
            "guest-file-open" => self.judge_open(command),
            "guest-file-close" => owned(Handle::File(number("handle")?)).map(Meaning::Closes),
            "guest-file-read" | "guest-file-write" | "guest-file-seek" | "guest-file-flush" => {
                owned(Handle::File(number("handle")?)).map(Meaning::Uses)
            }
            // Of a later agent's family that nobody has judged yet.
            _ if name.starts_with("guest-exec") || name.starts_with("guest-file-") => {
                Err(Refusal::Command)
            }
            _ if !self.allow.iter().any(|pattern| pattern.matches(name)) => Err(Refusal::Command),
            "guest-info" => Ok(Meaning::Info),
            _ if SILENT.contains(&name) => Ok(Meaning::Silent),
            _ => Ok(Meaning::Plain),
        }
    }

    /// Whether the client may ask this command, with some arguments at least.
    pub(crate) fn may_ask(&self, name: &str) -> bool {
        if self.deny.iter().any(|pattern| pattern.matches(name)) {
            return false;
        }
        match name {
            "guest-sync" | "guest-sync-delimited" => true,
            "guest-exec" | "guest-exec-status" => !self.exec.is_empty(),
            "guest-file-open" | "guest-file-close" | "guest-file-read" | "guest-file-write"
            | "guest-file-seek" | "guest-file-flush" => {
                !(self.read.is_empty() && self.write.is_empty())
            }
            _ => self.judge(&Command::plain(name), |_| false).is_ok(),
        }
    }

    fn judge_exec(&self, command: &Command) -> Result<Meaning, Refusal> {
        if self.exec.is_empty() {
            return Err(Refusal::Command);
        }
        let path = command.text("path").ok_or(Refusal::Arguments)?;
        let texts = |key| texts(command.arguments.get(key)).ok_or(Refusal::Arguments);
        let (args, env) = (texts("arg")?, texts("env")?);
        let input = command.arguments.contains_key("input-data");
        let known = ["path", "arg", "env", "input-data", "capture-output"];
        if command
            .arguments
            .keys()
            .any(|key| !known.contains(&key.as_str()))
        {
            return Err(Refusal::Arguments);
        }
        let allowed = self.exec.iter().any(|rule| {
            rule.path.matches(path)
                && is_plain(path)
                && rule.takes(&args)
                && env
                    .iter()
                    .all(|word| rule.env.iter().any(|env| env.matches(word)))
                && (rule.input || !input)
        });
        allowed.then_some(Meaning::Exec).ok_or(Refusal::Program)
    }

    fn judge_open(&self, command: &Command) -> Result<Meaning, Refusal> {
        if self.read.is_empty() && self.write.is_empty() {
            return Err(Refusal::Command);
        }
        let path = command.text("path").ok_or(Refusal::Arguments)?;
        let mode = match command.arguments.get("mode") {
            None => "r",
            Some(mode) => mode.as_str().ok_or(Refusal::Arguments)?,
        };
        let (reads, writes) = match mode {
            "r" | "rb" => (true, false),
            "w" | "wb" | "a" | "ab" => (false, true),
            "r+" | "rb+" | "r+b" | "w+" | "wb+" | "w+b" | "a+" | "ab+" | "a+b" => (true, true),
            _ => return Err(Refusal::Arguments),
        };
        let covered = |prefixes: &[Prefix]| prefixes.iter().any(|prefix| prefix.covers(path));
        let allowed = (!reads || covered(&self.read)) && (!writes || covered(&self.write));
        allowed.then_some(Meaning::Open).ok_or(Refusal::Path)
    }
}

impl ExecRule {
    fn takes(&self, args: &[&str]) -> bool {
        let mut args = args.iter();
        for rule in &self.args {
            match rule {
                ArgumentRule::Rest => return true,
                ArgumentRule::One(pattern) => {
                    if !args.next().is_some_and(|arg| pattern.matches(arg)) {
                        return false;
                    }
                }
            }
        }
        args.next().is_none()
    }
}

impl From<String> for ArgumentRule {
    fn from(text: String) -> Self {
        match text.as_str() {
            "..." => Self::Rest,
            pattern => Self::One(Pattern::new(pattern)),
        }
    }
}

/// A list of texts; an empty one where there is none.
fn texts(value: Option<&Value>) -> Option<Vec<&str>> {
    let Some(value) = value else {
        return Some(Vec::new());
    };
    value.as_array()?.iter().map(Value::as_str).collect()
}

impl Refusal {
    /// What is refused, in one word.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Program => "program",
            Self::Path => "path",
            Self::Handle => "handle",
            Self::Arguments => "arguments",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Command => "the port's configuration does not allow it to this client",
            Self::Program => {
                "the port's configuration does not allow this program, or these arguments, to this client"
            }
            Self::Path => {
                "the port's configuration does not allow this path, or this mode, to this client"
            }
            Self::Handle => "this client has no such handle",
            Self::Arguments => "its arguments are not those of this command",
        })
    }
}

#[cfg(test)]
#[path = "rights_tests.rs"]
mod tests;

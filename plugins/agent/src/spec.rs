//! What a port's `config` table says to this plugin, parsed once into values
//! that can be used as they are.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use portunus_plugin_sdk::{ByteSize, Start, check_range};
use serde::{Deserialize, Deserializer, de};

use crate::command::Command;
use crate::paths::Prefix;
use crate::pattern::Pattern;
use crate::rights::{ExecRule, Rights};

/// What says something about a machine and changes nothing: allowed where a table
/// says nothing.
const ALLOWED: [&str; 5] = [
    "guest-ping",
    "guest-info",
    "guest-get-*",
    "guest-network-get-*",
    "guest-fsfreeze-status",
];

/// How commands begin that a pattern cannot allow, and the keys that do.
const WITH_KEYS: [(&str, &str); 2] = [("guest-exec", "exec"), ("guest-file-", "read` or `write")];

/// A command that takes longer than an hour has no caller left.
const TIME: RangeInclusive<Time> =
    Time(Duration::from_millis(100))..=Time(Duration::from_secs(3600));
/// Less than a second would be most of what an agent does.
const INTERVAL: RangeInclusive<Time> =
    Time(Duration::from_secs(1))..=Time(Duration::from_secs(86_400));
/// An agent's `guest-info` has some 4 KiB; one read of a file, 48 MiB at most, has
/// 64 as base64.
const MAX_REPLY: RangeInclusive<ByteSize> = ByteSize::from_kib(16)..=ByteSize::from_mib(64);
/// Each client may have one in the making, and as much again waiting.
const MAX_COMMAND: RangeInclusive<ByteSize> = ByteSize::from_kib(1)..=ByteSize::from_mib(1);

/// The table as the user wrote it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Table {
    allow: Option<Vec<String>>,
    #[serde(default)]
    deny: Vec<Pattern>,
    #[serde(default)]
    exec: Vec<ExecRule>,
    #[serde(default)]
    read: Vec<Prefix>,
    #[serde(default)]
    write: Vec<Prefix>,
    #[serde(default)]
    clients: Vec<ClientTable>,
    #[serde(default = "default_timeout")]
    timeout: Time,
    #[serde(default)]
    slow: Vec<SlowTable>,
    #[serde(default = "default_wait")]
    wait: Time,
    #[serde(default = "default_health")]
    health: Time,
    figures: Option<Time>,
    #[serde(default)]
    on_stop: OnStop,
    lock_on_disconnect: Option<LockTable>,
    #[serde(default = "default_max_reply")]
    max_reply: ByteSize,
    #[serde(default = "default_max_command")]
    max_command: ByteSize,
}

/// A kind of client. What it leaves out is as in the table around it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClientTable {
    uid: Option<u32>,
    gid: Option<u32>,
    class: Option<String>,
    allow: Option<Vec<String>>,
    deny: Option<Vec<Pattern>>,
    exec: Option<Vec<ExecRule>>,
    read: Option<Vec<Prefix>>,
    write: Option<Vec<Prefix>>,
}

/// Commands that may take longer than others.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SlowTable {
    command: Pattern,
    timeout: Time,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LockTable {
    class: String,
    path: String,
    #[serde(default)]
    args: Vec<String>,
}

/// A time as a person writes it: `"10s"`, `"1m 30s"`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
struct Time(Duration);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = |_| format!("`{text}` is not a time: write a number and a unit, like \"10s\"");
        let time = humantime::parse_duration(&text).map_err(wrong);
        time.map(Self).map_err(de::Error::custom)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

fn default_timeout() -> Time {
    Time(Duration::from_secs(10))
}

fn default_wait() -> Time {
    Time(Duration::from_secs(30))
}

fn default_health() -> Time {
    Time(Duration::from_secs(60))
}

fn default_max_reply() -> ByteSize {
    // libvirt's bound too.
    ByteSize::from_mib(10)
}

fn default_max_command() -> ByteSize {
    ByteSize::from_kib(64)
}

/// What is asked of the guest when the host stops.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OnStop {
    /// Nothing.
    #[default]
    Nothing,
    /// To power down.
    Shutdown,
    /// To suspend to memory.
    SuspendRam,
    /// To suspend to disk.
    SuspendDisk,
    /// To do both.
    SuspendHybrid,
}

impl OnStop {
    /// The command that asks for it.
    pub(crate) fn command(self) -> Option<Command> {
        match self {
            Self::Nothing => None,
            Self::Shutdown => Some(Command::plain("guest-shutdown").with("mode", "powerdown")),
            Self::SuspendRam => Some(Command::plain("guest-suspend-ram")),
            Self::SuspendDisk => Some(Command::plain("guest-suspend-disk")),
            Self::SuspendHybrid => Some(Command::plain("guest-suspend-hybrid")),
        }
    }
}

/// A kind of client, and what it may do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Kind {
    uid: Option<u32>,
    gid: Option<u32>,
    /// Its name, for those that others speak of.
    pub(crate) class: Option<String>,
    /// What it may ask.
    pub(crate) rights: Rights,
}

/// What is run in the guest when the last client of a class has gone.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Lock {
    /// The class.
    pub(crate) class: String,
    /// `guest-exec`.
    pub(crate) command: Command,
}

/// How to stand between clients and the agent.
#[derive(Debug, Clone)]
pub(crate) struct Spec {
    /// Kinds of clients, the first that fits a client before others; the last
    /// fits all.
    kinds: Vec<Kind>,
    timeout: Duration,
    slow: Vec<(Pattern, Duration)>,
    /// How long a command may wait for its turn.
    pub(crate) wait: Duration,
    /// After how long an agent of which nothing was heard is asked whether it is
    /// there.
    pub(crate) health: Duration,
    /// How often figures are asked for.
    pub(crate) figures: Option<Duration>,
    /// What is asked of the guest when the host stops.
    pub(crate) on_stop: OnStop,
    /// What is done when a class has no client any more.
    pub(crate) lock: Option<Lock>,
    /// Bytes of one reply.
    pub(crate) max_reply_bytes: usize,
    /// Bytes of one command.
    pub(crate) max_command_bytes: usize,
}

impl Spec {
    /// Reads the table. The error is one line that names the key.
    pub(crate) fn parse(start: &Start) -> Result<Self, String> {
        let table: Table = start.config()?;
        check_range("timeout", table.timeout, TIME)?;
        check_range("wait", table.wait, TIME)?;
        check_range("health", table.health, INTERVAL)?;
        if let Some(figures) = table.figures {
            check_range("figures", figures, INTERVAL)?;
        }
        for (index, slow) in table.slow.iter().enumerate() {
            check_range(&format!("slow[{index}].timeout"), slow.timeout, TIME)?;
        }
        let max_reply_bytes = check_size("max-reply", table.max_reply, MAX_REPLY)?;
        let max_command_bytes = check_size("max-command", table.max_command, MAX_COMMAND)?;

        let allow = match table.allow {
            Some(words) => patterns("allow", &words)?,
            None => ALLOWED.map(Pattern::new).into(),
        };
        let rights = Rights {
            allow,
            deny: table.deny,
            exec: table.exec,
            read: table.read,
            write: table.write,
        };
        let mut kinds = Vec::new();
        for (index, client) in table.clients.into_iter().enumerate() {
            kinds.push(client.kind(index, &rights)?);
        }
        let classes = || kinds.iter().filter_map(|kind| kind.class.as_ref());
        let lock = table.lock_on_disconnect.map(LockTable::lock);
        if let Some(lock) = &lock
            && !classes().any(|class| *class == lock.class)
        {
            return Err(format!(
                "config.lock-on-disconnect.class: no client has the class `{}`: give one of config.clients a `class` of that name",
                lock.class
            ));
        }
        kinds.push(Kind {
            uid: None,
            gid: None,
            class: None,
            rights,
        });
        Ok(Self {
            kinds,
            timeout: table.timeout.0,
            slow: table
                .slow
                .into_iter()
                .map(|slow| (slow.command, slow.timeout.0))
                .collect(),
            wait: table.wait.0,
            health: table.health.0,
            figures: table.figures.map(|time| time.0),
            on_stop: table.on_stop,
            lock,
            max_reply_bytes,
            max_command_bytes,
        })
    }

    /// The kind of a client of this user and group.
    pub(crate) fn kind_of(&self, uid: u32, gid: u32) -> Option<&Kind> {
        let fits = |wanted: Option<u32>, is| wanted.is_none_or(|wanted| wanted == is);
        self.kinds
            .iter()
            .find(|kind| fits(kind.uid, uid) && fits(kind.gid, gid))
    }

    /// How long a command may take.
    pub(crate) fn time_for(&self, command: &str) -> Duration {
        let slow = self.slow.iter().find(|(slow, _)| slow.matches(command));
        slow.map_or(self.timeout, |(_, time)| *time)
    }
}

impl ClientTable {
    fn kind(self, index: usize, around: &Rights) -> Result<Kind, String> {
        let or = |around: &Vec<Pattern>, own: Option<Vec<Pattern>>| {
            own.unwrap_or_else(|| around.clone())
        };
        let allow = self
            .allow
            .map(|words| patterns(&format!("clients[{index}].allow"), &words))
            .transpose()?;
        Ok(Kind {
            uid: self.uid,
            gid: self.gid,
            class: self.class,
            rights: Rights {
                allow: or(&around.allow, allow),
                deny: or(&around.deny, self.deny),
                exec: self.exec.unwrap_or_else(|| around.exec.clone()),
                read: self.read.unwrap_or_else(|| around.read.clone()),
                write: self.write.unwrap_or_else(|| around.write.clone()),
            },
        })
    }
}

impl LockTable {
    fn lock(self) -> Lock {
        let command = Command::plain("guest-exec").with("path", self.path);
        let command = match self.args.is_empty() {
            true => command,
            false => command.with("arg", self.args),
        };
        Lock {
            class: self.class,
            command,
        }
    }
}

/// Patterns of commands, none of which names one that has keys of its own: what
/// would be ignored is an error.
fn patterns(key: &str, words: &[String]) -> Result<Vec<Pattern>, String> {
    for word in words {
        if let Some((_, keys)) = WITH_KEYS.iter().find(|(begin, _)| word.starts_with(begin)) {
            return Err(format!(
                "config.{key}: `{word}` is not allowed by its name: say in `{keys}` with what"
            ));
        }
    }
    Ok(words.iter().map(|word| Pattern::new(word)).collect())
}

fn check_size(key: &str, size: ByteSize, range: RangeInclusive<ByteSize>) -> Result<usize, String> {
    check_range(key, size, range)?;
    usize::try_from(size.bytes()).map_err(|_| format!("config.{key}: {size} has no room here"))
}

#[cfg(test)]
#[path = "spec_tests.rs"]
mod tests;

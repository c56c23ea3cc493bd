//! A line of Fedora's installer in parts. It writes to its port by rsyslog, with
//! a template of its own: `hh:mm:ss,mmm LEVEL program: words`.

use crate::message::{Message, SEVERITIES, tagged};

/// Takes a line apart. `None`: it is not the installer's.
pub(crate) fn parse(text: &str) -> Option<Message<'_>> {
    let (sent, rest) = text.split_once(' ')?;
    let (level, rest) = rest.split_once(' ')?;
    let shaped = sent
        .bytes()
        .zip("00:00:00,0".bytes())
        .all(|(byte, shape)| match shape {
            b'0' => byte.is_ascii_digit(),
            _ => byte == shape,
        });
    let whole = (10..=15).contains(&sent.len());
    (shaped && whole).then_some(Message {
        severity: Some(severity(level)?),
        sent: Some(sent),
        ..tagged(rest)
    })
}

/// rsyslog's word for a severity in capitals, or Python's where that differs.
fn severity(level: &str) -> Option<&'static str> {
    let level = match level {
        "ERROR" => "ERR",
        "CRITICAL" => "CRIT",
        level => level,
    };
    let capital = |name: &&&str| name.to_ascii_uppercase() == level;
    SEVERITIES.iter().find(capital).copied()
}

#[cfg(test)]
#[path = "anaconda_tests.rs"]
mod tests;

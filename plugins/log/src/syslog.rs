//! A syslog message in parts: as RFC 5424 has it, as RFC 3164 has it, or as
//! senders have it that keep to neither.
//!
//! No byte is lost: where a part is not what it should be, it and all that
//! follows are the message's words.

use crate::message::{Data, Message, SEVERITIES, tag, tagged};

/// The names of facilities (RFC 5424, table 1), by number, as syslog.conf has them.
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp", "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4",
    "local5", "local6", "local7",
];

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Takes a message apart. `None`: it has no priority, and so is not syslog's.
pub(crate) fn parse(text: &str) -> Option<Message<'_>> {
    let (facility, severity, rest) = priority(text)?;
    let parts = rfc5424(rest).or_else(|| rfc3164(rest));
    Some(Message {
        facility: Some(facility),
        severity: Some(severity),
        ..parts.unwrap_or_else(|| tagged(rest))
    })
}

/// `<PRI>` (section 6.2.1): eight times the facility, and the severity.
fn priority(text: &str) -> Option<(&'static str, &'static str, &str)> {
    let (digits, rest) = text.strip_prefix('<')?.split_once('>')?;
    let written =
        (1..=3).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let value: usize = written.then(|| digits.parse().ok()).flatten()?;
    let facility = FACILITIES.get(value >> 3)?;
    let severity = SEVERITIES.get(value & 7)?;
    Some((facility, severity, rest))
}

/// `VERSION SP TIMESTAMP SP HOSTNAME SP APP-NAME SP PROCID SP MSGID SP
/// STRUCTURED-DATA [SP MSG]` (section 6).
fn rfc5424(text: &str) -> Option<Message<'_>> {
    let rest = text.strip_prefix("1 ")?;
    let (sent, rest) = field(rest)?;
    let (host, rest) = field(rest)?;
    let (program, rest) = field(rest)?;
    let (pid, rest) = field(rest)?;
    let (id, rest) = field(rest)?;
    let (data, rest) = match rest.strip_prefix('-') {
        Some(rest) => (Data::new(), rest),
        None => structured_data(rest)?,
    };
    let words = match rest.strip_prefix(' ') {
        // The mark of UTF-8 is no word of it (section 6.4).
        Some(words) => words.strip_prefix('\u{feff}').unwrap_or(words),
        None if rest.is_empty() => rest,
        None => return None,
    };
    Some(Message {
        sent,
        host,
        program,
        pid,
        id,
        data,
        message: words,
        ..Message::default()
    })
}

/// A field and the space behind it; `-` where the sender does not know it.
fn field(text: &str) -> Option<(Option<&str>, &str)> {
    let (field, rest) = text.split_once(' ')?;
    (!field.is_empty()).then_some(((field != "-").then_some(field), rest))
}

/// `1*("[" SD-ID *(SP PARAM-NAME "=" %d34 PARAM-VALUE %d34) "]")`.
fn structured_data(text: &str) -> Option<(Data, &str)> {
    let mut data = Data::new();
    let mut rest = text;
    while let Some(inside) = rest.strip_prefix('[') {
        let end = inside.find([' ', ']', '=', '"'])?;
        let (id, mut inner) = inside.split_at_checked(end)?;
        let element = data.entry(name(id)?).or_default();
        while let Some(param) = inner.strip_prefix(' ') {
            let (param_name, quoted) = param.split_once("=\"")?;
            let (value, after) = param_value(quoted)?;
            element.entry(name(param_name)?).or_default().push(value);
            inner = after;
        }
        rest = inner.strip_prefix(']')?;
    }
    (!data.is_empty()).then_some((data, rest))
}

/// An `SD-NAME`: printable, and none of what ends one.
fn name(text: &str) -> Option<String> {
    let fits = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'=' | b']' | b'"');
    (!text.is_empty() && text.bytes().all(fits)).then(|| text.to_owned())
}

/// A value up to its quote. A backslash stands before `"`, `\` and `]`; before
/// anything else it is a byte like any other (section 6.3.3).
fn param_value(quoted: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = quoted.chars();
    loop {
        match characters.next()? {
            '"' => return Some((value, characters.as_str())),
            '\\' => {
                let rest = characters.as_str();
                match characters.next()? {
                    escaped @ ('"' | '\\' | ']') => value.push(escaped),
                    _ => {
                        value.push('\\');
                        characters = rest.chars();
                    }
                }
            }
            character => value.push(character),
        }
    }
}

/// `TIMESTAMP SP [HOSTNAME SP] [TAG] MSG` (RFC 3164, section 4.1), with the time as
/// there or as in RFC 3339. Local senders leave the host's name out.
fn rfc3164(text: &str) -> Option<Message<'_>> {
    let (sent, rest) = old_time(text).or_else(|| new_time(text))?;
    let parts = tag(rest).or_else(|| {
        let (host, rest) = rest.split_once(' ')?;
        (!host.is_empty()).then(|| Message {
            host: Some(host),
            ..tagged(rest)
        })
    });
    Some(Message {
        sent: Some(sent),
        ..parts.unwrap_or_else(|| tagged(rest))
    })
}

/// `Mmm dd hh:mm:ss` and a space.
fn old_time(text: &str) -> Option<(&str, &str)> {
    let (time, rest) = text.split_at_checked("Mmm dd hh:mm:ss".len())?;
    let month = time.get(..3)?;
    let shaped = time.bytes().zip("Mmm dd hh:mm:ss".bytes()).skip(3);
    let digits = shaped.into_iter().enumerate().all(|(at, (byte, shape))| {
        let padded = at == 1 && byte == b' ';
        match shape {
            b' ' | b':' => byte == shape,
            _ => byte.is_ascii_digit() || padded,
        }
    });
    let rest = rest.strip_prefix(' ')?;
    (digits && MONTHS.contains(&month)).then_some((time, rest))
}

/// A time of RFC 3339, by its shape, and a space.
fn new_time(text: &str) -> Option<(&str, &str)> {
    let (time, rest) = text.split_once(' ')?;
    let shaped = time
        .bytes()
        .zip("0000-00-00T00:00:00".bytes())
        .all(|(byte, shape)| match shape {
            b'0' => byte.is_ascii_digit(),
            _ => byte == shape,
        });
    (shaped && (20..=35).contains(&time.len())).then_some((time, rest))
}

#[cfg(test)]
#[path = "syslog_tests.rs"]
mod tests;

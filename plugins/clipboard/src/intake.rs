//! From parts of messages to what the guest's agent says: keeps a short message
//! until it is whole, and content that was asked for.

use crate::capabilities::Form;
use crate::content::Content;
use crate::kinds::{ContentType, Selection};
use crate::message::{self, AgentMessage, Ignored, content_prefix_bytes, number};
use crate::stream::{MessageHeader, PROTOCOL, Part};

/// What the agent has said, once it is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// A message.
    Message(AgentMessage),
    /// Content that was asked for.
    Content {
        /// Where.
        selection: Selection,
        /// As what.
        kind: ContentType,
        /// All of it; empty where the guest has none of that type.
        content: Content,
    },
    /// It has not what was asked for; as what, it does not say.
    NoContent {
        /// Where.
        selection: Selection,
    },
    /// It has more of what was asked for than is taken.
    TooLarge {
        /// Where.
        selection: Selection,
        /// As what.
        kind: ContentType,
    },
    /// Something that is not heeded. Said when it begins; nothing of it is kept.
    Ignored(Ignored),
}

/// What content is to be taken.
pub trait Expects {
    /// Whether content of that type was asked for.
    fn expects(&self, selection: Selection, kind: ContentType) -> bool;

    /// The largest content that is taken, in bytes.
    fn max_bytes(&self) -> u64;

    /// The form that messages have.
    fn form(&self) -> Form;
}

/// The message that has begun.
#[derive(Debug, Default)]
enum Taking {
    /// None has, or it is not heeded.
    #[default]
    Nothing,
    /// One that is looked at whole.
    Small { number: u32, body: Vec<u8> },
    /// Content, until it is known where it belongs.
    Prefix { prefix: Vec<u8>, size: u32 },
    /// Content.
    Content {
        selection: Selection,
        kind: ContentType,
        content: Content,
    },
}

/// Puts messages together.
#[derive(Debug, Default)]
pub struct Intake {
    taking: Taking,
}

impl Intake {
    /// Takes a part of the stream, and says what there is to say of it.
    pub fn take(&mut self, part: Part<'_>, expects: &impl Expects) -> Option<Said> {
        match part {
            Part::ForServer(_) => None,
            Part::Begin(header) => match begin(header) {
                Ok(taking) => {
                    self.taking = taking;
                    None
                }
                Err(why) => {
                    self.taking = Taking::Nothing;
                    Some(Said::Ignored(why))
                }
            },
            Part::Body(bytes) => self.take_body(bytes, expects),
            Part::End => end(std::mem::take(&mut self.taking), expects.form()),
        }
    }

    fn take_body(&mut self, bytes: &[u8], expects: &impl Expects) -> Option<Said> {
        let (prefix, taken, size) = match &mut self.taking {
            Taking::Nothing => return None,
            Taking::Small { body, .. } => {
                body.extend_from_slice(bytes);
                return None;
            }
            Taking::Content { content, .. } => {
                content.push(bytes);
                return None;
            }
            Taking::Prefix { prefix, size } => {
                let whole = content_prefix_bytes(expects.form());
                let taken = whole.saturating_sub(prefix.len()).min(bytes.len());
                prefix.extend(bytes.iter().take(taken));
                if prefix.len() < whole {
                    return None;
                }
                (std::mem::take(prefix), taken, *size)
            }
        };
        match begin_content(&prefix, size, expects) {
            Ok((selection, kind)) => {
                let content = Content::new(bytes.get(taken..).unwrap_or_default());
                self.taking = Taking::Content {
                    selection,
                    kind,
                    content,
                };
                None
            }
            Err(said) => {
                self.taking = Taking::Nothing;
                Some(said)
            }
        }
    }
}

/// What to do with a message that begins so.
fn begin(header: MessageHeader) -> Result<Taking, Ignored> {
    let MessageHeader {
        protocol,
        number,
        size,
    } = header;
    if protocol != PROTOCOL {
        return Err(Ignored::Protocol);
    }
    match number {
        number::CLIPBOARD => Ok(Taking::Prefix {
            prefix: Vec::new(),
            size,
        }),
        number::ANNOUNCE_CAPABILITIES
        | number::CLIPBOARD_GRAB
        | number::CLIPBOARD_REQUEST
        | number::CLIPBOARD_RELEASE => match size {
            0..=message::MAX_SMALL_BYTES => Ok(Taking::Small {
                number,
                body: Vec::new(),
            }),
            _ => Err(Ignored::Malformed),
        },
        _ => Err(Ignored::OtherMatter),
    }
}

/// Whether content with this prefix is to be taken; what is said of it if not.
fn begin_content(
    prefix: &[u8],
    size: u32,
    expects: &impl Expects,
) -> Result<(Selection, ContentType), Said> {
    let form = expects.form();
    let (selection, wire_type) =
        message::parse_content_prefix(prefix, form).ok_or(Said::Ignored(Ignored::Malformed))?;
    if wire_type == message::NO_TYPE {
        return Err(Said::NoContent { selection });
    }
    let kind = ContentType::from_wire(wire_type)
        .filter(|kind| expects.expects(selection, *kind))
        .ok_or(Said::Ignored(Ignored::Unasked))?;
    let bytes = u64::from(size).saturating_sub(content_prefix_bytes(form) as u64);
    if bytes > expects.max_bytes() {
        return Err(Said::TooLarge { selection, kind });
    }
    Ok((selection, kind))
}

fn end(taking: Taking, form: Form) -> Option<Said> {
    match taking {
        Taking::Nothing => None,
        Taking::Small { number, body } => Some(match AgentMessage::parse(number, &body, form) {
            Ok(message) => Said::Message(message),
            Err(why) => Said::Ignored(why),
        }),
        Taking::Prefix { .. } => Some(Said::Ignored(Ignored::Malformed)),
        Taking::Content {
            selection,
            kind,
            content,
        } => Some(Said::Content {
            selection,
            kind,
            content,
        }),
    }
}

#[cfg(test)]
#[path = "intake_tests.rs"]
mod tests;

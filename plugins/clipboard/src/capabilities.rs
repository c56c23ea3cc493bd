//! What an agent and its client say that they can do.

/// One of the capabilities that clipboards have, by its number in `vd_agent.h`
/// (`VD_AGENT_CAP_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capability {
    /// `CLIPBOARD_BY_DEMAND`: content is asked for, and not pushed.
    ByDemand,
    /// `CLIPBOARD_SELECTION`: messages say which selection they are about.
    Selection,
    /// `GUEST_LINEEND_CRLF`: the guest's text has Windows' line ends.
    GuestLineEndCrLf,
    /// `MAX_CLIPBOARD`: the agent can be told the largest content.
    MaxClipboard,
    /// `CLIPBOARD_NO_RELEASE_ON_REGRAB`: a new grab needs no release before it.
    NoReleaseOnRegrab,
    /// `CLIPBOARD_GRAB_SERIAL`: grabs are numbered, so that both ends agree
    /// which of two came first.
    GrabSerial,
}

impl Capability {
    const fn bit(self) -> u32 {
        1 << match self {
            Self::ByDemand => 5,
            Self::Selection => 6,
            Self::GuestLineEndCrLf => 9,
            Self::MaxClipboard => 10,
            Self::NoReleaseOnRegrab => 16,
            Self::GrabSerial => 17,
        }
    }
}

/// A set of capabilities: the first word of those that a message has, which has
/// all that there are by now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Capabilities(u32);

impl Capabilities {
    /// What we say of ourselves.
    pub const OURS: Self = Self(
        Capability::ByDemand.bit()
            | Capability::Selection.bit()
            | Capability::MaxClipboard.bit()
            | Capability::NoReleaseOnRegrab.bit()
            | Capability::GrabSerial.bit(),
    );

    /// The set that this word is.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The word.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether it is in.
    pub const fn has(self, capability: Capability) -> bool {
        self.0 & capability.bit() != 0
    }
}

/// In which form clipboard messages come and go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Form {
    /// Each says which selection it is about; all are about the clipboard else.
    pub selection: bool,
    /// Grabs are numbered.
    pub serial: bool,
}

impl Form {
    /// The form that an agent of these capabilities and we have in common.
    pub fn common_with(theirs: Capabilities) -> Self {
        let both = Capabilities(theirs.0 & Capabilities::OURS.0);
        Self {
            selection: both.has(Capability::Selection),
            serial: both.has(Capability::GrabSerial),
        }
    }
}

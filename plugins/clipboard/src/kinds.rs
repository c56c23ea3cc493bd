//! What a clipboard is, and what can be in it: numbers of the vdagent protocol,
//! names of ours.

use std::fmt;

/// One of the clipboards that X has. Windows has the first alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Selection {
    /// What "copy" and "paste" are about.
    Clipboard,
    /// What was marked last.
    Primary,
    /// Hardly used.
    Secondary,
}

impl Selection {
    /// All of them, in the protocol's order.
    pub const ALL: [Self; 3] = [Self::Clipboard, Self::Primary, Self::Secondary];

    /// `VD_AGENT_CLIPBOARD_SELECTION_*`.
    pub const fn wire(self) -> u8 {
        match self {
            Self::Clipboard => 0,
            Self::Primary => 1,
            Self::Secondary => 2,
        }
    }

    /// The selection of this number.
    pub fn from_wire(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.wire() == number)
    }

    /// Our word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Clipboard => "clipboard",
            Self::Primary => "primary",
            Self::Secondary => "secondary",
        }
    }

    /// The selection of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One value for each selection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PerSelection<T>([T; 3]);

impl<T> PerSelection<T> {
    /// The value of this selection.
    pub fn get(&self, selection: Selection) -> &T {
        let [clipboard, primary, secondary] = &self.0;
        match selection {
            Selection::Clipboard => clipboard,
            Selection::Primary => primary,
            Selection::Secondary => secondary,
        }
    }

    /// The value of this selection, to be changed.
    pub fn get_mut(&mut self, selection: Selection) -> &mut T {
        let [clipboard, primary, secondary] = &mut self.0;
        match selection {
            Selection::Clipboard => clipboard,
            Selection::Primary => primary,
            Selection::Secondary => secondary,
        }
    }
}

/// What content is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ContentType {
    /// Text in UTF-8.
    Text,
    /// An image.
    Png,
    /// An image.
    Bmp,
    /// An image.
    Tiff,
    /// An image.
    Jpeg,
    /// Names of files, separated by NUL; the first is `copy` or `cut`.
    FileList,
}

impl ContentType {
    /// All of them, in the protocol's order.
    pub const ALL: [Self; 6] = [
        Self::Text,
        Self::Png,
        Self::Bmp,
        Self::Tiff,
        Self::Jpeg,
        Self::FileList,
    ];

    /// `VD_AGENT_CLIPBOARD_*`. Zero is none of them.
    pub const fn wire(self) -> u32 {
        match self {
            Self::Text => 1,
            Self::Png => 2,
            Self::Bmp => 3,
            Self::Tiff => 4,
            Self::Jpeg => 5,
            Self::FileList => 6,
        }
    }

    /// The type of this number.
    pub fn from_wire(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.wire() == number)
    }

    /// Its MIME type. No registered one means a file list of vdagent's form.
    pub const fn mime(self) -> &'static str {
        match self {
            Self::Text => "text/plain",
            Self::Png => "image/png",
            Self::Bmp => "image/bmp",
            Self::Tiff => "image/tiff",
            Self::Jpeg => "image/jpeg",
            Self::FileList => "application/x-vdagent-file-list",
        }
    }

    /// The type of this MIME type, as [`mime`](Self::mime) writes it or as
    /// desktops write text in UTF-8.
    pub fn from_mime(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("text/plain;charset=utf-8") {
            return Some(Self::Text);
        }
        let named = |one: &Self| one.mime().eq_ignore_ascii_case(name);
        Self::ALL.into_iter().find(named)
    }
}

impl fmt::Display for ContentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.mime())
    }
}

/// Some content types.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TypeSet(u8);

impl TypeSet {
    /// Adds one.
    pub fn insert(&mut self, kind: ContentType) {
        self.0 |= Self::bit(kind);
    }

    /// Whether it is in.
    pub fn contains(self, kind: ContentType) -> bool {
        self.0 & Self::bit(kind) != 0
    }

    /// Those that are in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those that are in, in the protocol's order.
    pub fn iter(self) -> impl Iterator<Item = ContentType> {
        ContentType::ALL
            .into_iter()
            .filter(move |kind| self.contains(*kind))
    }

    const fn bit(kind: ContentType) -> u8 {
        1 << kind.wire()
    }
}

impl FromIterator<ContentType> for TypeSet {
    fn from_iter<I: IntoIterator<Item = ContentType>>(kinds: I) -> Self {
        let mut set = Self::default();
        kinds.into_iter().for_each(|kind| set.insert(kind));
        set
    }
}

#[cfg(test)]
#[path = "kinds_tests.rs"]
mod tests;

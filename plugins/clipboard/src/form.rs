//! What content of each type looks like: whether it does, and line ends, which
//! are the guest's own where it is Windows.

use crate::content::Content;
use crate::kinds::ContentType;

/// Whether content is in the form that its type has, as far as is looked at:
/// images are for those who show them.
pub(crate) fn is_well_formed(kind: ContentType, content: &Content) -> bool {
    match kind {
        ContentType::Text => content.is_utf8(),
        ContentType::FileList => content.is_utf8() && is_file_list(&content.to_bytes()),
        ContentType::Png | ContentType::Bmp | ContentType::Tiff | ContentType::Jpeg => true,
    }
}

/// `copy` or `cut`, and at least one absolute path, each with a NUL before it.
fn is_file_list(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes);
    let mut items = bytes.split(|byte| *byte == 0);
    let action = items.next();
    let mut paths = items.peekable();
    matches!(action, Some(b"copy" | b"cut"))
        && paths.peek().is_some()
        && paths.all(|path| path.starts_with(b"/"))
}

/// Text with `\r\n` at the end of each line, whatever was there.
pub(crate) fn with_crlf(text: &Content) -> Content {
    let mut out = Content::default();
    let mut returned = false;
    for piece in text.pieces() {
        let mut rest = piece.as_slice();
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at(end);
            out.push(line);
            let has_return = line.last().map_or(returned, |last| *last == b'\r');
            out.push(if has_return { b"\n" } else { b"\r\n" });
            returned = false;
            rest = after.get(1..).unwrap_or_default();
        }
        out.push(rest);
        returned = rest.last().map_or(returned, |last| *last == b'\r');
    }
    out
}

/// Text with `\n` where there was `\r\n`.
pub(crate) fn with_lf(text: &Content) -> Content {
    let mut out = Content::default();
    // A `\r` that a piece ends with, and of which it is not known what follows.
    let mut returned = false;
    for piece in text.pieces() {
        for part in piece.split_inclusive(|byte| *byte == b'\r') {
            if std::mem::take(&mut returned) && !part.starts_with(b"\n") {
                out.push(b"\r");
            }
            let kept = part.strip_suffix(b"\r");
            returned = kept.is_some();
            out.push(kept.unwrap_or(part));
        }
    }
    if returned {
        out.push(b"\r");
    }
    out
}

#[cfg(test)]
#[path = "form_tests.rs"]
mod tests;

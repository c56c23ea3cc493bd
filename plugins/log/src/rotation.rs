//! Which files are renamed when the current one is full: `name` becomes
//! `name.1`, `name.1` becomes `name.2`, and so on; the oldest is replaced.

/// The `number`th old file's path; the current file's for 0.
pub(crate) fn numbered(path: &str, number: u32) -> String {
    match number {
        0 => path.to_owned(),
        number => format!("{path}.{number}"),
    }
}

/// The numbers to rename, each to the one above it, in this order: at most
/// `keep`, the last of them 0.
///
/// They go up to the first number that is free. So a rotation that failed half
/// way is finished by doing it again, and pushes no further file out.
pub(crate) fn renames<E>(
    keep: u32,
    mut exists: impl FnMut(u32) -> Result<bool, E>,
) -> Result<impl Iterator<Item = u32>, E> {
    let mut last = 1;
    while last < keep && exists(last)? {
        last = last.saturating_add(1);
    }
    Ok((0..last).rev())
}

#[cfg(test)]
#[path = "rotation_tests.rs"]
mod tests;

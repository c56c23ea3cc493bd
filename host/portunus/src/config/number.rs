//! Which port gets which id.

/// Gives ids to ports in the order of the file, from whether each is a
/// console. `zero_is_taken` by the terminal's console, which is no port of the
/// file's.
///
/// The first console gets 0, where a driver without `MULTIPORT` looks for it,
/// and every other port the next from 1. Without a console 0 stays free: Linux
/// takes port 0 for a console, whatever it is.
pub(crate) fn port_ids(zero_is_taken: bool, consoles: impl IntoIterator<Item = bool>) -> Vec<u32> {
    let mut zero_is_free = !zero_is_taken;
    let mut next: u32 = 1;
    let ids = consoles.into_iter().map(|console| {
        if console && zero_is_free {
            zero_is_free = false;
            return 0;
        }
        let id = next;
        next = next.saturating_add(1);
        id
    });
    ids.collect()
}

#[cfg(test)]
#[path = "number_tests.rs"]
mod tests;

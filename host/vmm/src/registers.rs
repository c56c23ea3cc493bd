//! Bytes that a guest reads and writes at any offset, in any width. What is past
//! their end reads as zero, and cannot be written.

/// Reads bytes from `offset` on.
pub(crate) fn read(registers: &[u8], offset: u64, into: &mut [u8]) {
    let bytes = registers.iter().skip(start(offset));
    for (place, byte) in into.iter_mut().zip(bytes.chain(std::iter::repeat(&0))) {
        *place = *byte;
    }
}

/// Writes bytes from `offset` on: those bits that `masks`, one for each
/// register, has set.
pub(crate) fn write<'a>(
    registers: &mut [u8],
    masks: impl Iterator<Item = &'a u8>,
    offset: u64,
    bytes: &[u8],
) {
    let places = registers.iter_mut().zip(masks).skip(start(offset));
    for ((place, mask), byte) in places.zip(bytes) {
        *place = *place & !mask | byte & mask;
    }
}

/// Writes bytes from `offset` on, every bit of them.
pub(crate) fn set(registers: &mut [u8], offset: u64, bytes: &[u8]) {
    write(registers, std::iter::repeat(&0xff), offset, bytes);
}

/// An offset that is no index is past the end of everything.
fn start(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

#[cfg(test)]
#[path = "registers_tests.rs"]
mod tests;

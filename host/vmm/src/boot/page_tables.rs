//! Page tables that map the first 4 GiB to themselves, for a kernel that begins
//! in 64-bit mode (AMD64 Architecture Programmer's Manual, volume 2, 5.3).

use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};

use super::BootError;
use crate::layout::{PAGE_BYTES, PAGE_TABLES_ADDRESS};

/// Present and writable.
const TABLE: u64 = 0b11;

/// A page of 2 MiB, present and writable.
const LARGE_PAGE: u64 = 0b1000_0011;

/// What one such page maps.
const LARGE_PAGE_BYTES: u64 = 2 << 20;

/// How many GiB are mapped, one table for each.
const GIBIBYTES: u64 = 4;

/// Entries in a table.
const ENTRIES: u64 = 512;

/// Writes the root, the one table below it, and the four below that.
pub(crate) fn write(guest: &GuestMemoryMmap) -> Result<(), BootError> {
    let table = |index: u64| PAGE_TABLES_ADDRESS.saturating_add(index.saturating_mul(PAGE_BYTES));
    write_entries(guest, table(0), [table(1) | TABLE])?;
    let directories = (0..GIBIBYTES).map(|gib| table(gib.saturating_add(2)) | TABLE);
    write_entries(guest, table(1), directories)?;
    // The four stand one behind the other, and so do their entries.
    let pages = (0..ENTRIES.saturating_mul(GIBIBYTES))
        .map(|page| page.saturating_mul(LARGE_PAGE_BYTES) | LARGE_PAGE);
    write_entries(guest, table(2), pages)
}

fn write_entries(
    guest: &GuestMemoryMmap,
    address: u64,
    entries: impl IntoIterator<Item = u64>,
) -> Result<(), BootError> {
    let bytes: Vec<u8> = entries.into_iter().flat_map(u64::to_le_bytes).collect();
    Ok(guest.write_slice(&bytes, GuestAddress(address))?)
}

#[cfg(test)]
#[path = "page_tables_tests.rs"]
mod tests;

//! The messages of a front end, one by one, as the `vhost` crate wants them.
//!
//! User Mode Linux sends SET_MEM_TABLE with room for two regions and a count of
//! one, and the crate takes the length for a fault. So every message is read
//! here first, put right where it is only too long, and handed on through a
//! socket pair. One thread does both in turn: the protocol is request and
//! answer, and nothing in it is a matter of speed.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

/// A message's header: request, flags and size, each 32 bits.
const HEADER_SIZE: usize = 12;

/// The longest message, header apart: the `vhost` crate's own limit. A memory
/// table of 128 regions would fit.
const BODY_LIMIT: usize = 4096;

/// How many descriptors one message may bring: the protocol's limit for a
/// memory table is 8; the `vhost` crate takes 32.
pub(in crate::door) const FILES_LIMIT: usize = 32;

const SET_MEM_TABLE: u32 = 5;

/// A memory table's count and padding, before its regions.
const TABLE_HEADER_SIZE: usize = 8;

/// One region of a memory table: four 64-bit words.
const REGION_SIZE: usize = 32;

/// Why no further message comes.
#[derive(Debug, thiserror::Error)]
pub(super) enum FrameFault {
    /// The front end closed the connection between two messages.
    #[error("the front end disconnected")]
    Closed,
    /// A message is longer than any that the protocol has.
    #[error("a vhost-user message of {0} bytes: {BODY_LIMIT} is the most there is")]
    TooLong(usize),
    /// More descriptors than [`FILES_LIMIT`]: handed on, they would keep the
    /// `vhost` crate waiting for ever for the message that it has dropped.
    #[error("a vhost-user message with more than {FILES_LIMIT} descriptors")]
    TooManyFiles,
    /// The connection failed.
    #[error("the connection to the front end failed: {0}")]
    Io(#[from] io::Error),
}

/// One message with the descriptors that came with it.
#[derive(Debug)]
pub(super) struct Frame {
    /// Header and body.
    bytes: Vec<u8>,
    files: Vec<OwnedFd>,
}

impl Frame {
    /// Reads the next message.
    pub(super) fn receive(stream: &UnixStream) -> Result<Self, FrameFault> {
        let mut header = [0; HEADER_SIZE];
        let (count, files) = receive_with_files(stream, &mut header)?;
        if count == 0 {
            return Err(FrameFault::Closed);
        }
        let mut reader = stream;
        reader.read_exact(header.get_mut(count..).unwrap_or_default())?;
        let size = word(&header, 8)
            .and_then(|size| usize::try_from(size).ok())
            .unwrap_or(0);
        if size > BODY_LIMIT {
            return Err(FrameFault::TooLong(size));
        }
        let mut bytes = header.to_vec();
        bytes.resize(HEADER_SIZE.saturating_add(size), 0);
        reader.read_exact(bytes.get_mut(HEADER_SIZE..).unwrap_or_default())?;
        trim_memory_table(&mut bytes);
        Ok(Self { bytes, files })
    }

    /// Hands the message on.
    pub(super) fn send(&self, stream: &UnixStream) -> Result<(), FrameFault> {
        let files: Vec<_> = self.files.iter().map(AsFd::as_fd).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES_LIMIT))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !files.is_empty() {
            control.push(SendAncillaryMessage::ScmRights(&files));
        }
        let sent = sendmsg(
            stream,
            &[IoSlice::new(&self.bytes)],
            &mut control,
            SendFlags::NOSIGNAL,
        )
        .map_err(io::Error::from)?;
        let mut writer = stream;
        writer.write_all(self.bytes.get(sent..).unwrap_or_default())?;
        Ok(())
    }
}

/// Reads into `buffer` once, with the descriptors that come along.
fn receive_with_files(
    stream: &UnixStream,
    buffer: &mut [u8],
) -> Result<(usize, Vec<OwnedFd>), FrameFault> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES_LIMIT))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = loop {
        let mut parts = [IoSliceMut::new(buffer)];
        match recvmsg(stream, &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC) {
            Err(rustix::io::Errno::INTR) => {}
            other => break other.map_err(io::Error::from)?,
        }
    };
    let files: Vec<_> = control
        .drain()
        .filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(files) => Some(files),
            _ => None,
        })
        .flatten()
        .collect();
    // The space may have room for one more than it was made for.
    if files.len() > FILES_LIMIT || received.flags.contains(ReturnFlags::CTRUNC) {
        return Err(FrameFault::TooManyFiles);
    }
    Ok((received.bytes, files))
}

/// Cuts what a memory table has behind its last region.
fn trim_memory_table(bytes: &mut Vec<u8>) {
    let Some(SET_MEM_TABLE) = word(bytes, 0) else {
        return;
    };
    let Some(count) = word(bytes, HEADER_SIZE).and_then(|count| usize::try_from(count).ok()) else {
        return;
    };
    let body = count
        .saturating_mul(REGION_SIZE)
        .saturating_add(TABLE_HEADER_SIZE);
    let whole = body.saturating_add(HEADER_SIZE);
    if whole >= bytes.len() {
        return;
    }
    bytes.truncate(whole);
    if let (Ok(body), Some(size)) = (u32::try_from(body), bytes.get_mut(8..HEADER_SIZE)) {
        size.copy_from_slice(&body.to_ne_bytes());
    }
}

/// A 32-bit word of a message: in the machine's own byte order, as the
/// protocol has it.
fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let word = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_ne_bytes(*word))
}

#[cfg(test)]
#[path = "frames_tests.rs"]
mod tests;

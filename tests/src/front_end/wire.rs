//! A vhost-user connection on which anything at all is sent.

use std::io::{ErrorKind, IoSlice, Read};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use super::dial;

/// The protocol's version, in each message's flags.
pub const VERSION: u32 = 1;
/// The flag of a message that wants an answer.
pub const NEED_REPLY: u32 = 8;
/// More descriptors than any message of the protocol has.
pub const FILES_MOST: usize = 40;

/// A front end that keeps to no rule. What it sends to a device that has hung
/// up is lost.
pub struct Wire(UnixStream);

impl Wire {
    /// Connects.
    pub fn dial(socket: &Path) -> Self {
        Self(dial(socket))
    }

    /// The connection, for a front end that goes on as it should.
    pub fn try_clone(&self) -> UnixStream {
        self.0.try_clone().unwrap()
    }

    /// Sends these bytes, with these descriptors.
    pub fn send_bytes(&self, bytes: &[u8], files: &[BorrowedFd<'_>]) {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES_MOST))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !files.is_empty() {
            assert!(control.push(SendAncillaryMessage::ScmRights(files)));
        }
        let parts = [IoSlice::new(bytes)];
        match sendmsg(self.0.as_fd(), &parts, &mut control, SendFlags::NOSIGNAL) {
            Ok(sent) => assert_eq!(sent, bytes.len(), "the device does not read"),
            Err(rustix::io::Errno::PIPE | rustix::io::Errno::CONNRESET) => {}
            Err(error) => panic!("the device does not read: {error}"),
        }
    }

    /// Sends a message with a header that says what there is.
    pub fn send(&self, request: impl Into<u32>, body: &[u8], files: &[BorrowedFd<'_>]) {
        self.send_bytes(&message(request, VERSION, body), files);
    }

    /// Sends a message that wants an answer, and waits for it: `None` where the
    /// device hung up.
    pub fn ask(
        &self,
        request: impl Into<u32>,
        body: &[u8],
        files: &[BorrowedFd<'_>],
    ) -> Option<Vec<u8>> {
        self.send_bytes(&message(request, VERSION | NEED_REPLY, body), files);
        let mut header = [0; 12];
        self.read(&mut header)?;
        let size = u32::from_ne_bytes(*header.last_chunk().unwrap());
        let mut body = vec![0; size.try_into().unwrap()];
        self.read(&mut body)?;
        Some(body)
    }

    fn read(&self, buffer: &mut [u8]) -> Option<()> {
        match (&self.0).read_exact(buffer) {
            Ok(()) => Some(()),
            Err(error) if ended(error.kind()) => None,
            Err(error) => panic!("the device does not answer: {error}"),
        }
    }

    /// Says no more, and waits until the device has hung up.
    pub fn end(self) {
        // The device may have hung up already.
        drop(self.0.shutdown(Shutdown::Write));
        let mut rest = Vec::new();
        match (&self.0).read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) if ended(error.kind()) => {}
            Err(error) => panic!("the device does not hang up: {error}"),
        }
    }
}

fn ended(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset)
}

/// Header and body.
pub fn message(request: impl Into<u32>, flags: u32, body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(body.len()).unwrap();
    let mut bytes = words(&[request.into(), flags, size]);
    bytes.extend(body);
    bytes
}

/// 32-bit words of a message.
pub fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

/// 64-bit words of a message.
pub fn long_words(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

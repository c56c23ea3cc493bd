//! One channel beside the guest's: a connection, and the bytes that wait at it.

use std::io;
use std::task::Context;

use portunus_plugin::{ChannelOrder, CloseReason, OpenReason, Peer, SendError};

use super::link::Link;
use super::progress::Progress;
use crate::session::byte_queue::ByteQueue;
use crate::session::counters::{PeerCounters, add};

/// A connection to a host program, with what its plugin knows of it.
#[derive(Debug)]
pub(super) struct Channel {
    peer: Peer,
    link: Link,
    progress: Progress,
    /// What the plugin was given and did not take.
    inbox: ByteQueue,
    /// What it sent and the peer has no room for.
    outbox: ByteQueue,
    /// Bytes that may wait, each way.
    buffer_bytes: usize,
    /// Whether the peer was told that no more is sent.
    finished: bool,
}

impl Channel {
    /// A channel at a new connection, with room for so many bytes each way.
    pub(super) fn new(peer: Peer, link: Link, buffer_bytes: usize) -> Self {
        let room = u64::try_from(buffer_bytes).unwrap_or(u64::MAX);
        Self {
            peer,
            link,
            progress: Progress::new(),
            inbox: ByteQueue::new(room),
            outbox: ByteQueue::new(room),
            buffer_bytes,
            finished: false,
        }
    }

    /// Who is at the other end.
    pub(super) fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Gives bytes to the peer, in its socket as far as that has room, in the
    /// outbox as far as that has, and tells how many.
    pub(super) fn send(
        &mut self,
        data: &[u8],
        counters: &PeerCounters,
    ) -> Result<usize, SendError> {
        self.progress.may_send()?;
        let written = match self.outbox.is_empty() {
            true => self.write(data, counters),
            false => 0,
        };
        let rest = data.get(written..).unwrap_or_default();
        let taken = written.saturating_add(self.outbox.fill(rest));
        if taken < data.len() {
            self.progress.sent_short();
        }
        Ok(taken)
    }

    fn write(&mut self, data: &[u8], counters: &PeerCounters) -> usize {
        if !self.progress.may_write() || data.is_empty() {
            return 0;
        }
        let written = match self.link.try_write(data) {
            Ok(written) => written,
            Err(error) if is_for_later(&error) => 0,
            Err(_gone) => {
                self.progress.set_unreachable();
                0
            }
        };
        add(&counters.to_bytes, written);
        written
    }

    /// Writes what waits, as far as the peer's socket has room, and ends the
    /// stream after it where the plugin said so.
    pub(super) fn flush(&mut self, counters: &PeerCounters) {
        while !self.outbox.is_empty() && self.progress.may_write() {
            let mut outbox = std::mem::replace(&mut self.outbox, ByteQueue::new(0));
            let written = self.write(outbox.front(), counters);
            outbox.consume(written);
            self.outbox = outbox;
            if written == 0 {
                break;
            }
        }
        if !self.progress.may_write() {
            add(&counters.unread_bytes, self.outbox.clear());
        }
        if self.progress.finishes() && self.outbox.is_empty() && !self.finished {
            self.finished = true;
            self.link.finish();
        }
    }

    /// Does what the plugin orders.
    pub(super) fn order(&mut self, order: ChannelOrder, counters: &PeerCounters) {
        self.progress.order(order);
        self.flush(counters);
    }

    /// Takes the peer's next bytes, where the plugin wants them: those first that
    /// it did not take before.
    pub(super) fn read(&mut self, into: &mut [u8]) -> usize {
        if !self.progress.wants_data() {
            return 0;
        }
        if !self.inbox.is_empty() {
            return self.inbox.take(into);
        }
        if !self.progress.may_read() {
            return 0;
        }
        let room = into.len().min(self.buffer_bytes);
        let into = into.get_mut(..room).unwrap_or_default();
        match self.link.try_read(into) {
            Ok(0) => self.progress.ended(),
            Ok(read) => return read,
            Err(error) if is_for_later(&error) => {}
            Err(error) => self.progress.lost(error.to_string()),
        }
        0
    }

    /// The plugin took only what came before this.
    pub(super) fn put_back(&mut self, rest: &[u8]) {
        self.inbox.fill(rest);
        self.progress.took_short();
    }

    /// The plugin's instance failed, and another takes its place.
    pub(super) fn orphan(&mut self) {
        self.progress.orphan();
    }

    /// What the plugin must be told of the open.
    pub(super) fn take_open(&mut self) -> Option<OpenReason> {
        let why = self.progress.open_due()?;
        self.progress.tell_open();
        Some(why)
    }

    /// Whether the plugin must be told that there is room: half of the outbox,
    /// since calls for less would come as often as the peer reads.
    pub(super) fn take_writable(&mut self) -> bool {
        let due = self.writable_due();
        if due {
            self.progress.tell_writable();
        }
        due
    }

    fn writable_due(&self) -> bool {
        self.progress.writable_due() && self.outbox.room() >= self.buffer_bytes / 2
    }

    /// Whether the plugin must be told that no more comes.
    pub(super) fn take_end(&mut self) -> bool {
        let due = self.progress.end_due(self.inbox.len());
        if due {
            self.progress.tell_end();
        }
        due
    }

    /// Whether the channel closes now, and why.
    pub(super) fn close_due(&mut self) -> Option<CloseReason> {
        if self.progress.minds_its_going() && self.link.is_gone() {
            self.progress.set_gone();
        }
        self.progress.close_due(self.inbox.len(), self.outbox.len())
    }

    /// Whether the plugin hears of the close.
    pub(super) fn tells_close(&self) -> bool {
        self.progress.tells_close()
    }

    /// Forgets what waits, and counts it.
    pub(super) fn abandon(&mut self, counters: &PeerCounters) {
        add(&counters.unread_bytes, self.outbox.clear());
        add(&counters.discarded_bytes, self.inbox.clear());
    }

    /// Whether there is something to do, by the plugin where `heard`, or by us;
    /// the task is woken when there is.
    pub(super) fn poll(&mut self, context: &mut Context<'_>, heard: bool) -> bool {
        let writes = !self.outbox.is_empty() && self.progress.may_write();
        let mut ready = writes && self.link.is_writable(context);
        if !heard {
            return ready;
        }
        let wants_data = self.progress.wants_data();
        ready |= self.progress.open_due().is_some() || self.writable_due();
        ready |= wants_data && !self.inbox.is_empty();
        ready |= self.progress.end_due(self.inbox.len()) || self.close_due().is_some();
        if ready {
            return true;
        }
        let reads = wants_data && self.progress.may_read();
        ready |= reads && self.link.is_readable(context);
        if !writes && self.progress.minds_its_going() {
            ready |= self.link.poll_gone(context).is_ready();
        }
        ready
    }
}

fn is_for_later(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}

//! How far one channel has come: what its plugin was told, what the plugin
//! ordered, what became of the connection. Pure: `channel` brings what happens
//! and does what is due.

use portunus_plugin::{ChannelOrder, CloseReason, OpenReason, SendError};

/// What a plugin knows of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// Nothing yet.
    Nothing,
    /// That it is open.
    Open,
    /// The instance before it knew; this one does not yet.
    Before,
    /// The instance before it closed the channel: this one is told nothing, and
    /// what was sent goes out.
    Never,
}

/// What became of the bytes from the peer.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Input {
    /// More may come.
    Open,
    /// The peer ended them.
    Ended,
    /// The connection broke.
    Lost(String),
}

/// One channel's state. What waits either way is the caller's to keep: where it
/// matters, the caller says how many bytes do.
#[derive(Debug)]
pub(super) struct Progress {
    told: Told,
    told_end: bool,
    input: Input,
    /// Nothing that is sent can reach the peer any more.
    unreachable: bool,
    /// The peer has closed both ways.
    gone: bool,
    paused: bool,
    finished: bool,
    closed: bool,
    wants_writable: bool,
}

impl Progress {
    /// A channel whose peer has just opened it.
    pub(super) fn new() -> Self {
        Self {
            told: Told::Nothing,
            told_end: false,
            input: Input::Open,
            unreachable: false,
            gone: false,
            paused: false,
            finished: false,
            closed: false,
            wants_writable: false,
        }
    }

    /// The plugin ordered something.
    pub(super) fn order(&mut self, order: ChannelOrder) {
        match order {
            ChannelOrder::Pause => self.paused = true,
            ChannelOrder::Resume => self.paused = false,
            ChannelOrder::Finish => self.finished = true,
            ChannelOrder::Close => self.closed = true,
        }
    }

    /// Whether the plugin may send.
    pub(super) fn may_send(&self) -> Result<(), SendError> {
        if self.told != Told::Open || self.closed || self.unreachable {
            return Err(SendError::NotOpen);
        }
        if self.finished {
            return Err(SendError::Finished);
        }
        Ok(())
    }

    /// A `send` took less than it was given.
    pub(super) fn sent_short(&mut self) {
        self.wants_writable = true;
    }

    /// The plugin took less than it was given.
    pub(super) fn took_short(&mut self) {
        self.paused = true;
    }

    /// The peer ended what it sends.
    pub(super) fn ended(&mut self) {
        self.input = Input::Ended;
    }

    /// The connection broke.
    pub(super) fn lost(&mut self, why: String) {
        self.input = Input::Lost(why);
        self.unreachable = true;
    }

    /// Nothing that is sent can reach the peer any more.
    pub(super) fn set_unreachable(&mut self) {
        self.unreachable = true;
    }

    /// The peer has closed both ways.
    pub(super) fn set_gone(&mut self) {
        self.gone = true;
    }

    /// The plugin's instance failed, and another takes its place.
    pub(super) fn orphan(&mut self) {
        self.told = match self.told {
            _ if self.closed => Told::Never,
            Told::Open => Told::Before,
            known => known,
        };
        self.told_end = false;
        self.paused = false;
        self.wants_writable = false;
    }

    /// Whether the plugin wants the peer's bytes now.
    pub(super) fn wants_data(&self) -> bool {
        self.told == Told::Open && !self.paused && !self.closed
    }

    /// Whether more may come from the peer.
    pub(super) fn may_read(&self) -> bool {
        self.input == Input::Open
    }

    /// Whether what was sent can still go out.
    pub(super) fn may_write(&self) -> bool {
        !self.unreachable
    }

    /// Whether the peer is to see the end of the stream after what waits.
    pub(super) fn finishes(&self) -> bool {
        self.finished || self.closed
    }

    /// Whether it matters now that the peer goes altogether.
    pub(super) fn minds_its_going(&self) -> bool {
        self.told_end && !self.gone
    }

    /// Whether `on-open` is due, and why it opens.
    pub(super) fn open_due(&self) -> Option<OpenReason> {
        match self.told {
            Told::Nothing => Some(OpenReason::New),
            Told::Before => Some(OpenReason::Restarted),
            Told::Open | Told::Never => None,
        }
    }

    /// The plugin is being told of the open.
    pub(super) fn tell_open(&mut self) {
        self.told = Told::Open;
    }

    /// Whether `on-writable` is due where there is room.
    pub(super) fn writable_due(&self) -> bool {
        self.wants_writable && self.may_send().is_ok()
    }

    /// The plugin is being told that there is room.
    pub(super) fn tell_writable(&mut self) {
        self.wants_writable = false;
    }

    /// Whether `on-end` is due, where `inbound` bytes wait for the plugin.
    pub(super) fn end_due(&self, inbound: usize) -> bool {
        self.input == Input::Ended && inbound == 0 && !self.told_end && self.wants_data()
    }

    /// The plugin is being told of the end.
    pub(super) fn tell_end(&mut self) {
        self.told_end = true;
    }

    /// Whether the channel closes, and why, where so many bytes wait each way.
    pub(super) fn close_due(&self, inbound: usize, outbound: usize) -> Option<CloseReason> {
        let all_gone = outbound == 0 || self.unreachable;
        match &self.input {
            _ if self.closed => all_gone.then_some(CloseReason::Closed),
            Input::Lost(why) => {
                let heard = inbound == 0 && self.wants_data();
                heard.then(|| CloseReason::Lost(why.clone()))
            }
            Input::Ended => {
                let over = self.gone || self.unreachable || (self.finished && all_gone);
                (self.told_end && over).then_some(CloseReason::Closed)
            }
            Input::Open => None,
        }
    }

    /// Whether the plugin hears of the close.
    pub(super) fn tells_close(&self) -> bool {
        self.told == Told::Open
    }
}

#[cfg(test)]
#[path = "progress_tests.rs"]
mod tests;

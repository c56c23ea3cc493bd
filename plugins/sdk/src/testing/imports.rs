//! The contract's imports, answered by this thread's [`Host`](super::Host).
//! Same names and types as the generated ones, which they stand in for.

use super::{STATE, State, Stream};

fn with_stream<Answer>(id: u64, act: impl FnOnce(&mut Stream) -> Answer) -> Answer {
    STATE.with_borrow_mut(|state: &mut State| act(state.streams.entry(id).or_default()))
}

pub(crate) mod channel {
    //! `portunus:port/channel`.

    use super::{STATE, with_stream};
    use crate::{ConnectError, SendError};

    pub(crate) fn send(id: u64, data: &[u8]) -> Result<u32, SendError> {
        with_stream(id, |stream| {
            if let Some(error) = &stream.broken {
                return Err(error.clone());
            }
            let taken = stream.room.unwrap_or(data.len()).min(data.len());
            let (sent, _) = data.split_at(taken);
            stream.received.extend_from_slice(sent);
            stream.room = stream.room.map(|room| room.saturating_sub(taken));
            Ok(u32::try_from(taken).unwrap_or(u32::MAX))
        })
    }

    pub(crate) fn pause(id: u64) {
        with_stream(id, |stream| stream.paused = true);
    }

    pub(crate) fn resume(id: u64) {
        with_stream(id, |stream| stream.paused = false);
    }

    pub(crate) fn finish(id: u64) {
        with_stream(id, |stream| {
            stream.finished = true;
            stream.broken = Some(SendError::Finished);
        });
    }

    pub(crate) fn close(id: u64) {
        with_stream(id, |stream| {
            stream.closed = true;
            stream.broken = Some(SendError::NotOpen);
        });
    }

    pub(crate) fn connect(target: &str) -> Result<u64, ConnectError> {
        STATE.with_borrow_mut(|state| {
            if !state.targets.iter().any(|granted| granted == target) {
                return Err(ConnectError::NotGranted);
            }
            if state.connects_left == Some(0) {
                return Err(ConnectError::TooMany);
            }
            state.connects_left = state.connects_left.map(|left| left.saturating_sub(1));
            state.connected = state.connected.saturating_add(1);
            Ok(state.connected)
        })
    }
}

pub(crate) mod timer {
    //! `portunus:port/timer`.

    use super::STATE;
    use crate::TimerError;

    /// As many timers as a port's limit allows.
    const MAX_TIMERS: usize = 64;

    pub(crate) fn set(token: u64, after_ms: u64) -> Result<(), TimerError> {
        STATE.with_borrow_mut(|state| {
            let timers = &mut state.timers_ms;
            if timers.len() >= MAX_TIMERS && !timers.contains_key(&token) {
                return Err(TimerError::TooMany);
            }
            timers.insert(token, after_ms);
            Ok(())
        })
    }

    pub(crate) fn cancel(token: u64) {
        STATE.with_borrow_mut(|state| state.timers_ms.remove(&token));
    }
}

pub(crate) mod log {
    //! `portunus:port/log`.

    use super::STATE;
    use crate::log::Level;

    pub(crate) fn log(level: Level, message: &str) {
        STATE.with_borrow_mut(|state| state.logged.push((level, message.into())));
    }
}

pub(crate) mod metrics {
    //! `portunus:port/metrics`.

    use super::STATE;

    pub(crate) fn count(name: &str, by: u64) {
        STATE.with_borrow_mut(|state| {
            let counter = state.counters.entry(name.into()).or_default();
            *counter = counter.saturating_add(by);
        });
    }

    pub(crate) fn gauge(name: &str, value: f64) {
        STATE.with_borrow_mut(|state| state.gauges.insert(name.into(), value));
    }
}

pub(crate) mod lifecycle {
    //! `portunus:port/lifecycle`.

    use super::STATE;

    pub(crate) fn stopped() {
        STATE.with_borrow_mut(|state| state.stopped = true);
    }
}

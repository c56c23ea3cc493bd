//! The whole device, driven by a whole guest: handshake, streams, hot-plug,
//! resets, hostile rings, and two threads that must not lose a wake-up.

mod hostile;
mod life;
mod rig;
mod streams;
mod wake_ups;

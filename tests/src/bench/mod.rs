//! What `make bench` measures. It stands here, and not in the bench itself, so
//! that a test can run all of it with tiny sizes.
//!
//! - [`native`]: handlers without Wasm, for the same session to call.
//! - [`rig`]: one port and its session, with a fake guest in the same thread.
//! - [`rounds`]: one thing beside another, in turns; medians.
//! - [`report`]: what was measured beside its goal, as a table.
//! - [`streams`], [`round_trips`], [`many`], [`start`], [`clipboard`], [`agent`]: in this
//!   process.
//! - [`idle`], [`real_guest`]: the program itself, without a guest and with one.
//! - [`machine`]: the program's own machine.
//!
//! Every figure is a ratio, or a difference, of two things that were measured
//! in turns of some milliseconds: a machine that is busy with other work is
//! busy for both.

pub mod agent;
pub mod clipboard;
pub mod idle;
pub mod machine;
pub mod many;
pub mod native;
pub mod real_guest;
pub mod report;
pub mod rig;
pub mod round_trips;
pub mod rounds;
pub mod start;
pub mod streams;

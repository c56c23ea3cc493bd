//! Shares a guest's clipboard with host programs, by consent. The guest's agent
//! speaks the vdagent protocol of SPICE, whose other end this is: both the
//! server's and the client's. Host programs speak JSON lines on the port's socket.
//!
//! Content stays where it is until the other side asks for it and the policy, or
//! who is asked, allows that. What does not make sense is counted, and changes
//! nothing.
//!
//! From the guest: `chunks` and `stream` cut its bytes into messages, `intake` puts
//! together what is of use, `message` reads and writes it, `negotiation` knows what
//! was agreed on, `outgoing` what waits for it. From clients: `request` reads a
//! line, `reply` writes one, `client` knows what each has been told. Between them:
//! `board` has the offers, `consent` the policy, `questions` what somebody is asked,
//! `audit` the words on it; `exchange` is where they meet, and `clipboard` answers
//! the host.

mod audit;
mod board;
pub mod capabilities;
mod chunks;
mod client;
mod clipboard;
mod consent;
pub mod content;
mod exchange;
#[cfg(test)]
mod exchange_tests;
#[cfg(test)]
mod fake_agent;
mod fixed;
mod form;
pub mod intake;
pub mod kinds;
pub mod message;
pub mod negotiation;
mod outgoing;
mod questions;
mod reply;
pub mod request;
mod spec;
pub mod stream;

pub use clipboard::Clipboard;

portunus_plugin_sdk::plugin!(clipboard::Clipboard);

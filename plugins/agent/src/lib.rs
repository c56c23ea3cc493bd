//! Stands between host programs and a guest's QEMU guest agent: many clients of
//! one agent, each with its own view, its own rights, and an answer in time,
//! whatever the agent does.
//!
//! `scan` cuts streams into objects, `command` and `reply` read them; `rights`
//! says what a client may ask, by `pattern`s and `paths`; `queue` whose turn it
//! is; `link` when the agent may be asked, and what it has answered; `owned`
//! whose handles are whose; `services` what is asked without any client;
//! `figures`, `info` and `exec` read the agent's answers to that; `answer` is
//! what clients are told, `audit` what operators are. All of these are pure:
//! `agent` answers the host, and does what they say.

mod agent;
mod answer;
mod ask;
mod audit;
mod client;
pub mod command;
mod elements;
mod exec;
pub mod figures;
pub mod info;
mod link;
mod owned;
mod paths;
mod pattern;
mod queue;
pub mod reply;
mod rights;
pub mod scan;
mod services;
mod spec;
mod surroundings;

portunus_plugin_sdk::plugin!(agent::Agent<surroundings::Machine>);

//! The guest's agent, clients and the policy between them, with a clock of the
//! tests' own.

mod asking;
mod clients;
mod hostile;
mod rig;
mod to_guest;
mod to_host;

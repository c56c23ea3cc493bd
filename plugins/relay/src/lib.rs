//! Connects the guest's program to one address of the host: each time it opens the
//! port, the port's target is connected to, and bytes go both ways until either
//! side ends.
//!
//! Nothing is kept here: what one side does not take waits with the other. `relay`
//! answers the host, `spec` reads the port's `config` table.

mod relay;
mod spec;

portunus_plugin_sdk::plugin!(relay::Relay);

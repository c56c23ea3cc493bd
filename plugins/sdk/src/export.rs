//! From the contract's calls to a [`Plugin`]'s methods. [`plugin!`](crate::plugin!)
//! uses this; a plugin does not.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::time::Duration;

use crate::bindings::exports::portunus::port::handler::Guest;
use crate::{Channel, CloseReason, OpenReason, Peer, Plugin, PortInfo, Start};

thread_local! {
    /// This component's one instance, once `init` has made it. A component has
    /// one thread and the host's calls never overlap, so it is borrowed once
    /// at a time.
    static INSTANCE: RefCell<Option<Box<dyn Plugin>>> = const { RefCell::new(None) };
}

/// The contract's `handler`, answered by a plugin of type `P`.
#[derive(Debug)]
pub struct Exported<P>(PhantomData<P>);

/// Calls the instance. The host makes one before anything else, so the default
/// is only for a host that breaks the contract.
fn with_instance<Answer: Default>(call: impl FnOnce(&mut dyn Plugin) -> Answer) -> Answer {
    INSTANCE.with_borrow_mut(|instance| match instance {
        Some(instance) => call(instance.as_mut()),
        None => Answer::default(),
    })
}

impl<P: Plugin> Guest for Exported<P> {
    fn init(port: PortInfo, config: String, saved: Option<Vec<u8>>) -> Result<(), String> {
        let instance = P::new(Start {
            port,
            saved,
            config,
        })?;
        INSTANCE.set(Some(Box::new(instance)));
        Ok(())
    }

    fn on_open(channel: u64, peer: Peer, why: OpenReason) {
        with_instance(|plugin| plugin.on_open(Channel::from_id(channel), peer, why));
    }

    fn on_data(channel: u64, data: Vec<u8>) -> u32 {
        let taken = with_instance(|plugin| plugin.on_data(Channel::from_id(channel), &data));
        // More than was given, whatever the number: the host says so.
        u32::try_from(taken).unwrap_or(u32::MAX)
    }

    fn on_writable(channel: u64) {
        with_instance(|plugin| plugin.on_writable(Channel::from_id(channel)));
    }

    fn on_end(channel: u64) {
        with_instance(|plugin| plugin.on_end(Channel::from_id(channel)));
    }

    fn on_close(channel: u64, why: CloseReason) {
        with_instance(|plugin| plugin.on_close(Channel::from_id(channel), why));
    }

    fn on_timer(token: u64) {
        with_instance(|plugin| plugin.on_timer(token));
    }

    fn on_stop(grace_ms: u32) {
        let grace = Duration::from_millis(u64::from(grace_ms));
        with_instance(|plugin| plugin.on_stop(grace));
    }

    fn save() -> Option<Vec<u8>> {
        with_instance(|plugin| plugin.save())
    }
}

//! What a plugin is told of its channels beside the guest's.

use portunus_plugin::{ChannelId, Fault};

use super::Channels;
use crate::session::calls::Export;
use crate::session::counters::add;
use crate::session::handler::Handler;
use crate::session::inbox::Inbox;
use crate::session::port::Port;
use crate::session::task::called;

/// Bytes that a call has been given: lost where it fails.
#[derive(Debug, Default)]
pub(in crate::session) struct Given {
    /// The guest's.
    pub(in crate::session) guest: usize,
    /// Another peer's.
    pub(in crate::session) peer: usize,
}

/// One call for each channel and each kind of thing that is due, and tells
/// whether there was any.
pub(in crate::session) async fn serve<H: Handler>(
    port: &Port,
    plugin: &mut H,
    given: &mut Given,
) -> Result<bool, Fault> {
    if !channels(plugin).exist() {
        return Ok(false);
    }
    channels(plugin).look().await;
    let mut busy = false;
    let mut last = ChannelId::GUEST;
    while let Some(id) = channels(plugin).next_after(last) {
        last = id;
        busy |= serve_one(port, plugin, id, given).await?;
    }
    Ok(busy)
}

async fn serve_one<H: Handler>(
    port: &Port,
    plugin: &mut H,
    id: ChannelId,
    given: &mut Given,
) -> Result<bool, Fault> {
    let mut busy = false;
    if let Some((peer, why)) = channels(plugin).take_open(id) {
        called(port, Export::OnOpen, plugin.on_open(id, &peer, &why)).await?;
        busy = true;
    }
    if channels(plugin)
        .get(id)
        .is_some_and(|(channel, _)| channel.take_writable())
    {
        called(port, Export::OnWritable, plugin.on_writable(id)).await?;
        busy = true;
    }
    busy |= deliver(port, plugin, id, given).await?;
    if channels(plugin)
        .get(id)
        .is_some_and(|(channel, _)| channel.take_end())
    {
        called(port, Export::OnEnd, plugin.on_end(id)).await?;
        busy = true;
    }
    if let Some((why, told)) = channels(plugin).take_close(id) {
        if told {
            called(port, Export::OnClose, plugin.on_close(id, &why)).await?;
        }
        busy = true;
    }
    Ok(busy)
}

/// Gives the plugin what a channel's peer wrote.
async fn deliver<H: Handler>(
    port: &Port,
    plugin: &mut H,
    id: ChannelId,
    given: &mut Given,
) -> Result<bool, Fault> {
    let Some((channel, _)) = channels(plugin).get(id) else {
        return Ok(false);
    };
    let mut inbox = Inbox::default();
    inbox.refill(|buffer| channel.read(buffer));
    if inbox.is_empty() {
        return Ok(false);
    }
    given.peer = inbox.bytes().len();
    let taken = called(port, Export::OnData, plugin.on_data(id, inbox.bytes())).await?;
    given.peer = 0;
    inbox.take(taken);
    if let Some((channel, counters)) = channels(plugin).get(id) {
        add(&counters.from_bytes, taken);
        if !inbox.is_empty() {
            channel.put_back(inbox.bytes());
        }
    }
    inbox.clear();
    Ok(true)
}

fn channels<H: Handler>(plugin: &mut H) -> &mut Channels {
    &mut plugin.host_mut().channels
}

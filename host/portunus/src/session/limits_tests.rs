//! Each limit of a port strikes, is counted by name, and loses nothing without a
//! count. Every test here fails when its limit is lifted.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use portunus_plugin::{ConnectError, Host, TimerError};

use super::*;
use crate::config::Limit;
use crate::session::counters::get;
use crate::session::plugin_host::PluginHost;
use crate::session::port_rig::{DEADLINE, Rig};
use crate::session::{Address, ChannelPlan, Channels, Counters, Target, discard};

/// Bytes that a guest writes at once: more than any rate here lets pass while a
/// test runs.
const MUCH: usize = 1 << 20;

fn strikes(rig: &Rig, limit: Limit) -> u64 {
    rig.port.counters.strikes.of(limit)
}

fn slow() -> PortLimits {
    PortLimits {
        bytes_per_second: Some(16 << 10),
        ..PortLimits::DEFAULT
    }
}

#[tokio::test]
async fn what_a_guest_writes_beyond_the_rate_waits_in_its_ring() {
    let mut rig = Rig::new(false, slow());
    assert_eq!(rig.transmit.write(&vec![b'x'; MUCH]).unwrap(), MUCH);
    let pulled = rig.pull();
    assert!((16 << 10..MUCH).contains(&pulled), "{pulled}");
    assert_eq!(strikes(&rig, Limit::Rate), 1);
    assert!(!rig.transmit.is_drained().unwrap());
    // It says when there is more, without a kick.
    while rig.pull() == 0 {
        rig.changed(true).await;
    }
    assert_eq!(get(&rig.port.counters.console_dropped_bytes), 0);
}

#[tokio::test]
async fn what_a_plugin_sends_beyond_the_rate_waits_in_the_outbox() {
    let mut rig = Rig::new(false, slow());
    rig.receive.fill().unwrap();
    let data = vec![b'x'; MUCH];
    // The guest has buffers for all of it.
    let taken = rig.port.send(&data);
    assert!((80 << 10..MUCH).contains(&taken), "{taken}");
    let read = rig.receive.read().unwrap().len();
    assert!((16 << 10..MUCH).contains(&read), "{read}");
    rig.port.flush();
    assert_eq!(strikes(&rig, Limit::Rate), 1);
    assert_eq!(
        rig.port.waiting_bytes() + rig.receive.read().unwrap().len() + read,
        taken
    );
    while rig.receive.read().unwrap().is_empty() {
        rig.changed(false).await;
        rig.port.flush();
    }
}

#[tokio::test]
async fn a_console_is_never_throttled_and_drops_past_its_backlog() {
    let limits = PortLimits {
        backlog_bytes: 20_000,
        ..slow()
    };
    let mut rig = Rig::new(true, limits);
    assert_eq!(rig.transmit.write(&vec![b'x'; 50_000]).unwrap(), 50_000);
    rig.port.tend();
    assert!(rig.transmit.is_drained().unwrap());
    assert_eq!(get(&rig.port.counters.console_dropped_bytes), 30_000);
    assert_eq!(strikes(&rig, Limit::Backlog), 1);
    let mut pulled = rig.pull();
    assert!((16 << 10..20_000).contains(&pulled), "{pulled}");
    while pulled < 20_000 {
        rig.changed(true).await;
        pulled += rig.pull();
    }
    assert_eq!(pulled, 20_000);
}

#[tokio::test]
async fn a_port_that_is_given_up_takes_all_at_once_and_still_gives_what_was_sent() {
    let mut rig = Rig::new(false, slow());
    rig.transmit.write(&vec![b'x'; MUCH]).unwrap();
    assert!(rig.pull() < MUCH);
    assert_eq!(rig.port.send(&[b'y'; 1_000]), 1_000);
    rig.receive.fill().unwrap();
    let mut discarding = pin!(discard(&rig.port));
    while !rig.transmit.is_drained().unwrap() || rig.receive.read().unwrap().is_empty() {
        let polled = poll_fn(|context| Poll::Ready(discarding.as_mut().poll(context))).await;
        assert!(polled.is_pending(), "it goes on for as long as it is let");
    }
}

#[tokio::test]
async fn a_plugin_s_bytes_fill_the_outbox_and_no_more() {
    let limits = PortLimits {
        outbox_bytes: 5_000,
        ..PortLimits::DEFAULT
    };
    let rig = Rig::new(false, limits);
    assert_eq!(rig.port.send(&[b'x'; 5_000]), 5_000);
    assert_eq!(strikes(&rig, Limit::Outbox), 0);
    assert_eq!(rig.port.send(b"x"), 0);
    assert_eq!(strikes(&rig, Limit::Outbox), 1);
    assert!(!rig.port.has_room(2_499) && rig.port.has_room(2_500));
}

/// Channels that a plugin may connect by, of which none ever comes to be: nobody
/// looks at them.
fn channels(limits: PortLimits) -> (Arc<Counters>, Channels) {
    let counters = Arc::<Counters>::default();
    let target = Target {
        name: "a".into(),
        address: Address::Unix("/nonexistent".into()),
    };
    let plan = ChannelPlan {
        listen: None,
        targets: vec![target],
    };
    let channels = Channels::new(plan, limits, Arc::clone(&counters));
    (counters, channels)
}

#[tokio::test]
async fn a_plugin_has_no_more_connections_than_its_port_allows() {
    let limits = PortLimits {
        connects: 2,
        ..PortLimits::DEFAULT
    };
    let (counters, mut channels) = channels(limits);
    channels.connect("a").unwrap();
    channels.connect("a").unwrap();
    assert_eq!(channels.connect("a"), Err(ConnectError::TooMany));
    assert_eq!(counters.strikes.of(Limit::Connects), 1);
    assert_eq!(counters.strikes.of(Limit::Channels), 0);
}

#[tokio::test]
async fn a_port_has_no_more_channels_than_its_limit_whatever_they_are() {
    let limits = PortLimits {
        channels: 1,
        connects: 2,
        ..PortLimits::DEFAULT
    };
    let (counters, mut channels) = channels(limits);
    channels.connect("a").unwrap();
    assert_eq!(channels.connect("a"), Err(ConnectError::TooMany));
    assert_eq!(counters.strikes.of(Limit::Channels), 1);
    assert_eq!(counters.strikes.of(Limit::Connects), 0);
}

#[tokio::test]
async fn a_plugin_has_no_more_timers_than_its_port_allows() {
    let limits = PortLimits {
        timers: 2,
        ..PortLimits::DEFAULT
    };
    let rig = Rig::new(false, limits);
    let mut host = PluginHost::new(Arc::clone(&rig.port));
    for token in 0..2 {
        host.set_timer(token, DEADLINE).unwrap();
    }
    let refused = host.set_timer(2, DEADLINE);
    assert!(matches!(refused, Err(TimerError::TooMany)), "{refused:?}");
    assert_eq!(strikes(&rig, Limit::Timers), 1);
}

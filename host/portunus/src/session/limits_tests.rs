//! Each limit of a port strikes, is counted by name, and loses nothing without a
//! count. Every test here fails when its limit is lifted.

use std::fs::File;
use std::future::{Future, poll_fn};
use std::io::PipeWriter;
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use portunus_device::fake_driver::{
    Backing, DriverRing, GuestRam, InterruptCounter, ReceiveDriver, TransmitDriver,
};
use portunus_device::layout::PortId;
use portunus_plugin::{Host, TimerError};

use super::*;
use crate::config::Limit;
use crate::kick::Kick;
use crate::session::counters::get;
use crate::session::plugin_host::PluginHost;
use crate::session::port::KickedRing;
use crate::session::{Port, discard};

const DEADLINE: Duration = Duration::from_secs(60);

/// Bytes that a guest writes at once: more than any rate here lets pass while a
/// test runs.
const MUCH: usize = 1 << 20;

/// An open port, with the guest's half of its rings.
struct Rig {
    port: Arc<Port>,
    transmit: TransmitDriver,
    receive: ReceiveDriver,
    ram: GuestRam,
    kicks: Vec<PipeWriter>,
}

impl Rig {
    fn new(console: bool, limits: PortLimits) -> Self {
        let mut ram = GuestRam::new(8 << 20, Backing::Anonymous).unwrap();
        let transmit = TransmitDriver::new(&mut ram, 64, false, 32 * 1024).unwrap();
        let receive = ReceiveDriver::new(&mut ram, 256, false, 4096).unwrap();
        let port = Port::new(PortId::ZERO, "test".into(), console, limits);
        let mut rig = Self {
            port: Arc::new(port),
            transmit,
            receive,
            ram,
            kicks: Vec::new(),
        };
        let ring = rig.ring(|rig| rig.transmit.ring());
        rig.port.attach_transmit(ring);
        let ring = rig.ring(|rig| rig.receive.ring());
        rig.port.attach_receive(ring);
        rig.port.guest_opened();
        let opened = rig.port.next_edge(true).unwrap();
        rig.port.tell(opened);
        rig
    }

    fn ring(&mut self, driver: impl FnOnce(&mut Self) -> &mut DriverRing) -> KickedRing {
        let spec = driver(self).spec();
        let ring = spec.activate(self.ram.memory(), Arc::new(InterruptCounter::default()));
        let (reader, writer) = std::io::pipe().unwrap();
        self.kicks.push(writer);
        KickedRing {
            ring: ring.unwrap(),
            kick: Kick::new(File::from(OwnedFd::from(reader))).unwrap(),
            error: Arc::default(),
        }
    }

    /// Takes what the guest wrote until there is nothing, or it must wait.
    fn pull(&self) -> usize {
        let mut buffer = vec![0; 64 << 10];
        std::iter::from_fn(|| Some(self.port.pull(&mut buffer)).filter(|bytes| *bytes > 0)).sum()
    }

    /// Waits for the port's word that there is something to do.
    async fn changed(&self, data: bool) {
        let changed = tokio::time::timeout(DEADLINE, self.port.changed(data));
        changed.await.expect("a change in time");
    }

    fn strikes(&self, limit: Limit) -> u64 {
        self.port.counters.strikes.of(limit)
    }
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
    assert_eq!(rig.strikes(Limit::Rate), 1);
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
    assert_eq!(rig.strikes(Limit::Rate), 1);
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
    assert_eq!(rig.strikes(Limit::Backlog), 1);
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
    assert_eq!(rig.strikes(Limit::Outbox), 0);
    assert_eq!(rig.port.send(b"x"), 0);
    assert_eq!(rig.strikes(Limit::Outbox), 1);
    assert!(!rig.port.has_room(2_499) && rig.port.has_room(2_500));
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
    assert_eq!(rig.strikes(Limit::Timers), 1);
}

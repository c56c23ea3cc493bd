//! A session with clients: a real socket, real connections, and a handler that
//! notes what it is told and does what the test says.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "small numbers, and a test that panics has failed"
)]

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream as Client;
use std::sync::mpsc as std_mpsc;

use portunus_device::layout::{MaxPorts, PortId};
use portunus_plugin::{Fault, FaultCause, Host};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::super::port_rig::DEADLINE;
use super::super::{
    Handler, HandlerRecipe, Order, PluginHost, Port, PortLimits, RestartPolicy, Session, StartFault,
};
use super::*;
use crate::control::Control;
use crate::session::counters::get;

/// What a handler was told.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Told {
    Open(u64, Peer, OpenReason),
    Data(u64, Vec<u8>),
    Writable(u64),
    End(u64),
    Close(u64, CloseReason),
    Stop,
}

/// What a client's bytes have the handler do, by their first one; any other is
/// echoed.
const PAUSE: u8 = b'p';
const CLOSE: u8 = b'c';
const FAIL: u8 = b'f';
const RESUME_ONE: u8 = b'r';
const FILL: u8 = b's';
const ONE_BYTE: u8 = b'1';

/// Makes handlers that tell a test what they hear.
struct Recipe {
    told: std_mpsc::Sender<Told>,
    /// How many instances after the first do not start.
    unwilling: std::sync::atomic::AtomicU64,
}

struct Puppet {
    host: PluginHost,
    told: std_mpsc::Sender<Told>,
}

impl HandlerRecipe for Recipe {
    type Handler = Puppet;

    fn name(&self) -> &str {
        "puppet"
    }

    async fn instance(
        &self,
        port: &Arc<Port>,
        channels: &mut Channels,
    ) -> Result<Puppet, StartFault> {
        use std::sync::atomic::Ordering::Relaxed;
        let mut host = PluginHost::new(Arc::clone(port));
        let unwilling = self.unwilling.load(Relaxed);
        if unwilling > 0 && get(&port.counters.failures) > 0 {
            self.unwilling.store(unwilling - 1, Relaxed);
            return Err(StartFault::Refused("not yet".into()));
        }
        host.channels = std::mem::take(channels);
        Ok(Puppet {
            host,
            told: self.told.clone(),
        })
    }

    fn count(_: &mut Puppet) {}
}

impl Puppet {
    fn note(&self, told: Told) {
        self.told.send(told).unwrap();
    }
}

impl Handler for Puppet {
    fn host(&self) -> &PluginHost {
        &self.host
    }

    fn host_mut(&mut self) -> &mut PluginHost {
        &mut self.host
    }

    async fn on_open(&mut self, id: ChannelId, peer: &Peer, why: &OpenReason) -> Result<(), Fault> {
        self.note(Told::Open(id.0, peer.clone(), why.clone()));
        Ok(())
    }

    async fn on_data(&mut self, id: ChannelId, data: &[u8]) -> Result<usize, Fault> {
        self.note(Told::Data(id.0, data.to_vec()));
        match data[0] {
            PAUSE => self.host.steer(id, ChannelOrder::Pause),
            CLOSE => self.host.steer(id, ChannelOrder::Close),
            RESUME_ONE => self.host.steer(ChannelId(1), ChannelOrder::Resume),
            FILL => while self.host.send(id, &[b'x'; 4096]).unwrap() == 4096 {},
            ONE_BYTE => return Ok(1),
            FAIL => {
                return Err(Fault {
                    export: "on-data",
                    cause: FaultCause::Host("as told".into()),
                    backtrace: None,
                });
            }
            _ => return Ok(self.host.send(id, data).unwrap_or(data.len())),
        }
        Ok(data.len())
    }

    async fn on_writable(&mut self, id: ChannelId) -> Result<(), Fault> {
        self.note(Told::Writable(id.0));
        self.host.steer(id, ChannelOrder::Resume);
        Ok(())
    }

    async fn on_end(&mut self, id: ChannelId) -> Result<(), Fault> {
        self.note(Told::End(id.0));
        self.host.steer(id, ChannelOrder::Finish);
        Ok(())
    }

    async fn on_close(&mut self, id: ChannelId, why: &CloseReason) -> Result<(), Fault> {
        self.note(Told::Close(id.0, why.clone()));
        Ok(())
    }

    async fn on_timer(&mut self, _: u64) -> Result<(), Fault> {
        Ok(())
    }

    async fn on_stop(&mut self, _: Duration) -> Result<(), Fault> {
        self.note(Told::Stop);
        self.host.stopped();
        Ok(())
    }
}

/// A running session whose clients a test is.
struct Rig {
    folder: TempDir,
    port: Arc<Port>,
    told: std_mpsc::Receiver<Told>,
    orders: mpsc::Sender<Order>,
    task: JoinHandle<()>,
}

impl Rig {
    async fn start(clients: u64, buffer_bytes: u64) -> Self {
        Self::start_with(clients, buffer_bytes, RestartPolicy::default(), 0).await
    }

    async fn start_with(
        clients: u64,
        buffer_bytes: u64,
        restart: RestartPolicy,
        unwilling: u64,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = UnixListener::bind(folder.path().join("port.sock")).unwrap();
        let limits = PortLimits::DEFAULT;
        let port = Arc::new(Port::new(PortId::ZERO, "test".into(), false, limits));
        let listen = Listen {
            socket,
            clients,
            buffer_bytes,
        };
        let channels = Channels::new(listen, Arc::clone(&port.counters));
        let (tell, told) = std_mpsc::channel();
        let recipe = Recipe {
            told: tell,
            unwilling: unwilling.into(),
        };
        let control = Arc::new(Control::new(MaxPorts::default()));
        let alarm = Arc::default();
        let owned = Arc::clone(&port);
        let session = Session::start(owned, control, recipe, channels, restart, alarm);
        let session = session.await.unwrap();
        let (orders, inbox) = mpsc::channel(1);
        let task = tokio::spawn(session.run(inbox));
        Self {
            folder,
            port,
            told,
            orders,
            task,
        }
    }

    fn dial(&self) -> Client {
        let client = Client::connect(self.folder.path().join("port.sock")).unwrap();
        client.set_read_timeout(Some(DEADLINE)).unwrap();
        client.set_write_timeout(Some(DEADLINE)).unwrap();
        client
    }

    /// A client that the handler knows of.
    fn connect(&self, id: u64) -> Client {
        let client = self.dial();
        let told = self.next();
        assert_eq!(told, Told::Open(id, me(), OpenReason::New));
        client
    }

    fn next(&self) -> Told {
        self.told.recv_timeout(DEADLINE).expect("a call in time")
    }

    fn expect(&self, told: &[Told]) {
        for told in told {
            assert_eq!(self.next(), *told);
        }
    }

    /// Stops the session and tells whatever its handler was told that no test
    /// has looked at.
    async fn stop(self) -> Vec<Told> {
        let order = Order::Stop { grace: DEADLINE };
        self.orders.send(order).await.unwrap();
        tokio::time::timeout(DEADLINE, self.task)
            .await
            .expect("an end in time")
            .unwrap();
        self.told.iter().collect()
    }
}

/// This process, as the kernel names it to the other end of its connections.
fn me() -> Peer {
    use rustix::process::{getgid, getpid, getuid};
    Peer::Client(super::Client {
        pid: u32::try_from(getpid().as_raw_nonzero().get()).unwrap(),
        uid: getuid().as_raw(),
        gid: getgid().as_raw(),
    })
}

fn data(id: u64, text: &str) -> Told {
    Told::Data(id, text.as_bytes().to_vec())
}

fn closed(id: u64) -> Told {
    Told::Close(id, CloseReason::Closed)
}

/// What a client reads up to the end of the stream.
fn rest(mut client: Client) -> Vec<u8> {
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).unwrap();
    rest
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_closed_client_still_gets_its_answer_and_then_the_end() {
    let rig = Rig::start(4, 64 << 10).await;
    let mut client = rig.connect(1);
    client.write_all(b"hello").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    rig.expect(&[data(1, "hello"), Told::End(1), closed(1)]);
    assert_eq!(rest(client), b"hello");
    // No number is given twice.
    let _second = rig.connect(2);
    assert_eq!(get(&rig.port.counters.clients.open), 1);
    let port = Arc::clone(&rig.port);
    assert_eq!(rig.stop().await, [Told::Stop]);
    let counters = &port.counters.clients;
    assert_eq!((get(&counters.connected), get(&counters.open)), (2, 0));
    assert_eq!((get(&counters.from_bytes), get(&counters.to_bytes)), (5, 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_is_heard_of_once_however_it_goes() {
    let rig = Rig::start(4, 64 << 10).await;
    drop(rig.connect(1));
    rig.expect(&[Told::End(1), closed(1)]);
    // One that does not read what it was sent.
    let mut rude = rig.connect(2);
    rude.write_all(b"hello").unwrap();
    rig.expect(&[data(2, "hello")]);
    drop(rude);
    match rig.next() {
        Told::Close(2, CloseReason::Lost(why)) => assert!(why.contains("reset"), "{why}"),
        Told::End(2) => rig.expect(&[closed(2)]),
        other => panic!("{other:?}"),
    }
    assert_eq!(rig.stop().await, [Told::Stop]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_too_many_sees_the_end_and_is_counted() {
    let rig = Rig::start(2, 64 << 10).await;
    let first = rig.connect(1);
    let mut second = rig.connect(2);
    assert_eq!(rest(rig.dial()), b"");
    assert_eq!(get(&rig.port.counters.clients.refused), 1);
    second.write_all(b"still here").unwrap();
    rig.expect(&[data(2, "still here")]);
    drop(first);
    rig.expect(&[Told::End(1), closed(1)]);
    let _third = rig.connect(3);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_holds_no_other_up_and_queues_no_more_than_its_buffer() {
    const BUFFER: u64 = 8 << 10;
    let rig = Rig::start(4, BUFFER).await;
    let mut slow = rig.connect(1);
    let mut quick = rig.connect(2);
    slow.write_all(&[FILL]).unwrap();
    rig.expect(&[Told::Data(1, vec![FILL])]);
    let mut answered = 0;
    for turn in 0..50 {
        let words = format!("turn {turn}");
        quick.write_all(words.as_bytes()).unwrap();
        rig.expect(&[data(2, &words)]);
        let mut answer = vec![0; words.len()];
        quick.read_exact(&mut answer).unwrap();
        assert_eq!(answer, words.as_bytes());
        answered += answer.len();
    }
    // It reads at last: all of it is there, and the handler may go on.
    let mut reader = slow.try_clone().unwrap();
    let read = std::thread::spawn(move || {
        let mut all = Vec::new();
        reader.read_to_end(&mut all).map(|_| all.len())
    });
    rig.expect(&[Told::Writable(1)]);
    slow.shutdown(Shutdown::Write).unwrap();
    rig.expect(&[Told::End(1), closed(1)]);
    let sent = read.join().unwrap().unwrap();
    let port = Arc::clone(&rig.port);
    rig.stop().await;
    let in_sockets = u64::try_from(sent + answered).unwrap();
    assert_eq!(get(&port.counters.clients.to_bytes), in_sockets);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_client_waits_with_its_close_until_it_is_resumed() {
    let rig = Rig::start(4, 64 << 10).await;
    let mut paused = rig.connect(1);
    let mut other = rig.connect(2);
    paused.write_all(b"pause me").unwrap();
    rig.expect(&[data(1, "pause me")]);
    paused.write_all(b"more").unwrap();
    drop(paused);
    other.write_all(b"x").unwrap();
    rig.expect(&[data(2, "x")]);
    other.write_all(&[RESUME_ONE]).unwrap();
    rig.expect(&[Told::Data(2, vec![RESUME_ONE]), data(1, "more")]);
    // Its answer finds nobody: that tells of the end as well.
    rig.expect(&[Told::End(1), closed(1)]);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_plugin_does_not_take_comes_again_at_the_first_byte() {
    let rig = Rig::start(4, 64 << 10).await;
    let mut client = rig.connect(1);
    let mut other = rig.connect(2);
    client.write_all(b"12").unwrap();
    rig.expect(&[data(1, "12")]);
    other.write_all(&[RESUME_ONE]).unwrap();
    rig.expect(&[Told::Data(2, vec![RESUME_ONE]), data(1, "2")]);
    let port = Arc::clone(&rig.port);
    rig.stop().await;
    assert_eq!(get(&port.counters.clients.from_bytes), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_closes_a_client_gives_it_all_that_was_sent_first() {
    let rig = Rig::start(4, 4 << 20).await;
    let mut client = rig.connect(1);
    client.write_all(b"sc").unwrap();
    rig.expect(&[data(1, "sc")]);
    client.write_all(&[CLOSE]).unwrap();
    rig.expect(&[Told::Data(1, vec![CLOSE])]);
    // Far more than its socket holds.
    let all = rest(client);
    assert!(all.len() > 4 << 20, "{}", all.len());
    rig.expect(&[closed(1)]);
    assert_eq!(get(&rig.port.counters.clients.unread_bytes), 0);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_instance_is_told_of_every_client_again_and_their_bytes_wait() {
    // The first two that are to take its place do not start.
    let rig = Rig::start_with(4, 64 << 10, RestartPolicy::default(), 2).await;
    let mut first = rig.connect(1);
    let mut half_closed = rig.connect(2);
    half_closed.write_all(&[PAUSE]).unwrap();
    rig.expect(&[Told::Data(2, vec![PAUSE])]);
    half_closed.write_all(b"late").unwrap();
    half_closed.shutdown(Shutdown::Write).unwrap();
    first.write_all(b"fail").unwrap();
    rig.expect(&[data(1, "fail")]);
    first.write_all(b"waits").unwrap();
    // One that comes while nobody answers.
    let mut third = rig.dial();
    third.write_all(b"new").unwrap();
    let mut told: Vec<Told> = (0..8).map(|_| rig.next()).collect();
    let of = |id: u64, told: &[Told]| -> Vec<Told> {
        let is_its = |told: &&Told| match told {
            Told::Open(of, ..) | Told::Data(of, _) | Told::Writable(of) => *of == id,
            Told::End(of) | Told::Close(of, _) => *of == id,
            Told::Stop => false,
        };
        told.iter().filter(is_its).cloned().collect()
    };
    let again = |id| Told::Open(id, me(), OpenReason::Restarted);
    assert_eq!(of(1, &told), [again(1), data(1, "waits")]);
    let second = [again(2), data(2, "late"), Told::End(2), closed(2)];
    assert_eq!(of(2, &told), second);
    told.retain(|told| matches!(told, Told::Open(3, ..) | Told::Data(3, _)));
    let new = Told::Open(3, me(), OpenReason::New);
    assert_eq!(told, [new, data(3, "new")]);
    assert_eq!(get(&rig.port.counters.lost_to_failure_bytes), 4);
    assert_eq!(get(&rig.port.counters.failures), 3);
    assert_eq!(rest(half_closed), b"late");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_given_up_lets_its_clients_go_and_listens_no_more() {
    let policy = RestartPolicy {
        budget: 0,
        ..RestartPolicy::default()
    };
    let rig = Rig::start_with(4, 64 << 10, policy, 0).await;
    let mut client = rig.connect(1);
    client.write_all(&[FAIL]).unwrap();
    rig.expect(&[Told::Data(1, vec![FAIL])]);
    assert_eq!(rest(client), b"");
    let path = rig.folder.path().join("port.sock");
    let refused = loop {
        match Client::connect(&path) {
            // It was in time to wait in the queue, which ends with the socket.
            Ok(mut early) => drop(early.read(&mut [0])),
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(get(&rig.port.counters.clients.open), 0);
    assert_eq!(rig.stop().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_lets_every_client_go_and_counts_what_none_has_read() {
    let rig = Rig::start(4, 64 << 10).await;
    let mut client = rig.connect(1);
    client.write_all(&[FILL]).unwrap();
    rig.expect(&[Told::Data(1, vec![FILL])]);
    let port = Arc::clone(&rig.port);
    assert_eq!(rig.stop().await, [Told::Stop]);
    let counters = &port.counters.clients;
    assert_eq!(get(&counters.unread_bytes), 64 << 10);
    assert_eq!(get(&counters.open), 0);
    let sent = get(&counters.to_bytes);
    assert_eq!(u64::try_from(rest(client).len()).unwrap(), sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_hears_that_its_port_was_lost_before_it_stops() {
    let rig = Rig::start(4, 64 << 10).await;
    rig.port.guest_opened();
    let guest = Told::Open(0, Peer::Guest, OpenReason::New);
    rig.expect(&[guest]);
    // As the router removes a port: both at once.
    let port = Arc::clone(&rig.port);
    port.lose("the port was removed");
    let order = Order::Stop { grace: DEADLINE };
    rig.orders.send(order).await.unwrap();
    let told: Vec<Told> = rig.told.iter().collect();
    let lost = Told::Close(0, CloseReason::Lost("the port was removed".into()));
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told.contains(&lost) && told.contains(&Told::Stop),
        "{told:?}"
    );
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(16))]

    /// Every byte of every client comes back once and in order, whatever the
    /// pieces and whoever reads late.
    #[test]
    fn what_clients_say_at_once_comes_back_to_each_of_them(
        sizes in proptest::collection::vec(1_usize..200_000, 1..6),
        buffer in 4_096_u64..70_000,
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let rig = Rig::start(8, buffer).await;
            let talks: Vec<_> = sizes
                .iter()
                .zip(0_u8..)
                .map(|(size, seed)| {
                    let mut client = rig.dial();
                    // None of the bytes that order something.
                    let said: Vec<u8> = vec![b'A' + seed; *size];
                    std::thread::spawn(move || {
                        let mut reader = client.try_clone().unwrap();
                        let expected = said.len();
                        let back = std::thread::spawn(move || {
                            let mut back = vec![0; expected];
                            reader.read_exact(&mut back).map(|()| back)
                        });
                        client.write_all(&said).unwrap();
                        (back.join().unwrap().unwrap(), said)
                    })
                })
                .collect();
            let talks = tokio::task::spawn_blocking(move || {
                talks.into_iter().map(|talk| talk.join().unwrap()).collect::<Vec<_>>()
            });
            for (back, said) in talks.await.unwrap() {
                assert!(back == said, "{} bytes of {}", back.len(), said.len());
            }
            rig.stop().await;
        });
    }
}

//! Front ends that come and go, and a back end that is killed and comes again.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a fixture that panics is a test that failed"
)]

use portunus_device::control::HostMessage;
use portunus_device::fake_driver::{Backing, FakeGuest, FakeGuestSpec};
use portunus_device::layout::{PortId, transmit_queue};
use portunus_tests::front_end::FrontEnd;
use portunus_tests::front_end::wire::{VERSION, Wire, message};
use portunus_tests::program::Program;
use rustix::process::Signal;
use vhost::vhost_user::message::FrontendReq;

const TWO: &str = r#"
[vm]
name = "guest-1"

[[port]]
name = "org.portunus.echo.0"
plugin = "echo"

[[port]]
name = "org.portunus.log.0"
plugin = "log"
config = { path = "/logs/guest.log" }
grant.dirs = [{ host = "logs", guest = "/logs", access = "write" }]
"#;

const ECHO: &str = "org.portunus.echo.0";
const LOG: &str = "org.portunus.log.0";

/// The stream's bytes from `at` on: each word says where it is.
fn stream(at: usize, length: usize) -> Vec<u8> {
    (at..at + length)
        .map(|byte| u32::try_from(byte / 4).unwrap().to_le_bytes()[byte % 4])
        .collect()
}

/// Writes the stream in pieces until the ring is full. Returns where each piece
/// ends.
fn fill(guest: &mut FakeGuest, id: PortId, piece: usize, ends: &mut Vec<usize>) {
    loop {
        let at = ends.last().copied().unwrap_or(0);
        if guest.write(id, &stream(at, piece)).unwrap() == 0 {
            return;
        }
        ends.push(at + piece);
    }
}

/// Kills the program while a port's bytes are under way, starts it again, and
/// gives back: what had come back before, how many chains had been completed,
/// where each chain's bytes end, and what came back from the successor.
fn kill_under_way(piece: usize) -> (Vec<u8>, usize, Vec<usize>, Vec<u8>) {
    let program = Program::serve(TWO);
    let mut front_end = FrontEnd::boot(&program.socket(), FakeGuestSpec::default());
    let id = front_end.open(ECHO);
    let log_id = front_end.port(LOG);
    let (mut ends, mut before) = (Vec::new(), Vec::new());
    front_end.until("some bytes back", |guest| {
        fill(guest, id, piece, &mut ends);
        before.extend(guest.read(id).unwrap());
        (before.len() > 200_000).then_some(())
    });
    fill(&mut front_end.guest, id, piece, &mut ends);
    program.signal(Signal::KILL);
    let folder = program.wait().folder;

    let mut guest = front_end.leave();
    before.extend(guest.read(id).unwrap());
    let queue = guest.ring(transmit_queue(id)).unwrap();
    // More than 65,535 chains would wrap: these are a few hundred.
    let completed = usize::from(queue.used_index().unwrap());

    let program = Program::serve_in(folder, &[]);
    let mut front_end = FrontEnd::connect(&program.socket(), guest);
    front_end.until_told("both ports announced again", |_guest, told| {
        let mut ids = [id, log_id].into_iter();
        ids.all(|id| {
            told.contains(&HostMessage::PortAdd(id))
                && told.contains(&HostMessage::PortOpen(id, true))
        })
        .then_some(())
    });
    // What was in the ring comes first, then what is written now.
    let kept = ends.last().unwrap() - completed.checked_sub(1).map_or(0, |last| ends[last]);
    let mut after = Vec::new();
    front_end.until("what the ring had kept", |guest| {
        after.extend(guest.read(id).unwrap());
        (after.len() >= kept).then_some(())
    });
    front_end.assert_echo(id, b"and on it goes");
    front_end.guest.open(log_id).unwrap();
    front_end.guest.write(log_id, b"a line\n").unwrap();
    front_end.kick();
    front_end.until_used(transmit_queue(log_id), 1);
    let ended = program.stop();
    assert!(ended.status.success(), "{}", ended.log);
    let kept = std::fs::read_to_string(ended.folder.path().join("logs/guest.log")).unwrap();
    assert!(kept.trim_end().ends_with("a line"), "{kept}");
    (before, completed, ends, after)
}

#[test]
fn a_killed_back_end_loses_no_chain_that_it_had_not_completed() {
    // Chains of which a delivery takes a whole number.
    let (before, completed, ends, after) = kill_under_way(4096);
    let taken = ends[completed - 1];
    // What came back is what was written, and no more than was taken ...
    assert!(before == stream(0, before.len()));
    assert!(before.len() <= taken, "{} of {taken}", before.len());
    // ... and the successor sends back the whole rest, once.
    assert!(after == stream(taken, ends.last().unwrap() - taken));
}

#[test]
fn only_the_chain_that_a_killed_back_end_had_begun_may_come_back_twice() {
    let (before, completed, ends, after) = kill_under_way(3000);
    let taken = ends[completed - 1];
    assert!(before == stream(0, before.len()));
    assert!(before.len() < taken + 3000, "{} of {taken}", before.len());
    assert!(after == stream(taken, ends.last().unwrap() - taken));
}

#[test]
fn a_front_end_that_goes_at_any_point_is_followed_by_the_next() {
    let program = Program::serve(TWO);
    let socket = program.socket();
    Wire::dial(&socket).end();
    let owner = message(FrontendReq::SET_OWNER, VERSION, &[]);
    for part in 0..owner.len() {
        let wire = Wire::dial(&socket);
        wire.send_bytes(&owner[..part], &[]);
        wire.end();
    }
    let wire = Wire::dial(&socket);
    wire.ask(FrontendReq::GET_FEATURES, &[], &[]).unwrap();
    wire.send_bytes(
        &message(FrontendReq::SET_FEATURES, VERSION, &[0; 8])[..16],
        &[],
    );
    drop(wire);

    let mut front_end = FrontEnd::boot(&socket, FakeGuestSpec::default());
    let id = front_end.open(ECHO);
    front_end.assert_echo(id, b"one");
    // With its rings running and bytes under way.
    front_end.guest.write(id, &stream(0, 40_000)).unwrap();
    front_end.kick();
    drop(front_end);
    let mut front_end = FrontEnd::boot(&socket, FakeGuestSpec::default());
    let id = front_end.open(ECHO);
    front_end.assert_echo(id, b"two");
    let ended = program.stop();
    assert!(ended.status.success());
    assert!(!ended.log.contains("panicked"), "{}", ended.log);
}

#[test]
fn a_guest_whose_front_end_reconnects_goes_on_where_it_was() {
    let program = Program::serve(TWO);
    let mut front_end = FrontEnd::boot(&program.socket(), FakeGuestSpec::default());
    let id = front_end.open(ECHO);
    front_end.assert_echo(id, b"one");
    let mut front_end = FrontEnd::connect(&program.socket(), front_end.leave());
    front_end.assert_echo(id, b"two");
    // Stopped and started again, on the same connection.
    let stopped = front_end.stop_rings();
    for (index, base) in stopped {
        let used = front_end.guest.ring(index).unwrap().used_index().unwrap();
        assert_eq!(base, u32::from(used), "{index:?}");
    }
    front_end.start_rings();
    front_end.assert_echo(id, b"three");
    // Memory that is mapped anew under rings that run.
    front_end.share_memory();
    front_end.assert_echo(id, b"four");
}

#[test]
fn a_second_front_end_waits_until_the_first_has_left() {
    let program = Program::serve(TWO);
    let mut first = FrontEnd::boot(&program.socket(), FakeGuestSpec::default());
    let id = first.open(ECHO);
    let second = Wire::dial(&program.socket());
    second.send(FrontendReq::GET_FEATURES, &[], &[]);
    first.assert_echo(id, b"alone");
    let stream = second.try_clone();
    stream.set_nonblocking(true).unwrap();
    let mut nothing = [0; 1];
    let early = std::io::Read::read(&mut &stream, &mut nothing);
    assert_eq!(early.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    stream.set_nonblocking(false).unwrap();
    drop(first);
    // The answer to what it said while it waited, and then all the rest.
    let mut answer = [0; 20];
    std::io::Read::read_exact(&mut &stream, &mut answer).unwrap();
    let guest = FakeGuest::new(FakeGuestSpec {
        backing: Backing::Shared,
        ..FakeGuestSpec::default()
    });
    let mut second = FrontEnd::converse(stream, guest.unwrap());
    second.guest.start().unwrap();
    second.kick();
    let id = second.open(ECHO);
    second.assert_echo(id, b"my turn");
}

#[test]
fn a_signal_stops_the_program_once_the_plugins_have_made_things_safe() {
    for signal in [Signal::TERM, Signal::INT] {
        let program = Program::serve(TWO);
        let mut front_end = FrontEnd::boot(&program.socket(), FakeGuestSpec::default());
        let id = front_end.open(LOG);
        front_end.guest.write(id, b"one\ntwo\nno end").unwrap();
        front_end.kick();
        front_end.until_used(transmit_queue(id), 1);
        program.signal(signal);
        let ended = program.wait();
        assert!(ended.status.success(), "{}", ended.log);
        assert!(!ended.folder.path().join("vm.sock").exists());
        let kept = std::fs::read_to_string(ended.folder.path().join("logs/guest.log")).unwrap();
        let last = kept.lines().last().unwrap_or_default();
        assert!(
            kept.lines().count() == 3 && last.contains("no end"),
            "{kept}"
        );
    }
}

#[test]
fn a_front_end_that_reads_no_answers_does_not_keep_the_program() {
    let program = Program::serve(TWO);
    let wire = Wire::dial(&program.socket());
    let stream = wire.try_clone();
    stream.set_nonblocking(true).unwrap();
    // Until both directions are full: the device waits for its answers to go.
    let ask = message(FrontendReq::GET_FEATURES, VERSION, &[]);
    let mut fulls = 0;
    while fulls < 1000 {
        match std::io::Write::write(&mut &stream, &ask) {
            Ok(_) => fulls = 0,
            Err(_full) => {
                fulls += 1;
                std::thread::yield_now();
            }
        }
    }
    program.signal(Signal::TERM);
    assert!(program.wait().status.success());
}

#[test]
fn a_second_signal_ends_the_program_too() {
    let program = Program::serve(TWO);
    let front_end = FrontEnd::boot(&program.socket(), FakeGuestSpec::default());
    program.signal(Signal::TERM);
    program.signal(Signal::INT);
    let ended = program.wait();
    assert!(ended.status.success(), "{}", ended.log);
    assert!(!ended.folder.path().join("vm.sock").exists());
    drop(front_end);
}

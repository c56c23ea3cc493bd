//! Front ends that send what no front end sends.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a fixture that panics is a test that failed"
)]

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};

use portunus_device::fake_driver::FakeGuestSpec;
use portunus_device::layout::{MaxPorts, PortId, transmit_queue};
use portunus_tests::eventually;
use portunus_tests::front_end::wire::{NEED_REPLY, VERSION, Wire, long_words, message, words};
use portunus_tests::front_end::{ADDRESS_OFFSET, FrontEnd};
use portunus_tests::guest::DEADLINE;
use portunus_tests::program::Program;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rustix::event::{EventfdFlags, eventfd};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::Signal;
use vhost::vhost_user::message::FrontendReq as Request;

/// Few queues: a handshake for each case.
const SMALL: &str = r#"
[vm]
name = "guest-1"

[device]
max-ports = 2

[[port]]
name = "org.portunus.echo.0"
plugin = "echo"
"#;

const ECHO: &str = "org.portunus.echo.0";

fn small_guest() -> FakeGuestSpec {
    FakeGuestSpec {
        max_ports: MaxPorts::new(2).unwrap(),
        ..FakeGuestSpec::default()
    }
}

/// A new front end is served, and its guest answered.
fn assert_serves(program: &mut Program) {
    let mut front_end = FrontEnd::boot(&program.socket(), small_guest());
    let id = front_end.open(ECHO);
    front_end.assert_echo(id, b"still here");
    assert!(!program.log().contains("panicked"), "{}", program.log());
}

/// A descriptor that comes with a message.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// What belongs there as kick, call and error.
    Event,
    /// 64 KiB of memory, as belongs into a memory table.
    Memory,
    Empty,
    File,
    Directory,
    Null,
    /// A pipe whose other end is closed: its reading end, and its writing end.
    Reader,
    Writer,
}

const KINDS: [Kind; 8] = [
    Kind::Event,
    Kind::Memory,
    Kind::Empty,
    Kind::File,
    Kind::Directory,
    Kind::Null,
    Kind::Reader,
    Kind::Writer,
];

const MEMORY_BYTES: u64 = 0x1_0000;

fn descriptor(kind: Kind) -> OwnedFd {
    let memory = |bytes| {
        let file = File::from(memfd_create("hostile", MemfdFlags::CLOEXEC).unwrap());
        file.set_len(bytes).unwrap();
        file.into()
    };
    match kind {
        Kind::Event => eventfd(0, EventfdFlags::CLOEXEC).unwrap(),
        Kind::Memory => memory(MEMORY_BYTES),
        Kind::Empty => memory(0),
        Kind::File => tempfile::tempfile().unwrap().into(),
        Kind::Directory => File::open("/").unwrap().into(),
        Kind::Null => File::open("/dev/null").unwrap().into(),
        Kind::Reader => std::io::pipe().unwrap().0.into(),
        Kind::Writer => std::io::pipe().unwrap().1.into(),
    }
}

/// What one session of a hostile front end sends, after its handshake.
#[derive(Debug, Clone)]
enum Step {
    Message(u32, Vec<u8>, Vec<Kind>),
    Bytes(Vec<u8>),
}

fn say(request: Request, body: Vec<u8>, files: &[Kind]) -> Step {
    Step::Message(request.into(), body, files.to_vec())
}

/// A region of a memory table: guest address, size, offset in its file.
fn region(guest: u64, size: u64, offset: u64) -> [u64; 4] {
    [guest, size, guest.wrapping_add(ADDRESS_OFFSET), offset]
}

fn table(regions: &[[u64; 4]], kind: Kind) -> Step {
    let mut body = words(&[u32::try_from(regions.len()).unwrap(), 0]);
    body.extend(regions.iter().flat_map(|region| long_words(region)));
    say(Request::SET_MEM_TABLE, body, &vec![kind; regions.len()])
}

fn ring(request: Request, index: u32, value: u32) -> Step {
    say(request, words(&[index, value]), &[])
}

fn kick(index: u64, kind: Kind) -> Step {
    say(Request::SET_VRING_KICK, long_words(&[index]), &[kind])
}

fn addresses(index: u32, descriptors: u64, used: u64, available: u64) -> Step {
    let mut body = words(&[index, 0]);
    body.extend(long_words(&[descriptors, used, available, 0]));
    say(Request::SET_VRING_ADDR, body, &[])
}

/// A whole ring of this size, with its parts at these guest addresses.
fn start(size: u32, base: u32, [descriptors, used, available]: [u64; 3]) -> Vec<Step> {
    let at = |address: u64| address.wrapping_add(ADDRESS_OFFSET);
    vec![
        table(&[region(0, MEMORY_BYTES, 0)], Kind::Memory),
        ring(Request::SET_VRING_NUM, 0, size),
        ring(Request::SET_VRING_BASE, 0, base),
        addresses(0, at(descriptors), at(used), at(available)),
        kick(0, Kind::Event),
        ring(Request::SET_VRING_ENABLE, 0, 1),
    ]
}

/// Where a ring's parts may be.
const PARTS: [u64; 3] = [0, 0x4000, 0x8000];

fn memory_cases() -> Vec<(&'static str, Vec<Step>)> {
    let whole = region(0, MEMORY_BYTES, 0);
    let single = |region: [u64; 4], files: &[Kind]| {
        let mut body = long_words(&[0]);
        body.extend(long_words(&region));
        say(Request::ADD_MEM_REG, body, files)
    };
    vec![
        ("no region", vec![table(&[], Kind::Memory)]),
        (
            "regions overlap",
            vec![table(
                &[whole, region(0x8000, MEMORY_BYTES, 0)],
                Kind::Memory,
            )],
        ),
        ("a region twice", vec![table(&[whole, whole], Kind::Memory)]),
        (
            "a region wraps",
            vec![table(
                &[region(u64::MAX - 0xfff, MEMORY_BYTES, 0)],
                Kind::Memory,
            )],
        ),
        (
            "a region past its file",
            vec![table(&[region(0, 2 * MEMORY_BYTES, 0)], Kind::Memory)],
        ),
        (
            "an offset past its file",
            vec![table(&[region(0, 0x1000, MEMORY_BYTES)], Kind::Memory)],
        ),
        (
            "an offset that wraps",
            vec![table(&[region(0, 0x1000, u64::MAX - 0xfff)], Kind::Memory)],
        ),
        (
            "an odd offset",
            vec![table(&[region(0, 0x1000, 5)], Kind::Memory)],
        ),
        (
            "all there can be",
            vec![table(&[region(0, u64::MAX, 0)], Kind::Memory)],
        ),
        (
            "a region of nothing",
            vec![table(&[region(0, 0, 0)], Kind::Memory)],
        ),
        ("an empty file", vec![table(&[whole], Kind::Empty)]),
        ("a regular file", vec![table(&[whole], Kind::File)]),
        ("a directory", vec![table(&[whole], Kind::Directory)]),
        ("no memory at all", vec![table(&[whole], Kind::Null)]),
        ("a pipe", vec![table(&[whole], Kind::Reader)]),
        (
            "more regions than messages hold",
            vec![table(&[whole; 33], Kind::Memory)],
        ),
        (
            "a count that lies",
            vec![say(
                Request::SET_MEM_TABLE,
                words(&[u32::MAX, 0]),
                &[Kind::Memory],
            )],
        ),
        (
            "fewer files than regions",
            vec![say(
                Request::SET_MEM_TABLE,
                [
                    words(&[2, 0]),
                    long_words(&whole),
                    long_words(&region(0x10_0000, 0x1000, 0)),
                ]
                .concat(),
                &[Kind::Memory],
            )],
        ),
        ("a slot without a file", vec![single(whole, &[])]),
        ("a slot with two", vec![single(whole, &[Kind::Memory; 2])]),
        (
            "a slot over itself",
            vec![single(whole, &[Kind::Memory]); 2],
        ),
        (
            "a slot that is not there",
            vec![say(
                Request::REM_MEM_REG,
                [long_words(&[0]), long_words(&whole)].concat(),
                &[],
            )],
        ),
    ]
}

fn ring_cases() -> Vec<(&'static str, Vec<Step>)> {
    let odd = |parts: [u64; 3]| start(16, 0, parts);
    let then = |steps: &[Step]| [start(16, 0, PARTS), steps.to_vec()].concat();
    vec![
        ("a ring of no size", start(0, 0, PARTS)),
        ("a ring of three", start(3, 0, PARTS)),
        ("a ring of 65,535", start(65_535, 0, PARTS)),
        ("a ring of 2^31", start(1 << 31, 0, PARTS)),
        ("a ring larger than memory", start(32_768, 0, PARTS)),
        ("a base out of range", start(16, 65_536, PARTS)),
        ("a base that lies", start(16, 40_000, PARTS)),
        ("parts in no region", odd([0x10_0000, 0x4000, 0x8000])),
        (
            "parts at the end of a region",
            odd([MEMORY_BYTES - 16, 0x4000, 0x8000]),
        ),
        ("parts on one another", odd([0, 0, 0])),
        ("parts that are misaligned", odd([1, 0x4001, 0x8001])),
        (
            "parts that wrap",
            odd([u64::MAX - ADDRESS_OFFSET, 0x4000, 0x8000]),
        ),
        (
            "a kick before all else",
            vec![kick(0, Kind::Event), ring(Request::SET_VRING_ENABLE, 0, 1)],
        ),
        (
            "a queue that is not there",
            vec![ring(Request::SET_VRING_NUM, 6, 16)],
        ),
        (
            "a queue's number of 32 bits",
            vec![ring(Request::SET_VRING_BASE, u32::MAX, 0)],
        ),
        (
            "kicks of a queue that is not there",
            vec![kick(200, Kind::Event)],
        ),
        (
            "no kick",
            vec![
                kick(0x100, Kind::Event),
                say(Request::SET_VRING_KICK, long_words(&[0x100]), &[]),
            ],
        ),
        (
            "enabled twice",
            then(&[ring(Request::SET_VRING_ENABLE, 0, 1)]),
        ),
        (
            "enabled by two",
            then(&[ring(Request::SET_VRING_ENABLE, 0, 2)]),
        ),
        ("kicks twice", then(&[kick(0, Kind::Event)])),
        (
            "a base while it runs",
            then(&[ring(Request::SET_VRING_BASE, 0, 7)]),
        ),
        (
            "a size while it runs",
            then(&[ring(Request::SET_VRING_NUM, 0, 3)]),
        ),
        (
            "no memory while it runs",
            then(&[
                table(&[region(0x10_0000, MEMORY_BYTES, 0)], Kind::Memory),
                ring(Request::GET_VRING_BASE, 0, 0),
                kick(0, Kind::Event),
            ]),
        ),
        (
            "memory is unplugged while it runs",
            then(&[say(
                Request::REM_MEM_REG,
                [long_words(&[0]), long_words(&region(0, MEMORY_BYTES, 0))].concat(),
                &[],
            )]),
        ),
        (
            "reset while it runs",
            then(&[say(Request::RESET_DEVICE, vec![], &[])]),
        ),
    ]
}

fn message_cases() -> Vec<(&'static str, Vec<Step>)> {
    let bytes = |bytes: Vec<u8>| vec![Step::Bytes(bytes)];
    vec![
        ("half a header", bytes(vec![1, 0, 0])),
        (
            "half a body",
            bytes(message(Request::SET_FEATURES, VERSION, &[0; 8])[..15].to_vec()),
        ),
        (
            "a size past all bounds",
            bytes(words(&[2, VERSION, u32::MAX])),
        ),
        (
            "a size past the limit",
            bytes([words(&[2, VERSION, 4097]), vec![0; 4097]].concat()),
        ),
        (
            "the largest there is",
            bytes([words(&[2, VERSION, 4096]), vec![0; 4096]].concat()),
        ),
        ("no request", vec![Step::Message(0, vec![], vec![])]),
        (
            "an unknown request",
            vec![Step::Message(45, vec![], vec![])],
        ),
        (
            "a request of 32 bits",
            vec![Step::Message(u32::MAX, vec![0; 8], vec![])],
        ),
        ("version zero", bytes(words(&[1, 0, 0]))),
        ("version three", bytes(words(&[1, 3, 0]))),
        ("an answer", bytes(words(&[1, VERSION | 4, 0]))),
        (
            "features that nobody offered",
            vec![say(Request::SET_FEATURES, long_words(&[u64::MAX]), &[])],
        ),
        (
            "protocol features that nobody offered",
            vec![
                say(Request::SET_PROTOCOL_FEATURES, long_words(&[u64::MAX]), &[]),
                say(Request::GET_INFLIGHT_FD, vec![0; 24], &[]),
            ],
        ),
        (
            "files that nobody asked for",
            vec![say(Request::GET_FEATURES, vec![], &[Kind::Event; 3])],
        ),
        (
            "more files than there is room for",
            vec![say(
                Request::SET_MEM_TABLE,
                words(&[1, 0]),
                &[Kind::Memory; 40],
            )],
        ),
        (
            "configuration past its end",
            vec![say(Request::GET_CONFIG, words(&[4000, 4000, 0]), &[])],
        ),
        (
            "configuration of no size",
            vec![say(Request::GET_CONFIG, words(&[0, 0, 0]), &[])],
        ),
        (
            "all configuration there is",
            vec![say(
                Request::SET_CONFIG,
                [words(&[0, 256, 1]), vec![0x1b; 256]].concat(),
                &[],
            )],
        ),
        (
            "a file for requests that is none",
            vec![say(Request::SET_BACKEND_REQ_FD, vec![], &[Kind::Null])],
        ),
    ]
}

fn descriptor_cases() -> Vec<(&'static str, Vec<Step>)> {
    let requests = [
        Request::SET_VRING_KICK,
        Request::SET_VRING_CALL,
        Request::SET_VRING_ERR,
    ];
    let mut cases = Vec::new();
    for kind in KINDS {
        let steps = requests.map(|request| say(request, long_words(&[0]), &[kind]));
        cases.push((
            "descriptors of the wrong kind",
            [start(16, 0, PARTS), steps.to_vec()].concat(),
        ));
    }
    cases
}

/// One front end from its handshake to its end.
fn session(program: &Program, steps: &[Step]) {
    let wire = Wire::dial(&program.socket());
    wire.send(Request::SET_OWNER, &[], &[]);
    let features = wire.ask(Request::GET_FEATURES, &[], &[]).unwrap();
    let protocol = wire.ask(Request::GET_PROTOCOL_FEATURES, &[], &[]).unwrap();
    wire.send(Request::SET_PROTOCOL_FEATURES, &protocol, &[]);
    wire.send(Request::SET_FEATURES, &features, &[]);
    for step in steps {
        match step {
            Step::Message(request, body, kinds) => {
                let files: Vec<_> = kinds.iter().copied().map(descriptor).collect();
                let files: Vec<_> = files.iter().map(AsFd::as_fd).collect();
                wire.send_bytes(&message(*request, VERSION | NEED_REPLY, body), &files);
            }
            Step::Bytes(bytes) => wire.send_bytes(bytes, &[]),
        }
    }
    wire.end();
}

/// Descriptors, mappings and memory in KiB of the program.
fn usage(program: &Program) -> [usize; 3] {
    let folder = format!("/proc/{}", program.pid().as_raw_nonzero());
    let read = |file: &str| std::fs::read_to_string(format!("{folder}/{file}")).unwrap();
    let status = read("status");
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let resident = resident.unwrap().trim().trim_end_matches(" kB");
    [
        std::fs::read_dir(format!("{folder}/fd")).unwrap().count(),
        read("maps").lines().count(),
        resident.parse().unwrap(),
    ]
}

/// Waits until the last session is gone: what 100 hostile ones may leave behind
/// is the allocator's leftovers.
fn assert_no_growth(program: &Program, before: [usize; 3]) {
    eventually("as little in use as before", DEADLINE, || {
        let after = usage(program);
        let [descriptors, mappings, resident] =
            [0, 1, 2].map(|at| after[at].saturating_sub(before[at]));
        (descriptors <= 2 && mappings <= 16 && resident <= 16 * 1024).then_some(())
    });
}

#[test]
fn messages_that_make_no_sense_end_their_connection_and_nothing_else() {
    let mut program = Program::serve(SMALL);
    assert_serves(&mut program);
    let cases = || {
        [
            memory_cases(),
            ring_cases(),
            message_cases(),
            descriptor_cases(),
        ]
        .concat()
    };
    let mut round = || {
        for (name, steps) in cases() {
            eprintln!("case: {name}");
            session(&program, &steps);
            assert_serves(&mut program);
        }
        usage(&program)
    };
    let before = round();
    round();
    assert_no_growth(&program, before);
    assert!(program.stop().status.success());
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let body = prop_oneof![
        vec(any::<u8>(), 0..80),
        vec(0..8_u64, 0..6).prop_map(|words| long_words(&words)),
        vec(0..8_u32, 0..6).prop_map(|list| words(&list)),
    ];
    let kinds = vec(proptest::sample::select(KINDS.to_vec()), 0..4);
    let message = (0..48_u32, body, kinds)
        .prop_map(|(request, body, kinds)| Step::Message(request, body, kinds));
    let bytes = vec(any::<u8>(), 0..64).prop_map(Step::Bytes);
    let lawful = proptest::sample::select(start(16, 0, PARTS));
    vec(prop_oneof![6 => message, 1 => bytes, 3 => lawful], 0..12)
}

#[test]
fn whatever_a_front_end_sends_the_next_one_is_served() {
    /// Some seconds' worth.
    const CASES: u32 = 400;
    let mut program = Program::serve(SMALL);
    let mut runner = TestRunner::new(Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    });
    assert_serves(&mut program);
    session(&program, &start(16, 0, PARTS));
    let before = usage(&program);
    let shared = std::cell::RefCell::new(program);
    let outcome = runner.run(&steps(), |steps| {
        let program = &mut *shared.borrow_mut();
        session(program, &steps);
        assert_serves(program);
        Ok(())
    });
    outcome.unwrap();
    let program = shared.into_inner();
    assert_no_growth(&program, before);
    assert!(program.stop().status.success());
}

#[test]
fn messages_after_the_signal_do_not_keep_the_program() {
    let program = Program::serve(SMALL);
    let mut front_end = FrontEnd::boot(&program.socket(), small_guest());
    let id = front_end.open(ECHO);
    front_end.assert_echo(id, b"before");
    let wire = Wire::dial(&program.socket());
    program.signal(Signal::TERM);
    front_end.guest.write(id, b"after").unwrap();
    front_end.kick_queue(transmit_queue(PortId::new(1).unwrap()));
    for _ in 0..100 {
        wire.send(Request::GET_FEATURES, &[], &[]);
    }
    assert!(program.wait().status.success());
    wire.end();
}

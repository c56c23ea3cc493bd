//! The plugin against a host and a disk of a test's own.

use portunus_plugin_sdk::testing::Host;
use proptest::prelude::*;

use super::*;
use crate::full_disk::FullDisk;

const GUEST: Channel = Channel::GUEST;
const PATH: &str = "/logs/a.log";
const CONFIG: &str = r#"{"path": "/logs/a.log", "rotate": "1MiB", "max-line": "64B"}"#;

fn logger(host: &Host, disk: &FullDisk) -> Logger<FullDisk> {
    Logger::on_files(disk.clone(), host.start(CONFIG)).unwrap()
}

/// The file's lines without their times and ports, which every one must have.
fn texts(disk: &FullDisk) -> Vec<String> {
    let file = disk.text(PATH);
    assert!(file.is_empty() || file.ends_with('\n'), "{file:?}");
    file.lines().map(|line| text(line).to_owned()).collect()
}

fn text(line: &str) -> &str {
    let (time, rest) = line.split_at("2026-11-22T11:44:18.123Z".len());
    assert!(
        time.ends_with('Z') && humantime::parse_rfc3339(time).is_ok(),
        "{line}"
    );
    rest.strip_prefix(" test").unwrap().trim_start()
}

#[test]
fn lines_get_into_the_file_joined_and_marked() {
    let (host, disk) = (Host::new(), FullDisk::default());
    let mut logger = logger(&host, &disk);
    for piece in ["hel", "lo\r\nwor", "ld\n", "rest"] {
        assert_eq!(
            host.deliver(&mut logger, GUEST, piece.as_bytes()),
            piece.len()
        );
    }
    assert_eq!(texts(&disk), ["hello", "world"]);
    logger.on_close(GUEST, CloseReason::Closed);
    assert_eq!(texts(&disk), ["hello", "world", r"rest \[unfinished]"]);
    assert!(disk.is_synced(PATH));
    assert_eq!(host.counter("lines"), 3);
}

#[test]
fn a_cut_line_is_marked_and_counted() {
    let (host, disk) = (Host::new(), FullDisk::default());
    let mut logger = logger(&host, &disk);
    host.deliver(
        &mut logger,
        GUEST,
        format!("{}\nnext\n", "x".repeat(70)).as_bytes(),
    );
    assert_eq!(
        texts(&disk),
        [
            format!(r"{} \[cut: 6 bytes more]", "x".repeat(64)),
            "next".into()
        ]
    );
    assert_eq!(host.counter("lines_cut"), 1);
}

#[test]
fn a_full_disk_pauses_the_guest_and_one_with_room_again_resumes_it() {
    let (host, disk) = (Host::new(), FullDisk::default());
    let mut logger = logger(&host, &disk);
    disk.make_room(10);
    assert_eq!(host.deliver(&mut logger, GUEST, b"one\n"), 4);
    assert_eq!(host.deliver(&mut logger, GUEST, b"two\n"), 0);
    assert!(host.is_paused(GUEST));
    let said = host.take_log();
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!(said[0].0, log::Level::Error);
    assert!(said[0].1.contains(PATH), "{said:?}");

    let wait = host.take_timer(RETRY).unwrap();
    logger.on_timer(RETRY);
    assert!(host.take_timer(RETRY).unwrap() > wait);
    assert!(host.is_paused(GUEST));
    assert_eq!(host.counter("write_errors"), 3);

    disk.make_room(1000);
    logger.on_timer(RETRY);
    assert!(!host.is_paused(GUEST));
    assert!(host.take_timer(RETRY).is_none());
    assert_eq!(host.deliver(&mut logger, GUEST, b"two\n"), 4);
    assert_eq!(texts(&disk), ["one", "two"]);
    assert_eq!(host.take_log().len(), 1);
}

#[test]
fn a_removed_file_is_made_anew() {
    let (host, disk) = (Host::new(), FullDisk::default());
    let mut logger = logger(&host, &disk);
    host.deliver(&mut logger, GUEST, b"one\n");
    assert!(disk.remove(PATH).unwrap().ends_with(" one\n"));
    host.deliver(&mut logger, GUEST, b"two\n");
    assert_eq!(texts(&disk), ["two"]);
}

#[test]
fn a_stop_puts_all_on_the_disk_and_says_so() {
    let (host, disk) = (Host::new(), FullDisk::default());
    let mut logger = logger(&host, &disk);
    host.deliver(&mut logger, GUEST, b"one\ntw");
    logger.on_stop(Duration::from_secs(5));
    assert_eq!(texts(&disk), ["one", r"tw \[unfinished]"]);
    assert!(disk.is_synced(PATH) && host.is_stopped());
    host.deliver(&mut logger, GUEST, b"late\n");
    logger.on_timer(LAST_TRY);
    assert!(disk.is_synced(PATH));
}

#[test]
fn a_stop_on_a_full_disk_waits_for_room_within_the_grace() {
    let (host, disk) = (Host::new(), FullDisk::default());
    let mut logger = logger(&host, &disk);
    disk.make_room(3);
    host.deliver(&mut logger, GUEST, b"one\n");
    logger.on_stop(Duration::from_secs(5));
    assert!(!host.is_stopped());
    assert!(host.take_timer(LAST_TRY).unwrap() < Duration::from_secs(5));
    disk.make_room(1000);
    logger.on_timer(RETRY);
    assert!(host.is_stopped() && disk.is_synced(PATH));
    assert_eq!(texts(&disk), ["one"]);
}

#[test]
fn a_stop_whose_grace_ends_says_what_is_lost_and_tears_no_line() {
    let (host, disk) = (Host::new(), FullDisk::default());
    let mut logger = logger(&host, &disk);
    disk.make_room(40);
    host.deliver(&mut logger, GUEST, b"one\ntwo\nthree");
    logger.on_stop(Duration::from_secs(5));
    host.take_log();
    logger.on_timer(LAST_TRY);
    assert!(host.is_stopped());
    assert_eq!(host.counter("lines_lost"), 2);
    let said = host.take_log();
    assert!(said[0].1.contains("2 lines are lost"), "{said:?}");
    assert_eq!(texts(&disk), ["one"]);
}

#[test]
fn what_comes_after_a_stop_is_written_with_or_without_a_line_end() {
    let (host, disk) = (Host::new(), FullDisk::default());
    let mut logger = logger(&host, &disk);
    logger.on_stop(Duration::from_secs(5));
    assert!(host.is_stopped());
    host.deliver(&mut logger, GUEST, b"def\nxyz");
    assert!(disk.is_synced(PATH));
    assert_eq!(texts(&disk), ["def", "xyz \\[unfinished]"]);
}

#[test]
fn a_reload_goes_on_in_the_middle_of_a_line_and_of_a_write() {
    let (host, disk) = (Host::new(), FullDisk::default());
    let mut first = logger(&host, &disk);
    disk.make_room(40);
    host.deliver(&mut first, GUEST, b"one\ntwo\nthr");
    let mut start = host.start(CONFIG);
    start.saved = first.save();
    disk.make_room(1000);
    let mut second = Logger::on_files(disk.clone(), start).unwrap();
    host.deliver(&mut second, GUEST, b"ee\n");
    assert_eq!(texts(&disk), ["one", "two", "three"]);
}

#[test]
fn what_is_saved_stays_within_what_the_host_carries() {
    let (host, disk) = (Host::new(), FullDisk::default());
    let configs = [
        r#"{"path": "/logs/a.log", "max-line": "32KiB"}"#,
        r#"{"path": "/logs/a.log", "max-line": "32KiB", "output": "json"}"#,
    ];
    let bytes = [b'\x1b', b'\\', b'\xff', b'\n', b'"', b'\x7f'];
    for (config, byte) in configs
        .iter()
        .flat_map(|config| bytes.map(|byte| (config, byte)))
    {
        let mut logger = Logger::on_files(disk.clone(), host.start(config)).unwrap();
        disk.make_room(0);
        let mut data = vec![byte; 32 << 10];
        data.extend(b"\n");
        data.extend(vec![byte; 30 << 10]);
        assert!(host.deliver(&mut logger, GUEST, &data) > 0);
        GUEST.resume();
        assert!(logger.save().unwrap().len() <= 1 << 20, "{byte:#x}");
    }
}

#[test]
fn syslog_messages_become_json_wherever_they_are_cut() {
    let config = r#"{"path": "/logs/a.log", "format": "syslog", "output": "json"}"#;
    let stream = b"<30>Nov 24 14:00:01 sshd[812]: one\n14 <13>app: t\nwo!no syslog\n<6>rest";
    for at in 0..stream.len() {
        let (host, disk) = (Host::new(), FullDisk::default());
        let mut logger = Logger::on_files(disk.clone(), host.start(config)).unwrap();
        let (first, second) = stream.split_at(at);
        host.deliver(&mut logger, GUEST, first);
        host.deliver(&mut logger, GUEST, second);
        logger.on_close(GUEST, CloseReason::Closed);
        let records: Vec<serde_json::Value> = disk
            .text(PATH)
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let words: Vec<_> = records.iter().map(|record| &record["message"]).collect();
        assert_eq!(words, ["one", "t\nwo!", "no syslog", "rest"], "cut at {at}");
        assert_eq!(records[0]["program"], "sshd");
        assert_eq!(records[3]["unfinished"], true);
        assert_eq!(host.counter("lines_of_no_format"), 1);
    }
}

#[test]
fn a_flood_of_empty_lines_takes_bounded_memory() {
    let (host, disk) = (Host::new(), FullDisk::default());
    let mut logger = logger(&host, &disk);
    disk.make_room(0);
    let taken = host.deliver(&mut logger, GUEST, &[b'\n'; 65_536]);
    assert!(taken < 65_536);
    assert!(logger.journal.records().len() < 66_000);
    assert!(host.is_paused(GUEST));
}

#[test]
fn what_cannot_be_written_at_the_start_is_the_configurations_fault() {
    let host = Host::new();
    let start = host.start(r#"{"path": "/no/such/directory/a.log"}"#);
    let error = Logger::<crate::files::Disk>::new(start).unwrap_err();
    assert!(
        error.starts_with("config.path: /no/such/directory/a.log: "),
        "{error}"
    );
    assert!(error.contains("grant.dirs"), "{error}");
}

#[test]
fn a_host_program_is_sent_away() {
    let (host, disk) = (Host::new(), FullDisk::default());
    let client = Channel::from_id(4);
    logger(&host, &disk).on_open(client, Peer::Other(String::new()), OpenReason::New);
    assert!(host.is_closed(client));
}

proptest! {
    #[test]
    fn no_line_is_lost_torn_or_doubled_wherever_the_disk_is_full(
        lines in proptest::collection::vec("[a-z ]{0,60}", 1..40),
        pieces in proptest::collection::vec(1_usize..200, 1..10),
        rooms in proptest::collection::vec(0_usize..200, 1..10),
    ) {
        let (host, disk) = (Host::new(), FullDisk::default());
        let mut logger = logger(&host, &disk);
        let stream: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let mut rest = stream.as_bytes();
        let mut pieces = pieces.into_iter().cycle();
        let mut rooms = rooms.into_iter().chain([1000]).cycle();
        while !rest.is_empty() {
            let piece = &rest[..pieces.next().unwrap().min(rest.len())];
            rest = &rest[host.deliver(&mut logger, GUEST, piece)..];
            disk.make_room(rooms.next().unwrap());
            if host.take_timer(RETRY).is_some() {
                logger.on_timer(RETRY);
            }
        }
        disk.make_room(100_000);
        logger.on_close(GUEST, CloseReason::Closed);
        let wanted: Vec<&str> = lines.iter().map(|line| line.trim_start()).collect();
        prop_assert_eq!(texts(&disk), wanted);
    }
}

#[test]
fn what_another_version_saved_is_left_and_said() {
    let (host, disk) = (Host::new(), FullDisk::default());
    let mut start = host.start(CONFIG);
    start.saved = Some(b"\x00other".to_vec());
    let mut logger = Logger::on_files(disk.clone(), start).unwrap();
    let said = host.take_log();
    assert_eq!(said[0].0, log::Level::Warn);
    assert!(said[0].1.contains("is not understood"), "{said:?}");
    host.deliver(&mut logger, GUEST, b"one\n");
    assert_eq!(texts(&disk), ["one"]);
}

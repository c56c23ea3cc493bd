//! A vhost-user device's life, from the first handshake to the last.

use portunus_device::fake_driver::FakeGuestSpec;
use portunus_device::features::Features;
use portunus_device::layout::MaxPorts;
use portunus_tests::front_end::FrontEnd;
use portunus_tests::program::Program;
use vhost::vhost_user::message::{VhostUserProtocolFeatures, VhostUserVirtioFeatures};

const ECHO: &str = r#"
[vm]
name = "guest-1"

[[port]]
name = "org.portunus.echo.0"
plugin = "echo"
"#;

const PORT: &str = "org.portunus.echo.0";

/// Bytes that are not the same twice soon: more than a queue holds.
fn bytes() -> Vec<u8> {
    (0..50_000_u32).flat_map(u32::to_le_bytes).collect()
}

#[test]
fn a_guest_opens_writes_closes_and_boots_again() {
    let program = Program::serve(ECHO);
    for event_idx in [true, false] {
        let spec = FakeGuestSpec {
            event_idx,
            ..FakeGuestSpec::default()
        };
        let mut front_end = FrontEnd::boot(&program.socket(), spec);
        for _boot in 0..2 {
            for _open in 0..2 {
                let id = front_end.open(PORT);
                front_end.assert_echo(id, &bytes());
                front_end.close(id);
            }
            front_end.reboot();
        }
    }
    let ended = program.stop();
    assert!(ended.status.success(), "{}", ended.log);
    assert!(!ended.log.contains("ERROR"), "{}", ended.log);
}

#[test]
fn a_device_offers_what_a_multiport_console_has() {
    let program = Program::serve(ECHO);
    let mut front_end = FrontEnd::boot(&program.socket(), FakeGuestSpec::default());
    let offered = front_end.offered;
    let transport = VhostUserVirtioFeatures::PROTOCOL_FEATURES.bits();
    assert_eq!(offered.features, Features::offered().bits() | transport);
    // SIZE, MULTIPORT, EMERG_WRITE; INDIRECT_DESC, EVENT_IDX; the transport's
    // own; VERSION_1.
    let bits = [0, 1, 2, 28, 29, 30, 32].map(|bit| 1_u64 << bit);
    assert_eq!(offered.features, bits.iter().sum::<u64>());
    let protocol = VhostUserProtocolFeatures::MQ
        | VhostUserProtocolFeatures::REPLY_ACK
        | VhostUserProtocolFeatures::BACKEND_REQ
        | VhostUserProtocolFeatures::CONFIG;
    assert!(
        offered.protocol.contains(protocol),
        "{:?}",
        offered.protocol
    );
    assert_eq!(offered.queues, 2 * (31 + 1));
    // No size; 31 ports; nothing to read of the emergency console.
    assert_eq!(
        front_end.config(0, 12),
        [0, 0, 0, 0, 31, 0, 0, 0, 0, 0, 0, 0]
    );
    assert_eq!(front_end.config(4, 4), [31, 0, 0, 0]);
}

#[test]
fn an_emergency_write_reaches_the_log_escaped() {
    let mut program = Program::serve(ECHO);
    let mut front_end = FrontEnd::boot(&program.socket(), FakeGuestSpec::default());
    for byte in b"oops \x1b[31m\n" {
        front_end.set_config(8, &[*byte, 0, 0, 0]);
    }
    let line = program.find_line("emergency console");
    assert!(line.contains(r"oops \u{1b}[31m"), "{line}");
    assert!(!line.contains('\u{1b}'), "{line}");
}

#[test]
fn as_many_ports_as_vhost_user_carries_all_answer() {
    let mut config = "[vm]\nname = \"many\"\n[device]\nmax-ports = 127\n".to_owned();
    let name = |number: u32| format!("org.portunus.echo.{number}");
    for number in 0..126 {
        config += &format!("[[port]]\nname = \"{}\"\nplugin = \"echo\"\n", name(number));
    }
    config += "[[port]]\nname = \"the.console\"\nplugin = \"echo\"\nconsole = true\n";
    let program = Program::serve(&config);
    let spec = FakeGuestSpec {
        max_ports: MaxPorts::new(127).unwrap(),
        ..FakeGuestSpec::default()
    };
    let mut front_end = FrontEnd::boot(&program.socket(), spec);
    let mut ids: Vec<_> = (0..126)
        .map(|number| front_end.open(&name(number)))
        .collect();
    ids.push(front_end.port("the.console"));
    for id in &ids {
        let words = format!("port {id} here");
        front_end.assert_echo(*id, words.as_bytes());
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 127);
    assert!(program.stop().status.success());
}

//! `portunus serve` as its user runs it, with a real guest.

#![cfg(test)]

use portunus_tests::eventually;
use portunus_tests::guest::DEADLINE;
use portunus_tests::program::Program;
use tempfile::TempDir;

#[allow(
    dead_code,
    reason = "the runtime's own tests use what these here do not"
)]
#[path = "../../host/plugin/tests/plugin/text.rs"]
mod text;

const LOG: &str = r#"
[vm]
name = "guest-1"

[[port]]
name = "org.portunus.log.0"
plugin = "log"
config = { path = "/logs/guest.log" }
grant.dirs = [{ host = "logs", guest = "/logs", access = "write" }]

[[port]]
name = "org.portunus.echo.0"
plugin = "echo"
"#;

#[test]
fn lines_from_a_guest_are_on_disk_when_the_program_has_stopped() {
    let program = Program::serve(LOG);
    let mut guest = program.boot(
        r#"
        port=/dev/virtio-ports/org.portunus.log.0
        echo 'the first line' >$port
        (printf 'half a '; printf 'line\nred \033[31m\n') >$port
        printf 'no line end' >$port
        read -r _"#,
    );
    // A guest that powers off takes back what nobody has read yet.
    let log = program.folder().join("logs/guest.log");
    eventually("four lines", DEADLINE, || {
        let kept = std::fs::read_to_string(&log).ok()?;
        (kept.lines().count() == 4).then_some(())
    });
    guest.say("").unwrap();
    assert_eq!(guest.finish(DEADLINE).unwrap(), 0, "{}", guest.console());
    let ended = program.stop();
    assert!(ended.status.success(), "{}", ended.log);
    assert!(!ended.folder.path().join("vm.sock").exists());
    let kept = std::fs::read_to_string(ended.folder.path().join("logs/guest.log")).unwrap();
    assert!(!ended.log.contains("ERROR"), "{}", ended.log);
    let words: Vec<&str> = kept
        .lines()
        .filter_map(|line| line.splitn(3, ' ').nth(2))
        .collect();
    assert_eq!(words.len(), 4, "{kept}");
    assert_eq!(
        words[..3],
        ["the first line", "half a line", r"red \u{1b}[31m"],
        "{kept}"
    );
    assert!(words[3].starts_with("no line end"), "{kept}");
    for line in kept.lines() {
        assert!(line.contains(" org.portunus.log.0 "), "{line}");
    }
    assert!(ended.log.contains(r#"vm{name="guest-1"}"#), "{}", ended.log);
}

#[test]
fn one_guest_after_the_other_is_served_until_the_program_stops() {
    let program = Program::serve(LOG);
    let hello = r#"
        exec 3<>/dev/virtio-ports/org.portunus.echo.0
        echo "hello from $(cat /proc/sys/kernel/random/boot_id)" >&3
        read -r line <&3
        echo "got: $line""#;
    let first = program.run(hello);
    let second = program.run(hello);
    let words = |console: &str| {
        let line = console
            .lines()
            .find(|line| line.starts_with("got: hello from "));
        line.unwrap().to_owned()
    };
    assert_ne!(words(&first), words(&second));
    assert!(program.stop().status.success());
}

#[test]
fn a_guest_that_reads_none_of_its_answers_finds_the_port_open_again() {
    let program = Program::serve(LOG);
    // More than waits on the way there and back.
    program.run(
        r#"
        port=/dev/virtio-ports/org.portunus.echo.0
        dd if=/dev/zero of=$port bs=64k count=8
        exec 3<>$port
        echo again >&3
        read -r line <&3
        [ "$line" = again ]"#,
    );
    assert!(program.stop().status.success());
}

#[test]
fn a_full_disk_holds_the_guest_up_and_no_line_is_lost() {
    const DISK_BYTES: usize = 16 << 20;
    // More than the port's ring takes: 256 pieces of 4 KiB.
    const LINES: usize = 50_000;
    let mut program = Program::serve_on_small_disk(LOG, DISK_BYTES);
    let filler = program.on_disk("logs/filler");
    std::fs::write(&filler, vec![0; DISK_BYTES - (64 << 10)]).unwrap();
    let script = format!(
        r#"
        seq {LINES} | sed 's/.*/line &: forty bytes of it are only words/' >/dev/virtio-ports/org.portunus.log.0
        echo written
        read -r _"#
    );
    let mut guest = program.boot(&script);
    let refused = program.find_line("lines wait until it can be written again");
    assert!(refused.contains(" ERROR "), "{refused}");
    assert!(refused.contains("org.portunus.log.0"), "{refused}");
    assert!(!guest.console().contains("written"), "{}", guest.console());
    std::fs::remove_file(filler).unwrap();
    program.find_line("all lines that waited are written");
    let log = program.on_disk("logs/guest.log");
    let kept = eventually("all lines", DEADLINE, || {
        let kept = std::fs::read_to_string(&log).unwrap();
        (kept.lines().count() >= LINES).then_some(kept)
    });
    assert_eq!(kept.lines().count(), LINES);
    for (number, line) in (1..).zip(kept.lines()) {
        let wanted = format!(" line {number}: forty bytes of it are only words");
        assert!(line.ends_with(&wanted), "{line}");
    }
    guest.say("").unwrap();
    assert_eq!(guest.finish(DEADLINE).unwrap(), 0, "{}", guest.console());
    let ended = program.stop();
    assert!(ended.status.success(), "{}", ended.log);
}

#[test]
fn a_plugin_that_closes_while_the_guest_does_is_open_to_the_next() {
    // Answers, and closes at once, as for one request.
    let one_shot = text::Plugin {
        on_data: r#"
            (call $send (local.get $channel) (local.get $data) (local.get $len) (i32.const 512))
            (call $close (local.get $channel))
            (local.get $len)"#,
        ..text::Plugin::default()
    };
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("one-shot.wasm"), one_shot.encode()).unwrap();
    let config = "[[port]]\nname = \"org.example.once.0\"\nplugin = \"./one-shot.wasm\"\n";
    std::fs::write(folder.path().join("vm.toml"), config).unwrap();
    let program = Program::serve_in(folder, &[]);
    program.run(
        r#"
        port=/dev/virtio-ports/org.example.once.0
        for request in one two three; do
            # Closed before any answer is read.
            echo "$request" >$port
            exec 3<>$port
            echo "$request again" >&3
            read -r answer <&3
            [ "$answer" = "$request again" ]
            exec 3>&-
        done"#,
    );
    let ended = program.stop();
    assert!(ended.status.success(), "{}", ended.log);
}

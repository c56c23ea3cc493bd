//! The metrics of `portunus serve`, read by `curl`, and by clients that mean no
//! good.

#![cfg(test)]

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use portunus_tests::guest::DEADLINE;
use portunus_tests::program::Program;
use portunus_tests::scrape::{Page, curl};
use rustix::process::Signal;
use tempfile::TempDir;

#[allow(
    dead_code,
    reason = "the runtime's own tests use what these here do not"
)]
#[path = "../../host/plugin/tests/plugin/text.rs"]
mod text;

const ECHO: &str = r#"
[vm]
name = "guest-1"

[metrics]
socket = "metrics.sock"

[[port]]
name = "org.portunus.echo.0"
plugin = "echo"
"#;

fn socket(program: &Program) -> PathBuf {
    program.folder().join("metrics.sock")
}

/// What a client reads until it is cut off.
fn read_to_end(mut client: UnixStream) -> String {
    client.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut answer = Vec::new();
    // It may be cut off in the middle of what it sends: the answer counts.
    if let Err(error) = client.read_to_end(&mut answer) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
    String::from_utf8(answer).unwrap()
}

#[test]
fn what_a_guest_writes_and_reads_is_counted_to_the_byte() {
    let program = Program::serve(ECHO);
    program.run(
        r#"
        exec 3<>/dev/virtio-ports/org.portunus.echo.0
        echo 'hello' >&3
        read -r line <&3
        [ "$line" = hello ]"#,
    );
    let port = r#"vm="guest-1",port="org.portunus.echo.0",plugin="echo""#;
    let page = Page::read_until(
        &socket(&program),
        &[
            (&format!("portunus_from_guest_bytes_total{{{port}}}"), "6"),
            (&format!("portunus_to_guest_bytes_total{{{port}}}"), "6"),
            (
                &format!("portunus_call_seconds_count{{{port},call=\"on-close\"}}"),
                "1",
            ),
            (&format!("portunus_port_open{{{port}}}"), "0"),
        ],
    );
    for (sample, value) in [
        (format!("portunus_deliveries_total{{{port}}}"), "1"),
        (format!("portunus_sends_total{{{port}}}"), "1"),
        (
            format!("portunus_call_seconds_count{{{port},call=\"on-data\"}}"),
            "1",
        ),
        (
            format!("portunus_call_seconds_count{{{port},call=\"on-open\"}}"),
            "1",
        ),
        (
            format!("portunus_call_seconds_count{{{port},call=\"init\"}}"),
            "1",
        ),
        (
            format!("portunus_dropped_bytes_total{{{port},reason=\"unread\"}}"),
            "0",
        ),
        (
            format!("portunus_queued_bytes{{{port},queue=\"inbox\"}}"),
            "0",
        ),
        (format!("portunus_plugin_restarts_total{{{port}}}"), "0"),
        (format!("portunus_guest_faults_total{{{port}}}"), "0"),
        (
            r#"portunus_guest_faults_total{vm="guest-1"}"#.to_owned(),
            "0",
        ),
        (
            r#"portunus_control_faults_total{vm="guest-1"}"#.to_owned(),
            "0",
        ),
    ] {
        assert_eq!(
            page.value(&sample),
            Some(value),
            "{sample}\n{}",
            page.text()
        );
    }
    let memory = page.value(&format!("portunus_plugin_memory_bytes{{{port}}}"));
    assert!(memory.unwrap().parse::<u64>().unwrap() >= 64 << 10);
    assert!(!page.text().contains("portunus_plugin_faults_total{"));
}

#[test]
fn a_plugin_that_traps_is_counted_by_cause_and_its_own_counters_go_on() {
    let traps = text::Plugin {
        fields: r#"(data (i32.const 1024) "frames")"#,
        // Echoes, and traps at an x.
        on_data: r#"
            (call $count (i32.const 1024) (i32.const 6) (i64.const 1))
            (call $gauge (i32.const 1024) (i32.const 6) (f64.const nan))
            (if (i32.eq (i32.load8_u (local.get $data)) (i32.const 120)) (then unreachable))
            (call $send (local.get $channel) (local.get $data) (local.get $len) (i32.const 512))
            (local.get $len)"#,
        ..text::Plugin::default()
    };
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("traps.wasm"), traps.encode()).unwrap();
    let config = ECHO.replace(r#""echo""#, r#""./traps.wasm""#);
    std::fs::write(folder.path().join("vm.toml"), config).unwrap();
    let program = Program::serve_in(folder, &[]);
    program.run(
        r#"
        port=/dev/virtio-ports/org.portunus.echo.0
        exec 3<>$port
        echo one >&3
        read -r line <&3
        echo xyz >&3
        exec 3>&-
        exec 3<>$port
        echo two >&3
        # A port whose other end rests has nothing to read.
        until read -r line <&3; do :; done
        [ "$line" = two ]"#,
    );
    let port = r#"vm="guest-1",port="org.portunus.echo.0",plugin="./traps.wasm""#;
    let page = Page::read_until(
        &socket(&program),
        &[(&format!("portunus_from_guest_bytes_total{{{port}}}"), "8")],
    );
    for (sample, value) in [
        (
            format!("portunus_plugin_faults_total{{{port},call=\"on-data\",cause=\"trap\"}}"),
            "1",
        ),
        (format!("portunus_plugin_restarts_total{{{port}}}"), "1"),
        (format!("portunus_plugin_resting{{{port}}}"), "0"),
        (
            format!("portunus_dropped_bytes_total{{{port},reason=\"failure\"}}"),
            "4",
        ),
        (format!("portunus_deliveries_total{{{port}}}"), "2"),
        (
            format!("portunus_call_seconds_count{{{port},call=\"on-data\"}}"),
            "3",
        ),
        (
            format!("portunus_call_seconds_count{{{port},call=\"init\"}}"),
            "2",
        ),
        (
            format!("portunus_plugin_counter_total{{{port},name=\"frames\"}}"),
            "3",
        ),
        (
            format!("portunus_plugin_gauge{{{port},name=\"frames\"}}"),
            "NaN",
        ),
    ] {
        assert_eq!(
            page.value(&sample),
            Some(value),
            "{sample}\n{}",
            page.text()
        );
    }
    assert!(!page.text().contains("portunus_limits_struck_total{"));
}

#[test]
fn curl_is_told_the_type_and_where_to_look_and_how() {
    let program = Program::serve(ECHO);
    let socket = socket(&program);
    let head = |arguments: &[&str]| {
        let output = curl(&socket, arguments);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().to_lowercase()
    };
    let get = head(&["--include", "http://localhost/metrics"]);
    let open_metrics = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert!(get.starts_with("http/1.1 200 ok\r\n"), "{get}");
    assert!(get.contains(open_metrics), "{get}");
    let only_head = head(&["--head", "http://localhost/metrics"]);
    assert!(only_head.starts_with("http/1.1 200 ok\r\n"), "{only_head}");
    assert!(only_head.contains(open_metrics), "{only_head}");
    assert!(only_head.ends_with("\r\n\r\n"), "{only_head}");
    let lost = head(&["--include", "http://localhost/"]);
    assert!(lost.starts_with("http/1.1 404 "), "{lost}");
    assert!(lost.ends_with("http://localhost/metrics\n"), "{lost}");
    let posted = head(&["--include", "--data", "a=b", "http://localhost/metrics"]);
    assert!(posted.starts_with("http/1.1 405 "), "{posted}");
    assert!(posted.contains("\r\nallow: get, head\r\n"), "{posted}");
    assert!(
        posted.ends_with("only get and head are answered here\n"),
        "{posted}"
    );
}

#[test]
fn hostile_clients_are_cut_off_and_the_next_one_is_served() {
    let program = Program::serve(ECHO);
    let socket = socket(&program);
    let connect = || UnixStream::connect(&socket).unwrap();

    let mut garbage = connect();
    garbage.write_all(b"\0\xff\x16\x03 \r\n\r\n").unwrap();
    assert!(read_to_end(garbage).starts_with("HTTP/1.1 400 "));

    // It may be cut off before it has sent all.
    let mut huge = connect();
    let header = format!("GET /metrics HTTP/1.1\r\na: {}", "x".repeat(1 << 20));
    drop(huge.write_all(header.as_bytes()));
    assert!(read_to_end(huge).starts_with("HTTP/1.1 431 "));

    let mut many = connect();
    let header = format!("GET /metrics HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(65));
    many.write_all(header.as_bytes()).unwrap();
    assert!(read_to_end(many).starts_with("HTTP/1.1 431 "));

    let mut slow = connect();
    slow.write_all(b"GET /metrics HTTP/1.1\r\n").unwrap();
    assert_eq!(read_to_end(slow), "");

    let mut idle: Vec<_> = (0..200).map(|_| connect()).collect();
    Page::read(&socket);
    // All but the last few are gone.
    for client in idle.drain(..190) {
        assert_eq!(read_to_end(client), "");
    }
    for client in &mut idle {
        drop(client.write_all(b"GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n"));
    }
    Page::read(&socket);
}

#[test]
fn the_socket_is_our_users_alone_and_goes_with_the_program() {
    let program = Program::serve(ECHO);
    let mode = std::fs::metadata(socket(&program)).unwrap().permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    let ended = program.stop();
    assert!(ended.status.success(), "{}", ended.log);
    assert!(!ended.folder.path().join("metrics.sock").exists());
}

#[test]
fn a_second_start_replaces_what_a_killed_program_left() {
    let program = Program::serve(ECHO);
    program.signal(Signal::KILL);
    let ended = program.wait();
    assert!(ended.folder.path().join("metrics.sock").exists());
    let program = Program::serve_in(ended.folder, &[]);
    Page::read(&socket(&program));
    assert!(program.stop().status.success());
}

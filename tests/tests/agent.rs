//! The bundled agent plugin between host programs and Debian's own `qemu-ga` in a
//! real guest.

#![cfg(test)]

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use portunus_tests::agent::{AgentGuest, Client};
use portunus_tests::eventually;
use portunus_tests::guest::DEADLINE;
use portunus_tests::program::Program;
use portunus_tests::scrape::Page;

const PING: &str = r#"{"execute": "guest-ping"}"#;

/// Serves one agent's port with these lines in its `config` and `limit`.
fn serve(config: &str, limit: &str) -> Program {
    Program::serve(&format!(
        r#"
        [vm]
        name = "vm"

        [metrics]
        socket = "metrics.sock"

        [[port]]
        name = "org.qemu.guest_agent.0"
        plugin = "agent"
        listen = "agent.sock"

        [port.config]
        {config}

        [port.limit]
        log-rate = 10000
        {limit}
        "#
    ))
}

fn socket(program: &Program) -> PathBuf {
    program.folder().join("agent.sock")
}

fn connect(program: &Program) -> Client {
    Client::connect(&socket(program), 1)
}

fn counter(name: &str) -> String {
    sample("counter_total", name)
}

fn gauge(name: &str) -> String {
    sample("gauge", name)
}

fn sample(kind: &str, name: &str) -> String {
    format!(
        r#"portunus_plugin_{kind}{{vm="vm",port="org.qemu.guest_agent.0",plugin="agent",name="{name}"}}"#
    )
}

/// Waits until the metrics say this.
fn wait_for(program: &Program, sample: &str, value: &str) -> Page {
    Page::read_until(&program.folder().join("metrics.sock"), &[(sample, value)])
}

/// Waits for the agent, as the plugin sees it.
fn wait_for_agent(program: &Program) -> Page {
    wait_for(program, &gauge("agent_present"), "1.0")
}

/// Runs a program in the guest and waits for its end; answers what the agent says
/// of it.
fn run(client: &mut Client, arguments: &str) -> String {
    let started = client.ask(&format!(
        r#"{{"execute": "guest-exec", "arguments": {arguments}}}"#
    ));
    let pid = started
        .strip_prefix(r#"{"return": {"pid": "#)
        .and_then(|rest| rest.strip_suffix("}}"))
        .unwrap_or_else(|| panic!("{started}"))
        .to_owned();
    eventually("the program's end", DEADLINE, || {
        let status = client.ask(&format!(
            r#"{{"execute": "guest-exec-status", "arguments": {{"pid": {pid}}}}}"#
        ));
        status.contains(r#""exited": true"#).then_some(status)
    })
}

#[test]
fn many_clients_share_one_agent() {
    const CLIENTS: usize = 8;
    const TIMES: usize = 50;
    let program = serve("", "");
    let guest = AgentGuest::boot(&program);
    let page = wait_for_agent(&program);
    assert_eq!(page.value(&counter("syncs")), Some("1"));

    let mut clients: Vec<Client> = (0..CLIENTS)
        .map(|_| Client::connect(&socket(&program), TIMES))
        .collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(&format!(r#"{{"execute": "guest-ping", "id": {number}}}"#));
        client.send(r#"{"execute": "guest-get-timezone", "id": "zone"}"#);
    }
    for (number, client) in clients.iter_mut().enumerate() {
        for _ in 0..TIMES {
            let wanted = format!(r#"{{"return": {{}}, "id": {number}}}"#);
            assert_eq!(client.answer(), wanted);
        }
        for _ in 0..TIMES {
            let zone = client.answer();
            assert!(zone.starts_with(r#"{"return": {"#), "{zone}");
            assert!(zone.ends_with(r#", "id": "zone"}"#), "{zone}");
        }
    }
    clients.into_iter().for_each(Client::finish);
    // One sync each, answered by the plugin for the agent.
    let commands = (CLIENTS * (1 + 2 * TIMES)).to_string();
    let page = wait_for(&program, &counter("commands"), &commands);
    assert_eq!(page.value(&counter("replies_broken")), None);
    wait_for(&program, &gauge("clients"), "0.0");

    guest.finish();
    let ended = program.stop();
    let lines = ended.log.matches("command=guest-ping result=done").count();
    assert_eq!(lines, CLIENTS * TIMES);
}

#[test]
fn what_the_policy_refuses_does_not_happen_and_what_it_allows_does() {
    let program = serve(
        r#"
        exec = [{ path = "/usr/bin/busybox", args = ["touch", "/exchange/allowed*"] }]
        read = ["/etc"]
        write = ["/exchange/written"]
        "#,
        "",
    );
    let mut guest = AgentGuest::boot(&program);
    wait_for_agent(&program);
    let (mut one, mut two) = (connect(&program), connect(&program));

    let status = run(
        &mut one,
        r#"{"path": "/usr/bin/busybox", "arg": ["touch", "/exchange/allowed-1"]}"#,
    );
    assert!(status.contains(r#""exitcode": 0"#), "{status}");
    assert!(guest.has("allowed-1"));
    let refused = [
        r#"{"execute": "guest-exec", "arguments": {"path": "/usr/bin/busybox", "arg": ["touch", "/exchange/refused"]}}"#,
        r#"{"execute": "guest-exec", "arguments": {"path": "/bin/sh", "arg": ["-c", "touch /exchange/refused"]}}"#,
        r#"{"execute": "guest-file-open", "arguments": {"path": "/exchange/refused", "mode": "w"}}"#,
        r#"{"execute": "guest-file-open", "arguments": {"path": "/etc/../exchange/run"}}"#,
    ];
    for command in refused {
        let answer = one.ask(command);
        assert!(
            answer.starts_with(r#"{"error": {"class":"GenericError","#),
            "{answer}"
        );
    }
    let answer = one.ask(r#"{"execute": "guest-shutdown"}"#);
    let wanted = r#"{"error": {"class":"CommandNotFound","desc":"Command guest-shutdown has been disabled: "#;
    assert!(answer.starts_with(wanted), "{answer}");
    assert!(!guest.has("refused") && !guest.has("shutdown"));

    // A handle is the client's that opened it.
    let open = r#"{"execute": "guest-file-open", "arguments": {"path": "/exchange/written/file", "mode": "w"}}"#;
    guest.run("mkdir /exchange/written");
    let opened = one.ask(open);
    let handle = opened
        .strip_prefix(r#"{"return": "#)
        .and_then(|rest| rest.strip_suffix('}'))
        .unwrap_or_else(|| panic!("{opened}"));
    let write = format!(
        r#"{{"execute": "guest-file-write", "arguments": {{"handle": {handle}, "buf-b64": "aGVsbG8K"}}}}"#
    );
    let answer = two.ask(&write);
    assert!(
        answer.contains("this client has no such handle"),
        "{answer}"
    );
    assert!(one.ask(&write).contains(r#""count": 6"#));
    one.finish();
    // With the client its handle is closed, and what it wrote is there.
    let written = guest.guest().folder().exchange().join("written/file");
    eventually("the file", DEADLINE, || {
        let text = std::fs::read_to_string(&written).ok()?;
        (text == "hello\n").then_some(())
    });

    // What the agent lists is what this client may ask.
    let info = two.ask(r#"{"execute": "guest-info"}"#);
    let command = |name, enabled| {
        format!(r#"{{"enabled":{enabled},"name":"{name}","success-response":true}}"#)
    };
    for (name, enabled) in [
        ("guest-ping", true),
        ("guest-exec", true),
        ("guest-set-time", false),
    ] {
        assert!(info.contains(&command(name, enabled)), "{name}: {info}");
    }
    let page = wait_for(&program, &counter("commands_refused"), "6");
    assert_eq!(page.value(&counter("replies_broken")), None);

    guest.finish();
    let log = program.stop().log;
    assert!(
        log.contains("path=/bin/sh args=2 result=refused:program"),
        "{log}"
    );
    assert!(!log.contains("aGVsbG8K"), "{log}");
}

#[test]
fn an_agent_that_hangs_dies_or_is_cut_off_is_recovered_from() {
    let program = serve(
        r#"
        timeout = "1s"
        slow = [{ command = "guest-file-read", timeout = "1m" }]
        read = ["/run"]
        "#,
        r#"rate = "256KiB/s""#,
    );
    let mut guest = AgentGuest::boot(&program);
    wait_for_agent(&program);
    let (mut one, mut two) = (connect(&program), connect(&program));
    assert_eq!(one.ask(PING), r#"{"return": {}}"#);
    assert_eq!(two.ask(PING), r#"{"return": {}}"#);

    // It hangs: one client is told in time, and another waits until it goes on.
    guest.run("kill -STOP $agent");
    one.send(PING);
    two.send(PING);
    let both = [one.answer(), two.answer()];
    let late = both
        .iter()
        .filter(|answer| answer.contains("did not answer in time"));
    assert!(late.count() >= 1, "{both:?}");
    guest.run("kill -CONT $agent");
    assert_eq!(one.ask(PING), r#"{"return": {}}"#);

    // It dies with a command: a client is told at once, and the next agent is
    // used.
    guest.run("kill -STOP $agent");
    one.send(PING);
    wait_for(&program, &counter("commands_late"), "2");
    guest.run("kill -KILL $agent; wait $agent");
    assert!(one.answer().contains(r#""error""#));
    wait_for(&program, &gauge("agent_present"), "0.0");
    assert!(one.ask(PING).contains("the guest's agent is not there"));
    guest.run("start");
    wait_for_agent(&program);
    assert_eq!(one.ask(PING), r#"{"return": {}}"#);

    // It is cut off within a reply that takes its time, by the port's rate.
    guest.run("head -c 1500000 /dev/zero >/run/zeros");
    let opened = one.ask(r#"{"execute": "guest-file-open", "arguments": {"path": "/run/zeros"}}"#);
    assert!(opened.starts_with(r#"{"return": "#), "{opened}");
    let handle = &opened[11..opened.len() - 1];
    one.send(&format!(
        r#"{{"execute": "guest-file-read", "arguments": {{"handle": {handle}, "count": 1500000}}}}"#
    ));
    let taken =
        r#"portunus_from_guest_bytes_total{vm="vm",port="org.qemu.guest_agent.0",plugin="agent"}"#;
    eventually("the middle of a reply", DEADLINE, || {
        let page = Page::read(&program.folder().join("metrics.sock"));
        let bytes: u64 = page.value(taken)?.parse().ok()?;
        (bytes > 100_000).then_some(())
    });
    guest.run("kill -KILL $agent; wait $agent");
    let answer = one.answer();
    assert!(
        answer.contains("the guest's agent is not there"),
        "{answer}"
    );
    wait_for(&program, &gauge("agent_present"), "0.0");
    guest.run("start");
    wait_for_agent(&program);
    assert_eq!(two.ask(PING), r#"{"return": {}}"#);
    one.finish();
    two.finish();
    guest.finish();
    let ended = program.stop();
    assert!(
        ended.status.success() && !ended.log.contains("ERROR"),
        "{}",
        ended.log
    );
}

#[test]
fn a_reply_of_ten_megabytes_fits_into_the_default_memory_beside_other_clients() {
    const BYTES: usize = 7_800_000;
    let program = serve(
        r#"
        timeout = "1m"
        read = ["/run"]
        "#,
        "",
    );
    let mut guest = AgentGuest::boot(&program);
    wait_for_agent(&program);
    // As many as `listen` lets in, each with most of a command.
    let begun = format!(r#"{{"execute": "{}"#, "x".repeat(60 << 10));
    let others: Vec<UnixStream> = (1..16)
        .map(|_| {
            let mut other = UnixStream::connect(socket(&program)).unwrap();
            other.write_all(begun.as_bytes()).unwrap();
            other
        })
        .collect();
    let mut client = connect(&program);
    guest.run(&format!("head -c {BYTES} /dev/zero >/run/zeros"));
    let opened =
        client.ask(r#"{"execute": "guest-file-open", "arguments": {"path": "/run/zeros"}}"#);
    let handle = &opened[11..opened.len() - 1];
    for _ in 0..2 {
        let read = client.ask(&format!(
            r#"{{"execute": "guest-file-read", "arguments": {{"handle": {handle}, "count": {BYTES}}}}}"#
        ));
        assert!(
            read.contains(&format!(r#""count": {BYTES}"#)),
            "{} bytes",
            read.len()
        );
        assert!(read.contains(&"A".repeat(BYTES.div_ceil(3) * 4)));
        let sought = client.ask(&format!(
            r#"{{"execute": "guest-file-seek", "arguments": {{"handle": {handle}, "offset": 0, "whence": "set"}}}}"#
        ));
        assert!(sought.contains("position"), "{sought}");
    }
    // One that is larger is an error, and nobody's end.
    guest.run(&format!("head -c {BYTES} /dev/zero >>/run/zeros"));
    let read = client.ask(&format!(
        r#"{{"execute": "guest-file-read", "arguments": {{"handle": {handle}, "count": {}}}}}"#,
        BYTES + 100_000
    ));
    assert!(read.contains("larger than the port allows"), "{read}");
    assert_eq!(client.ask(PING), r#"{"return": {}}"#);
    drop(others);
    client.finish();
    guest.finish();
    let ended = program.stop();
    assert!(!ended.log.contains("the plugin failed"), "{}", ended.log);
}

#[test]
fn a_guest_goes_down_when_the_host_stops() {
    let program = serve(r#"on-stop = "shutdown""#, "");
    let mut guest = AgentGuest::boot(&program);
    wait_for_agent(&program);
    let ended = program.stop();
    assert!(ended.status.success(), "{}", ended.log);
    assert!(
        ended.log.contains("the guest has gone down"),
        "{}",
        ended.log
    );
    assert!(
        ended
            .log
            .contains("audit by=portunus command=guest-shutdown mode=powerdown result=done"),
        "{}",
        ended.log
    );
    let left = guest.guest().folder().read("shutdown").unwrap();
    assert!(
        left.starts_with(b"-h -P "),
        "{}",
        String::from_utf8_lossy(&left)
    );
}

#[test]
fn a_guest_that_suspends_and_is_awake_again_is_not_waited_for() {
    // User Mode Linux wakes up again at once.
    let program = serve(r#"on-stop = "suspend-ram""#, "");
    let _guest = AgentGuest::boot(&program);
    wait_for_agent(&program);
    let log = program.stop().log;
    let line = "audit by=portunus command=guest-suspend-ram result=done";
    assert!(log.contains(line), "{log}");
    assert!(
        log.contains("the guest has suspended, and is awake again"),
        "{log}"
    );
}

#[test]
fn figures_presence_and_version_become_metrics() {
    let program = serve(
        r#"
        figures = "1s"
        health = "1s"
        "#,
        "",
    );
    let mut guest = AgentGuest::boot(&program);
    wait_for_agent(&program);
    let page = wait_for(&program, &gauge("cpus"), "1.0");
    assert_eq!(page.value(&gauge("agent_version_major")), Some("7.0"));
    let number =
        |page: &Page, name: &str| -> f64 { page.value(&gauge(name)).unwrap().parse().unwrap() };
    let before = number(&page, "cpu_idle_seconds");
    assert!(number(&page, "sync_seconds") < 60.0);
    eventually("a later figure", DEADLINE, || {
        let page = Page::read(&program.folder().join("metrics.sock"));
        let names = ["net_received_bytes", "disk_read_bytes"];
        let all = names.iter().all(|name| page.value(&gauge(name)).is_some());
        (all && number(&page, "cpu_idle_seconds") > before).then_some(())
    });
    guest.run("kill -KILL $agent; wait $agent");
    wait_for(&program, &gauge("agent_present"), "0.0");
    guest.finish();
    assert!(program.stop().status.success());
}

#[test]
fn the_guest_is_locked_when_the_last_viewer_goes() {
    let uid = rustix::process::getuid().as_raw();
    let program = serve(
        &format!(
            r#"
            allow = []
            clients = [{{ uid = {uid}, class = "viewer", allow = ["guest-ping"] }}]
            lock-on-disconnect = {{ class = "viewer", path = "/usr/bin/busybox", args = ["touch", "/exchange/locked"] }}
            "#
        ),
        "",
    );
    let guest = AgentGuest::boot(&program);
    wait_for_agent(&program);
    let (mut one, mut two) = (connect(&program), connect(&program));
    // Nobody but this user may: the client is who it says it is.
    assert_eq!(one.ask(PING), r#"{"return": {}}"#);
    assert_eq!(two.ask(PING), r#"{"return": {}}"#);
    one.finish();
    wait_for(&program, &gauge("clients"), "1.0");
    assert_eq!(two.ask(PING), r#"{"return": {}}"#);
    assert!(!guest.has("locked"));
    drop(two);
    wait_for(&program, &counter("locks"), "1");
    assert!(guest.has("locked"));
    guest.finish();
    assert!(
        program
            .stop()
            .log
            .contains("the guest's sessions are locked")
    );
}

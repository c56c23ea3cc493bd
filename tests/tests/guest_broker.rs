//! A guest's AMQP clients speak to a message broker on the host by a port: the
//! relay plugin between programs none of which is ours.

#![cfg(test)]

use portunus::guest::{Guest, UmlSpec};
use portunus_tests::broker::Broker;
use portunus_tests::guest::DEADLINE;
use portunus_tests::program::Program;

fn serve(broker: &Broker) -> Program {
    let port = broker.port();
    Program::serve(&format!(
        r#"
[vm]
name = "guest-1"

[[port]]
name = "org.portunus.broker.0"
plugin = "relay"
config = {{ target = "broker" }}
grant.connect = [{{ name = "broker", address = "tcp:127.0.0.1:{port}" }}]
"#
    ))
}

/// Boots a guest whose script's clients find the broker at port 5672 of their own
/// loopback. The bridge opens the port for one client after the other.
fn boot(program: &Program, broker: &Broker, script: &str) -> Guest {
    let script = format!(
        r#"#!/bin/busybox sh
        set -e
        ifconfig lo 127.0.0.1 up
        socat -t 0 TCP-LISTEN:5672,bind=127.0.0.1,reuseaddr,fork \
            OPEN:/dev/virtio-ports/org.portunus.broker.0,waitlock=/tmp/bridge &
        until netstat -ltn | grep -q 127.0.0.1:5672; do :; done
        url=amqp://127.0.0.1:5672
        {script}"#
    );
    program.boot_spec(UmlSpec::new(broker.guest_root(), script.as_bytes()))
}

/// Waits for a line of the guest's.
fn find(guest: &mut Guest, line: &'static str) {
    let found = guest.find_line(line, DEADLINE, |printed| printed.contains(line));
    found.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn a_guest_publishes_and_consumes_by_a_real_broker_and_sees_it_go() {
    let broker = Broker::start();
    let mut program = serve(&broker);
    let mut guest = boot(
        &program,
        &broker,
        r#"
        amqp-declare-queue --url=$url --queue=from-guest
        amqp-declare-queue --url=$url --queue=to-guest
        amqp-publish --url=$url --routing-key=from-guest --body='hello from the guest'
        seq 200000 | amqp-publish --url=$url --routing-key=from-guest
        echo published
        amqp-consume --url=$url --queue=to-guest --count=1 cat
        echo
        seq 200000 | amqp-publish --url=$url --routing-key=to-guest
        amqp-get --url=$url --queue=to-guest >/tmp/got
        seq 200000 | cmp - /tmp/got
        echo the same
        echo consuming
        amqp-consume --url=$url --queue=to-guest cat || echo "the broker is gone"
        amqp-publish --url=$url --routing-key=to-guest --body=late || echo refused"#,
    );
    find(&mut guest, "published");
    // What a client beside it gets of the same broker.
    let get = || {
        let got = broker.client("amqp-get").arg("--queue=from-guest").output();
        let got = got.unwrap();
        assert!(got.status.success(), "{got:?}");
        String::from_utf8(got.stdout).unwrap()
    };
    assert_eq!(get(), "hello from the guest");
    let numbers: String = (1..=200_000).map(|number| format!("{number}\n")).collect();
    assert!(get() == numbers, "a large message changed on its way");

    let mut publish = broker.client("amqp-publish");
    publish.args(["--routing-key=to-guest", "--body=hello from the host"]);
    assert!(publish.status().unwrap().success());
    find(&mut guest, "hello from the host");
    find(&mut guest, "the same");

    find(&mut guest, "consuming");
    drop(broker);
    find(&mut guest, "the broker is gone");
    let refused = program.find_line("target `broker` cannot be reached");
    assert!(refused.contains("org.portunus.broker.0"), "{refused}");
    find(&mut guest, "refused");
    assert_eq!(guest.finish(DEADLINE).unwrap(), 0, "{}", guest.console());
    assert!(program.stop().status.success());
}

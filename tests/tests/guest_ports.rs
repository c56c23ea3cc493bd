//! The sample programs in a real guest, against ports that echo.

use std::error::Error;
use std::fs;

use portunus::guest::{Guest, UmlSpec};
use portunus_tests::device::{EchoDevice, compile, sample};
use portunus_tests::guest::{DEADLINE, root};
use portunus_tests::scripts::{COME_AND_GO, ECHO, LATE};

/// Runs `script` in a guest whose device is `device`; answers its console.
fn run(device: &EchoDevice, script: &str, programs: &[&str]) -> Result<String, Box<dyn Error>> {
    let mut guest = boot(device, script, programs)?;
    let status = guest.finish(DEADLINE)?;
    match status {
        0 => Ok(guest.console()),
        _ => Err(format!("exit status {status}:\n{}", guest.console()).into()),
    }
}

/// Boots a guest that runs `script` with these programs beside it.
fn boot(device: &EchoDevice, script: &str, programs: &[&str]) -> Result<Guest, Box<dyn Error>> {
    let script = format!(
        "#!/bin/sh\nset -e\nP=/dev/virtio-ports/{ECHO}\n./wait-for-port.sh {ECHO}\n{script}\n"
    );
    let root = root()?;
    let mut spec = UmlSpec::new(&root, script.as_bytes());
    spec.device = Some(device.socket());
    for name in programs.iter().chain(&["wait-for-port.sh"]) {
        let contents = if name.contains('.') {
            fs::read(sample(name))?
        } else {
            compile(name)?
        };
        spec.programs.push(((*name).to_owned(), contents));
    }
    Ok(spec.boot()?)
}

#[test]
fn what_a_program_writes_comes_back() {
    let device = EchoDevice::start(&[ECHO], None).unwrap();
    let console = run(
        &device,
        "./list; ./hello $P from-c; ./hello.py $P from-python; ./hello.sh $P from-sh
         ! ./hello /dev/virtio-ports/none 2>&1",
        &["list", "hello", "hello.py", "hello.sh"],
    )
    .unwrap();
    let lines = format!("1 {ECHO} /dev/vport0p1\nfrom-c\nfrom-python\nfrom-sh\n");
    assert!(console.contains(&lines), "{console}");
    assert!(console.contains("No such file or directory"), "{console}");
}

#[test]
fn a_port_behaves_as_linux_promises() {
    let device = EchoDevice::start(&[ECHO], None).unwrap();
    let script = "for what in open blocking nonblocking sigio; do ./check $what $P; done";
    run(&device, script, &["check"]).unwrap();
}

#[test]
fn writes_of_every_size_come_back_whole() {
    let device = EchoDevice::start(&[ECHO], None).unwrap();
    let console = run(
        &device,
        "./transfer $P 1 4096
         ./transfer $P 4096 256
         ./transfer $P 32768 64
         ./transfer $P 16777216
         ./transfer.py $P 1000000",
        &["transfer", "transfer.py"],
    )
    .unwrap();
    for bytes in [4096, 4096 * 256, 32_768 * 64, 16_777_216, 1_000_000] {
        assert!(
            console.contains(&format!("received {bytes} bytes")),
            "{console}"
        );
    }
}

#[test]
fn a_console_and_thirty_ports_are_in_use_at_once() {
    let names: Vec<String> = (0..31)
        .map(|number| format!("org.portunus.echo.{number}"))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let device = EchoDevice::start(&names, Some(30)).unwrap();
    let script = format!(
        "./wait-for-port.sh {}; ./list; ./all 1000000",
        names.join(" ")
    );
    let console = run(&device, &script, &["list", "all"]).unwrap();
    assert!(
        console.contains("\n0 org.portunus.echo.30 /dev/vport0p0\n"),
        "{console}"
    );
    assert!(
        console.contains(
            "31 ports, 31 with bytes on their way at once, 31 in use when the first was done"
        ),
        "{console}"
    );
}

#[test]
fn a_guest_that_reboots_finds_its_ports_again() {
    let device = EchoDevice::start(&[ECHO], None).unwrap();
    let console = run(
        &device,
        "./hello $P boot-$PORTUNUS_BOOT; [ $PORTUNUS_BOOT = 3 ] || reboot -f",
        &["hello"],
    )
    .unwrap();
    for boot in ["boot-1\n", "boot-2\n", "boot-3\n"] {
        assert!(console.contains(boot), "{console}");
    }
}

#[test]
fn ports_come_and_go_with_an_open_file_and_bytes_on_their_way() {
    let device = EchoDevice::start(&[ECHO], None).unwrap();
    let programs = ["hello", "transfer.py"];
    let mut guest = boot(&device, COME_AND_GO, &programs).unwrap();
    let mut wait = |line: &str| guest.find_line("go on", DEADLINE, |found| found == line);
    wait("up").unwrap();
    device.add(LATE, 2).unwrap();
    wait("moving").unwrap();
    assert!(device.remove(1));
    assert!(!device.remove(1), "it is gone already");
    wait("gone").unwrap();
    device.add(ECHO, 1).unwrap();
    assert_eq!(guest.finish(DEADLINE).unwrap(), 0, "{}", guest.console());
    let console = guest.console();
    for line in ["late-works", "again-works", "late-still-works"] {
        assert!(console.contains(&format!("\n{line}\n")), "{console}");
    }
    assert!(console.contains("received 1000000 bytes"), "{console}");
}

//! Stock kernels on our own machine, on real KVM, with their own drivers: see
//! `portunus_tests::nested`. An outer machine takes long to boot, so that each test
//! checks much.

use std::error::Error;
use std::fs;
use std::path::Path;

use portunus::guest::MachineGuest;
use portunus_guest_image::PATH as FREESTANDING;
use portunus_tests::device::{compile, sample};
use portunus_tests::guest::{folder, project, tell};
use portunus_tests::nested::{Outer, OuterFile};
use portunus_tests::program::binary;
use portunus_tests::scripts::{COME_AND_GO, ECHO, LATE};

/// The guest's program: one of the scripts, as the command line says.
const RUN: &str = "#!/bin/sh
P=/dev/virtio-ports/org.portunus.echo.0
./wait-for-port.sh org.portunus.echo.0
. ./$SCRIPT
";

/// What a guest's programs do with a port, as under `serve`.
const CHECKS: &str = "
set -e
echo \"guest: $(nproc) processors\"
./list
./hello $P from-c
./hello.py $P from-python
./hello.sh $P from-sh
! ./hello /dev/virtio-ports/none 2>&1
for what in open blocking nonblocking sigio; do ./check $what $P; done
./transfer $P 1 1024
./transfer $P 4096 256
./transfer $P 32768 64
./transfer $P 4194304
./transfer.py $P 1000000
grep virtio0 /proc/interrupts | awk '$2 + $3 > 0'
";

/// Reboots as often as it is told, and then waits for the power button.
const REBOOTS: &str = "
echo \"guest: $(nproc) processors\"
./hello $P hello-again
echo \"guest: which way?\"
read way
[ \"$way\" != again ] || reboot -f
echo \"guest: waits\"
tail -f /dev/null
";

const PROGRAMS: [&str; 8] = [
    "wait-for-port.sh",
    "list",
    "hello",
    "hello.py",
    "hello.sh",
    "check",
    "transfer",
    "transfer.py",
];

/// The configuration of a machine, whose guest runs one of the scripts.
fn machine(cpus: u32, transport: &str, script: &str) -> String {
    format!(
        r#"
[vm]
kernel = "/guest/vmlinuz"
initrd = "/guest/initrd.img"
cmdline = "console=ttyS0 quiet panic=-1 SCRIPT={script}"
cpus = {cpus}
transport = "{transport}"

[[port]]
name = "{ECHO}"
plugin = "echo"
"#
    )
}

/// The same with the guest that has no kernel, which takes interrupts here, and
/// misbehaves.
fn freestanding(transport: &str) -> String {
    format!(
        r#"
[vm]
kernel = "/guest/freestanding"
cmdline = "interrupts hostile ports=1 stream=1048576"
memory = "32MiB"
transport = "{transport}"

[[port]]
name = "{ECHO}"
plugin = "echo"
"#
    )
}

/// Boots an outer machine with a stock kernel for an inner one, with our programs
/// and these configurations.
fn boot(programs: &[&Path], configs: &[(&str, String)]) -> Result<Outer, Box<dyn Error>> {
    let own = tempfile::tempdir()?;
    let scripts = [
        ("run", RUN),
        ("checks", CHECKS),
        ("reboots", REBOOTS),
        ("come-and-go", COME_AND_GO),
    ];
    let mut contents: Vec<(&str, Vec<u8>)> = Vec::new();
    for (name, script) in scripts {
        contents.push((name, script.into()));
    }
    for name in PROGRAMS {
        let program = match name.contains('.') {
            true => fs::read(sample(name))?,
            false => compile(name)?,
        };
        contents.push((name, program));
    }
    let contents: Vec<(&str, &[u8])> = contents
        .iter()
        .map(|(name, program)| (*name, program.as_slice()))
        .collect();
    let guest = MachineGuest::make(own.path(), &folder()?, &contents, &mut |step| tell(step))?;
    let file = |name: &str, from: &Path| OuterFile {
        name: name.into(),
        from: from.into(),
    };
    let mut files = vec![
        file("guest/vmlinuz", &guest.kernel),
        file("guest/initrd.img", &guest.initrd),
        file("guest/freestanding", Path::new(FREESTANDING)),
        file("echo.wasm", &project().join("target/plugins/echo.wasm")),
    ];
    for (name, config) in configs {
        let path = own.path().join(name);
        fs::write(&path, config)?;
        files.push(file(name, &path));
    }
    Outer::boot(2, programs, &files)
}

#[test]
fn a_stock_kernel_uses_its_ports_over_pci_and_mmio() {
    let configs = [
        ("one.toml", machine(1, "pci", "checks")),
        ("two.toml", machine(2, "mmio", "checks")),
        ("bare-pci.toml", freestanding("pci")),
        ("bare-mmio.toml", freestanding("mmio")),
    ];
    let mut outer = boot(&[&binary()], &configs).unwrap();
    interrupts_reach_a_guest_that_misbehaves(&mut outer);
    for (config, cpus, interrupt) in [("one", 1, "PCI-MSI"), ("two", 2, "IO-APIC")] {
        let said = outer.run(&format!("portunus -q run /{config}.toml </dev/null"));
        for line in [
            &format!("guest: {cpus} processors"),
            "1 org.portunus.echo.0 /dev/vport0p1",
            "from-c",
            "from-python",
            "from-sh",
            "hello: /dev/virtio-ports/none: No such file or directory",
            "ok: SIGIO comes",
            "received 1024 bytes",
            "received 1048576 bytes",
            "received 2097152 bytes",
            "received 4194304 bytes",
            "received 1000000 bytes",
            interrupt,
            "guest: its program ended with 0",
        ] {
            assert!(said.contains(line), "no `{line}`: {said}");
        }
    }
}

fn interrupts_reach_a_guest_that_misbehaves(outer: &mut Outer) {
    for config in ["bare-pci", "bare-mmio"] {
        let said = outer.run(&format!("portunus -q run /{config}.toml </dev/null"));
        for words in [
            "survived queues outside of memory",
            "survived odd accesses all over the registers",
            "stream of 1048576 bytes",
            "ends: poweroff",
        ] {
            assert!(said.contains(words), "no `{words}`: {said}");
        }
        assert!(!said.contains("FAILED"), "{said}");
    }
}

#[test]
fn a_stock_kernel_reboots_and_loses_ports_and_hears_the_power_button() {
    let configs = [("vm.toml", machine(4, "pci", "reboots"))];
    let machine = Path::new(env!("CARGO_BIN_EXE_echo_machine"));
    let mut outer = boot(&[&binary(), machine], &configs).unwrap();
    ports_come_and_go(&mut outer);
    outer.run("mkfifo typed");
    outer.run("portunus run /vm.toml <typed & run=$!");
    outer.run("exec 3>typed");
    for way in ["again", "stay"] {
        outer.find("guest: 4 processors");
        outer.find("hello-again");
        outer.find("guest: which way?");
        outer.say(&format!("echo {way} >&3"));
    }
    outer.find("guest: waits");
    outer.say("kill -TERM $run; wait $run");
    outer.find("reboot: Power down");
    let ended = outer.find("outer: status ");
    assert!(ended.ends_with("status 0"), "{}", outer.console());
}

fn ports_come_and_go(outer: &mut Outer) {
    outer.run("mkfifo words");
    outer.run(
        "echo_machine /guest/vmlinuz /guest/initrd.img \
         'console=ttyS0 quiet panic=-1 SCRIPT=come-and-go' /echo.wasm <words & run=$!",
    );
    outer.run("exec 3>words");
    outer.find("up");
    outer.say(&format!("echo add {LATE} 2 >&3"));
    outer.find("moving");
    outer.say("echo remove 1 >&3");
    outer.find("gone");
    outer.say(&format!("echo add {ECHO} 1 >&3"));
    for line in [
        "again-works",
        "received 1000000 bytes",
        "late-still-works",
        "guest: its program ended with 0",
    ] {
        outer.find(line);
    }
    outer.run("wait $run");
}

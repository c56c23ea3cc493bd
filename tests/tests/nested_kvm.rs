//! Stock kernels on our own machine, on real KVM, with their own drivers: see
//! `portunus_tests::nested`.

use std::error::Error;
use std::fs;
use std::path::Path;

use portunus::guest::MachineGuest;
use portunus_tests::device::{compile, sample};
use portunus_tests::guest::{folder, tell};
use portunus_tests::nested::{Outer, OuterFile};
use portunus_tests::program::binary;

/// What a guest's programs do with its ports, as under `serve`. Each boot ends
/// as its command line says.
const CHECKS: &str = "#!/bin/sh
set -e
P=/dev/virtio-ports/org.portunus.echo.0
echo \"guest: $(nproc) processors, $(basename $(dirname $(readlink -f /sys/class/virtio-ports/vport*p1/device/..)))\"
./wait-for-port.sh org.portunus.echo.0
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
grep virtio /proc/interrupts
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

fn machine(cpus: u32, transport: &str) -> String {
    format!(
        r#"
[vm]
kernel = "/guest/vmlinuz"
initrd = "/guest/initrd.img"
cmdline = "console=ttyS0 quiet panic=-1"
cpus = {cpus}
transport = "{transport}"
[[port]]
name = "org.portunus.echo.0"
plugin = "echo"
"#
    )
}

fn inner(folder_of_guest: &Path) -> Result<MachineGuest, Box<dyn Error>> {
    let contents = |name: &&str| match name.contains('.') {
        true => Ok(fs::read(sample(name))?),
        false => compile(name),
    };
    let mut programs = vec![("run", CHECKS.as_bytes().to_vec())];
    for name in &PROGRAMS {
        programs.push((name, contents(name)?));
    }
    let programs: Vec<(&str, &[u8])> = programs
        .iter()
        .map(|(name, contents)| (*name, contents.as_slice()))
        .collect();
    Ok(MachineGuest::make(
        folder_of_guest,
        &folder()?,
        &programs,
        &mut |step| tell(step),
    )?)
}

#[test]
fn a_stock_kernel_finds_and_uses_its_ports() {
    let own = tempfile::tempdir().unwrap();
    let guest = inner(own.path()).unwrap();
    let file = |name: &str, from: &Path| OuterFile {
        name: name.into(),
        from: from.into(),
    };
    let mut files = vec![
        file("guest/vmlinuz", &guest.kernel),
        file("guest/initrd.img", &guest.initrd),
    ];
    for (name, cpus, transport) in [("pci1", 1, "pci"), ("pci2", 2, "pci"), ("mmio2", 2, "mmio")] {
        let path = own.path().join(name);
        fs::write(&path, machine(cpus, transport)).unwrap();
        files.push(file(&format!("{name}.toml"), &path));
    }
    let mut outer = Outer::boot(2, &[&binary()], &files).unwrap();
    for name in ["pci1", "pci2", "mmio2"] {
        outer.say(&format!("portunus run /{name}.toml </dev/null"));
        println!("{}", outer.find("outer: status"));
    }
    print!("{}", outer.console());
}

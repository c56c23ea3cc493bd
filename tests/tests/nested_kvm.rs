//! Stock kernels on our own machine, on real KVM: see `portunus_tests::nested`.

use std::path::PathBuf;

use portunus_tests::nested::{Inner, Outer, OuterFile};
use portunus_tests::program::binary;

/// What a guest's programs do with its ports, as under `serve`.
const CHECKS: &str = "#!/bin/sh
set -e
P=/dev/virtio-ports/org.portunus.echo.0
./wait-for-port.sh org.portunus.echo.0
./list
./hello $P from-c
./hello.py $P from-python
./hello.sh $P from-sh
! ./hello /dev/virtio-ports/none 2>&1
for what in open blocking nonblocking sigio; do ./check $what $P; done
./transfer $P 1 4096
./transfer $P 4096 256
./transfer $P 32768 64
./transfer $P 4194304
./transfer.py $P 1000000
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

#[test]
fn a_stock_kernel_finds_and_uses_its_ports() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("vm.toml");
    std::fs::write(
        &config,
        "[vm]
kernel = \"/inner/kernel\"
initrd = \"/inner/initramfs\"
cmdline = \"console=ttyS0 quiet panic=-1 rdinit=/init\"
[[port]]
name = \"org.portunus.echo.0\"
plugin = \"echo\"
",
    )
    .unwrap();
    let inner = Inner::new(CHECKS, &PROGRAMS).unwrap();
    let mut files = Vec::from(inner.files());
    files.push(OuterFile {
        name: "vm.toml".into(),
        from: PathBuf::from(config),
    });
    let mut outer = Outer::boot(2, &[&binary()], &files).unwrap();
    outer.run("portunus run /vm.toml </dev/null");
    print!("{}", outer.console());
}

//! Debian's QEMU, unpacked with all that it needs, and run from where it lies.

use std::process::Command;

use portunus::guest::{PackageSet, RootError};

use crate::guest::{folder, tell};

const SET: PackageSet = PackageSet {
    name: "qemu-1",
    packages: &["qemu-system-x86"],
    needed: &[PROGRAM, LOADER, "usr/share/seabios/bios-256k.bin"],
};

const PROGRAM: &str = "usr/bin/qemu-system-x86_64";
/// It finds the libraries that were packaged with the program, and not this
/// system's.
const LOADER: &str = "usr/lib64/ld-linux-x86-64.so.2";
const LIBRARIES: &str = "usr/lib/x86_64-linux-gnu";
const MODULES: &str = "usr/lib/x86_64-linux-gnu/qemu";
/// Its own files, and its firmware's.
const DATA: [&str; 2] = ["usr/share/qemu", "usr/share/seabios"];

/// A command that runs QEMU, to be given its arguments: a machine of software
/// alone, without what is there by default.
///
/// # Errors
///
/// Where it cannot be had.
pub(super) fn command() -> Result<Command, RootError> {
    let root = SET.prepare(&folder()?, |_| Ok(()), &mut tell)?;
    let within = |path: &&str| root.join(path);
    let mut command = Command::new(within(&LOADER));
    command
        .arg("--library-path")
        .arg(within(&LIBRARIES))
        .arg(within(&PROGRAM))
        .env("QEMU_MODULE_DIR", within(&MODULES));
    for folder in DATA.iter().map(within) {
        command.arg("-L").arg(folder);
    }
    command.args(["-accel", "tcg,thread=multi", "-display", "none"]);
    command.args(["-nodefaults", "-no-user-config", "-no-reboot"]);
    command.args(["-serial", "stdio", "-monitor", "none"]);
    Ok(command)
}

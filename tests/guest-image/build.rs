//! Builds the guest with the toolchain that builds all else: it is a workspace
//! of its own, for its own profile and linker script.

use std::env;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// Both a bare machine's code and what every stable toolchain for it compiles.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// No vector registers: a KVM that only emulates knows few instructions of theirs.
const FLAGS: &str = "-Cllvm-args=-force-attribute=noimplicitfloat";

/// What our own build's settings for our own code are: not the guest's.
const NOT_THE_GUESTS: [&str; 2] = ["CARGO_BUILD_TARGET", "RUSTC_WORKSPACE_WRAPPER"];

fn main() -> ExitCode {
    let folder = |name| PathBuf::from(env::var_os(name).unwrap_or_default());
    let guest = folder("CARGO_MANIFEST_DIR").join("guest");
    let target = folder("OUT_DIR").join("guest");
    println!("cargo::rerun-if-changed={}", guest.display());
    let mut build = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build
        .args(["build", "--quiet", "--locked", "--release"])
        .args(["--target", TARGET, "--target-dir"])
        .arg(&target)
        .env("CARGO_ENCODED_RUSTFLAGS", FLAGS)
        .current_dir(&guest);
    for name in NOT_THE_GUESTS {
        build.env_remove(name);
    }
    let image = target.join(TARGET).join("release/guest");
    println!("cargo::rustc-env=GUEST_IMAGE={}", image.display());
    match build.status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(status) => failed(&format!("its build ended with {status}")),
        Err(cause) => failed(&cause.to_string()),
    }
}

fn failed(why: &str) -> ExitCode {
    println!(
        "cargo::error=the guest image was not built: {why}; it takes a Rust toolchain for \
         {TARGET}, and a C compiler to link by"
    );
    ExitCode::FAILURE
}

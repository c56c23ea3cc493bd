//! How the guest is linked: as a kernel, which nothing prepares.

fn main() {
    println!("cargo::rerun-if-changed=guest.ld");
    println!("cargo::rerun-if-changed=src/start.s");
    let script = format!("-T{}/guest.ld", env!("CARGO_MANIFEST_DIR"));
    for argument in [
        "-nostartfiles",
        "-nostdlib",
        "-static",
        "-no-pie",
        "-Wl,--build-id=none",
        &script,
    ] {
        println!("cargo::rustc-link-arg={argument}");
    }
}

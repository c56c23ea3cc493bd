//! Finds the bundled plugins, which `plugins/build.sh` makes, so that they can
//! be part of the program.

use std::path::Path;
use std::process::ExitCode;

const BUNDLED: [&str; 5] = ["agent", "clipboard", "echo", "log", "relay"];

fn main() -> ExitCode {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/plugins");
    println!(
        "cargo::rustc-env=PORTUNUS_BUNDLED_PLUGINS={}",
        folder.display()
    );
    for name in BUNDLED {
        let component = folder.join(name).with_extension("wasm");
        println!("cargo::rerun-if-changed={}", component.display());
        if !component.is_file() {
            println!(
                "cargo::error=the bundled plugin `{name}` is not built yet: run `plugins/build.sh` \
                 (or any of the make targets) first; {} is missing",
                component.display()
            );
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

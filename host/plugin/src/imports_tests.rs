//! Tests of what a plugin can import.

use super::*;
use crate::engine::Engine;

/// Whether the linker has something of this name: it refuses a second one.
fn is_linked(linker: &mut Linker<State>, name: &str) -> bool {
    linker
        .root()
        .func_wrap(name, |_: Caller<'_>, (): ()| Ok(()))
        .is_err()
}

#[test]
fn what_is_said_to_be_provided_is_linked() {
    let engine = Engine::new().unwrap();
    let mut linker = linker(engine.wasm()).unwrap();
    for (package, interfaces) in WASI {
        for interface in interfaces {
            let linked = (0..100).any(|patch| {
                is_linked(
                    &mut linker,
                    &format!("{package}/{interface}@{WASI_VERSION}{patch}"),
                )
            });
            assert!(linked, "{package}/{interface}");
        }
    }
    // `types` has no functions, so that nobody needs to provide it.
    for interface in &INTERFACES[1..] {
        assert!(is_linked(
            &mut linker,
            &format!("{PACKAGE}/{interface}@{VERSION}")
        ));
    }
}

//! Compiled code is run as it is, so no plugin may be granted to write where it
//! is kept: what it wrote there would run outside of every sandbox.

use std::path::Path;

use super::diagnose::Diagnostic;
use super::spec::{Access, DirGrantSpec, Spec};

/// The grants that let a plugin write compiled code, or put a folder of its own
/// in the place of the one that has it. Paths are compared with their links
/// resolved; a directory that is mounted twice is not seen through.
pub(super) fn faults(spec: &Spec, code_folder: &Path) -> Vec<Diagnostic> {
    let Ok(code_folder) = code_folder.canonicalize() else {
        return Vec::new();
    };
    let dirs = spec.ports.iter().flat_map(|port| &port.grant.dirs);
    dirs.filter(|dir| dir.access == Access::Write && reaches(dir, &code_folder))
        .map(|dir| {
            Diagnostic::new("a plugin could write the code that this program runs")
                .at(dir.host.span, "compiled plugins are kept in here")
                .help("grant a directory with nothing else in it, or have PORTUNUS_CACHE_DIR name another cache")
        })
        .collect()
}

fn reaches(dir: &DirGrantSpec, code_folder: &Path) -> bool {
    dir.host
        .value
        .canonicalize()
        .is_ok_and(|dir| code_folder.starts_with(&dir) || dir.starts_with(code_folder))
}

#[cfg(test)]
#[path = "code_folder_tests.rs"]
mod tests;

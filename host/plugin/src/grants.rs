//! What a port's table gives its plugin, as WASI sees it: directories, and
//! nothing else. No environment, no arguments, no sockets, no standard input.

use std::fmt;
use std::path::PathBuf;

use wasmtime_wasi::{FsPerms, WasiCtx};

use crate::limits::Limits;
use crate::output::Output;

/// Everything that one plugin may reach beyond its channels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// Directories, in the order in which the plugin sees them.
    pub dirs: Vec<DirGrant>,
}

/// A directory of the host that a plugin sees, with all that is in it. Links
/// that lead out of it lead nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirGrant {
    /// Where it is on the host. Must exist.
    pub host: PathBuf,
    /// Its path for the plugin.
    pub guest: String,
    /// What the plugin may do in it.
    pub access: Access,
}

/// What a plugin may do in a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read and list.
    Read,
    /// Read, list, create, write, rename and remove.
    Write,
}

/// A directory that was granted and cannot be opened. The host's or the
/// configuration's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot open the granted directory {}: {reason}; create it, or correct grant.dirs", host.display())]
pub struct GrantError {
    /// The directory.
    pub host: PathBuf,
    /// What the system says.
    pub reason: String,
}

impl Grants {
    /// Opens what is granted. Waits for the file system where there is any.
    pub(crate) fn open(
        &self,
        limits: &Limits,
        stdout: Output,
        stderr: Output,
    ) -> Result<WasiCtx, GrantError> {
        let mut wasi = WasiCtx::builder();
        wasi.stdout(stdout)
            .stderr(stderr)
            .max_random_size(limits.random_bytes)
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false);
        for dir in &self.dirs {
            let permissions = match dir.access {
                Access::Read => FsPerms::ReadOnly,
                Access::Write => FsPerms::ReadWrite,
            };
            wasi.preopened_dir(&dir.host, &dir.guest, permissions)
                .map_err(|error| GrantError {
                    host: dir.host.clone(),
                    reason: error.root_cause().to_string(),
                })?;
        }
        Ok(wasi.build())
    }
}

impl fmt::Display for Access {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Read => "read",
            Self::Write => "write",
        })
    }
}

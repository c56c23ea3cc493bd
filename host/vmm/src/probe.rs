//! Whether this host's KVM runs processors, or only emulates them: found by
//! running a guest of a few instructions, in a few milliseconds.

use std::io;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use vm_memory::{Bytes, GuestAddress};

use crate::boot::{BootError, Entry, page_tables};
use crate::hypervisor::KVM_PATH;
use crate::layout::HIGH_MEMORY;
use crate::machine::{BuildError, Ended, Machine, Parts, Shape};
use crate::spec::{CpuCount, MemorySize, Transport};

/// `fninit; fld1; fstp st(0)`: no emulator in KVM has these, and every kernel
/// saves and restores their registers. Then `mov al, 0xfe; out 0x64, al`: a reset
/// says that they went well.
const CODE: [u8; 10] = [0xdb, 0xe3, 0xd9, 0xe8, 0xdd, 0xd8, 0xb0, 0xfe, 0xe6, 0x64];

/// How long so few instructions take at most, on a host that is very busy.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether the KVM of this host only emulates processors: such a one runs small
/// freestanding guests, and no common kernel.
///
/// # Errors
///
/// There is no KVM, or not enough of it for a machine.
pub fn kvm_only_emulates() -> Result<bool, BuildError> {
    let shape = Shape {
        memory: MemorySize::MIN,
        cpus: CpuCount::ONE,
        transport: Transport::Pci,
    };
    let parts = Parts {
        devices: Vec::new(),
        serial: Box::new(io::sink()),
        faults: Arc::new(|_| {}),
    };
    let machine = Machine::assemble(Path::new(KVM_PATH), shape, parts, |_, memory| {
        page_tables::write(memory)?;
        memory
            .write_slice(&CODE, GuestAddress(HIGH_MEMORY))
            .map_err(BootError::Memory)?;
        Ok(Entry::Long {
            address: HIGH_MEMORY,
            boot_params: 0,
        })
    })?;
    let (tell, over) = mpsc::channel();
    let handle = machine.start(move |ended, _| {
        // Nobody waits past the deadline.
        let _late = tell.send(ended);
    })?;
    let ended = over.recv_timeout(PATIENCE);
    handle.stop();
    Ok(ended != Ok(Ended::Reset))
}

#[cfg(test)]
#[path = "probe_tests.rs"]
mod tests;

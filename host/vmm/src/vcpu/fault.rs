//! How a processor stops for good without the guest having asked for it, in
//! words for the person who started it.

use std::fmt;

/// Bytes of the longest instruction that x86 has.
pub(crate) const MAX_INSTRUCTION_BYTES: usize = 15;

/// Why a processor cannot go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VcpuFault {
    /// KVM gave up (KVM API, `KVM_EXIT_INTERNAL_ERROR`).
    InternalError {
        /// Why, as KVM numbers it.
        suberror: u32,
        /// Where the processor stood.
        address: u64,
        /// The instruction there, and what follows it, where it can be read.
        instruction: Vec<u8>,
    },
    /// The processor did not take the guest's state
    /// (`KVM_EXIT_FAIL_ENTRY`).
    FailedEntry {
        /// Why, as the host's processor says it.
        reason: u64,
    },
    /// `KVM_RUN` failed.
    RunFailed {
        /// What the system says.
        reason: String,
    },
    /// It stopped for a reason that we have no use for.
    Unexpected {
        /// As the KVM API calls it.
        reason: String,
    },
}

impl fmt::Display for VcpuFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InternalError {
                suberror,
                address,
                instruction,
            } => {
                write!(
                    out,
                    "KVM gave up with an internal error, suberror {suberror} ({}), at {address:#x}",
                    meaning(*suberror)
                )?;
                if !instruction.is_empty() {
                    out.write_str(", instruction bytes")?;
                    for byte in instruction {
                        write!(out, " {byte:02x}")?;
                    }
                }
                out.write_str(advice(*suberror))
            }
            Self::FailedEntry { reason } => write!(
                out,
                "the host's processor refuses the guest's state, hardware reason {reason:#x}; the \
                 host's kernel log may say more"
            ),
            Self::RunFailed { reason } => write!(out, "KVM cannot run the processor: {reason}"),
            Self::Unexpected { reason } => write!(
                out,
                "KVM stopped the processor for a reason that this program does not know: {reason}"
            ),
        }
    }
}

/// Suberrors, as `linux/kvm.h` names them.
const EMULATION: u32 = 1;
const SIMULTANEOUS: u32 = 2;
const DELIVERY: u32 = 3;
const UNEXPECTED_EXIT: u32 = 4;

fn meaning(suberror: u32) -> &'static str {
    match suberror {
        EMULATION => "it had to emulate an instruction, and cannot",
        SIMULTANEOUS => "two exceptions at once",
        DELIVERY => "an interrupt could not be delivered",
        UNEXPECTED_EXIT => "the processor left the guest for an unknown reason",
        _ => "unknown",
    }
}

fn advice(suberror: u32) -> &'static str {
    if suberror == EMULATION {
        "; a guest that jumps into nothing ends so, and so does every common kernel where KVM only \
         emulates processors, because the host's have no virtualization of their own (neither \
         `vmx` nor `svm` in /proc/cpuinfo): such a KVM runs small freestanding guests alone, so \
         use a host with virtualization"
    } else {
        ""
    }
}

#[cfg(test)]
#[path = "fault_tests.rs"]
mod tests;

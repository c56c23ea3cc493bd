//! Which guest a demonstration shows, and why.

use std::fmt;

use portunus_vmm::kvm_only_emulates;

/// A kind of guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Debian's packaged kernel in a machine of our own.
    Kvm,
    /// User Mode Linux, which needs no virtualization, and what keeps this
    /// machine from the other.
    Uml(String),
}

impl Choice {
    /// Finds out by a machine of a few instructions, in milliseconds, what this
    /// host's KVM can do. Blocks for as long.
    pub(super) fn of_this_host() -> Self {
        match kvm_only_emulates() {
            Ok(false) => Self::Kvm,
            Ok(true) => Self::Uml(
                "the KVM of this host only emulates processors, and no common kernel boots there"
                    .to_owned(),
            ),
            Err(fault) => Self::Uml(fault.to_string()),
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kvm => out.write_str(
                "the guest is Debian's kernel in a virtual machine of our own, since this host has \
                 KVM",
            ),
            Self::Uml(why) => write!(
                out,
                "the guest is User Mode Linux, a Linux kernel that runs as a program: it needs no \
                 virtualization and no root\n\
                 host  | it is not Debian's own kernel on KVM, since {why}"
            ),
        }
    }
}

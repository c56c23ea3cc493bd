use super::*;
use crate::memory;
use crate::spec::MemorySize;

fn opened(path: &Path) -> HypervisorError {
    Hypervisor::open(path).err().expect("it is not KVM")
}

#[test]
fn this_host_has_kvm_with_all_that_a_machine_needs() {
    let hypervisor = Hypervisor::open(Path::new(KVM_PATH)).unwrap_or_else(|error| {
        panic!("these tests run guests of a few instructions, on any KVM: {error}")
    });
    let memory = memory::allocate(MemorySize::MIN).unwrap();
    hypervisor
        .create_vm(&memory)
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(!hypervisor.cpuid().unwrap().as_slice().is_empty());
}

#[test]
fn without_kvm_the_error_says_how_to_get_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kvm");
    let error = opened(&path);
    assert!(matches!(error, HypervisorError::Missing { .. }), "{error}");
    let words = error.to_string();
    assert!(words.contains(&path.display().to_string()), "{words}");
    assert!(words.contains("modprobe"), "{words}");
}

#[test]
fn a_user_who_may_not_open_kvm_is_told_the_group() {
    let words = HypervisorError::Forbidden {
        path: KVM_PATH.into(),
    }
    .to_string();
    assert!(words.contains("usermod -aG kvm"), "{words}");
}

#[test]
fn a_file_that_is_not_kvm_is_told_apart() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = opened(file.path());
    assert!(
        matches!(error, HypervisorError::NotKvm { version: -1, .. }),
        "{error}"
    );
    let folder = tempfile::tempdir().unwrap();
    let error = opened(folder.path());
    assert!(matches!(error, HypervisorError::Unopened { .. }), "{error}");
}

#[test]
fn a_missing_capability_is_named() {
    let missing = vec!["KVM_CAP_IRQFD", "KVM_CAP_PIT2"];
    let words = HypervisorError::Lacks { missing }.to_string();
    assert!(
        words.contains("lacks KVM_CAP_IRQFD, KVM_CAP_PIT2"),
        "{words}"
    );
}

#[test]
fn an_error_that_says_little_gets_a_hint() {
    for (errno, hint) in [
        (libc::ENOMEM, "out of memory"),
        (libc::EMFILE, "ulimit -n"),
        (libc::EBUSY, "another hypervisor"),
    ] {
        let refused = HypervisorError::refused("make a processor");
        let words = refused(kvm_ioctls::Error::new(errno)).to_string();
        let system = std::io::Error::from_raw_os_error(errno);
        assert!(words.contains(hint), "{words} for {system}");
    }
}

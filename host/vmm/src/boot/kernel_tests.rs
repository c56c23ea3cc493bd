use std::io::Write;

use proptest::prelude::*;
use tempfile::NamedTempFile;
use vm_memory::Bytes;

use super::*;
use crate::memory::allocate;
use crate::tiny_guest::{CODE_ADDRESS, HALT, elf};

const MEMORY_MIB: u64 = 4;

fn file(content: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(content).unwrap();
    file
}

fn loaded(content: &[u8]) -> (Result<Kernel, BootError>, GuestMemoryMmap) {
    let size = MemorySize::new(MEMORY_MIB * MIB).unwrap();
    let guest = allocate(size).unwrap();
    (load(file(content).path(), size, &guest), guest)
}

fn refused(content: &[u8]) -> BootError {
    loaded(content).0.err().expect("no kernel")
}

/// A bzImage of one setup sector: `header` changes its fields.
fn bz_image(header: impl FnOnce(&mut setup_header)) -> Vec<u8> {
    let mut fields = setup_header {
        setup_sects: 1,
        boot_flag: 0xaa55,
        header: 0x5372_6448,
        version: 0x020f,
        loadflags: 1,
        code32_start: u32::try_from(HIGH_MEMORY).unwrap(),
        initrd_addr_max: 0x7fff_ffff,
        xloadflags: XLF_KERNEL_64,
        cmdline_size: 1000,
        pref_address: HIGH_MEMORY,
        init_size: 0x10_0000,
        ..setup_header::default()
    };
    header(&mut fields);
    let guest = allocate(MemorySize::MIN).unwrap();
    let params = linux_loader::bootparam::boot_params {
        hdr: fields,
        ..Default::default()
    };
    guest.write_obj(params, GuestAddress(0)).unwrap();
    let mut image = vec![0; 1024];
    guest
        .read_slice(&mut image[..0x268], GuestAddress(0))
        .unwrap();
    image.extend(b"code");
    image
}

#[test]
fn a_bz_image_is_entered_where_its_64_bit_code_begins() {
    let (kernel, guest) = loaded(&bz_image(|_| {}));
    let kernel = kernel.unwrap();
    assert_eq!(kernel.entry, HIGH_MEMORY + LONG_ENTRY);
    assert_eq!(kernel.end, HIGH_MEMORY + 0x10_0000);
    assert_eq!(kernel.max_command_line, 1000);
    assert!(matches!(kernel.protocol, Protocol::Linux(Some(_))));
    let mut code = [0; 4];
    guest
        .read_slice(&mut code, GuestAddress(HIGH_MEMORY))
        .unwrap();
    assert_eq!(&code, b"code");
}

#[test]
fn a_bz_image_needs_room_where_it_unpacks_itself() {
    let error = refused(&bz_image(|header| header.pref_address = 16 * MIB));
    let BootError::KernelDoesNotFit {
        needs_mib, has_mib, ..
    } = error
    else {
        panic!("{error}");
    };
    assert_eq!((needs_mib, has_mib), (17, MEMORY_MIB));
}

#[test]
fn an_elf_kernel_is_entered_by_its_note_or_by_its_header() {
    for (pvh, expected) in [(true, "pvh"), (false, "linux")] {
        let (kernel, guest) = loaded(&elf(&HALT, pvh));
        let kernel = kernel.unwrap();
        assert_eq!(kernel.entry, CODE_ADDRESS);
        assert_eq!(kernel.end, CODE_ADDRESS + 4);
        let protocol = match kernel.protocol {
            Protocol::Pvh => "pvh",
            Protocol::Linux(None) => "linux",
            Protocol::Linux(Some(_)) => "bzImage",
        };
        assert_eq!(protocol, expected);
        let mut code = [0; 4];
        guest
            .read_slice(&mut code, GuestAddress(CODE_ADDRESS))
            .unwrap();
        assert_eq!(code, HALT);
    }
}

#[test]
fn an_elf_kernel_that_is_larger_than_memory_does_not_fit() {
    let code = vec![0; usize::try_from(MEMORY_MIB * MIB).unwrap()];
    let error = refused(&elf(&code, true));
    let words = error.to_string();
    assert!(
        matches!(error, BootError::KernelDoesNotFit { .. }),
        "{words}"
    );
    assert!(words.contains("more memory"), "{words}");
}

#[test]
fn a_kernel_that_is_cut_short_is_damaged() {
    let whole = elf(&[0; 4096], true);
    for cut in [64, 100, 0x205, 0x1001] {
        let error = refused(&whole[..cut]);
        assert!(
            matches!(error, BootError::Damaged { .. }),
            "at {cut}: {error}"
        );
    }
}

#[test]
fn a_kernel_that_is_not_there_is_named() {
    let size = MemorySize::MIN;
    let error = load(
        Path::new("/no/such/vmlinuz"),
        size,
        &allocate(size).unwrap(),
    );
    let words = error.err().unwrap().to_string();
    assert!(
        words.contains("cannot read the kernel /no/such/vmlinuz"),
        "{words}"
    );
}

#[test]
fn a_file_of_the_wrong_kind_is_told_by_what_it_is() {
    let at = |offset: usize, magic: &[u8]| {
        let mut file = vec![0; 0x300];
        file[offset..offset + magic.len()].copy_from_slice(magic);
        file
    };
    let elf_with = |offset: usize, byte: u8| {
        let mut file = elf(&HALT, false);
        file[offset] = byte;
        file
    };
    let cases = [
        (Vec::new(), "an empty file"),
        (at(0, b"\x1f\x8b"), "gzip"),
        (at(0, b"\xfd7zXZ"), "xz"),
        (at(0, b"\x28\xb5\x2f\xfd"), "zstd"),
        (at(0, b"070701"), "initrd"),
        (at(0, b"MZ"), "EFI"),
        (at(0x38, b"ARM\x64"), "Arm"),
        (at(0, b"#!/bin/sh"), "neither"),
        (bz_image(|header| header.xloadflags = 0), "32 bits"),
        (elf_with(4, 1), "32 bits"),
        (elf_with(18, 183), "another processor"),
        (elf_with(16, 1), "not linked"),
    ];
    for (content, expected) in cases {
        let error = refused(&content);
        let words = error.to_string();
        assert!(matches!(error, BootError::NotAKernel { .. }), "{words}");
        assert!(words.contains(expected), "{words} does not say {expected}");
    }
}

proptest! {
    #[test]
    fn a_damaged_kernel_is_refused_or_loaded_and_nothing_else(
        elf_or_not in any::<bool>(),
        pvh in any::<bool>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut content = if elf_or_not { elf(&HALT, pvh) } else { bz_image(|_| {}) };
        // Where all headers are.
        for (at, byte) in damage {
            content[at.index(0x268)] = byte;
        }
        content.truncate(cut.index(content.len()).max(0x200));
        let (kernel, _) = loaded(&content);
        if let Ok(kernel) = kernel {
            prop_assert!(kernel.end <= MEMORY_MIB * MIB);
            prop_assert!(kernel.max_command_line <= MAX_COMMAND_LINE);
        }
    }
}

//! Guests of a few instructions, for tests: an ELF kernel with one segment, made
//! here and now.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use crate::machine::{Ended, Handle, Machine, Parts};
use crate::spec::{CpuCount, MachineSpec, MemorySize, Transport};
use crate::virtio::VirtioDevice;

/// How long a test waits for a machine: the tests of a whole workspace run beside
/// it.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Where a tiny guest's code is loaded, and begins.
pub(crate) const CODE_ADDRESS: u64 = 0x10_0000;

/// An ELF file with `code` at [`CODE_ADDRESS`]. `pvh`: it says that it begins
/// there in 32-bit mode, and otherwise in 64-bit mode.
pub(crate) fn elf(code: &[u8], pvh: bool) -> Vec<u8> {
    let mut headers = Vec::new();
    let code_bytes = u64::try_from(code.len()).unwrap();
    // Type, flags, offset, virtual and physical address, sizes, alignment.
    headers.extend(program_header(1, 0x1000, CODE_ADDRESS, code_bytes));
    if pvh {
        headers.extend(program_header(4, 0x200, 0, 20));
    }
    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(16, 0);
    for half in [2_u16, 62] {
        file.extend(half.to_le_bytes());
    }
    file.extend(1_u32.to_le_bytes());
    for word in [CODE_ADDRESS, 64, 0] {
        file.extend(word.to_le_bytes());
    }
    file.extend(0_u32.to_le_bytes());
    let count = u16::try_from(headers.len() / 56).unwrap();
    for half in [64_u16, 56, count, 64, 0, 0] {
        file.extend(half.to_le_bytes());
    }
    file.extend(headers);
    file.resize(0x200, 0);
    // A note: the lengths of its name and its content, its type.
    for word in [4_u32, 4, 18] {
        file.extend(word.to_le_bytes());
    }
    file.extend(b"Xen\0");
    file.extend(u32::try_from(CODE_ADDRESS).unwrap().to_le_bytes());
    file.resize(0x1000, 0);
    file.extend(code);
    file
}

fn program_header(kind: u32, offset: u64, address: u64, bytes: u64) -> Vec<u8> {
    let mut header = Vec::new();
    header.extend(kind.to_le_bytes());
    header.extend(7_u32.to_le_bytes());
    for word in [offset, address, address, bytes, bytes, 0x1000] {
        header.extend(word.to_le_bytes());
    }
    header
}

/// Writes each byte to the serial port: `mov al, BYTE; mov dx, 0x3f8; out dx, al`.
/// The same in 32 and in 64 bits.
pub(crate) fn say(text: &str) -> Vec<u8> {
    text.bytes()
        .flat_map(|byte| [[0xb0, byte].to_vec(), out(0x3f8)].concat())
        .collect()
}

/// `mov dx, PORT; out dx, al`.
pub(crate) fn out(port: u16) -> Vec<u8> {
    let [low, high] = port.to_le_bytes();
    vec![0x66, 0xba, low, high, 0xee]
}

/// `mov al, BYTE; mov dx, PORT; out dx, al`.
pub(crate) fn write_byte(port: u16, byte: u8) -> Vec<u8> {
    [vec![0xb0, byte], out(port)].concat()
}

/// `mov ax, WORD; mov dx, PORT; out dx, ax`.
pub(crate) fn write_word(port: u16, word: u16) -> Vec<u8> {
    let ([low, high], [port_low, port_high]) = (word.to_le_bytes(), port.to_le_bytes());
    vec![
        0x66, 0xb8, low, high, 0x66, 0xba, port_low, port_high, 0x66, 0xef,
    ]
}

/// Sleep type 5, and go.
pub(crate) fn power_off() -> Vec<u8> {
    write_word(0x604, 5 << 10 | 1 << 13)
}

/// `jmp` to itself.
pub(crate) const SPIN: [u8; 2] = [0xeb, 0xfe];

/// `cli; hlt; jmp` to the `hlt`.
pub(crate) const HALT: [u8; 4] = [0xfa, 0xf4, 0xeb, 0xfd];

/// A machine of two mebibytes with this kernel.
pub(crate) fn spec(kernel: &Path) -> MachineSpec {
    MachineSpec {
        kernel: kernel.to_owned(),
        initrd: None,
        command_line: String::new(),
        memory: MemorySize::MIN,
        cpus: CpuCount::ONE,
        transport: Transport::Pci,
    }
}

/// A machine that runs, and what it says.
pub(crate) struct Running {
    pub(crate) handle: Handle,
    over: Receiver<(Ended, Parts)>,
    said: Receiver<u8>,
}

/// Starts a machine with this ELF file for a kernel, changed as the test wants it.
pub(crate) fn start(kernel: &[u8], change: impl FnOnce(&mut MachineSpec)) -> Running {
    let (parts, said) = parts(Vec::new());
    start_with(kernel, change, parts, said)
}

/// A machine's parts, with these devices, and what its guest says.
pub(crate) fn parts(devices: Vec<Box<dyn VirtioDevice>>) -> (Parts, Receiver<u8>) {
    let (to_us, said) = mpsc::channel();
    let parts = Parts {
        devices,
        serial: Box::new(Sayer(to_us)),
        faults: Arc::new(|fault| panic!("{fault}")),
    };
    (parts, said)
}

/// Starts a machine of these parts.
pub(crate) fn start_with(
    kernel: &[u8],
    change: impl FnOnce(&mut MachineSpec),
    parts: Parts,
    said: Receiver<u8>,
) -> Running {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), kernel).unwrap();
    let mut spec = spec(file.path());
    change(&mut spec);
    let machine = Machine::build(&spec, parts).unwrap_or_else(|error| panic!("{error}"));
    let (tell, over) = mpsc::channel();
    let handle = machine
        .start(move |ended, parts| {
            // The test may have failed meanwhile.
            let _gone = tell.send((ended, parts));
        })
        .unwrap();
    Running { handle, over, said }
}

impl Running {
    /// Waits until the guest has said this, byte by byte.
    pub(crate) fn wait_for(&self, text: &str) {
        let heard: Vec<u8> = text
            .bytes()
            .map(|_| self.said.recv_timeout(DEADLINE).expect("the guest speaks"))
            .collect();
        assert_eq!(String::from_utf8_lossy(&heard), text);
    }

    /// Waits for its end.
    pub(crate) fn ended(self) -> Ended {
        self.over().0
    }

    /// Waits for its end, and takes its parts back, with what hears its guest.
    pub(crate) fn over(self) -> (Ended, Parts, Receiver<u8>) {
        let (ended, parts) = self.over.recv_timeout(DEADLINE).expect("the machine ends");
        (ended, parts, self.said)
    }
}

struct Sayer(Sender<u8>);

impl Write for Sayer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        for byte in bytes {
            let _gone = self.0.send(*byte);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

//! One guest on KVM: a machine of ours, in this process. Nothing of it outlives
//! the [`KvmGuest`].

use std::io::{self, Write};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use portunus_vmm::virtio::VirtioDevice;
use portunus_vmm::{
    BuildError, CpuCount, Handle, Machine, MachineSpec, MemorySize, Parts, Transport,
};

use super::life::{GuestError, Life};
use super::machine::MachineGuest;
use crate::rarely::Rarely;

/// What the guest's initial RAM disk takes, and as much again to work with.
const MEMORY_BYTES: u64 = 256 << 20;

/// What comes before the exit status of the guest's program, on its console.
const STATUS: &str = "guest: its program ended with ";

/// How often a serial port that is full is tried again: nothing tells when the
/// guest has read it.
const TRY_AGAIN: Duration = Duration::from_millis(5);

/// How long a guest may take to read one line.
const LINE_TIME: Duration = Duration::from_secs(10);

/// A running guest. Dropped, it is stopped.
pub struct KvmGuest {
    life: Arc<Life<()>>,
    handle: Handle,
}

/// What the guest's serial port writes to.
struct ToLife(Arc<Life<()>>);

impl Write for ToLife {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.print(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl KvmGuest {
    /// Boots a guest with programs, and with this device.
    ///
    /// # Errors
    ///
    /// Why there is no machine. What goes wrong inside is seen on the guest's
    /// console.
    pub fn boot(files: &MachineGuest, device: Box<dyn VirtioDevice>) -> Result<Self, BuildError> {
        let spec = MachineSpec {
            kernel: files.kernel.clone(),
            initrd: Some(files.initrd.clone()),
            command_line: "console=ttyS0 quiet panic=-1".to_owned(),
            memory: MemorySize::new(MEMORY_BYTES).unwrap_or(MemorySize::MIN),
            cpus: CpuCount::ONE,
            transport: Transport::Pci,
        };
        let life = Arc::new(Life::of(()));
        let faults = Rarely::default();
        let parts = Parts {
            devices: vec![device],
            serial: Box::new(ToLife(Arc::clone(&life))),
            faults: Arc::new(move |fault| {
                if let Some(times) = faults.again() {
                    tracing::warn!(%fault, times, "the device and the guest's driver do not agree");
                }
            }),
        };
        let over = Arc::clone(&life);
        let handle = Machine::build(&spec, parts)?.start(move |how, _parts| {
            tracing::info!(?how, "the guest has ended");
            over.close_console();
            over.change(|state| state.running = None);
        })?;
        Ok(Self { life, handle })
    }

    /// What ends this guest from another thread.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Types a line on the guest's console.
    ///
    /// # Errors
    ///
    /// [`GuestError::Console`] where the guest reads nothing.
    pub fn say(&self, line: &str) -> Result<(), GuestError> {
        let line = format!("{line}\n");
        let (mut rest, until) = (line.as_bytes(), Instant::now().checked_add(LINE_TIME));
        while !rest.is_empty() {
            let taken = self.handle.type_in(rest);
            rest = rest.get(taken..).unwrap_or_default();
            if taken == 0 {
                if until.is_none_or(|until| Instant::now() >= until) {
                    return Err(GuestError::Console(io::ErrorKind::TimedOut.into()));
                }
                thread::sleep(TRY_AGAIN);
            }
        }
        Ok(())
    }

    /// Takes lines until one has what `is_wanted` asks for, and answers that one.
    ///
    /// # Errors
    ///
    /// [`GuestError`] if none comes within that time, or ever.
    pub fn find_line(
        &self,
        task: &'static str,
        within: Duration,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<String, GuestError> {
        self.life.find_line(task, within, is_wanted)
    }

    /// Waits until the guest has powered off; answers its program's exit status.
    ///
    /// # Errors
    ///
    /// [`GuestError`] if it takes longer, or died before its program ended.
    pub fn finish(&self, within: Duration) -> Result<i32, GuestError> {
        self.life.finish(within, |console| {
            let text = console.text();
            let said = text.lines().find_map(|line| line.strip_prefix(STATUS))?;
            said.trim().parse().ok()
        })
    }
}

impl Drop for KvmGuest {
    fn drop(&mut self) {
        self.handle.stop();
        // Its end takes a moment, and then nothing of it is left.
        let _never_ends = self.life.finish(LINE_TIME, |_| Some(0));
    }
}

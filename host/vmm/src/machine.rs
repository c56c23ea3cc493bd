//! A whole machine: built from its [`MachineSpec`], started, and over once.
//!
//! It has threads of its own, one for each processor and one that waits for the
//! first of them to end. Whoever started it is called when all of it is over,
//! and gets its [`Parts`] back: the next machine is built of them. That is how a
//! machine restarts: a new one, with fresh memory, in a few milliseconds.

use std::convert::Infallible;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use vm_memory::{GuestMemoryError, GuestMemoryMmap};
use vmm_sys_util::errno;
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};
use vmm_sys_util::signal::{Killable, SIGRTMIN, register_signal_handler, unblock_signal};

use crate::acpi::{self, BusDescription};
use crate::boot::{self, BootError, Entry};
use crate::bus::Bus;
use crate::devices::{DeviceError, Devices, Surroundings};
use crate::hypervisor::{Hypervisor, HypervisorError, KVM_PATH};
use crate::kvm_events::KvmEvents;
use crate::layout::SERIAL_IRQ;
use crate::memory::{self, MemoryError};
use crate::power::PowerRequest;
use crate::serial::{SerialOutput, SerialPort};
use crate::spec::{CpuCount, MachineSpec, MemorySize, Transport};
use crate::transport::FaultSink;
use crate::vcpu::{Vcpu, VcpuFault, VcpuRecipe, address_bits};
use crate::virtio::VirtioDevice;
use crate::wiring::EventWiring;

/// What a machine is given for its time, and gives back.
pub struct Parts {
    /// Its virtio devices, reset, in the order of their places on the bus.
    pub devices: Vec<Box<dyn VirtioDevice>>,
    /// Where its serial port writes.
    pub serial: SerialOutput,
    /// Who is told of what goes wrong between a driver and its device.
    pub faults: FaultSink,
}

/// How a machine ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The guest switched it off.
    PoweredOff,
    /// The guest reset it: a reboot.
    Reset,
    /// [`Handle::stop`] was called.
    Stopped,
    /// An exception while another one's handler was called, twice: a processor
    /// shuts down. Some guests reboot so, and others have lost their way.
    TripleFault {
        /// Which processor.
        cpu: u8,
    },
    /// A processor cannot go on.
    Failed {
        /// Which processor.
        cpu: u8,
        /// Why.
        fault: VcpuFault,
    },
}

impl From<PowerRequest> for Ended {
    fn from(request: PowerRequest) -> Self {
        match request {
            PowerRequest::Off => Self::PoweredOff,
            PowerRequest::Reset => Self::Reset,
        }
    }
}

/// Why there is no machine.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// KVM: the host's fault.
    #[error(transparent)]
    Hypervisor(#[from] HypervisorError),
    /// Memory: the configuration's fault, or the host's.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The kernel, and what goes with it: the configuration's fault.
    #[error(transparent)]
    Boot(#[from] BootError),
    /// The ACPI tables were not written: ours.
    #[error("cannot write the ACPI tables into guest memory: {0}; this is a fault of the program")]
    Acpi(#[source] GuestMemoryError),
    /// The devices: the configuration's fault, or the host's.
    #[error(transparent)]
    Devices(#[from] DeviceError),
    /// An event, a signal or a thread: the host's.
    #[error("cannot {what}: {source}; raise the limits of this process (`ulimit -a`)")]
    Host {
        /// What was asked of it.
        what: &'static str,
        /// What it says.
        source: io::Error,
    },
}

/// What a machine consists of, whatever runs in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) memory: MemorySize,
    pub(crate) cpus: CpuCount,
    pub(crate) transport: Transport,
}

/// A machine that has not started.
pub struct Machine {
    vcpus: Vec<Vcpu>,
    bus: Arc<Bus>,
    faults: FaultSink,
}

impl Machine {
    /// Builds it: its memory has the kernel in it, and the next thing is the
    /// first instruction.
    ///
    /// # Errors
    ///
    /// What is missing, or does not fit, in words for the person who asked for
    /// the machine.
    pub fn build(spec: &MachineSpec, parts: Parts) -> Result<Self, BuildError> {
        Self::build_on(Path::new(KVM_PATH), spec, parts)
    }

    fn build_on(kvm: &Path, spec: &MachineSpec, parts: Parts) -> Result<Self, BuildError> {
        let shape = Shape {
            memory: spec.memory,
            cpus: spec.cpus,
            transport: spec.transport,
        };
        Self::assemble(kvm, shape, parts, |devices, memory| {
            let acpi_root = acpi::write(spec.cpus, devices, memory).map_err(BuildError::Acpi)?;
            Ok(boot::load(spec, devices, acpi_root, memory)?)
        })
    }

    /// Builds a machine of this shape. `load` puts something to run into its
    /// memory, and says where it begins.
    pub(crate) fn assemble(
        kvm: &Path,
        shape: Shape,
        parts: Parts,
        load: impl FnOnce(&BusDescription, &GuestMemoryMmap) -> Result<Entry, BuildError>,
    ) -> Result<Self, BuildError> {
        let hypervisor = Hypervisor::open(kvm)?;
        hypervisor.check_cpus(shape.cpus)?;
        let cpuid = hypervisor.cpuid()?;
        memory::check_reach(shape.memory, address_bits(&cpuid))?;
        let memory = memory::allocate(shape.memory)?;
        let vm = hypervisor.create_vm(&memory)?;

        let wiring: Arc<dyn EventWiring> = Arc::new(KvmEvents::new(Arc::clone(&vm)));
        let surroundings = Surroundings {
            memory: &memory,
            wiring: &wiring,
            faults: &parts.faults,
        };
        let devices = Devices::new(shape.transport, parts.devices, &surroundings)?;
        let entry = load(devices.description(), &memory)?;

        let interrupt = event()?;
        vm.register_irqfd(&interrupt, SERIAL_IRQ)
            .map_err(HypervisorError::refused(
                "connect the serial port's interrupt",
            ))?;
        let serial = SerialPort::new(parts.serial, interrupt);
        let bus = Arc::new(Bus::new(wiring, serial, devices));
        let vcpus = VcpuRecipe {
            vm: &vm,
            memory: &memory,
            cpus: shape.cpus,
            cpuid: &cpuid,
            deadline_timer: hypervisor.has_deadline_timer(),
            bus: &bus,
        }
        .make(entry)?;
        Ok(Self {
            vcpus,
            bus,
            faults: parts.faults,
        })
    }

    /// Starts it. `over` is called once, on a thread of the machine, when no
    /// processor runs any more and all devices are reset; it may not wait for
    /// long where somebody waits for the machine.
    ///
    /// # Errors
    ///
    /// The host gives no thread.
    pub fn start(
        self,
        over: impl FnOnce(Ended, Parts) + Send + 'static,
    ) -> Result<Handle, BuildError> {
        register_signal_handler(leave_signal(), wake_up).map_err(host("handle a signal"))?;
        let (ends, ended) = mpsc::channel();
        let handle = Handle {
            bus: Arc::clone(&self.bus),
            ends: ends.clone(),
        };
        thread::Builder::new()
            .name("machine".to_owned())
            .spawn(move || {
                let how = run(self.vcpus, &ends, &ended);
                let (devices, serial) = self.bus.take_back();
                let faults = self.faults;
                let parts = Parts {
                    devices,
                    serial,
                    faults,
                };
                over(how, parts);
            })
            .map_err(|source| BuildError::Host {
                what: "start the machine's thread",
                source,
            })?;
        Ok(handle)
    }
}

/// A hand on a machine that was started. It stays good, and does nothing, when
/// the machine is over; and the machine goes on without any.
#[derive(Clone)]
pub struct Handle {
    bus: Arc<Bus>,
    ends: Sender<Ended>,
}

impl Handle {
    /// Presses the power button: a guest that cares switches itself off.
    pub fn press_power_button(&self) {
        self.bus.press_power_button();
    }

    /// Stops all processors, wherever they are.
    pub fn stop(&self) {
        // Where nobody listens, it is over.
        let _over = self.ends.send(Ended::Stopped);
    }

    /// Types into the serial port. Answers how many bytes it took: it keeps
    /// [`INPUT_BYTES`](crate::serial::INPUT_BYTES) that the guest has not read.
    pub fn type_in(&self, bytes: &[u8]) -> usize {
        self.bus.type_in(bytes)
    }
}

/// How often a processor that is to stop is told again. Once is enough, but where
/// the signal comes just before it enters the guest.
const TELL_AGAIN: Duration = Duration::from_millis(1);

/// Runs all processors on threads of their own until the first one ends, or
/// somebody else says so.
fn run(vcpus: Vec<Vcpu>, ends: &Sender<Ended>, ended: &Receiver<Ended>) -> Ended {
    let stopping = Arc::new(AtomicBool::new(false));
    let (running, all_stopped) = mpsc::channel();
    let mut threads = Vec::new();
    for vcpu in vcpus {
        let cpu = vcpu.index();
        match spawn(vcpu, &stopping, ends.clone(), running.clone()) {
            Ok(thread) => threads.push(thread),
            Err(error) => {
                let _we_listen = ends.send(failed(cpu, &format!("no thread for it: {error}")));
                break;
            }
        }
    }
    drop(running);
    // There is a sender, ours.
    let how = ended.recv().unwrap_or(Ended::Stopped);
    stopping.store(true, Ordering::Release);
    stop(threads, &all_stopped);
    how
}

/// Runs one. It drops `running` when it has ended.
fn spawn(
    vcpu: Vcpu,
    stopping: &Arc<AtomicBool>,
    ends: Sender<Ended>,
    running: Sender<Infallible>,
) -> io::Result<JoinHandle<()>> {
    let cpu = vcpu.index();
    let stopping = Arc::clone(stopping);
    thread::Builder::new()
        .name(format!("vcpu{cpu}"))
        .spawn(move || {
            // A thread has the mask of the one that made it.
            let _was_not_blocked = unblock_signal(leave_signal());
            let how = catch_unwind(AssertUnwindSafe(|| vcpu.run(&stopping)))
                .unwrap_or_else(|_| Some(failed(cpu, "its thread panicked")));
            if let Some(how) = how {
                let _over = ends.send(how);
            }
            drop(running);
        })
}

fn failed(cpu: u8, reason: &str) -> Ended {
    let reason = reason.to_owned();
    let fault = VcpuFault::RunFailed { reason };
    Ended::Failed { cpu, fault }
}

/// Gets all processors out of the guest, and waits for their threads.
fn stop(threads: Vec<JoinHandle<()>>, all_stopped: &Receiver<Infallible>) {
    loop {
        for thread in &threads {
            // One that has ended, and was not joined, takes no harm.
            let _ended = thread.kill(leave_signal());
        }
        if all_stopped.recv_timeout(TELL_AGAIN) == Err(RecvTimeoutError::Disconnected) {
            break;
        }
    }
    for thread in threads {
        // A panic of its own was answered there.
        let _answered = thread.join();
    }
}

/// What gets a processor out of the guest: the first signal that is nobody's.
fn leave_signal() -> libc::c_int {
    SIGRTMIN()
}

/// What a processor's thread is signalled for: `KVM_RUN` returns.
extern "C" fn wake_up(_: libc::c_int, _: *mut libc::siginfo_t, _: *mut libc::c_void) {}

fn event() -> Result<EventFd, BuildError> {
    EventFd::new(EFD_NONBLOCK).map_err(|source| BuildError::Host {
        what: "make an event",
        source,
    })
}

fn host(what: &'static str) -> impl Fn(errno::Error) -> BuildError {
    move |error| BuildError::Host {
        what,
        source: error.into(),
    }
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;

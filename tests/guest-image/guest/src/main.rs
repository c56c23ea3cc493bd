//! A guest without an operating system: it brings the virtio-serial device up by
//! itself, over PCI or MMIO, talks on its ports, and ends as it is told. It runs
//! on any `/dev/kvm`, where a whole kernel does not: one that only emulates knows
//! no vector registers and delivers no interrupts, and takes two microseconds for
//! an instruction, so that this guest has the processor's string instructions do
//! what takes many.
//!
//! The words of its command line:
//!
//! | word | meaning |
//! | --- | --- |
//! | `virtio_mmio.device=SIZE@ADDRESS:IRQ` | the device, where it is not on the PCI bus |
//! | `ports=N` | wait for, and use, so many ports: 2; with 0 it needs no device |
//! | `rounds=N` | have each echo so often: 1 |
//! | `interrupts` | rest until an interrupt, rather than look all the time: not where KVM emulates |
//! | `no-vectors` | over PCI, leave MSI-X off, and look all the time |
//! | `stream=BYTES` | have the first port echo that, and count |
//! | `lines=NAME:COUNT` | send that port numbered lines |
//! | `hostile` | misbehave at the bus, in every way it knows |
//! | `end=HOW` | see [`end`] |
#![no_std]
#![no_main]

mod acpi;
mod boot;
mod cpu;
mod driver;
mod end;
mod hostile;
mod interrupts;
mod memory;
mod mmio;
mod pci;
mod queue;
mod serial;
mod talk;
mod transport;

use core::arch::global_asm;
use core::panic::PanicInfo;

use acpi::Acpi;
use boot::Boot;
use driver::{Driver, Outcome, Waiting};
use memory::Pool;
use mmio::Mmio;
use pci::Pci;
use serial::Word::{Bytes, Hex, Number, Text};
use serial::say;
use transport::Transport;

global_asm!(include_str!("start.s"), options(att_syntax));

/// The start of it all, by `start.s`.
#[unsafe(no_mangle)]
extern "C" fn main(info: u64, protocol: u64) -> ! {
    let boot = Boot::read(info, protocol);
    say(&[
        Text("up, by "),
        Text(boot.protocol.name()),
        Text("'s entry"),
    ]);
    let acpi = Acpi::find(&boot);
    if let Err(fault) = run(&boot) {
        say(&[Text("FAILED: "), Text(fault)]);
        end::power_off(acpi.as_ref());
    }
    end::end(&boot, acpi.as_ref())
}

fn run(boot: &Boot) -> Outcome<()> {
    if boot.number("ports", 2) == 0 {
        return Ok(());
    }
    let pool = Pool::new();
    interrupts::prepare(&pool);
    if let Some(mmio) = Mmio::find(boot) {
        say(&[Text("virtio-serial by mmio at "), Hex(mmio.base())]);
        use_device(boot, &mmio, hostile::Bus::Mmio, &pool)
    } else if let Some(pci) = Pci::find(!boot.has("no-vectors")) {
        say(&[
            Text("virtio-serial by pci at device "),
            Number(u64::from(pci.function.0 >> 3)),
            Text(", vectors "),
            Number(pci.vectors().into()),
        ]);
        use_device(boot, &pci, hostile::Bus::Pci(&pci), &pool)
    } else {
        Err("there is no virtio-serial device")
    }
}

fn use_device(
    boot: &Boot,
    transport: &dyn Transport,
    bus: hostile::Bus,
    pool: &Pool,
) -> Outcome<()> {
    let waiting = match boot.has("interrupts") && !boot.has("no-vectors") {
        true => Waiting::Interrupts,
        false => Waiting::Polls,
    };
    let ports = boot.number("ports", 2) as usize;
    if boot.has("hostile") {
        hostile::misbehave(transport, &bus, pool, waiting, ports)?;
    }
    let mut driver = Driver::start(transport, pool, waiting, ports)?;
    for index in 0..ports {
        let port = driver.port(index)?;
        say(&[
            Text("port "),
            Number(port.id.into()),
            Text(" is "),
            Bytes(port.name()),
        ]);
    }
    let rounds = boot.number("rounds", 1);
    talk::echo(&mut driver, pool, ports, &talk::SIZES, rounds)?;
    talk::measure(&mut driver, pool, boot)?;
    if let Some(what) = boot.value("lines") {
        talk::lines(&mut driver, ports, what)?;
    }
    say(&[
        Text("vectors with interrupts: "),
        Number(interrupts::vectors_seen()),
    ]);
    Ok(())
}

#[panic_handler]
fn panicked(info: &PanicInfo) -> ! {
    if let Some(place) = info.location() {
        let (file, line) = (place.file(), place.line());
        say(&[
            Text("FAILED: a panic in "),
            Text(file),
            Text(", line "),
            Number(line.into()),
        ]);
    }
    cpu::triple_fault()
}

//! A guest without an operating system: it brings the virtio-serial device up by
//! itself, over PCI or MMIO, talks on its ports, and ends as it is told. It runs
//! on any `/dev/kvm`, within milliseconds, where a whole kernel does not.
//!
//! The words of its command line:
//!
//! | word | meaning |
//! | --- | --- |
//! | `virtio_mmio.device=SIZE@ADDRESS:IRQ` | the device, where it is not on the PCI bus |
//! | `ports=N` | wait for, and use, so many ports: 2; with 0 it needs no device |
//! | `rounds=N` | have each echo so often: 2 |
//! | `poll` | look for what the device did, rather than have interrupts |
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
use serial::say;
use transport::Transport;

global_asm!(include_str!("start.s"), options(att_syntax));

/// The start of it all, by `start.s`.
#[unsafe(no_mangle)]
extern "C" fn main(info: u64, protocol: u64) -> ! {
    let boot = Boot::read(info, protocol);
    say(format_args!("up, by the {:?} entry", boot.protocol));
    let acpi = Acpi::find(&boot);
    if let Err(fault) = run(&boot) {
        say(format_args!("FAILED: {fault}"));
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
    if let Some(mmio) = Mmio::find(boot.command_line) {
        say(format_args!("virtio-serial by mmio at {:#x}", mmio.base()));
        use_device(boot, &mmio, hostile::Bus::Mmio, &pool)
    } else if let Some(pci) = Pci::find(!boot.has("poll")) {
        say(format_args!(
            "virtio-serial by pci at 0:{:x}, {} vectors",
            pci.function.0 >> 3,
            pci.vectors()
        ));
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
    let waiting = match boot.has("poll") {
        true => Waiting::Polls,
        false => Waiting::Interrupts,
    };
    let ports = boot.number("ports", 2) as usize;
    if boot.has("hostile") {
        hostile::misbehave(transport, &bus, pool, waiting, ports)?;
    }
    let mut driver = Driver::start(transport, pool, waiting, ports)?;
    for index in 0..ports {
        let port = driver.port(index)?;
        say(format_args!("port {} is {}", port.id, port.name()));
    }
    talk::echo(&mut driver, ports, boot.number("rounds", 2))?;
    talk::measure(&mut driver, boot)?;
    match boot.value("lines") {
        Some(what) => talk::lines(&mut driver, ports, what),
        None => Ok(()),
    }
}

#[panic_handler]
fn panicked(info: &PanicInfo) -> ! {
    say(format_args!("FAILED: {info}"));
    cpu::triple_fault()
}

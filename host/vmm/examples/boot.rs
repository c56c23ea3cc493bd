//! Boots a kernel with its serial port on this terminal, and says how it ended:
//!
//! ```console
//! cargo run -p portunus-vmm --example boot -- \
//!     /boot/vmlinuz initrd.img 512 2 "console=ttyS0"
//! ```
//!
//! The arguments: kernel, initrd (`-` for none), mebibytes, processors, command
//! line. What is typed goes to the guest a line at a time; end of file presses
//! its power button.

use std::error::Error;
use std::io::{self, BufRead};
use std::sync::{Arc, mpsc};
use std::thread;

use portunus_vmm::{CpuCount, Ended, Machine, MachineSpec, MemorySize, Parts, Transport};

fn main() -> Result<(), Box<dyn Error>> {
    let spec = spec(std::env::args().skip(1))?;
    let parts = Parts {
        devices: Vec::new(),
        serial: Box::new(io::stdout()),
        faults: Arc::new(|fault| eprintln!("{fault}")),
    };
    let (tell, over) = mpsc::channel();
    let handle = Machine::build(&spec, parts)?.start(move |ended, _parts| {
        // We wait for nothing else.
        let _heard = tell.send(ended);
    })?;
    thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            handle.type_in(format!("{line}\n").as_bytes());
        }
        handle.press_power_button();
    });
    let ended = over.recv()?;
    println!("ended: {ended:?}");
    match ended {
        Ended::Failed { fault, .. } => Err(fault.to_string().into()),
        _ => Ok(()),
    }
}

fn spec(mut arguments: impl Iterator<Item = String>) -> Result<MachineSpec, Box<dyn Error>> {
    let mut next = |what: &str| arguments.next().ok_or(format!("which {what}?"));
    let kernel = next("kernel")?.into();
    let initrd = Some(next("initrd")?).filter(|path| path != "-");
    let mebibytes: u64 = next("memory, in MiB")?.parse()?;
    let cpus = next("number of processors")?.parse()?;
    Ok(MachineSpec {
        kernel,
        initrd: initrd.map(Into::into),
        command_line: next("command line")?,
        memory: MemorySize::new(mebibytes << 20).ok_or("2 MiB to 4 TiB of memory")?,
        cpus: CpuCount::new(cpus).ok_or("1 to 64 processors")?,
        transport: Transport::Pci,
    })
}

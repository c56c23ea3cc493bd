//! A machine of our own whose ports come and go while it runs: what the program has
//! no command for yet.
//!
//! The arguments: kernel, initial RAM disk, command line, and the echo plugin,
//! which answers every port. On standard input: `add NAME ID`, `remove ID`.

use std::error::Error;
use std::io::{self, BufRead};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use portunus::door::run::ConsoleDevice;
use portunus::router::Router;
use portunus_device::layout::{MaxPorts, PortId};
use portunus_plugin::{Component, Engine};
use portunus_tests::device::plan;
use portunus_tests::scripts::ECHO;
use portunus_vmm::{CpuCount, Ended, Machine, MachineSpec, MemorySize, Parts, Transport};
use tokio::runtime::{Handle, Runtime};

/// What a plugin gets to make things safe.
const STOP_GRACE: Duration = Duration::from_secs(1);

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("four arguments");
    let spec = MachineSpec {
        kernel: next()?.into(),
        initrd: Some(next()?.into()),
        command_line: next()?,
        memory: MemorySize::new(512 << 20).ok_or("no such size")?,
        cpus: CpuCount::new(2).ok_or("no such number")?,
        transport: Transport::Pci,
    };
    let runtime = Runtime::new()?;
    let tasks = runtime.handle().clone();
    let _in_runtime = runtime.enter();
    let component = Component::load_file(&Engine::new()?, next()?.as_ref())?;
    let router = Arc::new(Router::new(MaxPorts::default(), tracing::Span::none()));
    tasks.block_on(router.add(plan(&component, ECHO, 1, false)?))?;
    let parts = Parts {
        devices: vec![Box::new(ConsoleDevice::new(Arc::clone(&router)))],
        serial: Box::new(io::stdout()),
        faults: Arc::new(|fault| eprintln!("{fault}")),
    };
    let (tell, over) = mpsc::channel();
    let _handle = Machine::build(&spec, parts)?.start(move |ended, _parts| {
        // Nobody waits for more.
        let _heard = tell.send(ended);
    })?;
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            let words: Vec<&str> = line.split(' ').collect();
            let done = match words.as_slice() {
                ["add", name, id] => add(&tasks, &router, &component, name, id),
                ["remove", id] => remove(&tasks, &router, id),
                _ => Err("no such command".into()),
            };
            println!("{line}: {done:?}");
        }
    });
    match over.recv()? {
        Ended::PoweredOff => Ok(()),
        other => Err(format!("{other:?}").into()),
    }
}

fn add(
    tasks: &Handle,
    router: &Router,
    component: &Component,
    name: &str,
    id: &str,
) -> Result<(), Box<dyn Error>> {
    Ok(tasks.block_on(router.add(plan(component, name, id.parse()?, false)?))?)
}

fn remove(tasks: &Handle, router: &Router, id: &str) -> Result<(), Box<dyn Error>> {
    let id = PortId::new(id.parse()?).ok_or("no such number")?;
    match tasks.block_on(router.remove(id, STOP_GRACE)) {
        true => Ok(()),
        false => Err("no such port".into()),
    }
}

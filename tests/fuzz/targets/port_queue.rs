//! A port's two queues in memory that says anything, and changes under them.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use portunus_device::port_queue::{ReceiveQueue, TransmitQueue};
use portunus_device::ring::RingFault;
use portunus_fuzz::{Guest, RingPlace, Scribble};

#[derive(Debug, Arbitrary)]
struct Input {
    memory: Vec<Scribble>,
    transmit: RingPlace,
    receive: RingPlace,
    taken: u64,
    steps: Vec<Step>,
}

#[derive(Debug, Arbitrary)]
enum Step {
    Scribble(Scribble),
    Pull(u16),
    Discard,
    ArmTransmit,
    Push(u16),
    ArmReceive,
}

fuzz_target!(|input: Input| {
    let guest = Guest::default();
    for scribble in &input.memory {
        guest.scribble(scribble);
    }
    let transmit = guest.ring(&input.transmit);
    let receive = guest.ring(&input.receive);
    let mut transmit = transmit.map(|ring| TransmitQueue::resume(ring, input.taken));
    let mut receive = receive.map(ReceiveQueue::new);
    for step in &input.steps {
        if let Step::Scribble(scribble) = step {
            guest.scribble(scribble);
        }
        // A fault is an answer.
        let _fault = transmit.as_mut().map(|queue| take(queue, step));
        let _fault = receive.as_mut().map(|queue| give(queue, step));
    }
});

fn take(queue: &mut TransmitQueue, step: &Step) -> Result<(), RingFault> {
    match step {
        Step::Pull(bytes) => {
            let limit = queue.available()?;
            let mut into = vec![0; usize::from(*bytes)];
            assert!(queue.pull(limit, &mut into)? <= into.len());
            queue.notify()?;
        }
        Step::Discard => {
            let limit = queue.available()?;
            queue.discard(limit)?;
            assert!(queue.is_drained(limit));
            queue.notify()?;
        }
        Step::ArmTransmit => {
            queue.arm()?;
        }
        _ => queue.disarm()?,
    }
    Ok(())
}

fn give(queue: &mut ReceiveQueue, step: &Step) -> Result<(), RingFault> {
    match step {
        Step::Push(bytes) => {
            let data = vec![0xa5; usize::from(*bytes)];
            assert!(queue.push(&data)? <= data.len());
            queue.notify()?;
        }
        Step::ArmReceive => {
            queue.arm()?;
        }
        _ => queue.disarm()?,
    }
    Ok(())
}

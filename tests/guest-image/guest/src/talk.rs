//! Bytes to ports, and back: each port's plugin is expected to echo.

use crate::boot::{Boot, number};
use crate::cpu;
use crate::driver::{Driver, Outcome, PORTS_LIMIT, Port, SEND_BYTES};
use crate::interrupts;
use crate::memory::{self, Pool};
use crate::serial::Word::{Bytes, Number, Text};
use crate::serial::say;

/// How much is sent at once, in bytes, before the echo is awaited: a byte, less
/// and more than a buffer, and more than all receive buffers together.
pub const SIZES: [u64; 5] = [1, 13, 4095, 4096, 40_000];

/// What a stream consists of, again and again: so many bytes that no error of
/// a page or of a word can hide.
const PERIOD: u64 = 251;
/// So far, the pattern is a whole number of words.
const WORDS_PERIOD: u64 = PERIOD * 8;
/// A buffer's worth from any place of a period.
const PATTERN_BYTES: u64 = SEND_BYTES as u64 + WORDS_PERIOD;

/// One port's stream, out and back.
struct Stream {
    port: Port,
    /// Where the pattern is.
    pattern: u64,
    sent: u64,
    received: u64,
    intact: bool,
}

impl Stream {
    fn new(port: Port, pattern: u64) -> Self {
        Self {
            port,
            pattern,
            sent: 0,
            received: 0,
            intact: true,
        }
    }

    /// Sends and receives what can be, up to `until`; whether anything could.
    fn turn(&mut self, driver: &mut Driver, until: u64) -> Outcome<bool> {
        let Self {
            port,
            pattern,
            sent,
            received,
            intact,
        } = self;
        // Each port's begins elsewhere: no stream is another's.
        let expected = |place: u64| *pattern + (place + u64::from(port.id)) % PERIOD;
        let mut moved = false;
        while *sent < until
            && driver.send(port, |buffer, size| {
                let length = size.min(until - *sent);
                memory::copy(expected(*sent), buffer, length);
                *sent += length;
                length
            })?
        {
            moved = true;
        }
        while driver.receive(port, |bytes| {
            let length = bytes.len() as u64;
            *intact &= memory::same(expected(*received), bytes.as_ptr().addr() as u64, length);
            *received += length;
        })? {
            moved = true;
        }
        Ok(moved)
    }
}

/// Has `port_count` ports echo these sizes, `rounds` times, at once.
pub fn echo(
    driver: &mut Driver,
    pool: &Pool,
    port_count: usize,
    sizes: &[u64],
    rounds: u64,
) -> Outcome<()> {
    let pattern = pattern(pool);
    let mut streams = [const { None }; PORTS_LIMIT];
    for (index, stream) in streams.iter_mut().take(port_count).enumerate() {
        *stream = Some(Stream::new(driver.port(index)?, pattern));
    }
    let mut until = 0;
    for _ in 0..rounds {
        for size in sizes {
            until += size;
            move_all(driver, &mut streams, until)?;
        }
    }
    for stream in streams.iter().flatten() {
        if !stream.intact || stream.received != until {
            return Err("an echo is not what was sent");
        }
        let port = &stream.port;
        say(&[
            Text("port "),
            Number(port.id.into()),
            Text(" "),
            Bytes(port.name()),
            Text(" echoed "),
            Number(until),
            Text(" bytes"),
        ]);
    }
    Ok(())
}

fn pattern(pool: &Pool) -> u64 {
    let pattern = pool.take_dirty(PATTERN_BYTES);
    for place in 0..PERIOD {
        cpu::store8(pattern + place, place as u8);
    }
    memory::repeat(pattern, PERIOD, WORDS_PERIOD);
    memory::repeat(pattern, WORDS_PERIOD, PATTERN_BYTES);
    pattern
}

fn move_all(driver: &mut Driver, streams: &mut [Option<Stream>], until: u64) -> Outcome<()> {
    loop {
        let mut moved = false;
        let mut done = true;
        for stream in streams.iter_mut().flatten() {
            moved |= stream.turn(driver, until)?;
            done &= stream.received >= until;
        }
        if done {
            return Ok(());
        }
        if !moved {
            driver.rest()?;
        }
    }
}

/// Sends numbered lines to the port of this name until the device has taken them
/// all: `NAME:COUNT`.
pub fn lines(driver: &mut Driver, port_count: usize, what: &[u8]) -> Outcome<()> {
    const HOW: &str = "it is lines=NAME:COUNT";
    let mut parts = what.split(|byte| *byte == b':');
    let (name, count) = (parts.next().ok_or(HOW)?, parts.next().ok_or(HOW)?);
    let count = number(count).ok_or(HOW)?;
    let port = (0..port_count)
        .filter_map(|index| driver.port(index).ok())
        .find(|port| port.name() == name)
        .ok_or("no port has that name")?;
    for number in 0..count {
        while !driver.send(&port, |buffer, _| line(number, buffer))? {
            driver.rest()?;
        }
    }
    while !driver.all_sent(&port)? {
        driver.rest()?;
    }
    say(&[
        Text("port "),
        Number(port.id.into()),
        Text(" took "),
        Number(count),
        Text(" lines"),
    ]);
    Ok(())
}

/// A line of six digits.
fn line(mut number: u64, buffer: u64) -> u64 {
    for place in (0..6).rev() {
        cpu::store8(buffer + place, b'0' + (number % 10) as u8);
        number /= 10;
    }
    cpu::store8(buffer + 6, b'\n');
    7
}

/// Has one port echo `stream=BYTES` of a stream, and says what that took.
pub fn measure(driver: &mut Driver, pool: &Pool, boot: &Boot) -> Outcome<()> {
    let bytes = boot.number("stream", 0);
    if bytes == 0 {
        return Ok(());
    }
    let mut stream = [Some(Stream::new(driver.port(0)?, pattern(pool)))];
    let (notified, interrupts) = (driver.notified(), interrupts::count());
    move_all(driver, &mut stream, bytes)?;
    say(&[
        Text("stream of "),
        Number(bytes),
        Text(" bytes: "),
        Number(driver.notified() - notified),
        Text(" notifications, "),
        Number(interrupts::count() - interrupts),
        Text(" interrupts"),
    ]);
    Ok(())
}

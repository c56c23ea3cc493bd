//! Bytes to ports, and back: each port's plugin is expected to echo.

use crate::boot::Boot;
use crate::driver::{Driver, Outcome, Port};
use crate::serial::say;

/// How much is sent at once, in bytes, before the echo is awaited: a byte, less
/// and more than a buffer, and more than all buffers together.
const SIZES: [u64; 6] = [1, 13, 4095, 4096, 65_537, 1 << 20];

/// A byte of a port's stream.
fn byte_at(port: &Port, place: u64) -> u8 {
    (place ^ place >> 8 ^ place >> 16 ^ u64::from(port.id)) as u8
}

/// One port's stream, out and back.
struct Stream {
    port: Port,
    sent: u64,
    received: u64,
    intact: bool,
}

impl Stream {
    /// Sends and receives what can be, up to `until`; whether anything could.
    fn turn(&mut self, driver: &mut Driver, until: u64) -> Outcome<bool> {
        let Self {
            port,
            sent,
            received,
            intact,
        } = self;
        let mut moved = false;
        while *sent < until
            && driver.send(port, |buffer| {
                let length = (until - *sent).min(buffer.len() as u64);
                for (place, byte) in (*sent..*sent + length).zip(buffer) {
                    *byte = byte_at(port, place);
                }
                *sent += length;
                length as usize
            })?
        {
            moved = true;
        }
        while driver.receive(port, |bytes| {
            for byte in bytes {
                *intact &= *byte == byte_at(port, *received);
                *received += 1;
            }
        })? {
            moved = true;
        }
        Ok(moved)
    }
}

/// Has `port_count` ports echo all sizes, `rounds` times, at once.
pub fn echo(driver: &mut Driver, port_count: usize, rounds: u64) -> Outcome<()> {
    let mut until = 0;
    let mut streams = [const { None }; 4];
    for (index, stream) in streams.iter_mut().take(port_count).enumerate() {
        *stream = Some(Stream {
            port: driver.port(index)?,
            sent: 0,
            received: 0,
            intact: true,
        });
    }
    for _ in 0..rounds {
        for size in SIZES {
            until += size;
            move_all(driver, &mut streams, until)?;
        }
    }
    for stream in streams.iter().flatten() {
        if !stream.intact || stream.received != until {
            return Err("an echo is not what was sent");
        }
        let port = &stream.port;
        say(format_args!(
            "port {} {} echoed {until} bytes",
            port.id,
            port.name()
        ));
    }
    Ok(())
}

fn move_all(driver: &mut Driver, streams: &mut [Option<Stream>], until: u64) -> Outcome<()> {
    while streams
        .iter()
        .flatten()
        .any(|stream| stream.received < until)
    {
        let mut moved = false;
        for stream in streams.iter_mut().flatten() {
            moved |= stream.turn(driver, until)?;
        }
        if !moved {
            driver.rest()?;
        }
    }
    Ok(())
}

/// Sends numbered lines to the port of this name until the device has taken them
/// all: `NAME:COUNT`.
pub fn lines(driver: &mut Driver, port_count: usize, what: &str) -> Outcome<()> {
    let (name, count) = what.split_once(':').ok_or("lines=NAME:COUNT")?;
    let count: u32 = count.parse().map_err(|_| "lines=NAME:COUNT")?;
    let port = (0..port_count)
        .filter_map(|index| driver.port(index).ok())
        .find(|port| port.name() == name)
        .ok_or("no port has that name")?;
    for number in 0..count {
        while !driver.send(&port, |buffer| line(number, buffer))? {
            driver.rest()?;
        }
    }
    while !driver.all_sent(&port)? {
        driver.rest()?;
    }
    say(format_args!("port {} took {count} lines", port.id));
    Ok(())
}

/// A line of ten digits.
fn line(mut number: u32, buffer: &mut [u8]) -> usize {
    let line = &mut buffer[..11];
    line[10] = b'\n';
    for digit in line[..10].iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
    line.len()
}

/// Has one port echo `bytes` of a stream, and says what that took.
pub fn measure(driver: &mut Driver, boot: &Boot) -> Outcome<()> {
    let bytes = boot.number("stream", 0);
    if bytes == 0 {
        return Ok(());
    }
    let mut stream = [Some(Stream {
        port: driver.port(0)?,
        sent: 0,
        received: 0,
        intact: true,
    })];
    let before = driver.counts();
    move_all(driver, &mut stream, bytes)?;
    let after = driver.counts();
    say(format_args!(
        "stream of {bytes} bytes: {} notifications, {} interrupts",
        after.notifications - before.notifications,
        after.interrupts - before.interrupts
    ));
    Ok(())
}

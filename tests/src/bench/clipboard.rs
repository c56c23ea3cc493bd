//! A large image through the clipboard plugin, beside as many bytes through a
//! plugin that passes them on unread: the session's own time for all of it.

#![expect(
    clippy::indexing_slicing,
    reason = "a bench's own words are as they should be"
)]

use std::error::Error;
use std::time::Duration;

use portunus_plugin::{Component, Engine};
use tempfile::TempDir;
use tokio::net::{UnixListener, UnixStream};

use super::report::{Goal, Row};
use super::rig::{Rig, RigSpec, built, recipe, runtime};
use super::rounds::{Scale, Times};

/// Of what the plugin that passes on moves.
const GOAL: Goal = Goal::AtLeast(0.5);

/// What the fake guest writes before it waits until that is taken: less than its
/// queue holds.
const TURN_BYTES: usize = 1 << 20;

/// Bytes of content in one of the plugin's lines.
const LINE_CONTENT_BYTES: usize = 48 << 10;

/// Linux's queue and its largest chain.
const SPEC: RigSpec = RigSpec {
    queue_size: 256,
    message_bytes: 32 << 10,
};

/// The policy that lets an image through, as often as it is measured.
const CONFIG: &str =
    r#"{"direction": "both", "types": ["image/png"], "max-size": "64MiB", "rate": 6000}"#;

/// Memory for a few such images.
const MEMORY_BYTES: u64 = 512 << 20;

/// Each way.
///
/// # Errors
///
/// What could not be started or did not go as it should.
pub fn images(scale: Scale, engine: &Engine) -> Result<Vec<Row>, Box<dyn Error>> {
    let image: Vec<u8> = (0..=250).cycle().take(scale.image_bytes).collect();
    let passing = Component::load(engine, &built("tests/passing")?, "passing")?;
    let clipboard = Component::load(engine, &built("clipboard")?, "clipboard")?;
    let mut times: [Times; 4] = Default::default();
    runtime()?.block_on(async {
        let mut passed = Pair::start(passing, "{}").await?;
        let mut shared = Pair::start(clipboard, CONFIG).await?;
        shared.introduce().await?;
        for round in 0..scale.image_rounds {
            let [out, out_shared, back, back_shared] = &mut times;
            out.push(passed.pass_to_host(&image).await?);
            out_shared.push(shared.get(&image, u32::try_from(round)? * 2).await?);
            back.push(passed.pass_to_guest(&image).await?);
            back_shared.push(shared.put(&image).await?);
        }
        passed.rig.stop().await;
        shared.rig.stop().await;
        Ok::<_, Box<dyn Error>>(())
    })?;
    let [out, out_shared, back, back_shared] = times.map(|times| times.median_ns());
    Ok(vec![
        row("to the host", image.len(), out, out_shared),
        row("to the guest", image.len(), back, back_shared),
    ])
}

fn row(way: &str, bytes: usize, passed_ns: f64, shared_ns: f64) -> Row {
    let ms = |ns: f64| format!("{:.1} ms", ns / 1e6);
    Row {
        what: format!(
            "image of {} KiB {way} by the clipboard: throughput",
            bytes >> 10
        ),
        base: format!("passed on {}", ms(passed_ns)),
        measured: format!("clipboard {}", ms(shared_ns)),
        figure: passed_ns / shared_ns,
        unit: "",
        goal: GOAL,
    }
}

/// A port with its fake guest, and a client.
struct Pair {
    rig: Rig,
    client: UnixStream,
    _folder: TempDir,
}

impl Pair {
    async fn start(component: Component, config: &str) -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("port.sock");
        let socket = UnixListener::bind(&path)?;
        let mut recipe = recipe(component);
        recipe.config = config.into();
        recipe.limits.memory_bytes = MEMORY_BYTES;
        let rig = Rig::start_with(recipe, SPEC, Some(socket)).await?;
        let client = UnixStream::connect(&path).await?;
        Ok(Self {
            rig,
            client,
            _folder: folder,
        })
    }

    /// The guest sends bytes, until the client has received so many.
    async fn guest_sends(&mut self, bytes: &[u8], wanted: usize) -> Result<(), Box<dyn Error>> {
        let mut turns = bytes.chunks(TURN_BYTES);
        let mut buffer = vec![0; TURN_BYTES];
        let mut received = 0;
        while received < wanted {
            if self.rig.is_drained()?
                && let Some(turn) = turns.next()
            {
                self.rig.write(turn)?;
            }
            tokio::task::yield_now().await;
            received += read(&self.client, &mut buffer)?;
        }
        Ok(())
    }

    /// The client sends bytes, until the guest has received what it waits for.
    async fn client_sends(
        &mut self,
        mut bytes: &[u8],
        mut is_all: impl FnMut(&[u8]) -> bool,
    ) -> Result<(), Box<dyn Error>> {
        let mut received = Vec::new();
        while !bytes.is_empty() || !is_all(&received) {
            bytes = &bytes[written(&self.client, bytes)?..];
            tokio::task::yield_now().await;
            received.extend(self.rig.read()?);
        }
        Ok(())
    }

    async fn pass_to_host(&mut self, image: &[u8]) -> Result<Duration, Box<dyn Error>> {
        self.rig.take_spent();
        self.guest_sends(image, image.len()).await?;
        Ok(self.rig.take_spent())
    }

    async fn pass_to_guest(&mut self, image: &[u8]) -> Result<Duration, Box<dyn Error>> {
        self.rig.take_spent();
        self.client_sends(image, |received| received.len() >= image.len())
            .await?;
        Ok(self.rig.take_spent())
    }

    /// Agent and plugin tell each other what they can do: content by demand, of
    /// several selections, with numbered grabs.
    async fn introduce(&mut self) -> Result<(), Box<dyn Error>> {
        let announce = message(6, &words(&[0, 1 << 5 | 1 << 6 | 1 << 16 | 1 << 17]));
        self.rig.sink(&announce).await?;
        self.rig.read()?;
        Ok(())
    }

    /// The guest offers the image, and the client gets it.
    async fn get(&mut self, image: &[u8], serial: u32) -> Result<Duration, Box<dyn Error>> {
        let content = message(4, &[words(&[0, 2]), image.into()].concat());
        self.rig.take_spent();
        self.rig.sink(&message(7, &words(&[0, serial, 2]))).await?;
        let get = b"{\"do\":\"get\",\"type\":\"image/png\"}\n";
        self.client_sends(get, has_messages(1)).await?;
        self.guest_sends(&content, lines(image).len()).await?;
        Ok(self.rig.take_spent())
    }

    /// The client puts the image, and the guest asks for it.
    async fn put(&mut self, image: &[u8]) -> Result<Duration, Box<dyn Error>> {
        let put = lines(image).replacen('{', "{\"do\":\"put\",\"type\":\"image/png\",", 1);
        let put = put.replace("\n{", "\n{\"do\":\"data\",");
        self.rig.take_spent();
        self.client_sends(put.as_bytes(), has_messages(1)).await?;
        let mut answer = [0; 64];
        while read(&self.client, &mut answer)? == 0 {
            tokio::task::yield_now().await;
        }
        self.rig.write(&message(8, &words(&[0, 2])))?;
        self.client_sends(b"", has_messages(1)).await?;
        Ok(self.rig.take_spent())
    }
}

/// The lines in which the plugin gives an image to a client: what is in it does
/// not matter to anyone, so neither does its base64.
fn lines(image: &[u8]) -> String {
    let parts = image.chunks(LINE_CONTENT_BYTES);
    let last = parts.len() - 1;
    parts
        .enumerate()
        .map(|(at, part)| {
            let padding = (3 - part.len() % 3) % 3;
            let data = "AbC/".repeat(part.len() / 3);
            let tail = ["", "AbA=", "AA=="][padding];
            let more = if at < last { ",\"more\":true" } else { "" };
            format!("{{\"data\":\"{data}{tail}\"{more}}}\n")
        })
        .collect()
}

/// Whether a stream of the plugin's to the guest has so many whole messages.
fn has_messages(wanted: usize) -> impl FnMut(&[u8]) -> bool {
    let (mut next_chunk, mut left, mut whole) = (0, 0, 0);
    move |stream| {
        let word = |at: usize| {
            let bytes = stream.get(at..at + 4)?;
            Some(u32::from_le_bytes(bytes.try_into().ok()?) as usize)
        };
        while let Some(chunk) = word(next_chunk + 4) {
            if left == 0 {
                let Some(body) = word(next_chunk + 8 + 16) else {
                    break;
                };
                left = 20 + body;
            }
            if stream.len() < next_chunk + 8 + chunk {
                break;
            }
            left -= chunk;
            next_chunk += 8 + chunk;
            whole += usize::from(left == 0);
        }
        whole >= wanted
    }
}

fn read(client: &UnixStream, buffer: &mut [u8]) -> std::io::Result<usize> {
    match client.try_read(buffer) {
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(0),
        Ok(0) => Err(std::io::ErrorKind::UnexpectedEof.into()),
        read => read,
    }
}

fn written(client: &UnixStream, bytes: &[u8]) -> std::io::Result<usize> {
    match client.try_write(bytes) {
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(0),
        written => written,
    }
}

/// A message of the agent's in one chunk.
fn message(number: u32, body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(body.len()).unwrap();
    let header = words(&[1, size + 20, 1, number, 0, 0, size]);
    [header, body.into()].concat()
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

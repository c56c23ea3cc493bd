//! A guest with a desktop, the program that serves its clipboard, and a user of
//! `portunus clip`.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "a fixture that overflows is a test that failed"
)]

use std::fs;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use portunus::guest::{Guest, Software, UmlSpec};
use portunus_tests::eventually;
use portunus_tests::guest::{DEADLINE, root_with};
use portunus_tests::program::{Program, binary, wait_for};

/// What a desktop with SPICE's agent is made of.
const SOFTWARE: Software<'_> = Software {
    name: "desktop-1",
    packages: &["spice-vdagent", "xvfb", "xclip"],
};

/// X, GTK and a large image or two.
const MEMORY_MIB: u64 = 512;

/// A desktop whose clipboard is served.
pub(crate) struct Desktop {
    pub(crate) program: Program,
    guest: Guest,
    watcher: Teller,
}

impl Desktop {
    /// Boots it, and waits until its agent is there.
    pub(crate) fn boot(policy: &str) -> Self {
        let root = root_with(SOFTWARE).unwrap();
        let mut program = Program::serve(&format!(
            r#"
            [[port]]
            name = "com.redhat.spice.0"
            plugin = "clipboard"
            listen = "clipboard.sock"
            config = {{ {policy} }}
            limit = {{ memory = "168MiB" }}
            "#
        ));
        let watcher = Teller::start(clip(&program, &["watch"]), |child| {
            Box::new(child.stdout.take().unwrap())
        });
        let mut spec = UmlSpec::new(&root, include_bytes!("desktop.sh"));
        spec.memory_mib = MEMORY_MIB;
        let mut guest = program.boot_spec(spec);
        guest
            .find_line("start a desktop", DEADLINE, |line| line == "desktop")
            .unwrap();
        program.find_line("the guest's agent is there");
        Self {
            program,
            guest,
            watcher,
        }
    }

    /// Has the guest begin to run a line.
    pub(crate) fn say(&mut self, line: &str) {
        self.guest.say(line).unwrap();
    }

    /// Waits until it has run well.
    pub(crate) fn wait(&mut self) {
        let ended = self
            .guest
            .find_line("run a line", DEADLINE, |line| line.starts_with("ended: "));
        assert_eq!(ended.unwrap(), "ended: 0", "{}", self.guest.console());
    }

    /// Has the guest run a line.
    pub(crate) fn run(&mut self, line: &str) {
        self.say(line);
        self.wait();
    }

    /// A file that guest and test share.
    pub(crate) fn exchange(&self, name: &str) -> PathBuf {
        self.guest.folder().exchange().join(name)
    }

    /// What it has.
    pub(crate) fn file(&self, name: &str) -> Vec<u8> {
        fs::read(self.exchange(name)).unwrap()
    }

    /// Waits until `portunus clip watch` tells this.
    pub(crate) fn watch_for(&mut self, words: &str) {
        self.watcher.find(words);
    }

    /// Waits for these words of the audit.
    pub(crate) fn find_audit(&mut self, words: &str) {
        self.program.find_line(&format!("audit: {words}"));
    }

    /// Runs `portunus clip` to its end.
    pub(crate) fn clip(&self, arguments: &[&str], input: &[u8]) -> Ended {
        let mut run = self.begin_clip(arguments);
        let mut stdin = run.child.stdin.take().unwrap();
        let input = input.to_vec();
        // One that refuses may not read all of it.
        std::thread::spawn(move || stdin.write_all(&input));
        run.end()
    }

    /// Begins to run `portunus clip`.
    pub(crate) fn begin_clip(&self, arguments: &[&str]) -> Run {
        let child = clip(&self.program, arguments).spawn().unwrap();
        Run { child }
    }

    /// Runs it until it ends as is wanted.
    pub(crate) fn eventually_clip(
        &self,
        arguments: &[&str],
        is_wanted: impl Fn(&Ended) -> bool,
    ) -> Ended {
        eventually("portunus clip", DEADLINE, || {
            Some(self.clip(arguments, b"")).filter(&is_wanted)
        })
    }

    /// Runs `portunus clip decide`, until it is there to be asked.
    pub(crate) fn decide(&self) -> Decider {
        let mut teller = Teller::start(clip(&self.program, &["decide"]), |child| {
            Box::new(child.stderr.take().unwrap())
        });
        teller.find("deciding");
        let stdin = teller.child.stdin.take().unwrap();
        Decider { teller, stdin }
    }

    /// Ends guest and program, which must be well.
    pub(crate) fn end(mut self) {
        self.guest.say("poweroff -f").unwrap();
        let ended = self.program.stop();
        assert!(ended.status.success(), "{}", ended.log);
        assert!(!ended.log.contains("ERROR"), "{}", ended.log);
    }
}

/// `portunus clip` with these arguments, on a program's socket.
fn clip(program: &Program, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command
        .arg("clip")
        .args(arguments)
        .env(
            "PORTUNUS_CLIP_SOCKET",
            program.folder().join("clipboard.sock"),
        )
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A run of `portunus clip`.
pub(crate) struct Run {
    child: Child,
}

impl Run {
    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ended {
        let output = collect(self.child.stdout.take().unwrap());
        let errors = collect(self.child.stderr.take().unwrap());
        let status = wait_for(&mut self.child, DEADLINE).unwrap();
        Ended {
            status: status.code(),
            output: output.recv_timeout(DEADLINE).unwrap(),
            errors: String::from_utf8(errors.recv_timeout(DEADLINE).unwrap()).unwrap(),
        }
    }
}

/// Reads to the end in a thread of its own.
fn collect(mut from: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (tell, told) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).unwrap();
        tell.send(bytes)
    });
    told
}

/// How `portunus clip` ended.
pub(crate) struct Ended {
    pub(crate) status: Option<i32>,
    pub(crate) output: Vec<u8>,
    pub(crate) errors: String,
}

impl Ended {
    /// Its status, and its output, which is text.
    pub(crate) fn said(&self) -> (Option<i32>, &str) {
        (self.status, str::from_utf8(&self.output).unwrap())
    }
}

/// A program that goes on telling something. Killed when it is dropped.
struct Teller {
    child: Child,
    told: Receiver<String>,
    seen: String,
}

impl Teller {
    fn start(mut command: Command, of: impl FnOnce(&mut Child) -> Box<dyn Read + Send>) -> Self {
        let mut child = command.spawn().unwrap();
        let mut output = of(&mut child);
        let (tell, told) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // Not line by line: a question has no line end.
            while let Ok(read @ 1..) = output.read(&mut bytes) {
                let words = String::from_utf8_lossy(&bytes[..read]).into_owned();
                if tell.send(words).is_err() {
                    break;
                }
            }
        });
        Self {
            child,
            told,
            seen: String::new(),
        }
    }

    /// Waits for words that come after those that were found before.
    fn find(&mut self, words: &str) {
        let until = Instant::now() + DEADLINE;
        let end = loop {
            if let Some(at) = self.seen.find(words) {
                break at + words.len();
            }
            let left = until.saturating_duration_since(Instant::now());
            match self.told.recv_timeout(left) {
                Ok(told) => self.seen.push_str(&told),
                Err(error) => panic!("`{words}` was not told ({error}), but: {}", self.seen),
            }
        };
        self.seen.drain(..end);
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Somebody who decides.
pub(crate) struct Decider {
    teller: Teller,
    stdin: ChildStdin,
}

impl Decider {
    /// Waits for a question.
    pub(crate) fn question(&mut self, words: &str) {
        self.teller.find(words);
        self.teller.find("[y/N]");
    }

    /// Answers it.
    pub(crate) fn answer(&mut self, word: &str) {
        writeln!(self.stdin, "{word}").unwrap();
    }
}

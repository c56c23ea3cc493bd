//! Debian's own guest agent in a real guest, and a client that speaks to it as
//! libvirt does.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use portunus::guest::{Guest, Software, UmlSpec};

use crate::guest::{DEADLINE, project, root_with};
use crate::program::{Program, wait_for};

/// The agent, as Debian packages it.
const SOFTWARE: Software<'static> = Software {
    name: "agent-1",
    packages: &["qemu-guest-agent"],
};

/// What runs in the guest. The program that the agent calls to shut down is not
/// there without an init system: one that says so and powers off is put in its
/// place. Then lines from the console are run.
const SCRIPT: &str = r#"#!/bin/busybox sh
cp -a /usr/sbin /run/sbin
cat >/run/sbin/shutdown <<'END'
#!/bin/busybox sh
echo "$*" >/exchange/shutdown
(poweroff -f) &
END
chmod +x /run/sbin/shutdown
mount --bind /run/sbin /usr/sbin
mkdir /run/agent
start() {
    qemu-ga -m virtio-serial -p /dev/virtio-ports/org.qemu.guest_agent.0 \
        -t /run/agent -f /run/agent/pid &
    agent=$!
}
start
echo 'agent: started'
while read -r line; do
    eval "$line"
    echo "did: $line"
done
"#;

/// A guest with the agent running in it.
pub struct AgentGuest(Guest);

impl AgentGuest {
    /// Boots one whose ports the program serves.
    ///
    /// # Panics
    ///
    /// Where it does not come up.
    pub fn boot(program: &Program) -> Self {
        let root = root_with(SOFTWARE).unwrap();
        let mut guest = program.boot_spec(UmlSpec::new(&root, SCRIPT.as_bytes()));
        guest
            .find_line("start its agent", DEADLINE, |line| line == "agent: started")
            .unwrap();
        Self(guest)
    }

    /// Runs a line of shell in it; `$agent` is the agent's process.
    ///
    /// # Panics
    ///
    /// Where it does not.
    pub fn run(&mut self, line: &str) {
        self.0.say(line).unwrap();
        let did = format!("did: {line}");
        self.0
            .find_line("run a line", DEADLINE, |found| found == did)
            .unwrap();
    }

    /// Has it power off, and waits for that.
    ///
    /// # Panics
    ///
    /// Where it does not.
    pub fn finish(mut self) {
        self.0.say("exit 0").unwrap();
        let status = self.0.finish(DEADLINE).unwrap();
        assert_eq!(status, 0, "{}", self.0.console());
    }

    /// Whether a file is in its exchange folder.
    pub fn has(&self, name: &str) -> bool {
        self.0.folder().exchange().join(name).exists()
    }

    /// The guest.
    pub fn guest(&mut self) -> &mut Guest {
        &mut self.0
    }
}

/// `examples/host/qga.py`: one client, connected until it is dropped.
pub struct Client {
    child: Child,
    commands: Option<ChildStdin>,
    answers: Receiver<String>,
}

impl Client {
    /// Connects. Each command is asked so many times.
    ///
    /// # Panics
    ///
    /// Where there is no `python3`.
    pub fn connect(socket: &Path, times: usize) -> Self {
        let mut child = Command::new("python3")
            .arg(project().join("examples/host/qga.py"))
            .arg(socket)
            .arg(times.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("`python3` cannot be started: {error}"));
        let output = BufReader::new(child.stdout.take().unwrap());
        let (tell, answers) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    break;
                }
            }
        });
        let commands = child.stdin.take();
        Self {
            child,
            commands,
            answers,
        }
    }

    /// Asks, and does not wait for the answer.
    ///
    /// # Panics
    ///
    /// Where the client has ended.
    pub fn send(&mut self, command: &str) {
        let commands = self.commands.as_mut().unwrap();
        writeln!(commands, "{command}").unwrap();
    }

    /// The next answer.
    ///
    /// # Panics
    ///
    /// Where none comes in time.
    pub fn answer(&mut self) -> String {
        self.answers
            .recv_timeout(DEADLINE)
            .unwrap_or_else(|error| panic!("no answer: {error}"))
    }

    /// Asks and answers.
    pub fn ask(&mut self, command: &str) -> String {
        self.send(command);
        self.answer()
    }

    /// Says that no more is asked, and waits for the client's end, which must be
    /// a good one.
    ///
    /// # Panics
    ///
    /// Where it is not.
    pub fn finish(mut self) {
        drop(self.commands.take());
        let status = wait_for(&mut self.child, DEADLINE).unwrap();
        assert!(status.success(), "{status}");
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

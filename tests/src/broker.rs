//! A real message broker on this machine's loopback: Debian's RabbitMQ, out of the
//! root folder of the guests that speak to it.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use portunus::guest::{GuestRoot, Software};
use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use crate::eventually;
use crate::guest::{project, root_with};

/// RabbitMQ with its Erlang (35 MB to fetch, 60 MB unpacked), the clients of
/// librabbitmq, and what brings these to a port.
const SOFTWARE: Software<'_> = Software {
    name: "broker",
    packages: &["rabbitmq-server", "amqp-tools", "socat"],
};

/// The broker starts in ten seconds on an idle machine.
const START: Duration = Duration::from_secs(180);

const RUN: &str = include_str!("broker.sh");

/// A running broker. Killed when it is dropped.
pub struct Broker {
    root: GuestRoot,
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl Broker {
    /// Starts one, and waits until it answers.
    ///
    /// # Panics
    ///
    /// Where it does not: its output says why.
    pub fn start() -> Self {
        let root = root_with(SOFTWARE).unwrap();
        let folder = TempDir::new_in(project().join("target").canonicalize().unwrap()).unwrap();
        let [port, epmd_port, dist_port] = free_ports();
        let child = Command::new("sh")
            .args(["-c", RUN, "broker.sh"])
            .arg(root.path())
            .args([port, epmd_port, dist_port].map(|port| port.to_string()))
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        let mut broker = Self {
            root,
            child,
            port,
            _folder: folder,
        };
        eventually("the broker", START, || {
            assert_eq!(broker.child.try_wait().unwrap(), None, "it ended");
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()
        });
        broker
    }

    /// The folder of a guest that has the clients.
    pub fn guest_root(&self) -> &GuestRoot {
        &self.root
    }

    /// Where it listens, on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// One of the clients, run here, on a network connection of its own.
    pub fn client(&self, name: &str) -> Command {
        let usr = self.root.path().join("usr");
        let mut client = Command::new(usr.join("bin").join(name));
        client
            .env("LD_LIBRARY_PATH", usr.join("lib/x86_64-linux-gnu"))
            .arg(format!("--url=amqp://127.0.0.1:{}", self.port));
        client
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        drop(self.child.wait());
    }
}

/// Ports of loopback that nobody has now.
fn free_ports<const COUNT: usize>() -> [u16; COUNT] {
    let listeners = [(); COUNT].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

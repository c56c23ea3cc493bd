//! Host programs at the ports of `portunus serve`: Python's sockets, and
//! `portunus connect`, beside a real guest.

#![cfg(test)]

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use portunus_tests::guest::DEADLINE;
use portunus_tests::program::{Program, binary, faulty, wait_for};
use portunus_tests::python::{python, start_python};
use portunus_tests::scrape::Page;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

#[allow(
    dead_code,
    reason = "the runtime's own tests use what these here do not"
)]
#[path = "../../host/plugin/tests/plugin/text.rs"]
mod text;

const ECHO: &str = r#"
[vm]
name = "guest-1"

[metrics]
socket = "metrics.sock"

[[port]]
name = "org.portunus.echo.0"
plugin = "echo"
listen = { path = "echo.sock", clients = 20 }
"#;

const LABELS: &str = r#"vm="guest-1",port="org.portunus.echo.0",plugin="echo""#;

/// Waits until so many clients are connected.
fn until_connected(program: &Program, clients: &str) -> Page {
    let sample = format!("portunus_clients{{{LABELS}}}");
    let socket = program.folder().join("metrics.sock");
    Page::read_until(&socket, &[(&sample, clients)])
}

/// A line of a script's, which says how far it is.
fn line(child: &mut Child) -> String {
    let mut line = String::new();
    let output = child.stdout.as_mut().unwrap();
    BufReader::with_capacity(1, output)
        .read_line(&mut line)
        .unwrap();
    line.trim_end().to_owned()
}

fn kill(child: &mut Child) {
    kill_process(Pid::from_child(child), Signal::KILL).unwrap();
    wait_for(child, DEADLINE).unwrap();
}

#[test]
fn a_client_that_has_said_all_still_gets_its_answer() {
    let program = Program::serve(ECHO);
    let answer = python(
        program.folder(),
        "client = dial('echo.sock')
client.sendall(b'hello')
client.shutdown(socket.SHUT_WR)
print(read_all(client).decode())",
    );
    assert_eq!(answer, "hello\n");
    let mode = std::fs::metadata(program.folder().join("echo.sock")).unwrap();
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);
    let ended = program.stop();
    assert!(ended.status.success(), "{}", ended.log);
    assert!(!ended.folder.path().join("echo.sock").exists());
}

#[test]
fn many_clients_and_the_guest_are_each_answered_beside_one_that_never_reads() {
    let program = Program::serve(ECHO);
    let mut guest = program.boot(
        r#"
        exec 3<>/dev/virtio-ports/org.portunus.echo.0
        for turn in $(seq 200); do
            echo "turn $turn" >&3
            read -r line <&3
            [ "$line" = "turn $turn" ]
        done
        echo 'all turns'
        read -r _"#,
    );
    // More than its sockets and the buffer take: it writes for ever.
    let slow = "client = dial('echo.sock')
client.settimeout(None)
threading.Thread(target=lambda: client.sendall(b'x' * 10000000)).start()
client.recv(1, socket.MSG_PEEK)
print('answered', flush=True)";
    let mut slow = start_python(program.folder(), slow);
    assert_eq!(line(&mut slow), "answered");
    let answers = python(
        program.folder(),
        "results = [None] * 16
def talk(number):
    client = dial('echo.sock')
    said = bytes([number]) * 300000
    writer = threading.Thread(target=lambda: (client.sendall(said), client.shutdown(socket.SHUT_WR)))
    writer.start()
    results[number] = read_all(client) == said
threads = [threading.Thread(target=talk, args=(number,)) for number in range(16)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(results.count(True))",
    );
    assert_eq!(answers, "16\n");
    guest.say("").unwrap();
    assert_eq!(guest.finish(DEADLINE).unwrap(), 0, "{}", guest.console());
    assert!(guest.console().contains("all turns"));
    let page = until_connected(&program, "1");
    let connected = format!("portunus_clients_connected_total{{{LABELS}}}");
    assert_eq!(page.value(&connected), Some("17"), "{}", page.text());
    kill(&mut slow);
    let page = until_connected(&program, "0");
    // No more waited for it than may.
    let number = |sample: &str| page.value(sample).unwrap().parse::<u64>().unwrap();
    let unread = number(&format!(
        "portunus_dropped_bytes_total{{{LABELS},reason=\"client-unread\"}}"
    ));
    assert!(unread <= 64 << 10, "{unread}");
    assert!(program.stop().status.success());
}

#[test]
fn a_client_too_many_sees_the_end_at_once() {
    let program = Program::serve(&ECHO.replace("clients = 20", "clients = 2"));
    let told = python(
        program.folder(),
        "kept = [dial('echo.sock') for _ in range(2)]
for client in kept:
    client.sendall(b'in')
    assert read_exactly(client, 2) == b'in'
print(len(read_all(dial('echo.sock'))))
kept[0].sendall(b'still')
print(read_exactly(kept[0], 5).decode())",
    );
    assert_eq!(told, "0\nstill\n");
    let page = until_connected(&program, "0");
    let refused = format!("portunus_clients_refused_total{{{LABELS}}}");
    assert_eq!(page.value(&refused), Some("1"));
    let ended = program.stop();
    assert!(ended.log.contains("a client is refused"), "{}", ended.log);
}

#[test]
fn a_client_that_is_killed_is_gone_and_the_others_are_not() {
    let program = Program::serve(ECHO);
    let script = "client = dial('echo.sock')
client.sendall(b'hello')
read_exactly(client, 5)
print('here', flush=True)
sys.stdin.readline()
client.sendall(b'again')
print(read_exactly(client, 5).decode(), flush=True)";
    let mut killed = start_python(program.folder(), script);
    let mut other = start_python(program.folder(), script);
    assert_eq!(
        (line(&mut killed), line(&mut other)),
        ("here".into(), "here".into())
    );
    kill(&mut killed);
    until_connected(&program, "1");
    other.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    assert_eq!(line(&mut other), "again");
    assert!(wait_for(&mut other, DEADLINE).unwrap().success());
    assert!(program.stop().status.success());
}

#[test]
fn clients_stay_connected_while_a_plugin_that_trapped_is_replaced() {
    let config = ECHO.replace("\"echo\"\n", &format!("{:?}\n", faulty()));
    let mut program = Program::serve(&config);
    let mut clients = start_python(
        program.folder(),
        "one, other = dial('echo.sock'), dial('echo.sock')
for client in (one, other):
    client.sendall(b'in')
    assert read_exactly(client, 2) == b'in'
one.sendall(b'panic now')
sys.stdin.readline()
other.sendall(b'waits')
print(read_exactly(other, 5).decode(), flush=True)
one.sendall(b'as before')
one.shutdown(socket.SHUT_WR)
print(read_all(one).decode(), flush=True)",
    );
    let report = program.find_line("the plugin failed");
    assert!(report.contains("lost_bytes=9"), "{report}");
    clients.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    assert_eq!(line(&mut clients), "waits");
    assert_eq!(line(&mut clients), "as before");
    assert!(wait_for(&mut clients, DEADLINE).unwrap().success());
    assert!(program.stop().status.success());
}

#[test]
fn a_stop_lets_clients_go_and_removes_the_socket() {
    let program = Program::serve(ECHO);
    let mut client = start_python(
        program.folder(),
        "client = dial('echo.sock')
client.sendall(b'hello')
read_exactly(client, 5)
print('here', flush=True)
print(len(read_all(client)), flush=True)",
    );
    assert_eq!(line(&mut client), "here");
    let ended = program.stop();
    assert!(ended.status.success(), "{}", ended.log);
    assert_eq!(line(&mut client), "0");
    assert!(wait_for(&mut client, DEADLINE).unwrap().success());
    let left: Vec<_> = std::fs::read_dir(ended.folder.path()).unwrap().collect();
    // Its configuration and its log folder.
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn a_second_signal_ends_the_wait_and_still_removes_the_socket() {
    let endless = text::Plugin {
        on_stop: "(loop $on (br $on))",
        ..text::Plugin::default()
    };
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("endless.wasm"), endless.encode()).unwrap();
    let config = "[[port]]\nname = \"a\"\nplugin = \"./endless.wasm\"\nlisten = \"a.sock\"\n\
                  limit = { cpu = \"1m\", wall = \"1m\" }\n";
    std::fs::write(folder.path().join("vm.toml"), config).unwrap();
    let mut program = Program::serve_in(folder, &["--grace", "1m"]);
    program.signal(Signal::TERM);
    program.find_line("stopping");
    program.signal(Signal::TERM);
    let ended = program.wait();
    assert!(ended.status.success(), "{}", ended.log);
    assert!(!ended.folder.path().join("a.sock").exists());
    assert!(!ended.folder.path().join("vm.sock").exists());
}

#[test]
fn what_a_killed_program_left_is_replaced() {
    let program = Program::serve(ECHO);
    program.signal(Signal::KILL);
    let ended = program.wait();
    assert!(ended.folder.path().join("echo.sock").exists());
    let program = Program::serve_in(ended.folder, &[]);
    let answer = python(
        program.folder(),
        "client = dial('echo.sock')
client.sendall(b'hello')
print(read_exactly(client, 5).decode())",
    );
    assert_eq!(answer, "hello\n");
    assert!(program.stop().status.success());
}

/// Passes what a client says on to the guest, and the guest's words to the
/// client that came last.
fn bridge() -> Vec<u8> {
    let bridge = text::Plugin {
        fields: "(global $client (mut i64) (i64.const 0))",
        on_open: "(if (i64.ne (local.get $channel) (i64.const 0)) (then
            (global.set $client (local.get $channel))))",
        on_data: "
            (call $send
              (if (result i64) (i64.eqz (local.get $channel))
                (then (global.get $client)) (else (i64.const 0)))
              (local.get $data) (local.get $len) (i32.const 512))
            (local.get $len)",
        ..text::Plugin::default()
    };
    bridge.encode()
}

#[test]
fn a_host_program_and_a_guest_program_talk_through_a_plugin() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("bridge.wasm"), bridge()).unwrap();
    let config = "[[port]]\nname = \"org.example.bridge.0\"\nplugin = \"./bridge.wasm\"\n\
                  listen = \"bridge.sock\"\n";
    std::fs::write(folder.path().join("vm.toml"), config).unwrap();
    let program = Program::serve_in(folder, &[]);
    let mut guest = program.boot(
        r#"
        exec 3<>/dev/virtio-ports/org.example.bridge.0
        read -r line <&3
        echo "you said: $line" >&3
        read -r _"#,
    );
    let answer = python(
        program.folder(),
        "client = dial('bridge.sock')
client.sendall(b'good morning\\n')
print(read_exactly(client, len('you said: good morning\\n')).decode(), end='')",
    );
    assert_eq!(answer, "you said: good morning\n");
    guest.say("").unwrap();
    assert_eq!(guest.finish(DEADLINE).unwrap(), 0, "{}", guest.console());
    assert!(program.stop().status.success());
}

/// A service manager of a few lines: it listens, and becomes the program.
const MANAGER: &str = "
import os, socket, sys
names = sys.argv[1].split(':')
for number, name in enumerate(names):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(name + '.passed')
    listener.listen()
    os.dup2(listener.detach(), 3 + number)
    os.set_inheritable(3 + number, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(names)), LISTEN_FDNAMES=sys.argv[1])
os.execv(sys.argv[2], sys.argv[2:])
";

#[test]
fn sockets_of_a_service_manager_go_to_the_ports_that_name_them() {
    let mut manager = Command::new("python3");
    manager.args(["-c", MANAGER, "one:two:spare"]).arg(binary());
    let config = ECHO.replace("path = \"echo.sock\"", "fd = \"two\"");
    let mut program = Program::serve_by(&mut manager, &config);
    assert!(
        program
            .log()
            .contains("a socket that was passed in is no port's name=\"one\""),
        "{}",
        program.log()
    );
    let answer = python(
        program.folder(),
        "client = dial('two.passed')
client.sendall(b'hello')
print(read_exactly(client, 5).decode())",
    );
    assert_eq!(answer, "hello\n");
    let ended = program.stop();
    assert!(ended.status.success(), "{}", ended.log);
    // It is the manager's.
    assert!(ended.folder.path().join("two.passed").exists());
}

#[test]
fn a_socket_that_is_not_passed_in_is_told_and_nothing_is_left() {
    let folder = TempDir::new().unwrap();
    let config = format!("{ECHO}\n[[port]]\nname = \"b\"\nplugin = \"echo\"\nlisten.fd = \"b\"\n");
    std::fs::write(folder.path().join("vm.toml"), config).unwrap();
    let refused = Command::new(binary())
        .args(["serve", "vm.toml", "--socket", "vm.sock"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let told = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2), "{told}");
    assert!(
        told.contains("no socket of the name `b` was passed in"),
        "{told}"
    );
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

fn connect(program: &Program) -> Command {
    let mut command = Command::new(binary());
    command
        .args(["connect", "echo.sock"])
        .current_dir(program.folder())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

#[test]
fn connect_is_a_pipe_that_ends_after_the_last_answer() {
    let program = Program::serve(ECHO);
    let mut child = connect(&program).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let said = vec![b'x'; 3 << 20];
    let expected = said.len();
    let writer = std::thread::spawn(move || input.write_all(&said));
    let mut answer = Vec::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_end(&mut answer)
        .unwrap();
    writer.join().unwrap().unwrap();
    assert_eq!(answer.len(), expected);
    assert_eq!(wait_for(&mut child, DEADLINE).unwrap().code(), Some(0));
    assert!(program.stop().status.success());
}

#[test]
fn connect_ends_when_the_other_side_does_and_says_what_it_cannot_reach() {
    let program = Program::serve(ECHO);
    let mut open = connect(&program).spawn().unwrap();
    open.stdin.as_mut().unwrap().write_all(b"hello").unwrap();
    let mut answer = [0; 5];
    open.stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut answer)
        .unwrap();
    let ended = program.stop();
    // Its standard input is open still.
    assert_eq!(wait_for(&mut open, DEADLINE).unwrap().code(), Some(0));
    let run = |arguments: &[&str]| {
        let ran = Command::new(binary())
            .arg("connect")
            .args(arguments)
            .current_dir(ended.folder.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        (ran.status.code(), String::from_utf8(ran.stderr).unwrap())
    };
    let (status, told) = run(&["echo.sock"]);
    assert_eq!(status, Some(1), "{told}");
    assert!(
        told.starts_with("portunus: echo.sock: cannot connect: "),
        "{told}"
    );
    let listener = std::os::unix::net::UnixListener::bind(ended.folder.path().join("own")).unwrap();
    let (status, told) = run(&["--raw", "own"]);
    drop(listener);
    assert_eq!(status, Some(2), "{told}");
    assert!(told.contains("--raw is for a terminal"), "{told}");
}

#[test]
fn a_signal_ends_connect_with_its_own_status() {
    let program = Program::serve(ECHO);
    let mut child = connect(&program).spawn().unwrap();
    child.stdin.as_mut().unwrap().write_all(b"hello").unwrap();
    let mut answer = [0; 5];
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut answer)
        .unwrap();
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(wait_for(&mut child, DEADLINE).unwrap().code(), Some(143));
    until_connected(&program, "0");
    assert!(program.stop().status.success());
}

/// Runs a program on a terminal of its own, whose modes were `before` those that
/// the program gives it: Python's `pty`.
const TERMINAL: &str = "
import os, pty, select, sys, termios
reader, writer = os.pipe()
pid, terminal = pty.fork()
if pid == 0:
    os.read(reader, 1)
    os.execv(sys.argv[1], sys.argv[1:])
before = termios.tcgetattr(terminal)
os.write(writer, b'.')
shown = b''
def until(words):
    global shown
    while words not in shown:
        assert select.select([terminal], [], [], 60)[0], shown
        shown += os.read(terminal, 4096)
    shown = b''
";

fn on_terminal(program: &Program, raw: &[&str], script: &str) -> String {
    let output = Command::new("python3")
        .args(["-c", &format!("{TERMINAL}\n{script}")])
        .arg(binary())
        .args(["connect", "echo.sock"])
        .args(raw)
        .current_dir(program.folder())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_raw_terminal_sends_every_key_and_is_left_as_it_was() {
    let program = Program::serve(ECHO);
    let told = on_terminal(
        &program,
        &["--raw"],
        r"
while termios.tcgetattr(terminal)[3] & termios.ICANON:
    # Shown by the terminal itself while it keeps lines.
    os.write(terminal, b'k')
    until(b'k')
os.write(terminal, b'\x03last')
until(b'\x03last')
os.write(terminal, b'\x1dnever sent')
_, status = os.waitpid(pid, 0)
print(os.waitstatus_to_exitcode(status), termios.tcgetattr(terminal) == before)",
    );
    assert_eq!(told, "0 True\n");
    assert!(program.stop().status.success());
}

#[test]
fn a_terminal_sends_lines_and_its_end_of_file_is_the_end() {
    let program = Program::serve(ECHO);
    let told = on_terminal(
        &program,
        &[],
        r"
os.write(terminal, b'hello\n')
# Once as it is typed, once as it comes back.
until(b'hello\r\nhello\r\n')
os.write(terminal, b'\x04')
_, status = os.waitpid(pid, 0)
print(os.waitstatus_to_exitcode(status))",
    );
    assert_eq!(told, "0\n");
    assert!(program.stop().status.success());
}

/// Where a stranger listens: a program of the host's that is no client.
#[test]
fn a_plugin_reaches_the_targets_that_are_granted() {
    let folder = TempDir::new().unwrap();
    // Connects to `broker` at the start, and passes on what comes from there.
    let relay = text::Plugin {
        fields: r#"(data (i32.const 1024) "broker")
            (global $broker (mut i64) (i64.const 0))"#,
        init: "(call $connect (i32.const 1024) (i32.const 6) (i32.const 512))
            (global.set $broker (i64.load (i32.const 520)))
            i32.const 0",
        on_data: "
            (call $send
              (if (result i64) (i64.eq (local.get $channel) (global.get $broker))
                (then (i64.const 2)) (else (global.get $broker)))
              (local.get $data) (local.get $len) (i32.const 512))
            (local.get $len)",
        ..text::Plugin::default()
    };
    std::fs::write(folder.path().join("relay.wasm"), relay.encode()).unwrap();
    let config = "[[port]]\nname = \"a\"\nplugin = \"./relay.wasm\"\nlisten = \"a.sock\"\n\
                  grant.connect = [{ name = \"broker\", address = \"unix:broker.sock\" }]\n";
    std::fs::write(folder.path().join("vm.toml"), config).unwrap();
    let broker_path: PathBuf = folder.path().join("broker.sock");
    let broker = std::os::unix::net::UnixListener::bind(broker_path).unwrap();
    let program = Program::serve_in(folder, &[]);
    let (mut at_broker, _) = broker.accept().unwrap();
    let mut client = UnixStream::connect(program.folder().join("a.sock")).unwrap();
    for stream in [&at_broker, &client] {
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
    }
    let mut words = [0; 5];
    client.write_all(b"order").unwrap();
    at_broker.read_exact(&mut words).unwrap();
    assert_eq!(&words, b"order");
    at_broker.write_all(b"reply").unwrap();
    client.read_exact(&mut words).unwrap();
    assert_eq!(&words, b"reply");
    let ended = program.stop();
    assert!(ended.status.success(), "{}", ended.log);
    assert_eq!(at_broker.read(&mut words).unwrap(), 0);
}

//! What `[vm]` may say, key by key.

use std::fs;
use std::path::Path;

use super::super::parse::walk;
use super::*;
use crate::config::{LoadNothing, Spec, read};

const PORT: &str = "[[port]]\nname = \"a\"\nplugin = \"echo\"\n";

/// What is wrong with a `[vm]` table of these keys, and what to do.
fn faults(keys: &str) -> Vec<(String, String)> {
    let text = format!("[vm]\n{keys}\n{PORT}");
    let faults = walk(&Source::new("demo.toml", text)).faults;
    faults
        .into_iter()
        .map(|fault| (fault.what, fault.help))
        .collect()
}

fn fault(keys: &str) -> (String, String) {
    let mut faults = faults(keys);
    assert_eq!(faults.len(), 1, "{faults:?}");
    faults.remove(0)
}

fn spec(path: impl AsRef<Path>, keys: &str) -> Spec {
    let text = format!("[vm]\n{keys}\n{PORT}");
    read(Source::new(path.as_ref(), text), &mut LoadNothing)
        .unwrap()
        .spec
}

fn vm(keys: &str) -> VmSpec {
    spec("demo.toml", keys).vm
}

#[test]
fn a_machine_of_which_nothing_is_said_has_a_serial_terminal() {
    let name = "demo".parse().unwrap();
    let expected = VmSpec {
        name,
        ..VmSpec::default()
    };
    assert_eq!(vm(""), expected);
    assert_eq!(
        (expected.memory.bytes(), expected.cpus),
        (512 << 20, Count(1))
    );
    assert_eq!(expected.serial, Serial::Terminal);
}

#[test]
fn every_key_is_read_and_paths_start_from_the_file() {
    let vm = spec(
        "some/demo.toml",
        r#"
        name = "web-1"
        kernel = "vmlinuz"
        initrd = "/boot/initrd.img"
        cmdline = "console=ttyS0 quiet"
        memory = "1GiB"
        cpus = 64
        transport = "mmio"
        on-reboot = "exit"
        serial = "file:logs/serial.log"
        grace = "0s"
        "#,
    )
    .vm;
    assert_eq!(vm.name.as_str(), "web-1");
    assert_eq!(vm.kernel.unwrap().value, Path::new("some/vmlinuz"));
    assert_eq!(vm.initrd.unwrap().value, Path::new("/boot/initrd.img"));
    assert_eq!(vm.cmdline.unwrap().as_str(), "console=ttyS0 quiet");
    assert_eq!((vm.memory.bytes(), vm.cpus), (1 << 30, Count(64)));
    assert_eq!(vm.transport, Transport::Mmio);
    assert_eq!(vm.on_reboot, OnReboot::Exit);
    assert_eq!(vm.console, Console::TtyS0);
    assert_eq!(vm.serial, Serial::File("some/logs/serial.log".into()));
    assert_eq!(vm.grace, TimeSpan::from_ms(0));
}

#[test]
fn numbers_have_bounds_with_reasons() {
    let refused = [
        (
            "memory = \"1MiB\"",
            "`memory` is 1MiB, less than the 2MiB allowed",
        ),
        (
            "memory = \"4097GiB\"",
            "`memory` is 4097GiB, more than the 4096GiB allowed",
        ),
        ("cpus = 0", "`cpus` is 0, less than the 1 allowed"),
        ("cpus = 65", "`cpus` is 65, more than the 64 allowed"),
        (
            "grace = \"61m\"",
            "`grace` is 61m, more than the 60m allowed",
        ),
    ];
    for (keys, expected) in refused {
        let (what, help) = fault(keys);
        assert_eq!(
            what,
            expected.replace("`", "`vm.").replacen("`vm. ", "` ", 1)
        );
        assert!(help.contains(": "), "no reason: {help}");
    }
    for keys in [
        "memory = \"2MiB\"",
        "memory = \"4096GiB\"",
        "cpus = 1",
        "grace = \"60m\"",
    ] {
        assert_eq!(faults(keys), [], "{keys}");
    }
}

#[test]
fn memory_is_whole_pages() {
    let (what, _) = fault("memory = \"2097153B\"");
    assert_eq!(what, "`vm.memory` is 2097153B, not a multiple of 4KiB");
    assert_eq!(vm("memory = \"2052KiB\"").memory.bytes(), (2 << 20) + 4096);
}

#[test]
fn a_command_line_leaves_room_for_the_machines_words() {
    let line = "a".repeat(CommandLine::MAX_BYTES);
    assert_eq!(faults(&format!("cmdline = \"{line}\"")), []);
    let (what, _) = fault(&format!("cmdline = \"{line}a\""));
    assert_eq!(what, "`vm.cmdline` has 1921 bytes");
    let (what, _) = fault("cmdline = \"a\\nb\"");
    assert_eq!(what, "`vm.cmdline` has a control character");
}

#[test]
fn a_word_that_is_none_is_told_with_those_that_are() {
    let refused = [
        ("transport = \"isa\"", "write `pci` or `mmio`"),
        ("on-reboot = \"halt\"", "write `restart` or `exit`"),
        ("console = \"tty0\"", "write `ttyS0` or `hvc0`"),
        (
            "serial = \"file:\"",
            "write `terminal`, `off`, or `file:` and a path, like `file:serial.log`",
        ),
    ];
    for (keys, expected) in refused {
        assert_eq!(fault(keys).1, expected);
    }
}

#[test]
fn the_terminal_is_one_console_alone() {
    let pairs = [
        ("", Console::TtyS0, Serial::Terminal),
        ("console = \"hvc0\"", Console::Hvc0, Serial::Off),
        ("serial = \"off\"", Console::TtyS0, Serial::Off),
        (
            "console = \"ttyS0\"\nserial = \"terminal\"",
            Console::TtyS0,
            Serial::Terminal,
        ),
        (
            "console = \"hvc0\"\nserial = \"file:a\"",
            Console::Hvc0,
            Serial::File("a".into()),
        ),
    ];
    for (keys, console, serial) in pairs {
        let vm = vm(keys);
        assert_eq!((vm.console, vm.serial), (console, serial), "{keys}");
    }
    let (what, _) = fault("console = \"hvc0\"\nserial = \"terminal\"");
    assert_eq!(what, "the terminal is hvc0 and the serial port both");
    let (what, _) = fault("console = \"ttyS0\"\nserial = \"off\"");
    assert_eq!(what, "the terminal is ttyS0, which is not connected to it");
}

#[test]
fn the_terminals_console_has_port_0() {
    assert_eq!(spec("demo.toml", "console = \"hvc0\"").ports[0].id.get(), 1);
    let text = format!("vm.console = \"hvc0\"\n{PORT}console = true\n");
    let spec = read(Source::new("demo.toml", text), &mut LoadNothing)
        .unwrap()
        .spec;
    assert_eq!(spec.ports[0].id.get(), 1);
}

#[test]
fn files_of_the_machine_are_looked_for_where_there_is_one() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("boot")).unwrap();
    fs::write(folder.path().join("vmlinuz"), "kernel").unwrap();
    let missing = |keys: &str| -> Vec<String> {
        let vm = spec(folder.path().join("demo.toml"), keys).vm;
        vm.missing_files()
            .into_iter()
            .map(|fault| fault.what)
            .collect()
    };
    assert_eq!(missing(""), Vec::<String>::new());
    assert_eq!(missing("kernel = \"vmlinuz\""), Vec::<String>::new());
    let shown = folder.path().display();
    assert_eq!(
        missing("kernel = \"boot\"\ninitrd = \"initrd.img\""),
        [
            format!("the kernel `{shown}/boot` is no file"),
            format!("the initial RAM disk `{shown}/initrd.img` does not exist"),
        ]
    );
    assert_eq!(
        missing("initrd = \"vmlinuz\""),
        ["`initrd` is there without a `kernel`"]
    );
}

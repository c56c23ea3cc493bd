//! `[vm]`: the machine that `portunus run` boots.
//!
//! Owns its keys, their bounds, and whether its files are there. The other doors
//! have no machine of their own: of all this they take the name alone, and
//! whether the terminal's console holds port 0.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use portunus_vmm::{CpuCount, MemorySize};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use toml::de::DeValue;

use super::diagnose::Diagnostic;
use super::fields::Fields;
use super::names::{self, VmName};
use super::quantity::{Bounds, ByteSize, Count, TimeSpan};
use super::source::{Located, Source};
use super::value::{Invalid, Unfit, Value, from_text};

/// The virtual machine. All but its name is for `portunus run`.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct VmSpec {
    /// The machine's name in logs and to plugins: at most 64 bytes without
    /// control characters and slashes. The configuration file's name without
    /// its ending if left out.
    #[schemars(schema_with = "names::vm_name_schema")]
    pub name: VmName,
    /// The kernel: a bzImage, as distributions package it, or an ELF vmlinux. A
    /// relative path starts from the configuration's directory.
    #[schemars(with = "String", length(min = 1))]
    pub kernel: Option<Located<PathBuf>>,
    /// The initial RAM disk. None if left out.
    #[schemars(with = "String", length(min = 1))]
    pub initrd: Option<Located<PathBuf>>,
    /// The kernel's command line, to which the machine adds what announces its
    /// devices. `console=` and the guest's console on the terminal if left out.
    #[schemars(with = "CommandLine")]
    pub cmdline: Option<CommandLine>,
    /// The guest's memory, 2MiB to 4096GiB in whole pages of 4 KiB. 512MiB if left
    /// out.
    pub memory: ByteSize,
    /// Virtual processors, 1 to 64. 1 if left out.
    #[schemars(with = "u32", range(min = 1, max = 64))]
    pub cpus: Count,
    /// The bus of the virtio-serial device. `pci` if left out.
    pub transport: Transport,
    /// What follows when the guest reboots. `restart` if left out.
    pub on_reboot: OnReboot,
    /// Which of the guest's consoles the terminal is. `ttyS0` if left out.
    pub console: Console,
    /// What the guest's serial port, ttyS0, is connected to: `terminal`, `off`,
    /// or `file:` and the path of a file that is made anew. What is left of the
    /// terminal if left out.
    pub serial: Serial,
    /// How long a stop by SIGTERM or SIGINT waits for the plugins and for the
    /// guest to power off, 0s to 60m. 10s if left out.
    pub grace: TimeSpan,
}

impl Default for VmSpec {
    fn default() -> Self {
        Self {
            name: VmName::default(),
            kernel: None,
            initrd: None,
            cmdline: None,
            memory: ByteSize::from_bytes(512 << 20),
            cpus: Count(1),
            transport: Transport::default(),
            on_reboot: OnReboot::default(),
            console: Console::default(),
            serial: Serial::default(),
            grace: TimeSpan::from_ms(10_000),
        }
    }
}

/// The kernel's command line: 1 to [`CommandLine::MAX_BYTES`] bytes without
/// control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine(String);

impl CommandLine {
    /// The longest, in bytes: Linux reads 2,047 on x86, and the machine needs
    /// some of them to announce its devices.
    pub const MAX_BYTES: usize = 1_920;

    /// The line.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The bus of the virtio-serial device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub enum Transport {
    /// PCI: what every distribution's, and Windows', driver knows.
    #[default]
    Pci,
    /// Memory-mapped registers, announced on the command line and in ACPI: for
    /// kernels without PCI.
    Mmio,
}

/// What follows when the guest reboots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub enum OnReboot {
    /// The machine starts again.
    #[default]
    Restart,
    /// The program ends.
    Exit,
}

/// Which of the guest's consoles the terminal is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
pub enum Console {
    /// The serial port: there from the kernel's first words on.
    #[default]
    #[schemars(rename = "ttyS0")]
    TtyS0,
    /// Port 0 of the virtio-serial device: there once the guest's driver is, and
    /// as large as the terminal.
    #[schemars(rename = "hvc0")]
    Hvc0,
}

impl Console {
    /// What the guest calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::TtyS0 => "ttyS0",
            Self::Hvc0 => "hvc0",
        }
    }
}

/// What the guest's serial port is connected to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Serial {
    /// Standard input and output.
    #[default]
    Terminal,
    /// Nothing: what the guest writes is dropped.
    Off,
    /// This file, made anew: what the guest writes.
    File(PathBuf),
}

/// What comes before a file's path.
const FILE: &str = "file:";

impl VmSpec {
    /// What `memory` may be.
    pub const MEMORY: Bounds<ByteSize> = Bounds {
        least: ByteSize::from_bytes(MemorySize::MIN_BYTES),
        most: ByteSize::from_bytes(MemorySize::MAX_BYTES),
        reason: "no kernel fits in less, and KVM takes no more in one piece",
    };

    /// What `cpus` may be.
    pub const CPUS: Bounds<Count> = Bounds {
        least: Count(1),
        most: Count(CpuCount::MAX as u64),
        reason: "each is a thread of this program",
    };

    /// What `grace` may be.
    pub const GRACE: Bounds<TimeSpan> = Bounds {
        least: TimeSpan::from_ms(0),
        most: TimeSpan::from_ms(3_600_000),
        reason: "a guest that takes an hour to power off does not power off",
    };

    /// What `memory` is a multiple of, in bytes: the processor's pages.
    const PAGE_BYTES: u64 = 4096;

    /// Reads a `[vm]` table; `name` is the machine's where it gives none.
    pub(crate) fn read(mut vm: Fields<'_>, source: &Source, name: impl FnOnce() -> VmName) -> Self {
        let default = Self::default();
        let given = vm.take::<VmName>("name").map(|name| name.value);
        let name = match vm.has("name") {
            // What is wrong with it has been reported.
            true => given.unwrap_or_default(),
            false => name(),
        };
        let mut path = |key| {
            let found = vm.take::<PathBuf>(key)?;
            Some(found.map(|path| source.path_from_here(&path)))
        };
        let (kernel, initrd) = (path("kernel"), path("initrd"));
        let cmdline = vm.take("cmdline").map(|line| line.value);
        let memory = vm.take_within("memory", &Self::MEMORY);
        if let Some(memory) = &memory
            && !memory.bytes().is_multiple_of(Self::PAGE_BYTES)
        {
            let what = format!(
                "{} is {}, not a multiple of 4KiB",
                vm.name("memory"),
                memory.value
            );
            let help = "write whole MiB or GiB: a machine's memory is made of pages";
            vm.report(
                Diagnostic::new(what)
                    .at(memory.span, "no whole page at its end")
                    .help(help),
            );
        }
        let cpus = vm.take_within("cpus", &Self::CPUS);
        let transport = vm.take("transport").map(|bus| bus.value);
        let on_reboot = vm.take("on-reboot").map(|what| what.value);
        let (console, serial) = consoles(&mut vm, source);
        let grace = vm.take_within("grace", &Self::GRACE);
        vm.finish();
        Self {
            name,
            kernel,
            initrd,
            cmdline,
            memory: memory.map_or(default.memory, |memory| memory.value),
            cpus: cpus.map_or(default.cpus, |cpus| cpus.value),
            transport: transport.unwrap_or_default(),
            on_reboot: on_reboot.unwrap_or_default(),
            console,
            serial,
            grace: grace.map_or(default.grace, |grace| grace.value),
        }
    }

    /// What of the machine's files is not there, or not to be read. A door
    /// without a machine has no use for them, and none of these faults.
    pub fn missing_files(&self) -> Vec<Diagnostic> {
        let files = [(&self.kernel, "kernel"), (&self.initrd, "initial RAM disk")];
        let missing = files.into_iter().filter_map(|(path, kind)| {
            let path = path.as_ref()?;
            let (what, label, help) = unreadable(path, kind)?;
            Some(Diagnostic::new(what).at(path.span, label).help(help))
        });
        let mut faults: Vec<_> = missing.collect();
        if let (None, Some(initrd)) = (&self.kernel, &self.initrd) {
            let fault = Diagnostic::new("`initrd` is there without a `kernel`");
            let help = "add `kernel = \"...\"`, or remove `initrd`";
            faults.push(fault.at(initrd.span, "nothing boots with it").help(help));
        }
        faults
    }
}

/// Who has the terminal. It can be one console's alone.
fn consoles(vm: &mut Fields<'_>, source: &Source) -> (Console, Serial) {
    let console = vm.take::<Console>("console");
    let serial = vm.take::<Serial>("serial").map(|serial| {
        serial.map(|serial| match serial {
            Serial::File(path) => Serial::File(source.path_from_here(&path)),
            other => other,
        })
    });
    let chosen = console.as_ref().map(|console| console.value);
    if let (Some(console), Some(serial)) = (&console, &serial)
        && (console.value == Console::Hvc0) == (serial.value == Serial::Terminal)
    {
        let (what, help) = match console.value {
            Console::Hvc0 => (
                "the terminal is hvc0 and the serial port both",
                "write `serial = \"off\"` or `serial = \"file:PATH\"`, or leave it out",
            ),
            Console::TtyS0 => (
                "the terminal is ttyS0, which is not connected to it",
                "remove one of the two keys",
            ),
        };
        let fault = Diagnostic::new(what).at(serial.span, "here");
        vm.report(fault.at(console.span, "and here").help(help));
    }
    let unsaid = match chosen {
        Some(Console::Hvc0) => Serial::Off,
        _ => Serial::Terminal,
    };
    let serial = serial.map_or(unsaid, |serial| serial.value);
    (chosen.unwrap_or_default(), serial)
}

/// What is wrong, in a few words beside the path, and what to do.
type Told = (String, &'static str, String);

fn unreadable(path: &Path, kind: &str) -> Option<Told> {
    let shown = path.display();
    match File::open(path).and_then(|file| file.metadata()) {
        Ok(metadata) if metadata.is_file() => None,
        Ok(_) => Some((
            format!("the {kind} `{shown}` is no file"),
            "not a file",
            "name the file itself".to_owned(),
        )),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Some((
            format!("the {kind} `{shown}` does not exist"),
            "not there",
            "check the path: a relative one starts from this file's directory".to_owned(),
        )),
        Err(error) => Some((
            format!("the {kind} `{shown}` cannot be read: {error}"),
            "not readable",
            "let the user read it that runs this program: distributions keep kernels for root \
             alone, and a copy will do"
                .to_owned(),
        )),
    }
}

impl Value for CommandLine {
    const WANTED: &'static str = "a string";
    const EXAMPLE: &'static str = "\"console=ttyS0\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Unfit> {
        from_text(value, |text| {
            let (length, most) = (text.len(), Self::MAX_BYTES);
            if length > most {
                Err(Invalid::new(
                    format!("has {length} bytes"),
                    format!(
                        "write at most {most}: Linux reads no more, with what the machine adds"
                    ),
                ))
            } else if text.chars().any(char::is_control) {
                Err(Invalid::new(
                    "has a control character",
                    "write text on one line",
                ))
            } else {
                Ok(Self(text.to_owned()))
            }
        })
    }
}

/// A string that is one of a few words.
fn one_of<T: Copy>(value: &DeValue<'_>, kind: &str, words: &[(&str, T)]) -> Result<T, Unfit> {
    from_text(value, |text| {
        let found = words.iter().find(|(word, _)| *word == text);
        found.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let known: Vec<_> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
            Invalid::new(
                format!("is no {kind}"),
                format!("write {}", known.join(" or ")),
            )
        })
    })
}

impl Value for Transport {
    const WANTED: &'static str = "a string";
    const EXAMPLE: &'static str = "\"pci\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Unfit> {
        one_of(value, "bus", &[("pci", Self::Pci), ("mmio", Self::Mmio)])
    }
}

impl Value for OnReboot {
    const WANTED: &'static str = "a string";
    const EXAMPLE: &'static str = "\"restart\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Unfit> {
        let words = [("restart", Self::Restart), ("exit", Self::Exit)];
        one_of(value, "answer to a reboot", &words)
    }
}

impl Value for Console {
    const WANTED: &'static str = "a string";
    const EXAMPLE: &'static str = "\"hvc0\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Unfit> {
        let words = [Self::TtyS0, Self::Hvc0].map(|console| (console.name(), console));
        one_of(value, "console", &words)
    }
}

impl Value for Serial {
    const WANTED: &'static str = "a string";
    const EXAMPLE: &'static str = "\"file:serial.log\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Unfit> {
        from_text(value, |text| {
            let file = text.strip_prefix(FILE).filter(|path| !path.is_empty());
            match (text, file) {
                ("terminal", _) => Ok(Self::Terminal),
                ("off", _) => Ok(Self::Off),
                (_, Some(path)) if !path.contains('\0') => Ok(Self::File(path.into())),
                _ => Err(Invalid::new(
                    "is nothing that a serial port is connected to",
                    "write `terminal`, `off`, or `file:` and a path, like `file:serial.log`",
                )),
            }
        })
    }
}

impl JsonSchema for CommandLine {
    fn schema_name() -> Cow<'static, str> {
        "CommandLine".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1, "maxLength": Self::MAX_BYTES })
    }
}

impl JsonSchema for Serial {
    fn schema_name() -> Cow<'static, str> {
        "Serial".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "`terminal`, `off`, or `file:` and a path.",
            "type": "string",
            "pattern": "^(terminal|off|file:.+)$",
            "examples": ["terminal", "off", "file:serial.log"]
        })
    }
}

#[cfg(test)]
#[path = "vm_tests.rs"]
mod tests;

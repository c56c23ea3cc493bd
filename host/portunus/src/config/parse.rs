//! The walk from a file's tables to its [`Spec`], which finds every fault.
//!
//! A fault never ends the walk: what cannot be read is left out, and the rest
//! is looked at for the faults that it has itself.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io;
use std::path::PathBuf;

use portunus_device::layout::{PortId, PortName};
use toml::de::DeTable;

use super::connect::{ConnectGrantSpec, MAX_TARGETS};
use super::diagnose::Diagnostic;
use super::fields::{Faults, Fields};
use super::json;
use super::limits::LimitSpec;
use super::listen::{ListenSpec, report_shared};
use super::names::VmName;
use super::number::port_ids;
use super::plugin::{PluginSource, PluginUse};
use super::socket;
use super::source::{Located, Source, Span};
use super::spec::{
    DeviceSpec, DirGrantSpec, GrantSpec, MAX_DIRS, MetricsSpec, PluginConfig, PortSpec,
    RestartSpec, Spec,
};
use super::syntax::recover;
use super::value::Invalid;
use super::vm::{Console, VmSpec};
use crate::session::RestartPolicy;

/// What a walk has found.
pub(crate) struct Walked {
    /// What the file says, as far as it can be read: all of it where there is
    /// no fault, and nothing where it is not TOML.
    pub(crate) spec: Option<Spec>,
    /// The plugins that can be loaded, even where the rest is wrong.
    pub(crate) plugins: Vec<PluginUse>,
    /// Everything that is wrong, in no order.
    pub(crate) faults: Vec<Diagnostic>,
}

/// Reads a configuration, and looks at the directories that it grants.
pub(crate) fn walk(source: &Source) -> Walked {
    let recovered = recover(source.text());
    if !recovered.is_toml {
        return Walked {
            spec: None,
            plugins: Vec::new(),
            faults: recovered.faults,
        };
    }
    let (table, _) = DeTable::parse_recoverable(&recovered.text);
    let found = Faults::new(&recovered);
    let mut walk = Walk {
        source,
        plugins: Vec::new(),
    };
    let spec = walk.spec(Fields::new(table.get_ref(), &found));
    let mut faults = found.into_vec();
    faults.extend(recovered.faults.iter().cloned());
    Walked {
        spec: Some(spec),
        plugins: walk.plugins,
        faults,
    }
}

struct Walk<'s> {
    source: &'s Source,
    plugins: Vec<PluginUse>,
}

/// A port that may lack a part, for what is said of all ports together.
struct Draft {
    header: Span,
    name: Option<Located<PortName>>,
    console: bool,
    /// The port without its id, where no part is lacking.
    spec: Option<PortSpec>,
}

impl Walk<'_> {
    fn spec(&mut self, mut file: Fields<'_>) -> Spec {
        let device = file.table("device").map(device).unwrap_or_default();
        let vm = self.vm(&mut file);
        let metrics = file
            .table("metrics")
            .map(|metrics| self.metrics(metrics))
            .unwrap_or_default();
        let tables = file.require_tables("port");
        let ports: Vec<_> = tables.into_iter().map(|port| self.port(port)).collect();
        let names = ports.iter().filter_map(|port| port.name.as_ref());
        report_repeated(&file, "ports", names);
        let console = vm.console == Console::Hvc0;
        let ports = number(&file, &device, console, ports);
        let listens = ports.iter().filter_map(|port| port.listen.as_ref());
        report_shared(&file, metrics.socket.as_ref(), listens);
        file.finish();
        Spec {
            device,
            vm,
            metrics,
            ports,
        }
    }

    fn vm(&self, file: &mut Fields<'_>) -> VmSpec {
        match file.table("vm") {
            Some(vm) => VmSpec::read(vm, self.source, || self.vm_name_of_file(file)),
            None => VmSpec {
                name: self.vm_name_of_file(file),
                ..VmSpec::default()
            },
        }
    }

    fn vm_name_of_file(&self, file: &Fields<'_>) -> VmName {
        let stem = self
            .source
            .path()
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy();
        stem.parse().unwrap_or_else(|Invalid { what, .. }| {
            let what = format!("the machine's name, taken from the file's, {what}");
            let help = "give it one: `[vm]` with `name = \"...\"`";
            file.report(Diagnostic::new(what).help(help));
            VmName::default()
        })
    }

    fn metrics(&self, mut metrics: Fields<'_>) -> MetricsSpec {
        let socket = self.path(metrics.take("socket"));
        if let Some(fault) = socket.as_ref().and_then(socket::fault) {
            metrics.report(fault);
        }
        metrics.finish();
        MetricsSpec { socket }
    }

    /// A path of the file's, no longer relative to its directory.
    fn path(&self, path: Option<Located<PathBuf>>) -> Option<Located<PathBuf>> {
        path.map(|path| self.source.located_from_here(path))
    }

    fn port(&mut self, mut port: Fields<'_>) -> Draft {
        let name = port.require::<PortName>("name");
        let console = port.take("console").is_some_and(|console| console.value);
        let limit = port
            .table("limit")
            .map(|table| limit(table, console))
            .unwrap_or_default();
        let plugin = self.plugin(&mut port, &limit);
        let listen = ListenSpec::read(&mut port, self.source, &limit);
        let config = plugin_config(&mut port);
        let grant = port
            .table("grant")
            .map(|grant| self.grant(grant))
            .unwrap_or_default();
        let restart = port.table("restart").map(restart).unwrap_or_default();
        let header = port.place();
        port.finish();
        let spec = name
            .clone()
            .zip(plugin)
            .map(|(name, PluginUse { source, sha256, .. })| PortSpec {
                id: PortId::ZERO,
                name,
                console,
                plugin: source,
                sha256: sha256.map(|sha256| sha256.value),
                listen,
                config,
                grant,
                limit,
                restart,
            });
        Draft {
            header,
            name,
            console,
            spec,
        }
    }

    fn plugin(&mut self, port: &mut Fields<'_>, limit: &LimitSpec) -> Option<PluginUse> {
        let plugin = port.require::<PluginSource>("plugin");
        let sha256 = port.take("sha256");
        let Located { value, span } = plugin?;
        if let (PluginSource::Bundled(name), Some(sha256)) = (&value, &sha256) {
            let what = format!("`sha256` pins a file, but `{name}` is bundled");
            let help = "remove it: what is bundled is as old as the program";
            port.report(
                Diagnostic::new(what)
                    .at(sha256.span, "no file has it")
                    .help(help),
            );
        }
        let value = match value {
            PluginSource::File(path) => PluginSource::File(self.source.path_from_here(&path)),
            bundled @ PluginSource::Bundled(_) => bundled,
        };
        let plugin = PluginUse {
            source: Located { value, span },
            sha256,
            limit: limit.clone(),
        };
        self.plugins.push(plugin.clone());
        Some(plugin)
    }

    fn grant(&self, mut grant: Fields<'_>) -> GrantSpec {
        let tables = grant.tables("dirs");
        let help = "grant a directory that holds several of them";
        report_surplus(&grant, "dirs", &tables, (MAX_DIRS, "directories"), help);
        let dirs: Vec<_> = tables
            .into_iter()
            .filter_map(|dir| self.dir_grant(dir))
            .collect();
        report_repeated(&grant, "directories", dirs.iter().map(|dir| &dir.guest));
        let tables = grant.tables("connect");
        let help = "spread them over several ports";
        report_surplus(&grant, "connect", &tables, (MAX_TARGETS, "targets"), help);
        let connect: Vec<_> = tables
            .into_iter()
            .filter_map(|target| ConnectGrantSpec::read(target, self.source))
            .collect();
        report_repeated(&grant, "targets", connect.iter().map(|target| &target.name));
        grant.finish();
        GrantSpec { dirs, connect }
    }

    fn dir_grant(&self, mut dir: Fields<'_>) -> Option<DirGrantSpec> {
        let host = self.path(dir.require("host"));
        if let Some(fault) = host.as_ref().and_then(missing_directory) {
            dir.report(fault);
        }
        let guest = dir.require("guest");
        let access = dir
            .take("access")
            .map(|access| access.value)
            .unwrap_or_default();
        dir.finish();
        Some(DirGrantSpec {
            host: host?,
            guest: guest?,
            access,
        })
    }
}

fn device(mut device: Fields<'_>) -> DeviceSpec {
    let max_ports = device.take("max-ports");
    device.finish();
    DeviceSpec { max_ports }
}

fn plugin_config(port: &mut Fields<'_>) -> PluginConfig {
    let Some((span, table)) = port.raw_table("config") else {
        return PluginConfig::default();
    };
    let json = json::object(table, &mut |fault| port.report(fault));
    PluginConfig {
        json,
        place: Some(span),
    }
}

fn limit(mut table: Fields<'_>, console: bool) -> LimitSpec {
    let limit = LimitSpec::read(&mut table);
    limit.report_pointless(&table, console);
    table.finish();
    limit
}

fn restart(mut table: Fields<'_>) -> RestartSpec {
    let default = RestartSpec::default();
    let budget = table.take_within("budget", &RestartSpec::BUDGET);
    let within = table.take_within("within", &RestartSpec::WITHIN);
    let then = table.take("then").map(|then| then.value);
    let spec = RestartSpec {
        budget: budget
            .as_ref()
            .map_or(default.budget, |budget| budget.value),
        within: within
            .as_ref()
            .map_or(default.within, |within| within.value),
        then: then.unwrap_or(default.then),
    };
    let least = RestartPolicy::from(&spec).least_time();
    let written = budget.map(|budget| budget.span);
    if let Some(place) = written.or(within.map(|within| within.span))
        && least >= spec.within.duration()
    {
        let what = format!("{} can never be used up", table.name("budget"));
        let at = format!("so many failures take {least:?} at least");
        let help = "give a smaller `budget`, or a longer `within`";
        table.report(Diagnostic::new(what).at(place, at).help(help));
    }
    table.finish();
    spec
}

fn missing_directory(host: &Located<PathBuf>) -> Option<Diagnostic> {
    let path = host.value.display();
    let (what, label, help) = match host.value.metadata() {
        Ok(metadata) if metadata.is_dir() => return None,
        Ok(_) => (
            format!("`{path}` is no directory"),
            "not a directory",
            "grant the directory that holds it".to_owned(),
        ),
        Err(error) if error.kind() == io::ErrorKind::NotFound => (
            format!("the directory `{path}` does not exist"),
            "not there",
            format!("create it: mkdir -p '{path}'"),
        ),
        Err(error) => (
            format!("the directory `{path}` cannot be looked at: {error}"),
            "not accessible",
            "check that you may enter the directories above it".to_owned(),
        ),
    };
    Some(Diagnostic::new(what).at(host.span, label).help(help))
}

/// Reports the first table of a grant that is one too many.
fn report_surplus(
    grant: &Fields<'_>,
    key: &str,
    tables: &[Fields<'_>],
    (most, kinds): (usize, &str),
    help: &str,
) {
    if let Some(surplus) = tables.get(most) {
        let what = format!("{} has more than {most} {kinds}", grant.name(key));
        let fault = Diagnostic::new(what).at(surplus.place(), "one too many");
        grant.report(fault.help(help));
    }
}

/// Reports each name that an earlier one of the same kind has.
fn report_repeated<'n, T: Ord + Display + 'n>(
    table: &Fields<'_>,
    kinds: &str,
    names: impl Iterator<Item = &'n Located<T>>,
) {
    let mut first_uses: BTreeMap<&T, Span> = BTreeMap::new();
    for name in names {
        let Some(first) = first_uses.get(&name.value) else {
            first_uses.insert(&name.value, name.span);
            continue;
        };
        let what = format!("two {kinds} have the name `{}`", name.value);
        let fault = Diagnostic::new(what).at(name.span, "used again here");
        table.report(
            fault
                .at(*first, "first used here")
                .help("give one of them another name"),
        );
    }
}

/// Gives every port its id, and reports the first that the device has no room
/// for. Where the terminal is a console of the device, that has id 0.
fn number(
    file: &Fields<'_>,
    device: &DeviceSpec,
    terminal: bool,
    ports: Vec<Draft>,
) -> Vec<PortSpec> {
    let max_ports = device.max_ports();
    let ids = port_ids(terminal, ports.iter().map(|port| port.console));
    let needed = ids
        .iter()
        .max()
        .map_or(0, |highest| highest.saturating_add(1));
    let mut numbered = Vec::new();
    let mut is_full = false;
    for (draft, id) in ports.into_iter().zip(ids) {
        match PortId::new(id).filter(|id| max_ports.contains(*id)) {
            Some(id) => numbered.extend(draft.spec.map(|spec| PortSpec { id, ..spec })),
            None if is_full => {}
            None => {
                is_full = true;
                file.report(no_room(&draft, id, device, needed));
            }
        }
    }
    numbered
}

fn no_room(draft: &Draft, id: u32, device: &DeviceSpec, needed: u32) -> Diagnostic {
    let max_ports = device.max_ports();
    let (span, name) = match &draft.name {
        Some(name) => (name.span, format!("`{}`", name.value)),
        None => (draft.header, "this".to_owned()),
    };
    let fault = Diagnostic::new(format!("the device has no room for port {name}")).at(
        span,
        format!(
            "gets id {id}; there are 0 to {}",
            max_ports.get().saturating_sub(1)
        ),
    );
    let fault = match &device.max_ports {
        Some(max_ports) => fault.at(max_ports.span, "the device's size"),
        None => fault,
    };
    fault.help(format!(
        "set `max-ports = {needed}` in `[device]`, or use fewer ports"
    ))
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;

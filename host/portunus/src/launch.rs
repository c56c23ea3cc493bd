//! From a configuration without faults to ports that are answered.

use std::sync::Arc;
use std::time::Duration;

use portunus_plugin::{Access, DirGrant, Grants, Limits, PortInfo};

use crate::config::{self, Diagnostic, Diagnostics, Limit, LimitSpec, Loaded, PortSpec};
use crate::plugins::Plugins;
use crate::router::{AddFault, PortPlan, Router};
use crate::session::{PortLimits, Recipe, StartFault};

/// Starts every port's plugin. Must be called within a tokio runtime.
///
/// # Errors
///
/// What plugins have against their configuration, all in one answer.
pub async fn launch(loaded: &Loaded, plugins: &Plugins) -> Result<Arc<Router>, Diagnostics> {
    let vm = loaded.spec.vm.name.as_str();
    let span = tracing::info_span!("vm", name = vm);
    let router = Router::new(loaded.spec.device.max_ports(), span);
    let mut faults = Vec::new();
    for port in &loaded.spec.ports {
        if let Err(fault) = add(&router, port, vm, plugins).await {
            faults.push(fault);
        }
    }
    if faults.is_empty() {
        Ok(Arc::new(router))
    } else {
        Err(loaded.refuse(faults))
    }
}

async fn add(
    router: &Router,
    port: &PortSpec,
    vm: &str,
    plugins: &Plugins,
) -> Result<(), Diagnostic> {
    let at_plugin = |what: String| Diagnostic::new(what).at(port.plugin.span, "started here");
    let Some(component) = plugins.get(&port.plugin.value) else {
        return Err(at_plugin(format!(
            "plugin `{}` was not loaded",
            port.plugin.value
        )));
    };
    let recipe = Recipe {
        component: component.clone(),
        limits: limits(&port.limit),
        grants: grants(&port.grant),
        info: PortInfo {
            vm: vm.to_owned(),
            name: port.name.value.to_string(),
            id: port.id.get(),
            console: port.console,
            lossy: port.console,
        },
        config: serde_json::Value::Object(port.config.json.clone())
            .to_string()
            .into(),
    };
    let plan = PortPlan {
        id: port.id,
        name: port.name.value.clone(),
        console: port.console,
        recipe,
        limits: port_limits(&port.limit),
        restart: (&port.restart).into(),
    };
    router
        .add(plan)
        .await
        .map_err(|fault| match (&fault, port.config.place) {
            (AddFault::Start(StartFault::Refused(_)), Some(table)) => {
                Diagnostic::new(fault.to_string())
                    .at(table, "this table")
                    .help("correct it")
            }
            _ => at_plugin(fault.to_string()).help("see what the plugin's documentation asks for"),
        })
}

fn limits(spec: &LimitSpec) -> Limits {
    let number = |limit| spec.number(limit).unwrap_or(u64::MAX);
    let time = |limit| Duration::from_millis(number(limit));
    Limits {
        memory_bytes: number(Limit::Memory),
        table_elements: number(Limit::TableElements),
        instances: number(Limit::Instances),
        cpu: time(Limit::Cpu),
        wall: time(Limit::Wall),
        resources: number(Limit::Resources),
        host_call_bytes: number(Limit::HostCall),
        random_bytes: number(Limit::Random),
        log_bytes: number(Limit::LogBytes),
        log_rate: number(Limit::LogRate),
        output_bytes: number(Limit::Output),
        metrics: number(Limit::Metrics),
    }
}

fn port_limits(spec: &LimitSpec) -> PortLimits {
    let number = |limit| spec.number(limit).unwrap_or(u64::MAX);
    PortLimits {
        outbox_bytes: number(Limit::Outbox),
        backlog_bytes: number(Limit::Backlog),
        timers: number(Limit::Timers),
        metrics: number(Limit::Metrics),
        bytes_per_second: spec.number(Limit::Rate),
    }
}

fn grants(spec: &config::GrantSpec) -> Grants {
    let dirs = spec.dirs.iter().map(|dir| DirGrant {
        host: dir.host.value.clone(),
        guest: dir.guest.value.to_string(),
        access: match dir.access {
            config::Access::Read => Access::Read,
            config::Access::Write => Access::Write,
        },
    });
    Grants {
        dirs: dirs.collect(),
    }
}

#[cfg(test)]
#[path = "launch_tests.rs"]
mod tests;

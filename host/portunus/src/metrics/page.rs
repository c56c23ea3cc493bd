//! What is shown: every family of metrics, in the order of the page.
//!
//! What a plugin counts itself is shown under two names of ours, with the
//! plugin's word as a label: so no plugin can take the name of one of our own
//! metrics, and none can give one name two types.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, text};
use prometheus_client::metrics::MetricType::{Counter, Gauge, Histogram, Info};
use prometheus_client::registry::Registry;

use super::families::{Family, Labels};
use crate::control::ControlFaults;
use crate::router::{AnsweredPort, Router};
use crate::session::{Counters, Failed, MeasuresNow, PortState, get};

/// The type of a page, as HTTP has it.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// One look at a machine's counters.
#[derive(Debug)]
pub struct Look {
    vm: String,
    ports: Vec<PortLook>,
    absent: Arc<Counters>,
    control: ControlFaults,
}

#[derive(Debug)]
struct PortLook {
    name: String,
    plugin: Arc<str>,
    counters: Arc<Counters>,
    state: PortState,
    failed: Failed,
    measures: MeasuresNow,
}

impl Look {
    /// Looks at a machine.
    pub fn at(vm: &str, router: &Router) -> Self {
        Self {
            vm: vm.to_owned(),
            ports: router.answered().into_iter().map(PortLook::at).collect(),
            absent: Arc::clone(router.absent_counters()),
            control: router.control_faults(),
        }
    }

    /// The page as OpenMetrics text.
    ///
    /// # Errors
    ///
    /// Where the encoder cannot write a number.
    pub fn page(self) -> Result<String, fmt::Error> {
        let mut registry = Registry::with_prefix("portunus");
        registry.register_collector(Box::new(self));
        let mut page = String::new();
        text::encode(&mut page, &registry)?;
        Ok(page)
    }
}

impl PortLook {
    fn at(AnsweredPort { port, plugin }: AnsweredPort) -> Self {
        Self {
            name: port.label.clone(),
            plugin,
            state: port.state(),
            failed: port.counters.calls.failed(),
            measures: port.counters.measures.now(),
            counters: Arc::clone(&port.counters),
        }
    }
}

impl Collector for Look {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let page = &mut Page {
            look: self,
            encoder: &mut encoder,
        };
        page.build()?;
        page.bytes()?;
        page.clients()?;
        page.plugin()?;
        page.calls()?;
        page.guest()?;
        page.measures()
    }
}

/// A page that is being written.
struct Page<'p, 'e> {
    look: &'p Look,
    encoder: &'p mut DescriptorEncoder<'e>,
}

impl<'p> Page<'p, '_> {
    fn build(&mut self) -> fmt::Result {
        let family = Family::things("build", "Which program this is.");
        let labels = Labels::new([("version", env!("CARGO_PKG_VERSION"))]);
        family.begin(self.encoder, Info)?.info(&labels)
    }

    /// The bytes' ways, and where they wait or were dropped.
    fn bytes(&mut self) -> fmt::Result {
        self.counter(
            &Family::bytes("from_guest", "Bytes that the plugin took from the guest."),
            |counters| &counters.from_guest_bytes,
        )?;
        self.counter(
            &Family::things("deliveries", "Calls in which it took them."),
            |counters| &counters.deliveries,
        )?;
        self.counter(
            &Family::bytes("to_guest", "Bytes that were put into the guest's buffers."),
            |counters| &counters.to_guest_bytes,
        )?;
        self.counter(
            &Family::things("sends", "Sends of the plugin of which something was taken."),
            |counters| &counters.sends,
        )?;
        self.dropped()?;
        self.queued()?;
        let family = Family::things("port_open", "Whether the guest has opened the port.");
        self.gauge(&family, |port| u64::from(port.state.open))
    }

    fn dropped(&mut self) -> fmt::Result {
        let family = Family::bytes("dropped", "Bytes that reached nobody, by reason.");
        let mut samples = family.begin(self.encoder, Counter)?;
        for (port, labels) in self.look.ports() {
            let counters = &port.counters;
            for (reason, counter) in [
                ("console-backlog", &counters.console_dropped_bytes),
                ("failure", &counters.lost_to_failure_bytes),
                ("unread", &counters.unread_bytes),
                ("closed", &counters.discarded_bytes),
                ("client-unread", &counters.clients.unread_bytes),
                ("client-closed", &counters.clients.discarded_bytes),
            ] {
                samples.counter(&labels.and("reason", reason), get(counter))?;
            }
        }
        let labels = self.look.labels().and("reason", "absent");
        samples.counter(&labels, get(&self.look.absent.discarded_bytes))
    }

    fn queued(&mut self) -> fmt::Result {
        let family = Family::bytes("queued", "Bytes that wait, by queue.");
        let mut samples = family.begin(self.encoder, Gauge)?;
        for (port, labels) in self.look.ports() {
            for (queue, bytes) in [
                ("inbox", get(&port.counters.inbox_bytes)),
                ("outbox", length(port.state.outbox_bytes)),
                ("backlog", length(port.state.backlog_bytes)),
            ] {
                samples.level(&labels.and("queue", queue), bytes)?;
            }
        }
        Ok(())
    }

    /// The host programs at the ports' sockets.
    fn clients(&mut self) -> fmt::Result {
        self.gauge(
            &Family::things("clients", "Host programs that are connected now."),
            |port| get(&port.counters.clients.open),
        )?;
        self.counter(
            &Family::things("clients_connected", "Host programs that connected."),
            |counters| &counters.clients.connected,
        )?;
        self.counter(
            &Family::things(
                "clients_refused",
                "Host programs that were one too many, and let go.",
            ),
            |counters| &counters.clients.refused,
        )?;
        self.counter(
            &Family::bytes("from_clients", "Bytes that the plugin took from them."),
            |counters| &counters.clients.from_bytes,
        )?;
        self.counter(
            &Family::bytes("to_clients", "Bytes that their sockets took."),
            |counters| &counters.clients.to_bytes,
        )
    }

    /// How the plugins are.
    fn plugin(&mut self) -> fmt::Result {
        self.counter(
            &Family::things(
                "plugin_restarts",
                "Instances of the plugin started after the first.",
            ),
            |counters| &counters.restarts,
        )?;
        self.gauge(
            &Family::things(
                "plugin_resting",
                "Whether the plugin rests after a failure.",
            ),
            |port| get(&port.counters.resting),
        )?;
        self.gauge(
            &Family::things(
                "plugin_given_up",
                "Whether the plugin failed too often to be started again.",
            ),
            |port| get(&port.counters.given_up),
        )?;
        self.gauge(
            &Family::bytes("plugin_memory", "Linear memory that the plugin has."),
            |port| get(&port.counters.memory_bytes),
        )?;
        self.counter(
            &Family::things(
                "plugin_log_dropped",
                "Messages and printed lines beyond what the log takes in a second.",
            ),
            |counters| &counters.log_messages_dropped,
        )?;
        self.counter(
            &Family::things("plugin_log_cut", "Messages that the log has only in part."),
            |counters| &counters.log_messages_cut,
        )?;
        self.counter(
            &Family::bytes(
                "plugin_output_dropped",
                "Printed bytes beyond what is kept of a call.",
            ),
            |counters| &counters.output_dropped_bytes,
        )?;
        self.counter(
            &Family::things(
                "plugin_measures_refused",
                "Numbers under a name that no metric can have, or one too many.",
            ),
            |counters| &counters.measures_refused,
        )
    }

    /// How long calls took, and how those ended that failed.
    fn calls(&mut self) -> fmt::Result {
        let family = Family::seconds("call", "Time in one call of the plugin, by export.");
        let mut samples = family.begin(self.encoder, Histogram)?;
        for (port, labels) in self.look.ports() {
            for (export, times) in port.counters.calls.times() {
                let times = times.now();
                if times.count() > 0 {
                    samples.times(&labels.and("call", export.name()), &times)?;
                }
            }
        }
        let family = Family::things(
            "plugin_faults",
            "Calls that failed, by export and by cause.",
        );
        let mut samples = family.begin(self.encoder, Counter)?;
        for (port, labels) in self.look.ports() {
            for ((call, cause), count) in &port.failed {
                let labels = labels.and("call", call).and("cause", cause);
                samples.counter(&labels, *count)?;
            }
        }
        let family = Family::things("limits_struck", "How often a limit struck, by limit.");
        let mut samples = family.begin(self.encoder, Counter)?;
        for (port, labels) in self.look.ports() {
            for (limit, count) in port.counters.strikes.all() {
                if count > 0 {
                    samples.counter(&labels.and("limit", limit), count)?;
                }
            }
        }
        Ok(())
    }

    /// What the guest did wrong.
    fn guest(&mut self) -> fmt::Result {
        let family = Family::things(
            "guest_faults",
            "Rings that the guest broke, by port: ports that nothing answers have no name.",
        );
        let mut samples = family.begin(self.encoder, Counter)?;
        for (port, labels) in self.look.ports() {
            samples.counter(&labels, get(&port.counters.guest_faults))?;
        }
        let vm = self.look.labels();
        samples.counter(&vm, get(&self.look.absent.guest_faults))?;
        let control = self.look.control;
        for (family, count) in [
            (
                Family::things("control_faults", "Control queues that the guest broke."),
                control.rings,
            ),
            (
                Family::things(
                    "control_messages_ignored",
                    "Control messages of the guest that make no sense.",
                ),
                control.ignored,
            ),
        ] {
            family.begin(self.encoder, Counter)?.counter(&vm, count)?;
        }
        Ok(())
    }

    /// What the plugins count and gauge themselves.
    fn measures(&mut self) -> fmt::Result {
        let family = Family::things("plugin_counter", "What the plugin counts itself, by name.");
        let mut samples = family.begin(self.encoder, Counter)?;
        for (port, labels) in self.look.ports() {
            for (name, count) in &port.measures.counts {
                samples.counter(&labels.and("name", name), *count)?;
            }
        }
        let family = Family::things("plugin_gauge", "What the plugin measures itself, by name.");
        let mut samples = family.begin(self.encoder, Gauge)?;
        for (port, labels) in self.look.ports() {
            for (name, value) in &port.measures.gauges {
                samples.gauge(&labels.and("name", name), *value)?;
            }
        }
        Ok(())
    }

    /// A counter that each port has one of.
    fn counter(&mut self, family: &Family, of: fn(&Counters) -> &AtomicU64) -> fmt::Result {
        let mut samples = family.begin(self.encoder, Counter)?;
        for (port, labels) in self.look.ports() {
            samples.counter(&labels, get(of(&port.counters)))?;
        }
        Ok(())
    }

    /// A gauge that each port has one of.
    fn gauge(&mut self, family: &Family, of: fn(&PortLook) -> u64) -> fmt::Result {
        let mut samples = family.begin(self.encoder, Gauge)?;
        for (port, labels) in self.look.ports() {
            samples.level(&labels, of(port))?;
        }
        Ok(())
    }
}

impl Look {
    /// The labels of what the machine has one of.
    fn labels(&self) -> Labels<'_> {
        Labels::new([("vm", self.vm.as_str())])
    }

    /// The ports, with the labels of what each has one of.
    fn ports(&self) -> impl Iterator<Item = (&PortLook, Labels<'_>)> {
        self.ports.iter().map(|port| {
            let labels = self.labels().and("port", &port.name);
            (port, labels.and("plugin", &port.plugin))
        })
    }
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;

//! What a port's table says is what its plugin and its session get.

use super::*;
use crate::config::{LIMITS, LoadNothing, Quantity, Source, read};

/// The limits of one port with this table.
fn limits_of(table: &str) -> (Limits, PortLimits) {
    let text = format!(
        "[[port]]\nname = \"a\"\nplugin = \"echo\"\nconsole = true\nlimit = {{ {table} }}\n"
    );
    let loaded = read(Source::new("demo.toml", text), &mut LoadNothing).unwrap();
    let spec = &loaded.spec.ports[0].limit;
    (limits(spec), port_limits(spec))
}

#[test]
fn a_port_that_says_nothing_has_the_defaults() {
    assert_eq!(limits_of(""), (Limits::DEFAULT, PortLimits::DEFAULT));
}

#[test]
fn each_limit_of_a_table_reaches_what_it_bounds() {
    for entry in &LIMITS {
        // The plugin's file is bounded before anything is launched.
        if entry.limit == Limit::Component {
            continue;
        }
        // One bound of each, but for what another limit would make pointless.
        let value = match entry.limit {
            Limit::Cpu | Limit::HostCall | Limit::Random | Limit::LogBytes | Limit::Connects => {
                entry.bounds.least
            }
            Limit::Instances => Quantity::Count(crate::config::Count(3)),
            _ => entry.bounds.most,
        };
        let table = match value {
            Quantity::Count(count) => format!("{} = {count}", entry.name),
            value => format!("{} = \"{value}\"", entry.name),
        };
        let (plugin, port) = limits_of(&table);
        let changed = format!("{plugin:?}{port:?}");
        assert_ne!(
            changed,
            format!("{:?}{:?}", Limits::DEFAULT, PortLimits::DEFAULT),
            "{table}"
        );
        let number = match value {
            Quantity::Time(time) => format!("{:?}", time.duration()),
            value => value.number().to_string(),
        };
        assert!(changed.contains(&number), "{table}: {changed}");
    }
}

//! The host's half of `wit/port.wit`, and WASI 0.2 beside it.
//!
//! Nothing here waits, and nothing copies what the plugin gives: bytes and
//! strings are read where they lie, in the plugin's memory.

use std::time::Duration;

use wasmtime::component::{Linker, LinkerInstance, WasmList, WasmStr};
use wasmtime::{Result, StoreContextMut, bail};

use crate::host::{ChannelId, ChannelOrder, LogLevel, Measure, SendError};
use crate::outlet::Outlet;
use crate::state::State;
use crate::wasi;

/// The package of the contract, and the one version that this host speaks.
pub(crate) const PACKAGE: &str = "portunus:port";
pub(crate) const VERSION: &str = "0.1.0";

/// The interfaces of the package that a plugin imports.
pub(crate) const INTERFACES: [&str; 6] =
    ["types", "channel", "timer", "log", "metrics", "lifecycle"];

/// The interfaces of WASI 0.2 that it can import too. Without a grant they are
/// inert: no directory, no address, nobody's environment.
pub(crate) const WASI: [(&str, &[&str]); 6] = [
    (
        "wasi:cli",
        &[
            "environment",
            "exit",
            "stdin",
            "stdout",
            "stderr",
            "terminal-input",
            "terminal-output",
            "terminal-stdin",
            "terminal-stdout",
            "terminal-stderr",
        ],
    ),
    ("wasi:clocks", &["monotonic-clock", "wall-clock"]),
    ("wasi:filesystem", &["preopens", "types"]),
    ("wasi:io", &["error", "poll", "streams"]),
    ("wasi:random", &["insecure", "insecure-seed", "random"]),
    (
        "wasi:sockets",
        &[
            "instance-network",
            "ip-name-lookup",
            "network",
            "tcp",
            "tcp-create-socket",
            "udp",
            "udp-create-socket",
        ],
    ),
];
pub(crate) const WASI_VERSION: &str = "0.2.";

type Caller<'a> = StoreContextMut<'a, State>;

/// All that a plugin can import.
pub(crate) fn linker(engine: &wasmtime::Engine) -> Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasi::add_to(&mut linker)?;
    channel(&mut ours(&mut linker, "channel")?)?;
    timer(&mut ours(&mut linker, "timer")?)?;
    log(&mut ours(&mut linker, "log")?)?;
    metrics(&mut ours(&mut linker, "metrics")?)?;
    lifecycle(&mut ours(&mut linker, "lifecycle")?)?;
    Ok(linker)
}

fn ours<'a>(linker: &'a mut Linker<State>, interface: &str) -> Result<LinkerInstance<'a, State>> {
    linker.instance(&format!("{PACKAGE}/{interface}@{VERSION}"))
}

fn channel(channel: &mut LinkerInstance<'_, State>) -> Result<()> {
    channel.func_wrap(
        "send",
        |caller: Caller<'_>, (channel, data): (u64, WasmList<u8>)| {
            with_outlet(caller, |outlet, caller| {
                let data = data.as_le_slice(caller);
                Ok((send(outlet, ChannelId(channel), data),))
            })
        },
    )?;
    let orders = [
        ("pause", ChannelOrder::Pause),
        ("resume", ChannelOrder::Resume),
        ("finish", ChannelOrder::Finish),
        ("close", ChannelOrder::Close),
    ];
    for (name, order) in orders {
        channel.func_wrap(name, move |caller: Caller<'_>, (channel,): (u64,)| {
            with_outlet(caller, |outlet, _| {
                outlet.host.steer(ChannelId(channel), order);
                Ok(())
            })
        })?;
    }
    channel.func_wrap("connect", |caller: Caller<'_>, (target,): (WasmStr,)| {
        with_outlet(caller, |outlet, caller| {
            let target = target.to_str(caller)?;
            Ok((outlet.host.connect(&target).map(|channel| channel.0),))
        })
    })
}

fn send(outlet: &mut Outlet, channel: ChannelId, data: &[u8]) -> Result<u32, SendError> {
    let taken = outlet.host.send(channel, data)?.min(data.len());
    // A list in a 32-bit memory is never longer than that.
    Ok(u32::try_from(taken).unwrap_or(u32::MAX))
}

fn timer(timer: &mut LinkerInstance<'_, State>) -> Result<()> {
    timer.func_wrap(
        "set",
        |caller: Caller<'_>, (token, after_ms): (u64, u64)| {
            with_outlet(caller, |outlet, _| {
                Ok((outlet
                    .host
                    .set_timer(token, Duration::from_millis(after_ms)),))
            })
        },
    )?;
    timer.func_wrap("cancel", |caller: Caller<'_>, (token,): (u64,)| {
        with_outlet(caller, |outlet, _| {
            outlet.host.cancel_timer(token);
            Ok(())
        })
    })
}

fn log(log: &mut LinkerInstance<'_, State>) -> Result<()> {
    log.func_wrap(
        "log",
        |caller: Caller<'_>, (level, message): (LogLevel, WasmStr)| {
            with_outlet(caller, |outlet, caller| {
                outlet.log(level, &message.to_str(caller)?);
                Ok(())
            })
        },
    )
}

fn metrics(metrics: &mut LinkerInstance<'_, State>) -> Result<()> {
    metrics.func_wrap("count", |caller: Caller<'_>, (name, by): (WasmStr, u64)| {
        measure(caller, &name, Measure::Count(by))
    })?;
    metrics.func_wrap(
        "gauge",
        |caller: Caller<'_>, (name, value): (WasmStr, f64)| {
            measure(caller, &name, Measure::Gauge(value))
        },
    )
}

fn measure(caller: Caller<'_>, name: &WasmStr, value: Measure) -> Result<()> {
    with_outlet(caller, |outlet, caller| {
        outlet.measure(&name.to_str(caller)?, value);
        Ok(())
    })
}

fn lifecycle(lifecycle: &mut LinkerInstance<'_, State>) -> Result<()> {
    lifecycle.func_wrap("stopped", |caller: Caller<'_>, (): ()| {
        with_outlet(caller, |outlet, _| {
            outlet.host.stopped();
            Ok(())
        })
    })
}

/// Takes the outlet out of the store for one import, so that it can be used
/// beside the store's memory, where the plugin's bytes and strings are.
fn with_outlet<R>(
    mut caller: Caller<'_>,
    import: impl FnOnce(&mut Outlet, &Caller<'_>) -> Result<R>,
) -> Result<R> {
    let Some(mut outlet) = caller.data_mut().outlet.take() else {
        bail!("an import was called from within another");
    };
    let answer = import(&mut outlet, &caller);
    caller.data_mut().outlet = Some(outlet);
    answer
}

#[cfg(test)]
#[path = "imports_tests.rs"]
mod tests;

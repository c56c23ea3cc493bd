//! `portunus demo`: prints what it shows.

use std::sync::{Arc, OnceLock};

use super::{Failure, print};
use crate::demo::{self, DemoFault, DemoSpec, PlaceFault, Tell};
use crate::plugins::Plugins;

pub(super) fn run(spec: &DemoSpec, plugins: Plugins) -> Result<(), Failure> {
    let unprinted = Arc::new(OnceLock::new());
    let first_unprinted = Arc::clone(&unprinted);
    let tell: Tell = Arc::new(move |step| {
        if let Err(error) = print(&step.to_string()) {
            // The first one says it.
            let _ = first_unprinted.set(format!("{error:#}"));
        }
    });
    demo::run(spec, plugins, &tell)?;
    match unprinted.get() {
        Some(error) => Err(anyhow::Error::msg(error.clone()).into()),
        None => Ok(()),
    }
}

impl From<DemoFault> for Failure {
    fn from(fault: DemoFault) -> Self {
        match fault {
            DemoFault::Stopped(signal) => Self::Stopped(signal),
            DemoFault::Serve(fault) => fault.into(),
            DemoFault::Place(fault @ PlaceFault::NotEmpty(_)) => Self::Usage(fault.into()),
            other => Self::Running(other.into()),
        }
    }
}

//! `portunus guest`: prints what it makes.

use std::path::Path;

use super::{Failure, print};
use crate::guest::{MachineGuest, default_folder};

pub(super) fn run(folder: &Path) -> Result<(), Failure> {
    let packages = default_folder().map_err(anyhow::Error::from)?;
    let mut unprinted = Ok(());
    let made = MachineGuest::make(folder, &packages, &[], &mut |progress| {
        unprinted = print(&progress.to_string());
    });
    let MachineGuest { kernel, initrd } = made.map_err(anyhow::Error::from)?;
    unprinted?;
    print(&format!("{}\n{}", kernel.display(), initrd.display()))?;
    Ok(())
}

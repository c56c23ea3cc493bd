//! The guest and its device, of either kind: User Mode Linux at a vhost-user
//! socket, or a machine of our own with the device in it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use portunus_vmm::Handle;

use super::choice::Choice;
use super::place::Place;
use super::step::Step;
use super::story::{PROGRAMS, Partner, SCRIPT};
use super::{DemoFault, ORPHAN, Tell};
use crate::client_sockets::PassedSockets;
use crate::config;
use crate::door::run::ConsoleDevice;
use crate::door::serve::{ServeFault, Server};
use crate::guest::{GuestKiller, GuestRoot, KvmGuest, MachineGuest, UmlSpec};
use crate::launch::{Launched, launch};
use crate::plugins::Plugins;
use crate::router::Router;

/// What a guest boots from.
pub(super) enum Files {
    /// A root folder.
    Uml(GuestRoot),
    /// A kernel and an initial RAM disk.
    Kvm(MachineGuest),
}

impl Files {
    /// Makes them, or finds them, of packages in `packages`; those of one run
    /// alone go into `own`. Blocks.
    pub(super) fn prepare(
        choice: &Choice,
        packages: &Path,
        own: &Path,
        tell: &Tell,
    ) -> Result<Self, DemoFault> {
        let tell = &mut |progress: &_| tell(Step::Preparing(Clone::clone(progress)));
        Ok(match choice {
            Choice::Uml(_) => Self::Uml(GuestRoot::prepare(packages, tell)?),
            Choice::Kvm => {
                let programs = [&[("run", SCRIPT)], &PROGRAMS[..]].concat();
                Self::Kvm(MachineGuest::make(own, packages, &programs, tell)?)
            }
        })
    }
}

/// The device.
pub(super) enum Stage {
    /// At a socket.
    Served(Server),
    /// For a machine of our own.
    Own(Arc<Router>),
}

impl Stage {
    /// The device of this run's configuration, as `portunus serve` or `portunus
    /// run` has it.
    pub(super) async fn set(
        files: &Files,
        place: &Place,
        mut plugins: Plugins,
    ) -> Result<Self, ServeFault> {
        let loaded = config::load(&place.config(), &mut plugins)?;
        // It has no clients: no port of it listens.
        let Launched { router, .. } =
            launch(&loaded, &plugins, &mut PassedSockets::default()).await?;
        Ok(match files {
            Files::Uml(_) => Self::Served(Server::start(router, &place.socket())?),
            Files::Kvm(_) => Self::Own(router),
        })
    }

    /// Boots the guest. Must be called within the runtime of its device.
    pub(super) fn boot(
        &self,
        files: &Files,
        place: &Place,
        within: Duration,
    ) -> Result<(Partner, Killer), DemoFault> {
        match (files, self) {
            (Files::Uml(root), _) => {
                let mut uml = UmlSpec::new(root, SCRIPT);
                let programs =
                    PROGRAMS.map(|(name, contents)| (name.to_owned(), contents.to_vec()));
                uml.programs.extend(programs);
                uml.device = Some(place.socket());
                uml.life = within.saturating_add(ORPHAN);
                let guest = uml.boot()?;
                let killer = Killer::Uml(guest.killer());
                Ok((Partner::Uml(guest), killer))
            }
            (Files::Kvm(files), stage) => {
                let device = ConsoleDevice::new(Arc::clone(stage.router()));
                let guest = KvmGuest::boot(files, Box::new(device))?;
                let killer = Killer::Kvm(guest.handle());
                Ok((Partner::Kvm(guest), killer))
            }
        }
    }

    fn router(&self) -> &Arc<Router> {
        match self {
            Self::Served(server) => server.router(),
            Self::Own(router) => router,
        }
    }

    /// Stops the plugins, all within `grace`, and lets go of the device.
    pub(super) async fn stop(self, grace: Duration) {
        match self {
            Self::Served(server) => server.stop(grace).await,
            Self::Own(router) => router.stop(grace).await,
        }
    }
}

/// Ends a guest that another thread waits for.
pub(super) enum Killer {
    /// User Mode Linux.
    Uml(GuestKiller),
    /// A machine of our own.
    Kvm(Handle),
}

impl Killer {
    /// Ends it, if it has not ended.
    pub(super) fn kill(&self) {
        match self {
            Self::Uml(killer) => killer.kill(),
            Self::Kvm(handle) => handle.stop(),
        }
    }
}

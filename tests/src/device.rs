//! A device in this process, for guests and front ends to use.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use portunus::door::serve::Server;
use portunus::router::{PortPlan, Router};
use portunus::session::{ChannelPlan, PortLimits, Recipe, RestartPolicy};
use portunus_device::layout::{MaxPorts, PortId, PortName};
use portunus_plugin::{Component, Engine, Grants, Limits, PortInfo};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::bench::native::Native;
use crate::guest::project;

/// What a plugin gets to make things safe.
const STOP_GRACE: Duration = Duration::from_secs(1);

/// A vhost-user device whose every port is answered by the echo plugin.
pub struct EchoDevice {
    runtime: Runtime,
    component: Component,
    router: Arc<Router>,
    server: Option<Server>,
    folder: TempDir,
}

impl EchoDevice {
    /// Starts a device of 31 ports with one port of each name; the name at
    /// `console`, if any, is a console's.
    ///
    /// # Errors
    ///
    /// What could not be started.
    pub fn start(names: &[&str], console: Option<usize>) -> Result<Self, Box<dyn Error>> {
        Self::serve(async |router, component| {
            let mut next_id = 1..;
            for (index, name) in names.iter().enumerate() {
                let is_console = console == Some(index);
                let id = if is_console { Some(0) } else { next_id.next() };
                router
                    .add(plan(component, name, id.unwrap_or_default(), is_console)?)
                    .await?;
            }
            Ok(())
        })
    }

    /// Starts a device with two ports: one answered by the echo plugin, and
    /// one by native code that does the same.
    ///
    /// # Errors
    ///
    /// What could not be started.
    pub fn beside_native(plugin: &str, native: &str) -> Result<Self, Box<dyn Error>> {
        Self::serve(async |router, component| {
            router.add(plan(component, plugin, 1, false)?).await?;
            let plan = PortPlan {
                id: PortId::new(2).ok_or("no such port number")?,
                name: native.parse()?,
                console: false,
                recipe: Native::Echo,
                channels: ChannelPlan::default(),
                limits: PortLimits::DEFAULT,
                restart: RestartPolicy::default(),
            };
            Ok(router.add(plan).await?)
        })
    }

    fn serve(
        add_ports: impl AsyncFnOnce(&Router, &Component) -> Result<(), Box<dyn Error>>,
    ) -> Result<Self, Box<dyn Error>> {
        let runtime = Runtime::new()?;
        let folder = tempfile::tempdir()?;
        let socket = folder.path().join("device.sock");
        let engine = Engine::new()?;
        let echo = project().join("target/plugins/echo.wasm");
        let component = Component::load_file(&engine, &echo)?;
        let (router, server) = runtime.block_on(async {
            let router = Arc::new(Router::new(MaxPorts::default(), tracing::Span::none()));
            add_ports(&router, &component).await?;
            let server = Server::start(Arc::clone(&router), &socket)?;
            Ok::<_, Box<dyn Error>>((router, server))
        })?;
        Ok(Self {
            runtime,
            component,
            router,
            server: Some(server),
            folder,
        })
    }

    /// Adds a port while the device is in use.
    ///
    /// # Errors
    ///
    /// What could not be started.
    pub fn add(&self, name: &str, id: u32) -> Result<(), Box<dyn Error>> {
        let plan = plan(&self.component, name, id, false)?;
        Ok(self.runtime.block_on(self.router.add(plan))?)
    }

    /// Removes a port while the device is in use; false where there is none.
    pub fn remove(&self, id: u32) -> bool {
        let Some(id) = PortId::new(id) else {
            return false;
        };
        self.runtime.block_on(self.router.remove(id, STOP_GRACE))
    }

    /// Where it is served.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("device.sock")
    }
}

impl Drop for EchoDevice {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.stop(STOP_GRACE));
        }
    }
}

/// A port of this name that the echo plugin answers.
///
/// # Errors
///
/// Where there can be no such port.
pub fn plan(
    component: &Component,
    name: &str,
    id: u32,
    console: bool,
) -> Result<PortPlan, Box<dyn Error>> {
    let info = PortInfo {
        vm: "test".into(),
        name: name.into(),
        id,
        console,
        lossy: console,
    };
    Ok(PortPlan {
        id: PortId::new(id).ok_or("no such port number")?,
        name: name.parse::<PortName>()?,
        console,
        recipe: Recipe {
            component: component.clone(),
            limits: Limits::default(),
            grants: Grants::default(),
            info,
            config: "{}".into(),
        },
        channels: ChannelPlan::default(),
        limits: PortLimits::DEFAULT,
        restart: RestartPolicy::default(),
    })
}

/// Compiles a sample program of `examples/guest` for the guest.
///
/// # Errors
///
/// What the compiler says.
pub fn compile(name: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let program = folder.path().join(name);
    let source = sample(&format!("{name}.c"));
    let said = std::process::Command::new("cc")
        .args([
            "-O2", "-static", "-pthread", "-Wall", "-Wextra", "-Werror", "-o",
        ])
        .args([&program, &source])
        .output()
        .map_err(|cause| format!("the C compiler `cc` cannot be started: {cause}"))?;
    if !said.status.success() {
        return Err(String::from_utf8_lossy(&said.stderr).into());
    }
    Ok(std::fs::read(program)?)
}

/// Where the sample program of this name is.
pub fn sample(name: &str) -> PathBuf {
    Path::new(&project()).join("examples/guest").join(name)
}

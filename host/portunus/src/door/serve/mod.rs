//! `portunus serve`: the device as a vhost-user back end.
//!
//! `connection` has one front end, from its first message to its last; `frames`
//! reads its messages one by one, `front_end` does what they say to the device,
//! and `memory` and `vring` hold guest memory and rings as it describes them.

mod connection;
mod frames;
mod front_end;
mod memory;
mod run;
mod vring;

use std::io;
use std::net::Shutdown;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use run::{MAX_PORTS, ServeFault, run};

use self::connection::converse;
pub(super) use self::frames::FILES_LIMIT;
use self::front_end::FrontEnd;
pub(super) use self::memory::REGIONS_LIMIT;
use crate::listener::{Access, Listener, SocketFault};
use crate::router::Router;

/// A device that waits for front ends, or serves one.
pub struct Server {
    router: Arc<Router>,
    accepting: JoinHandle<()>,
    stop: oneshot::Sender<()>,
}

impl Server {
    /// Listens at `socket` for the front ends of this device. When this
    /// returns, the path is there and may be connected to. Must be called
    /// within a tokio runtime.
    pub fn start(router: Arc<Router>, socket: &Path) -> Result<Self, SocketFault> {
        let listener = Listener::bind(socket, Access::Umask)?;
        let (stop, stopped) = oneshot::channel();
        let accepting = tokio::spawn(accept(listener, Arc::clone(&router), stopped));
        Ok(Self {
            router,
            accepting,
            stop,
        })
    }

    /// The device's ports.
    pub fn router(&self) -> &Arc<Router> {
        &self.router
    }

    /// Stops the plugins, all within `grace`, then lets go of the front end and
    /// removes the socket.
    pub async fn stop(self, grace: Duration) {
        self.router.stop(grace).await;
        let _already_over = self.stop.send(());
        drop(self.accepting.await);
    }
}

/// Serves one front end after the other: the device has one guest at a time.
/// A front end that comes while another is there waits for it to leave.
async fn accept(listener: Listener, router: Arc<Router>, mut stopped: oneshot::Receiver<()>) {
    loop {
        let stream = tokio::select! {
            _ = &mut stopped => return,
            stream = listener.accept() => stream,
        };
        let served = match stream.and_then(tokio::net::UnixStream::into_std) {
            Ok(stream) => serve(stream, &router, &mut stopped).await,
            Err(error) => Err(error),
        };
        match served {
            Ok(Served::Left) => {}
            Ok(Served::Stopped) => return,
            Err(error) => {
                tracing::error!(%error, "a front end could not be served");
                // Out of descriptors, most likely: do not ask again at once.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

enum Served {
    Left,
    Stopped,
}

/// Serves one front end in a thread of its own.
async fn serve(
    stream: std::os::unix::net::UnixStream,
    router: &Arc<Router>,
    stopped: &mut oneshot::Receiver<()>,
) -> io::Result<Served> {
    stream.set_nonblocking(false)?;
    let theirs = stream.try_clone()?;
    let front_end = FrontEnd::new(Arc::clone(router));
    let (runtime, span) = (tokio::runtime::Handle::current(), tracing::Span::current());
    let mut thread = tokio::task::spawn_blocking(move || {
        let (_runtime, _span) = (runtime.enter(), span.enter());
        tracing::info!("a front end connected");
        let end = converse(&theirs, front_end);
        tracing::info!(%end, "the front end is gone");
    });
    tokio::select! {
        _ = &mut thread => Ok(Served::Left),
        _ = stopped => {
            stream.shutdown(Shutdown::Both)?;
            drop(thread.await);
            Ok(Served::Stopped)
        }
    }
}

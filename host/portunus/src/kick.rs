//! A virtqueue's file descriptors as tasks use them: the kick that the driver
//! rings, the call that we ring, the error that we report.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::{Arc, Mutex, PoisonError};

use portunus_device::Interrupt;
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use vmm_sys_util::eventfd::EventFd;

/// Waits for a driver's notifications of one queue. Cloning it is cheap.
#[derive(Debug, Clone)]
pub struct Kick(Arc<AsyncFd<File>>);

impl Kick {
    /// Takes an eventfd, or a pipe's reading end. Fails outside of a tokio
    /// runtime, and for what the system cannot wait for.
    pub fn new(file: File) -> io::Result<Self> {
        set_nonblocking(&file)?;
        // SAFETY: the `File` owns its descriptor, nothing replaces it while the
        // `AsyncFd` holds it, and the `AsyncFd` never gives it out mutably.
        let fd = unsafe { AsyncFd::register_with_interest(file, Interest::READABLE) };
        Ok(Self(Arc::new(fd.map_err(io::Error::from)?)))
    }

    /// Takes an eventfd that the caller keeps too. Fails as [`Kick::new`] does.
    pub fn of_eventfd(eventfd: &EventFd) -> io::Result<Self> {
        // SAFETY: the eventfd owns its descriptor and outlives the borrow, which
        // ends with this line.
        let borrowed = unsafe { BorrowedFd::borrow_raw(eventfd.as_raw_fd()) };
        Self::new(File::from(borrowed.try_clone_to_owned()?))
    }

    /// Waits for the next kick and takes all that have come. Safe to cancel.
    /// Once the descriptor is broken this waits for ever: the queue it belongs
    /// to is about to be taken away.
    pub async fn wait(&self) {
        // Whoever kicks without a pause must not keep the thread from others.
        tokio::task::coop::consume_budget().await;
        while let Ok(mut guard) = self.0.readable().await {
            let mut count = [0; 8];
            match guard.try_io(|fd| fd.get_ref().read(&mut count)) {
                Ok(Ok(1..)) => return,
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(_) => break,
                Err(_would_block) => {}
            }
        }
        std::future::pending().await
    }
}

/// A descriptor that tells the front end something: that buffers were used, or
/// that a ring is broken. It may be exchanged while the ring is in use.
#[derive(Debug, Default)]
pub struct Bell(Mutex<Option<File>>);

impl Bell {
    /// Rings this descriptor from now on, or none.
    pub fn set(&self, file: Option<File>) -> io::Result<()> {
        if let Some(file) = &file {
            set_nonblocking(file)?;
        }
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = file;
        Ok(())
    }
}

impl Interrupt for Bell {
    /// Rings. A descriptor that is full was rung already; one that is broken
    /// belongs to a front end that is about to leave.
    fn signal(&self) {
        if let Some(mut file) = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
        {
            let _full_or_broken = file.write(&1_u64.to_ne_bytes());
        }
    }
}

/// A front end may hand us descriptors that block; nothing of ours may.
fn set_nonblocking(file: &File) -> io::Result<()> {
    fcntl_setfl(file, fcntl_getfl(file)? | OFlags::NONBLOCK)?;
    Ok(())
}

/// Waits for a kick where there is one, for ever where there is none.
pub async fn kicked(kick: Option<Kick>) {
    match kick {
        Some(kick) => kick.wait().await,
        None => std::future::pending().await,
    }
}

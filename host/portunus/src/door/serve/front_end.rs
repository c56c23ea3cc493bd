//! One connection of a front end: what its messages do to the device.

use std::fs::File;
use std::io;
use std::sync::Arc;

use portunus_device::features::Features;
use portunus_device::layout::{QueueIndex, queue_count};
use portunus_device::ring::RingIndex;
use vhost::VhostUserMemoryRegionBase;
use vhost::vhost_user::message::{
    VhostTransferStateDirection, VhostTransferStatePhase, VhostUserConfigFlags, VhostUserInflight,
    VhostUserLog, VhostUserMemoryRegion, VhostUserProtocolFeatures, VhostUserShMemConfig,
    VhostUserSharedMsg, VhostUserSingleMemoryRegion, VhostUserVirtioFeatures,
    VhostUserVringAddrFlags, VhostUserVringState,
};
use vhost::vhost_user::{Backend, Error, GpuBackend, Result, VhostUserBackendReqHandlerMut};

use super::memory::{MemoryTable, REGIONS_LIMIT};
use super::vring::{Vring, VringAddresses};
use crate::door::device::Device;
use crate::router::Router;

/// What is offered beside the device's own features.
const PROTOCOL_FEATURES: VhostUserProtocolFeatures = VhostUserProtocolFeatures::MQ
    .union(VhostUserProtocolFeatures::REPLY_ACK)
    .union(VhostUserProtocolFeatures::BACKEND_REQ)
    .union(VhostUserProtocolFeatures::CONFIG)
    .union(VhostUserProtocolFeatures::RESET_DEVICE)
    .union(VhostUserProtocolFeatures::CONFIGURE_MEM_SLOTS);

/// The device as one front end sees it.
pub(super) struct FrontEnd {
    device: Device,
    memory: MemoryTable,
    vrings: Vec<Vring>,
    /// The front end's own request channel, kept open for as long as it is
    /// there; the device has nothing to ask.
    requests: Option<Backend>,
    /// Whether rings are served only once they are enabled (SET_VRING_ENABLE).
    waits_for_enable: bool,
    /// Whether the device ever had a ring of this front end's.
    served: bool,
}

impl FrontEnd {
    /// A device that no front end has said anything to.
    pub(super) fn new(router: Arc<Router>) -> Self {
        let vrings = (0..queue_count(router.max_ports()))
            .map(|_| Vring::default())
            .collect();
        Self {
            device: Device::new(router),
            memory: MemoryTable::new(),
            vrings,
            requests: None,
            waits_for_enable: false,
            served: false,
        }
    }

    fn vring(&mut self, index: u32) -> Result<(QueueIndex, &mut Vring)> {
        let number = u16::try_from(index).map_err(|_| Error::InvalidParam)?;
        let vring = self
            .vrings
            .get_mut(usize::from(number))
            .ok_or(Error::InvalidParam)?;
        Ok((QueueIndex(number), vring))
    }

    /// Gives the ring to the device, or takes it away, as its state asks.
    fn settle(&mut self, index: u32) -> Result<()> {
        let event_idx = self.device.features().event_idx();
        let waits_for_enable = self.waits_for_enable;
        let (queue, vring) = self.vring(index)?;
        vring.enabled |= !waits_for_enable;
        let wanted = vring.enabled && vring.kick.is_some();
        if vring.attached == wanted {
            return Ok(());
        }
        if !wanted {
            self.detach(index)?;
            return Ok(());
        }
        let vring = self
            .vrings
            .get(usize::from(queue.0))
            .ok_or(Error::InvalidParam)?;
        let ring = vring.ring(&self.memory, event_idx).map_err(|fault| {
            if let Some(times) = self.device.router().complain() {
                tracing::error!(queue = queue.0, %fault, times, "the front end starts a ring that cannot be");
            }
            refused(fault)
        })?;
        if let Some(ring) = ring {
            self.device.attach(queue, ring);
            self.served = true;
            let (_, vring) = self.vring(index)?;
            vring.attached = true;
        }
        Ok(())
    }

    /// Takes the ring from the device, and keeps where it stood.
    fn detach(&mut self, index: u32) -> Result<()> {
        let router = Arc::clone(self.device.router());
        let (queue, vring) = self.vring(index)?;
        if std::mem::take(&mut vring.attached)
            && let Some(RingIndex(base)) = router.detach(queue)
        {
            vring.base = base;
        }
        Ok(())
    }

    /// Takes everything from the device: the front end is gone. One that never
    /// had a ring served leaves nothing behind.
    pub(super) fn leave(&mut self) {
        self.detach_all();
        if self.served {
            self.device.router().lose();
        }
    }

    /// A message was refused, and the front end told where it asked to be.
    pub(super) fn tell_refusal(&self, fault: &dyn std::error::Error) {
        if let Some(times) = self.device.router().complain() {
            tracing::warn!(%fault, times, "a message of the front end's is refused");
        }
    }

    fn detach_all(&mut self) {
        for index in (0_u32..).take(self.vrings.len()) {
            // Every index below the length is valid.
            let _ = self.detach(index);
        }
    }
}

/// An error that the front end is told of, and that ends nothing.
fn refused(fault: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::ReqHandlerError(io::Error::other(fault))
}

fn unsupported<T>(what: &'static str) -> Result<T> {
    Err(Error::InvalidOperation(what))
}

impl VhostUserBackendReqHandlerMut for FrontEnd {
    fn set_owner(&mut self) -> Result<()> {
        Ok(())
    }

    fn reset_owner(&mut self) -> Result<()> {
        self.reset_device()
    }

    fn reset_device(&mut self) -> Result<()> {
        self.detach_all();
        self.device.router().reset();
        for vring in &mut self.vrings {
            *vring = Vring::default();
        }
        Ok(())
    }

    fn get_features(&mut self) -> Result<u64> {
        Ok(Features::offered().bits() | VhostUserVirtioFeatures::PROTOCOL_FEATURES.bits())
    }

    fn set_features(&mut self, features: u64) -> Result<()> {
        let transport = VhostUserVirtioFeatures::PROTOCOL_FEATURES.bits();
        self.waits_for_enable = features & transport != 0;
        self.device.accept(features & !transport).map_err(refused)
    }

    fn set_mem_table(
        &mut self,
        regions: &[VhostUserMemoryRegion],
        files: Vec<File>,
        _postcopy_listening: Option<bool>,
    ) -> Result<Option<Vec<VhostUserMemoryRegionBase>>> {
        self.memory.replace(regions, files).map_err(refused)?;
        Ok(None)
    }

    fn set_vring_num(&mut self, index: u32, num: u32) -> Result<()> {
        let (_, vring) = self.vring(index)?;
        vring.size = u16::try_from(num).map_err(refused)?;
        Ok(())
    }

    fn set_vring_addr(
        &mut self,
        index: u32,
        _flags: VhostUserVringAddrFlags,
        descriptors: u64,
        used: u64,
        available: u64,
        _log: u64,
    ) -> Result<()> {
        let (_, vring) = self.vring(index)?;
        vring.addresses = Some(VringAddresses {
            descriptors,
            available,
            used,
        });
        Ok(())
    }

    fn set_vring_base(&mut self, index: u32, base: u32) -> Result<()> {
        let (_, vring) = self.vring(index)?;
        vring.base = u16::try_from(base).map_err(refused)?;
        Ok(())
    }

    fn get_vring_base(&mut self, index: u32) -> Result<VhostUserVringState> {
        self.detach(index)?;
        let (_, vring) = self.vring(index)?;
        vring.kick = None;
        Ok(VhostUserVringState::new(index, u32::from(vring.base)))
    }

    fn set_vring_kick(&mut self, index: u8, file: Option<File>) -> Result<()> {
        let index = u32::from(index);
        let file = file.ok_or(Error::InvalidOperation("a ring without a kick descriptor"))?;
        self.detach(index)?;
        let (_, vring) = self.vring(index)?;
        vring.start(file).map_err(Error::ReqHandlerError)?;
        self.settle(index)
    }

    fn set_vring_call(&mut self, index: u8, file: Option<File>) -> Result<()> {
        let (_, vring) = self.vring(u32::from(index))?;
        vring.call.set(file).map_err(Error::ReqHandlerError)
    }

    fn set_vring_err(&mut self, index: u8, file: Option<File>) -> Result<()> {
        let (_, vring) = self.vring(u32::from(index))?;
        vring.error.set(file).map_err(Error::ReqHandlerError)
    }

    fn get_protocol_features(&mut self) -> Result<VhostUserProtocolFeatures> {
        Ok(PROTOCOL_FEATURES)
    }

    fn set_protocol_features(&mut self, _features: u64) -> Result<()> {
        Ok(())
    }

    fn get_queue_num(&mut self) -> Result<u64> {
        Ok(u64::from(queue_count(self.device.router().max_ports())))
    }

    fn set_vring_enable(&mut self, index: u32, enable: bool) -> Result<()> {
        let (_, vring) = self.vring(index)?;
        vring.enabled = enable;
        self.settle(index)
    }

    fn get_config(&mut self, offset: u32, size: u32, _: VhostUserConfigFlags) -> Result<Vec<u8>> {
        // The crate bounds the size by that of a message.
        let mut bytes = vec![0; usize::try_from(size).map_err(|_| Error::InvalidParam)?];
        self.device.read_config(u64::from(offset), &mut bytes);
        Ok(bytes)
    }

    fn set_config(&mut self, offset: u32, bytes: &[u8], _: VhostUserConfigFlags) -> Result<()> {
        self.device.write_config(u64::from(offset), bytes);
        Ok(())
    }

    fn set_backend_req_fd(&mut self, requests: Backend) {
        self.requests = Some(requests);
    }

    fn set_gpu_socket(&mut self, _: GpuBackend) -> Result<()> {
        unsupported("a console has no GPU")
    }

    fn get_shared_object(&mut self, _: VhostUserSharedMsg) -> Result<File> {
        unsupported("a console shares no objects")
    }

    fn get_inflight_fd(&mut self, _: &VhostUserInflight) -> Result<(VhostUserInflight, File)> {
        unsupported("buffers are used in order: none is in flight")
    }

    fn set_inflight_fd(&mut self, _: &VhostUserInflight, _: File) -> Result<()> {
        unsupported("buffers are used in order: none is in flight")
    }

    fn get_max_mem_slots(&mut self) -> Result<u64> {
        u64::try_from(REGIONS_LIMIT).map_err(refused)
    }

    fn add_mem_region(
        &mut self,
        region: &VhostUserSingleMemoryRegion,
        file: File,
        _postcopy_listening: Option<bool>,
    ) -> Result<Option<VhostUserMemoryRegionBase>> {
        self.memory.add(region, file).map_err(refused)?;
        Ok(None)
    }

    fn remove_mem_region(&mut self, region: &VhostUserSingleMemoryRegion) -> Result<()> {
        self.memory.remove(region).map_err(refused)
    }

    fn set_device_state_fd(
        &mut self,
        _: VhostTransferStateDirection,
        _: VhostTransferStatePhase,
        _: File,
    ) -> Result<Option<File>> {
        unsupported("migration")
    }

    fn check_device_state(&mut self) -> Result<()> {
        unsupported("migration")
    }

    fn get_shmem_config(&mut self) -> Result<VhostUserShMemConfig> {
        unsupported("a console shares no memory")
    }

    fn set_log_base(&mut self, _: &VhostUserLog, _: File) -> Result<()> {
        unsupported("migration")
    }
}

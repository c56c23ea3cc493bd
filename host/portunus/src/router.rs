//! The router: it knows which port has which number and which session answers
//! it, and gives every ring that a door brings to its owner.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portunus_device::config_space::ConsoleSize;
use portunus_device::features::Features;
use portunus_device::handshake::{AddPortError, GuestEvent, Handshake, PortProfile};
use portunus_device::layout::{MaxPorts, PortId, PortName, QueueIndex, QueueRole, queue_role};
use portunus_device::ring::RingIndex;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tracing::Instrument;

use crate::control::{Control, ControlFaults};
use crate::rarely::Rarely;
use crate::session::port::{KickedRing, Port};
use crate::session::{
    AlarmBell, Counters, HandlerRecipe, Order, PortLimits, Recipe, RestartPolicy, Session,
    StartFault, discard,
};

/// What a session has beyond the grace, to say that its plugin used it up.
const LAST_WORDS: Duration = Duration::from_millis(250);

/// One virtual machine's ports.
pub struct Router {
    max_ports: MaxPorts,
    control: Arc<Control>,
    control_task: JoinHandle<()>,
    slots: Arc<Slots>,
    /// What the ports count that nothing answers, all together.
    absent: Arc<Counters>,
    alarm: Arc<AlarmBell>,
    /// Whether the next driver that goes on where it was is new to us.
    fresh: AtomicBool,
    /// What front ends asked for and did not get.
    complaints: Rarely,
    vm: tracing::Span,
}

/// Every port number of the device, whether something answers it or not.
#[derive(Default)]
struct Slots {
    ports: Mutex<BTreeMap<PortId, Slot>>,
    /// What the guest's driver could not set up.
    refused: Rarely,
}

struct Slot {
    port: Arc<Port>,
    keeper: Keeper,
    /// Whether the guest's end was open when the front end left.
    was_open: bool,
}

/// What takes care of a port.
enum Keeper {
    Session {
        /// What its plugin is called.
        plugin: Arc<str>,
        /// How it is ended, until that has begun.
        ending: Option<Ending>,
    },
    /// Nothing answers: what the guest writes is discarded.
    Discard(JoinHandle<()>),
}

/// How a session is ended.
struct Ending {
    orders: mpsc::Sender<Order>,
    task: JoinHandle<()>,
    /// The port's name in our log.
    label: String,
}

impl Keeper {
    /// Begins to end a session, once.
    fn end(&mut self) -> Option<Ending> {
        match self {
            Self::Session { ending, .. } => ending.take(),
            Self::Discard(_) => None,
        }
    }

    fn abort(&self) {
        match self {
            Self::Session { ending, .. } => {
                if let Some(ending) = ending {
                    ending.task.abort();
                }
            }
            Self::Discard(task) => task.abort(),
        }
    }
}

/// A port that a plugin answers.
#[derive(Clone)]
pub struct AnsweredPort {
    /// The port.
    pub port: Arc<Port>,
    /// What its plugin is called.
    pub plugin: Arc<str>,
}

/// A port to be answered.
pub struct PortPlan<R = Recipe> {
    /// Its number.
    pub id: PortId,
    /// Its name in the guest.
    pub name: PortName,
    /// Whether it is a console.
    pub console: bool,
    /// What answers it: its plugin.
    pub recipe: R,
    /// What the port may use up beside its plugin.
    pub limits: PortLimits,
    /// What happens when the plugin fails.
    pub restart: RestartPolicy,
}

/// Why a port was not added.
#[derive(Debug, thiserror::Error)]
pub enum AddFault {
    /// Its plugin did not start.
    #[error(transparent)]
    Start(#[from] StartFault),
    /// The device has no place for it.
    #[error(transparent)]
    Place(#[from] AddPortError),
}

impl Slots {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<PortId, Slot>> {
        self.ports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn port(&self, id: PortId) -> Option<Arc<Port>> {
        self.lock().get(&id).map(|slot| Arc::clone(&slot.port))
    }

    fn on_event(&self, event: GuestEvent) {
        match event {
            GuestEvent::Opened(id) => {
                if let Some(port) = self.port(id) {
                    port.guest_opened();
                }
            }
            GuestEvent::Closed(id) => {
                if let Some(port) = self.port(id) {
                    port.guest_closed();
                }
            }
            // A driver that begins has nothing open: a front end need not tell
            // of a reboot.
            GuestEvent::DeviceReady => self.lose("the guest's driver began anew"),
            GuestEvent::DeviceRefused => {
                if let Some(times) = self.refused.again() {
                    tracing::warn!(times, "the guest's driver could not set the device up");
                }
            }
            GuestEvent::PortReady(id) => tracing::debug!(%id, "the guest knows the port"),
            GuestEvent::PortRefused(id) => {
                if let Some(times) = self.refused.again() {
                    tracing::warn!(%id, times, "the guest's driver could not set the port up");
                }
            }
        }
    }

    /// Closes the guest's end of every port.
    fn lose(&self, why: &'static str) {
        for slot in self.lock().values() {
            slot.port.lose(why);
        }
    }
}

impl Router {
    /// A device of this size without ports. Its tasks log within the span.
    /// Must be called within a tokio runtime.
    pub fn new(max_ports: MaxPorts, vm: tracing::Span) -> Self {
        let control = Arc::new(Control::new(max_ports));
        let slots = Arc::new(Slots::default());
        let events = Arc::clone(&slots);
        let task = Arc::clone(&control).run(move |event| events.on_event(event));
        let control_task = tokio::spawn(task.instrument(vm.clone()));
        Self {
            max_ports,
            control,
            control_task,
            slots,
            absent: Arc::default(),
            alarm: Arc::default(),
            fresh: AtomicBool::new(true),
            complaints: Rarely::default(),
            vm,
        }
    }

    /// Where what is done for this machine is logged.
    pub fn span(&self) -> &tracing::Span {
        &self.vm
    }

    /// Tells the guest how large a console is, where it asked to know.
    pub fn resize(&self, id: PortId, size: ConsoleSize) {
        self.control
            .announce(|handshake| handshake.resize(id, size));
    }

    /// Where a session says that the machine is not to run on.
    pub fn alarm(&self) -> &AlarmBell {
        &self.alarm
    }

    /// Notes that a front end was refused something: the count, where that is to
    /// be told.
    pub(crate) fn complain(&self) -> Option<u64> {
        self.complaints.again()
    }

    /// How many ports the device may have.
    pub fn max_ports(&self) -> MaxPorts {
        self.max_ports
    }

    /// The ports that plugins answer, in the order of their numbers.
    pub fn answered(&self) -> Vec<AnsweredPort> {
        let slots = self.slots.lock();
        let answered = slots.values().filter_map(|slot| {
            let Keeper::Session { plugin, .. } = &slot.keeper else {
                return None;
            };
            Some(AnsweredPort {
                port: Arc::clone(&slot.port),
                plugin: Arc::clone(plugin),
            })
        });
        answered.collect()
    }

    /// The port of a number, where there ever was one.
    pub fn port(&self, id: PortId) -> Option<Arc<Port>> {
        self.slots.port(id)
    }

    /// What the ports count that nothing answers, all together.
    pub fn absent_counters(&self) -> &Arc<Counters> {
        &self.absent
    }

    /// What the guest did wrong on the control queues.
    pub fn control_faults(&self) -> ControlFaults {
        self.control.faults()
    }

    /// Starts a port's plugin and announces the port to the guest.
    pub async fn add<R: HandlerRecipe>(&self, plan: PortPlan<R>) -> Result<(), AddFault> {
        let PortPlan {
            id,
            name,
            console,
            recipe,
            limits,
            restart,
        } = plan;
        let span = tracing::info_span!(parent: &self.vm, "port", name = %name, id = %id);
        let port = Arc::new(Port::new(id, name.to_string(), console, limits));
        let plugin = recipe.name().into();
        let (control, alarm) = (Arc::clone(&self.control), Arc::clone(&self.alarm));
        let session = Session::start(Arc::clone(&port), control, recipe, restart, alarm)
            .instrument(span.clone())
            .await?;
        // One order is all that a session ever gets.
        let (orders, inbox) = mpsc::channel(1);
        let profile = PortProfile { name, console };
        self.control
            .announce(|handshake| handshake.add_port(id, profile))?;
        let task = tokio::spawn(session.run(inbox).instrument(span));
        let label = port.label.clone();
        let ending = Some(Ending {
            orders,
            task,
            label,
        });
        self.occupy(Slot {
            port,
            keeper: Keeper::Session { plugin, ending },
            was_open: false,
        });
        Ok(())
    }

    /// Takes a port from the guest: its plugin hears of it, and may take up to
    /// `grace` to make things safe. False where nothing answers the number.
    pub async fn remove(&self, id: PortId, grace: Duration) -> bool {
        let Some(mut slot) = self.vacate(id) else {
            return false;
        };
        self.control.announce(|handshake| handshake.remove_port(id));
        slot.port.lose("the port was removed");
        if let Some(ending) = slot.keeper.end() {
            ending.stop(grace).await;
        }
        true
    }

    /// Puts a slot in place of the one with the same number, whose rings it
    /// takes over.
    fn occupy(&self, slot: Slot) {
        let mut slots = self.slots.lock();
        let port = Arc::clone(&slot.port);
        if let Some(former) = slots.insert(port.id, slot) {
            port.adopt(&former.port);
            former.keeper.abort();
        }
    }

    /// Replaces the session of a number by nothing that answers.
    fn vacate(&self, id: PortId) -> Option<Slot> {
        let mut slots = self.slots.lock();
        slots
            .get(&id)
            .filter(|slot| matches!(slot.keeper, Keeper::Session { .. }))?;
        let absent = self.absent(id);
        let port = Arc::clone(&absent.port);
        let former = slots.insert(id, absent)?;
        port.adopt(&former.port);
        Some(former)
    }

    /// A slot that nothing answers: what the guest writes is discarded.
    fn absent(&self, id: PortId) -> Slot {
        let port = Arc::new(Port::absent(id, Arc::clone(&self.absent)));
        let owned = Arc::clone(&port);
        let task = async move { discard(&owned).await };
        let task = tokio::spawn(task.instrument(self.vm.clone()));
        Slot {
            port,
            keeper: Keeper::Discard(task),
            was_open: false,
        }
    }

    fn port_or_absent(&self, id: PortId) -> Arc<Port> {
        let mut slots = self.slots.lock();
        let slot = slots.entry(id).or_insert_with(|| self.absent(id));
        Arc::clone(&slot.port)
    }

    /// Gives a ring to its owner. False for a queue that a device of this size
    /// does not have. Must be called within a tokio runtime.
    pub fn attach(&self, index: QueueIndex, ring: KickedRing) -> bool {
        let Some(role) = queue_role(index, self.max_ports) else {
            return false;
        };
        match role {
            QueueRole::PortReceive(id) => self.port_or_absent(id).attach_receive(ring),
            QueueRole::PortTransmit(id) => self.port_or_absent(id).attach_transmit(ring),
            QueueRole::ControlReceive => self.control.attach_receive(ring),
            QueueRole::ControlTransmit => {
                // A new driver's first message comes at index 0. One that is
                // further on was talking before its front end came to us, or
                // was only stopped for a while.
                let fresh = self.fresh.swap(false, Ordering::Relaxed);
                if ring.ring.next_available() == RingIndex(0) {
                    self.reset();
                } else if fresh {
                    self.resume();
                }
                self.control.attach_transmit(ring);
            }
        }
        true
    }

    /// Takes a ring from its owner and tells where it stood.
    pub fn detach(&self, index: QueueIndex) -> Option<RingIndex> {
        match queue_role(index, self.max_ports)? {
            QueueRole::PortReceive(id) => self.slots.port(id)?.detach_receive(),
            QueueRole::PortTransmit(id) => self.slots.port(id)?.detach_transmit(),
            QueueRole::ControlReceive => self.control.detach_receive(),
            QueueRole::ControlTransmit => self.control.detach_transmit(),
        }
    }

    /// The driver and the device agreed on these features.
    pub fn negotiated(&self, features: Features) {
        self.control.negotiated(features);
    }

    /// The driver negotiated no MULTIPORT: port 0 is all there is, and open.
    pub fn open_single_port(&self) {
        if let Some(port) = self.slots.port(PortId::ZERO) {
            port.guest_opened();
        }
    }

    /// The device was reset: a new driver starts from nothing.
    pub fn reset(&self) {
        self.control.reset();
        self.slots.lose("the device was reset");
        for slot in self.slots.lock().values() {
            slot.port.begin_anew();
        }
    }

    /// The front end is gone, and whatever it was connected to may come back.
    pub fn lose(&self) {
        self.fresh.store(true, Ordering::Relaxed);
        for slot in self.slots.lock().values_mut() {
            slot.was_open = slot.port.is_open();
            slot.port.lose("the front end disconnected");
        }
    }

    /// A driver goes on where it was with a front end that left.
    fn resume(&self) {
        self.control.announce(Handshake::resume);
        for slot in self.slots.lock().values_mut() {
            if std::mem::take(&mut slot.was_open) {
                slot.port.guest_opened();
            }
        }
    }

    /// Ends every session but one, all within the same grace, while the guest goes
    /// on: what it writes from then on is discarded, so that it never waits for
    /// nobody.
    pub async fn end_sessions(&self, but: Option<PortId>, grace: Duration) {
        let mut stops = tokio::task::JoinSet::new();
        for (id, slot) in self.slots.lock().iter_mut() {
            if Some(*id) == but {
                continue;
            }
            if let Some(ending) = slot.keeper.end() {
                let id = *id;
                stops.spawn(async move {
                    ending.stop(grace).await;
                    id
                });
            }
        }
        while let Some(ended) = stops.join_next().await {
            if let Ok(id) = ended {
                self.vacate(id);
            }
        }
    }

    /// Stops every plugin, all within the same grace, and then everything else.
    pub async fn stop(&self, grace: Duration) {
        let mut stops = tokio::task::JoinSet::new();
        // The ports stay where they are: the door still asks where rings stand.
        for slot in self.slots.lock().values_mut() {
            if let Some(ending) = slot.keeper.end() {
                stops.spawn(ending.stop(grace));
            }
        }
        while stops.join_next().await.is_some() {}
        self.control_task.abort();
        for slot in self.slots.lock().values() {
            slot.keeper.abort();
        }
    }
}

impl Ending {
    async fn stop(mut self, grace: Duration) {
        // A session that is gone already needs no order.
        if self.orders.send(Order::Stop { grace }).await.is_err() {
            return;
        }
        let within = grace.saturating_add(LAST_WORDS);
        if tokio::time::timeout(within, &mut self.task).await.is_err() {
            let port = self.label;
            tracing::warn!(
                port,
                "a call of the plugin outlasted the grace: it is ended"
            );
            self.task.abort();
        }
    }
}

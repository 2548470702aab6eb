//! The streams between the stages in memory: stored once per id, delivered at least once, in any
//! order, and again whenever that can happen. Scheduled messages come when they are due.
//!
//! Also watches the exits: nothing is acked or terminated before what replaces it is stored.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::jetstream::AckKind;
use async_nats::{HeaderMap, header};
use bytes::Bytes;
use contracts::contract::Contract;
use contracts::dead_letter::DeadLetter;
use contracts::headers;
use contracts::topology::{Stage, Stream};
use futures::future::BoxFuture;
use prost::Message;
use stage::{NotStored, Outlet, Place, Settle, Source};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::fault::Fault;
use crate::plant::Plant;
use crate::process::Life;
use crate::world::{TICKET, World};

/// Every stream of a schedule.
#[derive(Debug)]
pub(crate) struct Streams {
    world: Arc<World>,
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// By stage: what it is to work on.
    queues: BTreeMap<Stage, Vec<Queued>>,
    /// Message ids that were stored; JetStream's duplicate window outlasts a schedule.
    ids: BTreeSet<String>,
    sequence: u64,
    letters: Vec<DeadLetter>,
}

/// One message at its stage.
#[derive(Clone, Debug)]
struct Queued {
    stream: &'static str,
    sequence: u64,
    subject: String,
    header_map: HeaderMap,
    payload: Bytes,
    published_ms: u64,
    delivered: u32,
    /// When it may be delivered next; `None` while a delivery is under way or once it is settled.
    visible: Option<Instant>,
    settled: bool,
}

/// One delivery of a message.
#[derive(Clone, Debug)]
pub(crate) struct Ticket {
    streams: Arc<Streams>,
    life: Arc<Life>,
    pub(crate) stage: Stage,
    pub(crate) source: Source,
    pub(crate) header_map: HeaderMap,
    pub(crate) payload: Bytes,
    stream: &'static str,
    sequence: u64,
}

impl Streams {
    pub(crate) fn new(world: &Arc<World>) -> Arc<Self> {
        Arc::new(Self {
            world: Arc::clone(world),
            state: Mutex::default(),
            arrived: Notify::new(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores a message of the feed.
    pub(crate) fn feed<M: Contract>(&self, stage: Stage, message: &M) {
        let Some(about) = message.about() else { return };
        let subject =
            stage
                .input()
                .subject(&about.connection, about.entity.token(), &about.entity_id);
        let mut header_map = HeaderMap::new();
        header_map.insert(headers::SCHEMA, M::SCHEMA);
        self.keep(
            stage,
            stage.input().name(),
            subject,
            header_map,
            message.encode_to_vec().into(),
            Instant::now(),
        );
    }

    fn keep(
        &self,
        stage: Stage,
        stream: &'static str,
        subject: String,
        header_map: HeaderMap,
        payload: Bytes,
        visible: Instant,
    ) -> u64 {
        let mut state = self.lock();
        state.sequence = state.sequence.saturating_add(1);
        let sequence = state.sequence;
        state.queues.entry(stage).or_default().push(Queued {
            stream,
            sequence,
            subject,
            header_map,
            payload,
            published_ms: self.world.now_ms(),
            delivered: 0,
            visible: Some(visible),
            settled: false,
        });
        drop(state);
        self.arrived.notify_waiters();
        sequence
    }

    /// The next message of a stage, any of those that can be delivered.
    pub(crate) async fn next(self: &Arc<Self>, stage: Stage, life: &Arc<Life>) -> Ticket {
        loop {
            let arrived = self.arrived.notified();
            let soonest = match self.take(stage, life) {
                Ok(ticket) => return ticket,
                Err(soonest) => soonest,
            };
            match soonest {
                Some(at) => {
                    // Either is a reason to look again.
                    let _ = tokio::time::timeout_at(at, arrived).await;
                }
                None => arrived.await,
            }
        }
    }

    /// A ticket, or when the soonest message can be delivered.
    fn take(self: &Arc<Self>, stage: Stage, life: &Arc<Life>) -> Result<Ticket, Option<Instant>> {
        let now = Instant::now();
        let mut state = self.lock();
        let queue = state.queues.entry(stage).or_default();
        let waiting = queue.iter().filter(|queued| !queued.settled);
        let mut ready = Vec::new();
        let mut soonest: Option<Instant> = None;
        for queued in waiting {
            match queued.visible {
                Some(at) if at <= now => ready.push(queued.sequence),
                Some(at) => soonest = Some(soonest.map_or(at, |other| other.min(at))),
                None => {}
            }
        }
        if ready.is_empty() {
            return Err(soonest);
        }
        let pick = self.world.between(0, ready.len() as u64 - 1);
        let sequence = ready.get(usize::try_from(pick).unwrap_or(0)).copied();
        let again = if self.world.strikes(Fault::Twin) {
            Some(now + self.world.millis(1, 20_000))
        } else {
            None
        };
        let chosen = queue
            .iter_mut()
            .find(|queued| Some(queued.sequence) == sequence);
        let Some(chosen) = chosen else {
            return Err(soonest);
        };
        chosen.delivered = chosen.delivered.saturating_add(1);
        chosen.visible = again;
        let place = Place {
            stream: chosen.stream,
            sequence: chosen.sequence,
            subject: &chosen.subject,
            delivered: chosen.delivered,
            published_ms: chosen.published_ms,
        };
        let source = Source::at(stage, &place, Some(&chosen.header_map));
        Ok(Ticket {
            streams: Arc::clone(self),
            life: Arc::clone(life),
            stage,
            source,
            header_map: chosen.header_map.clone(),
            payload: chosen.payload.clone(),
            stream: chosen.stream,
            sequence: chosen.sequence,
        })
    }

    /// The process with this delivery died: the message comes again when its ack wait is over.
    pub(crate) fn orphan(&self, ticket: &Ticket) {
        let again = Instant::now() + self.world.millis(1, 20_000);
        self.show(ticket.stage, ticket.sequence, again);
    }

    fn show(&self, stage: Stage, sequence: u64, at: Instant) {
        let mut state = self.lock();
        let queue = state.queues.entry(stage).or_default();
        let mut found = queue
            .iter_mut()
            .filter(|queued| queued.sequence == sequence);
        if let Some(queued) = found.next().filter(|queued| !queued.settled) {
            queued.visible = Some(queued.visible.map_or(at, |other| other.min(at)));
        }
        drop(state);
        self.arrived.notify_waiters();
    }

    /// Messages that no exit was taken for yet.
    pub(crate) fn unsettled(&self) -> usize {
        let state = self.lock();
        let all = state.queues.values().flatten();
        all.filter(|queued| !queued.settled).count()
    }

    /// Whether any message of an order is still under way.
    pub(crate) fn is_under_way(&self, order_id: &str) -> bool {
        let state = self.lock();
        let mut all = state.queues.values().flatten();
        all.any(|queued| !queued.settled && queued.subject.ends_with(&format!(".{order_id}")))
    }

    /// The dead letters so far.
    pub(crate) fn letters(&self) -> Vec<DeadLetter> {
        self.lock().letters.clone()
    }

    /// A message is settled for good: what replaces it must be stored by now.
    fn settle(&self, ticket: &Ticket, with: &str) {
        let mut state = self.lock();
        if !is_replaced(&state, ticket) {
            self.world.broken(format!(
                "message {} of {} was settled ({with}) before what replaces it was stored",
                ticket.sequence,
                ticket.stage.name()
            ));
        }
        let forgotten = self.world.strikes(Fault::AckForgotten);
        let again = Instant::now() + self.world.millis(1_000, 60_000);
        let queue = state.queues.entry(ticket.stage).or_default();
        let mut found = queue
            .iter_mut()
            .filter(|queued| queued.sequence == ticket.sequence);
        if let Some(queued) = found.next() {
            queued.settled = !forgotten;
            queued.visible = forgotten.then_some(again);
        }
        drop(state);
        self.arrived.notify_waiters();
    }
}

/// The next message, a scheduled repeat or a dead letter is stored for the ticket's message.
fn is_replaced(state: &State, ticket: &Ticket) -> bool {
    let stage = ticket.stage.name();
    let event = match ticket.stage {
        Stage::Lookup => contracts::books::DesiredBooks::decode(ticket.payload.clone())
            .ok()
            .and_then(|books| books.about()),
        _ => contracts::books::ResolvedPlan::decode(ticket.payload.clone())
            .ok()
            .and_then(|plan| plan.about()),
    };
    let next = event.map(|about| format!("{}:{stage}", about.event_id));
    let place = format!("{}-{}-", ticket.stream, ticket.sequence);
    let scheduled = format!("{stage}:{place}");
    let buried = format!("{stage}-{place}");
    state.ids.iter().any(|id| {
        next.as_deref() == Some(id.as_str())
            || id.starts_with(&scheduled)
            || id.starts_with(&buried)
    })
}

impl Settle for Ticket {
    fn settle(&self, kind: AckKind) -> BoxFuture<'_, Result<(), async_nats::Error>> {
        Box::pin(async move {
            let world = &self.streams.world;
            self.life.alive().await;
            tokio::time::sleep(world.millis(0, 2)).await;
            self.life.alive().await;
            if world.strikes(Fault::AckLost) {
                self.streams.orphan(self);
                return Ok(());
            }
            let what = format!("{kind:?}");
            world.trace(|| format!("settles {} #{}: {what}", self.stage.name(), self.sequence));
            match kind {
                AckKind::Ack | AckKind::Term => self.streams.settle(self, &what),
                AckKind::Nak(delay) => {
                    let again = Instant::now() + delay.unwrap_or(Duration::ZERO);
                    self.streams.show(self.stage, self.sequence, again);
                }
                AckKind::Progress | AckKind::Next => {}
            }
            Ok(())
        })
    }
}

/// One process's way to the streams.
#[derive(Clone, Debug)]
pub(crate) struct SimulatedOutlet {
    pub(crate) streams: Arc<Streams>,
    pub(crate) life: Arc<Life>,
}

impl SimulatedOutlet {
    async fn publish(
        &self,
        subject: String,
        header_map: HeaderMap,
        payload: Bytes,
    ) -> Result<u64, NotStored> {
        let world = &self.streams.world;
        if subject.contains(Stream::Journal.token()) {
            return Ok(1);
        }
        self.life.alive().await;
        if world.plant == Some(Plant::AckBeforePublish) {
            self.ack_first().await;
        }
        if world.strikes(Fault::PublishLost) {
            tokio::time::sleep(runtime::nats::REQUEST_TIMEOUT).await;
            return Err(not_stored());
        }
        tokio::time::sleep(world.millis(0, 3)).await;
        self.life.alive().await;
        let sequence = self.streams.store(&subject, header_map, payload);
        if world.strikes(Fault::PublishAckLost) {
            tokio::time::sleep(runtime::nats::REQUEST_TIMEOUT).await;
            return Err(not_stored());
        }
        tokio::time::sleep(world.millis(0, 2)).await;
        self.life.alive().await;
        Ok(sequence)
    }

    /// What a runner would do that acks its source before the next message is stored.
    async fn ack_first(&self) {
        if let Ok(ticket) = TICKET.try_with(Arc::clone) {
            // As the bug would: whatever becomes of the ack.
            drop(Settle::settle(&*ticket, AckKind::Ack).await);
        }
    }
}

fn not_stored() -> NotStored {
    NotStored::Failed("the stream did not answer".into())
}

impl Streams {
    /// Stores a message where its subject says, once per id.
    fn store(&self, subject: &str, header_map: HeaderMap, payload: Bytes) -> u64 {
        let id = header_map
            .get(headers::MESSAGE_ID)
            .map(|id| id.as_str().to_owned());
        if let Some(id) = id {
            let is_new = self.lock().ids.insert(id);
            if !is_new {
                return 1;
            }
        }
        self.world.trace(|| format!("{subject} is stored"));
        let now = Instant::now();
        let token = subject.split('.').nth(1).unwrap_or_default();
        if token == "schedule" {
            return self.schedule(header_map, payload);
        }
        if token == Stream::Resolved.token() {
            let name = Stream::Resolved.name();
            return self.keep(
                Stage::Deliver,
                name,
                subject.to_owned(),
                header_map,
                payload,
                now,
            );
        }
        if token == Stream::DeadLetters.token() {
            match DeadLetter::decode(payload) {
                Ok(letter) => self.lock().letters.push(letter),
                Err(error) => self
                    .world
                    .broken(format!("an unreadable dead letter: {error}")),
            }
        }
        1
    }

    /// A message that comes to its stage when it is due.
    fn schedule(&self, header_map: HeaderMap, payload: Bytes) -> u64 {
        let text = |name: &str| {
            let value = header_map.get(name);
            value.map(|value| value.as_str().to_owned())
        };
        let due = text(header::NATS_SCHEDULE.as_ref());
        let due = due.as_deref().and_then(|due| due.strip_prefix("@at "));
        let due = due.and_then(|due| due.parse::<jiff::Timestamp>().ok());
        let target = text(header::NATS_SCHEDULE_TARGET.as_ref());
        let stage = target
            .as_deref()
            .and_then(|target| Stage::from_name(target.split('.').nth(2)?));
        let (Some(due), Some(target), Some(stage)) = (due, target, stage) else {
            self.world
                .broken("a scheduled message names no moment or no stage".to_owned());
            return 0;
        };
        let due_ms = u64::try_from(due.as_millisecond()).unwrap_or(0);
        let wait_ms = due_ms.saturating_sub(self.world.now_ms());
        let visible = Instant::now() + Duration::from_millis(wait_ms);
        self.keep(
            stage,
            Stream::Retries.name(),
            target,
            header_map,
            payload,
            visible,
        )
    }
}

impl Outlet for SimulatedOutlet {
    fn store(
        &self,
        subject: String,
        header_map: HeaderMap,
        payload: Bytes,
    ) -> BoxFuture<'_, Result<u64, NotStored>> {
        Box::pin(self.publish(subject, header_map, payload))
    }
}

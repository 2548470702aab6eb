//! Pulling messages within bounds, and keeping those that were taken until their turn comes.
//!
//! Exactly as many messages are asked for as there is room for, and each has a task of its own
//! from the moment it arrives. Nothing lies in a client's buffer while its ack wait runs out:
//! that would deliver it twice and spend attempts nobody made. Not here: the work itself.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::{self, AckKind, consumer};
use contracts::topology::Stage;
use futures::{FutureExt, StreamExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use crate::publish::Publisher;
use crate::slots::{Shares, Slots};

/// Longest one pull stays open. It also bounds how long a pull that the server lost in a restart
/// goes unnoticed.
const PULL_EXPIRES: Duration = Duration::from_secs(5);
/// The most messages one pull asks for.
const PULL_MAX: usize = 256;
/// Pause after a pull that failed.
const PAUSE: Duration = Duration::from_secs(1);
/// Longest a message keeps another connection's from being pulled while it waits for a place.
const PATIENCE: Duration = Duration::from_secs(1);

/// How a message's turn came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It has a place to be worked on.
    Place,
    /// Its connection's places are all taken, and stay so: it is to make way for others.
    Crowded,
}

/// Where a stage's messages are worked on, shared by its consumers.
#[derive(Clone, Debug)]
pub(crate) struct Workshop {
    /// Messages worked on at the same time.
    slots: Slots,
    shares: Shares,
    in_flight: usize,
    pub(crate) tasks: TaskTracker,
    shutdown: CancellationToken,
}

impl Workshop {
    pub(crate) fn new(in_flight: usize, shares: Shares, shutdown: CancellationToken) -> Self {
        let in_flight = in_flight.max(1);
        Self {
            slots: Slots::new(in_flight, shares),
            shares,
            in_flight,
            tasks: TaskTracker::new(),
            shutdown,
        }
    }

    /// Pulls from one consumer until shutdown and hands each message to `work`.
    pub(crate) async fn follow<W, F>(
        &self,
        stage: Stage,
        consumer: &consumer::PullConsumer,
        publisher: &Publisher,
        work: W,
    ) where
        W: Fn(Arc<jetstream::Message>, Turn) -> F + Clone + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        // Half as many again as there are slots: the next are there when a slot is free.
        let room = Arc::new(Semaphore::new(
            self.in_flight.saturating_add(self.in_flight / 2),
        ));
        while !self.shutdown.is_cancelled() {
            // What no exit can be stored for is not taken: each delivery counts, and a message
            // that merely met a deaf worker so often would look like one that kills it.
            tokio::select! {
                () = publisher.storing() => {}
                () = self.shutdown.cancelled() => return,
            }
            if let Err(error) = self.pull(stage, consumer, &room, &work).await {
                warn!(stage = stage.name(), error = %error, "a pull failed; it is begun anew");
                tokio::select! {
                    () = tokio::time::sleep(PAUSE) => {}
                    () = self.shutdown.cancelled() => {}
                }
            }
        }
    }

    /// One pull for as many messages as there is room for; `Ok` when it has ended.
    async fn pull<W, F>(
        &self,
        stage: Stage,
        consumer: &consumer::PullConsumer,
        room: &Arc<Semaphore>,
        work: &W,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>>
    where
        W: Fn(Arc<jetstream::Message>, Turn) -> F + Clone + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let mut places = tokio::select! {
            biased;
            () = self.shutdown.cancelled() => return Ok(()),
            places = some_of(room, self.spare()) => places?,
        };
        let pull = consumer
            .batch()
            .max_messages(places.num_permits())
            .expires(PULL_EXPIRES);
        let mut batch = pull.messages().await?;
        let progress_every = progress_every(consumer);
        while let Some(place) = places.split(1) {
            let next = tokio::select! {
                biased;
                () = self.shutdown.cancelled() => {
                    hand_back_buffered(&mut batch).await;
                    return Ok(());
                }
                next = batch.next() => next,
            };
            let Some(message) = next.transpose()? else {
                return Ok(());
            };
            let message = Arc::new(message);
            let turn = self
                .clone()
                .turn(stage, progress_every, message, work.clone());
            self.tasks.spawn(async move {
                turn.await;
                drop(place);
            });
        }
        Ok(())
    }

    /// Places that the room has beyond the slots, within one pull.
    fn spare(&self) -> u32 {
        u32::try_from((self.in_flight / 2).min(PULL_MAX)).unwrap_or(1)
    }

    /// Waits for a place and does the work; at a shutdown what has not begun is handed back.
    async fn turn<W, F>(
        self,
        stage: Stage,
        progress_every: Duration,
        message: Arc<jetstream::Message>,
        work: W,
    ) where
        W: Fn(Arc<jetstream::Message>, Turn) -> F,
        F: Future<Output = ()>,
    {
        let name = stage.name();
        let connection = connection_of(stage, &message.subject);
        let patience = async {
            if self.shares.are_several() {
                tokio::time::sleep(PATIENCE).await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        let waiting = async {
            tokio::select! {
                biased;
                () = self.shutdown.cancelled() => None,
                slot = self.slots.acquire(&connection) => Some(Some(slot)),
                () = patience => Some(None),
            }
        };
        let Some(slot) = kept_alive(name, &message, progress_every, waiting).await else {
            return hand_back(&message).await;
        };
        let turn = match slot {
            Some(_) => Turn::Place,
            None => Turn::Crowded,
        };
        kept_alive(name, &message, progress_every, work(message.clone(), turn)).await;
        drop(slot);
    }
}

/// Whose message it is, as its subject says.
fn connection_of(stage: Stage, subject: &str) -> String {
    let subject = stage.input_subject(subject);
    subject.split('.').nth(2).unwrap_or_default().to_owned()
}

/// All the room there is now, but at least what lies beyond the slots.
///
/// A pull costs the server about as much as a message, so a busy stage pulls many at once. While
/// fewer places are free every slot still has work, so waiting here idles none.
async fn some_of(
    room: &Arc<Semaphore>,
    least: u32,
) -> Result<OwnedSemaphorePermit, tokio::sync::AcquireError> {
    let mut places = room.clone().acquire_many_owned(least.max(1)).await?;
    let left = PULL_MAX.saturating_sub(places.num_permits());
    let more = u32::try_from(room.available_permits().min(left));
    if let Ok(more) = room.clone().try_acquire_many_owned(more.unwrap_or(0)) {
        places.merge(more);
    }
    Ok(places)
}

/// A third of the consumer's own ack wait: two reports may be lost.
fn progress_every(consumer: &consumer::PullConsumer) -> Duration {
    (consumer.cached_info().config.ack_wait / 3).max(Duration::from_millis(10))
}

/// Reports progress to the server for as long as the work takes.
async fn kept_alive<T>(
    stage: &'static str,
    message: &jetstream::Message,
    every: Duration,
    work: impl Future<Output = T>,
) -> T {
    tokio::pin!(work);
    let mut progress = tokio::time::interval(every);
    progress.tick().await;
    loop {
        tokio::select! {
            // A report after the message was settled would be noise.
            biased;
            done = &mut work => return done,
            _ = progress.tick() => {
                if let Err(error) = message.ack_with(AckKind::Progress).await {
                    warn!(stage, error = %error, "progress could not be reported");
                }
            }
        }
    }
}

/// Gives back what has arrived meanwhile, so that another worker need not wait for it.
async fn hand_back_buffered(batch: &mut consumer::pull::Batch) {
    while let Some(Some(Ok(message))) = batch.next().now_or_never() {
        hand_back(&message).await;
    }
}

async fn hand_back(message: &jetstream::Message) {
    if let Err(error) = message.ack_with(AckKind::Nak(None)).await {
        // The server delivers it again when its ack wait ends.
        warn!(error = %error, "a message could not be handed back");
    }
}

//! A process of the pipeline: both stages, the real runner around them, and its death.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::Context as _;
use connect::NoObserver;
use connect::freshbooks::{Client, Config, oauth};
use deliver::Deliver;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use lookup::Lookup;
use secrecy::SecretString;
use stage::{
    Delivery, Desk, Journal, Publisher, RetryPolicy, Stage, StageMetrics, StageSettings, handle,
};
use store::cache::LookupCache;
use store::connections::Connections;
use store::ledger::Ledger;
use store::sealing::Keyring;
use store::tokens::{REFRESH_TIMEOUT_MAX, Tokens};
use tokio::sync::Notify;
use tokio::time::Instant;
use url::Url;

use crate::bucket::{Shelf, SimulatedBucket};
use crate::fault::Fault;
use crate::streams::{SimulatedOutlet, Streams, Ticket};
use crate::vendor::{ACCOUNT, Line, Vendor};
use crate::world::{AT, TICKET, World};

/// The connection of every schedule.
pub(crate) const CONNECTION: &str = "acme";

/// The servers of a schedule, and the processes that live.
#[derive(Debug)]
pub(crate) struct House {
    pub(crate) world: Arc<World>,
    pub(crate) vendor: Arc<Vendor>,
    pub(crate) streams: Arc<Streams>,
    pub(crate) ledger: Arc<Shelf>,
    pub(crate) tokens: Arc<Shelf>,
    pub(crate) connections: Arc<Shelf>,
    lives: Mutex<Vec<Arc<Life>>>,
    /// No process starts before this moment.
    closed_until: Mutex<Option<Instant>>,
}

/// One process from its start to its death.
#[derive(Debug)]
pub(crate) struct Life {
    pub(crate) name: String,
    alive: AtomicBool,
    died: Notify,
    skew_ms: AtomicI64,
    tickets: Mutex<Vec<Arc<Ticket>>>,
}

impl Life {
    fn begin(name: String) -> Arc<Self> {
        Arc::new(Self {
            name,
            alive: AtomicBool::new(true),
            died: Notify::new(),
            skew_ms: AtomicI64::new(0),
            tickets: Mutex::default(),
        })
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.alive.load(Ordering::Relaxed)
    }

    /// Goes on in a process that lives; what a dead one left behind stays where it is for good.
    pub(crate) async fn alive(&self) {
        if !self.is_alive() {
            std::future::pending::<()>().await;
        }
    }

    fn die(&self) {
        self.alive.store(false, Ordering::Relaxed);
        self.died.notify_one();
    }

    /// How far the process's clock is ahead.
    pub(crate) fn skew_ms(&self) -> i64 {
        self.skew_ms.load(Ordering::Relaxed)
    }

    pub(crate) fn step(&self, skew_ms: i64) {
        self.skew_ms.store(skew_ms, Ordering::Relaxed);
    }

    fn tickets(&self) -> MutexGuard<'_, Vec<Arc<Ticket>>> {
        self.tickets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl House {
    pub(crate) fn new(
        world: &Arc<World>,
        vendor: &Arc<Vendor>,
        streams: &Arc<Streams>,
        [ledger, tokens, connections]: [Arc<Shelf>; 3],
    ) -> Arc<Self> {
        Arc::new(Self {
            world: Arc::clone(world),
            vendor: Arc::clone(vendor),
            streams: Arc::clone(streams),
            ledger,
            tokens,
            connections,
            lives: Mutex::default(),
            closed_until: Mutex::new(None),
        })
    }

    pub(crate) fn lives(&self) -> MutexGuard<'_, Vec<Arc<Life>>> {
        self.lives.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a process that lives works on a message of the order.
    pub(crate) fn works_on(&self, order_id: &str) -> bool {
        self.lives().iter().any(|life| {
            let tickets = life.tickets();
            let mut subjects = tickets.iter().map(|ticket| &ticket.source.subject);
            subjects.any(|subject| subject.ends_with(&format!(".{order_id}")))
        })
    }

    /// Ends every process; none starts again before `until`.
    pub(crate) fn close(&self, until: Instant) {
        let mut closed_until = self
            .closed_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // Who asks for less does not open what another has closed.
        *closed_until = Some(closed_until.map_or(until, |other| other.max(until)));
        drop(closed_until);
        for life in self.lives().iter() {
            life.die();
        }
    }

    fn closed_until(&self) -> Option<Instant> {
        *self
            .closed_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a process again whenever it died, for as long as the schedule lasts.
    pub(crate) async fn keep_running(self: Arc<Self>, number: usize) {
        for start in 1_u32.. {
            // Closed once more while it waits, it waits on.
            while let Some(until) = self.closed_until().filter(|until| *until > Instant::now()) {
                tokio::time::sleep_until(until).await;
            }
            let life = Life::begin(format!("{number}.{start}"));
            self.lives().push(Arc::clone(&life));
            let dies_after = self
                .world
                .draws(Fault::Crash)
                .then(|| self.world.between(1, 1 << self.world.between(3, 13)));
            let running = AT.scope(Arc::clone(&life), Arc::clone(&self).run(Arc::clone(&life)));
            let mortal = Mortal {
                inner: Some(Box::pin(running)),
                left: dies_after,
                world: Arc::clone(&self.world),
            };
            tokio::select! {
                biased;
                () = life.died.notified() => {}
                () = mortal => {}
            }
            life.die();
            self.world.trace(|| format!("process {} died", life.name));
            self.lives().retain(|one| one.is_alive());
            for ticket in life.tickets().drain(..) {
                self.streams.orphan(&ticket);
            }
            tokio::time::sleep(self.world.millis(100, 20_000)).await;
        }
    }

    /// Works until it is dropped.
    async fn run(self: Arc<Self>, life: Arc<Life>) {
        let (lookup, deliver, desk) = match self.build(&life) {
            Ok(built) => built,
            Err(error) => {
                return self
                    .world
                    .broken(format!("a process did not start: {error:#}"));
            }
        };
        let (lookup, deliver) = (&lookup, &deliver);
        let mut workers: FuturesUnordered<BoxFuture<'_, ()>> = FuturesUnordered::new();
        workers.push(Box::pin(self.work(lookup, &desk, &life)));
        for _ in 0..3 {
            workers.push(Box::pin(self.work(deliver, &desk, &life)));
        }
        while workers.next().await.is_some() {}
    }

    async fn work<S: Stage>(&self, stage: &S, desk: &Desk, life: &Arc<Life>) {
        loop {
            let ticket = Arc::new(self.streams.next(S::STAGE, life).await);
            life.tickets().push(Arc::clone(&ticket));
            self.world.trace(|| {
                let source = &ticket.source;
                format!(
                    "{} takes {} #{} (attempt {})",
                    S::STAGE.name(),
                    source.subject,
                    source.sequence,
                    source.attempt
                )
            });
            let delivery = Delivery {
                source: ticket.source.clone(),
                headers: Some(&ticket.header_map),
                payload: &ticket.payload,
                settler: &*ticket,
            };
            TICKET
                .scope(Arc::clone(&ticket), handle(stage, desk, &delivery))
                .await;
            life.tickets().retain(|held| !Arc::ptr_eq(held, &ticket));
        }
    }

    fn build(&self, life: &Arc<Life>) -> anyhow::Result<(Lookup, Deliver, Desk)> {
        let bucket = |shelf: &Arc<Shelf>| {
            Arc::new(SimulatedBucket {
                shelf: Arc::clone(shelf),
                life: Arc::clone(life),
            })
        };
        let ledger = Ledger::over(bucket(&self.ledger));
        let connections = Connections::over(bucket(&self.connections));
        let cache = Arc::new(LookupCache::absent());
        let accounts = HashMap::from([(CONNECTION.to_owned(), self.account(life)?)]);
        let publisher = Publisher::over(Arc::new(SimulatedOutlet {
            streams: Arc::clone(&self.streams),
            life: Arc::clone(life),
        }));
        let desk = Desk {
            journal: Journal::start(publisher.clone(), "simulation"),
            publisher,
            metrics: StageMetrics::register(&runtime::metrics::Metrics::new())?,
            settings: settings(),
        };
        let lookup = Lookup::new(
            accounts.clone(),
            ledger.clone(),
            Arc::clone(&cache),
            connections.clone(),
        );
        let deliver = Deliver::new(accounts, ledger, cache, connections, self.world.settle);
        Ok((lookup, deliver, desk))
    }

    fn account(&self, life: &Arc<Life>) -> anyhow::Result<Client> {
        let url = |text: &str| Url::parse(text).context("an address");
        let config = Config::new(
            url("http://localhost/")?,
            url("http://localhost/")?,
            ACCOUNT.to_owned(),
            "app".to_owned(),
            SecretString::from("secret"),
            url("https://tillbook.example/callback")?,
        )
        .cut_off_within(self.world.settle);
        let line = |request_timeout: Duration| {
            Arc::new(Line {
                vendor: Arc::clone(&self.vendor),
                life: Arc::clone(life),
                request_timeout,
                late_max: self.world.settle / 16,
            })
        };
        let refresh_timeout = config.http.request_timeout.min(REFRESH_TIMEOUT_MAX);
        let endpoint = oauth::Endpoint::over(line(refresh_timeout), Arc::new(NoObserver));
        let bucket = SimulatedBucket {
            shelf: Arc::clone(&self.tokens),
            life: Arc::clone(life),
        };
        let seed = SecretString::from(self.vendor.seed_token());
        let keyring = Arc::new(Keyring::new(&[7; 32], None));
        let bucket = Arc::new(bucket);
        let tokens = Tokens::over(bucket, CONNECTION, config.clone(), seed, keyring, endpoint);
        let transport = line(config.http.request_timeout);
        Ok(Client::over(
            transport,
            config,
            Arc::new(tokens),
            Arc::new(NoObserver),
        )?)
    }
}

/// As the configuration's defaults have it.
fn settings() -> StageSettings {
    StageSettings {
        in_flight: 64,
        process_timeout: Duration::from_secs(120),
        drain_timeout: Duration::from_secs(20),
        retry: RetryPolicy {
            attempts_max: 2_000,
            age_max: Duration::from_secs(168 * 3_600),
            base: Duration::from_secs(1),
            cap: Duration::from_secs(900),
        },
    }
}

/// A process that dies between two polls: whatever it awaited is dropped where it stands.
struct Mortal<F> {
    inner: Option<Pin<Box<F>>>,
    left: Option<u64>,
    world: Arc<World>,
}

impl<F: Future<Output = ()>> Future for Mortal<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.left == Some(0) && !self.world.is_calm() {
            self.world.count(Fault::Crash);
            self.inner = None;
        }
        self.left = self.left.map(|left| left.saturating_sub(1));
        match &mut self.inner {
            Some(inner) => inner.as_mut().poll(context),
            None => Poll::Ready(()),
        }
    }
}

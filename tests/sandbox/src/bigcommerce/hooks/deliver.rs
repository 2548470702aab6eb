//! Getting events to their receivers: at least once, signed anew each time, on the retry ladder.
//!
//! Bounded: so many requests in flight, so many deliveries waiting. Over the second bound a
//! delivery is recorded as `queue_full` and lost; the real vendor would queue it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::Serialize;
use tokio::sync::{Semaphore, watch};

use super::denylist::{BLOCK_S, Denylist, WINDOW_S};
use super::events::{self, Event};
use super::registry::Hook;
use super::sign;
use crate::bigcommerce::faults::{Faults, HookFault};
use crate::bigcommerce::store::{Store, lock};

/// Waits after each failure; after the last one the hook is switched off.
pub(crate) const RETRY_S: [u64; 11] = [
    60, 180, 300, 600, 900, 1800, 3600, 7200, 21_600, 50_400, 86_400,
];
/// Requests on their way at one moment, over all stores.
const MAX_IN_FLIGHT: usize = 512;
/// Deliveries waiting to be sent or tried again, over all stores.
const MAX_PENDING: usize = 200_000;
/// Records kept per store; older ones make room.
const MAX_RECORDS: usize = 100_000;
/// At most one "will retry" exception a destination in this time.
const EXCEPTION_EVERY_S: u64 = 600;

/// One attempt, as the control surface shows it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Record {
    pub(crate) hook_id: u64,
    pub(crate) scope: String,
    pub(crate) hash: String,
    /// The event's place among all that happened: a later event has a higher one.
    pub(crate) event: u64,
    pub(crate) order_id: Option<u64>,
    pub(crate) destination: String,
    /// 1 for the first attempt.
    pub(crate) attempt: usize,
    pub(crate) at: String,
    pub(crate) status: Option<u16>,
    pub(crate) error: Option<String>,
    /// From sending to the answer's head.
    pub(crate) ack_us: Option<u64>,
    pub(crate) outcome: &'static str,
}

#[derive(Debug, Default)]
pub(crate) struct Deliveries {
    pub(crate) records: VecDeque<Record>,
    pub(crate) by_outcome: BTreeMap<&'static str, u64>,
    exceptions: BTreeMap<String, Instant>,
}

impl Deliveries {
    fn note(&mut self, record: Record) {
        *self.by_outcome.entry(record.outcome).or_default() += 1;
        if self.records.len() >= MAX_RECORDS {
            self.records.pop_front();
        }
        self.records.push_back(record);
    }
}

/// The answer to one attempt.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: Option<u16>,
    pub(crate) error: Option<String>,
    pub(crate) ack_us: u64,
    /// This attempt got the destination's domain onto the denylist.
    pub(crate) got_blocked: bool,
}

impl Answer {
    /// 2xx acknowledges; redirects do not.
    pub(crate) fn acknowledged(&self) -> bool {
        self.status.is_some_and(|code| (200..300).contains(&code))
    }
}

#[derive(Debug)]
pub(crate) struct Dispatcher {
    client: reqwest::Client,
    in_flight: Semaphore,
    pending: AtomicUsize,
    /// How many events have happened.
    happened: AtomicU64,
    pub(crate) denylist: Mutex<Denylist>,
    pub(crate) faults: Arc<Faults>,
    closed: watch::Receiver<bool>,
}

impl Dispatcher {
    pub(crate) fn new(
        faults: Arc<Faults>,
        closed: watch::Receiver<bool>,
    ) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .user_agent("pekko-http/1.3.0")
            .pool_max_idle_per_host(MAX_IN_FLIGHT)
            .tcp_nodelay(true)
            .no_proxy()
            .build()?;
        Ok(Self {
            client,
            in_flight: Semaphore::new(MAX_IN_FLIGHT),
            pending: AtomicUsize::new(0),
            happened: AtomicU64::new(0),
            denylist: Mutex::default(),
            faults,
            closed,
        })
    }

    pub(crate) fn pending(&self) -> usize {
        self.pending.load(Ordering::Relaxed)
    }

    /// Lets `event` happen after `delay` and delivers it to every hook that then listens.
    pub(crate) fn fire(self: &Arc<Self>, store: &Arc<Store>, mut event: Event, delay: Duration) {
        if delay.is_zero() {
            event.place = self.next_place();
            self.fan_out(store, &event);
            return;
        }
        let (this, store) = (Arc::clone(self), Arc::clone(store));
        tokio::spawn(async move {
            if this.wait(delay).await {
                event.created_at_s = crate::clock::now().as_second();
                event.place = this.next_place();
                this.fan_out(&store, &event);
            }
        });
    }

    fn next_place(&self) -> u64 {
        self.happened.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn fan_out(self: &Arc<Self>, store: &Arc<Store>, event: &Event) {
        let hooks: Vec<Hook> = lock(&store.registry)
            .all()
            .filter(|hook| hook.is_active && hook.matches(&event.scope))
            .cloned()
            .collect();
        for hook in hooks {
            let fault =
                self.faults
                    .for_hook(&store.config.store_hash, &event.scope, event.order_id);
            let (copies, delay) = match fault {
                Some(HookFault::Drop) => {
                    self.record(store, &hook, event, 1, None, "dropped_by_fault");
                    continue;
                }
                Some(HookFault::Duplicate) => (2, Duration::ZERO),
                Some(HookFault::Delay(delay)) => (1, delay),
                None => (1, Duration::ZERO),
            };
            for _ in 0..copies {
                self.start(store, hook.clone(), event.clone(), 0, delay);
            }
        }
    }

    /// Starts a delivery with so many failures behind it.
    pub(crate) fn start(
        self: &Arc<Self>,
        store: &Arc<Store>,
        hook: Hook,
        event: Event,
        failures: usize,
        delay: Duration,
    ) {
        if self.pending.fetch_add(1, Ordering::Relaxed) >= MAX_PENDING {
            self.pending.fetch_sub(1, Ordering::Relaxed);
            self.record(store, &hook, &event, failures + 1, None, "queue_full");
            return;
        }
        let (this, store) = (Arc::clone(self), Arc::clone(store));
        tokio::spawn(async move {
            this.deliver(&store, hook, event, failures, delay).await;
            this.pending.fetch_sub(1, Ordering::Relaxed);
        });
    }

    /// Tries until acknowledged, exhausted, or the hook is gone or off.
    async fn deliver(
        self: &Arc<Self>,
        store: &Arc<Store>,
        hook: Hook,
        event: Event,
        mut failures: usize,
        mut delay: Duration,
    ) {
        loop {
            if !self.wait(delay).await {
                return;
            }
            let current = lock(&store.registry).get(hook.id).cloned();
            let Some(hook) = current.filter(|hook| hook.is_active) else {
                self.record(store, &hook, &event, failures + 1, None, "hook_inactive");
                return;
            };
            let attempt = failures + 1;
            let answer: Option<Answer> = if self.is_blocked(store, &hook.destination) {
                None
            } else {
                Some(self.attempt(store, &hook, &event).await)
            };
            if answer.as_ref().is_some_and(|answer| answer.got_blocked) {
                self.exception(store, &hook, &event, 90003, "The domain is blocked.");
            }
            if let Some(answer) = &answer
                && answer.acknowledged()
            {
                self.record(store, &hook, &event, attempt, Some(answer), "acknowledged");
                return;
            }
            let Some(wait_s) = RETRY_S.get(failures) else {
                self.record(store, &hook, &event, attempt, answer.as_ref(), "exhausted");
                lock(&store.registry).deactivate(hook.id);
                self.exception(store, &hook, &event, 90002, "Retries exhausted.");
                return;
            };
            let outcome = if answer.is_some() {
                "will_retry"
            } else {
                "blocked"
            };
            self.record(store, &hook, &event, attempt, answer.as_ref(), outcome);
            self.exception(store, &hook, &event, 90001, "Delivery failed, will retry.");
            failures += 1;
            delay = scaled(*wait_s, store.config.retry_scale);
        }
    }

    /// One signed request, stamped with the moment of sending.
    pub(crate) async fn attempt(&self, store: &Store, hook: &Hook, event: &Event) -> Answer {
        let Ok(_permit) = self.in_flight.acquire().await else {
            return Answer {
                status: None,
                error: Some("the sandbox is shutting down".to_owned()),
                ack_us: 0,
                got_blocked: false,
            };
        };
        let config = &store.config;
        let body = event.body(&config.store_hash, &config.store_id);
        let now_s = crate::clock::now().as_second();
        let signature = sign(&config.client_secret, &event.hash, now_s, body.as_bytes());
        let mut request = self
            .client
            .post(&hook.destination)
            .timeout(Duration::from_millis(config.hook_timeout_ms))
            .header("content-type", "application/json")
            .header("accept-encoding", "gzip")
            .header("webhook-id", &event.hash)
            .header("webhook-timestamp", now_s.to_string())
            .header("webhook-signature", signature);
        for (name, value) in &hook.headers {
            request = request.header(name, value);
        }
        let sent = Instant::now();
        let result = request.body(body).send().await;
        let ack_us = u64::try_from(sent.elapsed().as_micros()).unwrap_or(u64::MAX);
        let mut answer = match result {
            Ok(response) => {
                let status = response.status().as_u16();
                // Reading the body to its end lets the connection be used again.
                let _body = response.bytes().await;
                Answer {
                    status: Some(status),
                    error: None,
                    ack_us,
                    got_blocked: false,
                }
            }
            Err(error) => Answer {
                status: None,
                error: Some(reason(&error).to_owned()),
                ack_us,
                got_blocked: false,
            },
        };
        answer.got_blocked = self.judge(store, hook, answer.acknowledged());
        answer
    }

    /// Notes an attempt for the denylist; true when it got the domain blocked.
    fn judge(&self, store: &Store, hook: &Hook, ok: bool) -> bool {
        store.config.denylist
            && lock(&self.denylist).note(
                &domain(&hook.destination),
                ok,
                Duration::from_secs(WINDOW_S),
                scaled(BLOCK_S, store.config.retry_scale),
            )
    }

    fn is_blocked(&self, store: &Store, destination: &str) -> bool {
        store.config.denylist && lock(&self.denylist).is_blocked(&domain(destination))
    }

    /// Tells the store's own exception hook, unless this was about that hook itself.
    pub(crate) fn exception(
        self: &Arc<Self>,
        store: &Arc<Store>,
        hook: &Hook,
        event: &Event,
        code: u64,
        message: &str,
    ) {
        if event.scope == "store/hook/deliveryException" {
            return;
        }
        if code == 90001 {
            let mut deliveries = lock(&store.deliveries);
            let every = scaled(EXCEPTION_EVERY_S, store.config.retry_scale);
            let last = deliveries.exceptions.get(&hook.destination);
            if last.is_some_and(|at| at.elapsed() < every) {
                return;
            }
            let key = hook.destination.clone();
            deliveries.exceptions.insert(key, Instant::now());
        }
        let event = events::delivery_exception(hook.id, code, message);
        self.fire(store, event, Duration::ZERO);
    }

    pub(crate) fn record(
        &self,
        store: &Store,
        hook: &Hook,
        event: &Event,
        attempt: usize,
        answer: Option<&Answer>,
        outcome: &'static str,
    ) {
        lock(&store.deliveries).note(Record {
            hook_id: hook.id,
            scope: event.scope.clone(),
            hash: event.hash.clone(),
            event: event.place,
            order_id: event.order_id,
            destination: hook.destination.clone(),
            attempt,
            at: crate::clock::now().to_string(),
            status: answer.and_then(|a| a.status),
            error: answer.and_then(|a| a.error.clone()),
            ack_us: answer.map(|a| a.ack_us),
            outcome,
        });
    }

    /// Waits; false when the sandbox closed meanwhile.
    pub(crate) async fn wait(&self, delay: Duration) -> bool {
        if delay.is_zero() {
            return !*self.closed.borrow();
        }
        let mut closed = self.closed.clone();
        tokio::select! {
            () = tokio::time::sleep(delay) => true,
            _ = closed.wait_for(|closed| *closed) => false,
        }
    }
}

/// `seconds` times the store's scale, to the microsecond.
pub(crate) fn scaled(seconds: u64, scale: Decimal) -> Duration {
    let micros = Decimal::from(seconds) * Decimal::from(1_000_000) * scale;
    Duration::from_micros(micros.to_u64().unwrap_or(u64::MAX))
}

fn domain(destination: &str) -> String {
    reqwest::Url::parse(destination)
        .ok()
        .and_then(|url| {
            let host = url.host_str()?.to_owned();
            Some(match url.port() {
                Some(port) => format!("{host}:{port}"),
                None => host,
            })
        })
        .unwrap_or_default()
}

fn reason(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "timeout"
    } else if error.is_connect() {
        "connection refused"
    } else if error.is_builder() {
        "the hook's headers or destination cannot be sent"
    } else {
        "connection lost"
    }
}

//! A steady stream of signed hooks for benchmarks, and what came back.
//!
//! Open loop: hooks are due on a fixed beat, whether or not earlier ones were answered. Latency is
//! told from the moment a hook was due (so that a slow receiver cannot hide behind a late sender)
//! and from the moment it was sent.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::deliver::{Dispatcher, RETRY_S, scaled};
use super::events::{self, Event};
use super::registry::Hook;
use crate::bigcommerce::kinds::{self, Kind};
use crate::bigcommerce::orders::build;
use crate::bigcommerce::store::{Store, lock};

const MAX_RATE_PER_S: u64 = 20_000;
const MAX_HOOKS: u64 = 2_000_000;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BurstRequest {
    pub(crate) rate_per_s: u64,
    pub(crate) seconds: u64,
    /// `store/order/updated` unless given; one of the order scopes.
    pub(crate) scope: Option<String>,
    /// Orders the hooks speak of, in turn; the store's orders unless given.
    #[serde(default)]
    pub(crate) order_ids: Vec<u64>,
    /// Makes a new order for every beat, of these kinds in turn; the scope is then
    /// `store/order/created` unless given.
    #[serde(default)]
    pub(crate) kinds: Vec<String>,
    /// Seed of the first new order; later ones count up.
    #[serde(default)]
    pub(crate) seed: u64,
    /// Unanswered hooks go to the retry ladder, as the vendor's do.
    #[serde(default = "yes")]
    pub(crate) retry: bool,
}

fn yes() -> bool {
    true
}

#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Latency {
    pub(crate) p50_us: u64,
    pub(crate) p90_us: u64,
    pub(crate) p99_us: u64,
    pub(crate) max_us: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct BurstReport {
    pub(crate) due: u64,
    pub(crate) sent: u64,
    pub(crate) acknowledged: u64,
    pub(crate) first_order_id: Option<u64>,
    pub(crate) last_order_id: Option<u64>,
    /// HTTP status, or the reason there was none.
    pub(crate) by_answer: BTreeMap<String, u64>,
    pub(crate) elapsed_ms: u64,
    pub(crate) achieved_per_s: u64,
    pub(crate) ack_from_due: Latency,
    pub(crate) ack_from_sent: Latency,
}

#[derive(Debug, Default)]
struct Tally {
    from_due: Vec<u64>,
    from_sent: Vec<u64>,
    by_answer: BTreeMap<String, u64>,
    acknowledged: u64,
}

/// What the hooks of a burst speak of.
enum Subject {
    Known(Vec<u64>),
    New(Vec<&'static Kind>),
}

impl Subject {
    fn read(store: &Store, request: &BurstRequest) -> Result<Self, String> {
        if !request.kinds.is_empty() {
            let found = request.kinds.iter().map(|name| {
                kinds::find(name).ok_or(format!("no kind {name}; GET /_sandbox/kinds lists them"))
            });
            return Ok(Self::New(found.collect::<Result<_, _>>()?));
        }
        let ids: Vec<u64> = if request.order_ids.is_empty() {
            store.data().orders.keys().copied().collect()
        } else {
            request.order_ids.clone()
        };
        if ids.is_empty() {
            return Err("the store has no orders; give kinds, order_ids, or make some".to_owned());
        }
        Ok(Self::Known(ids))
    }

    /// The order of the nth beat.
    fn order_id(&self, store: &Store, seed: u64, n: u64) -> u64 {
        let at = |len: usize| usize::try_from(n).unwrap_or(0) % len.max(1);
        match self {
            Self::Known(ids) => ids[at(ids.len())],
            Self::New(kinds) => {
                let kind = kinds[at(kinds.len())];
                let wishes = build::Wishes::default();
                build::place(store, kind, seed.wrapping_add(n), &wishes)
                    .0
                    .id
            }
        }
    }
}

/// Fires the burst at every hook that listens to the scope, and waits for all first answers.
///
/// # Errors
/// A text for the caller: nothing listens, no order to speak of, or too much was asked.
pub(crate) async fn run(
    dispatcher: &Arc<Dispatcher>,
    store: &Arc<Store>,
    request: BurstRequest,
) -> Result<BurstReport, String> {
    let total = request.rate_per_s.saturating_mul(request.seconds);
    if request.rate_per_s == 0 || request.rate_per_s > MAX_RATE_PER_S || total > MAX_HOOKS {
        return Err(format!(
            "a burst has 1 to {MAX_RATE_PER_S} hooks a second and at most {MAX_HOOKS} in all"
        ));
    }
    let subject = Subject::read(store, &request)?;
    let usual = match subject {
        Subject::Known(_) => "store/order/updated",
        Subject::New(_) => "store/order/created",
    };
    let scope = request.scope.as_deref().unwrap_or(usual);
    let hooks: Vec<Hook> = lock(&store.registry)
        .all()
        .filter(|hook| hook.is_active && hook.matches(scope))
        .cloned()
        .collect();
    if hooks.is_empty() {
        return Err(format!("no active hook listens to {scope}; register one"));
    }
    let shared = Arc::new(Shared {
        dispatcher: Arc::clone(dispatcher),
        store: Arc::clone(store),
        tally: Mutex::default(),
        retry: request.retry,
    });
    let mut tasks = JoinSet::new();
    let start = Instant::now();
    let (mut first, mut last) = (None, None);
    for n in 0..total {
        let due = start + Duration::from_nanos(n * 1_000_000_000 / request.rate_per_s);
        tokio::time::sleep_until(due).await;
        let id = subject.order_id(store, request.seed, n);
        first = first.or(Some(id));
        last = Some(id);
        let event = event_of(scope, id);
        for hook in &hooks {
            let shared = Arc::clone(&shared);
            tasks.spawn(one(shared, hook.clone(), event.clone(), due));
        }
        while tasks.try_join_next().is_some() {}
    }
    while tasks.join_next().await.is_some() {}
    let tally = std::mem::take(&mut *lock(&shared.tally));
    Ok(report(tally, total, start.elapsed(), (first, last)))
}

struct Shared {
    dispatcher: Arc<Dispatcher>,
    store: Arc<Store>,
    tally: Mutex<Tally>,
    retry: bool,
}

fn report(
    mut tally: Tally,
    due: u64,
    elapsed: Duration,
    (first_order_id, last_order_id): (Option<u64>, Option<u64>),
) -> BurstReport {
    let elapsed_us = u64::try_from(elapsed.as_micros())
        .unwrap_or(u64::MAX)
        .max(1);
    let sent = tally.from_sent.len() as u64;
    BurstReport {
        due,
        sent,
        acknowledged: tally.acknowledged,
        first_order_id,
        last_order_id,
        elapsed_ms: elapsed_us / 1000,
        achieved_per_s: sent.saturating_mul(1_000_000) / elapsed_us,
        ack_from_due: latency(&mut tally.from_due),
        ack_from_sent: latency(&mut tally.from_sent),
        by_answer: tally.by_answer,
    }
}

async fn one(shared: Arc<Shared>, hook: Hook, event: Event, due: Instant) {
    let Shared {
        dispatcher,
        store,
        tally,
        retry,
    } = &*shared;
    let answer = dispatcher.attempt(store, &hook, &event).await;
    let from_due = u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX);
    let good = answer.acknowledged();
    let name = match (answer.status, &answer.error) {
        (Some(status), _) => status.to_string(),
        (None, Some(error)) => error.clone(),
        (None, None) => "no answer".to_owned(),
    };
    let outcome = match (good, *retry) {
        (true, _) => "acknowledged",
        (false, true) => "will_retry",
        (false, false) => "burst_failed",
    };
    dispatcher.record(store, &hook, &event, 1, Some(&answer), outcome);
    if answer.got_blocked {
        dispatcher.exception(store, &hook, &event, 90003, "The domain is blocked.");
    }
    {
        let mut tally = lock(tally);
        tally.from_due.push(from_due);
        tally.from_sent.push(answer.ack_us);
        *tally.by_answer.entry(name).or_default() += 1;
        tally.acknowledged += u64::from(good);
    }
    if !good && *retry {
        let delay = scaled(RETRY_S[0], store.config.retry_scale);
        dispatcher.start(store, hook, event, 1, delay);
    }
}

fn event_of(scope: &str, order_id: u64) -> Event {
    match scope.strip_prefix("store/order/") {
        Some("statusUpdated") => events::status_updated(order_id, 0, 11),
        Some(what) => events::order(what, order_id),
        None => events::custom(
            scope,
            serde_json::json!({"type": "order", "id": order_id}),
            Some(order_id),
        ),
    }
}

fn latency(samples: &mut [u64]) -> Latency {
    samples.sort_unstable();
    let at = |percent: usize| {
        let index = (samples.len() * percent).div_ceil(100).saturating_sub(1);
        samples.get(index).copied().unwrap_or(0)
    };
    Latency {
        p50_us: at(50),
        p90_us: at(90),
        p99_us: at(99),
        max_us: samples.last().copied().unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_rank() {
        let mut samples: Vec<u64> = (1..=100).rev().collect();
        let latency = latency(&mut samples);
        assert_eq!(
            (latency.p50_us, latency.p99_us, latency.max_us),
            (50, 99, 100)
        );
    }
}

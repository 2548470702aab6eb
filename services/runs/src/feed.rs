//! Handing orders over, a few at a time, and awaiting what becomes of each.
//!
//! Live hooks go first in three ways. Only a handful of a run's orders is ever under way, so a
//! hook waits behind no more than those. While other work waits in the stages, a run keeps one
//! order under way. And it is paced, so that a part of each vendor's window stays free.
//!
//! An order is handed over before the position that says so is stored: a crash in between hands
//! it over once more, and that changes nothing. Not here: what is handed over ([`HandOver`]).

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use contracts::books::OutcomeKind;
use contracts::ledger_conversion;
use runtime::shutdown::CancellationToken;
use serde_json::json;
use store::now_ms;
use tokio::time::Instant;

use crate::conclusions::{self, Conclusion, Conclusions, End};
use crate::live_work::LiveWork;
use crate::record::{OpenRun, State, Wish};
use crate::results::Results;
use crate::{Error, Run, Tools, audit};

/// Longest wait before the next look at what cannot be awaited: live work, the pace, silent ends.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How often the record is stored at least, so that others see the run alive.
const BEAT_EVERY: Duration = Duration::from_secs(1);
/// Orders handed over between two stores of the position, at most.
const UNSAVED_MAX: u32 = 16;
/// How long a paused or cancelled run waits for what is under way.
///
/// Shorter than the time without a beat after which another process may take the run up.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);
/// Age from which an order under way is looked for in the ledger.
const SILENT_AFTER_MS: u64 = 10_000;

/// What one kind of run does with an order.
pub(crate) trait HandOver {
    /// Whether orders go by rising id from run to run, so that the last one says how far it is.
    const KEEPS_POSITION: bool;

    /// Whether the conclusion is of this kind of work.
    fn concerns(&self, conclusion: &Conclusion) -> bool;

    /// Hands one order to the pipeline; doing it twice must be safe.
    fn hand_over(
        &self,
        tools: &Tools,
        run: &Run,
        order_id: u64,
        at_ms: u64,
    ) -> impl Future<Output = Result<(), Error>> + Send;
}

/// How fast a run goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Orders under way at the same time.
    pub(crate) at_once: usize,
    /// What all of them may take, so that the vendors' windows last.
    pub(crate) duration_ms: u64,
}

/// Which orders.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Orders<'a> {
    pub(crate) to_do: &'a [u64],
    /// By an earlier process of the run; the streams tell which of them have ended.
    pub(crate) handed_over_before: &'a [u64],
}

/// Feeds until everything is done, or a person or a signal stops it.
pub(crate) async fn feed<W: HandOver>(
    tools: &Tools,
    open: &mut OpenRun,
    orders: Orders<'_>,
    work: &W,
    pace: Pace,
    shutdown: &CancellationToken,
) -> Result<(), Error> {
    let jetstream = &tools.context.jetstream;
    let (outcomes, letters) = (open.run.outcomes_after, open.run.letters_after);
    let mut conclusions = conclusions::follow(jetstream, &tools.connection, outcomes, letters);
    let mut desk = Desk::new(tools, open, orders, work, pace).await?;
    loop {
        while let Ok(conclusion) = conclusions.queue.try_recv() {
            desk.conclude(conclusion);
        }
        desk.look_for_silent_ends().await?;
        if desk.is_done() {
            return desk.end(State::Finished).await;
        }
        if let Some(state) = desk.stop_asked(shutdown) {
            desk.drain(&mut conclusions).await?;
            return desk.end(state).await;
        }
        if desk.may_hand_over().await? {
            desk.hand_over().await?;
            continue;
        }
        desk.save_when_due().await?;
        tokio::select! {
            conclusion = conclusions.queue.recv() => {
                if let Some(conclusion) = conclusion {
                    desk.conclude(conclusion);
                }
            }
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(desk.wait()) => {}
        }
    }
}

/// The work at hand.
struct Desk<'a, W> {
    tools: &'a Tools,
    work: &'a W,
    open: &'a mut OpenRun,
    to_do: &'a [u64],
    next: usize,
    /// Of the whole run, earlier processes included.
    total: usize,
    at_once: usize,
    /// Orders handed over whose end is not known, with the moment.
    under_way: HashMap<u64, u64>,
    ends: HashMap<u64, End>,
    live: LiveWork,
    /// Between two orders, so that the vendors' windows last.
    interval: Duration,
    not_before: Instant,
    unsaved: u32,
    saved_at: Instant,
    looked_at: Instant,
}

impl<'a, W: HandOver> Desk<'a, W> {
    async fn new(
        tools: &'a Tools,
        open: &'a mut OpenRun,
        orders: Orders<'a>,
        work: &'a W,
        pace: Pace,
    ) -> Result<Self, Error> {
        let before = orders.handed_over_before;
        let started_at_ms = open.run.started_at_ms;
        let total = orders.to_do.len().saturating_add(before.len());
        let count = u64::try_from(orders.to_do.len().max(1)).unwrap_or(u64::MAX);
        let now = Instant::now();
        Ok(Self {
            tools,
            work,
            open,
            to_do: orders.to_do,
            next: 0,
            total,
            at_once: pace.at_once.max(1),
            under_way: before.iter().map(|id| (*id, started_at_ms)).collect(),
            ends: HashMap::new(),
            live: LiveWork::bind(&tools.context.jetstream).await?,
            interval: Duration::from_millis(pace.duration_ms / count),
            not_before: now,
            unsaved: 0,
            saved_at: now,
            looked_at: now,
        })
    }

    fn conclude(&mut self, conclusion: Conclusion) {
        let id = conclusion.order_id;
        let handed_over = self.under_way.get(&id).copied();
        // What was heard of before the order was handed over says nothing of it.
        let since = handed_over.unwrap_or(self.open.run.started_at_ms);
        let is_ours = handed_over.is_some() || self.ends.contains_key(&id);
        if !self.work.concerns(&conclusion) || !is_ours || conclusion.at_ms < since {
            return;
        }
        self.under_way.remove(&id);
        self.ends.insert(id, conclusion.end);
    }

    /// An order that vanished from the store meanwhile ends without an outcome: the ledger says so.
    async fn look_for_silent_ends(&mut self) -> Result<(), Error> {
        if self.looked_at.elapsed() < BEAT_EVERY {
            return Ok(());
        }
        self.looked_at = Instant::now();
        let now = now_ms();
        let old = self
            .under_way
            .iter()
            .filter(|(_, since)| now.saturating_sub(**since) > SILENT_AFTER_MS);
        let old: Vec<(u64, u64)> = old.map(|(id, since)| (*id, *since)).collect();
        for (id, since) in old.into_iter().take(self.at_once) {
            let entry = self
                .tools
                .ledger
                .order(&self.tools.connection, &id.to_string())
                .await?
                .value;
            if ledger_conversion::is_untouched(&entry) && entry.version_ms >= since {
                self.under_way.remove(&id);
                let end = End::Outcome {
                    kind: OutcomeKind::NothingDue,
                    detail: "gone from the store".to_owned(),
                };
                self.ends.insert(id, end);
            }
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.next >= self.to_do.len() && self.under_way.is_empty()
    }

    fn stop_asked(&self, shutdown: &CancellationToken) -> Option<State> {
        match self.open.run.wish {
            Some(Wish::Cancel) => Some(State::Cancelled),
            Some(Wish::Pause) => Some(State::Paused),
            None => shutdown.is_cancelled().then_some(State::Paused),
        }
    }

    async fn may_hand_over(&mut self) -> Result<bool, Error> {
        let under_way = self.under_way.len();
        if self.next >= self.to_do.len()
            || under_way >= self.at_once
            || Instant::now() < self.not_before
        {
            return Ok(false);
        }
        if under_way == 0 {
            return Ok(true);
        }
        let ours = u64::try_from(under_way.saturating_add(self.at_once / 2)).unwrap_or(u64::MAX);
        Ok(self.live.count().await? <= ours)
    }

    async fn hand_over(&mut self) -> Result<(), Error> {
        let Some(order_id) = self.to_do.get(self.next).copied() else {
            return Ok(());
        };
        let at_ms = now_ms();
        self.work
            .hand_over(self.tools, &self.open.run, order_id, at_ms)
            .await?;
        self.under_way.insert(order_id, at_ms);
        if W::KEEPS_POSITION {
            self.open.run.position = order_id;
        }
        self.next = self.next.saturating_add(1);
        self.not_before = Instant::now() + self.interval;
        self.unsaved = self.unsaved.saturating_add(1);
        if self.unsaved >= UNSAVED_MAX {
            self.save().await?;
        }
        Ok(())
    }

    async fn save_when_due(&mut self) -> Result<(), Error> {
        if self.unsaved > 0 || self.saved_at.elapsed() >= BEAT_EVERY {
            self.save().await?;
        }
        Ok(())
    }

    async fn save(&mut self) -> Result<(), Error> {
        let tells = self.saved_at.elapsed() >= BEAT_EVERY;
        self.open.run.results = Results::of(&self.ends);
        self.tools.runs.save(self.open).await?;
        self.unsaved = 0;
        if tells {
            self.tell();
            self.saved_at = Instant::now();
        }
        Ok(())
    }

    /// Until the pace allows the next order, but never longer than a look.
    fn wait(&self) -> Duration {
        let paced = self.not_before.saturating_duration_since(Instant::now());
        if paced.is_zero() {
            LOOK_EVERY
        } else {
            paced.min(LOOK_EVERY)
        }
    }

    /// Waits within a bound for what is under way, so that little is left to an unknown end.
    async fn drain(&mut self, conclusions: &mut Conclusions) -> Result<(), Error> {
        let limit = Instant::now() + DRAIN_LIMIT;
        self.save().await?;
        while !self.under_way.is_empty() {
            match tokio::time::timeout_at(limit, conclusions.queue.recv()).await {
                Ok(Some(conclusion)) => self.conclude(conclusion),
                Ok(None) | Err(_) => return Ok(()),
            }
        }
        Ok(())
    }

    async fn end(&mut self, state: State) -> Result<(), Error> {
        self.open.run.state = state;
        self.open.run.wish = None;
        self.open.run.results = Results::of(&self.ends);
        self.tools.runs.save(self.open).await?;
        self.tell();
        let results = &self.open.run.results;
        let more = BTreeMap::from([
            ("orders".to_owned(), self.total.to_string()),
            ("delivered".to_owned(), results.delivered.to_string()),
            ("unchanged".to_owned(), results.unchanged.to_string()),
            ("removed".to_owned(), results.removed.to_string()),
            ("held".to_owned(), results.held_count().to_string()),
        ]);
        audit::changed(self.tools, &self.open.run, state.word(), more).await
    }

    fn tell(&self) {
        let results = &self.open.run.results;
        (self.tools.progress)(json!({
            "run": self.open.run.id,
            "state": self.open.run.state,
            "orders": self.total,
            "handed_over": self.total.saturating_sub(self.to_do.len().saturating_sub(self.next)),
            "under_way": self.under_way.len(),
            "done": results.done(),
            "delivered": results.delivered,
            "unchanged": results.unchanged,
            "removed": results.removed,
            "held": results.held_count(),
        }));
    }
}

//! Strikes a running house, and counts what was really struck.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use jiff::{Timestamp, ToSpan};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::MERCHANTS;
use super::fault::{Act, KINDS};
use super::house::{Stage, processes_of};
use super::schedule::Strike;
use super::tally::Tally;
use crate::shops::orders::{self, Placed};
use crate::supervisor::SERVICES;

/// How long the second of two kills waits for the process that it is to hit.
const AGAIN_LIMIT: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(20);
const REDIS: &str = "redis-server";

/// What was done to a house, and what of it has to be undone.
#[derive(Default)]
pub(super) struct Injector {
    pub(super) tally: Tally,
    /// Faults that a sandbox holds, by its id for them.
    armed: BTreeMap<(Vendor, u64), &'static str>,
    /// Processes that wait to go on.
    stopped: Vec<Stopped>,
    /// Orders of hours ago, whose hooks are still to come.
    pub(super) late: Vec<(Placed, i64)>,
    /// Accounts whose tokens were made to expire, with how often they had been renewed before.
    expired: BTreeMap<usize, u64>,
    /// A person connects the accounts again at the end, whether or not a grant was lost: it may be
    /// lost between the last look at the faults and their end.
    reconnect: bool,
    overtaken_wanted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Vendor {
    BigCommerce,
    FreshBooks,
}

struct Stopped {
    until: Instant,
    process: &'static str,
    pid: u32,
    name: &'static str,
}

impl Injector {
    pub(super) async fn strike(&mut self, stage: &Stage, strike: &Strike) -> anyhow::Result<()> {
        let kind = KINDS.get(strike.kind).context("no such kind of fault")?;
        match kind.act {
            Act::Kill(service) => {
                let process = chosen(&processes_of(service), strike.process);
                self.kill(stage, kind.name, process);
            }
            Act::KillTwice => self.kill_twice(stage, kind.name, strike).await,
            Act::Pause(service) => {
                let process = chosen(&processes_of(service), strike.process);
                self.stop(stage, kind.name, process, strike.last_ms);
            }
            Act::KillNats => self.kill(stage, kind.name, Some("nats-server")),
            Act::KillRedis => self.kill(stage, kind.name, Some(REDIS)),
            Act::HangRedis => self.stop(stage, kind.name, Some(REDIS), strike.last_ms),
            Act::FlushRedis => self.flush_redis(stage, kind.name).await,
            Act::FreshBooks(_) => self.break_freshbooks(stage, strike, &strike.body).await?,
            Act::BigCommerce(_) => self.break_bigcommerce(stage, strike).await?,
            Act::Reorder(_) => {
                self.overtaken_wanted = true;
                self.break_bigcommerce(stage, strike).await?;
            }
            Act::LateHook => self.place_late(stage, strike).await?,
            Act::StepClock => {
                step_clock(stage, strike.amount).await?;
                self.tally.add(kind.name, 1);
            }
            Act::ExpireTokens => self.expire(stage, strike).await?,
            Act::RenewalTrouble(_) => {
                self.break_freshbooks(stage, strike, &strike.body).await?;
                self.expire(stage, strike).await?;
            }
            Act::LoseRenewal => {
                let lost = json!({ "kind": "reset_after", "match": { "path": "oauth/token" } });
                self.break_freshbooks(stage, strike, &lost).await?;
                self.expire(stage, strike).await?;
                self.reconnect = true;
            }
        }
        Ok(())
    }

    fn kill(&mut self, stage: &Stage, name: &'static str, process: Option<&'static str>) {
        let pid = process.and_then(|process| stage.scene.house.pid(process));
        // One that is just being started again is no live process.
        if pid.is_some_and(|pid| signal(pid, Signal::SIGKILL)) {
            self.tally.add(name, 1);
        }
    }

    async fn kill_twice(&mut self, stage: &Stage, name: &'static str, strike: &Strike) {
        let Some(process) = chosen(&SERVICES, strike.process) else {
            return;
        };
        let house = &stage.scene.house;
        let Some(first) = house.pid(process) else {
            return;
        };
        if !signal(first, Signal::SIGKILL) {
            return;
        }
        let end = Instant::now() + AGAIN_LIMIT;
        while Instant::now() < end {
            if let Some(second) = house.pid(process).filter(|pid| *pid != first) {
                if signal(second, Signal::SIGKILL) {
                    self.tally.add(name, 1);
                }
                return;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    fn stop(
        &mut self,
        stage: &Stage,
        name: &'static str,
        process: Option<&'static str>,
        last_ms: u64,
    ) {
        let found = process.and_then(|process| Some((process, stage.scene.house.pid(process)?)));
        if let Some((process, pid)) = found
            && signal(pid, Signal::SIGSTOP)
        {
            self.stopped.push(Stopped {
                until: Instant::now() + Duration::from_millis(last_ms),
                process,
                pid,
                name,
            });
        }
    }

    /// Lets go on whose time has come.
    pub(super) fn wake(&mut self, stage: &Stage) {
        let now = Instant::now();
        let (due, waiting) = std::mem::take(&mut self.stopped)
            .into_iter()
            .partition(|stopped| stopped.until <= now);
        self.stopped = waiting;
        let due: Vec<Stopped> = due;
        for Stopped {
            process, pid, name, ..
        } in due
        {
            // A process that was killed meanwhile did not come back to old work.
            let lives = stage.scene.house.pid(process) == Some(pid);
            if lives && signal(pid, Signal::SIGCONT) {
                self.tally.add(name, 1);
            }
        }
    }

    /// When the next stopped process goes on.
    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.stopped.iter().map(|stopped| stopped.until).min()
    }

    async fn flush_redis(&mut self, stage: &Stage, name: &'static str) {
        // Redis may be down or hang by another fault; then there is nothing to flush.
        let flushed = tokio::time::timeout(Duration::from_secs(1), flush(stage)).await;
        if matches!(flushed, Ok(Ok(()))) {
            self.tally.add(name, 1);
        }
    }

    async fn break_freshbooks(
        &mut self,
        stage: &Stage,
        strike: &Strike,
        body: &Value,
    ) -> anyhow::Result<()> {
        let mut body = body.clone();
        let merchant = MERCHANTS.get(strike.merchant).context("no such merchant")?;
        body["account_id"] = merchant.account_id.into();
        let url = format!("{}/_sandbox/faults", stage.scene.at.freshbooks);
        self.arm(stage, &url, &body, (Vendor::FreshBooks, strike.name))
            .await
    }

    async fn break_bigcommerce(&mut self, stage: &Stage, strike: &Strike) -> anyhow::Result<()> {
        let mut body = strike.body.clone();
        let merchant = MERCHANTS.get(strike.merchant).context("no such merchant")?;
        body["match"]["store_hash"] = merchant.store_hash.into();
        let url = format!("{}/_sandbox/faults", stage.scene.at.bigcommerce);
        self.arm(stage, &url, &body, (Vendor::BigCommerce, strike.name))
            .await
    }

    async fn arm(
        &mut self,
        stage: &Stage,
        url: &str,
        body: &Value,
        (vendor, name): (Vendor, &'static str),
    ) -> anyhow::Result<()> {
        let armed = stage.scene.http.post(url, body).await?;
        let id = armed.get("id").and_then(Value::as_u64);
        self.armed
            .insert((vendor, id.context("a fault without an id")?), name);
        Ok(())
    }

    async fn place_late(&mut self, stage: &Stage, strike: &Strike) -> anyhow::Result<()> {
        let merchant = MERCHANTS.get(strike.merchant).context("no such merchant")?;
        let then = Timestamp::now().checked_sub(strike.amount.hours())?;
        let request = json!({ "kind": "paid_card_one_line", "hooks": "none",
            "seed": strike.process % 1_000_000, "created_at": then.to_string() });
        let scene = &stage.scene;
        let placed = orders::place(&scene.http, &scene.at, *merchant, &request).await?;
        let age_s = strike.amount.saturating_mul(3_600);
        self.late.push((placed, age_s));
        Ok(())
    }

    async fn expire(&mut self, stage: &Stage, strike: &Strike) -> anyhow::Result<()> {
        let renewed = renewals(stage, strike.merchant).await?;
        self.expired.entry(strike.merchant).or_insert(renewed);
        let merchant = MERCHANTS.get(strike.merchant).context("no such merchant")?;
        let url = merchant.account_url(&stage.scene.at, "expire_access_tokens");
        stage.scene.http.post(&url, &Value::Null).await.map(drop)
    }

    /// Ends every fault: what is stopped goes on, the sandboxes behave, the clock is right again.
    /// What they struck is counted.
    pub(super) async fn end(&mut self, stage: &Stage) -> anyhow::Result<()> {
        while let Some(until) = self.next_wake() {
            tokio::time::sleep_until(until).await;
            self.wake(stage);
        }
        let at = &stage.scene.at;
        for (vendor, base) in [
            (Vendor::BigCommerce, &at.bigcommerce),
            (Vendor::FreshBooks, &at.freshbooks),
        ] {
            let url = format!("{base}/_sandbox/faults");
            let told = stage.scene.http.get(&url).await?;
            stage.scene.http.delete(&url).await?;
            self.count(vendor, &told);
        }
        step_clock(stage, 0).await?;
        if self.reconnect {
            stage.connect_again().await?;
            for service in SERVICES {
                for process in processes_of(service) {
                    if let Some(pid) = stage.scene.house.pid(process) {
                        signal(pid, Signal::SIGKILL);
                    }
                }
            }
        }
        Ok(())
    }

    /// FreshBooks counts in `hits`, BigCommerce in `struck`.
    fn count(&mut self, vendor: Vendor, told: &Value) {
        let rows = told.get("faults").unwrap_or(told).as_array();
        for row in rows.into_iter().flatten() {
            let number = |key: &str| row.get(key).and_then(Value::as_u64);
            let struck = number("hits").or_else(|| number("struck")).unwrap_or(0);
            let id = number("id").unwrap_or(0);
            let Some(name) = self.armed.get(&(vendor, id)).copied() else {
                continue;
            };
            let act = KINDS.iter().find(|kind| kind.name == name);
            match act.map(|kind| kind.act) {
                // Counted by the hooks that were overtaken.
                Some(Act::Reorder(_)) => {}
                _ => self.tally.add(name, struck),
            }
        }
    }

    /// Tells of the orders of hours ago.
    pub(super) async fn tell_late(&self, stage: &Stage) -> anyhow::Result<()> {
        for (placed, age_s) in &self.late {
            let id = placed.order_id;
            let hook = json!({ "scope": "store/order/created", "order_id": id, "age_s": age_s,
                "data": { "type": "order", "id": id } });
            let url = placed.merchant.store_url(&stage.scene.at, "hooks/fire");
            stage.scene.http.post(&url, &hook).await?;
        }
        Ok(())
    }

    /// Counts what only the end shows: hooks that were overtaken or late, tokens renewed.
    pub(super) async fn conclude(&mut self, stage: &Stage) -> anyhow::Result<()> {
        for merchant in &MERCHANTS {
            let url = merchant.store_url(&stage.scene.at, "deliveries?limit=100000");
            let told = stage.scene.http.get(&url).await?;
            let rows = told.get("deliveries").and_then(Value::as_array);
            let rows = rows.context("no list of deliveries")?;
            if self.overtaken_wanted {
                self.tally
                    .add("hook overtaken by a later one", overtaken(rows));
            }
            let of_merchant = self.late.iter();
            let late = of_merchant.filter(|(placed, _)| placed.merchant.name == merchant.name);
            let came = late.filter(|(placed, _)| is_acknowledged(rows, placed.order_id));
            let came = u64::try_from(came.count()).unwrap_or(0);
            self.tally.add("hook hours late", came);
        }
        for (merchant, before) in std::mem::take(&mut self.expired) {
            let renewed = renewals(stage, merchant).await?.saturating_sub(before);
            self.tally.add("tokens expire, renewals race", renewed);
        }
        Ok(())
    }
}

fn chosen(all: &[&'static str], throw: u64) -> Option<&'static str> {
    let place = throw.checked_rem(u64::try_from(all.len()).ok()?)?;
    all.get(usize::try_from(place).ok()?).copied()
}

/// False when there is no such process any more.
fn signal(pid: u32, signal: Signal) -> bool {
    kill(Pid::from_raw(pid.cast_signed()), signal).is_ok()
}

async fn flush(stage: &Stage) -> anyhow::Result<()> {
    let url = stage.scene.house.redis_url().context("no Redis of ours")?;
    let address = url.trim_start_matches("redis://").trim_end_matches('/');
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"FLUSHALL\r\n").await?;
    let mut reply = [0_u8; 5];
    stream.read_exact(&mut reply).await?;
    anyhow::ensure!(&reply == b"+OK\r\n", "Redis refused to be flushed");
    Ok(())
}

async fn step_clock(stage: &Stage, ahead_s: i64) -> anyhow::Result<()> {
    let url = format!("{}/_sandbox/clock", stage.scene.at.bigcommerce);
    let body = json!({ "ahead_s": ahead_s });
    stage.scene.http.put(&url, &body).await.map(drop)
}

/// Calls to the account's token endpoint so far.
async fn renewals(stage: &Stage, merchant: usize) -> anyhow::Result<u64> {
    let merchant = MERCHANTS.get(merchant).context("no such merchant")?;
    let url = merchant.account_url(&stage.scene.at, "calls");
    let calls = stage.scene.http.get(&url).await?;
    let count = calls.pointer("/totals/token").and_then(Value::as_u64);
    count.context("no count of token calls")
}

fn is_acknowledged(rows: &[Value], order_id: u64) -> bool {
    rows.iter().any(|row| {
        row.get("order_id").and_then(Value::as_u64) == Some(order_id)
            && row.get("outcome").and_then(Value::as_str) == Some("acknowledged")
    })
}

/// Hooks that were acknowledged after a hook of something later about the same order; the newest
/// delivery is first.
fn overtaken(rows: &[Value]) -> u64 {
    let mut newest: BTreeMap<u64, u64> = BTreeMap::new();
    let mut count = 0_u64;
    for row in rows.iter().rev() {
        let number = |key: &str| row.get(key).and_then(Value::as_u64);
        let acknowledged = row.get("outcome").and_then(Value::as_str) == Some("acknowledged");
        let (Some(order), Some(event), true) = (number("order_id"), number("event"), acknowledged)
        else {
            continue;
        };
        let latest = newest.entry(order).or_insert(event);
        if event < *latest {
            count = count.saturating_add(1);
        }
        *latest = event.max(*latest);
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_is_overtaken_when_a_later_event_of_its_order_was_acknowledged_before() {
        let row = |order: u64, event: u64, outcome: &str| json!({ "order_id": order, "event": event, "outcome": outcome });
        let newest_first = [
            row(100, 1, "acknowledged"),
            row(101, 3, "acknowledged"),
            row(100, 4, "acknowledged"),
            row(100, 2, "will_retry"),
        ];
        assert_eq!(overtaken(&newest_first), 1);
    }
}

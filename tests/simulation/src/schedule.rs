//! One schedule: what strikes while the orders are booked, the calm after it, and the verdict.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::bucket::{Kind, Shelf};
use crate::fault::Fault;
use crate::feed::{self, Order};
use crate::library::Library;
use crate::plant::Plant;
use crate::process::House;
use crate::streams::Streams;
use crate::vendor::Vendor;
use crate::verdict;
use crate::world::{World, surround};

/// How a schedule is run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    pub plant: Option<Plant>,
    /// Nothing strikes.
    pub calm: bool,
    /// Keep a trace for people.
    pub traced: bool,
}

/// A schedule in which everything held.
#[derive(Clone, Debug, Default)]
pub struct Passed {
    pub struck: BTreeMap<Fault, u64>,
    pub orders: u64,
    /// Of each order's ledger entry at the end, as stored.
    pub entry_bytes: Vec<usize>,
    pub trace: Vec<String>,
}

/// A schedule in which something did not hold.
#[derive(Clone, Debug)]
pub struct Broken {
    pub seed: u64,
    pub what: Vec<String>,
    pub trace: Vec<String>,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for line in &self.trace {
            writeln!(f, "{line}")?;
        }
        writeln!(f, "seed {} broke:", self.seed)?;
        for what in &self.what {
            writeln!(f, "  {what}")?;
        }
        Ok(())
    }
}

/// Longest that faults go on.
const STORMY: Duration = Duration::from_secs(15 * 60);
/// Longest until everything must be at rest after that.
const QUIET_LIMIT: Duration = Duration::from_secs(6 * 3_600);
/// Older than any absence that is still trusted.
const ABSENCE_OVER: Duration = Duration::from_secs(65);

/// Runs the schedule of a seed; the same seed is the same schedule.
///
/// # Errors
/// What broke, with the trace when one was wanted.
pub fn run(library: &Library, seed: u64, settings: Settings) -> Result<Passed, Box<Broken>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            return Err(Box::new(Broken {
                seed,
                what: vec![format!("no runtime: {error}")],
                trace: Vec::new(),
            }));
        }
    };
    let (world, mut passed) = runtime.block_on(async {
        let world = World::new(seed, settings.plant, settings.calm, settings.traced);
        let guard = surround(&world, seed);
        let passed = play(&world, library).await;
        drop(guard);
        (world, passed)
    });
    drop(runtime);
    let (what, struck, trace) = world.end();
    if !what.is_empty() {
        return Err(Box::new(Broken { seed, what, trace }));
    }
    passed.struck = struck;
    passed.trace = trace;
    Ok(passed)
}

async fn play(world: &Arc<World>, library: &Library) -> Passed {
    let vendor = Vendor::open(world);
    let streams = Streams::new(world);
    let shelves =
        [Kind::Ledger, Kind::Tokens, Kind::Connections].map(|kind| Shelf::new(kind, world));
    let house = House::new(world, &vendor, &streams, shelves);
    let orders = feed::choose(&house, library);
    world.trace(|| {
        let named: Vec<_> = orders.iter().map(|one| (one.class, &one.id)).collect();
        format!("orders {named:?}, settle {} s", world.settle.as_secs())
    });
    for number in 1..=world.between(1, 3) {
        tokio::spawn(Arc::clone(&house).keep_running(usize::try_from(number).unwrap_or(0)));
    }
    tokio::spawn(weather(Arc::clone(&house), orders.clone()));
    tokio::spawn(person(Arc::clone(&house)));
    let hinted = orders
        .iter()
        .map(|order| feed::hint(Arc::clone(&house), order.clone()));
    let hinted: Vec<_> = hinted.map(tokio::spawn).collect();
    let storm_ends = Instant::now() + STORMY;
    for hints in hinted {
        drop(hints.await);
    }
    wait_for_rest(&house, storm_ends).await;
    world.calm();
    world.trace(|| "calm".to_owned());
    let rested = wait_for_rest(&house, Instant::now() + QUIET_LIMIT).await;
    if world.has_lost_ledger() {
        // With the ledger went the versions of the states that were booked: after such a loss
        // every order is run through once more (a backfill).
        for order in &orders {
            feed::hint_last(&house, order);
        }
    }
    if !rested || !wait_for_rest(&house, Instant::now() + QUIET_LIMIT).await {
        world.broken(format!(
            "not at rest after {} h of calm: {} messages are under way",
            QUIET_LIMIT.as_secs() / 3_600,
            house.streams.unsettled()
        ));
    }
    // What was sent by the dead lands before the books are read.
    tokio::time::sleep(world.settle).await;
    verdict::judge(&house, &orders);
    Passed {
        orders: orders.len() as u64,
        entry_bytes: verdict::entry_bytes(&house),
        ..Passed::default()
    }
}

/// Whether nothing was under way any more before `limit`, or something broke.
async fn wait_for_rest(house: &House, limit: Instant) -> bool {
    while house.streams.unsettled() > 0 && !house.world.is_broken() {
        if Instant::now() >= limit {
            return false;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    true
}

/// Troubles that come from outside of any single request.
async fn weather(house: Arc<House>, orders: Vec<Order>) {
    let world = &house.world;
    let mut backup = house.ledger.backup();
    loop {
        tokio::time::sleep(world.millis(500, 60_000)).await;
        if world.is_calm() {
            return;
        }
        if world.between(0, 4) == 0 {
            backup = house.ledger.backup();
        }
        if world.strikes(Fault::TokensEnded) {
            house.vendor.end_access_tokens();
        }
        if world.strikes(Fault::ClockStep) {
            // Machines may differ by a thirty-second of the settle delay in all.
            let most = i64::try_from(world.settle.as_millis() / 64).unwrap_or(0);
            let drawn = i64::try_from(world.between(0, most.unsigned_abs() * 2)).unwrap_or(0);
            for life in house.lives().iter().take(1) {
                life.step(drawn - most);
            }
        }
        if world.draws(Fault::EntryLost) {
            lose_entry(&house, &orders).await;
        }
        if world.strikes(Fault::LedgerLost) {
            while_closed(&house, || house.ledger.lose(|_| true)).await;
        }
        if world.strikes(Fault::LedgerRestored) {
            let backup = backup.clone();
            while_closed(&house, || house.ledger.restore(backup)).await;
        }
    }
}

/// A loss that nobody works through: every process is stopped until what they sent has ended and
/// no absence they read is trusted any more.
async fn while_closed(house: &House, loss: impl FnOnce()) {
    house
        .world
        .trace(|| "the ledger is lost or restored; every process is stopped".to_owned());
    let again = Instant::now() + house.world.settle + ABSENCE_OVER;
    house.close(again);
    tokio::time::sleep_until(again - Duration::from_millis(1)).await;
    loss();
}

/// The entry of an order at rest vanishes, as one does that expired.
async fn lose_entry(house: &House, orders: &[Order]) {
    let world = &house.world;
    let at = world.between(0, orders.len().max(1) as u64 - 1);
    let Some(order) = usize::try_from(at).ok().and_then(|at| orders.get(at)) else {
        return;
    };
    let rest_from = Instant::now();
    while rest_from.elapsed() < world.settle + ABSENCE_OVER {
        if house.streams.is_under_way(&order.id) || house.works_on(&order.id) {
            return;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    if world.is_calm() {
        return;
    }
    world.count(Fault::EntryLost);
    world.trace(|| format!("the ledger loses the entry of order {}", order.id));
    let end = format!(".order.{}", order.id);
    house.ledger.lose(|key| key.ends_with(&end));
}

/// Connects the account again when its grant was lost.
async fn person(house: Arc<House>) {
    let world = &house.world;
    loop {
        tokio::time::sleep(Duration::from_secs(120)).await;
        if house.vendor.take_refusal() {
            world.count(Fault::GrantLost);
            world.trace(|| "a person connects the account again".to_owned());
            house.vendor.grant_anew();
            house.close(Instant::now() + Duration::from_secs(5));
        }
    }
}

//! `cargo xtask books`: the acceptance run. Thousands of orders through the services, their later
//! changes too, then `tillbook prove` for every connection and the sandbox's own dump of the books.
//!
//! Rooms: [`stores`] (the merchants), [`plan`] (which orders go where), [`rest`] (until nothing is
//! under way),
//! [`person`] (who works in FreshBooks beside it), [`table`]. Not here: what the books should be, which the store's own figures say.

mod person;
mod plan;
mod rest;
mod stores;
mod table;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};
use tokio::time::Instant;

use self::plan::Choice;
use crate::shops::compare;
use crate::shops::dump::Books;
use crate::shops::orders::{self, Placed};
use crate::shops::print;
use crate::shops::proof::{self, Proof};
use crate::shops::scene::{self, Ports, Scene, Wanted};
use crate::shops::world::Configuration;

/// Bring thousands of orders into the sandboxes' books, change them as their kinds foresee, prove.
///
/// Runs every service as its own process, as `demo` does. Places orders of every kind in stores of
/// eight currencies, with prices before and with tax, until at least --orders of them match in
/// the end; makes their later changes happen (captures, edits, refunds, cancellations, deletions);
/// waits until all is at rest. Then `tillbook prove` must find no difference in any connection, and
/// the sandbox's dump of the books must agree with the stores, order by order.
///
/// Orders of kinds that the accounting policy may hold are in two stores of their own: there the
/// proof must name exactly those that are held.
///
/// With --person a person then works in FreshBooks by hand, by the seed: types, edits, moves and
/// deletes invoices, payments, credit notes and clients. The proof must name every one of their
/// deeds and nothing else, and what they typed for themselves must stand untouched.
///
/// Exits with 0 only when all of that is so.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// How many orders must match in the end, at least.
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    orders: u32,
    /// Where the seeds start; the same seed gives the same orders.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Build and run with optimisation.
    #[arg(long)]
    release: bool,
    /// Let a person work in FreshBooks before the proof, which must name their deeds alone.
    #[arg(long, conflicts_with = "plant_fault")]
    person: bool,
    /// About how many deeds; by default one for each five orders.
    #[arg(long, requires = "person")]
    person_deeds: Option<u32>,
    /// Change an invoice by hand before the proof: the run must then fail.
    #[arg(long, hide_short_help = true)]
    plant_fault: bool,
}

/// Orders are dated over so many days up to today.
const DAYS: usize = 14;
/// Placed beyond what is asked for, a part and a few: what stands of an order that was archived
/// before any money came is no matter of the proof.
const MORE_PART: u32 = 50;
const MORE: u32 = 2;
/// Changes that one order's kind may foresee.
const CHANGES_MAX: usize = 10;

/// What the run did and found, for the table.
struct Found {
    compared: compare::Compared,
    /// Of every merchant, in their order, with what is wrong with it.
    proofs: Vec<(Proof, Vec<String>)>,
    changes: usize,
    /// By merchant; empty without a person.
    person: BTreeMap<&'static str, person::Work>,
    /// Calls that created something in FreshBooks, and calls that it refused for their rate.
    creates: u64,
    throttled: u64,
    /// From the first order placed to the last at rest.
    carried: Duration,
    /// All proofs together.
    proved: Duration,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let wanted = Wanted {
        name: "books",
        profile: if arguments.release { "release" } else { "dev" },
        merchants: &stores::MERCHANTS,
        ports: Ports::default(),
        may_be_stopped: false,
        configuration: Configuration::default(),
    };
    scene::run(&wanted, async |scene: &Scene| work(arguments, scene).await)
}

async fn work(arguments: &Arguments, scene: &Scene) -> anyhow::Result<bool> {
    scene.hooks().await?;
    let kinds = orders::kinds(&scene.http, &scene.at).await?;
    let wanted = arguments.orders;
    let more = wanted.checked_div(MORE_PART).unwrap_or(0);
    let count = wanted.saturating_add(more).saturating_add(MORE);
    let chosen = plan::choose(
        &kinds,
        &scene.holds,
        stores::parted(),
        usize::try_from(count).context("too many orders")?,
        arguments.seed,
    );
    let began = Instant::now();
    let mut placed = place(scene, &chosen).await?;
    rest::until(scene, &placed).await?;
    let changes = change(scene, &mut placed).await?;
    let carried = began.elapsed();
    let (creates, throttled) = calls(scene).await?;
    let settled = compare::until_right(scene, &placed).await?;
    if arguments.plant_fault {
        plant_fault(scene, &settled).await?;
    }
    let mut person = BTreeMap::new();
    if arguments.person {
        let deeds = arguments.person_deeds.unwrap_or(wanted.div_ceil(5));
        let deeds = usize::try_from(deeds).context("too many deeds")?;
        let (main, _) = stores::parted();
        person = person::work(scene, main, &settled.rows, (deeds, arguments.seed)).await?;
    }
    let began = Instant::now();
    let proofs = prove(scene, &settled, &person).await?;
    let proved = began.elapsed();
    // Once more: the proof writes nothing, and what it read is what is compared. After a person's
    // deeds the books are theirs, and what stood before them is what is compared.
    let compared = match arguments.person {
        true => settled,
        false => compare::once(scene, &placed).await?,
    };
    let found = Found {
        proved,
        compared,
        person,
        proofs,
        changes,
        creates,
        throttled,
        carried,
    };
    print(&table::render(scene.merchants, &found, wanted))?;
    Ok(table::is_right(&found, wanted))
}

async fn place(scene: &Scene, chosen: &[Choice<'_>]) -> anyhow::Result<Vec<Placed>> {
    let began = Instant::now();
    let now = Timestamp::now();
    let mut placed = Vec::with_capacity(chosen.len());
    for (number, choice) in chosen.iter().enumerate() {
        let days = i64::try_from(number % DAYS).unwrap_or(0);
        let hours = days.saturating_mul(24);
        let created = now
            .checked_sub(hours.hours())
            .context("the clock is at its beginning")?;
        let request = json!({
            "kind": choice.kind.name, "seed": choice.seed, "hooks": "storm",
            "created_at": created.to_string(),
        });
        placed.push(orders::place(&scene.http, &scene.at, choice.merchant, &request).await?);
    }
    eprintln!(
        "placed {} orders of {} kinds in {} stores within {} s",
        placed.len(),
        orders::variety(&placed),
        scene.merchants.len(),
        began.elapsed().as_secs()
    );
    Ok(placed)
}

/// Makes every change that the kinds foresee happen, one of each order at a time, each when the one
/// before has come to rest. How many there were.
async fn change(scene: &Scene, placed: &mut [Placed]) -> anyhow::Result<usize> {
    let mut count = 0_usize;
    for round in 1..=CHANGES_MAX {
        let mut changed = 0_usize;
        for order in placed.iter_mut().filter(|order| order.changes_left > 0) {
            *order = orders::change(&scene.http, &scene.at, order).await?;
            changed = changed.saturating_add(1);
        }
        if changed == 0 {
            return Ok(count);
        }
        eprintln!("{changed} orders changed, for the {round}. time");
        count = count.saturating_add(changed);
        rest::until(scene, placed).await?;
    }
    bail!("a kind foresees more than {CHANGES_MAX} changes; raise CHANGES_MAX");
}

/// Creating calls to all accounts, and calls refused for their rate.
async fn calls(scene: &Scene) -> anyhow::Result<(u64, u64)> {
    let mut sums = (0_u64, 0_u64);
    for merchant in scene.merchants {
        let calls = scene
            .http
            .get(&merchant.account_url(&scene.at, "calls"))
            .await?;
        let count = |sort: &str| {
            calls
                .pointer(&format!("/totals/{sort}"))
                .and_then(Value::as_u64)
        };
        let (creates, throttled) = (count("creates"), count("throttled"));
        sums.0 = sums.0.saturating_add(creates.context("no creates")?);
        sums.1 = sums.1.saturating_add(throttled.context("no throttled")?);
    }
    Ok(sums)
}

async fn prove(
    scene: &Scene,
    compared: &compare::Compared,
    person: &BTreeMap<&'static str, person::Work>,
) -> anyhow::Result<Vec<(Proof, Vec<String>)>> {
    let mut proofs = Vec::new();
    for merchant in scene.merchants {
        let rows = compared.rows.iter();
        let rows: Vec<_> = rows
            .filter(|row| row.placed.merchant.name == merchant.name)
            .collect();
        let proof = proof::run(scene, merchant).await?;
        let faults = match person.get(merchant.name) {
            Some(work) => {
                let mut faults = person::faults(&proof, work);
                faults.extend(person::disturbed(scene, merchant, work).await?);
                faults
            }
            None => proof::faults(&proof, &rows),
        };
        eprintln!(
            "{} proved: exit code {}, {} match, {} do not, {} s",
            merchant.name,
            proof.exit,
            proof.matching,
            proof.findings.len(),
            proof.took.as_secs()
        );
        proofs.push((proof, faults));
    }
    Ok(proofs)
}

/// Does what a person could in FreshBooks: another price on an invoice.
async fn plant_fault(scene: &Scene, compared: &compare::Compared) -> anyhow::Result<()> {
    let (main, _) = stores::parted();
    let merchant = main.first().context("no merchant")?;
    let of_merchant = compared.rows.iter();
    let mut of_merchant = of_merchant.filter(|row| row.placed.merchant.name == merchant.name);
    let row = of_merchant.find(|row| row.invoice.is_some());
    let row = row.with_context(|| format!("{} has no invoice to change", merchant.name))?;
    let order_id = row.placed.order_id;
    let books = Books::read(&scene.http, &scene.at, merchant).await?;
    let invoices = books.invoices_of(order_id);
    let invoice = invoices.first().context("the invoice is gone")?;
    let url = merchant.account_url(&scene.at, &format!("invoices/{}/edit_by_hand", invoice.id));
    let line = json!({ "name": "By hand", "qty": 1,
        "unit_cost": { "amount": "7.00", "code": invoice.currency } });
    scene.http.post(&url, &json!({ "lines": [line] })).await?;
    eprintln!("changed invoice {} by hand", invoice.number);
    Ok(())
}

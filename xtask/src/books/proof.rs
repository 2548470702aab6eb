//! `tillbook prove` for one connection, and whether it found exactly what it should.
//!
//! The proof knows nothing of this run. An order that waits for a person, as its kind expects, is
//! `missing` to it; so it must name exactly those, and end with 0 only where there are none.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use jiff::{Timestamp, ToSpan};
use rust_decimal::Decimal;
use serde::Deserialize;

use crate::shops::scene::Scene;
use crate::shops::verdict::{Outcome, Row};
use crate::shops::world::Merchant;

/// Before the first day that any kind of order has.
const FIRST_DAY: &str = "2024-01-01";
/// The pace leaves live orders their share, and there are none: the vendors' own limits bound it.
const UNPACED: &str = "600000";
/// A proof that takes longer than this hangs.
const LIMIT: Duration = Duration::from_secs(600);

/// What the command said.
#[derive(Debug)]
pub(super) struct Proof {
    pub(super) exit: i32,
    pub(super) orders: u64,
    pub(super) matching: u64,
    /// Orders that do not match, with the codes of their causes.
    pub(super) findings: BTreeMap<u64, Vec<String>>,
    pub(super) young: usize,
    pub(super) rounded: usize,
    pub(super) totals: BTreeMap<String, Totals>,
    pub(super) took: Duration,
}

/// The sums of all days in one currency.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) orders: u64,
    pub(super) store: Decimal,
    pub(super) books: Decimal,
}

impl Totals {
    pub(super) fn difference(&self) -> Decimal {
        self.books.saturating_sub(self.store)
    }
}

#[derive(Debug, Deserialize)]
struct Report {
    days: BTreeMap<String, Day>,
}

#[derive(Debug, Deserialize)]
struct Day {
    orders: u64,
    matching: u64,
    sums: BTreeMap<String, Sums>,
    findings: Vec<Finding>,
    young: Vec<Finding>,
    rounding: Vec<serde_json::Value>,
}

#[derive(Debug, Deserialize)]
struct Sums {
    orders: u64,
    store_total: String,
    books_total: String,
}

#[derive(Debug, Deserialize)]
struct Finding {
    order_id: u64,
    causes: Vec<Cause>,
}

#[derive(Debug, Deserialize)]
struct Cause {
    code: String,
}

/// Runs the command over every day there is.
pub(super) async fn run(scene: &Scene, merchant: &Merchant) -> anyhow::Result<Proof> {
    let began = Instant::now();
    // The store's day may have begun before that of UTC.
    let tomorrow = Timestamp::now()
        .checked_add(24.hours())
        .context("the clock is at its end")?;
    let to = tomorrow.strftime("%Y-%m-%d").to_string();
    let mut command = scene.house.command();
    command.args(["prove", "--connection", merchant.name]);
    command.args(["--from", FIRST_DAY, "--to", &to]);
    command.args(["--grace-minutes", "0", "--format", "json"]);
    command.args(["--bigcommerce-calls-per-minute", UNPACED]);
    command.args(["--freshbooks-calls-per-minute", UNPACED]);
    command
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true);
    let what = format!("tillbook prove --connection {}", merchant.name);
    let output = tokio::time::timeout(LIMIT, command.output())
        .await
        .with_context(|| format!("{what} did not end within {LIMIT:?}"))?
        .with_context(|| format!("starting {what}"))?;
    let exit = output.status.code();
    ensure!(
        matches!(exit, Some(0 | 1)),
        "{what} could not be finished ({}): {}",
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    let report = serde_json::from_slice(&output.stdout);
    let report = report.with_context(|| format!("reading what {what} printed"))?;
    summed(report, exit.unwrap_or(-1), began.elapsed())
}

fn summed(report: Report, exit: i32, took: Duration) -> anyhow::Result<Proof> {
    let mut proof = Proof {
        exit,
        orders: 0,
        matching: 0,
        findings: BTreeMap::new(),
        young: 0,
        rounded: 0,
        totals: BTreeMap::new(),
        took,
    };
    for day in report.days.into_values() {
        proof.orders = proof.orders.saturating_add(day.orders);
        proof.matching = proof.matching.saturating_add(day.matching);
        proof.young = proof.young.saturating_add(day.young.len());
        proof.rounded = proof.rounded.saturating_add(day.rounding.len());
        for finding in day.findings {
            let codes = finding.causes.into_iter().map(|cause| cause.code);
            let known = proof.findings.entry(finding.order_id).or_default();
            known.extend(codes);
        }
        for (currency, sums) in day.sums {
            let amount = |text: &str| {
                Decimal::from_str(text).with_context(|| format!("the proof's amount {text:?}"))
            };
            let total = proof.totals.entry(currency).or_default();
            total.orders = total.orders.saturating_add(sums.orders);
            total.store = total.store.saturating_add(amount(&sums.store_total)?);
            total.books = total.books.saturating_add(amount(&sums.books_total)?);
        }
    }
    Ok(proof)
}

/// What the proof should have said of these orders and did not; empty when all is well.
pub(super) fn faults(proof: &Proof, rows: &[&Row]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut unlike = |what: &str, found: String, expected: String| {
        if found != expected {
            faults.push(format!("{what}: {found} instead of {expected}"));
        }
    };
    let is_held =
        |row: &&&Row| row.placed.in_books && matches!(row.outcome, Outcome::HeldAsExpected(_));
    let held: BTreeMap<u64, Vec<String>> = rows
        .iter()
        .filter(is_held)
        .map(|row| (row.placed.order_id, vec!["missing".to_owned()]))
        .collect();
    let exit = i32::from(!held.is_empty());
    unlike("exit code", proof.exit.to_string(), exit.to_string());
    unlike("differences", shown(&proof.findings), shown(&held));
    unlike("too young", proof.young.to_string(), "0".to_owned());
    // A proof that looked at too little finds nothing wrong either.
    let in_books = rows.iter().filter(|row| is_proved(row)).count();
    unlike("matching", proof.matching.to_string(), in_books.to_string());
    for (currency, total) in totals(rows) {
        let proved = proof.totals.get(&currency).cloned().unwrap_or_default();
        let words = |total: &Totals| {
            let (orders, store, books) = (total.orders, total.store, total.books);
            let (store, books) = (store.normalize(), books.normalize());
            format!("{orders} orders, store {store}, books {books}")
        };
        unlike(
            &format!("total in {currency}"),
            words(&proved),
            words(&total),
        );
    }
    faults
}

fn shown(findings: &BTreeMap<u64, Vec<String>>) -> String {
    if findings.is_empty() {
        return "none".to_owned();
    }
    let words = findings
        .iter()
        .map(|(id, codes)| format!("{id} {}", codes.join("+")));
    words.collect::<Vec<_>>().join(", ")
}

/// Whether the proof counts the order as matching. What stands of an order that was archived before
/// any money came is left alone, and no matter of the proof.
fn is_proved(row: &Row) -> bool {
    let alone = row.placed.archived && row.placed.paid.is_zero();
    let booked = matches!(row.outcome, Outcome::InBooks | Outcome::InBooksAndHeld(_));
    booked && !alone
}

/// What the proof must come to, by the store's own figures.
fn totals(rows: &[&Row]) -> BTreeMap<String, Totals> {
    let mut totals: BTreeMap<String, Totals> = BTreeMap::new();
    for row in rows {
        let held = row.placed.in_books && row.invoice.is_none();
        if !held && !is_proved(row) {
            continue;
        }
        let net = row.placed.total.saturating_sub(row.placed.refunded);
        let total = totals.entry(row.placed.currency.clone()).or_default();
        total.orders = total.orders.saturating_add(1);
        total.store = total.store.saturating_add(net);
        if !held {
            total.books = total.books.saturating_add(net);
        }
    }
    totals
}

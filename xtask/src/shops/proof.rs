//! `tillbook prove` for one connection, and whether it found exactly what it should.
//!
//! The proof knows nothing of this run. An order that waits for a person, as its kind expects, is
//! `missing` to it, and `held` by Tillbook's own word; so it must name exactly those, and end with
//! 0 only where there are none.

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
pub(crate) struct Proof {
    pub(crate) exit: i32,
    pub(crate) orders: u64,
    pub(crate) matching: u64,
    /// Orders that do not match, and why.
    pub(crate) findings: BTreeMap<u64, Vec<Cause>>,
    pub(crate) young: usize,
    pub(crate) rounded: usize,
    pub(crate) totals: BTreeMap<String, Totals>,
    pub(crate) took: Duration,
}

/// The sums of all days in one currency.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) orders: u64,
    pub(crate) store: Decimal,
    pub(crate) books: Decimal,
}

impl Totals {
    pub(crate) fn difference(&self) -> Decimal {
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
pub(crate) struct Cause {
    code: String,
    words: String,
}

impl Cause {
    pub(crate) fn code(&self) -> &str {
        &self.code
    }
}

/// Runs the command over every day there is.
pub(crate) async fn run(scene: &Scene, merchant: &Merchant) -> anyhow::Result<Proof> {
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
            let known = proof.findings.entry(finding.order_id).or_default();
            known.extend(finding.causes);
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
pub(crate) fn faults(proof: &Proof, rows: &[&Row]) -> Vec<String> {
    let mut faults = differences(proof, rows);
    let mut unlike = |what: &str, found: String, expected: String| {
        if found != expected {
            faults.push(format!("{what}: {found} instead of {expected}"));
        }
    };
    let exit = i32::from(rows.iter().any(|row| is_missing(row)));
    unlike("exit code", proof.exit.to_string(), exit.to_string());
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

/// Orders that the proof names and should not, and those that it should and does not.
fn differences(proof: &Proof, rows: &[&Row]) -> Vec<String> {
    let mut faults = Vec::new();
    for (order_id, causes) in &proof.findings {
        let row = rows.iter().find(|row| row.placed.order_id == *order_id);
        let expected = row.is_some_and(|row| is_missing(row));
        let codes: Vec<&str> = causes.iter().map(|cause| cause.code.as_str()).collect();
        if expected && codes == ["held", "missing"] {
            continue;
        }
        let kind = row.map_or("nobody placed it", |row| row.placed.kind.as_str());
        let causes = causes.iter();
        let causes: Vec<String> = causes
            .map(|cause| format!("{}: {}", cause.code, cause.words))
            .collect();
        faults.push(format!("order {order_id} ({kind}) {}", causes.join(" ")));
    }
    let missing = rows.iter().filter(|row| is_missing(row));
    let overlooked = missing.filter(|row| !proof.findings.contains_key(&row.placed.order_id));
    faults.extend(overlooked.map(|row| {
        let (order_id, kind) = (row.placed.order_id, &row.placed.kind);
        format!("order {order_id} ({kind}) is held, and not named so")
    }));
    faults
}

/// Whether the order belongs in the books and waits for a person, as its kind expects.
fn is_missing(row: &Row) -> bool {
    row.placed.in_books && matches!(row.outcome, Outcome::HeldAsExpected(_))
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
        let held = is_missing(row);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shops::orders::Placed;
    use crate::shops::verdict::Hold;
    use crate::shops::world::tests::MERCHANT;

    fn row(order_id: u64, outcome: Outcome) -> Row {
        let is_booked = matches!(outcome, Outcome::InBooks | Outcome::InBooksAndHeld(_));
        let total = Decimal::new(1_250, 2);
        Row {
            placed: Placed {
                merchant: MERCHANT,
                order_id,
                kind: "paid_card_one_line".to_owned(),
                currency: "USD".to_owned(),
                in_books: outcome != Outcome::AbsentAsExpected,
                total,
                paid: total,
                refunded: Decimal::ONE,
                archived: false,
                changes_left: 0,
                changed_at_ms: 0,
            },
            invoice: is_booked.then(|| order_id.to_string()),
            booked: is_booked.then_some(total),
            paid: total,
            outcome,
        }
    }

    fn held(order_id: u64) -> Row {
        let hold = Hold {
            codes: "sums_do_not_match".to_owned(),
            words: String::new(),
        };
        row(order_id, Outcome::HeldAsExpected(hold))
    }

    /// A proof of one day, as the command prints it.
    fn proof(exit: i32, sums: [&str; 3], matching: u64, findings: &str) -> Proof {
        let [orders, store, books] = sums;
        let text = format!(
            r#"{{"days":{{"2026-11-27":{{"orders":2,"matching":{matching},"findings":[{findings}],
            "young":[],"held":[],"rounding":[],"sums":{{"USD":{{"orders":{orders},
            "store_total":"{store}","books_total":"{books}","store_received":"0",
            "books_received":"0"}}}}}}}}}}"#
        );
        let report = serde_json::from_str(&text).unwrap();
        summed(report, exit, Duration::ZERO).unwrap()
    }

    const MISSING: &str = r#"{"order_id":101,"invoice_number":"101",
        "causes":[{"code":"held","words":"held: sums_do_not_match"},
        {"code":"missing","words":"The order has no invoice."}]}"#;

    fn faults_of(proof: &Proof, rows: &[Row]) -> Vec<String> {
        faults(proof, &rows.iter().collect::<Vec<_>>())
    }

    #[test]
    fn books_without_a_difference_must_prove_with_0() {
        let rows = [
            row(100, Outcome::InBooks),
            row(101, Outcome::AbsentAsExpected),
        ];
        let clean = proof(0, ["1", "11.50", "11.50"], 1, "");
        assert_eq!(faults_of(&clean, &rows), Vec::<String>::new());
        for wrong in [
            proof(1, ["1", "11.50", "11.50"], 1, ""),
            proof(0, ["1", "11.50", "11.50"], 0, ""),
            proof(0, ["1", "11.50", "11.49"], 1, ""),
            proof(1, ["2", "23.00", "11.50"], 1, MISSING),
        ] {
            assert!(!faults_of(&wrong, &rows).is_empty(), "{wrong:?}");
        }
    }

    #[test]
    fn an_order_that_is_held_must_be_the_only_difference() {
        let rows = [row(100, Outcome::InBooks), held(101)];
        let named = proof(1, ["2", "23.00", "11.50"], 1, MISSING);
        assert_eq!(faults_of(&named, &rows), Vec::<String>::new());
        let overlooked = proof(0, ["1", "11.50", "11.50"], 1, "");
        assert!(!faults_of(&overlooked, &rows).is_empty());
        let unexplained = MISSING.replace("held\"", "unknown\"");
        let unexplained = proof(1, ["2", "23.00", "11.50"], 1, &unexplained);
        assert!(!faults_of(&unexplained, &rows).is_empty());
        let other = MISSING.replace("missing", "wrong_total");
        let other = proof(1, ["2", "23.00", "11.50"], 1, &other);
        assert!(!faults_of(&other, &rows).is_empty());
    }
}

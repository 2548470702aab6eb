//! What the run prints: merchants, the proofs' totals, what is held, the verdict.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use super::Found;
use super::stores;
use crate::shops::columns::{lay_out, plain};
use crate::shops::orders::variety;
use crate::shops::verdict::{Outcome, Row};
use crate::shops::world::Merchant;

/// Wrong orders named; the monitor has the rest.
const WRONG_MAX: usize = 40;

/// Whether dump and proofs are as they must be, and as many orders as wanted match by
/// proofs that found nothing else.
pub(super) fn is_right(found: &Found, wanted: u32) -> bool {
    let proofs = found.proofs.iter();
    proofs.clone().all(|(_, faults)| faults.is_empty())
        && proofs.len() == stores::MERCHANTS.len()
        && found.compared.is_right()
        && proved(found) >= u64::from(wanted)
}

/// Orders that match, by proofs that found no difference but a person's deeds.
fn proved(found: &Found) -> u64 {
    let (main, _) = stores::parted();
    let proofs = main.iter().zip(&found.proofs);
    let matching =
        proofs.map(
            |(merchant, (proof, faults))| match found.person.get(merchant.name) {
                // What a person did is named, and it was right before.
                Some(work) if faults.is_empty() => {
                    let touched = u64::try_from(work.orders).unwrap_or(u64::MAX);
                    proof.matching.saturating_add(touched)
                }
                None if proof.exit == 0 => proof.matching,
                _ => 0,
            },
        );
    matching.sum()
}

pub(super) fn render(merchants: &[Merchant], found: &Found, wanted: u32) -> String {
    let mut text = String::new();
    stores_and_proofs(&mut text, merchants, found);
    totals(&mut text, merchants, found);
    held(&mut text, &found.compared.rows);
    deeds(&mut text, found);
    wrong(&mut text, merchants, found);
    verdict(&mut text, merchants, found, wanted);
    text
}

fn stores_and_proofs(text: &mut String, merchants: &[Merchant], found: &Found) {
    let head = [
        "connection",
        "prices",
        "kinds",
        "orders",
        "in books",
        "rightly not",
        "held",
        "wrong",
        "proof: exit",
        "orders",
        "match",
        "by a rounding line",
        "differ",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for (merchant, (proof, _)) in merchants.iter().zip(&found.proofs) {
        let own: Vec<&Row> = of(merchant, found).collect();
        let count = |is: fn(&Outcome) -> bool| {
            let there = own.iter().filter(|row| is(&row.outcome));
            there.count().to_string()
        };
        let prices = if merchant.tax_inclusive {
            "with tax"
        } else {
            "before tax"
        };
        rows.push(vec![
            merchant.name.to_owned(),
            prices.to_owned(),
            variety(own.iter().map(|row| &row.placed)).to_string(),
            own.len().to_string(),
            count(|outcome| matches!(outcome, Outcome::InBooks | Outcome::InBooksAndHeld(_))),
            count(|outcome| *outcome == Outcome::AbsentAsExpected),
            count(|outcome| matches!(outcome, Outcome::HeldAsExpected(_))),
            count(|outcome| !outcome.is_right()),
            proof.exit.to_string(),
            proof.orders.to_string(),
            proof.matching.to_string(),
            proof.rounded.to_string(),
            proof.findings.len().to_string(),
        ]);
    }
    text.push_str(&lay_out(&rows, &[2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]));
}

/// What the proofs came to, a line per connection and currency.
fn totals(text: &mut String, merchants: &[Merchant], found: &Found) {
    let head = [
        "proved",
        "currency",
        "orders",
        "store total",
        "books total",
        "difference",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for (merchant, (proof, _)) in merchants.iter().zip(&found.proofs) {
        for (currency, total) in &proof.totals {
            rows.push(vec![
                merchant.name.to_owned(),
                currency.clone(),
                total.orders.to_string(),
                plain(total.store),
                plain(total.books),
                plain(total.difference()),
            ]);
        }
    }
    text.push('\n');
    text.push_str(&lay_out(&rows, &[2, 3, 4, 5]));
}

/// Orders that wait for a person as their kind expects, by kind and reason.
fn held(text: &mut String, all: &[Row]) {
    let mut counts: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    for row in all {
        let (hold, where_) = match &row.outcome {
            Outcome::HeldAsExpected(hold) => (hold, "not in the books"),
            Outcome::InBooksAndHeld(hold) => (hold, "what is in the books is right"),
            _ => continue,
        };
        let key = (row.placed.kind.as_str(), hold.codes.as_str(), where_);
        let count = counts.entry(key).or_default();
        *count = count.saturating_add(1);
    }
    if counts.is_empty() {
        return;
    }
    let head = ["held as expected", "reason", "", "orders"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(counts.into_iter().map(|((kind, codes, where_), count)| {
        let cells = [kind, codes, where_];
        let mut cells = cells.map(str::to_owned).to_vec();
        cells.push(count.to_string());
        cells
    }));
    text.push('\n');
    text.push_str(&lay_out(&rows, &[3]));
}

fn wrong(text: &mut String, merchants: &[Merchant], found: &Found) {
    let rows = found.compared.rows.iter();
    let wrong = rows.filter(|row| !row.outcome.is_right()).map(|row| {
        let placed = &row.placed;
        let (name, id, kind) = (placed.merchant.name, placed.order_id, &placed.kind);
        format!("{name} order {id} ({kind}): {}", row.outcome.words())
    });
    let strays = found.compared.strays.iter().cloned();
    let proofs = merchants.iter().zip(&found.proofs);
    let faults = proofs.flat_map(|(merchant, (_, faults))| {
        let words = |fault: &String| format!("the proof of {}: {fault}", merchant.name);
        faults.iter().map(words).collect::<Vec<_>>()
    });
    let all: Vec<String> = faults.chain(strays).chain(wrong).collect();
    if all.is_empty() {
        return;
    }
    // Writing into a String cannot fail.
    let _ = writeln!(text, "\n{} things are wrong:", all.len());
    for one in all.iter().take(WRONG_MAX) {
        let _ = writeln!(text, "  {one}");
    }
}

fn verdict(text: &mut String, merchants: &[Merchant], found: &Found, wanted: u32) {
    let rows = &found.compared.rows;
    let currencies: BTreeSet<&str> = rows
        .iter()
        .filter(|row| row.invoice.is_some())
        .map(|row| row.placed.currency.as_str())
        .collect();
    let a_minute = |count: usize, time: Duration| {
        let seconds = usize::try_from(time.as_secs()).unwrap_or(usize::MAX);
        count.saturating_mul(60).checked_div(seconds).unwrap_or(0)
    };
    let _ = writeln!(
        text,
        "\n{} orders of {} kinds in {} stores and {} currencies, changed {} times since: {} a \
         minute, {} until all were at rest, {} creating calls, {} refused for their rate.\n\
         {} match in connections whose proof found no difference, {wanted} are asked for. The \
         proofs took {}.\n{}.",
        rows.len(),
        variety(rows.iter().map(|row| &row.placed)),
        merchants.len(),
        currencies.len(),
        found.changes,
        a_minute(rows.len(), found.carried),
        shown(found.carried),
        found.creates,
        found.throttled,
        proved(found),
        shown(found.proved),
        if is_right(found, wanted) {
            "All is right"
        } else {
            "NOT all is right"
        },
    );
}

/// What the person did, by deed.
fn deeds(text: &mut String, found: &Found) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for deed in found.person.values().flat_map(|work| work.deeds.values()) {
        let count = counts.entry(deed.what).or_default();
        *count = count.saturating_add(1);
    }
    if counts.is_empty() {
        return;
    }
    let mut rows = vec![
        ["a person in FreshBooks", "orders"]
            .map(str::to_owned)
            .to_vec(),
    ];
    let cells = counts.into_iter();
    rows.extend(cells.map(|(what, count)| vec![what.to_owned(), count.to_string()]));
    text.push('\n');
    text.push_str(&lay_out(&rows, &[1]));
}

fn of<'a>(merchant: &'a Merchant, found: &'a Found) -> impl Iterator<Item = &'a Row> {
    let rows = found.compared.rows.iter();
    rows.filter(|row| row.placed.merchant.name == merchant.name)
}

fn shown(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{}:{:02} min", seconds / 60, seconds % 60)
}

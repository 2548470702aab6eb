//! The report as a table for people: one line per class.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::run::{Counts, Report};

/// The most unexplained states that are spelled out.
const SPELLED_OUT: usize = 40;

/// Per class: orders and states, then for each rounding model how the states ended.
pub fn render(report: &Report) -> String {
    let mut text = format!(
        "{:<34} {:>6} {:>6}  {:^23}  {:^23}  {:^23}  {:>8} {:>7}  held as\n",
        "class", "orders", "states", "per line", "per tax", "per invoice", "rounding", "tax off"
    );
    let _ = writeln!(
        text,
        "{:<34} {:>6} {:>6}  {head}  {head}  {head}  {:>8} {:>7}",
        "",
        "",
        "",
        "largest",
        "states",
        head = "exact round  held    not"
    );
    let mut sum = [Counts::default(); 3];
    let mut states = 0_u64;
    for (class, tally) in &report.classes {
        states += tally.states;
        let _ = write!(
            text,
            "{:<34} {:>6} {:>6}",
            class.name, tally.orders, tally.states
        );
        for (counts, all) in tally.models.iter().zip(&mut sum) {
            let _ = write!(text, "  {}", cells(counts));
            all.add(counts);
        }
        let [line, ..] = &tally.models;
        let largest = tally.models.iter().map(|m| m.largest_rounding_minor).max();
        let held: Vec<String> = tally
            .holds
            .iter()
            .map(|(code, n)| format!("{code} {n}"))
            .collect();
        let _ = writeln!(
            text,
            "  {:>8} {:>7}  {}",
            largest.unwrap_or(0),
            line.tax_off,
            held.join(", ")
        );
    }
    let _ = write!(text, "{:<34} {:>6} {states:>6}", "all", report.orders);
    for counts in &sum {
        let _ = write!(text, "  {}", cells(counts));
    }
    let [line, ..] = &sum;
    let largest = sum.iter().map(|m| m.largest_rounding_minor).max();
    let _ = writeln!(text, "  {:>8} {:>7}", largest.unwrap_or(0), line.tax_off);
    footer(report, &sum, &mut text);
    text
}

fn footer(report: &Report, sum: &[Counts; 3], text: &mut String) {
    let off = sum.iter().map(|m| m.largest_tax_off_minor).max();
    let _ = writeln!(
        text,
        "\n{} orders of {} classes, {} currencies, both tax settings, both rounding strategies.\n\
         exact: no rounding line. round: the total is made exact by a rounding line within its \
         bound.\nheld: waits for a person, as its class expects. not: rightly not in the books.\n\
         tax off: the total is exact, the tax inside differs from the store's (per line; at most \
         {} smallest units under any model).",
        report.orders,
        report.classes.len(),
        report.currencies,
        off.unwrap_or(0),
    );
    shares("all stores", sum, text);
    for (setting, counts) in &report.settings {
        shares(setting, counts, text);
    }
    let _ = writeln!(text, "unexplained: {}", report.unexplained.len());
    let mut by_class: BTreeMap<&str, usize> = BTreeMap::new();
    for odd in &report.unexplained {
        *by_class.entry(odd.class).or_default() += 1;
    }
    for (class, count) in by_class {
        let _ = writeln!(text, "  {class}: {count}");
    }
    for odd in report.unexplained.iter().take(SPELLED_OUT) {
        let _ = writeln!(
            text,
            "  {} seed {} [{}] {}",
            odd.class, odd.seed, odd.settings, odd.why
        );
    }
}

/// How many booked states needed a rounding line, by each of FreshBooks' arithmetics.
fn shares(setting: &str, of_models: &[Counts; 3], text: &mut String) {
    let _ = writeln!(text, "{setting}:");
    for (name, counts) in ["per line", "per tax", "per invoice"].iter().zip(of_models) {
        let booked = counts.exact + counts.with_rounding;
        let _ = writeln!(
            text,
            "  {name}: {booked} booked states; rounding line other than 0.00: {}; tax not exact: {}",
            share(counts.with_rounding, booked),
            share(counts.tax_off, booked),
        );
    }
}

/// `12 (0.34 %)`, in whole hundredths of a percent, cut.
fn share(part: u64, whole: u64) -> String {
    let hundredths = (part * 10_000).checked_div(whole).unwrap_or(0);
    format!("{part} ({}.{:02} %)", hundredths / 100, hundredths % 100)
}

fn cells(counts: &Counts) -> String {
    format!(
        "{:>5} {:>5} {:>5} {:>5}",
        counts.exact, counts.with_rounding, counts.held, counts.absent
    )
}

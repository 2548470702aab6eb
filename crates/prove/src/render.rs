//! A report as a table for people, as CSV for spreadsheets; JSON is the report itself.

use std::fmt::Write as _;

use crate::amounts::shown;
use crate::report::{Finding, Note, Report, Sums};

/// The table: a row per day and currency, then what does not match, then what is apart.
pub fn table(report: &Report) -> String {
    let mut text = format!(
        "{}: {} to {}, days in {}\n\n",
        report.connection, report.from, report.to, report.time_zone
    );
    let head = [
        "day",
        "currency",
        "orders",
        "store total",
        "books total",
        "difference",
    ];
    let mut rows: Vec<[String; 6]> = vec![head.map(str::to_owned)];
    for (day, found) in &report.days {
        rows.extend(found.sums.iter().map(|(code, sums)| row(day, code, sums)));
    }
    let totals = report.totals();
    rows.extend(totals.iter().map(|(code, sums)| row("all", code, sums)));
    lay_out(&mut text, &rows);
    let matching: u64 = report.days.values().map(|day| day.matching).sum();
    let differing = report.findings().count();
    let orders: u64 = report.days.values().map(|day| day.orders).sum();
    let apart = |count: fn(&crate::report::Day) -> usize| -> usize {
        report.days.values().map(count).sum()
    };
    let (held, young) = (apart(|day| day.held.len()), apart(|day| day.young.len()));
    let rounding = apart(|day| day.rounding.len());
    // Writing into a String cannot fail.
    let _ = writeln!(
        text,
        "\n{orders} orders: {matching} match, {differing} do not, {held} held, {young} too young; \
         {rounding} match by a rounding line"
    );
    let explained = &report.explained;
    if explained.held > 0 || explained.undone > 0 {
        let _ = writeln!(
            text,
            "Of those that do not match Tillbook holds {}, and an undo took out {}",
            explained.held, explained.undone
        );
    }
    if let Some(why) = &explained.not_asked {
        let _ = writeln!(text, "What Tillbook holds or undid is not named: {why}");
    }
    let _ = writeln!(text, "{}", report.arithmetic.words());
    section(
        &mut text,
        "Do not match",
        &lines(report, |day| &day.findings),
    );
    section(
        &mut text,
        "Too young to say",
        &lines(report, |day| &day.young),
    );
    section(
        &mut text,
        "Held for a person",
        &notes(report, |day| &day.held),
    );
    section(
        &mut text,
        "Rounding lines",
        &notes(report, |day| &day.rounding),
    );
    let _ = writeln!(
        text,
        "\nCalls: {} to BigCommerce, {} to FreshBooks (forecast {} and {})",
        report.calls.bigcommerce,
        report.calls.freshbooks,
        report.forecast.calls.bigcommerce,
        report.forecast.calls.freshbooks
    );
    text
}

fn row(day: &str, currency: &str, sums: &Sums) -> [String; 6] {
    [
        day.to_owned(),
        currency.to_owned(),
        sums.orders.to_string(),
        shown(sums.store_total, currency),
        shown(sums.books_total, currency),
        shown(sums.difference(), currency),
    ]
}

/// Texts to the left, figures to the right.
fn lay_out(text: &mut String, rows: &[[String; 6]]) {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..6).map(width).collect();
    for row in rows {
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let _ = if column < 2 {
                write!(text, "{cell:<width$}  ")
            } else {
                write!(text, "{cell:>width$}  ")
            };
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
}

fn lines(report: &Report, of: fn(&crate::report::Day) -> &Vec<Finding>) -> Vec<String> {
    let days = report.days.iter();
    days.flat_map(|(day, found)| of(found).iter().map(move |one| (day, one)))
        .flat_map(|(day, finding)| {
            finding.causes.iter().map(move |cause| {
                format!(
                    "{day}  order {}  {}: {}",
                    finding.order_id,
                    cause.code.as_str(),
                    cause.words
                )
            })
        })
        .collect()
}

fn notes(report: &Report, of: fn(&crate::report::Day) -> &Vec<Note>) -> Vec<String> {
    let days = report.days.iter();
    days.flat_map(|(day, found)| of(found).iter().map(move |one| (day, one)))
        .map(|(day, note)| {
            format!(
                "{day}  order {}  {}: {}",
                note.order_id, note.code, note.words
            )
        })
        .collect()
}

fn section(text: &mut String, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{title}:");
    for line in lines {
        let _ = writeln!(text, "  {line}");
    }
}

/// One record a day and currency, then one for each cause and note; the first field says which.
pub fn csv(report: &Report) -> String {
    let mut text = String::from(
        "record,day,currency,orders,store_total,books_total,difference,store_received,\
         books_received,order_id,invoice_number,code,words\n",
    );
    for (day, found) in &report.days {
        for (currency, sums) in &found.sums {
            let amount = |value| shown(value, currency);
            record(
                &mut text,
                &[
                    "day",
                    day,
                    currency,
                    &sums.orders.to_string(),
                    &amount(sums.store_total),
                    &amount(sums.books_total),
                    &amount(sums.difference()),
                    &amount(sums.store_received),
                    &amount(sums.books_received),
                    "",
                    "",
                    "",
                    "",
                ],
            );
        }
        for (kind, findings) in [("mismatch", &found.findings), ("young", &found.young)] {
            for finding in findings {
                for cause in &finding.causes {
                    let order = finding.order_id.to_string();
                    let number = finding.invoice_number.as_str();
                    of_order(
                        &mut text,
                        [kind, day, &order, number, cause.code.as_str(), &cause.words],
                    );
                }
            }
        }
        for (kind, notes) in [("held", &found.held), ("rounding", &found.rounding)] {
            for note in notes {
                let order = note.order_id.to_string();
                of_order(&mut text, [kind, day, &order, "", &note.code, &note.words]);
            }
        }
    }
    text
}

fn of_order(text: &mut String, [kind, day, order, number, code, words]: [&str; 6]) {
    record(
        text,
        &[
            kind, day, "", "", "", "", "", "", "", order, number, code, words,
        ],
    );
}

fn record(text: &mut String, cells: &[&str]) {
    let quoted = cells.iter().map(|cell| {
        if cell.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            (*cell).to_owned()
        }
    });
    let line: Vec<String> = quoted.collect();
    text.push_str(&line.join(","));
    text.push('\n');
}

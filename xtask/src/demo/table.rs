//! The table at the end: order → invoice → total → difference.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::shops::columns::{lay_out, plain};
use crate::shops::verdict::Row;

const HEAD: [&str; 9] = [
    "store",
    "order",
    "kind",
    "invoice",
    "store total",
    "books total",
    "difference",
    "paid",
    "outcome",
];
const FIGURES: [usize; 5] = [1, 4, 5, 6, 7];
/// A reason longer than this is cut; the monitor has it in full.
const OUTCOME_CHARS_MAX: usize = 70;

/// The whole table with its sums, a currency a line.
pub(super) fn render(rows: &[Row]) -> String {
    let mut lines = vec![HEAD.map(str::to_owned).to_vec()];
    lines.extend(rows.iter().map(|row| cells(row).to_vec()));
    let mut out = lay_out(&lines, &FIGURES);
    out.push_str(&sums(rows));
    out
}

fn cells(row: &Row) -> [String; 9] {
    let placed = &row.placed;
    let nothing = || "–".to_owned();
    [
        placed.merchant.name.to_owned(),
        placed.order_id.to_string(),
        placed.kind.clone(),
        row.invoice.clone().unwrap_or_else(nothing),
        format!("{} {}", plain(placed.total), placed.currency),
        row.booked.map_or_else(nothing, plain),
        row.difference().map_or_else(nothing, plain),
        if row.booked.is_some() {
            plain(row.paid)
        } else {
            nothing()
        },
        row.outcome
            .words()
            .chars()
            .take(OUTCOME_CHARS_MAX)
            .collect(),
    ]
}

fn sums(rows: &[Row]) -> String {
    let mut sums: BTreeMap<&str, [Decimal; 3]> = BTreeMap::new();
    for row in rows
        .iter()
        .filter(|row| row.placed.in_books || row.booked.is_some())
    {
        let sum = sums.entry(&row.placed.currency).or_default();
        let amounts = [row.placed.total, row.booked.unwrap_or_default(), row.paid];
        for (sum, amount) in sum.iter_mut().zip(amounts) {
            *sum = sum.saturating_add(amount);
        }
    }
    let mut out = String::from("\nSums of what belongs in the books:\n");
    for (currency, [store, books, paid]) in sums {
        let difference = books.saturating_sub(store);
        out.push_str(&format!(
            "  {currency}  store {}  books {}  difference {}  paid {}\n",
            plain(store),
            plain(books),
            plain(difference),
            plain(paid)
        ));
    }
    out
}

//! The most that rounding alone can explain of an order, by the accounting policy's own words.
//!
//! Worked out here from the store's tax rows and the lines in the books, whichever round more often,
//! and never from what Tillbook says its bound is.

use std::collections::BTreeMap;

use domain::books::InvoiceLine;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::Value;

/// For each taxed line half a unit of net with its taxes, and half a unit for each tax on it, cut
/// to whole units of `unit`, one at least; in the books' smallest units, of `decimals`.
pub(crate) fn bound_minor(
    document: &Value,
    lines: &[InvoiceLine],
    unit: Decimal,
    decimals: u32,
) -> u64 {
    let booked = lines.iter().map(|line| {
        let taxes = [&line.tax1, &line.tax2];
        let percents = taxes.into_iter().flatten().map(|tax| tax.percent);
        halves(&percents.collect::<Vec<_>>())
    });
    let halves = booked.sum::<Decimal>().max(halves_of_store(document));
    let units = (halves / Decimal::TWO).trunc().max(Decimal::ONE);
    let minor = units * unit / Decimal::new(1, decimals);
    minor.trunc().to_u64().unwrap_or(u64::MAX)
}

/// Half units of one line under taxes of these percents; none of an untaxed one. A tax compounded
/// on another is counted as one taken on the price and on the other.
fn halves(percents: &[Decimal]) -> Decimal {
    if percents.is_empty() {
        return Decimal::ZERO;
    }
    let factors = percents
        .iter()
        .map(|percent| Decimal::ONE + percent / Decimal::ONE_HUNDRED);
    factors.product::<Decimal>() + Decimal::from(percents.len())
}

/// The same over what the store has taxed: lines, shipping, handling, wrapping and fees.
fn halves_of_store(document: &Value) -> Decimal {
    let rows = |name: &str| {
        document
            .get(name)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    };
    let number = |row: &Value, name: &str| {
        let text = row.get(name).and_then(Value::as_str);
        text.and_then(|text| text.parse::<Decimal>().ok())
            .unwrap_or_default()
    };
    let mut taxed: BTreeMap<String, Vec<Decimal>> = BTreeMap::new();
    for row in rows("taxes") {
        let part = ["line_item_type", "order_product_id", "order_address_id"];
        let part: Vec<String> = part.iter().map(|name| row[*name].to_string()).collect();
        taxed
            .entry(part.join(" "))
            .or_default()
            .push(number(row, "rate"));
    }
    let most = taxed
        .values()
        .map(|rates| halves(rates))
        .max()
        .unwrap_or_default();
    let fees = rows("fees")
        .filter(|fee| !number(fee, "cost_tax").is_zero())
        .count();
    // A fee's taxes have no rows: it is taxed like the line that is taxed most.
    taxed.values().map(|rates| halves(rates)).sum::<Decimal>() + most * Decimal::from(fees)
}

#[cfg(test)]
mod tests {
    use domain::books::LineTax;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_bound_is_the_policys() {
        let dec = |text: &str| text.parse::<Decimal>().unwrap();
        // Two taxes on each of eight lines: (1.08375 or so + 2) halves a line.
        let row = |line: u64, rate: &str| json!({"line_item_type": "item", "order_product_id": line.to_string(), "rate": rate});
        let rows: Vec<Value> = (0..8)
            .flat_map(|line| [row(line, "6.2500"), row(line, "2.1250")])
            .collect();
        let document = json!({ "taxes": rows });
        assert_eq!(bound_minor(&document, &[], dec("0.01"), 2), 12);
        assert_eq!(bound_minor(&document, &[], dec("1"), 2), 1_200);
        // A line without tax explains nothing, and one unit always may be.
        assert_eq!(bound_minor(&json!({}), &[], dec("0.001"), 3), 1);
        let tax = LineTax {
            name: "VAT".to_owned(),
            percent: dec("20"),
        };
        assert_eq!(halves(&[tax.percent]), dec("2.2"));
    }
}

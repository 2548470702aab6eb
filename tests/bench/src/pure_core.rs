//! How many orders of five lines one core turns from JSON values into the next step.
//!
//! The pure core alone: rules, accounting, mapping and difference. No stream, no vendor, no bytes.

use std::time::{Duration, Instant};

use anyhow::ensure;
use domain::account::account;
use domain::difference::{Step, Written, next_step};
use domain::mapping::Mapping;
use domain::policy::Policy;
use domain::validate::read_order;
use serde_json::{Value, json};

use crate::table::{Aim, Milli, Table};

const ROUNDS: usize = 5;

/// Measures the whole way and the part after reading, on this thread alone.
pub(crate) fn measure(orders: u64, table: &mut Table) -> anyhow::Result<()> {
    eprintln!("the pure core, {orders} orders a round");
    let document = document();
    let policy = Policy::default();
    let mapping = Mapping::built_in();
    let written = Written::default();
    let is_created = |read: &domain::validate::ReadOrder| {
        account(&read.order, false, &policy, &mapping)
            .is_ok_and(|books| next_step(&books, &written) == Step::CreateInvoice)
    };
    let whole = per_s(orders, || {
        read_order(&document).is_ok_and(|read| is_created(&read))
    })?;
    let read = read_order(&document).map_err(|faults| anyhow::anyhow!("{faults:?}"))?;
    let after = per_s(orders, || is_created(&read))?;
    table.figure(
        "pure core, orders of five lines on one core",
        Milli::whole(whole),
        "orders/s",
        Aim::AtLeast(Milli::whole(20_000)),
    );
    table.figure(
        "the same after reading: accounting, mapping, difference",
        Milli::whole(after),
        "orders/s",
        Aim::None,
    );
    Ok(())
}

/// Orders a second, the median of some rounds after one that warms up.
fn per_s(orders: u64, mut work: impl FnMut() -> bool) -> anyhow::Result<u64> {
    let mut took = Vec::new();
    for round in 0..=ROUNDS {
        let start = Instant::now();
        for _ in 0..orders {
            ensure!(work(), "the order of the measurement is held");
        }
        if round > 0 {
            took.push(start.elapsed());
        }
    }
    took.sort_unstable();
    let median = took.get(ROUNDS / 2).copied().unwrap_or(Duration::MAX);
    let took_us = u64::try_from(median.as_micros())?.max(1);
    Ok(orders.saturating_mul(1_000_000) / took_us)
}

/// A paid order of five taxed lines, as the vendor writes it.
fn document() -> Value {
    let product = |id: u64| {
        json!({"id": id, "product_id": id, "name": format!("Product {id}"), "sku": format!("SKU-{id}"),
            "type": "physical", "quantity": 2, "price_ex_tax": "19.9900", "price_inc_tax": "21.6400",
            "total_ex_tax": "39.9800", "total_inc_tax": "43.2800", "total_tax": "3.3000",
            "product_options": [{"display_name": "Colour", "display_value": "Red"}]})
    };
    let tax = |id: u64| {
        json!({"order_product_id": id.to_string(), "line_item_type": "item", "name": "State",
            "rate": "8.2500", "priority": 1, "line_amount": "3.3000"})
    };
    json!({
        "order": {"id": 1001, "status_id": 11, "customer_id": 7, "default_currency_code": "USD",
            "date_created": "Thu, 27 Aug 2020 23:47:22 +0000", "total_ex_tax": "199.9000",
            "total_inc_tax": "216.4000", "total_tax": "16.5000", "is_tax_inclusive_pricing": false,
            "billing_address": {"first_name": "Ada", "last_name": "Byron",
                "email": "ada@example.com", "street_1": "1 Mill Lane", "city": "Austin",
                "state": "Texas", "zip": "78701", "country": "United States"}},
        "products": (1..=5).map(product).collect::<Vec<_>>(),
        "taxes": (1..=5).map(tax).collect::<Vec<_>>(),
        "transactions": [{"id": 1, "order_id": "1001", "event": "purchase", "status": "ok",
            "method": "credit_card", "gateway": "stripe", "amount": 216.4, "currency": "USD",
            "date_created": "2020-08-27T23:47:22Z", "credit_card": {"card_type": "visa"}}],
        "store": {"time_zone": "America/New_York"}
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_that_is_measured_is_booked_and_has_five_lines() -> anyhow::Result<()> {
        measure(1, &mut Table::default())?;
        let read = read_order(&document()).map_err(|faults| anyhow::anyhow!("{faults:?}"))?;
        let books = account(&read.order, false, &Policy::default(), &Mapping::built_in())
            .map_err(|holds| anyhow::anyhow!("{holds:?}"))?;
        ensure!(books.invoice.lines.len() == 5, "{:?}", books.invoice.lines);
        ensure!(books.payments.len() == 1, "{:?}", books.payments);
        Ok(())
    }
}

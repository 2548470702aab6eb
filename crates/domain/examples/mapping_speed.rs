//! How long the built-in mapping takes for a five-line order, in microseconds.
//!
//! Run with `cargo run --release -p domain --example mapping_speed`.
#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use domain::accounting::{Entry, EntrySource, Receipt};
use domain::books::{LineKind, LineTax};
use domain::mapping::{Mapping, Sources};
use domain::money::{Currency, Money};
use domain::order::{Address, Order, Totals};
use rust_decimal::Decimal;

const ORDERS_PER_BATCH: u32 = 1_000;
const BATCHES: usize = 201;

fn address() -> Address {
    Address {
        first_name: "Ada".into(),
        last_name: "Lovelace".into(),
        company: "Analytical Engines".into(),
        street_1: "1 Main St".into(),
        street_2: "Floor 2".into(),
        city: "Springfield".into(),
        state: "Illinois".into(),
        zip: "62701".into(),
        country: "United States".into(),
        phone: "555-0100".into(),
        email: "ada@example.com".into(),
        ..Address::default()
    }
}

fn order(currency: Currency) -> Order {
    Order {
        id: 1234,
        status_id: 11,
        status: "Awaiting Fulfillment".into(),
        custom_status: String::new(),
        customer_id: Some(5),
        currency,
        is_deleted: false,
        tax_inclusive: false,
        created_at_s: 1_767_236_400,
        modified_at_s: 1_767_236_400,
        totals: Totals::default(),
        billing_address: address(),
        shipping_addresses: vec![address()],
        products: Vec::new(),
        taxes: Vec::new(),
        coupons: Vec::new(),
        fees: Vec::new(),
        transactions: Vec::new(),
        refunds: Vec::new(),
        payment_method: "Credit Card".into(),
        payment_provider_id: String::new(),
        payment_status: "captured".into(),
        customer_message: "Leave at the door".into(),
        staff_notes: String::new(),
        order_source: "www".into(),
        external_id: "PO-9".into(),
        external_order_id: String::new(),
        channel_id: "1".into(),
        store_time_zone: "America/New_York".into(),
        store_decimals: None,
    }
}

fn entry(number: i64) -> Entry {
    Entry {
        kind: LineKind::Product,
        name: format!("Product {number}"),
        description: "Colour: red, Size: M".into(),
        sku: format!("SKU-{number}"),
        options: String::new(),
        quantity: Decimal::from(number),
        unit_cost: Decimal::new(1999, 2),
        tax1: Some(LineTax {
            name: "State".into(),
            percent: Decimal::new(6, 0),
        }),
        tax2: Some(LineTax {
            name: "County".into(),
            percent: Decimal::new(125, 2),
        }),
        compounded: false,
        source: EntrySource::default(),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let currency = Currency::from_code("USD")?;
    let order = order(currency);
    let entries: Vec<_> = (1..=5).map(entry).collect();
    let receipts = [Receipt {
        key: "txn:4711".into(),
        amount: Money::exact(Decimal::new(6977, 2), currency)?,
        date: "2026-01-01".into(),
        kind: "VISA".into(),
        gateway: "stripe".into(),
        method: "credit_card".into(),
        transaction_id: "4711".into(),
        gateway_transaction_id: "ch_1".into(),
        label: String::new(),
    }];
    let sources = Sources {
        order: &order,
        entries: &entries,
        receipts: &receipts,
        number: "BC-1234",
        create_date: "2026-01-01",
    };
    let mapping = Mapping::built_in();
    let mapped = mapping
        .evaluate(&sources)
        .map_err(|faults| format!("{faults:?}"))?;
    let mut batches = Vec::with_capacity(BATCHES);
    for _ in 0..BATCHES {
        let start = Instant::now();
        for _ in 0..ORDERS_PER_BATCH {
            black_box(mapping.evaluate(black_box(&sources)).is_ok());
        }
        batches.push(start.elapsed() / ORDERS_PER_BATCH);
    }
    batches.sort_unstable();
    let (fastest, median) = (batches[0].as_nanos(), batches[BATCHES / 2].as_nanos());
    let fields = mapped.client.len() + mapped.invoice.len();
    println!(
        "{} lines, {fields} client and invoice fields",
        mapped.lines.len()
    );
    println!(
        "µs per order: median {}.{:02}",
        median / 1000,
        median % 1000 / 10
    );
    println!(
        "              fastest {}.{:02}",
        fastest / 1000,
        fastest % 1000 / 10
    );
    Ok(())
}

//! An order to map, and what the groups of tests share.

mod documents;
mod evaluation;
mod properties;

use rust_decimal::Decimal;

use crate::accounting::{Entry, EntrySource, Receipt};
use crate::books::{LineKind, LineTax};
use crate::money::{Currency, Money};
use crate::order::{Address, Amounts, FormField, Order, ProductLine, ProductOption, Totals};

use super::{Mapped, Mapping, MappingFault, Sources};

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn usd() -> Currency {
    Currency::from_code("USD").unwrap()
}

fn amounts(ex_tax: &str, inc_tax: &str, tax: &str) -> Amounts {
    Amounts {
        ex_tax: decimal(ex_tax),
        inc_tax: decimal(inc_tax),
        tax: decimal(tax),
    }
}

fn order() -> Order {
    let billing_address = Address {
        first_name: "Ada".into(),
        last_name: "Núñez".into(),
        company: String::new(),
        street_1: "1 Main St".into(),
        city: " Springfield ".into(),
        state: "Illinois".into(),
        zip: "62701".into(),
        country: "United States".into(),
        country_iso2: "US".into(),
        phone: "555-0100".into(),
        email: "ada@example.com".into(),
        form_fields: vec![
            FormField {
                name: "VAT no.".into(),
                value: "X123".into(),
            },
            FormField {
                name: "Boxes".into(),
                value: "three".into(),
            },
        ],
        ..Address::default()
    };
    let shipping = Address {
        street_1: "2 Dock Rd".into(),
        city: "Peoria".into(),
        ..Address::default()
    };
    Order {
        id: 1234,
        status_id: 11,
        status: "Awaiting Fulfillment".into(),
        custom_status: String::new(),
        customer_id: None,
        currency: usd(),
        is_deleted: false,
        tax_inclusive: false,
        // 2026-01-01 03:00 UTC, still the last day of 2025 in New York.
        created_at_s: 1_767_236_400,
        modified_at_s: 1_767_236_400,
        totals: Totals {
            shipping: amounts("5.0000", "5.0000", "0"),
            total: amounts("64.97", "69.77", "4.80"),
            ..Totals::default()
        },
        billing_address,
        shipping_addresses: vec![shipping],
        products: vec![ProductLine {
            id: 7,
            name: "Mug".into(),
            sku: "MUG-1".into(),
            quantity: decimal("3"),
            price: amounts("19.9900", "21.59", "1.60"),
            options: vec![ProductOption {
                display_name: "Colour".into(),
                display_value: "red".into(),
            }],
            ..ProductLine::default()
        }],
        taxes: vec![],
        coupons: vec![],
        fees: vec![],
        transactions: vec![],
        refunds: vec![],
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

fn entry(kind: LineKind, name: &str, unit_cost: &str, tax: Option<&str>) -> Entry {
    Entry {
        kind,
        name: name.into(),
        description: String::new(),
        sku: String::new(),
        options: String::new(),
        quantity: decimal("1"),
        unit_cost: decimal(unit_cost),
        tax1: tax.map(|percent| LineTax {
            name: "State".into(),
            percent: decimal(percent),
        }),
        tax2: None,
        compounded: false,
        source: EntrySource::default(),
    }
}

fn entries() -> Vec<Entry> {
    let mug = Entry {
        description: "Colour: red".into(),
        sku: "MUG-1".into(),
        quantity: decimal("3"),
        ..entry(LineKind::Product, "Mug", "19.99", Some("8.0000"))
    };
    vec![mug, entry(LineKind::Shipping, "Shipping", "5.00", None)]
}

fn receipt() -> Receipt {
    Receipt {
        key: "txn:4711".into(),
        amount: Money::exact(decimal("69.77"), usd()).unwrap(),
        date: "2025-12-31".into(),
        kind: "VISA".into(),
        gateway: "stripe".into(),
        method: "credit_card".into(),
        transaction_id: "4711".into(),
        gateway_transaction_id: "ch_1".into(),
        label: String::new(),
    }
}

fn run(mapping: &Mapping, order: &Order) -> Result<Mapped, Vec<MappingFault>> {
    let (entries, receipts) = (entries(), [receipt()]);
    mapping.evaluate(&Sources {
        order,
        entries: &entries,
        receipts: &receipts,
        number: "BC-1234",
        create_date: "2025-12-31",
    })
}

/// A document that is whole, with more fields and more top-level keys put in.
fn document(fields: &str, rest: &str) -> String {
    format!(
        "format: mapping/1
name: test
version: 3
source: bigcommerce.order@v2
target: freshbooks.books@accounting
fields:
  - {{to: lines, each: entries as entry, fields: [{{to: name, from: entry.name}}, {{to: qty, from: entry.quantity}}, \
         {{to: unit_cost, from: entry.unit_cost}}]}}
  - {{to: payments, each: receipts as r, fields: [{{to: type, const: Other}}, {{to: note, from: r.key}}]}}
{fields}
{rest}
"
    )
}

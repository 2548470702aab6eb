//! Prints how many five-line orders a second one core turns into desired books.
//!
//! `cargo run --release -p domain --example accounting_speed`. Only prints; asserts nothing about
//! time.
#![allow(clippy::print_stdout)]

use std::time::Instant;

use domain::account::account;
use domain::accounting::{entries, receipts};
use domain::mapping::Mapping;
use domain::policy::Policy;
use domain::validate::read_order;
use serde_json::{Value, json};

const ORDERS: u32 = 50_000;

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

fn timed(what: &str, mut work: impl FnMut() -> bool) {
    let start = Instant::now();
    let succeeded = (0..ORDERS).filter(|_| work()).count();
    let micros = start.elapsed().as_micros().max(1);
    let rate = u128::from(ORDERS) * 1_000_000 / micros;
    println!("{what}: {rate} orders/s ({succeeded} of {ORDERS} without a hold)");
}

fn main() {
    let document = document();
    let policy = Policy::default();
    let mapping = Mapping::built_in();
    let Ok(read) = read_order(&document) else {
        println!("the example order has faults");
        return;
    };
    let order = read.order;
    timed("read", || read_order(&document).is_ok());
    timed("entries and receipts", || {
        entries(&order, &policy).is_ok() && receipts(&order, &policy).is_ok()
    });
    timed("account", || {
        account(&order, false, &policy, &mapping).is_ok()
    });
    timed("read and account", || {
        read_order(&document)
            .is_ok_and(|read| account(&read.order, false, &policy, &mapping).is_ok())
    });
}

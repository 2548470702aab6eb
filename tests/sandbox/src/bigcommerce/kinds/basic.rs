//! Everyday sales.

use super::{Draft, Gen, Kind, Shopper, kind};
use crate::bigcommerce::money::digits;
use crate::bigcommerce::orders::model::InBooks::Invoice;
use crate::bigcommerce::orders::spec::{Fee, LineKind, LineSpec, Wrapping};
use rust_decimal::Decimal;

pub(super) const KINDS: &[Kind] = &[
    kind(
        "paid_card_one_line",
        "One product, paid by card at once",
        Invoice,
        |g| Draft::paid(g.goods(1)),
    ),
    kind(
        "paid_card_many_lines",
        "Five to twelve products, paid by card",
        Invoice,
        |g| {
            let count = g.within(5, 12);
            Draft::paid(g.goods(count))
        },
    ),
    kind(
        "three_of_one_product",
        "3 × 19.99 of one product: quantities must stay readable",
        Invoice,
        three_of_one,
    ),
    kind(
        "guest_checkout",
        "customer_id 0; only the billing e-mail says who it was",
        Invoice,
        |g| Draft::paid(g.goods(2)),
    ),
    kind(
        "registered_customer",
        "A newly registered customer",
        Invoice,
        |g| Draft::paid(g.goods(2)).shopper(Shopper::Registered),
    ),
    kind(
        "returning_customer",
        "One of eight customers who come back (seed mod 8)",
        Invoice,
        |g| Draft::paid(g.goods(2)).shopper(Shopper::Returning),
    ),
    kind("handling_fee", "A taxed handling cost", Invoice, |g| {
        let mut spec = g.goods(2);
        spec.handling = g.amount(200, 500);
        spec.handling_taxed = true;
        Draft::paid(spec)
    }),
    kind(
        "gift_wrapping",
        "Two lines, the first gift-wrapped at a taxed cost",
        Invoice,
        |g| {
            let mut spec = g.goods(2);
            let cost = g.amount(300, 900);
            spec.lines[0].wrapping = Some(Wrapping {
                name: "Red paper".to_owned(),
                message: "Happy birthday!".to_owned(),
                cost,
            });
            spec.wrapping_taxed = true;
            Draft::paid(spec)
        },
    ),
    kind(
        "order_fee",
        "Two fees on the order, untaxed",
        Invoice,
        |g| {
            let mut spec = g.goods(2);
            for name in ["Small order fee", "Packaging deposit"] {
                let amount = g.amount(100, 600);
                spec.fees.push(Fee {
                    name: name.to_owned(),
                    amount,
                    taxed: false,
                });
            }
            Draft::paid(spec)
        },
    ),
    kind(
        "bundle_with_children",
        "A bundle whose two pick-list children cost nothing",
        Invoice,
        bundle,
    ),
    kind(
        "custom_item",
        "A line that is no catalog product: product_id 0, no SKU",
        Invoice,
        |g| {
            let mut spec = g.goods(1);
            let unit_price = g.amount(1000, 9000);
            spec.lines.push(LineSpec {
                unit_price,
                rate_ids: spec.all_rate_ids(),
                ..LineSpec::new("Engraving, by hand", LineKind::Physical)
            });
            Draft::paid(spec)
        },
    ),
    kind(
        "digital_download",
        "Only a download: nothing ships, the order is completed at once",
        Invoice,
        |g| {
            let mut spec = g.goods(0);
            let line = g.download(&spec);
            spec.lines.push(line);
            spec.shipping = Decimal::ZERO;
            spec.shipping_address = None;
            Draft::paid(spec).status(10)
        },
    ),
    kind(
        "product_options",
        "A line with chosen options and a customer's message",
        Invoice,
        |g| {
            let mut spec = g.goods(1);
            spec.lines[0].options = vec![
                ("Colour".to_owned(), "Sea green".to_owned()),
                ("Engraving".to_owned(), "For E. & J.".to_owned()),
            ];
            spec.customer_message = "Please leave it at the back door.".to_owned();
            spec.staff_notes = "Regular. Be nice.".to_owned();
            Draft::paid(spec)
        },
    ),
];

fn three_of_one(g: &mut Gen) -> Draft {
    let mut spec = g.goods(1);
    let decimals = digits(&spec.currency);
    if let Some(line) = spec.lines.first_mut() {
        line.quantity = 3;
        line.unit_price = crate::bigcommerce::money::round(Decimal::new(1999, 2), decimals);
    }
    Draft::paid(spec)
}

fn bundle(g: &mut Gen) -> Draft {
    let mut spec = g.goods(1);
    if let Some(head) = spec.lines.first_mut() {
        head.quantity = 1;
        "Starter bundle".clone_into(&mut head.name);
    }
    for _ in 0..2 {
        let mut child = g.line(&spec);
        child.parent = Some(0);
        child.quantity = 1;
        child.unit_price = Decimal::ZERO;
        spec.lines.push(child);
    }
    Draft::paid(spec)
}

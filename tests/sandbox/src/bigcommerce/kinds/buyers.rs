//! Who buys, where that is no plain matter: customers of one e-mail, and businesses that pay an
//! invoice with an order.

use rust_decimal::Decimal;

use super::{Draft, Gen, Kind, Shopper, kind};
use crate::bigcommerce::orders::model::InBooks::{Invoice, None};
use crate::bigcommerce::orders::spec::{LineKind, LineSpec, OrderSpec};

pub(super) const KINDS: &[Kind] = &[
    kind(
        "one_email_two_customers",
        "A customer of one storefront whose e-mail another customer of the other one has",
        Invoice,
        |g| Draft::paid(g.goods(1)).shopper(Shopper::Twin),
    ),
    kind(
        "guest_with_a_customers_email",
        "A guest who types the e-mail of a returning customer",
        Invoice,
        |g| {
            let mut spec = g.goods(1);
            let customer = crate::bigcommerce::people::person(g.seed % 8);
            spec.billing.email = customer.email;
            Draft::paid(spec)
        },
    ),
    kind(
        "b2b_invoice_payment",
        "An order that only pays another order's invoice: no sale of its own, to be held",
        None,
        |g| Draft::paid(payment_of(g, &["Invoice payment for order"])).status(10),
    ),
    kind(
        "b2b_invoice_payment_of_two",
        "An order that pays the invoices of two others, to be held",
        None,
        |g| {
            let names = ["Invoice payment for order", "Invoice payment for order"];
            Draft::paid(payment_of(g, &names)).status(10)
        },
    ),
];

/// B2B Edition's order: digital lines of no product, untaxed and unshipped.
fn payment_of(g: &mut Gen, names: &[&str]) -> OrderSpec {
    let mut spec = g.empty();
    spec.shipping = Decimal::ZERO;
    for (n, name) in (0_u64..).zip(names) {
        let unit_price = g.amount(5_000, 90_000);
        spec.lines.push(LineSpec {
            unit_price,
            ..LineSpec::new(
                &format!("{name} {}", 100 + g.seed % 400 + n),
                LineKind::Digital,
            )
        });
    }
    spec
}

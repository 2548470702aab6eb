//! Refunds whose items do not say what they are worth: what is left out, overridden, or one sum.

// Helpers are test code too; clippy exempts only the test functions themselves.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{books, document, product, read, refund, set_total, shown, tax, transaction};
use domain::arithmetic::{Figures, Model};
use domain::books::{DesiredRefund, LineKind, RefundDocument};
use domain::policy::{Policy, RefundMode, TaxMode};
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::{Value, json};

fn item(item_type: &str, id: u64, quantity: u32) -> Value {
    json!({"item_type": item_type, "item_id": id, "quantity": quantity, "requested_amount": null})
}

/// 2 lamps of 45.50 at 8.875 %, 3 cups of 4.25 at 8.875 %, shipping of 12.49 without tax.
fn shipped_untaxed() -> Value {
    let mut order = document();
    let mut lamps = product(1, "Lamp", "2", "45.50", "91.00");
    lamps["total_tax"] = json!("8.0800");
    lamps["total_inc_tax"] = json!("99.0800");
    let mut cups = product(2, "Cup", "3", "4.25", "12.75");
    cups["total_tax"] = json!("1.1300");
    cups["total_inc_tax"] = json!("13.8800");
    order["products"] = json!([lamps, cups]);
    for key in ["ex_tax", "inc_tax"] {
        order["order"][format!("shipping_cost_{key}")] = json!("12.4900");
    }
    order["taxes"] = json!([
        tax(1, "item", "Tax", "8.8750", "8.0800"),
        tax(2, "item", "Tax", "8.8750", "1.1300"),
    ]);
    set_total(&mut order, "116.2400", "9.2100", "125.4500");
    order["order"]["status_id"] = json!(14);
    order
}

fn with(mut order: Value, refunds: Value) -> Value {
    order["refunds"] = refunds;
    order
}

/// The refund's amount and tax are what its lines make.
#[track_caller]
fn adds_up(refund: &DesiredRefund) {
    let currency = refund.amount.currency;
    let made = Model::default()
        .predict(refund.lines.iter().map(Figures::from), currency)
        .unwrap();
    let as_amount = refund
        .lines
        .iter()
        .filter(|line| line.kind == LineKind::Tax);
    let as_amount: Decimal = as_amount.map(|line| line.quantity * line.unit_cost).sum();
    assert_eq!(made.total, refund.amount, "{refund:?}");
    assert_eq!(
        made.tax.to_decimal() + as_amount,
        refund.tax.to_decimal(),
        "{refund:?}"
    );
}

#[track_caller]
fn refund_shown(order: &Value, policy: &Policy) -> String {
    let books = books(order, policy).unwrap();
    for refund in &books.refunds {
        if refund.document != RefundDocument::None {
            adds_up(refund);
        }
    }
    let text = shown(order, policy);
    text[text.find("refund:").unwrap()..].to_owned()
}

const MIRROR: &str = "refund:7 1001-R7 CreditNote 125.45 USD with tax 9.21 USD on 2020-09-01
  Product Lamp | 2 x 45.50 | Tax 8.875 %
  Product Cup | 3 x 4.25 | Tax 8.875 %
  Shipping Shipping | 1 x 12.49
";

#[test]
fn a_full_refund_mirrors_the_invoice_whatever_its_items_name() {
    let goods = json!([item("PRODUCT", 1, 2), item("PRODUCT", 2, 3)]);
    let one_sum = json!([{"item_type": "ORDER", "item_id": 1001, "quantity": 1,
        "requested_amount": 125.45}]);
    let unnamed = json!([item("ORDER", 1001, 1)]);
    for (items, told) in [
        (goods.clone(), "9.21"),
        (goods, "0"),
        (one_sum.clone(), "9.21"),
        (one_sum, "0"),
        (unnamed, "9.21"),
        (json!([item("PRODUCT", 1, 1)]), "9.21"),
        (json!([]), "9.21"),
    ] {
        let order = with(
            shipped_untaxed(),
            json!([refund(7, "125.45", told, items.clone())]),
        );
        assert_eq!(refund_shown(&order, &Policy::default()), MIRROR, "{items}");
    }
}

#[test]
fn what_an_earlier_refund_left_is_mirrored_too() {
    let first = refund(7, "54.08", "4.04", json!([item("PRODUCT", 1, 1)]));
    let mut first = first;
    first["total_amount"] = json!(49.54);
    first["payments"][0]["amount"] = json!(49.54);
    let mut rest = refund(
        8,
        "75.91",
        "5.17",
        json!([item("PRODUCT", 1, 1), item("PRODUCT", 2, 3)]),
    );
    rest["created"] = json!("2020-09-05T12:00:00+00:00");
    let order = with(shipped_untaxed(), json!([rest, first]));
    let text = refund_shown(&order, &Policy::default());
    assert_eq!(
        text,
        "refund:7 1001-R7 CreditNote 49.54 USD with tax 4.04 USD on 2020-09-01
  Product Lamp | 1 x 45.50 | Tax 8.875 %
refund:8 1001-R8 CreditNote 75.91 USD with tax 5.17 USD on 2020-09-05
  Product Lamp | 1 x 45.50 | Tax 8.875 %
  Product Cup | 3 x 4.25 | Tax 8.875 %
  Shipping Shipping | 1 x 12.49
"
    );
}

#[test]
fn a_charge_that_the_items_leave_out_is_found_by_its_amount() {
    // One lamp and the shipping, of which only the lamp is named.
    let order = with(
        shipped_untaxed(),
        json!([refund(7, "62.03", "4.04", json!([item("PRODUCT", 1, 1)]))]),
    );
    assert_eq!(
        refund_shown(&order, &Policy::default()),
        "refund:7 1001-R7 CreditNote 62.03 USD with tax 4.04 USD on 2020-09-01
  Product Lamp | 1 x 45.50 | Tax 8.875 %
  Shipping Shipping | 1 x 12.49
"
    );
}

#[test]
fn what_no_item_explains_is_a_custom_value_with_the_rest_of_the_tax() {
    // A lamp, and 10.89 more of which 0.89 is tax: 10.00 at the order's rate.
    let order = with(
        shipped_untaxed(),
        json!([refund(7, "60.43", "4.93", json!([item("PRODUCT", 1, 1)]))]),
    );
    assert_eq!(
        refund_shown(&order, &Policy::default()),
        "refund:7 1001-R7 CreditNote 60.43 USD with tax 4.93 USD on 2020-09-01
  Product Lamp | 1 x 45.50 | Tax 8.875 %
  Refund Refund | 1 x 10.00 | Tax 8.875 %
"
    );
    // The same with 5.00 more that nothing taxed: part of the shipping.
    let order = with(
        shipped_untaxed(),
        json!([refund(7, "54.54", "4.04", json!([item("PRODUCT", 1, 1)]))]),
    );
    let text = refund_shown(&order, &Policy::default());
    assert!(text.contains("54.54 USD with tax 4.04 USD"), "{text}");
    assert!(text.contains("Refund Refund | 1 x 5.00\n"), "{text}");
}

#[test]
fn the_merchants_own_figures_stand_also_where_they_say_no_tax() {
    let mut own = refund(
        7,
        "45.00",
        "0",
        json!([{"item_type": "PRODUCT", "item_id": 1,
        "quantity": 1, "requested_amount": 45}]),
    );
    own["uses_merchant_override_values"] = json!(true);
    for mode in [TaxMode::Percent, TaxMode::Amount] {
        for (told, tax) in [
            (0.0, "0.00"),
            (1.5, "1.50"),
            (3.67, "3.67"),
            (20.0, "20.00"),
        ] {
            own["total_tax"] = json!(told);
            let policy = Policy {
                tax: mode,
                ..Policy::default()
            };
            let order = with(shipped_untaxed(), json!([own]));
            let text = refund_shown(&order, &policy);
            let wanted = format!("45.00 USD with tax {tax} USD");
            assert!(text.contains(&wanted), "{mode:?} {told}: {text}");
        }
    }
    // Without the mark a 0 is a tax that the store lost.
    own["uses_merchant_override_values"] = json!(false);
    own["total_tax"] = json!(0);
    let text = refund_shown(&with(shipped_untaxed(), json!([own])), &Policy::default());
    assert!(text.contains("with tax 3.67 USD"), "{text}");
}

#[test]
fn a_refund_of_the_net_price_gives_no_tax_back() {
    let order = with(
        shipped_untaxed(),
        json!([refund(7, "45.50", "0", json!([item("PRODUCT", 1, 1)]))]),
    );
    let text = refund_shown(&order, &Policy::default());
    assert!(text.contains("45.50 USD with tax 0.00 USD"), "{text}");
}

#[test]
fn a_refund_without_a_date_takes_its_transactions_day_else_the_orders_last_change() {
    for empty in [json!(""), json!(null), json!({}), json!("soon")] {
        let mut undated = refund(7, "49.54", "4.04", json!([item("PRODUCT", 1, 1)]));
        undated["created"] = empty.clone();
        let mut order = with(shipped_untaxed(), json!([undated]));
        order["order"]["date_modified"] = json!("Fri, 04 Sep 2020 12:00:00 +0000");
        let made = books(&order, &Policy::default()).unwrap();
        assert_eq!(made.refunds[0].date, "2020-09-04", "{empty}");
        assert!(made.notices.iter().any(|told| told.contains("last change")));

        let mut back = transaction(603, "refund", "49.54");
        back["date_created"] = json!("2020-09-03T12:00:00+00:00");
        order["transactions"].as_array_mut().unwrap().push(back);
        let made = books(&order, &Policy::default()).unwrap();
        assert_eq!(made.refunds[0].date, "2020-09-03", "{empty}");
        assert!(
            made.notices
                .iter()
                .any(|told| told.contains("its refund transaction"))
        );
        // What failed moved nothing, whatever its date is.
        let mut failed = transaction(604, "purchase", "125.45");
        failed["status"] = json!("error");
        failed["date_created"] = empty.clone();
        order["transactions"].as_array_mut().unwrap().push(failed);
        assert_eq!(books(&order, &Policy::default()).unwrap().refunds.len(), 1);
    }
}

#[test]
fn every_way_of_booking_takes_the_same_figures() {
    let items = json!([item("PRODUCT", 1, 2), item("PRODUCT", 2, 3)]);
    let mut order = with(
        shipped_untaxed(),
        json!([refund(7, "125.45", "9.21", items)]),
    );
    order["order"]["status_id"] = json!(4);
    for mode in [
        RefundMode::CreditNote,
        RefundMode::Adjust,
        RefundMode::Expense("Returns".to_owned()),
    ] {
        let policy = Policy {
            refund: mode,
            ..Policy::default()
        };
        let made = books(&order, &policy).unwrap();
        assert_eq!(made.refunds[0].amount.to_string(), "125.45 USD");
        assert_eq!(made.refunds[0].tax.to_string(), "9.21 USD");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever pieces, charges and sums a refund names, what is booked adds up to the refund, and
    /// its tax is the one told where one is told; then the rest of the order mirrors what is left.
    #[test]
    fn lines_make_the_refund_and_the_rest_mirrors_what_is_left(
        lamps in 0_u32..=2, cups in 0_u32..=3, with_shipping: bool, names_shipping: bool,
        one_sum: bool, by_amount: bool,
    ) {
        let lamp = [0_i64, 4_954, 9_908];
        let lamp_tax = [0_i64, 404, 808];
        let cup = [0_i64, 463, 925, 1_388];
        let cup_tax = [0_i64, 38, 75, 113];
        let index = |count: u32| count as usize;
        let amount = lamp[index(lamps)] + cup[index(cups)] + i64::from(with_shipping) * 1_249;
        let told = lamp_tax[index(lamps)] + cup_tax[index(cups)];
        prop_assume!(amount > 0 && amount < 12_545);
        let money = |minor: i64| Decimal::new(minor, 2).to_string();
        let mut items = vec![];
        if lamps > 0 { items.push(item("PRODUCT", 1, lamps)); }
        if cups > 0 { items.push(item("PRODUCT", 2, cups)); }
        if with_shipping && (names_shipping || items.is_empty()) {
            items.push(item("SHIPPING", 1, 1));
        }
        if one_sum {
            items = vec![json!({"item_type": "ORDER", "item_id": 1001, "quantity": 1,
                "requested_amount": money(amount)})];
        }
        let first = refund(7, &money(amount), &money(told), json!(items));
        let mut rest = refund(8, &money(12_545 - amount), &money(921 - told), json!([]));
        rest["created"] = json!("2020-09-05T12:00:00+00:00");
        let mut order = with(shipped_untaxed(), json!([first, rest]));
        order["order"]["status_id"] = json!(4);
        let policy = Policy {
            tax: if by_amount { TaxMode::Amount } else { TaxMode::Percent },
            ..Policy::default()
        };
        prop_assert!(!read(&order).refunds.is_empty());
        let made = books(&order, &policy).unwrap();
        for refund in &made.refunds {
            adds_up(refund);
        }
        let given: i64 = made.refunds.iter().map(|one| one.amount.amount_minor).sum();
        let taxes: i64 = made.refunds.iter().map(|one| one.tax.amount_minor).sum();
        prop_assert_eq!(given, 12_545);
        prop_assert!((taxes - 921).abs() <= 2, "{}", taxes);
        if told > 0 {
            prop_assert!((made.refunds[0].tax.amount_minor - told).abs() <= 2);
        }
    }
}

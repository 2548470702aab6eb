//! Which parts of an order are worth a call.
//!
//! A store has 150 calls in 30 seconds for all its apps, so a part is fetched only where a
//! figure says that it is not empty. Pure: reads figures, calls nobody.

use rust_decimal::Decimal;
use serde_json::Value;

use super::orders::FetchHints;
use crate::json;

/// Incomplete: an abandoned attempt that is not in the books.
pub(super) fn is_incomplete(order: &Value) -> bool {
    json::id(&order["status_id"]) == Some(0)
}

/// Some tax is somewhere in the order's own figures or in its lines.
pub(super) fn taxes(order: &Value, products: &[Value], fees: &[Value]) -> bool {
    let order_fields = [
        "total_tax",
        "subtotal_tax",
        "shipping_cost_tax",
        "handling_cost_tax",
        "wrapping_cost_tax",
    ];
    any_nonzero(order, &order_fields)
        || products
            .iter()
            .any(|line| any_nonzero(line, &["total_tax", "price_tax"]))
        || fees.iter().any(|fee| any_nonzero(fee, &["cost_tax"]))
}

/// A coupon took something off.
pub(super) fn coupons(order: &Value) -> bool {
    json::is_nonzero(&order["coupon_discount"])
}

/// The fees are linked and the total does not add up without them. A fee always raises the
/// total in the store's own tax basis, so a total that adds up there has none to fetch.
pub(super) fn fees(order: &Value) -> bool {
    order["fees"].is_object() && !adds_up_without_fees(order)
}

/// Something was given back, or is said to have been.
pub(super) fn refunds(
    order: &Value,
    products: &[Value],
    transactions: &[Value],
    hints: FetchHints,
) -> bool {
    let status = matches!(json::id(&order["status_id"]), Some(4 | 14));
    let payment = json::text(&order["payment_status"])
        .to_ascii_lowercase()
        .contains("refund");
    let line_says = |line: &Value| {
        json::flag(&line["is_refunded"])
            || any_nonzero(line, &["quantity_refunded", "refund_amount"])
    };
    let transaction_says = |row: &Value| json::text(&row["event"]).eq_ignore_ascii_case("refund");
    hints.refunds_expected
        || status
        || payment
        || json::is_nonzero(&order["refunded_amount"])
        || products.iter().any(line_says)
        || transactions.iter().any(transaction_says)
}

fn any_nonzero(record: &Value, fields: &[&str]) -> bool {
    fields.iter().any(|name| json::is_nonzero(&record[*name]))
}

fn adds_up_without_fees(order: &Value) -> bool {
    match &order["is_tax_inclusive_pricing"] {
        Value::Bool(true) => adds_up(order, "inc_tax") == Some(true),
        Value::Bool(false) => adds_up(order, "ex_tax") == Some(true),
        // Before September 2024 the basis is not told: one of them holds.
        _ => adds_up(order, "inc_tax") == Some(true) || adds_up(order, "ex_tax") == Some(true),
    }
}

fn adds_up(order: &Value, basis: &str) -> Option<bool> {
    let amount = |name: &str| json::decimal(&order[format!("{name}_{basis}")]);
    let off = |name: &str| json::decimal(&order[name]).unwrap_or_default();
    let costs = [
        "subtotal",
        "shipping_cost",
        "handling_cost",
        "wrapping_cost",
    ];
    let mut sum = Decimal::ZERO;
    for cost in costs {
        sum = sum.checked_add(amount(cost)?)?;
    }
    sum = sum
        .checked_sub(off("discount_amount"))?
        .checked_sub(off("coupon_discount"))?;
    Some(sum == amount("total")?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Order 519 of the facts: inclusive, 100 off.
    fn order() -> Value {
        json!({
            "status_id": 11, "is_tax_inclusive_pricing": true, "fees": {"url": "x"},
            "subtotal_inc_tax": "2500.0000", "shipping_cost_inc_tax": "0.0000",
            "handling_cost_inc_tax": "0.0000", "wrapping_cost_inc_tax": "0.0000",
            "discount_amount": "100.0000", "coupon_discount": "0.0000",
            "total_inc_tax": "2400.0000", "total_tax": "125.1200",
        })
    }

    #[test]
    fn fees_are_fetched_only_when_the_total_needs_them() {
        assert!(!fees(&order()));
        let mut with_fee = order();
        with_fee["total_inc_tax"] = json!("2405.0000");
        assert!(fees(&with_fee));
        with_fee["fees"] = json!(null);
        assert!(!fees(&with_fee), "there is no link to follow");
    }

    #[test]
    fn taxes_and_coupons_follow_the_figures() {
        assert!(taxes(&order(), &[], &[]));
        let untaxed = json!({"total_tax": "0.0000"});
        assert!(!taxes(&untaxed, &[json!({"total_tax": "0"})], &[]));
        assert!(taxes(&untaxed, &[json!({"total_tax": "0.01"})], &[]));
        assert!(!coupons(&order()));
        assert!(coupons(&json!({"coupon_discount": "5"})));
    }

    #[test]
    fn each_sign_of_a_refund_is_enough() {
        let no = FetchHints::default();
        assert!(!refunds(&order(), &[], &[], no));
        assert!(refunds(
            &order(),
            &[],
            &[],
            FetchHints {
                refunds_expected: true
            }
        ));
        assert!(refunds(&json!({"status_id": 14}), &[], &[], no));
        assert!(refunds(
            &json!({"payment_status": "partially refunded"}),
            &[],
            &[],
            no
        ));
        assert!(refunds(
            &order(),
            &[json!({"quantity_refunded": 1})],
            &[],
            no
        ));
        assert!(refunds(&order(), &[], &[json!({"event": "refund"})], no));
    }
}

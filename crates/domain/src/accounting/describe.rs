//! The words a product line needs for its amounts to be understood.
//!
//! Not here: the merchant's own wording (see [`crate::mapping`]).

use std::fmt::Write as _;

use rust_decimal::Decimal;

use super::charges::basis;
use crate::money::Currency;
use crate::order::{Order, ProductLine};

/// `Colour: red, Size: M`; empty without options.
pub(super) fn options(line: &ProductLine) -> String {
    let mut text = String::new();
    for option in &line.options {
        let (name, value) = (option.display_name.trim(), option.display_value.trim());
        if name.is_empty() && value.is_empty() {
            continue;
        }
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(name);
        if !name.is_empty() && !value.is_empty() {
            text.push_str(": ");
        }
        text.push_str(value);
    }
    text
}

/// What a bundle contains and, when pieces were put together, how many at what price.
pub(super) fn product(order: &Order, line: &ProductLine, collapsed: bool) -> String {
    let mut text = String::new();
    if collapsed {
        let price = basis(&line.price, order.tax_inclusive).normalize();
        let quantity = line.quantity.normalize();
        let _ = write!(text, "{quantity} × {price}");
        if order.tax_inclusive {
            text.push_str(" incl. tax");
        }
    }
    let mut first = true;
    for child in &order.products {
        let of_this = child.parent_order_product_id == Some(line.id) && child.id != line.id;
        if !of_this || !basis(&child.total, order.tax_inclusive).is_zero() {
            continue;
        }
        text.push_str(match (first, text.is_empty()) {
            (true, true) => "Includes ",
            (true, false) => ". Includes ",
            (false, _) => ", ",
        });
        first = false;
        let _ = write!(
            text,
            "{} × {}",
            child.quantity.normalize(),
            child.name.trim()
        );
        if !child.sku.trim().is_empty() {
            let _ = write!(text, " ({})", child.sku.trim());
        }
    }
    text
}

/// Names the discounts that were taken into a line's price.
pub(super) fn less(text: &mut String, discounts: &[(String, Decimal)], currency: Currency) {
    for (name, amount) in discounts {
        let mut amount = amount.normalize();
        amount.rescale(amount.scale().max(currency.decimals()));
        text.push_str(if text.is_empty() { "Less " } else { ", less " });
        let _ = write!(text, "{name} {amount}");
    }
}

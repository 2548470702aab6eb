//! Reads a product document: what can be sold under a SKU of its own, its price and stock.

use rust_decimal::Decimal;
use serde_json::Value;

use super::Fault;
use super::reader::{Findings, Node};
use crate::items::{Product, Variant};
use crate::words::word;

/// Reads `{"product", "store"}`, the product with its `variants`. Errors hold every fault found.
pub fn read_product(document: &Value) -> Result<Product, Vec<Fault>> {
    let findings = Findings::default();
    let product = read(document, &findings);
    let faults = findings.faults.into_inner();
    match product {
        Some(product) if faults.is_empty() => Ok(product),
        _ => Err(faults),
    }
}

/// What the store counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tracking {
    None,
    Product,
    Variant,
}

fn read(document: &Value, findings: &Findings) -> Option<Product> {
    let root = Node::root(document, findings);
    let node = root.get("product");
    if !node.is_object() {
        node.fault("missing_product", "is missing; fetch the product again");
        return None;
    }
    let id = node.get("id").id();
    if id.is_none() {
        let message = "must be a number above 0; fetch the product again";
        node.get("id").fault("missing_product_id", message);
    }
    let name = node.get("name").text();
    if name.trim().is_empty() {
        let message = "is empty, and FreshBooks has no item without a name; name it in the store";
        node.get("name").fault("missing_product_name", message);
    }
    let tracking = tracking(&node);
    let price = price(&node.get("price"));
    let level = pieces(&node.get("inventory_level"));
    let variants = node.get("variants").list(|variant| Variant {
        id: variant.get("id").id_if_readable(),
        sku: variant.get("sku").text(),
        // A null price is the product's.
        price: price_or_none(&variant.get("price")).unwrap_or(price),
        inventory: match tracking {
            Tracking::None => None,
            Tracking::Product => level,
            Tracking::Variant => pieces(&variant.get("inventory_level")),
        },
        options: options(variant),
    });
    let variants = if node.get("variants").is_absent() {
        vec![Variant {
            id: node.get("base_variant_id").id_if_readable(),
            sku: node.get("sku").text(),
            price,
            inventory: level.filter(|_| tracking == Tracking::Product),
            options: String::new(),
        }]
    } else {
        variants
    };
    let store = root.get("store");
    let currency_code = store.get("currency").text();
    Some(Product {
        id: id.unwrap_or_default(),
        name,
        currency_code,
        variants: variants
            .into_iter()
            .filter(|variant| !variant.sku.trim().is_empty())
            .collect(),
    })
}

fn tracking(node: &Node<'_>) -> Tracking {
    let node = node.get("inventory_tracking");
    match word(&node.text()).as_str() {
        "product" => Tracking::Product,
        "variant" => Tracking::Variant,
        // A word nobody knows tells no stock, and no item is kept from the books for that.
        _ => Tracking::None,
    }
}

fn price(node: &Node<'_>) -> Decimal {
    if node.is_absent() {
        node.fault("missing_price", "is missing; set it in the store");
    }
    price_or_none(node).unwrap_or_default()
}

fn price_or_none(node: &Node<'_>) -> Option<Decimal> {
    let price = node.money_or_none()?;
    if price.is_sign_negative() && !price.is_zero() {
        let message = "is negative, and FreshBooks takes no such price; correct it in the store";
        node.fault("negative_price", message);
    }
    Some(price)
}

/// Pieces in stock; a store may have sold more than it has.
fn pieces(node: &Node<'_>) -> Option<Decimal> {
    node.money_if_readable()
}

fn options(variant: &Node<'_>) -> String {
    let values = variant.get("option_values");
    let texts = values.list_if_readable(|value| {
        let name = value.get("option_display_name").text();
        let label = value.get("label").text();
        match (name.trim(), label.trim()) {
            ("", label) => label.to_owned(),
            (name, label) => format!("{name}: {label}"),
        }
    });
    texts.join(", ")
}

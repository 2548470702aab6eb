//! The store's products and variants, and their V3 view.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::dates::iso_utc;
use super::money::{number, round};

#[derive(Clone, Debug)]
pub(crate) struct Product {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) sku: String,
    pub(crate) price: Decimal,
    pub(crate) cost_price: Decimal,
    pub(crate) digital: bool,
    pub(crate) visible: bool,
    /// `None` when the store does not track this product's stock.
    pub(crate) inventory: Option<i64>,
    pub(crate) variants: Vec<Variant>,
    pub(crate) modified: Timestamp,
}

#[derive(Clone, Debug)]
pub(crate) struct Variant {
    pub(crate) id: u64,
    /// `None` for the base variant of a simple product.
    pub(crate) sku_id: Option<u64>,
    pub(crate) sku: String,
    /// `None` inherits the product's price.
    pub(crate) price: Option<Decimal>,
    pub(crate) inventory: i64,
    /// Option name and its label.
    pub(crate) options: Vec<(String, String)>,
}

const NOUNS: [&str; 12] = [
    "Bottle",
    "Lamp",
    "Chair",
    "Mug",
    "Notebook",
    "Backpack",
    "Scarf",
    "Headphones",
    "Desk",
    "Kettle",
    "Blanket",
    "Watch",
];
const MATERIALS: [&str; 5] = ["Steel", "Oak", "Wool", "Canvas", "Glass"];
/// Prices with awkward cents, so that rounding has something to do.
const PRICES_CENTS: [i64; 10] = [1999, 8900, 333, 12_495, 4950, 777, 25_000, 101, 6267, 1495];

/// Sixty products: every fifth has two variants, every twelfth is a download.
pub(crate) fn starting_catalog(digits: u32) -> BTreeMap<u64, Product> {
    (1..=60_u64).map(|id| (id, product(id, digits))).collect()
}

fn product(id: u64, digits: u32) -> Product {
    let at = |len: usize| usize::try_from(id).unwrap_or(0) % len;
    let noun = NOUNS[at(NOUNS.len())];
    let material = MATERIALS[at(MATERIALS.len())];
    let cents = PRICES_CENTS[at(PRICES_CENTS.len())];
    let price = if digits == 0 {
        // A yen is worth about a cent.
        Decimal::from(cents)
    } else {
        round(Decimal::new(cents, 2), digits)
    };
    let sku = format!("{}-{id:03}", noun[..3].to_uppercase());
    let variants = if id.is_multiple_of(5) {
        ["Small", "Large"]
            .into_iter()
            .zip(0_u64..)
            .map(|(size, n)| Variant {
                id: 1000 + id * 10 + n,
                sku_id: Some(5000 + id * 10 + n),
                sku: format!("{sku}-{}", &size[..1]),
                price: (n == 1).then(|| price + Decimal::TWO),
                inventory: 50,
                options: vec![("Size".to_owned(), size.to_owned())],
            })
            .collect()
    } else {
        vec![Variant {
            id: 1000 + id * 10,
            sku_id: None,
            sku: sku.clone(),
            price: None,
            inventory: 100,
            options: Vec::new(),
        }]
    };
    Product {
        id,
        name: format!("{material} {noun} {id}"),
        sku,
        price,
        cost_price: round(price / Decimal::TWO, digits),
        digital: id.is_multiple_of(12),
        visible: true,
        inventory: id.is_multiple_of(2).then_some(100),
        variants,
        modified: crate::clock::now(),
    }
}

/// The V3 product; `variants` when included.
pub(crate) fn product_json(product: &Product, includes: &[&str]) -> Value {
    let simple = product.variants.len() == 1;
    let tracking = match (product.inventory, simple) {
        (None, _) => "none",
        (Some(_), true) => "product",
        (Some(_), false) => "variant",
    };
    let mut body = json!({
        "id": product.id,
        "name": product.name,
        "type": if product.digital { "digital" } else { "physical" },
        "sku": product.sku,
        "description": "",
        "price": number(product.price),
        "cost_price": number(product.cost_price),
        "retail_price": 0,
        "sale_price": 0,
        "calculated_price": number(product.price),
        "tax_class_id": 0,
        "product_tax_code": "",
        "inventory_tracking": tracking,
        "inventory_level": product.inventory.unwrap_or(0),
        "is_visible": product.visible,
        "base_variant_id": simple.then(|| product.variants.first().map(|v| v.id)),
        "date_modified": iso_utc(product.modified),
        "date_created": iso_utc(product.modified),
    });
    if let Value::Object(body) = &mut body
        && includes.contains(&"variants")
    {
        let rows = product.variants.iter().map(|v| variant_json(product, v));
        body.insert("variants".to_owned(), rows.collect());
    }
    body
}

/// The V3 variant; a null price inherits the product's.
pub(crate) fn variant_json(product: &Product, variant: &Variant) -> Value {
    let options: Vec<Value> = (1_u64..)
        .zip(&variant.options)
        .map(|(n, (name, label))| {
            json!({
                "id": variant.id * 10 + n,
                "option_id": product.id * 10 + n,
                "label": label,
                "option_display_name": name,
            })
        })
        .collect();
    json!({
        "id": variant.id,
        "product_id": product.id,
        "sku": variant.sku,
        "sku_id": variant.sku_id,
        "price": variant.price.map(number),
        "cost_price": null,
        "sale_price": null,
        "retail_price": null,
        "calculated_price": number(variant.price.unwrap_or(product.price)),
        "inventory_level": variant.inventory,
        "purchasing_disabled": false,
        "option_values": options,
    })
}

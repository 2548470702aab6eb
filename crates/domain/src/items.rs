//! FreshBooks items: what a product, or a line of an order, should be there. One item per SKU.
//!
//! FreshBooks links no line to an item, so items never change what an invoice says. Not here:
//! which items FreshBooks has, and writing them (`lookup`, `deliver`).

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use crate::client_update::hash;
use crate::order::{Order, ProductType};
use crate::text::{SHORT_MAX_CHARS, fit_in_place};

/// A product of the catalog.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Product {
    pub id: u64,
    pub name: String,
    /// ISO 4217; empty when the store does not say.
    pub currency_code: String,
    /// What can be sold of it under a SKU of its own.
    pub variants: Vec<Variant>,
}

/// The base variant of a simple product, or one of several.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Variant {
    pub id: Option<u64>,
    pub sku: String,
    /// As the store lists it: with or without tax by the store's own setting.
    pub price: Decimal,
    /// `None` when the store does not track it.
    pub inventory: Option<Decimal>,
    /// `Size: Small`; empty for a base variant.
    pub options: String,
}

/// One item as FreshBooks should have it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct DesiredItem {
    /// Trimmed, never empty: the natural key.
    pub sku: String,
    pub name: String,
    pub unit_cost: Option<Decimal>,
    /// Of the unit cost; may be empty.
    pub currency_code: String,
    pub inventory: Option<Decimal>,
    pub variant_id: Option<u64>,
}

/// The items of a product, one for each SKU.
pub fn of_product(product: &Product) -> Vec<DesiredItem> {
    let items = product.variants.iter().map(|variant| DesiredItem {
        sku: variant.sku.trim().to_owned(),
        name: if variant.options.is_empty() {
            fitted(&product.name)
        } else {
            fitted(&format!("{} ({})", product.name.trim(), variant.options))
        },
        unit_cost: Some(variant.price),
        currency_code: product.currency_code.clone(),
        inventory: variant.inventory,
        variant_id: variant.id,
    });
    one_per_sku(items)
}

/// The items that the lines of an order name by SKU, as far as the order tells of them.
///
/// Gift certificates are no items. Options are left out of the name: they may be personal.
pub fn of_order(order: &Order) -> Vec<DesiredItem> {
    let lines = order
        .products
        .iter()
        .filter(|line| line.product_type != ProductType::GiftCertificate);
    let items = lines.map(|line| {
        let price = if order.tax_inclusive {
            line.price.inc_tax
        } else {
            line.price.ex_tax
        };
        DesiredItem {
            sku: line.sku.trim().to_owned(),
            name: fitted(&line.name),
            unit_cost: Some(price),
            currency_code: order.currency.code().to_owned(),
            inventory: None,
            variant_id: line.variant_id,
        }
    });
    one_per_sku(items)
}

/// The item's name where FreshBooks already uses, or once used, the plain one.
pub fn name_with_sku(item: &DesiredItem) -> String {
    let tail = format!(" [{}]", item.sku);
    let room = SHORT_MAX_CHARS.saturating_sub(tail.chars().count());
    let mut name = item.name.clone();
    fit_in_place(&mut name, room);
    name.push_str(&tail);
    name
}

/// Hash of each of the store's values, to tell later what the store changed.
pub fn field_hashes(item: &DesiredItem) -> BTreeMap<String, String> {
    let mut hashes = BTreeMap::from([
        ("name".to_owned(), hash(&item.name)),
        ("sku".to_owned(), hash(&item.sku)),
    ]);
    if let Some(cost) = item.unit_cost {
        hashes.insert("unit_cost".to_owned(), hash(&cost.normalize().to_string()));
    }
    if let Some(pieces) = item.inventory {
        hashes.insert(
            "inventory".to_owned(),
            hash(&pieces.normalize().to_string()),
        );
    }
    hashes
}

/// The names of the fields whose values the store changed since `written`.
pub fn changed(item: &DesiredItem, written: &BTreeMap<String, String>) -> BTreeSet<String> {
    field_hashes(item)
        .into_iter()
        .filter(|(name, hash)| written.get(name) != Some(hash))
        .map(|(name, _)| name)
        .collect()
}

fn one_per_sku(items: impl Iterator<Item = DesiredItem>) -> Vec<DesiredItem> {
    let mut seen = BTreeSet::new();
    items
        .filter(|item| !item.sku.is_empty() && !item.name.is_empty())
        .filter(|item| seen.insert(item.sku.clone()))
        .collect()
}

fn fitted(name: &str) -> String {
    let mut name = name.trim().to_owned();
    fit_in_place(&mut name, SHORT_MAX_CHARS);
    name
}

//! Wire and domain forms of products and of the FreshBooks items they should be.

use domain::items as d;
use domain::policy::UnknownSku;

use crate::order_conversion::{ConversionError, decimal};
use crate::{books, order as w};

type Read<T> = Result<T, ConversionError>;

/// A product as it travels.
pub fn product_to_wire(product: &d::Product) -> w::Product {
    let variant = |variant: &d::Variant| w::Variant {
        id: variant.id.unwrap_or(0),
        sku: variant.sku.clone(),
        price: variant.price.to_string(),
        inventory: variant
            .inventory
            .map(|pieces| pieces.to_string())
            .unwrap_or_default(),
        options: variant.options.clone(),
    };
    w::Product {
        id: product.id,
        name: product.name.clone(),
        currency_code: product.currency_code.clone(),
        variants: product.variants.iter().map(variant).collect(),
    }
}

/// The product that travelled.
pub fn product_from_wire(product: &w::Product) -> Read<d::Product> {
    let variant = |variant: &w::Variant| -> Read<d::Variant> {
        Ok(d::Variant {
            id: (variant.id != 0).then_some(variant.id),
            sku: variant.sku.clone(),
            price: decimal("variants.price", &variant.price)?,
            inventory: optional("variants.inventory", &variant.inventory)?,
            options: variant.options.clone(),
        })
    };
    Ok(d::Product {
        id: product.id,
        name: product.name.clone(),
        currency_code: product.currency_code.clone(),
        variants: product.variants.iter().map(variant).collect::<Read<_>>()?,
    })
}

/// An item as it travels.
pub fn to_wire(item: &d::DesiredItem) -> books::Item {
    let text = |value: Option<rust_decimal::Decimal>| value.map(|value| value.to_string());
    books::Item {
        sku: item.sku.clone(),
        name: item.name.clone(),
        unit_cost: text(item.unit_cost).unwrap_or_default(),
        currency_code: item.currency_code.clone(),
        inventory: text(item.inventory).unwrap_or_default(),
        variant_id: item.variant_id.unwrap_or(0),
    }
}

/// The item that travelled.
pub fn from_wire(item: &books::Item) -> Read<d::DesiredItem> {
    if item.sku.is_empty() {
        return Err(ConversionError::Missing { field: "items.sku" });
    }
    Ok(d::DesiredItem {
        sku: item.sku.clone(),
        name: item.name.clone(),
        unit_cost: optional("items.unit_cost", &item.unit_cost)?,
        currency_code: item.currency_code.clone(),
        inventory: optional("items.inventory", &item.inventory)?,
        variant_id: (item.variant_id != 0).then_some(item.variant_id),
    })
}

/// The policy as it travels.
pub fn unknown_sku_to_wire(choice: UnknownSku) -> books::UnknownSku {
    match choice {
        UnknownSku::Create => books::UnknownSku::Create,
        UnknownSku::Text => books::UnknownSku::Text,
        UnknownSku::Hold => books::UnknownSku::Hold,
    }
}

fn optional(field: &'static str, text: &str) -> Read<Option<rust_decimal::Decimal>> {
    if text.is_empty() {
        return Ok(None);
    }
    decimal(field, text).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rust_decimal::Decimal;

    #[test]
    fn an_item_arrives_as_it_was_sent() {
        let item = d::DesiredItem {
            sku: "MUG-1".to_owned(),
            name: "Mug".to_owned(),
            unit_cost: Some(Decimal::new(1999, 2)),
            currency_code: "USD".to_owned(),
            inventory: Some(Decimal::from(-3)),
            variant_id: Some(5),
        };
        assert_eq!(from_wire(&to_wire(&item)), Ok(item.clone()));
        let bare = d::DesiredItem {
            unit_cost: None,
            inventory: None,
            variant_id: None,
            ..item
        };
        assert_eq!(from_wire(&to_wire(&bare)), Ok(bare));
    }

    #[test]
    fn an_item_without_a_sku_is_no_item() {
        assert!(from_wire(&books::Item::default()).is_err());
    }

    #[test]
    fn a_product_arrives_as_it_was_sent() {
        let product = d::Product {
            id: 4,
            name: "Mug".to_owned(),
            currency_code: "EUR".to_owned(),
            variants: vec![d::Variant {
                id: Some(5),
                sku: "MUG-S".to_owned(),
                price: Decimal::new(101, 2),
                inventory: None,
                options: "Size: Small".to_owned(),
            }],
        };
        assert_eq!(product_from_wire(&product_to_wire(&product)), Ok(product));
    }
}

//! The fields a mapping may read and fill, as lists for an editor.
//!
//! Made from the same tables that documents are checked against. Not here: descriptions for
//! people beyond names and types.

use super::path::{LISTS, address_fields, order_fields};
use super::read::FieldType;
use super::target::Entity;

/// A field that a mapping can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceField {
    /// e.g. `order.billing_address.city`, or `order.products.sku` for a field of a list's rows. A
    /// path that ends in `.` is followed by the merchant's own name of the field.
    pub path: String,
    pub field_type: FieldType,
    /// The list whose rows have it, e.g. `order.products`; it is read through an `each`.
    pub list: Option<&'static str>,
}

/// A FreshBooks field that a mapping can fill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetField {
    /// e.g. `client.fname` or `lines.unit_cost`.
    pub path: String,
    pub field_type: FieldType,
    /// Every row needs it.
    pub required: bool,
}

/// Every field a mapping can read.
pub fn source_schema() -> Vec<SourceField> {
    let single = |path: String, field_type| SourceField {
        path,
        field_type,
        list: None,
    };
    let mut fields = vec![
        single("number".to_owned(), FieldType::Text),
        single("create_date".to_owned(), FieldType::Date),
    ];
    fields.extend(
        order_fields()
            .into_iter()
            .map(|(name, kind)| single(format!("order.{name}"), kind)),
    );
    fields.extend(
        address_fields()
            .into_iter()
            .map(|(name, kind)| single(format!("order.billing_address.{name}"), kind)),
    );
    for (path, list) in LISTS {
        fields.extend(
            list.fields()
                .into_iter()
                .map(|(name, field_type)| SourceField {
                    path: format!("{path}.{name}"),
                    field_type,
                    list: Some(list.path()),
                }),
        );
    }
    fields
}

/// Every field a mapping can fill.
pub fn target_schema() -> Vec<TargetField> {
    [
        Entity::Client,
        Entity::Invoice,
        Entity::Lines,
        Entity::Payments,
    ]
    .into_iter()
    .flat_map(|entity| entity.fields().iter().map(move |spec| (entity, spec)))
    .map(|(entity, spec)| TargetField {
        path: format!("{}.{}", entity.as_str(), spec.name),
        field_type: spec.field_type,
        required: spec.required,
    })
    .collect()
}

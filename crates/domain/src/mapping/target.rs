//! The FreshBooks fields a mapping may fill, and their types.
//!
//! Not here: the fields Tillbook answers for itself (amounts, number, dates, currency of the
//! invoice); they are named only to refuse them with a reason.

use crate::policy::PAYMENT_TYPES;

use super::fault::{FaultCode, nearest};
use super::read::{FieldType, LINE_KINDS};

/// What a mapping writes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Entity {
    Client,
    Invoice,
    Lines,
    Payments,
}

impl Entity {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Invoice => "invoice",
            Self::Lines => "lines",
            Self::Payments => "payments",
        }
    }

    pub(super) fn fields(self) -> &'static [TargetSpec] {
        match self {
            Self::Client => CLIENT,
            Self::Invoice => INVOICE,
            Self::Lines => LINE,
            Self::Payments => PAYMENT,
        }
    }
}

/// One field of a FreshBooks entity.
#[derive(Debug)]
pub(super) struct TargetSpec {
    pub(super) name: &'static str,
    pub(super) field_type: FieldType,
    pub(super) required: bool,
}

const fn text(name: &'static str) -> TargetSpec {
    TargetSpec {
        name,
        field_type: FieldType::Text,
        required: false,
    }
}

const fn required(name: &'static str, field_type: FieldType) -> TargetSpec {
    TargetSpec {
        name,
        field_type,
        required: true,
    }
}

const fn optional(name: &'static str, field_type: FieldType) -> TargetSpec {
    TargetSpec {
        name,
        field_type,
        required: false,
    }
}

const CLIENT: &[TargetSpec] = &[
    text("fname"),
    text("lname"),
    text("organization"),
    text("email"),
    text("bus_phone"),
    text("mob_phone"),
    text("home_phone"),
    text("fax"),
    text("note"),
    text("currency_code"),
    text("language"),
    text("p_street"),
    text("p_street2"),
    text("p_city"),
    text("p_province"),
    text("p_code"),
    text("p_country"),
    text("s_street"),
    text("s_street2"),
    text("s_city"),
    text("s_province"),
    text("s_code"),
    text("s_country"),
    text("vat_name"),
    text("vat_number"),
];

const INVOICE: &[TargetSpec] = &[
    text("fname"),
    text("lname"),
    text("organization"),
    text("street"),
    text("street2"),
    text("city"),
    text("province"),
    text("code"),
    text("country"),
    text("notes"),
    text("terms"),
    text("po_number"),
    text("vat_name"),
    text("vat_number"),
    text("language"),
];

const LINE: &[TargetSpec] = &[
    optional("kind", FieldType::LineKind),
    required("name", FieldType::Text),
    text("description"),
    required("qty", FieldType::Decimal),
    required("unit_cost", FieldType::Decimal),
    text("taxName1"),
    optional("taxAmount1", FieldType::Decimal),
    text("taxName2"),
    optional("taxAmount2", FieldType::Decimal),
    optional("compounded_tax", FieldType::Bool),
];

const PAYMENT: &[TargetSpec] = &[
    required("type", FieldType::PaymentType),
    required("note", FieldType::Text),
];

/// Fields FreshBooks takes, but that only Tillbook may set.
const MANAGED: &[(Entity, &[&str], &str)] = &[
    (
        Entity::Invoice,
        &[
            "invoice_number",
            "create_date",
            "due_offset_days",
            "due_date",
            "currency_code",
            "customerid",
            "status",
        ],
        "Tillbook sets it itself, so that an order is never booked twice",
    ),
    (
        Entity::Invoice,
        &[
            "discount_value",
            "discount_description",
            "deposit_amount",
            "deposit_percentage",
            "amount",
        ],
        "Tillbook computes the amounts itself, so that the total matches the order",
    ),
    (
        Entity::Payments,
        &["amount", "date", "invoiceid", "orderid", "transactionid"],
        "Tillbook takes it from the store's transaction itself",
    ),
];

/// The field of `entity` with this name.
pub(super) fn find(entity: Entity, name: &str) -> Result<&'static TargetSpec, (FaultCode, String)> {
    if let Some(spec) = entity.fields().iter().find(|spec| spec.name == name) {
        return Ok(spec);
    }
    let managed = MANAGED
        .iter()
        .find(|(owner, names, _)| *owner == entity && names.contains(&name));
    if let Some((_, _, reason)) = managed {
        let message = format!(
            "A mapping cannot set \"{name}\" of {}: {reason}. Remove this field.",
            entity.as_str()
        );
        return Err((FaultCode::ManagedTarget, message));
    }
    let hint = nearest(name, entity.fields().iter().map(|spec| spec.name));
    let message = format!(
        "FreshBooks' {} have no field \"{name}\" that a mapping can set.{hint} Take a field from the list of target fields.",
        entity.as_str()
    );
    Err((FaultCode::UnknownTarget, message))
}

/// Why a fixed text cannot go into a field of this type; `None` when it can.
pub(super) fn refuse_text(text: &str, field_type: FieldType) -> Option<String> {
    let fits = match field_type {
        FieldType::Text | FieldType::Custom | FieldType::Date => true,
        FieldType::Integer => text.parse::<i64>().is_ok(),
        FieldType::Decimal => rust_decimal::Decimal::from_str_exact(text).is_ok(),
        FieldType::Bool => matches!(text, "true" | "false"),
        FieldType::LineKind => LINE_KINDS.iter().any(|(known, _)| *known == text),
        FieldType::PaymentType => PAYMENT_TYPES.contains(&text),
    };
    if fits {
        return None;
    }
    let allowed = match field_type {
        FieldType::LineKind => {
            format!(
                " Take one of {}.",
                LINE_KINDS
                    .iter()
                    .map(|(kind, _)| *kind)
                    .collect::<Vec<_>>()
                    .join(", ")
            )
        }
        FieldType::PaymentType => format!(" Take one of {}.", PAYMENT_TYPES.join(", ")),
        FieldType::Bool => " Take true or false.".to_owned(),
        _ => " Write a plain number, e.g. \"12.50\".".to_owned(),
    };
    Some(format!(
        "\"{text}\" is no {}.{allowed}",
        field_type.as_str()
    ))
}

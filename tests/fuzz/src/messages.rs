//! Every message of the contracts, filled with data by its descriptor, and spoiled as a tree.
//!
//! Names of fields say what their texts are: amounts, days, currencies. Not here: what must hold of
//! a message (`protobuf`).

use prost_reflect::{
    DescriptorPool, DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MapKey,
    MessageDescriptor, ReflectMessage, Value,
};
use rand::RngExt;
use rand::rngs::StdRng;

use crate::bytes::pick;

/// Deepest filled message inside a message.
const DEPTH_MAX: u32 = 6;

/// The messages of the contracts, by their descriptors.
///
/// # Errors
/// When the descriptors that the contracts carry cannot be read.
pub fn kinds() -> Result<Vec<MessageDescriptor>, String> {
    let pool = DescriptorPool::decode(contracts::DESCRIPTORS)
        .map_err(|error| format!("the contracts' descriptors: {error}"))?;
    let ours = pool
        .all_messages()
        .filter(|kind| kind.full_name().starts_with("tillbook.") && !kind.is_map_entry());
    Ok(ours.collect())
}

/// A message whose every field holds something plausible.
pub fn filled(kind: &MessageDescriptor, chance: &mut StdRng) -> DynamicMessage {
    fill(kind, 0, chance)
}

fn fill(kind: &MessageDescriptor, depth: u32, chance: &mut StdRng) -> DynamicMessage {
    let mut message = DynamicMessage::new(kind.clone());
    for field in kind.fields() {
        let is_message = matches!(field.kind(), Kind::Message(_));
        if is_message && depth >= DEPTH_MAX {
            continue;
        }
        let value = if let Some(entry) = map_value(&field) {
            let key = pick(&["email", "fname", "notes", "scope"], chance);
            let value = single(&entry, depth, chance);
            Value::Map([(MapKey::String((*key).to_owned()), value)].into())
        } else if field.is_list() {
            let count = chance.random_range(1..3);
            Value::List((0..count).map(|_| single(&field, depth, chance)).collect())
        } else {
            single(&field, depth, chance)
        };
        message.set_field(&field, value);
    }
    message
}

/// The field of a map's values.
fn map_value(field: &FieldDescriptor) -> Option<FieldDescriptor> {
    let kind = field.kind();
    let entry = kind.as_message().filter(|_| field.is_map())?;
    Some(entry.map_entry_value_field())
}

fn single(field: &FieldDescriptor, depth: u32, chance: &mut StdRng) -> Value {
    match field.kind() {
        Kind::Message(kind) => Value::Message(fill(&kind, depth + 1, chance)),
        Kind::Enum(kind) => Value::EnumNumber(number(&kind, chance)),
        Kind::String => Value::String(text(field.name(), chance).to_owned()),
        Kind::Bytes => Value::Bytes(br#"{"order": {"id": 250}}"#.to_vec().into()),
        Kind::Bool => Value::Bool(chance.random()),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(chance.random_range(0..400)),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(chance.random_range(0..90_000)),
        Kind::Uint32 | Kind::Fixed32 => Value::U32(chance.random_range(0..400)),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(chance.random_range(0..90_000)),
        Kind::Double | Kind::Float => Value::default_value(&field.kind()),
    }
}

/// Mostly a value that means something.
fn number(kind: &EnumDescriptor, chance: &mut StdRng) -> i32 {
    let values: Vec<i32> = kind.values().map(|value| value.number()).collect();
    match values.as_slice() {
        [_, meant @ ..] if !meant.is_empty() && chance.random_range(0..10) > 0 => {
            *pick(meant, chance)
        }
        all => *pick(all, chance),
    }
}

fn text(name: &str, chance: &mut StdRng) -> &'static str {
    let texts: &[&str] = match name {
        _ if name.contains("currency") => &["USD", "EUR", "JPY", "KWD"],
        _ if name.contains("date") || name.ends_with("_until") => &["2026-08-11", "2024-02-29"],
        "connection" => &["acme", "globex"],
        "stage" => &["fetch", "validate", "transform", "lookup", "deliver"],
        "code" => &[
            "panic",
            "retries_spent",
            "missing_customer",
            "worker_died",
            "rejected",
        ],
        "entity_id" => &["250", "1"],
        "schema" => &["tillbook.hint.v1.Hint"],
        "name" => &["tillbook-schema", "Ada", "Blue \u{1f980} mug"],
        "email" | "email_to" | "email_key" => &["ada@example.com", ""],
        "traceparent" => &["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
        "country_code" => &["DE", "US"],
        "sku" => &["MUG-1", "MUG-2"],
        _ => &["12.50", "1", "0.00", "-3.1", "19"],
    };
    pick::<&str>(texts, chance)
}

/// Changes a field somewhere in the message.
pub fn spoil(message: &mut DynamicMessage, chance: &mut StdRng) {
    let kind = message.descriptor();
    let fields: Vec<FieldDescriptor> = kind.fields().collect();
    if fields.is_empty() {
        return;
    }
    let field = pick(&fields, chance).clone();
    if chance.random_range(0..12) == 0 {
        message.clear_field(&field);
        return;
    }
    match message.get_field_mut(&field) {
        Value::Message(inner) => spoil(inner, chance),
        Value::List(items) => match items.as_mut_slice() {
            [] => {}
            all if chance.random_range(0..4) == 0 => {
                let twin = pick(all, chance).clone();
                items.push(twin);
            }
            all => {
                let at = chance.random_range(0..all.len());
                odd(&mut all[at], chance);
            }
        },
        Value::Map(rows) => {
            if let Some(value) = rows.values_mut().next() {
                odd(value, chance);
            }
        }
        leaf => odd(leaf, chance),
    }
}

/// Another value of the same type.
fn odd(value: &mut Value, chance: &mut StdRng) {
    const TEXTS: [&str; 18] = [
        "",
        " ",
        "0",
        "-0",
        "NaN",
        "1e5",
        "1e400",
        "-12.345678901234567890123456789",
        "79228162514264337593543950335",
        "99999999999999999999999999999999",
        "0.00000000000000000000000000001",
        "9999-12-31",
        "2026-02-30",
        "XXX",
        "usd",
        "\u{1f980}\u{0}\u{202e}",
        "unknown.of.nothing",
        "a.b.>",
    ];
    match value {
        Value::Message(inner) => spoil(inner, chance),
        Value::Bool(flag) => *flag = !*flag,
        Value::I32(number) | Value::EnumNumber(number) => {
            *number = *pick(&[i32::MIN, -1, 0, 7, 99, i32::MAX], chance);
        }
        Value::I64(number) => *number = *pick(&[i64::MIN, -1, 0, i64::MAX], chance),
        Value::U32(number) => *number = *pick(&[0, 1, 16 * 1024 * 1024 + 1, u32::MAX], chance),
        Value::U64(number) => *number = *pick(&[0, 1, u64::MAX], chance),
        Value::String(text) if chance.random_range(0..8) == 0 => *text = text.repeat(3_000),
        Value::String(text) => *text = (*pick(&TEXTS, chance)).to_owned(),
        Value::Bytes(bytes) => {
            let mut spoiled = bytes.to_vec();
            crate::bytes::spoil(&mut spoiled, b"(\xb5/\xfd", chance);
            *bytes = spoiled.into();
        }
        Value::F32(_) | Value::F64(_) | Value::List(_) | Value::Map(_) => {}
    }
}

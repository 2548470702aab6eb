//! Documents that no store would send: nothing panics, every refusal is named.
//!
//! Structure-aware and seeded: corpus documents with values replaced, keys dropped or doubled,
//! types swapped, numbers made huge, levels nested. Each goes through validate and account.

use domain::mapping::Mapping;
use domain::policy::Policy;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sandbox::bigcommerce::corpus::{Settings, Shop, classes};
use serde_json::{Map, Value, json};

use crate::judge::books_of;

/// How the mutated documents ended.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fuzzed {
    pub documents: u64,
    pub booked: u64,
    pub refused: u64,
}

/// The most places of a document that one mutation changes.
const CHANGES_MAX: u32 = 4;

/// Mutates and reads `count` documents.
///
/// # Errors
/// When a refusal has no name, or a class foresees what cannot be done.
pub fn fuzz(count: u64, seed: u64) -> Result<Fuzzed, String> {
    let documents = seeds()?;
    let policy = Policy::default();
    let mapping = Mapping::built_in();
    let mut done = Fuzzed::default();
    let mut source = StdRng::seed_from_u64(seed);
    for _ in 0..count {
        let at = source.random_range(0..documents.len());
        let Some(document) = documents.get(at) else {
            continue;
        };
        let mut document = document.clone();
        for _ in 0..source.random_range(1..=CHANGES_MAX) {
            mutate(&mut document, &mut source);
        }
        done.documents += 1;
        match books_of(Some(&document), &policy, &mapping) {
            Ok(_) => done.booked += 1,
            Err(codes) if codes.is_empty() || codes.iter().any(|code| code.is_empty()) => {
                return Err(format!("refused without a name: {document}"));
            }
            Err(_) => done.refused += 1,
        }
    }
    Ok(done)
}

/// One life of every class but the thousand lines, in both tax settings.
///
/// # Errors
/// When a class foresees what cannot be done.
pub fn seeds() -> Result<Vec<Value>, String> {
    let mut documents = Vec::new();
    for tax_inclusive in [false, true] {
        let shop = Shop::new(&Settings {
            tax_inclusive,
            currency: "USD".to_owned(),
            no_rounding: false,
            time_zone: "Europe/Berlin".to_owned(),
        });
        for class in classes().filter(|class| class.name != "thousand_lines") {
            let story = shop.story(class.name, 7)?;
            documents.extend(story.into_iter().filter_map(|moment| moment.document));
        }
    }
    Ok(documents)
}

/// Walks down a random path and changes what is there.
pub fn mutate(value: &mut Value, source: &mut StdRng) {
    let deeper = source.random_range(0..10) < 8;
    match value {
        Value::Object(fields) if deeper && !fields.is_empty() => {
            let at = source.random_range(0..fields.len());
            let Some(key) = fields.keys().nth(at).cloned() else {
                return;
            };
            match source.random_range(0..12) {
                0 => {
                    fields.remove(&key);
                }
                1 => {
                    let other = fields.values().nth(source.random_range(0..fields.len()));
                    let other = other.cloned().unwrap_or_default();
                    fields.insert(key, other);
                }
                _ => {
                    if let Some(inner) = fields.get_mut(&key) {
                        mutate(inner, source);
                    }
                }
            }
        }
        Value::Array(items) if deeper && !items.is_empty() => {
            let at = source.random_range(0..items.len());
            match source.random_range(0..8) {
                0 => {
                    items.remove(at);
                }
                1 => {
                    let twin = items.get(at).cloned().unwrap_or_default();
                    items.push(twin);
                }
                _ => {
                    if let Some(inner) = items.get_mut(at) {
                        mutate(inner, source);
                    }
                }
            }
        }
        other => *other = odd(other, source),
    }
}

/// A value in the place of another.
fn odd(old: &Value, source: &mut StdRng) -> Value {
    match source.random_range(0..8) {
        0 => old.as_str().map_or(Value::Null, |text| json!([text, text])),
        1 => nested(source.random_range(1..60)),
        2 => Value::String("9".repeat(source.random_range(1..400))),
        3 => literal(source),
        _ => text(source),
    }
}

fn nested(levels: u32) -> Value {
    (0..levels).fold(Value::Null, |inner, level| {
        if level % 2 == 0 {
            Value::Array(vec![inner])
        } else {
            Value::Object(Map::from_iter([("order".to_owned(), inner)]))
        }
    })
}

fn literal(source: &mut StdRng) -> Value {
    const NUMBERS: [&str; 14] = [
        "0",
        "-0",
        "-1",
        "1e400",
        "1e-400",
        "79228162514264337593543950335",
        "-1e28",
        "18446744073709551616",
        "9223372036854775807",
        "0.000000000000000000000000000001",
        "1E+2",
        "999999999999.9999",
        "1000000000000",
        "253402300800",
    ];
    let at = source.random_range(0..NUMBERS.len());
    let text = NUMBERS.get(at).copied().unwrap_or("0");
    serde_json::from_str(text).unwrap_or(Value::Bool(true))
}

fn text(source: &mut StdRng) -> Value {
    const TEXTS: [&str; 24] = [
        "",
        " ",
        "-0.0001",
        "1e3",
        "1e-9",
        "NaN",
        "inf",
        "+12.5",
        "12,50",
        "0x10",
        "99999999999999",
        "79228162514264337593543950335",
        "-5",
        "giftcertificate",
        "capture",
        "refund",
        "JPY",
        "KWD",
        "9999-12-31T23:59:59Z",
        "-9999-01-01T00:00:00Z",
        "Thu, 31 Feb 2020 00:00:00 +0000",
        "\u{202e}\u{0}\u{1f980}",
        "true",
        "2999-01-01",
    ];
    let at = source.random_range(0..TEXTS.len());
    TEXTS.get(at).copied().unwrap_or_default().into()
}

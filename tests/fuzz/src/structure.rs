//! JSON trees that were valid once: what stands in one place is put in another, or grows.
//!
//! Most changes are the corpus's own (`corpus::fuzz`): keys dropped and doubled, types swapped, odd
//! numbers and texts. Not here: text that is no JSON any more (`bytes`).

use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::Value;

use crate::bytes::pick;

/// The most changes of one tree.
const CHANGES_MAX: u32 = 4;
/// Deeper than `serde_json` reads.
const LEVELS_MAX: u32 = 200;

/// Changes the tree in one to four places; `donor` is another tree of the same kind.
pub fn spoil(tree: &mut Value, donor: &Value, chance: &mut StdRng) {
    // Mostly few, so that most of the tree still says what it said.
    let most = chance.random_range(1..=CHANGES_MAX);
    for _ in 0..chance.random_range(1..=most) {
        match chance.random_range(0..10) {
            0..2 => {
                let graft = place(&mut donor.clone(), chance).take();
                *place(tree, chance) = graft;
            }
            2 => {
                let moved = place(tree, chance).clone();
                *place(tree, chance) = moved;
            }
            3 => *place(tree, chance) = grown(chance),
            _ => corpus::fuzz::mutate(place(tree, chance), chance),
        }
    }
}

/// As text; a third of the time spoiled as such once more.
pub fn text(tree: &Value, donor: &Value, chance: &mut StdRng) -> Vec<u8> {
    let mut text = tree.to_string().into_bytes();
    if chance.random_range(0..3) == 0 {
        crate::bytes::spoil(&mut text, donor.to_string().as_bytes(), chance);
    }
    text
}

/// Any place of a tree, but rarely one that holds much of it.
fn place<'a>(tree: &'a mut Value, chance: &mut StdRng) -> &'a mut Value {
    let inside = match tree {
        Value::Array(items) => items.len(),
        Value::Object(fields) => fields.len(),
        _ => 0,
    };
    if inside == 0 || chance.random_range(0..20) == 0 {
        return tree;
    }
    let at = chance.random_range(0..inside);
    let inner = match tree {
        Value::Array(items) => &mut items[at],
        Value::Object(fields) => match fields.values_mut().nth(at) {
            Some(value) => value,
            None => unreachable!("a field at {at} of {inside}"),
        },
        _ => unreachable!("a leaf has nothing inside"),
    };
    place(inner, chance)
}

fn grown(chance: &mut StdRng) -> Value {
    match chance.random_range(0..4) {
        0 => (0..chance.random_range(1..LEVELS_MAX))
            .fold(Value::Null, |inner, _| Value::Array(vec![inner])),
        1 => Value::Array(vec![Value::Null; chance.random_range(1..2_000)]),
        2 => pick(
            &["\u{1f980}", "\u{10ffff}", "\u{0}", "\u{202e}", "\u{fb01}"],
            chance,
        )
        .repeat(chance.random_range(1..300))
        .into(),
        _ => "A".repeat(chance.random_range(1..40_000)).into(),
    }
}

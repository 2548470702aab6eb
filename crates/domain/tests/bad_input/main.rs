//! Bad input, each kind by name, and the one thing that comes of it: a fault that names its place,
//! a hold with the sums, or the text exactly as it was.
//!
//! Not here: the vendor's spellings and many faults at once (`validate.rs`), and what the running
//! services make of it (`tests/e2e/tests/bad_input.rs`).

// Helpers are test code too; clippy exempts only the test functions themselves.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod amounts;
#[path = "../common/mod.rs"]
mod common;
mod dates;
mod decoration;
mod fields;
mod texts;

use common::{books, document};
use domain::policy::Policy;
use domain::validate::read_order;
use serde_json::Value;

/// The only fault of a document, as its code and place.
#[track_caller]
pub(crate) fn only_fault(document: &Value) -> (&'static str, String) {
    let faults = read_order(document).unwrap_err();
    let [fault] = faults.as_slice() else {
        panic!("{faults:?}");
    };
    assert!(fault.message.ends_with('.'), "{fault:?}");
    (fault.code, fault.path.clone())
}

#[track_caller]
pub(crate) fn is_fault(document: &Value, code: &str, path: &str) {
    let (found, place) = only_fault(document);
    assert_eq!((found, place.as_str()), (code, path));
}

/// The only hold of an order under the default policy: its code and message.
#[track_caller]
pub(crate) fn only_hold(document: &Value) -> (&'static str, String) {
    let holds = books(document, &Policy::default()).unwrap_err();
    let [hold] = holds.as_slice() else {
        panic!("{holds:?}");
    };
    (hold.code, hold.message.clone())
}

pub(crate) fn with(place: &str, value: Value) -> Value {
    let mut order = document();
    put(&mut order, place, value);
    order
}

/// Sets the value at a JSON pointer, also one that is not there yet.
pub(crate) fn put(document: &mut Value, place: &str, value: Value) {
    let (parent, key) = place.rsplit_once('/').unwrap();
    document.pointer_mut(parent).unwrap()[key] = value;
}

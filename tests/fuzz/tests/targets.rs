//! Every target on its fixed number of inputs, and that the inputs get deep.
//!
//! `TILLBOOK_FUZZ_INPUTS` sets the number for each target, `TILLBOOK_FUZZ_SEED` another seed, and
//! `TILLBOOK_FUZZ_ONLY` runs the one input of that number.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests may panic as tests do"
)]

use std::path::Path;

use fuzz::run::{Settings, Target, run};

/// Runs `inputs` inputs; each of `reached` must have become of some of them.
#[track_caller]
fn holds<T: Target>(target: &T, inputs: u64, reached: &[&str]) {
    let settings = Settings::from_environment(inputs).unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let tally = run(target, settings, folder).unwrap_or_else(|failure| panic!("{failure}"));
    eprintln!("{}: {tally:?}", T::NAME);
    // A single input, or a few, reach what they reach.
    if settings.only.is_none() && settings.inputs >= inputs {
        let missed: Vec<_> = reached
            .iter()
            .filter(|word| !tally.contains_key(*word))
            .collect();
        assert!(
            missed.is_empty(),
            "{}: nothing became {missed:?} of {tally:?}",
            T::NAME
        );
    }
}

#[test]
fn hooks() {
    let reached = [
        "stored",
        "irrelevant",
        "broken_envelope",
        "unauthorized",
        "unknown_connection",
        "too_large",
        "unsupported_media_type",
        "store_unavailable",
    ];
    holds(&fuzz::hooks::Hooks::new(), 2_000, &reached);
}

#[test]
fn messages() {
    let reached = [
        "no message",
        "read",
        "snapshot read",
        "snapshot refused",
        "transformed",
        "transform held",
        "order read",
        "books read",
        "books refused",
        "item read",
        "entry read",
        "entry refused",
        "client's entry read",
        "letter with original",
    ];
    holds(&fuzz::protobuf::Messages::new().unwrap(), 4_000, &reached);
}

#[test]
fn every_message_of_the_contracts_is_read() {
    let messages = fuzz::protobuf::Messages::new().unwrap();
    assert_eq!(messages.unread(), Vec::<&str>::new());
}

#[test]
fn orders() {
    holds(
        &fuzz::orders::Orders::new().unwrap(),
        2_000,
        &["unread", "held", "booked"],
    );
}

#[test]
fn mappings() {
    holds(
        &fuzz::mapping::Documents::new().unwrap(),
        1_500,
        &["refused", "accepted"],
    );
}

#[test]
fn configurations() {
    let target = fuzz::configuration::Configurations::new().unwrap();
    holds(&target, 1_500, &["refused", "accepted"]);
}

#[test]
fn freshbooks() {
    let reached = [
        "read",
        "failed to read",
        "written",
        "failed to write",
        "unknown outcome",
        "refreshed",
    ];
    holds(&fuzz::freshbooks::Answers::new().unwrap(), 1_200, &reached);
}

#[test]
fn bigcommerce() {
    let reached = [
        "read",
        "fetched and read",
        "fetched and refused",
        "hooks kept",
        "failed",
    ];
    holds(&fuzz::bigcommerce::Fetches::new().unwrap(), 2_000, &reached);
}

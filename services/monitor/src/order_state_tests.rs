use std::collections::BTreeMap;

use contracts::books::OutcomeKind;
use contracts::dead_letter::DeadLetterKind;
use contracts::journal::{JournalEntry, JournalKind};

use crate::fixtures::Journey;
use crate::order_state::{KnownOutcome, OrderState, Step, Total, derive};

fn step(entry: JournalEntry) -> Step {
    Step {
        kind: entry.kind(),
        entry_id: entry.entry_id,
        at_ms: i64::try_from(entry.at_ms).unwrap(),
        stage: entry.stage,
        event_id: entry.event_id,
        trace_id: entry.trace_id,
        detail: entry.detail,
        attributes: entry.attributes,
    }
}

fn steps(entries: Vec<JournalEntry>) -> Vec<Step> {
    entries.into_iter().map(step).collect()
}

fn told(journey: &Journey, kind: OutcomeKind, at_ms: i64) -> KnownOutcome {
    let outcome = journey.outcome(kind);
    KnownOutcome {
        event_id: journey.event_id.clone(),
        trace_id: journey.trace_id.clone(),
        at_ms,
        kind,
        invoice_id: i64::try_from(outcome.invoice_id).unwrap(),
        invoice_number: outcome.invoice_number,
        total: None,
        detail: String::new(),
    }
}

fn state(steps: &[Step], outcomes: &[KnownOutcome]) -> OrderState {
    derive(steps, outcomes).unwrap().state
}

#[test]
fn nothing_known_is_no_order() {
    assert_eq!(derive(&[], &[]), None);
}

#[test]
fn each_step_of_the_way_has_its_state() {
    let mut journey = Journey::new("acme", 1);
    let mut known = steps(journey.up_to_lookup());
    assert_eq!(state(&known[..1], &[]), OrderState::Received);
    assert_eq!(state(&known[..2], &[]), OrderState::InProgress);
    assert_eq!(state(&known, &[]), OrderState::InProgress);
    known.push(step(journey.entry(
        "deliver",
        JournalKind::RetryScheduled,
        &[],
    )));
    assert_eq!(state(&known, &[]), OrderState::Waiting);
    known.extend(steps(journey.delivery()));
    assert_eq!(
        state(&known, &[]),
        OrderState::Delivered,
        "what it did is not known yet"
    );
    for (kind, expected) in [
        (OutcomeKind::Written, OrderState::InBooks),
        (OutcomeKind::Unchanged, OrderState::InBooks),
        (OutcomeKind::NothingDue, OrderState::NotInBooks),
        (OutcomeKind::Removed, OrderState::NotInBooks),
        (OutcomeKind::Superseded, OrderState::Superseded),
    ] {
        assert_eq!(state(&known, &[told(&journey, kind, 0)]), expected);
    }
}

#[test]
fn the_journals_own_note_stands_in_for_an_outcome_past_retention() {
    let mut journey = Journey::new("acme", 1);
    for word in ["removed", "OUTCOME_KIND_REMOVED"] {
        let note = journey.entry("deliver", JournalKind::Delivered, &[("outcome", word)]);
        assert_eq!(state(&[step(note)], &[]), OrderState::NotInBooks);
    }
}

#[test]
fn a_dead_letter_is_held_or_failed_until_it_is_replayed() {
    for (kind, expected) in [
        (DeadLetterKind::Held, OrderState::Held),
        (DeadLetterKind::Rejected, OrderState::Failed),
        (DeadLetterKind::Exhausted, OrderState::Failed),
    ] {
        let mut journey = Journey::new("acme", 1);
        let mut known = steps(journey.up_to_lookup());
        known.push(step(journey.death("deliver", kind).1));
        assert_eq!(state(&known, &[]), expected);
        known.push(step(journey.entry("replay", JournalKind::Replayed, &[])));
        assert_eq!(state(&known, &[]), OrderState::InProgress);
        known.extend(steps(journey.delivery()));
        assert_eq!(
            state(&known, &[told(&journey, OutcomeKind::Written, 0)]),
            OrderState::InBooks
        );
    }
}

#[test]
fn clocks_that_differ_between_services_confuse_nothing_within_an_event() {
    let mut journey = Journey::new("acme", 1);
    let mut known = steps(journey.up_to_lookup());
    let mut delivery = steps(journey.delivery());
    for step in &mut delivery {
        step.at_ms -= 500;
    }
    known.extend(delivery);
    assert_eq!(
        state(&known, &[told(&journey, OutcomeKind::Written, 0)]),
        OrderState::InBooks
    );
}

#[test]
fn a_later_hook_opens_the_order_again_and_a_superseded_one_does_not() {
    let mut journey = Journey::new("acme", 1);
    let mut known = steps(journey.up_to_lookup());
    known.extend(steps(journey.delivery()));
    let mut outcomes = vec![told(&journey, OutcomeKind::Written, 0)];
    journey.again();
    known.extend(steps(journey.up_to_lookup()));
    let open = derive(&known, &outcomes).unwrap();
    assert_eq!(open.state, OrderState::InProgress);
    assert_eq!(
        open.open_since_ms,
        Some(known[12].at_ms),
        "since the second hook"
    );
    assert_eq!(
        open.invoice_number, "BC-1",
        "what is in the books is still known"
    );

    known.extend(steps(journey.delivery()));
    outcomes.push(told(&journey, OutcomeKind::Superseded, 1));
    let settled = derive(&known, &outcomes).unwrap();
    assert_eq!(
        (settled.state, settled.open_since_ms),
        (OrderState::InBooks, None)
    );
}

#[test]
fn a_closed_hint_leaves_what_stands() {
    let mut journey = Journey::new("acme", 1);
    let mut known = steps(journey.up_to_lookup());
    known.extend(steps(journey.delivery()));
    let outcomes = vec![told(&journey, OutcomeKind::Written, 0)];
    journey.again();
    let closed = step(journey.entry("fetch", JournalKind::Closed, &[]));
    assert_eq!(
        state(std::slice::from_ref(&closed), &[]),
        OrderState::Closed
    );
    known.push(closed);
    assert_eq!(state(&known, &outcomes), OrderState::InBooks);
}

#[test]
fn a_slow_twins_word_of_another_attempt_does_not_undo_a_delivery() {
    let mut journey = Journey::new("acme", 1);
    let mut known = steps(journey.up_to_lookup());
    known.extend(steps(journey.delivery()));
    for kind in [JournalKind::VendorCalled, JournalKind::RetryScheduled] {
        known.push(step(journey.entry("deliver", kind, &[])));
    }
    let outcomes = [told(&journey, OutcomeKind::Written, 0)];
    assert_eq!(state(&known, &outcomes), OrderState::InBooks);
}

#[test]
fn a_hint_that_two_processes_followed_is_one_event() {
    let mut journey = Journey::new("acme", 1);
    let mut known = steps(journey.up_to_lookup());
    known.extend(steps(journey.delivery()));
    let outcomes = [told(&journey, OutcomeKind::Written, 0)];
    let event_id = journey.event_id.clone();
    let twin = |mut entry: JournalEntry| {
        entry.trace_id = "of the twin".to_owned();
        step(entry)
    };
    let named = [("event_id", event_id.as_str())];
    known.push(twin(journey.entry(
        "fetch",
        JournalKind::SnapshotStored,
        &named,
    )));
    known.push(twin(journey.entry("fetch", JournalKind::StagePassed, &[])));
    assert_eq!(state(&known, &outcomes), OrderState::InBooks);
}

#[test]
fn a_hook_that_a_later_one_took_in_keeps_no_order_open() {
    let mut journey = Journey::new("acme", 1);
    let taken_in = step(journey.entry("ingest", JournalKind::HookReceived, &[]));
    let alone = std::slice::from_ref(&taken_in);
    assert_eq!(state(alone, &[]), OrderState::Received);
    let again = step(journey.entry("fetch", JournalKind::RetryScheduled, &[]));
    assert_eq!(
        state(&[taken_in.clone(), again.clone()], &[]),
        OrderState::Waiting
    );
    journey.again();
    let closed = step(journey.entry("fetch", JournalKind::Closed, &[]));
    assert_eq!(
        state(&[taken_in.clone(), closed.clone()], &[]),
        OrderState::Closed
    );
    assert_eq!(state(&[taken_in, again, closed], &[]), OrderState::Closed);
}

#[test]
fn a_failed_fetch_that_is_told_late_keeps_no_order_open() {
    let mut journey = Journey::new("acme", 1);
    let first_trace = journey.trace_id.clone();
    let mut known = vec![step(journey.entry(
        "ingest",
        JournalKind::HookReceived,
        &[],
    ))];
    journey.again();
    known.extend(steps(journey.up_to_lookup()));
    known.extend(steps(journey.delivery()));
    let outcomes = [told(&journey, OutcomeKind::Written, 0)];
    let mut late = journey.entry("fetch", JournalKind::RetryScheduled, &[]);
    late.trace_id = first_trace;
    known.push(step(late));
    assert_eq!(state(&known, &outcomes), OrderState::InBooks);
    // The last hint itself is still to come.
    journey.again();
    let waits = journey.entry("ingest", JournalKind::HookReceived, &[]);
    known.push(step(waits));
    let waits = journey.entry("fetch", JournalKind::RetryScheduled, &[]);
    known.push(step(waits));
    assert_eq!(state(&known, &outcomes), OrderState::Waiting);
}

#[test]
fn the_total_is_what_the_store_said_last() {
    let mut journey = Journey::new("acme", 1);
    let mut known = steps(journey.up_to_lookup());
    journey.again();
    let attributes = [("total_minor", "999"), ("currency", "USD")];
    known.push(step(journey.entry(
        "fetch",
        JournalKind::SnapshotStored,
        &attributes,
    )));
    known.reverse();
    let total = Total {
        amount_minor: 999,
        currency: "USD".to_owned(),
    };
    assert_eq!(derive(&known, &[]).unwrap().total, Some(total));
}

#[test]
fn an_outcome_alone_tells_the_state() {
    let journey = Journey::new("acme", 1);
    let row = derive(&[], &[told(&journey, OutcomeKind::Written, 42)]).unwrap();
    assert_eq!((row.state, row.updated_at_ms), (OrderState::InBooks, 42));
    assert_eq!(row.trace_id, journey.trace_id);
}

#[test]
fn an_entry_of_an_unknown_kind_is_no_trouble() {
    let odd = Step {
        attributes: BTreeMap::new(),
        at_ms: 1,
        ..Step::default()
    };
    assert_eq!(state(&[odd], &[]), OrderState::InProgress);
}

#[test]
fn a_hold_of_the_connection_does_not_hide_that_the_order_waits() {
    let mut journey = Journey::new("acme", 1);
    let mut known = steps(journey.up_to_lookup());
    known.push(step(journey.entry(
        "deliver",
        JournalKind::RetryScheduled,
        &[],
    )));
    known.push(step(journey.entry(
        "deliver",
        JournalKind::ConnectionHeld,
        &[],
    )));
    assert_eq!(state(&known, &[]), OrderState::Waiting);
}

#[test]
fn a_delivery_without_an_invoice_names_neither_invoice_nor_total() {
    let mut journey = Journey::new("acme", 1);
    let mut known = steps(journey.up_to_lookup());
    let empty = [
        ("outcome", "OUTCOME_KIND_NOTHING_DUE"),
        ("invoice_id", "0"),
        ("invoice_number", ""),
        ("total_minor", "0"),
        ("currency_code", ""),
    ];
    known.push(step(journey.entry(
        "deliver",
        JournalKind::Delivered,
        &empty,
    )));
    let row = derive(&known, &[]).unwrap();
    assert_eq!((row.state, row.invoice_id), (OrderState::NotInBooks, 0));
    assert_eq!(row.invoice_number, "");
    assert_eq!(
        row.total.unwrap().amount_minor,
        12_345,
        "what the store said stands"
    );
}

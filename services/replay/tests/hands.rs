//! What people do to one letter: look into it, rehearse it, correct it, take it out.
#![allow(
    clippy::unwrap_used,
    reason = "also in helpers, which clippy does not count as tests"
)]

mod common;

use common::books::bury_plans;
use common::{Bench, document, letter, letter_of, snapshot_of};
use contracts::event::Origin;
use contracts::hint::Hint;
use contracts::journal::JournalKind;
use contracts::order::{Encoding, OrderSnapshot, SnapshotState};
use contracts::snapshot_document;
use contracts::topology::Stream;
use prost::Message;
use replay::{AskError, Filter, Request};
use serde_json::{Value, json};

const ID: &str = "validate-INGESTED-1-5";

/// A letter of validate whose document has a fault.
async fn bury_broken(bench: &Bench) -> OrderSnapshot {
    let mut broken = document("7");
    broken["products"][0]["quantity"] = json!("many");
    let text = broken.to_string();
    let snapshot = OrderSnapshot {
        state: SnapshotState::Present.into(),
        encoding: Encoding::Zstd.into(),
        document_bytes: text.len().try_into().unwrap(),
        document: zstd::bulk::compress(text.as_bytes(), 3).unwrap().into(),
        ..snapshot_of("7")
    };
    bench.bury(&letter_of(&snapshot)).await;
    snapshot
}

async fn show(bench: &Bench) -> Value {
    let dead_letter_id = ID.to_owned();
    bench.ask(Request::Show { dead_letter_id }).await.unwrap()
}

async fn edit(bench: &Bench, payload: Value) -> Result<Value, AskError> {
    bench
        .ask(Request::Edit {
            dead_letter_id: ID.to_owned(),
            payload,
            reason: "a typing error in the store".to_owned(),
            who: "jo".to_owned(),
        })
        .await
}

fn refusal(answer: Result<Value, AskError>) -> String {
    match answer {
        Err(AskError::Refused(why)) => why,
        other => format!("it was not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_letter_is_shown_with_its_cause_its_headers_and_its_payload() {
    let bench = Bench::start().await;
    bury_broken(&bench).await;
    let shown = show(&bench).await;
    let payload = &shown["original_payload"];
    assert_eq!(payload["event"]["entityId"], "7");
    assert_eq!(payload["document"]["products"][0]["quantity"], "many");
    assert_eq!(
        shown["at_stake"],
        json!({ "amount_minor": 1000, "currency": "USD" })
    );
    assert_eq!(shown["class"], "data");
    assert!(shown["proposed_fix"].as_str().unwrap().contains("store"));
    let headers = shown["original_headers"].as_array().unwrap();
    assert!(headers.contains(&json!({ "name": "Tillbook-Test", "value": "kept" })));
    assert_eq!(shown["state"]["fate"], "resting");
}

#[tokio::test]
async fn a_corrected_payload_goes_out_and_the_original_is_kept() {
    let bench = Bench::start().await;
    let broken = bury_broken(&bench).await;
    let mut payload = show(&bench).await["original_payload"].clone();
    payload["document"]["products"][0]["quantity"] = json!(1);
    edit(&bench, payload).await.unwrap();
    let shown = show(&bench).await;
    assert_eq!(
        shown["edited_payload"]["document"]["products"][0]["quantity"],
        1
    );
    assert_eq!(
        shown["original_payload"]["document"]["products"][0]["quantity"],
        "many"
    );
    let told = bench.entries(JournalKind::LetterEdited).await;
    assert_eq!(told[0].attributes["who"], "jo");
    assert_eq!(told[0].detail, "a typing error in the store");

    bench.release(ID, "corrected").await.unwrap();
    let released = bench.stored(Stream::Ingested, 1).await;
    let released = OrderSnapshot::decode(released[0].payload.clone()).unwrap();
    assert_eq!(released.event, broken.event);
    let document: Value =
        serde_json::from_slice(&snapshot_document::read(&released).unwrap()).unwrap();
    assert_eq!(document["products"][0]["quantity"], 1);
    let again = bench.refusal(ID, "once more").await;
    assert!(again.contains("was released already, by jo"), "{again}");
}

#[tokio::test]
async fn an_edit_that_would_be_refused_again_or_is_about_another_order_is_not_taken() {
    let bench = Bench::start().await;
    bury_broken(&bench).await;
    let payload = show(&bench).await["original_payload"].clone();
    let unmended = refusal(edit(&bench, payload.clone()).await);
    assert!(unmended.contains("products[0].quantity"), "{unmended}");
    let mut other = payload.clone();
    other["document"]["products"][0]["quantity"] = json!(1);
    other["event"]["entityId"] = json!("8");
    let other = refusal(edit(&bench, other).await);
    assert!(other.contains("may not change the event"), "{other}");
    let unknown = refusal(edit(&bench, json!({ "documents": {} })).await);
    assert!(unknown.contains("documents"), "{unknown}");
    assert_eq!(show(&bench).await["state"]["edits"], json!([]));
}

#[tokio::test]
async fn a_refetch_tells_the_fetcher_instead_of_going_on_with_what_the_letter_holds() {
    let bench = Bench::start().await;
    bury_broken(&bench).await;
    let refetch = Request::Release {
        dead_letter_id: ID.to_owned(),
        refetch: true,
        reason: "corrected in the store".to_owned(),
        who: "jo".to_owned(),
    };
    bench.ask(refetch).await.unwrap();
    bench.stored(Stream::Ingested, 0).await;
    let hints = bench.stored(Stream::Hints, 1).await;
    assert_eq!(hints[0].subject.as_str(), "tillbook.hint.acme.order.7");
    let hint = Hint::decode(hints[0].payload.clone()).unwrap();
    assert_eq!(
        (hint.origin(), hint.entity_id.as_str()),
        (Origin::Replay, "7")
    );
}

#[tokio::test]
async fn what_is_purged_is_gone_and_its_purge_is_noted() {
    let bench = Bench::start().await;
    bench.bury(&letter()).await;
    bury_plans(&bench, "rejected", "refused", 1..=3).await;
    let purge = |reason: &str| Request::Purge {
        dead_letter_id: ID.to_owned(),
        reason: reason.to_owned(),
        who: "jo".to_owned(),
    };
    assert!(refusal(bench.ask(purge("")).await).contains("reason"));
    bench.ask(purge("no order of ours")).await.unwrap();
    let many = Request::PurgeMany {
        filter: Filter {
            code: Some("rejected".to_owned()),
            ..Filter::default()
        },
        reason: "tests".to_owned(),
        who: "jo".to_owned(),
    };
    let answer = bench.ask(many).await.unwrap();
    assert_eq!(answer, json!({ "purged": 3, "left": 0 }));
    let stream = bench.jetstream.get_stream(Stream::DeadLetters.name()).await;
    assert_eq!(stream.unwrap().cached_info().state.messages, 0);
    let told = bench.entries(JournalKind::LetterPurged).await;
    assert_eq!(told.len(), 4);
    assert_eq!(told[0].attributes["dead_letter_id"], ID);
    let gone = bench.refusal(ID, "too late").await;
    assert!(gone.contains(ID), "{gone}");
}

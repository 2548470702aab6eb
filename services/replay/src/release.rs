//! Putting one dead letter back into the stage it left.

use std::collections::BTreeMap;

use async_nats::HeaderMap;
use contracts::dead_letter::DeadLetter;
use contracts::event::Entity;
use contracts::headers;
use contracts::journal::{JournalEntry, JournalKind};
use contracts::topology::Stage;
use serde_json::{Value, json};
use stage::StageContext;

/// Publishes the original to its stage under a new id, and journals who did it and why.
pub(crate) async fn release(
    context: &StageContext,
    letter: &DeadLetter,
    reason: &str,
    who: &str,
) -> Result<Value, String> {
    if reason.trim().is_empty() {
        return Err("a release needs a reason".to_owned());
    }
    let stage = Stage::from_name(&letter.stage)
        .ok_or_else(|| format!("this version has no stage named {:?}", letter.stage))?;
    if !letter
        .original_subject
        .starts_with(&stage.input().filter().replace('>', ""))
    {
        return Err(format!(
            "{} does not consume {}",
            letter.stage, letter.original_subject
        ));
    }
    let released_at_ms = store::now_ms();
    let message_id = format!("{}:r{released_at_ms}", letter.dead_letter_id);
    let published = context
        .publisher
        .publish(
            letter.original_subject.clone(),
            Some(&message_id),
            replayed_headers(letter, released_at_ms),
            letter.original_payload.clone(),
        )
        .await
        .map_err(|error| error.to_string())?;
    let entry = journal_entry(letter, &message_id, reason, who, released_at_ms);
    context
        .journal
        .store(vec![entry])
        .await
        .map_err(|error| error.to_string())?;
    Ok(json!({
        "released": letter.dead_letter_id,
        "stage": letter.stage,
        "message_id": message_id,
        "stream_sequence": published,
    }))
}

/// The original's own headers, without ids and counts of its first life.
fn replayed_headers(letter: &DeadLetter, released_at_ms: u64) -> HeaderMap {
    let mut header_map = HeaderMap::new();
    for header in &letter.original_headers {
        let is_own = !header.name.starts_with("Nats-")
            && ![
                headers::ATTEMPTS,
                headers::FIRST_SEEN_MS,
                headers::TRACEPARENT,
                headers::REPLAY,
                headers::REPLAY_OF,
            ]
            .contains(&header.name.as_str());
        if is_own {
            header_map.append(header.name.as_str(), header.value.as_str());
        }
    }
    header_map.insert(headers::REPLAY, format!("r{released_at_ms}").as_str());
    if !letter.traceparent.is_empty() {
        header_map.insert(headers::REPLAY_OF, letter.traceparent.as_str());
    }
    header_map
}

fn journal_entry(
    letter: &DeadLetter,
    message_id: &str,
    reason: &str,
    who: &str,
    released_at_ms: u64,
) -> JournalEntry {
    let entity = [Entity::Order, Entity::Customer, Entity::Product]
        .into_iter()
        .find(|entity| entity.token() == letter.entity)
        .unwrap_or(Entity::Unspecified);
    JournalEntry {
        entry_id: format!("replay:{message_id}"),
        connection: letter.connection.clone(),
        entity: entity.into(),
        entity_id: letter.entity_id.clone(),
        event_id: letter.event_id.clone(),
        at_ms: released_at_ms,
        stage: "replay".to_owned(),
        kind: JournalKind::Replayed.into(),
        detail: reason.to_owned(),
        trace_id: String::new(),
        attempt: 1,
        duration_us: 0,
        attributes: BTreeMap::from([
            ("dead_letter_id".to_owned(), letter.dead_letter_id.clone()),
            ("message_id".to_owned(), message_id.to_owned()),
            ("who".to_owned(), who.to_owned()),
        ]),
    }
}

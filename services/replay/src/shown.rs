//! Letters as people see them: lists, groups by cause, and one with everything.

use std::collections::{BTreeMap, BTreeSet};

use contracts::cause;
use contracts::dead_letter::DeadLetter;
use contracts::event::Entity;
use contracts::money::Money;
use contracts::original::schema_of;
use serde_json::{Value, json};
use store::now_ms;

use crate::catalogue::{Key, Resting, kind_word};
use crate::desk::Desk;
use crate::error::Error;
use crate::filter::Filter;
use crate::payload_json;
use crate::states::State;

/// The most letters one answer lists.
const LIST_MAX: usize = 1000;
/// The most groups one answer lists.
const GROUPS_MAX: usize = 200;
/// Connections that a group names.
const NAMES_MAX: usize = 10;
/// A payload that is longer as JSON is not shown: NATS carries no larger answer.
const PAYLOAD_JSON_BYTES_MAX: usize = 700 * 1024;

/// The newest letters that rest, at most `limit` of those the filter names.
pub(crate) async fn list(desk: &Desk, filter: &Filter, limit: usize) -> Result<Value, Error> {
    filter.check()?;
    let now = now_ms();
    let letters = desk.catalogue.now().await?;
    let matching = || letters.all().rev().filter(|l| filter.matches(l, now));
    let shown: Vec<Value> = matching()
        .take(limit.clamp(1, LIST_MAX))
        .map(summary)
        .collect();
    Ok(json!({ "total": matching().count(), "dead_letters": shown }))
}

/// What the orders of some letters come to. An order counts once, however many letters it has,
/// with what the newest of them that says so says: it is owed or owing once.
#[derive(Default)]
struct AtStake<'a>(BTreeMap<&'a Key, &'a Money>);

impl<'a> AtStake<'a> {
    /// Takes in a letter; older ones come first.
    fn add(&mut self, letter: &'a Resting) {
        if let Some(money) = &letter.cause.at_stake {
            self.0.insert(&letter.key, money);
        }
    }

    /// The sums by currency.
    fn shown(&self) -> Value {
        let mut sums: BTreeMap<&str, i64> = BTreeMap::new();
        for money in self.0.values() {
            let sum = sums.entry(&money.currency_code).or_default();
            *sum = sum.saturating_add(money.amount_minor);
        }
        let sums = sums.into_iter();
        sums.map(|(currency, minor)| json!({ "amount_minor": minor, "currency": currency }))
            .collect()
    }
}

/// What letters of one cause come to.
#[derive(Default)]
struct Group<'a> {
    letters: u64,
    oldest_at_ms: u64,
    at_stake: AtStake<'a>,
    connections: BTreeSet<&'a str>,
    newest: Option<&'a Resting>,
}

/// The letters that rest, by cause; the largest group first. What all of them come to is said
/// beside: an order may have letters in several groups, so it is not the groups' sum.
pub(crate) async fn groups(desk: &Desk, filter: &Filter) -> Result<Value, Error> {
    filter.check()?;
    let now = now_ms();
    let letters = desk.catalogue.now().await?;
    let mut groups: BTreeMap<&str, Group<'_>> = BTreeMap::new();
    let mut all = AtStake::default();
    for letter in letters.all().filter(|l| filter.matches(l, now)) {
        let group = groups.entry(&letter.cause.fingerprint).or_default();
        if group.letters == 0 {
            group.oldest_at_ms = letter.dead_at_ms;
        }
        group.letters = group.letters.saturating_add(1);
        group.at_stake.add(letter);
        all.add(letter);
        let [connection, _, _] = &letter.key;
        if group.connections.len() < NAMES_MAX {
            group.connections.insert(connection);
        }
        group.newest = Some(letter);
    }
    let total = groups.len();
    let mut groups: Vec<(&str, Group<'_>)> = groups.into_iter().collect();
    groups.sort_by_key(|(_, group)| std::cmp::Reverse(group.letters));
    let shown: Vec<Value> = groups.iter().take(GROUPS_MAX).map(of_group).collect();
    Ok(json!({ "total": total, "at_stake": all.shown(), "groups": shown }))
}

fn of_group((fingerprint, group): &(&str, Group<'_>)) -> Value {
    let Some(newest) = group.newest else {
        return Value::Null;
    };
    json!({
        "group": fingerprint,
        "letters": group.letters,
        "class": newest.cause.class,
        "stage": newest.stage,
        "kind": newest.kind,
        "codes": newest.codes,
        "connections": group.connections,
        "at_stake": group.at_stake.shown(),
        "oldest_at_ms": group.oldest_at_ms,
        "newest_at_ms": newest.dead_at_ms,
        "example": { "dead_letter_id": newest.id, "reason": newest.message },
        "proposed_fix": newest.cause.proposed_fix,
    })
}

fn summary(letter: &Resting) -> Value {
    let [connection, entity, entity_id] = &letter.key;
    json!({
        "dead_letter_id": letter.id,
        "stage": letter.stage,
        "kind": letter.kind,
        "connection": connection,
        "entity": entity,
        "entity_id": entity_id,
        "attempts": letter.attempts,
        "dead_at_ms": letter.dead_at_ms,
        "reasons": letter.codes,
        "group": letter.cause.fingerprint,
        "edited": letter.is_edited,
    })
}

/// The newest letter that rests of each of these orders; those without one are left out.
pub(crate) async fn of_orders(
    desk: &Desk,
    connection: &str,
    order_ids: &[u64],
) -> Result<Value, Error> {
    if order_ids.len() > LIST_MAX {
        return Error::refused(format!("ask for at most {LIST_MAX} orders at once"));
    }
    let letters = desk.catalogue.now().await?;
    let newest = order_ids.iter().filter_map(|id| {
        let key = [
            connection.to_owned(),
            Entity::Order.token().to_owned(),
            id.to_string(),
        ];
        letters.of_key(&key).last()
    });
    let shown: Vec<Value> = newest
        .map(|letter| {
            let mut shown = summary(letter);
            shown["reason"] = letter.message.as_str().into();
            shown
        })
        .collect();
    Ok(json!({ "dead_letters": shown }))
}

/// One letter with its cause, its headers, its payload as JSON, and what became of it.
pub(crate) async fn show(desk: &Desk, id: &str) -> Result<Value, Error> {
    let letter = desk.letter(id).await?;
    let (state, _) = desk.states.get(id).await?;
    let edited = desk.states.edited(id, &state).await?;
    let mut shown = whole(&letter, &state);
    if let Some(bytes) = edited {
        let schema = schema_of(&letter).unwrap_or_default();
        shown["edited_payload"] = bounded(payload_json::write(&schema, &bytes));
    }
    Ok(shown)
}

fn whole(letter: &DeadLetter, state: &State) -> Value {
    let cause = cause::of(letter);
    let at_stake = cause.at_stake.map(
        |money| json!({ "amount_minor": money.amount_minor, "currency": money.currency_code }),
    );
    let schema = schema_of(letter).unwrap_or_default();
    let reasons: Vec<Value> = letter
        .reasons
        .iter()
        .map(|r| json!({ "code": r.code, "message": r.message, "path": r.path }))
        .collect();
    let headers: Vec<Value> = letter
        .original_headers
        .iter()
        .map(|header| json!({ "name": header.name, "value": header.value }))
        .collect();
    json!({
        "dead_letter_id": letter.dead_letter_id,
        "stage": letter.stage,
        "kind": kind_word(letter.kind()),
        "connection": letter.connection,
        "entity": letter.entity,
        "entity_id": letter.entity_id,
        "event_id": letter.event_id,
        "reasons": reasons,
        "class": cause.class,
        "group": cause.fingerprint,
        "proposed_fix": cause.proposed_fix,
        "at_stake": at_stake,
        "attempts": letter.attempts,
        "first_seen_at_ms": letter.first_seen_at_ms,
        "dead_at_ms": letter.dead_at_ms,
        "traceparent": letter.traceparent,
        "state": state,
        "original_stream": letter.original_stream,
        "original_subject": letter.original_subject,
        "original_sequence": letter.original_sequence,
        "original_headers": headers,
        "original_schema": schema,
        "original_bytes": letter.original_payload.len(),
        "original_payload": bounded(payload_json::write(&schema, &letter.original_payload)),
    })
}

/// The payload as JSON, or in plain words why it is not shown.
fn bounded(payload: Result<Value, Error>) -> Value {
    match payload {
        Ok(payload) if payload.to_string().len() <= PAYLOAD_JSON_BYTES_MAX => payload,
        Ok(_) => json!("too large to be shown in one answer"),
        Err(error) => json!(error.words()),
    }
}

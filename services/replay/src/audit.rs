//! What the journal keeps of dead letters: who did what, when and why.

use std::collections::BTreeMap;

use contracts::event::Entity;
use contracts::journal::{JournalEntry, JournalKind};

use crate::catalogue::Key;
use crate::desk::By;

const STAGE: &str = "replay";

/// A letter as the journal names it.
pub(crate) struct About<'a> {
    pub(crate) id: &'a str,
    pub(crate) key: &'a Key,
    pub(crate) event_id: &'a str,
}

/// One entry about one letter; `unique` keeps apart what may happen to a letter more than once.
pub(crate) fn of_letter(
    kind: JournalKind,
    about: &About<'_>,
    unique: &str,
    by: By<'_>,
    at_ms: u64,
) -> JournalEntry {
    let [connection, entity, entity_id] = about.key;
    JournalEntry {
        entry_id: format!("{STAGE}:{unique}"),
        connection: connection.clone(),
        entity: entity_of(entity).into(),
        entity_id: entity_id.clone(),
        event_id: about.event_id.to_owned(),
        at_ms,
        stage: STAGE.to_owned(),
        kind: kind.into(),
        detail: by.why.to_owned(),
        attempt: 1,
        attributes: BTreeMap::from([
            ("dead_letter_id".to_owned(), about.id.to_owned()),
            ("who".to_owned(), by.who.to_owned()),
        ]),
        ..JournalEntry::default()
    }
}

/// One entry about a release of many.
pub(crate) fn of_release(
    id: &str,
    connection: &str,
    detail: String,
    at_ms: u64,
    more: BTreeMap<String, String>,
) -> JournalEntry {
    let mut attributes = BTreeMap::from([("release_id".to_owned(), id.to_owned())]);
    attributes.extend(more);
    JournalEntry {
        entry_id: format!("release:{id}:{at_ms}"),
        connection: connection.to_owned(),
        at_ms,
        stage: STAGE.to_owned(),
        kind: JournalKind::ReleaseChanged.into(),
        detail,
        attempt: 1,
        attributes,
        ..JournalEntry::default()
    }
}

/// The entity of a token.
pub(crate) fn entity_of(token: &str) -> Entity {
    [Entity::Order, Entity::Customer, Entity::Product]
        .into_iter()
        .find(|entity| entity.token() == token)
        .unwrap_or(Entity::Unspecified)
}

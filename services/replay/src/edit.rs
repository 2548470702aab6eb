//! Changing what a letter holds: checked against its schema and read as its stage would.
//!
//! The original's bytes stay in the letter; what is put in their place is kept beside it and goes
//! out when the letter is released. Not here: releasing.

use contracts::dead_letter::DeadLetter;
use contracts::journal::JournalKind;
use contracts::order::SnapshotState;
use contracts::original::{Original, schema_of, schema_taken_by};
use contracts::topology::{MESSAGE_BYTES_MAX, Stage};
use contracts::{books_conversion, order_conversion, snapshot_document};
use domain::validate::Fault;
use serde_json::{Value, json};
use store::now_ms;

use crate::audit;
use crate::desk::{By, Desk};
use crate::error::Error;
use crate::payload_json;
use crate::states::{Edit, Fate, State};

/// Edits of one letter that are kept; more would be no correction.
const EDITS_MAX: usize = 50;
/// Left for headers.
const HEADROOM: usize = 16 * 1024;

/// Puts a payload in the place of the original's.
pub(crate) async fn edit(
    desk: &Desk,
    id: &str,
    payload: Value,
    by: By<'_>,
) -> Result<Value, Error> {
    by.check("an edit")?;
    let letter = desk.letter(id).await?;
    let schema = taken_schema(&letter)?;
    let bytes = payload_json::read(schema, payload)?;
    check(&letter, schema, &bytes)?;
    let (state, revision) = desk.states.get(id).await?;
    if state.fate != Fate::Resting {
        return Error::refused(format!("letter {id} {}", state.fate.word()));
    }
    if state.edits.len() >= EDITS_MAX {
        return Error::refused(format!(
            "letter {id} was edited {EDITS_MAX} times, the most"
        ));
    }
    let at_ms = now_ms();
    let mut edits = state.edits;
    edits.push(Edit {
        at_ms,
        who: by.who.to_owned(),
        why: by.why.to_owned(),
    });
    let edited = State { edits, ..state };
    let byte_count = bytes.len();
    // The payload first: a record of an edit without its payload would release the original.
    let number = edited.edits.len();
    desk.states.keep_edited(id, number, bytes.into()).await?;
    if desk.states.put(id, &edited, revision).await?.is_none() {
        return Error::refused(format!(
            "letter {id} was changed by somebody else; look again"
        ));
    }
    let key = [
        letter.connection.clone(),
        letter.entity.clone(),
        letter.entity_id.clone(),
    ];
    let about = audit::About {
        id,
        key: &key,
        event_id: &letter.event_id,
    };
    let unique = format!("edit:{id}:{at_ms}");
    let entry = audit::of_letter(JournalKind::LetterEdited, &about, &unique, by, at_ms);
    desk.context.journal.store(vec![entry]).await?;
    Ok(json!({ "edited": id, "schema": schema, "bytes": byte_count, "edits": edited.edits.len() }))
}

/// The schema of the stage the letter left; bytes of another one would not be read there.
fn taken_schema(letter: &DeadLetter) -> Result<&'static str, Error> {
    let Some(stage) = Stage::from_name(&letter.stage) else {
        return Error::refused(format!(
            "this version has no stage named {:?}",
            letter.stage
        ));
    };
    let taken = schema_taken_by(stage);
    match schema_of(letter) {
        Some(schema) if schema != taken => Error::refused(format!(
            "the letter says it is {schema}, {} takes {taken}; release it with --refetch",
            letter.stage
        )),
        _ => Ok(taken),
    }
}

/// Whether the stage could go on with these bytes, and whether they are still about the same.
fn check(letter: &DeadLetter, schema: &str, bytes: &[u8]) -> Result<(), Error> {
    let limit = usize::try_from(MESSAGE_BYTES_MAX).unwrap_or(0);
    if bytes.len().saturating_add(HEADROOM) > limit {
        return Error::refused(format!("the payload has {} bytes, too many", bytes.len()));
    }
    let Some(original) = Original::decode(schema, bytes) else {
        return Error::refused(format!("the payload is no {schema}"));
    };
    let about = original.about();
    let is_same = about.as_ref().is_some_and(|about| {
        about.connection == letter.connection
            && about.entity.token() == letter.entity
            && about.entity_id == letter.entity_id
            && (letter.event_id.is_empty() || about.event_id == letter.event_id)
    });
    if !is_same {
        return Error::refused("an edit may not change the event: connection, entity and ids stay");
    }
    let faults = faults(&original);
    if faults.is_empty() {
        Ok(())
    } else {
        let faults = faults.join("; ");
        Error::refused(format!(
            "the edited payload would be refused again: {faults}"
        ))
    }
}

/// What the stage's reading would refuse.
fn faults(original: &Original) -> Vec<String> {
    let conversion = |error: Option<String>| error.into_iter().collect();
    match original {
        Original::Hint(_) => Vec::new(),
        Original::Snapshot(snapshot) if snapshot.state() == SnapshotState::Present => {
            let event = snapshot.event.as_ref();
            let entity = event
                .map(contracts::event::Event::entity)
                .unwrap_or_default();
            document_faults(entity, snapshot)
        }
        Original::Snapshot(_) => Vec::new(),
        Original::Validated(validated) => conversion(
            validated
                .order
                .as_ref()
                .and_then(|order| order_conversion::from_wire(order).err())
                .map(|error| error.to_string()),
        ),
        Original::Desired(desired) => conversion(
            books_conversion::from_wire(desired)
                .err()
                .map(|e| e.to_string()),
        ),
        Original::Plan(plan) => match &plan.books {
            Some(books) => conversion(
                books_conversion::from_wire(books)
                    .err()
                    .map(|e| e.to_string()),
            ),
            None => vec!["the plan has no books".to_owned()],
        },
    }
}

fn document_faults(
    entity: contracts::event::Entity,
    snapshot: &contracts::order::OrderSnapshot,
) -> Vec<String> {
    use contracts::event::Entity;
    use domain::validate::{read_customer, read_order, read_product};
    let document = match snapshot_document::read(snapshot) {
        Ok(bytes) => serde_json::from_slice::<Value>(&bytes).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let document = match document {
        Ok(document) => document,
        Err(error) => return vec![error],
    };
    let faults: Vec<Fault> = match entity {
        Entity::Customer => read_customer(&document).err().unwrap_or_default(),
        Entity::Product => read_product(&document).err().unwrap_or_default(),
        Entity::Order | Entity::Unspecified => read_order(&document).err().unwrap_or_default(),
    };
    let told = |fault: Fault| format!("{}: {}", fault.path, fault.message);
    faults.into_iter().map(told).collect()
}

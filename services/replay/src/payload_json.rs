//! A stage's message as JSON and back, by its protobuf descriptor.
//!
//! A snapshot's document is JSON inside the message: it is shown and taken as such, in the place
//! of its compressed bytes. Not here: whether what the JSON says can be booked (`edit`).

use std::sync::LazyLock;

use contracts::books::{DesiredBooks, ResolvedPlan};
use contracts::contract::Contract;
use contracts::order::{Encoding, OrderSnapshot};
use contracts::snapshot_document;
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};
use serde_json::{Value, json};

use crate::error::Error;

static CONTRACTS: LazyLock<Option<DescriptorPool>> =
    LazyLock::new(|| DescriptorPool::decode(contracts::DESCRIPTORS).ok());

/// The place of a snapshot's document.
const DOCUMENT: &str = "document";

fn descriptor(schema: &str) -> Result<MessageDescriptor, Error> {
    let pool = CONTRACTS.as_ref();
    let found = pool.and_then(|pool| pool.get_message_by_name(schema));
    found.map_or_else(
        || Error::refused(format!("this version knows no message {schema:?}")),
        Ok,
    )
}

/// Bytes of a schema as JSON.
pub(crate) fn write(schema: &str, bytes: &[u8]) -> Result<Value, Error> {
    let dynamic = DynamicMessage::decode(descriptor(schema)?, bytes)
        .map_err(|error| Error::Refused(format!("the bytes are no {schema}: {error}")))?;
    let mut value =
        serde_json::to_value(&dynamic).map_err(Error::nats("writing the payload as JSON"))?;
    if schema == OrderSnapshot::SCHEMA
        && let Ok(snapshot) = OrderSnapshot::decode(bytes)
        && let Ok(document) = snapshot_document::read(&snapshot)
        && let Ok(document) = serde_json::from_slice::<Value>(&document)
    {
        value[DOCUMENT] = document;
    }
    Ok(value)
}

/// JSON as bytes of a schema; a field that the schema does not have is an error that names it.
pub(crate) fn read(schema: &str, mut value: Value) -> Result<Vec<u8>, Error> {
    let document = match value.get(DOCUMENT) {
        Some(document) if schema == OrderSnapshot::SCHEMA && !document.is_string() => {
            Some(document.to_string())
        }
        _ => None,
    };
    if document.is_some() {
        value[DOCUMENT] = json!("");
    }
    // From text: values of serde_json carry numbers in a form of their own.
    let text = value.to_string();
    let mut deserializer = serde_json::Deserializer::from_str(&text);
    let dynamic = DynamicMessage::deserialize(descriptor(schema)?, &mut deserializer)
        .map_err(|error| Error::Refused(format!("the payload is no {schema}: {error}")))?;
    let bytes = for_every_account(schema, dynamic.encode_to_vec())?;
    let Some(document) = document else {
        return Ok(bytes);
    };
    let snapshot = OrderSnapshot::decode(bytes.as_slice())
        .map_err(|error| Error::Refused(format!("the payload is no {schema}: {error}")))?;
    let whole = OrderSnapshot {
        encoding: Encoding::Identity.into(),
        document_bytes: u32::try_from(document.len()).unwrap_or(u32::MAX),
        document: document.into_bytes().into(),
        ..snapshot
    };
    Ok(whole.encode_to_vec())
}

/// What a person wrote holds however FreshBooks rounds: the lines that Tillbook had foreseen for
/// other accounts are not corrected with it, so they go.
fn for_every_account(schema: &str, bytes: Vec<u8>) -> Result<Vec<u8>, Error> {
    let unreadable = |error| Error::Refused(format!("the payload is no {schema}: {error}"));
    if schema == DesiredBooks::SCHEMA {
        let mut books = DesiredBooks::decode(bytes.as_slice()).map_err(unreadable)?;
        forget_others(&mut books);
        return Ok(books.encode_to_vec());
    }
    if schema == ResolvedPlan::SCHEMA {
        let mut plan = ResolvedPlan::decode(bytes.as_slice()).map_err(unreadable)?;
        plan.books.iter_mut().for_each(forget_others);
        return Ok(plan.encode_to_vec());
    }
    Ok(bytes)
}

fn forget_others(books: &mut DesiredBooks) {
    books.alternatives.clear();
    books.held_for.clear();
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use contracts::books;
    use contracts::event::{Entity, Event};
    use contracts::money::Money;

    use super::*;

    #[test]
    fn what_a_person_wrote_holds_however_the_account_rounds() {
        let mut plan = plan();
        let books = plan.books.as_mut().unwrap();
        books.alternatives.push(books::Alternative {
            arithmetic: books::Arithmetic::PerTax.into(),
            invoice: books.invoice.clone(),
            ..books::Alternative::default()
        });
        let shown = write(ResolvedPlan::SCHEMA, &plan.encode_to_vec()).unwrap();
        assert!(shown["books"]["alternatives"].is_array(), "{shown}");
        let back = read(ResolvedPlan::SCHEMA, shown).unwrap();
        let back = ResolvedPlan::decode(back.as_slice()).unwrap();
        assert!(back.books.unwrap().alternatives.is_empty());
    }

    fn plan() -> ResolvedPlan {
        let event = Event {
            event_id: "acme-7-1-1".to_owned(),
            connection: "acme".to_owned(),
            entity: Entity::Order.into(),
            entity_id: "7".to_owned(),
            version_ms: 1_700_000_000_123,
            ..Event::default()
        };
        let invoice = books::Invoice {
            number: "BC-7".to_owned(),
            due_offset_days: 30,
            fields: [("notes".to_owned(), "a \"note\"".to_owned())].into(),
            expected_total: Some(Money {
                amount_minor: i64::MIN,
                currency_code: "USD".to_owned(),
            }),
            ..books::Invoice::default()
        };
        ResolvedPlan {
            books: Some(DesiredBooks {
                event: Some(event),
                mapping_version: 3,
                invoice: Some(invoice),
                ..DesiredBooks::default()
            }),
            items_denied: true,
            ..ResolvedPlan::default()
        }
    }

    #[test]
    fn a_message_comes_back_from_json_as_it_was() {
        let bytes = plan().encode_to_vec();
        let value = write(ResolvedPlan::SCHEMA, &bytes).unwrap();
        assert_eq!(value["books"]["invoice"]["dueOffsetDays"], 30);
        let back = read(ResolvedPlan::SCHEMA, value).unwrap();
        assert_eq!(ResolvedPlan::decode(back.as_slice()).unwrap(), plan());
    }

    #[test]
    fn a_snapshot_shows_its_document_and_takes_it_back() {
        let document = r#"{"order":{"id":7,"total":"12.3400","rate":12.5}}"#;
        let snapshot = OrderSnapshot {
            event: plan().books.unwrap().event,
            encoding: Encoding::Zstd.into(),
            document_bytes: document.len().try_into().unwrap(),
            document: zstd::bulk::compress(document.as_bytes(), 3).unwrap().into(),
            ..OrderSnapshot::default()
        };
        let mut value = write(OrderSnapshot::SCHEMA, &snapshot.encode_to_vec()).unwrap();
        assert_eq!(value["document"]["order"]["total"], "12.3400");
        value["document"]["order"]["total"] = json!("12.35");
        let bytes = read(OrderSnapshot::SCHEMA, value).unwrap();
        let back = OrderSnapshot::decode(bytes.as_slice()).unwrap();
        assert_eq!(back.event, snapshot.event);
        let document = snapshot_document::read(&back).unwrap();
        let document: Value = serde_json::from_slice(&document).unwrap();
        assert_eq!(document["order"]["total"], "12.35");
        assert_eq!(document["order"]["rate"].to_string(), "12.5");
    }

    #[test]
    fn a_field_that_the_schema_does_not_have_is_named() {
        let mut value = write(ResolvedPlan::SCHEMA, &plan().encode_to_vec()).unwrap();
        value["books"]["invoize"] = json!({});
        let error = read(ResolvedPlan::SCHEMA, value).unwrap_err();
        assert!(error.words().contains("invoize"), "{}", error.words());
        let error = read("tillbook.books.v9.Plan", json!({})).unwrap_err();
        assert!(error.words().contains("v9"), "{}", error.words());
    }
}

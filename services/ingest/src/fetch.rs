//! The fetcher: a hint becomes the order, customer or product as it is now.
//!
//! One snapshot message per fetch, compressed above a limit. A hint for something that is gone is
//! closed, unless the books already hold something for it. Not here: reading the document
//! (`validate`), or the vendor's calls themselves (`connect`).

use std::collections::{BTreeMap, HashMap};

use std::time::{Duration, Instant};

use connect::bigcommerce::{self, FetchHints, FetchedOrder};
use connect::{Vendor, VendorError};
use contracts::event::{Entity, Event, Origin};
use contracts::hint::Hint;
use contracts::journal::JournalKind;
use contracts::ledger::OrderEntry;
use contracts::order::{Encoding, OrderSnapshot, SnapshotState};
use contracts::{ledger_conversion, topology};
use domain::money::{Currency, Money};
use stage::{Done, Failure, Reason, Received, Stage, vendor};
use store::connections::Connections;
use store::ledger::Ledger;

use crate::coalesce::{Admission, Coalescer};

/// Follows hints.
pub struct Fetch {
    pub stores: HashMap<String, bigcommerce::Client>,
    /// Time zones from the configuration, by connection; they win over the store's own.
    pub time_zones: HashMap<String, String>,
    pub connections: Connections,
    pub coalescer: Coalescer,
    pub ledger: Ledger,
}

/// Documents above this are compressed.
const COMPRESS_ABOVE_BYTES: usize = 16 * 1024;
/// Age of a hint from which a 404 counts as "gone" and not as a race with the order's creation.
const GONE_AFTER: Duration = Duration::from_millis(1200);
const GONE_PAUSE: Duration = Duration::from_millis(400);

impl Stage for Fetch {
    const STAGE: topology::Stage = topology::Stage::Fetch;
    type In = Hint;
    type Out = OrderSnapshot;

    async fn process(&self, input: Received<Hint>) -> Result<Done<OrderSnapshot>, Failure> {
        let about = &input.about;
        let entity = about.entity.token();
        let key = format!("{}.{entity}.{}", about.connection, about.entity_id);
        if let Admission::Later(after) = self.coalescer.admit(&key, Instant::now()) {
            return Ok(Done::Later {
                after,
                why: "gathered with other hints of the same",
            });
        }
        let admitted = Admitted {
            coalescer: &self.coalescer,
            key: &key,
            succeeded: false,
        };
        self.follow(input, admitted).await
    }
}

/// Ends the admission however the fetch ends, also when it is cut off.
struct Admitted<'a> {
    coalescer: &'a Coalescer,
    key: &'a str,
    succeeded: bool,
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        self.coalescer.ended(self.key, self.succeeded);
    }
}

impl Fetch {
    async fn follow(
        &self,
        input: Received<Hint>,
        mut admitted: Admitted<'_>,
    ) -> Result<Done<OrderSnapshot>, Failure> {
        let connection = &input.about.connection;
        let client = self.stores.get(connection).ok_or_else(|| {
            Failure::held(Reason::new("unknown_connection", format!(
                "no connection is named {connection}; add it to tillbook.toml and replay, or purge")))
        })?;
        let began_ms = store::now_ms();
        let began = Instant::now();
        let mut document = match document(client, &input).await? {
            Ok(Some(document)) => document,
            Ok(None) => return self.gone(&input, began_ms, admitted).await,
            Err(error) => {
                self.connections
                    .failed(connection, Vendor::BigCommerce, &error)
                    .await;
                let what = format!(
                    "reading the {} from BigCommerce",
                    input.about.entity.token()
                );
                return Err(vendor::failure(&what, &error));
            }
        };
        self.connections
            .answered(connection, Vendor::BigCommerce, began_ms)
            .await;
        if let (Entity::Order, Some(time_zone)) =
            (input.about.entity, self.time_zones.get(connection))
        {
            set_time_zone(&mut document, time_zone);
        }
        let json = serde_json::to_vec(&document).map_err(|error| {
            Failure::rejected(Reason::new("unwritable_document", error.to_string()))
        })?;
        let snapshot = snapshot(&input, began_ms, json).await?;
        admitted.succeeded = true;
        let event_id = snapshot.event.as_ref().map(|event| event.event_id.clone());
        let mut attributes = BTreeMap::from([
            // Two processes may follow one hint, each under a trace of its own: the story must
            // know both as the same event.
            ("event_id".to_owned(), event_id.unwrap_or_default()),
            (
                "document_bytes".to_owned(),
                snapshot.document_bytes.to_string(),
            ),
            (
                "stored_bytes".to_owned(),
                snapshot.document.len().to_string(),
            ),
        ]);
        // So that the money of an order that gets stuck later can be told.
        if let Some(total) = total(&document) {
            attributes.insert("total_minor".to_owned(), total.amount_minor.to_string());
            attributes.insert("currency_code".to_owned(), total.currency.code().to_owned());
        }
        let elapsed_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        input
            .notes
            .add(JournalKind::SnapshotStored, "", elapsed_us, attributes);
        Ok(Done::Next(snapshot))
    }

    /// A 404 may be a race with the order's creation, the end of an incomplete checkout, or a
    /// deletion that concerns the books.
    async fn gone(
        &self,
        input: &Received<Hint>,
        began_ms: u64,
        mut admitted: Admitted<'_>,
    ) -> Result<Done<OrderSnapshot>, Failure> {
        let age_ms = store::now_ms().saturating_sub(input.first_seen_ms);
        if Duration::from_millis(age_ms) < GONE_AFTER {
            let entity = input.about.entity.token();
            let reason = Reason::new(
                format!("{entity}_not_found"),
                format!("BigCommerce does not know the {entity} yet"),
            );
            return Err(Failure::Retry {
                after: Some(GONE_PAUSE),
                reason,
            });
        }
        let about = &input.about;
        if about.entity != Entity::Order {
            // What the books hold of it stays; the story tells that it is gone.
            admitted.succeeded = true;
            return Ok(Done::Next(gone_snapshot(input, began_ms)));
        }
        let entry = self
            .ledger
            .order(&about.connection, &about.entity_id)
            .await
            .map_err(|error| {
                Failure::retry(Reason::new("ledger_unavailable", error.to_string()))
            })?;
        if ledger_conversion::is_untouched(&entry.value) {
            // An older state of the order that is still on its way must not be written any more.
            let tombstone = OrderEntry {
                version_ms: began_ms,
                ..entry.value
            };
            self.ledger
                .put_order(
                    &about.connection,
                    &about.entity_id,
                    &tombstone,
                    entry.revision,
                )
                .await
                .map_err(|error| {
                    Failure::retry(Reason::new("ledger_unavailable", error.to_string()))
                })?;
            admitted.succeeded = true;
            return Ok(Done::Closed(
                "the order is gone from BigCommerce and was never in the books".to_owned(),
            ));
        }
        admitted.succeeded = true;
        Ok(Done::Next(gone_snapshot(input, began_ms)))
    }
}

/// What the hint is about, read now; `None` when the store does not have it.
async fn document(
    client: &bigcommerce::Client,
    input: &Received<Hint>,
) -> Result<Result<Option<serde_json::Value>, VendorError>, Failure> {
    let about = &input.about;
    let id: u64 = about.entity_id.parse().map_err(|_| {
        let entity = about.entity.token();
        Failure::rejected(Reason::new(
            format!("not_an_{entity}_id"),
            format!("the hint's {entity} id is no number"),
        ))
    })?;
    // Boxed: the fetch of an order runs many calls at once and its state is large.
    Ok(match about.entity {
        Entity::Customer => client.fetch_customer(id).await,
        Entity::Product => client.fetch_product(id).await,
        Entity::Order | Entity::Unspecified => {
            let hints = FetchHints {
                refunds_expected: input.message.scope.contains("/refund/"),
            };
            let fetched = Box::pin(client.fetch_order(id, hints)).await;
            fetched.map(|order| match order {
                FetchedOrder::Present(document) => Some(document),
                FetchedOrder::Gone => None,
            })
        }
    })
}

fn gone_snapshot(input: &Received<Hint>, began_ms: u64) -> OrderSnapshot {
    OrderSnapshot {
        event: Some(event(input, began_ms)),
        encoding: Encoding::Identity.into(),
        state: SnapshotState::Gone.into(),
        ..OrderSnapshot::default()
    }
}

fn set_time_zone(document: &mut serde_json::Value, time_zone: &str) {
    let Some(document) = document.as_object_mut() else {
        return;
    };
    let store = document.entry("store").or_insert(serde_json::Value::Null);
    if !store.is_object() {
        *store = serde_json::json!({});
    }
    store["time_zone"] = time_zone.into();
    store["time_zone_known"] = true.into();
}

/// The order's total as the store gives it; `None` when it is not money.
fn total(document: &serde_json::Value) -> Option<Money> {
    let order = document.get("order")?;
    let currency = Currency::from_code(order.get("default_currency_code")?.as_str()?).ok()?;
    let amount = order.get("total_inc_tax")?.as_str()?.parse().ok()?;
    Money::rounded(amount, currency).ok()
}

async fn snapshot(
    input: &Received<Hint>,
    began_ms: u64,
    json: Vec<u8>,
) -> Result<OrderSnapshot, Failure> {
    let document_bytes = u32::try_from(json.len()).unwrap_or(u32::MAX);
    let (encoding, document) = if json.len() > COMPRESS_ABOVE_BYTES {
        let compressed = tokio::task::spawn_blocking(move || zstd::encode_all(&json[..], 3)).await;
        let compressed = compressed
            .map_err(std::io::Error::other)
            .and_then(|result| result);
        let compressed = compressed.map_err(|error| {
            Failure::retry(Reason::new("compression_failed", error.to_string()))
        })?;
        (Encoding::Zstd, compressed)
    } else {
        (Encoding::Identity, json)
    };
    Ok(OrderSnapshot {
        event: Some(event(input, began_ms)),
        encoding: encoding.into(),
        document: document.into(),
        document_bytes,
        state: SnapshotState::Present.into(),
    })
}

/// The event id is the hint's own, so a redelivered hint makes no second event.
fn event(input: &Received<Hint>, began_ms: u64) -> Event {
    let about = &input.about;
    let hint = &input.message;
    let origin = Origin::try_from(hint.origin).unwrap_or(Origin::Unspecified);
    Event {
        event_id: format!(
            "{}-{}{}-{}-{}",
            about.connection,
            entity_prefix(about.entity),
            about.entity_id,
            hint.received_at_ms,
            input.stream_sequence
        ),
        connection: about.connection.clone(),
        entity: about.entity.into(),
        entity_id: about.entity_id.clone(),
        version_ms: began_ms,
        origin: origin.into(),
        hinted_at_ms: hint.received_at_ms,
    }
}

/// Keeps the events of an order, a customer and a product of one id apart.
const fn entity_prefix(entity: Entity) -> &'static str {
    match entity {
        Entity::Order | Entity::Unspecified => "",
        Entity::Customer => "customer-",
        Entity::Product => "product-",
    }
}

//! What both sides of the comparison carry: snapshots of real sandbox orders, and how large such
//! an order is at every step.
//!
//! Each order went once through the stages' own pure functions, so its client can be put into the
//! cache and its sizes are known before anything is measured.

use std::sync::Arc;

use anyhow::{Context, bail};
use bytes::Bytes;
use connect::NoObserver;
use connect::bigcommerce::{self, FetchHints, FetchedOrder};
use contracts::books_conversion::client_from_wire;
use contracts::event::{Entity, Event, Origin};
use contracts::ledger::{Intent, IntentKind, OrderEntry};
use contracts::order::{Encoding, OrderSnapshot, SnapshotState};
use domain::mapping::Mapping;
use domain::policy::Policy;
use prost::Message;
use runtime::config::Connection;
use store::cache::LookupCache;
use store::ledger::{ClientKey, ItemKey, Ledger};

use crate::scene::Scene;

/// Everyday orders: one line and many, taxes, a coupon, guests and customers.
const KINDS: [&str; 6] = [
    "paid_card_one_line",
    "paid_card_many_lines",
    "taxed_two_rates",
    "percent_coupon",
    "returning_customer",
    "guest_checkout",
];
const ORDERS_OF_A_KIND: u64 = 40;
/// As ingest does.
const COMPRESS_ABOVE_BYTES: usize = 16 * 1024;
/// Any id; FreshBooks is not asked about it.
const CLIENT_ID: u64 = 200_001;
const ITEM_ID: u64 = 300_001;

/// One order as ingest would store it.
pub(crate) struct Snapshot {
    pub(crate) order_id: u64,
    pub(crate) message: OrderSnapshot,
}

/// The orders, and the mean bytes of their messages: snapshot, validated, desired, resolved.
pub(crate) struct Snapshots {
    pub(crate) all: Vec<Snapshot>,
    pub(crate) mean_bytes: [usize; 4],
    /// Of a document before compression.
    pub(crate) mean_document_bytes: u64,
}

impl Snapshots {
    /// Fetches orders from the sandbox as ingest does, and makes them known: an open intent in the
    /// ledger answers for the invoice, the cache for the client and the items.
    pub(crate) async fn take(
        scene: &Scene,
        connection: &Connection,
        policy: &Policy,
        ledger: &Ledger,
        cache: &LookupCache,
    ) -> anyhow::Result<Self> {
        let vendor = &connection.bigcommerce;
        let config = bigcommerce::Config::new(
            vendor.api_url.clone(),
            vendor.store_hash.clone(),
            vendor.access_token.clone(),
        );
        let client = bigcommerce::Client::new(config, Arc::new(NoObserver))?;
        let mapping = Mapping::built_in();
        let mut all: Vec<Snapshot> = Vec::new();
        let mut bytes = [0_usize; 4];
        for kind in KINDS {
            for order_id in scene.place(kind, ORDERS_OF_A_KIND, 1).await? {
                let message = snapshot(&client, &connection.name, order_id).await?;
                let event = message.event.clone().unwrap_or_default();
                let validated = validate::read(event.clone(), message.clone()).map_err(refused)?;
                let desired =
                    transform::transform(event, &validated, policy, &mapping).map_err(refused)?;
                let shopper = desired
                    .client
                    .as_ref()
                    .context("an order without a client")?;
                for key in ClientKey::of(&client_from_wire(shopper)) {
                    cache
                        .remember_client(&connection.name, &key, CLIENT_ID)
                        .await;
                }
                for item in &desired.items {
                    let key = ItemKey::Sku(item.sku.clone());
                    cache.remember_item(&connection.name, &key, ITEM_ID).await;
                }
                ledger
                    .put_order(&connection.name, &order_id.to_string(), &known(), 0)
                    .await?;
                let sizes = [
                    message.encoded_len(),
                    validated.encoded_len(),
                    desired.encoded_len(),
                    // The plan is the desired books and two ids.
                    desired.encoded_len(),
                ];
                for (sum, size) in bytes.iter_mut().zip(sizes) {
                    *sum = sum.saturating_add(size);
                }
                all.push(Snapshot { order_id, message });
            }
        }
        let mean_bytes = bytes.map(|sum| sum.checked_div(all.len()).unwrap_or(0));
        let documents: u64 = all
            .iter()
            .map(|one| u64::from(one.message.document_bytes))
            .sum();
        let mean_document_bytes = documents
            .checked_div(u64::try_from(all.len())?)
            .unwrap_or(0);
        Ok(Self {
            all,
            mean_bytes,
            mean_document_bytes,
        })
    }
}

impl Snapshot {
    /// The message of one event of the order.
    pub(crate) fn of_event(&self, event_id: &str) -> Bytes {
        let mut message = self.message.clone();
        if let Some(event) = &mut message.event {
            event_id.clone_into(&mut event.event_id);
        }
        message.encode_to_vec().into()
    }
}

fn known() -> OrderEntry {
    let intent = Intent {
        kind: IntentKind::CreateInvoice.into(),
        ..Intent::default()
    };
    OrderEntry {
        intent: Some(intent),
        ..OrderEntry::default()
    }
}

fn refused(failure: stage::Failure) -> anyhow::Error {
    anyhow::anyhow!("an order of the sandbox was refused: {failure:?}")
}

/// The document of a snapshot, unpacked.
pub(crate) fn document(snapshot: &OrderSnapshot) -> anyhow::Result<Vec<u8>> {
    match snapshot.encoding() {
        Encoding::Zstd => Ok(zstd::decode_all(&snapshot.document[..])?),
        _ => Ok(snapshot.document.to_vec()),
    }
}

async fn snapshot(
    client: &bigcommerce::Client,
    connection: &str,
    order_id: u64,
) -> anyhow::Result<OrderSnapshot> {
    let FetchedOrder::Present(document) =
        client.fetch_order(order_id, FetchHints::default()).await?
    else {
        bail!("the sandbox does not know order {order_id}");
    };
    let document = serde_json::to_vec(&document)?;
    let document_bytes = u32::try_from(document.len())?;
    let (encoding, document) = if document.len() > COMPRESS_ABOVE_BYTES {
        (Encoding::Zstd, zstd::encode_all(&document[..], 3)?)
    } else {
        (Encoding::Identity, document)
    };
    let event = Event {
        connection: connection.to_owned(),
        entity: Entity::Order.into(),
        entity_id: order_id.to_string(),
        version_ms: store::now_ms(),
        origin: Origin::Hook.into(),
        hinted_at_ms: store::now_ms(),
        ..Event::default()
    };
    Ok(OrderSnapshot {
        event: Some(event),
        encoding: encoding.into(),
        document_bytes,
        document: document.into(),
        state: SnapshotState::Present.into(),
    })
}

//! A part of the orders, chosen so that every sort of order is in it, and read to the end.
//!
//! Each order of the range is represented by a sampled one of its own class: same status, payment
//! method, taxes, and so on. What the sample costs is then known for all. Nothing is written.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use connect::bigcommerce::{FetchHints, FetchedOrder, OrderOutline};
use connect::freshbooks::Deleted;
use contracts::ledger::OrderEntry;
use domain::books::DesiredBooks;
use domain::policy::UnknownSku;
use serde_json::json;
use store::ledger::ItemKey;

use super::costs::{Before, Calls, of_order, wants_invoice, written};
use super::shoppers;
use crate::{Error, Tools};

/// What one sampled order will cost.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    /// Without the client's.
    pub(super) calls: Calls,
    /// It will have an invoice that the ledger does not know yet, and so need a client.
    pub(super) needs_client: bool,
    /// Calls that ask for its client, and follow it, when the ledger does not know it.
    pub(super) client_calls: Calls,
    /// Whether FreshBooks has the client; `None` when it was not asked.
    pub(super) client_found: Option<bool>,
    /// SKUs of its lines that the ledger does not know as items.
    pub(super) skus: Vec<String>,
    /// The code of the hold that awaits it.
    pub(super) hold: Option<String>,
}

/// What makes orders alike in what they cost.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Class {
    status_id: Option<u64>,
    is_known: bool,
    figures: Option<Figures>,
}

/// What may differ within a status.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Figures {
    payment_method: String,
    payment_status: String,
    is_deleted: bool,
    is_taxed: bool,
    has_coupon: bool,
    has_refund: bool,
}

/// For each order the index of the sampled one that stands for it.
pub(super) fn choose(orders: &[OrderOutline], known: &[bool], sample: usize) -> Vec<usize> {
    let wanted = sample.clamp(1, orders.len().max(1));
    let mut classes = grouped(orders, known, true);
    if classes.len() > wanted.saturating_mul(2) {
        classes = grouped(orders, known, false);
    }
    let mut stands_for = vec![0; orders.len()];
    for members in classes.values() {
        let count = members.len();
        let chosen = (count.saturating_mul(wanted) / orders.len().max(1)).clamp(1, count);
        for (place, member) in members.iter().enumerate() {
            // Blocks of equal length along the ids; the middle of each stands for it.
            let block = place.saturating_mul(chosen) / count;
            let middle = (block.saturating_mul(2).saturating_add(1)).saturating_mul(count)
                / chosen.saturating_mul(2);
            if let (Some(slot), Some(one)) = (
                stands_for.get_mut(*member),
                members.get(middle.min(count.saturating_sub(1))),
            ) {
                *slot = *one;
            }
        }
    }
    stands_for
}

fn grouped(orders: &[OrderOutline], known: &[bool], fine: bool) -> BTreeMap<Class, Vec<usize>> {
    let mut classes: BTreeMap<Class, Vec<usize>> = BTreeMap::new();
    for (index, order) in orders.iter().enumerate() {
        let figures = fine.then(|| Figures {
            payment_method: order.payment_method.clone(),
            payment_status: order.payment_status.clone(),
            is_deleted: order.is_deleted,
            is_taxed: order.is_taxed,
            has_coupon: order.has_coupon,
            has_refund: order.has_refund,
        });
        let class = Class {
            status_id: order.status_id,
            is_known: known.get(index).copied().unwrap_or(false),
            figures,
        };
        classes.entry(class).or_default().push(index);
    }
    classes
}

/// Reads one order as the pipeline would, and counts what it would cost.
pub(super) async fn read(
    tools: &Tools,
    order_id: u64,
    entry: &OrderEntry,
    time_zone: &str,
) -> Result<Facts, Error> {
    let before_calls = tools.store_calls.load(Ordering::Relaxed);
    let fetched = tools
        .store
        .fetch_order(order_id, FetchHints::default())
        .await
        .map_err(Error::vendor("reading an order for the forecast"))?;
    let store_reads = tools
        .store_calls
        .load(Ordering::Relaxed)
        .saturating_sub(before_calls);
    let mut facts = Facts {
        calls: Calls {
            store_reads,
            ..Calls::default()
        },
        ..Facts::default()
    };
    let FetchedOrder::Present(mut document) = fetched else {
        return Ok(facts);
    };
    if let Some(store) = document.get_mut("store") {
        if !store.is_object() {
            *store = json!({});
        }
        store["time_zone"] = time_zone.into();
        store["time_zone_known"] = true.into();
    }
    let (desired, skus, created_at_ms) = match desired(tools, &document) {
        Ok(desired) => desired,
        Err(code) => {
            facts.hold = Some(code);
            return Ok(facts);
        }
    };
    let before = match written(entry) {
        Some(known) => Before::Known(known),
        None => unknown(tools, &desired).await?,
    };
    facts.calls += of_order(&desired, &before);
    if wants_invoice(&desired) {
        facts.skus = unknown_skus(tools, skus).await?;
    }
    facts.needs_client = wants_invoice(&desired) && before == Before::Absent;
    if facts.needs_client && entry.client_id == 0 {
        find_client(tools, &desired, &mut facts).await?;
    }
    if wants_invoice(&desired) {
        facts.calls += shoppers::of_known(tools, &desired.client, created_at_ms).await?;
    }
    Ok(facts)
}

/// Looks the client up, as the pipeline will where the ledger does not know it.
async fn find_client(
    tools: &Tools,
    desired: &DesiredBooks,
    facts: &mut Facts,
) -> Result<(), Error> {
    let email = desired.client.fields.get("email").map(|text| text.trim());
    let other_case = desired
        .client
        .email_key
        .as_deref()
        .is_some_and(|key| email.is_some_and(|email| !email.is_empty() && email != key));
    let found = tools
        .account
        .find_desired_clients(&desired.client, None)
        .await
        .map_err(Error::vendor("looking a client up for the forecast"))?;
    let found = found.into_iter().next();
    facts.client_found = Some(found.is_some());
    facts.client_calls.reads = if other_case && found.is_none() { 2 } else { 1 };
    if let Some(id) = found {
        facts.client_calls += shoppers::of_found(tools, &desired.client, id).await?;
    }
    Ok(())
}

/// The books, the lines' SKUs and the moment of creation of one document; the code of the first hold when there are none.
fn desired(
    tools: &Tools,
    document: &serde_json::Value,
) -> Result<(DesiredBooks, Vec<String>, u64), String> {
    let read = domain::validate::read_order(document).map_err(|faults| {
        let first = faults.into_iter().next();
        first.map_or_else(
            || "invalid_order".to_owned(),
            |fault| fault.code.to_string(),
        )
    })?;
    let mapping = tools
        .mappings
        .of(&tools.connection)
        .map_err(|_| "mapping_invalid".to_owned())?;
    let books = domain::account::account(&read.order, false, &tools.policy, &mapping);
    let books = books.map_err(|holds| {
        let first = holds.into_iter().next();
        first.map_or_else(|| "held".to_owned(), |hold| hold.code.to_string())
    })?;
    let items = match tools.policy.unknown_sku {
        UnknownSku::Create => domain::items::of_order(&read.order),
        UnknownSku::Text | UnknownSku::Hold => Vec::new(),
    };
    let created_at_s = u64::try_from(read.order.created_at_s).unwrap_or(0);
    let skus = items.into_iter().map(|item| item.sku).collect();
    Ok((books, skus, created_at_s.saturating_mul(1000)))
}

/// Those of the SKUs that the ledger does not know as items.
async fn unknown_skus(tools: &Tools, skus: Vec<String>) -> Result<Vec<String>, Error> {
    let mut unknown = Vec::new();
    for sku in skus {
        let key = ItemKey::Sku(sku.clone());
        let entry = tools.ledger.item(&tools.connection, &key).await?;
        if entry.value.item_id == 0 {
            unknown.push(sku);
        }
    }
    Ok(unknown)
}

/// Whether FreshBooks has an invoice that the ledger does not know.
async fn unknown(tools: &Tools, desired: &DesiredBooks) -> Result<Before, Error> {
    if !wants_invoice(desired) {
        return Ok(Before::Absent);
    }
    let found = tools
        .account
        .find_invoices_by_number(&desired.invoice.number, Deleted::Exclude)
        .await
        .map_err(Error::vendor("looking an invoice up for the forecast"))?;
    Ok(if found.is_empty() {
        Before::Absent
    } else {
        Before::Unknown
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(id: u64, status_id: u64, payment_method: &str) -> OrderOutline {
        OrderOutline {
            id,
            status_id: Some(status_id),
            is_deleted: false,
            payment_method: payment_method.to_owned(),
            payment_status: String::new(),
            is_taxed: false,
            has_coupon: false,
            has_refund: false,
            customer_id: 0,
            email: String::new(),
        }
    }

    #[test]
    fn every_class_is_sampled_and_stands_for_its_own_orders_only() {
        let orders: Vec<_> = (0..200)
            .map(|id| match id {
                7 => order(id, 5, "card"),
                _ if id % 2 == 0 => order(id, 11, "card"),
                _ => order(id, 11, "cash"),
            })
            .collect();
        let stands_for = choose(&orders, &[false; 200], 20);
        let sampled: std::collections::BTreeSet<_> = stands_for.iter().copied().collect();
        assert!((19..=21).contains(&sampled.len()), "{}", sampled.len());
        for (order, one) in orders.iter().zip(&stands_for) {
            let other = &orders[*one];
            assert_eq!(order.status_id, other.status_id);
            assert_eq!(order.payment_method, other.payment_method);
        }
        for one in sampled {
            assert_eq!(stands_for[one], one, "a sampled order stands for itself");
        }
    }

    #[test]
    fn more_classes_than_the_sample_bears_are_merged() {
        let orders: Vec<_> = (0..100)
            .map(|id| order(id, 11, &format!("method {id}")))
            .collect();
        let stands_for = choose(&orders, &[false; 100], 10);
        let sampled: std::collections::BTreeSet<_> = stands_for.into_iter().collect();
        assert_eq!(sampled.len(), 10);
    }
}

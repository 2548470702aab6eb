//! What Tillbook itself knows of orders that a proof found to differ: dead letters that rest, and
//! marks of an undo. It names causes; the verdict is the proof's, from the vendors alone.
//!
//! A replay or a ledger that does not answer ends no proof: the report says so.

use std::collections::BTreeMap;

use prove::{Known, Report};
use replay::Request;
use serde_json::Value;

use crate::house::House;

/// Orders asked about in one request.
const ORDERS_AT_ONCE: usize = 500;

/// Names what Tillbook holds or an undo took out among the orders that do not match.
pub(crate) async fn explain(house: &House, report: &mut Report) {
    let order_ids = report.differing();
    if order_ids.is_empty() {
        return;
    }
    let mut known = BTreeMap::new();
    let mut troubles = Vec::new();
    match letters(house, &report.connection, &order_ids).await {
        Ok(letters) => known.extend(letters),
        Err(error) => troubles.push(error.to_string()),
    }
    // The undo's mark is the stronger word: while it stands, no letter of the order matters.
    match marks(house, &report.connection, &order_ids).await {
        Ok(marks) => known.extend(marks),
        Err(error) => troubles.push(error.to_string()),
    }
    report.explain(&known);
    if !troubles.is_empty() {
        report.explained.not_asked = Some(troubles.join("; "));
    }
}

async fn letters(
    house: &House,
    connection: &str,
    order_ids: &[u64],
) -> anyhow::Result<BTreeMap<u64, Known>> {
    let mut known = BTreeMap::new();
    for order_ids in order_ids.chunks(ORDERS_AT_ONCE) {
        let request = Request::OfOrders {
            connection: connection.to_owned(),
            order_ids: order_ids.to_vec(),
        };
        let answer = replay::ask(&house.nats.client, &request).await?;
        let letters = answer["dead_letters"].as_array().into_iter().flatten();
        known.extend(letters.filter_map(held));
    }
    Ok(known)
}

fn held(letter: &Value) -> Option<(u64, Known)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let order_id = letter["entity_id"].as_str()?.parse().ok()?;
    let known = Known::Held {
        letter: text(&letter["dead_letter_id"]),
        reason: text(&letter["reasons"][0]),
        words: text(&letter["reason"]),
    };
    Some((order_id, known))
}

async fn marks(
    house: &House,
    connection: &str,
    order_ids: &[u64],
) -> anyhow::Result<BTreeMap<u64, Known>> {
    let ledger = house
        .ledger()
        .await
        .map_err(|failure| anyhow::Error::from_boxed(failure.error))?;
    let marks = ledger.undone(connection, order_ids).await?;
    let known = marks.into_iter().map(|(order_id, mark)| {
        let words = monitor::undone_words(&mark);
        (order_id, Known::Undone { words })
    });
    Ok(known.collect())
}

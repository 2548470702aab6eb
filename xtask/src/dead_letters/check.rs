//! What is looked at when all is released: pace and order of the releases, and the books.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use tokio::time::Instant;

use crate::shops::dump::Books;
use crate::shops::orders::Placed;
use crate::shops::scene::Scene;

/// The monitor follows the streams; so long it may take to have heard of the last release.
const HEARD_LIMIT: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Letters the monitor gives in one page.
const PAGE: u32 = 200;
/// Faults that are named.
const NAMED_MAX: usize = 5;

/// What the releases' own times say.
pub(super) struct Releases {
    /// The most letters released within any second.
    pub(super) fastest_second: usize,
    pub(super) faults: Vec<String>,
}

/// Reads when each letter was released, from the journal by way of the monitor.
pub(super) async fn releases(scene: &Scene, count: u64) -> anyhow::Result<Releases> {
    let end = Instant::now() + HEARD_LIMIT;
    let letters = loop {
        let letters = released(scene).await?;
        let known = u64::try_from(letters.len()).unwrap_or(u64::MAX);
        if known >= count || Instant::now() > end {
            break letters;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    };
    let mut faults = Vec::new();
    if u64::try_from(letters.len()).unwrap_or(0) < count {
        faults.push(format!(
            "{} of {count} letters were released",
            letters.len()
        ));
    }
    let mut times: Vec<i64> = letters.iter().map(|letter| letter.released_ms).collect();
    times.sort_unstable();
    let mut fastest_second = 0;
    let mut first = 0;
    for (last, at_ms) in times.iter().enumerate() {
        while times.get(first).is_some_and(|began| at_ms - began >= 1_000) {
            first += 1;
        }
        fastest_second = fastest_second.max(last - first + 1);
    }
    faults.extend(order_faults(letters));
    Ok(Releases {
        fastest_second,
        faults,
    })
}

#[derive(Debug)]
struct Letter {
    entity: String,
    dead_ms: i64,
    released_ms: i64,
}

/// Of each entity the older letter goes first.
fn order_faults(letters: Vec<Letter>) -> Option<String> {
    let mut by_entity: BTreeMap<String, Vec<(i64, i64)>> = BTreeMap::new();
    for letter in letters {
        let of_entity = by_entity.entry(letter.entity).or_default();
        of_entity.push((letter.dead_ms, letter.released_ms));
    }
    let several = by_entity
        .values()
        .filter(|letters| letters.len() > 1)
        .count();
    if several == 0 {
        return Some("no entity had two letters, so no order was kept".to_owned());
    }
    for (entity, mut letters) in by_entity {
        letters.sort_unstable();
        if !letters.is_sorted_by_key(|(_, released)| *released) {
            return Some(format!(
                "the letters of {entity} were not released in their order"
            ));
        }
    }
    None
}

async fn released(scene: &Scene) -> anyhow::Result<Vec<Letter>> {
    let mut letters = Vec::new();
    let mut cursor = None;
    loop {
        let mut url = format!(
            "{}/api/v1/dead-letters?replayed=true&limit={PAGE}",
            scene.console
        );
        if let Some(cursor) = &cursor {
            url = format!("{url}&cursor={cursor}");
        }
        let page = scene.http.get(&url).await?;
        for row in page["dead_letters"].as_array().context("no letters")? {
            letters.push(Letter {
                entity: format!("{} {}", row["connection"], row["entity_id"]),
                dead_ms: row["dead_at_ms"].as_i64().context("no dead_at_ms")?,
                released_ms: row["replayed_at_ms"]
                    .as_i64()
                    .context("no replayed_at_ms")?,
            });
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => return Ok(letters),
        }
    }
}

/// Every order once, with its total and its money.
pub(super) async fn books(scene: &Scene, placed: &[Placed]) -> anyhow::Result<Vec<String>> {
    let mut faults = Vec::new();
    for merchant in scene.merchants {
        let books = Books::read(&scene.http, &scene.at, merchant).await?;
        for order in placed.iter().filter(|o| o.merchant.name == merchant.name) {
            faults.extend(fault(order, &books));
        }
    }
    let more = faults.len().saturating_sub(NAMED_MAX);
    faults.truncate(NAMED_MAX);
    if more > 0 {
        faults.push(format!(
            "{more} more orders are not in the books as they should be"
        ));
    }
    Ok(faults)
}

fn fault(order: &Placed, books: &Books) -> Option<String> {
    let name = || format!("{} order {}", order.merchant.name, order.order_id);
    let invoices = books.invoices_of(order.order_id);
    let [invoice] = invoices.as_slice() else {
        return Some(format!("{} has {} invoices", name(), invoices.len()));
    };
    let paid = books.paid(invoice.id);
    if invoice.total != order.total || invoice.currency != order.currency {
        let (total, wanted) = (invoice.total, order.total);
        return Some(format!("{} is booked with {total} for {wanted}", name()));
    }
    (paid != order.paid).then(|| format!("{} is paid {paid} for {}", name(), order.paid))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(entity: &str, dead_ms: i64, released_ms: i64) -> Letter {
        Letter {
            entity: entity.to_owned(),
            dead_ms,
            released_ms,
        }
    }

    #[test]
    fn a_younger_letter_that_went_first_is_seen() {
        let kept = vec![letter("a", 1, 10), letter("b", 2, 9), letter("a", 3, 11)];
        assert_eq!(order_faults(kept), None);
        let broken = vec![letter("a", 1, 11), letter("a", 3, 10)];
        assert!(order_faults(broken).is_some());
        assert!(
            order_faults(vec![letter("a", 1, 11)]).is_some(),
            "nothing to keep"
        );
    }
}

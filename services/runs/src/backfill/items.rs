//! What the items of a backfill will cost: each SKU that is no item yet is created once.
//!
//! Only sampled orders show their SKUs. How many more there are is estimated from how many were
//! seen once and twice (Chao's estimator): a catalog that the sample has exhausted shows few SKUs
//! only once. Not here: an order's own calls (`costs`).

use std::collections::BTreeMap;

use connect::freshbooks::ItemSearch;

use super::costs::Calls;
use crate::{Error, Tools};

/// How long the pipeline trusts a whole list of items.
const LIST_TRUSTED_S: u64 = 60;
/// Rows of a page of FreshBooks' lists.
const PAGE_ROWS: u64 = 100;

/// The SKUs of the sample that the ledger does not know, each with its number of orders.
pub(super) type Seen = BTreeMap<String, u64>;

/// What the estimate rests on beside the SKUs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circumstances {
    /// Every order of the range is in the sample.
    pub(super) is_whole: bool,
    pub(super) duration_s: u64,
}

/// The calls for items.
pub(super) async fn calls(
    tools: &Tools,
    seen: &Seen,
    around: Circumstances,
) -> Result<Calls, Error> {
    let Some(first) = seen.keys().next() else {
        return Ok(Calls::default());
    };
    let failed = Error::vendor("looking items up for the forecast");
    let searched = match tools.account.find_items_by_sku(first).await {
        // Without access to items orders go on without them.
        Err(error) if error.is_items_denied() => {
            return Ok(Calls {
                reads: 1,
                ..Calls::default()
            });
        }
        searched => searched.map_err(failed)?,
    };
    let distinct = u64::try_from(seen.len()).unwrap_or(u64::MAX);
    let all = if around.is_whole {
        distinct
    } else {
        estimated(seen)
    };
    let failed = Error::vendor("listing the items for the forecast");
    let listed = tools.account.list_items().await.map_err(failed)?;
    let skus = listed.iter().map(|item| item.sku.trim());
    let there = skus.filter(|sku| seen.contains_key(*sku)).count();
    let there = u64::try_from(there).unwrap_or(u64::MAX).min(distinct);
    let creates = all.saturating_sub(all.saturating_mul(there) / distinct);
    // An account without items cannot show whether FreshBooks minds the filter by SKU; none is
    // documented. That there are none is asked once.
    let reads = if searched == ItemSearch::FilterIgnored || listed.is_empty() {
        let asked_first = if listed.is_empty() { 2 } else { 1 };
        let rows = u64::try_from(listed.len()).unwrap_or(u64::MAX);
        let pages = rows.saturating_add(creates).div_ceil(PAGE_ROWS).max(1);
        // Read again when it is no longer trusted, for as long as new SKUs come.
        let lists = (around.duration_s / LIST_TRUSTED_S)
            .min(creates)
            .saturating_add(1);
        pages.saturating_mul(lists).saturating_add(asked_first)
    } else {
        all
    };
    Ok(Calls {
        reads,
        creates,
        ..Calls::default()
    })
}

/// Chao's lower bound of the number of SKUs there are.
fn estimated(seen: &Seen) -> u64 {
    let times = |wanted: u64| {
        let count = seen.values().filter(|count| **count == wanted).count();
        u64::try_from(count).unwrap_or(u64::MAX)
    };
    let (once, twice) = (times(1), times(2));
    let unseen =
        once.saturating_mul(once.saturating_sub(1)) / twice.saturating_add(1).saturating_mul(2);
    u64::try_from(seen.len())
        .unwrap_or(u64::MAX)
        .saturating_add(unseen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_catalog_that_was_seen_through_has_no_more_and_a_new_one_has() {
        let through: Seen = (0..60).map(|n| (format!("SKU-{n}"), 3)).collect();
        assert_eq!(estimated(&through), 60);
        let fresh: Seen = (0..60)
            .map(|n| (format!("SKU-{n}"), if n < 50 { 1 } else { 2 }))
            .collect();
        assert_eq!(estimated(&fresh), 60 + 50 * 49 / 22);
    }
}

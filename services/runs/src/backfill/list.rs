//! The orders that were created in a range of the store's days.

use connect::bigcommerce::{OrderFilter, OrderOutline};

use crate::{DayRange, Error, Tools};

/// The most orders one run takes; a bound on memory.
const ORDERS_MAX: usize = 500_000;

/// Every order of the range, by rising id, of every status and archived ones where the API shows
/// them.
pub(super) async fn orders(tools: &Tools, days: DayRange) -> Result<Vec<OrderOutline>, Error> {
    let (first, last) = days.seconds_in(&time_zone(tools).await?)?;
    let mut orders: Vec<OrderOutline> = Vec::new();
    loop {
        let filter = OrderFilter {
            min_date_created: Some(first),
            max_date_created: Some(last),
            // By key and not by page number: an order that leaves the list shifts no other.
            min_id: orders.last().map(|order| order.id.saturating_add(1)),
            ..OrderFilter::default()
        };
        let page = tools.store.list_outlines(filter).await;
        let page = page.map_err(Error::vendor("listing the orders of the range"))?;
        if page.is_empty() {
            return Ok(orders);
        }
        orders.extend(page);
        orders.sort_by_key(|order| order.id);
        orders.dedup_by_key(|order| order.id);
        if orders.len() > ORDERS_MAX {
            return Err(Error::Refused(format!(
                "the range has more than {ORDERS_MAX} orders, the most one run takes; divide it"
            )));
        }
    }
}

/// The configured time zone, else the store's own.
pub(super) async fn time_zone(tools: &Tools) -> Result<String, Error> {
    if let Some(configured) = &tools.time_zone {
        return Ok(configured.clone());
    }
    let settings = tools.store.store_settings().await;
    let settings = settings.map_err(Error::vendor("reading the store's time zone"))?;
    let name = settings.get("time_zone").and_then(|name| name.as_str());
    Ok(name.unwrap_or("UTC").to_owned())
}

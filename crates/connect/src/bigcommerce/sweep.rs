//! Lists of orders, for sweeps and backfills.
//!
//! Sorted by id: an order modified while the list is read can then only be seen twice, not be
//! skipped. Not here: how often, and with how much overlap.

use jiff::Timestamp;
use serde_json::Value;

use super::client::Client;
use super::needs;
use super::orders::FetchHints;
use crate::error::VendorError;
use crate::json;

/// Which orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OrderFilter {
    pub min_date_modified: Option<Timestamp>,
    pub min_date_created: Option<Timestamp>,
    pub max_date_created: Option<Timestamp>,
    /// Inclusive; pages by key instead of by number when raised past the last id seen.
    pub min_id: Option<u64>,
}

/// What a list tells of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderStub {
    pub id: u64,
    pub status_id: Option<u64>,
    /// As BigCommerce writes it (RFC 2822).
    pub date_modified: Option<String>,
    pub is_deleted: bool,
}

/// What a row of the list tells of the work its order will make.
#[derive(Clone, PartialEq, Eq)]
pub struct OrderOutline {
    pub id: u64,
    pub status_id: Option<u64>,
    /// Archived.
    pub is_deleted: bool,
    /// Display text; no fixed list of values.
    pub payment_method: String,
    pub payment_status: String,
    pub is_taxed: bool,
    pub has_coupon: bool,
    /// Some figure says that money was given back.
    pub has_refund: bool,
    /// 0 for a guest.
    pub customer_id: u64,
    /// Of the billing address; lower case, trimmed, may be empty.
    pub email: String,
}

/// Leaves the person out.
impl std::fmt::Debug for OrderOutline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OrderOutline")
            .field("id", &self.id)
            .field("status_id", &self.status_id)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// One page of orders; empty means the end. `page` counts from 1, `limit` is at most 250.
    pub async fn list_orders(
        &self,
        filter: OrderFilter,
        page: u32,
        limit: u32,
    ) -> Result<Vec<OrderStub>, VendorError> {
        self.order_rows(filter, page, limit, stub).await
    }

    /// The same page, with what each row tells of the work its order will make.
    pub async fn list_outlines(
        &self,
        filter: OrderFilter,
        page: u32,
        limit: u32,
    ) -> Result<Vec<OrderOutline>, VendorError> {
        self.order_rows(filter, page, limit, outline).await
    }

    async fn order_rows<T>(
        &self,
        filter: OrderFilter,
        page: u32,
        limit: u32,
        read: fn(&Value) -> Result<T, VendorError>,
    ) -> Result<Vec<T>, VendorError> {
        let dates = [
            ("min_date_modified", filter.min_date_modified),
            ("min_date_created", filter.min_date_created),
            ("max_date_created", filter.max_date_created),
        ];
        let mut pairs: Vec<(&str, String)> = vec![
            ("page", page.max(1).to_string()),
            ("limit", limit.clamp(1, 250).to_string()),
            ("sort", "id:asc".to_owned()),
        ];
        pairs.extend(
            dates
                .into_iter()
                .filter_map(|(name, at)| Some((name, iso_seconds(at?)))),
        );
        pairs.extend(filter.min_id.map(|id| ("min_id", id.to_string())));
        let query: Vec<(&str, &str)> = pairs.iter().map(|(k, v)| (*k, v.as_str())).collect();
        match self.get("/v2/orders", &["v2", "orders"], &query).await? {
            None => Ok(Vec::new()),
            Some(Value::Array(rows)) => rows.iter().map(read).collect(),
            Some(_) => Err(VendorError::field("the list")),
        }
    }
}

/// ISO 8601 in whole seconds, which is what BigCommerce documents.
pub(super) fn iso_seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn stub(row: &Value) -> Result<OrderStub, VendorError> {
    Ok(OrderStub {
        id: json::id(&row["id"]).ok_or_else(|| VendorError::field("id"))?,
        status_id: json::id(&row["status_id"]),
        date_modified: row["date_modified"].as_str().map(str::to_owned),
        is_deleted: json::flag(&row["is_deleted"]),
    })
}

fn outline(row: &Value) -> Result<OrderOutline, VendorError> {
    Ok(OrderOutline {
        id: json::id(&row["id"]).ok_or_else(|| VendorError::field("id"))?,
        status_id: json::id(&row["status_id"]),
        is_deleted: json::flag(&row["is_deleted"]),
        payment_method: json::text(&row["payment_method"]),
        payment_status: json::text(&row["payment_status"]),
        is_taxed: needs::taxes(row, &[], &[]),
        has_coupon: needs::coupons(row),
        has_refund: needs::refunds(row, &[], &[], FetchHints::default()),
        customer_id: json::id(&row["customer_id"]).unwrap_or(0),
        email: json::text(&row["billing_address"]["email"])
            .trim()
            .to_lowercase(),
    })
}

//! Lists of what changed, for sweeps, and of what there is, for backfills.
//!
//! Orders are sorted by id: one that is modified while the list is read can then only be seen
//! twice, not be skipped. Not here: how often, and with how much overlap.

use jiff::Timestamp;
use serde_json::Value;

use super::client::Client;
use super::lists::instant;
use super::needs;
use super::orders::FetchHints;
use super::pages::{List, PAGE_ROWS};
use crate::error::VendorError;
use crate::json;

/// The fields of a row's id and of the moment it changed; a refund's row speaks of its order.
const MODIFIED: [&str; 2] = ["id", "date_modified"];
const REFUNDED: [&str; 2] = ["order_id", "created"];

/// Which orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OrderFilter {
    pub min_date_modified: Option<Timestamp>,
    pub min_date_created: Option<Timestamp>,
    pub max_date_created: Option<Timestamp>,
    /// Inclusive; raised past the last id seen, it gives the next page.
    pub min_id: Option<u64>,
}

/// A list that says what changed since a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeList {
    /// By `date_modified`. Whether that moves with refunds and transactions is not documented.
    Orders,
    /// By the refund's creation; each row names its order.
    Refunds,
    Customers,
    Products,
}

/// Something that changed in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Of the order, customer or product.
    pub id: u64,
    /// Whole seconds, as the store says; `None` when it cannot be read.
    pub at: Option<Timestamp>,
}

/// One page of changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangePage {
    pub changes: Vec<Change>,
    /// Where to go on: pass it as `from`. `None` after the last page.
    pub next: Option<u64>,
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
    /// One page of what changed since `since`, whole seconds, inclusive. `from` is 0 at first.
    ///
    /// Orders are paged by id, the others by number: what is deleted meanwhile may hide a row, so
    /// the next sweep has to overlap.
    pub async fn changes(
        &self,
        list: ChangeList,
        since: Timestamp,
        from: u64,
    ) -> Result<ChangePage, VendorError> {
        let min = iso_seconds(since);
        let modified = [("date_modified:min", min.as_str())];
        let (template, segments, query, row): (_, &[&str], _, _) = match list {
            ChangeList::Orders => return self.changed_orders(since, from).await,
            ChangeList::Refunds => (
                "/v3/orders/payment_actions/refunds",
                &["v3", "orders", "payment_actions", "refunds"],
                [("created:min", min.as_str())],
                REFUNDED,
            ),
            ChangeList::Customers => ("/v3/customers", &["v3", "customers"], modified, MODIFIED),
            ChangeList::Products => (
                "/v3/catalog/products",
                &["v3", "catalog", "products"],
                modified,
                MODIFIED,
            ),
        };
        let list = List {
            template,
            segments,
            query: &query,
        };
        self.changed(list, row, from).await
    }

    async fn changed_orders(&self, since: Timestamp, from: u64) -> Result<ChangePage, VendorError> {
        let filter = OrderFilter {
            min_date_modified: Some(since),
            min_id: (from > 0).then_some(from),
            ..OrderFilter::default()
        };
        let read = |row: &Value| change(row, MODIFIED);
        let changes = self.order_rows(filter, read).await?;
        let last = changes.iter().map(|change| change.id).max();
        Ok(ChangePage {
            // A server that ignores `min_id` would repeat its first page for ever.
            next: last
                .map(|last| last.saturating_add(1))
                .filter(|next| *next > from),
            changes,
        })
    }

    /// A page of a V3 list; `row` names the fields of the id and of the moment.
    async fn changed(
        &self,
        list: List<'_>,
        row: [&str; 2],
        from: u64,
    ) -> Result<ChangePage, VendorError> {
        let page = from.max(1);
        let (number, limit) = (page.to_string(), PAGE_ROWS.to_string());
        let mut query = list.query.to_vec();
        query.extend([("page", number.as_str()), ("limit", limit.as_str())]);
        let body = self.get(list.template, list.segments, &query).await?;
        let Some(body) = body else {
            return Ok(ChangePage {
                changes: Vec::new(),
                next: None,
            });
        };
        let rows = body["data"].as_array();
        let rows = rows.ok_or_else(|| VendorError::field("data"))?;
        let changes: Vec<Change> = rows
            .iter()
            .map(|found| change(found, row))
            .collect::<Result<_, _>>()?;
        let pages = json::id(&body["meta"]["pagination"]["total_pages"]).unwrap_or(1);
        Ok(ChangePage {
            next: (page < pages && !changes.is_empty()).then(|| page.saturating_add(1)),
            changes,
        })
    }

    /// One page of orders, with what each row tells of the work its order will make; empty means
    /// the end.
    pub async fn list_outlines(
        &self,
        filter: OrderFilter,
    ) -> Result<Vec<OrderOutline>, VendorError> {
        self.order_rows(filter, outline).await
    }

    /// The first page of the filter; whoever wants the next raises `min_id`.
    async fn order_rows<T>(
        &self,
        filter: OrderFilter,
        read: impl Fn(&Value) -> Result<T, VendorError>,
    ) -> Result<Vec<T>, VendorError> {
        let dates = [
            ("min_date_modified", filter.min_date_modified),
            ("min_date_created", filter.min_date_created),
            ("max_date_created", filter.max_date_created),
        ];
        let mut pairs: Vec<(&str, String)> = vec![
            ("page", "1".to_owned()),
            ("limit", PAGE_ROWS.to_string()),
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
            Some(Value::Array(rows)) => rows.iter().map(&read).collect(),
            Some(_) => Err(VendorError::field("the list")),
        }
    }
}

/// ISO 8601 in whole seconds, which is what BigCommerce documents.
pub(super) fn iso_seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn change(row: &Value, [id, at]: [&str; 2]) -> Result<Change, VendorError> {
    Ok(Change {
        id: json::id(&row[id]).ok_or_else(|| VendorError::field("id"))?,
        at: instant(&row[at]),
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

//! What a store says of many orders at once, for whoever checks the books against it.
//!
//! The rows hold figures as the store reports them and nothing derived from them. A figure that
//! cannot be read is `None`, so that one odd order does not end a read of thousands. Not here:
//! what the figures mean, and the whole order ([`super::orders`]).

use domain::order::TransactionEvent;
use domain::words;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use rust_decimal::Decimal;
use serde_json::Value;

use super::client::Client;
use super::pages::{List, PAGE_ROWS, none_if_missing};
use super::sweep::iso_seconds;
use crate::error::VendorError;
use crate::json;

/// A page that is exactly this long comes from a server that ignores `limit`: it is no end.
const DEFAULT_PAGE_ROWS: usize = 50;

/// An order's own figures. Names and address name a person.
#[derive(Clone, PartialEq, Eq)]
pub struct OrderRow {
    pub id: u64,
    pub status_id: Option<u64>,
    /// Archived.
    pub is_deleted: bool,
    pub created_at: Option<Timestamp>,
    pub modified_at: Option<Timestamp>,
    pub total_inc_tax: Option<Decimal>,
    pub total_ex_tax: Option<Decimal>,
    pub total_tax: Option<Decimal>,
    /// `default_currency_code`: what the shopper pays in.
    pub currency: String,
    pub gift_certificate_amount: Decimal,
    pub store_credit_amount: Decimal,
    pub payment_method: String,
    pub payment_provider_id: String,
    pub payment_status: String,
    /// 0 is a guest.
    pub customer_id: u64,
    pub email: String,
    pub company: String,
    pub first_name: String,
    pub last_name: String,
}

/// Leaves out who ordered.
impl std::fmt::Debug for OrderRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OrderRow")
            .field("id", &self.id)
            .field("status_id", &self.status_id)
            .field("total_inc_tax", &self.total_inc_tax)
            .field("total_tax", &self.total_tax)
            .field("currency", &self.currency)
            .finish_non_exhaustive()
    }
}

/// A transaction of an order, as V3 tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionRow {
    pub id: String,
    /// `purchase`, `capture`, `settled`, `authorization`, `refund`, `void`, `pending`.
    pub event: String,
    pub method: String,
    pub amount: Option<Decimal>,
    pub currency: String,
    pub gateway: String,
    pub gateway_transaction_id: String,
    pub ok: bool,
    /// Its event or its status is a word that the documents do not have, so whether it is money
    /// cannot be told; holds the word.
    pub unclear: Option<String>,
    pub test: bool,
    /// Empty when it refers to none.
    pub reference_transaction_id: String,
    pub created_at: Option<Timestamp>,
}

/// A refund, as V3 tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundRow {
    pub id: u64,
    pub order_id: u64,
    pub created_at: Option<Timestamp>,
    pub total_amount: Option<Decimal>,
    pub total_tax: Option<Decimal>,
    pub payments: Vec<RefundPaymentRow>,
}

/// A part of a refund: what one payment method gave back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundPaymentRow {
    pub amount: Option<Decimal>,
    pub is_declined: bool,
}

/// One page of orders.
#[derive(Clone, Debug)]
pub struct OrderPage {
    pub rows: Vec<OrderRow>,
    /// Where to go on: pass it as `after_id`. `None` after the last page.
    pub next_after_id: Option<u64>,
}

impl Client {
    /// Orders created from `min` to `max`, both inclusive and whole seconds, with ids above
    /// `after_id`; 250 a page. Paged by id, so that an order placed meanwhile hides no other.
    pub async fn orders_created(
        &self,
        min: Timestamp,
        max: Timestamp,
        after_id: u64,
    ) -> Result<OrderPage, VendorError> {
        let (min, max) = (iso_seconds(min), iso_seconds(max));
        let (limit, first) = (
            PAGE_ROWS.to_string(),
            after_id.saturating_add(1).to_string(),
        );
        let query = [
            ("min_date_created", min.as_str()),
            ("max_date_created", max.as_str()),
            ("min_id", first.as_str()),
            ("sort", "id:asc"),
            ("limit", limit.as_str()),
        ];
        let rows = match self.get("/v2/orders", &["v2", "orders"], &query).await? {
            None => Vec::new(),
            Some(Value::Array(rows)) => rows,
            Some(_) => return Err(VendorError::field("the list")),
        };
        let count = rows.len();
        let rows: Vec<OrderRow> = rows.iter().map(order).collect::<Result<_, _>>()?;
        let last = rows.iter().map(|row| row.id).max();
        let ended = count == 0 || (count < PAGE_ROWS && count != DEFAULT_PAGE_ROWS);
        Ok(OrderPage {
            // A server that ignores `min_id` would repeat its first page for ever.
            next_after_id: last.filter(|last| !ended && *last > after_id),
            rows,
        })
    }

    /// One order's own figures; `None` when the store does not know it (404).
    pub async fn order_row(&self, order_id: u64) -> Result<Option<OrderRow>, VendorError> {
        let id = order_id.to_string();
        let found = self
            .get("/v2/orders/{id}", &["v2", "orders", &id], &[])
            .await;
        match found {
            Ok(Some(record)) if record.is_object() => order(&record).map(Some),
            Ok(_) => Err(VendorError::field("the order")),
            Err(VendorError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All transactions of an order.
    pub async fn order_transactions(
        &self,
        order_id: u64,
    ) -> Result<Vec<TransactionRow>, VendorError> {
        let id = order_id.to_string();
        let list = List {
            template: "/v3/orders/{id}/transactions",
            segments: &["v3", "orders", &id, "transactions"],
            query: &[],
        };
        let rows = none_if_missing(self.v3_list(list).await)?;
        Ok(rows.iter().map(transaction).collect())
    }

    /// All refunds of these orders; at most 100 at once, so that the address stays short.
    pub async fn refunds_of_orders(
        &self,
        order_ids: &[u64],
    ) -> Result<Vec<RefundRow>, VendorError> {
        if order_ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<String> = order_ids.iter().map(u64::to_string).collect();
        let ids = ids.join(",");
        let list = List {
            template: "/v3/orders/payment_actions/refunds",
            segments: &["v3", "orders", "payment_actions", "refunds"],
            query: &[("order_id:in", ids.as_str())],
        };
        let rows = none_if_missing(self.v3_list(list).await)?;
        let rows: Vec<RefundRow> = rows.iter().filter_map(refund).collect();
        // Whoever ignores the filter answers with everything.
        Ok(rows
            .into_iter()
            .filter(|row| order_ids.contains(&row.order_id))
            .collect())
    }

    /// The e-mail a customer has now; `None` when the store does not know the customer.
    pub async fn customer_email(&self, customer_id: u64) -> Result<Option<String>, VendorError> {
        let id = customer_id.to_string();
        let list = List {
            template: "/v3/customers",
            segments: &["v3", "customers"],
            query: &[("id:in", id.as_str())],
        };
        let rows = none_if_missing(self.v3_list(list).await)?;
        let it = rows
            .iter()
            .find(|row| json::id(&row["id"]) == Some(customer_id));
        Ok(it.map(|row| json::text(&row["email"])))
    }
}

fn order(record: &Value) -> Result<OrderRow, VendorError> {
    let amount = |name: &str| json::decimal(&record[name]);
    let billing = |name: &str| json::text(&record["billing_address"][name]);
    Ok(OrderRow {
        id: json::id(&record["id"]).ok_or_else(|| VendorError::field("id"))?,
        status_id: json::id(&record["status_id"]),
        is_deleted: json::flag(&record["is_deleted"]),
        created_at: instant(&record["date_created"]),
        modified_at: instant(&record["date_modified"]),
        total_inc_tax: amount("total_inc_tax"),
        total_ex_tax: amount("total_ex_tax"),
        total_tax: amount("total_tax"),
        currency: json::text(&record["default_currency_code"]),
        gift_certificate_amount: amount("gift_certificate_amount").unwrap_or_default(),
        store_credit_amount: amount("store_credit_amount").unwrap_or_default(),
        payment_method: json::text(&record["payment_method"]),
        payment_provider_id: json::text(&record["payment_provider_id"]),
        payment_status: json::text(&record["payment_status"]),
        customer_id: json::id(&record["customer_id"]).unwrap_or(0),
        email: billing("email"),
        company: billing("company"),
        first_name: billing("first_name"),
        last_name: billing("last_name"),
    })
}

fn transaction(row: &Value) -> TransactionRow {
    let (event, status) = (json::text(&row["event"]), json::text(&row["status"]));
    TransactionRow {
        unclear: unclear(&event, &status),
        id: json::text(&row["id"]),
        event: words::word(&event),
        method: words::word(&json::text(&row["method"])),
        amount: json::decimal(&row["amount"]),
        currency: json::text(&row["currency"]),
        gateway: json::text(&row["gateway"]),
        gateway_transaction_id: json::text(&row["gateway_transaction_id"]),
        ok: words::transaction_accepted(&status) == Some(true),
        test: json::flag(&row["test"]),
        reference_transaction_id: json::text(&row["reference_transaction_id"]),
        created_at: instant(&row["date_created"]),
    }
}

fn unclear(event: &str, status: &str) -> Option<String> {
    use TransactionEvent::{Authorization, Pending};
    let accepted = words::transaction_accepted(status);
    match words::transaction_event(event) {
        // What was refused is no money, whatever it was.
        _ if accepted == Some(false) => None,
        None => Some(words::word(event)),
        Some(Authorization | Pending) => None,
        Some(_) => accepted.is_none().then(|| words::word(status)),
    }
}

fn refund(row: &Value) -> Option<RefundRow> {
    let payments = row["payments"].as_array();
    Some(RefundRow {
        id: json::id(&row["id"])?,
        order_id: json::id(&row["order_id"])?,
        created_at: instant(&row["created"]),
        total_amount: json::decimal(&row["total_amount"]),
        total_tax: json::decimal(&row["total_tax"]),
        payments: payments
            .into_iter()
            .flatten()
            .map(|payment| RefundPaymentRow {
                amount: json::decimal(&payment["amount"]),
                is_declined: json::flag(&payment["is_declined"]),
            })
            .collect(),
    })
}

/// V2 writes RFC 2822, V3 ISO 8601.
pub(super) fn instant(value: &Value) -> Option<Timestamp> {
    let text = value.as_str()?.trim();
    let rfc = || rfc2822::DateTimeParser::new().parse_timestamp(text).ok();
    text.parse().ok().or_else(rfc)
}

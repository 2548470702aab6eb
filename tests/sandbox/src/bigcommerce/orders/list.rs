//! `GET /v2/orders`: filters, order, page.

use std::sync::Arc;

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::model::Order;
use super::render::scalar;
use crate::bigcommerce::dates;
use crate::bigcommerce::reply::{ApiError, Page, Params};

/// The page of orders that the query asks for.
///
/// # Errors
/// 400 for a filter the vendor does not list, or a value that cannot be read.
pub(crate) fn select(
    orders: impl Iterator<Item = Arc<Order>>,
    params: &Params,
) -> Result<Vec<Arc<Order>>, ApiError> {
    let mut wanted = Vec::new();
    let mut sort = Sort::default();
    for (name, value) in params {
        match name.as_str() {
            "page" | "limit" | "include" | "consignment_structure" => {}
            "sort" => sort = Sort::read(value)?,
            _ => wanted.push(Filter::read(name, value)?),
        }
    }
    let page = Page::read(params)
        .ok_or_else(|| ApiError::v2_bad("page and limit must be positive integers."))?;
    let mut rows: Vec<Arc<Order>> = orders
        .filter(|order| wanted.iter().all(|filter| filter.passes(order)))
        .collect();
    sort.apply(&mut rows);
    Ok(page.cut(rows))
}

enum Filter {
    MinId(u64),
    MaxId(u64),
    MinTotal(Decimal),
    MaxTotal(Decimal),
    MinCreated(Timestamp),
    MaxCreated(Timestamp),
    MinModified(Timestamp),
    MaxModified(Timestamp),
    Email(String),
    /// A field that must have exactly this text.
    Field(&'static str, String),
}

impl Filter {
    fn read(name: &str, value: &str) -> Result<Self, ApiError> {
        let bad = || ApiError::v2_bad(format!("The value for the field '{name}' is invalid."));
        let id = || value.parse().map_err(|_| bad());
        let money = || value.parse().map_err(|_| bad());
        let date = || dates::read(value).ok_or_else(bad);
        let field = |name| Ok(Self::Field(name, value.to_owned()));
        match name {
            "min_id" => Ok(Self::MinId(id()?)),
            "max_id" => Ok(Self::MaxId(id()?)),
            "min_total" => Ok(Self::MinTotal(money()?)),
            "max_total" => Ok(Self::MaxTotal(money()?)),
            "min_date_created" => Ok(Self::MinCreated(date()?)),
            "max_date_created" => Ok(Self::MaxCreated(date()?)),
            "min_date_modified" => Ok(Self::MinModified(date()?)),
            "max_date_modified" => Ok(Self::MaxModified(date()?)),
            "email" => Ok(Self::Email(value.to_lowercase())),
            "customer_id" => field("customer_id"),
            "status_id" => field("status_id"),
            "cart_id" => field("cart_id"),
            "payment_method" => field("payment_method"),
            "channel_id" => field("channel_id"),
            "external_order_id" => field("external_order_id"),
            _ => Err(ApiError::v2_bad(format!(
                "The field '{name}' is not supported by this resource."
            ))),
        }
    }

    fn passes(&self, order: &Order) -> bool {
        let total = || scalar(order, "total_inc_tax").and_then(|t| t.parse::<Decimal>().ok());
        // The API's dates have no fractions of a second; compare what a client can see.
        let second = |at: Timestamp| at.as_second();
        match self {
            Self::MinId(id) => order.id >= *id,
            Self::MaxId(id) => order.id <= *id,
            Self::MinTotal(min) => total().is_some_and(|total| total >= *min),
            Self::MaxTotal(max) => total().is_some_and(|total| total <= *max),
            Self::MinCreated(min) => second(order.created) >= second(*min),
            Self::MaxCreated(max) => second(order.created) <= second(*max),
            Self::MinModified(min) => second(order.modified) >= second(*min),
            Self::MaxModified(max) => second(order.modified) <= second(*max),
            Self::Email(email) => order.spec.billing.email.to_lowercase() == *email,
            Self::Field(name, value) => scalar(order, name).as_deref() == Some(value.as_str()),
        }
    }
}

struct Sort {
    field: String,
    descending: bool,
}

impl Default for Sort {
    fn default() -> Self {
        Self {
            field: "id".to_owned(),
            descending: false,
        }
    }
}

impl Sort {
    fn read(text: &str) -> Result<Self, ApiError> {
        let (field, direction) = text.split_once(':').unwrap_or((text, "asc"));
        let known = [
            "id",
            "customer_id",
            "date_created",
            "date_modified",
            "status_id",
            "channel_id",
            "external_id",
        ];
        if !known.contains(&field) || !["asc", "desc"].contains(&direction) {
            return Err(ApiError::v2_bad(format!(
                "The sort '{text}' is not supported."
            )));
        }
        Ok(Self {
            field: field.to_owned(),
            descending: direction == "desc",
        })
    }

    /// Equal rows stay in order of their ids.
    fn apply(&self, rows: &mut [Arc<Order>]) {
        match self.field.as_str() {
            "customer_id" => rows.sort_by_key(|o| (o.spec.customer_id, o.id)),
            "date_created" => rows.sort_by_key(|o| (o.created, o.id)),
            "date_modified" => rows.sort_by_key(|o| (o.modified, o.id)),
            "status_id" => rows.sort_by_key(|o| (o.status_id, o.id)),
            _ => rows.sort_by_key(|o| o.id),
        }
        if self.descending {
            rows.reverse();
        }
    }
}

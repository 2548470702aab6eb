//! Items: found by SKU, listed, created, changed.
//!
//! No filter by SKU is documented, and FreshBooks ignores filters it does not know, so the caller
//! is told when that happened. An account may give no access to items at all, with status 200.
//! Not here: which items there should be.

use domain::items::DesiredItem;
use serde_json::{Map, Value, json};

use super::client::{Client, Resource};
use super::invoices::as_written;
use crate::error::{VendorError, VendorFault};
use crate::json;

const ITEMS: Resource = Resource {
    path: ["items", "items"],
    list_template: "/accounting/account/{account_id}/items/items",
    single_template: "/accounting/account/{account_id}/items/items/{id}",
    single: "item",
    plural: "items",
};

/// FreshBooks' cap on rows of a page.
const PAGE_ROWS: usize = 100;

/// 50,000 items. Not finding what exists would create it twice, so the bound is an error.
const MAX_PAGES: u32 = 500;

/// An item as FreshBooks has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemRecord {
    pub id: u64,
    pub name: String,
    /// Empty when it has none: FreshBooks leaves a null one out.
    pub sku: String,
    /// Of the unit cost: FreshBooks writes its own over the one that was sent.
    pub currency_code: String,
    /// 0 active, 1 deleted, 2 archived.
    pub vis_state: u64,
}

/// What a search by SKU gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemSearch {
    /// The active and archived items with exactly this SKU; empty when there is none.
    Found(Vec<ItemRecord>),
    /// The filter was ignored: only a whole list tells.
    FilterIgnored,
}

impl Client {
    /// The items with exactly this SKU, in one call.
    pub async fn find_items_by_sku(&self, sku: &str) -> Result<ItemSearch, VendorError> {
        let per_page = PAGE_ROWS.to_string();
        let query = [
            ("search[sku]", sku),
            ("page", "1"),
            ("per_page", per_page.as_str()),
        ];
        let result = self.list(ITEMS, &query).await?;
        let rows = result[ITEMS.plural]
            .as_array()
            .ok_or_else(|| VendorError::field(ITEMS.plural))?;
        let records = rows.iter().map(item).collect::<Result<Vec<_>, _>>()?;
        // A filter that works gives nothing else; one that was ignored gives everything.
        if records.iter().any(|record| record.sku.trim() != sku) {
            return Ok(ItemSearch::FilterIgnored);
        }
        Ok(ItemSearch::Found(
            records
                .into_iter()
                .filter(|record| record.vis_state != 1)
                .collect(),
        ))
    }

    /// Whether the account has any active or archived item, in one call.
    pub async fn has_items(&self) -> Result<bool, VendorError> {
        let result = self
            .list(ITEMS, &[("page", "1"), ("per_page", "1")])
            .await?;
        let rows = result[ITEMS.plural].as_array();
        rows.map(|rows| !rows.is_empty())
            .ok_or_else(|| VendorError::field(ITEMS.plural))
    }

    /// All active and archived items.
    pub async fn list_items(&self) -> Result<Vec<ItemRecord>, VendorError> {
        let rows = self
            .search_within(ITEMS, &[], MAX_PAGES, |row| {
                json::id(&row["vis_state"]) != Some(1)
            })
            .await?;
        rows.iter().map(item).collect()
    }

    /// Creates an item under `name`, which may differ from the desired one.
    ///
    /// Not idempotent; after [`VendorError::UnknownOutcome`] look for the SKU. FreshBooks refuses a
    /// name that another item has, or once had.
    pub async fn create_item(
        &self,
        desired: &DesiredItem,
        name: &str,
    ) -> Result<ItemRecord, VendorError> {
        let mut body = fields(desired, |_| true);
        body.insert("name".to_owned(), json!(name));
        item(&self.create(ITEMS, &[], Value::Object(body)).await?).map_err(as_written)
    }

    /// Changes the named fields (`name`, `sku`, `unit_cost`, `inventory`) and leaves the others.
    pub async fn update_item(
        &self,
        id: u64,
        desired: &DesiredItem,
        name: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<ItemRecord, VendorError> {
        let mut body = fields(desired, &wanted);
        if wanted("name") {
            body.insert("name".to_owned(), json!(name));
        }
        item(&self.change(ITEMS, id, &[], Value::Object(body)).await?).map_err(as_written)
    }
}

impl VendorError {
    /// What an account without access to items answers, for whoever knows without asking.
    pub fn items_denied() -> Self {
        let errors = vec![VendorFault::new(Some(12001), None, "no access to items")];
        Self::Rejected {
            status: 200,
            errors,
        }
    }

    /// FreshBooks' way of saying that this account's items are out of reach: errno 12001, also with
    /// status 200, or a refusal of the scope.
    pub fn is_items_denied(&self) -> bool {
        match self {
            Self::AccessDenied { .. } => true,
            Self::Rejected { errors, .. } => errors.iter().any(|fault| fault.errno == Some(12001)),
            _ => false,
        }
    }
}

fn fields(item: &DesiredItem, wanted: impl Fn(&str) -> bool) -> Map<String, Value> {
    let mut body = Map::new();
    if wanted("sku") {
        body.insert("sku".to_owned(), json!(item.sku));
    }
    if let Some(cost) = item.unit_cost.filter(|_| wanted("unit_cost")) {
        let mut money = Map::from_iter([("amount".to_owned(), json!(cost.to_string()))]);
        if !item.currency_code.is_empty() {
            money.insert("code".to_owned(), json!(item.currency_code));
        }
        body.insert("unit_cost".to_owned(), Value::Object(money));
    }
    if let Some(pieces) = item.inventory.filter(|_| wanted("inventory")) {
        body.insert(
            "inventory".to_owned(),
            json!(pieces.normalize().to_string()),
        );
    }
    body
}

fn item(record: &Value) -> Result<ItemRecord, VendorError> {
    let id = json::id(&record["id"]).or_else(|| json::id(&record["itemid"]));
    Ok(ItemRecord {
        id: id.ok_or_else(|| VendorError::field("item.id"))?,
        name: json::text(&record["name"]),
        sku: json::text(&record["sku"]),
        currency_code: json::text(&record["unit_cost"]["code"]),
        vis_state: json::id(&record["vis_state"]).unwrap_or(0),
    })
}

//! Searches, page by page, that believe no filter.
//!
//! FreshBooks ignores filters it does not know and then answers with everything. So every row is
//! checked again, and a search that runs into its bound is an error rather than "not found":
//! not finding what exists would create it twice.

use serde_json::Value;

use super::client::{Client, Resource};
use crate::error::{Unreadable, VendorError};
use crate::json;

/// FreshBooks' cap; its default is 15.
const PAGE_ROWS: usize = 100;

/// 5,000 rows. A filter that works needs one page.
const MAX_PAGES: u32 = 50;

impl Client {
    /// All rows that `wanted` accepts.
    pub(super) async fn search(
        &self,
        resource: Resource,
        filters: &[(&str, &str)],
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Vec<Value>, VendorError> {
        self.search_within(resource, filters, MAX_PAGES, wanted)
            .await
    }

    /// The same within another bound of pages.
    pub(super) async fn search_within(
        &self,
        resource: Resource,
        filters: &[(&str, &str)],
        max_pages: u32,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Vec<Value>, VendorError> {
        let per_page = PAGE_ROWS.to_string();
        let mut found = Vec::new();
        for page in 1..=max_pages {
            let number = page.to_string();
            let mut query = filters.to_vec();
            query.extend([("page", number.as_str()), ("per_page", per_page.as_str())]);
            let mut result = self.list(resource, &query).await?;
            let pages = json::id(&result["pages"]).ok_or_else(|| VendorError::field("pages"))?;
            let Some(Value::Array(rows)) = result.get_mut(resource.plural).map(Value::take) else {
                return Err(VendorError::field(resource.plural));
            };
            let is_empty = rows.is_empty();
            found.extend(rows.into_iter().filter(&wanted));
            if is_empty || u64::from(page) >= pages {
                return Ok(found);
            }
        }
        Err(VendorError::Unreadable {
            what: Unreadable::TooManyPages { limit: max_pages },
        })
    }
}

//! Whole lists, page by page, with an end.
//!
//! V2 lists are bare arrays without a count, so the end is a short page. V3 lists name their
//! number of pages. Not here: which list is needed.

use serde_json::Value;

use super::client::Client;
use super::inline::fee_rows;
use crate::error::{Unreadable, VendorError};
use crate::json;

/// The largest page either version gives.
pub(super) const PAGE_ROWS: usize = 250;

/// The page size of a server that ignores `limit`.
const DEFAULT_PAGE_ROWS: usize = 50;

/// 10,000 rows; orders have hundreds.
const MAX_PAGES: u32 = 40;

/// Which list.
#[derive(Clone, Copy)]
pub(super) struct List<'a> {
    pub(super) template: &'static str,
    pub(super) segments: &'a [&'a str],
    pub(super) query: &'a [(&'a str, &'a str)],
}

impl Client {
    /// All rows of a V2 list; 204 is none.
    pub(super) async fn v2_list(&self, list: List<'_>) -> Result<Vec<Value>, VendorError> {
        self.all_pages(list, |body| match body {
            Some(Value::Array(rows)) => Ok((rows, None)),
            None => Ok((Vec::new(), None)),
            // Fees come as the documented object with the list in it, too.
            Some(body) if list.template.ends_with("/fees") => match fee_rows(&body) {
                Some(rows) => Ok((rows, None)),
                None => Err(VendorError::field("the list")),
            },
            Some(_) => Err(VendorError::field("the list")),
        })
        .await
    }

    /// All rows of a V3 list; 204 is none.
    pub(super) async fn v3_list(&self, list: List<'_>) -> Result<Vec<Value>, VendorError> {
        self.all_pages(list, |body| {
            let Some(mut body) = body else {
                return Ok((Vec::new(), None));
            };
            let pages = json::id(&body["meta"]["pagination"]["total_pages"]);
            match body.get_mut("data").map(Value::take) {
                Some(Value::Array(rows)) => Ok((rows, pages)),
                _ => Err(VendorError::field("data")),
            }
        })
        .await
    }

    async fn all_pages(
        &self,
        list: List<'_>,
        read: impl Fn(Option<Value>) -> Result<(Vec<Value>, Option<u64>), VendorError>,
    ) -> Result<Vec<Value>, VendorError> {
        let limit = PAGE_ROWS.to_string();
        let mut all: Vec<Value> = Vec::new();
        let mut previous_start = None;
        for page in 1..=MAX_PAGES {
            let number = page.to_string();
            let mut query = list.query.to_vec();
            query.extend([("page", number.as_str()), ("limit", limit.as_str())]);
            let body = self.get(list.template, list.segments, &query).await?;
            let (rows, pages) = read(body)?;
            let row_count = rows.len();
            // A server that ignores `page` would repeat its rows for ever.
            let repeated = previous_start.is_some_and(|start| all.get(start) == rows.first());
            if row_count == 0 || repeated {
                return Ok(all);
            }
            previous_start = Some(all.len());
            all.extend(rows);
            let ended = match pages {
                Some(pages) => u64::from(page) >= pages,
                None => row_count < PAGE_ROWS && row_count != DEFAULT_PAGE_ROWS,
            };
            if ended {
                return Ok(all);
            }
        }
        Err(VendorError::Unreadable {
            what: Unreadable::TooManyPages { limit: MAX_PAGES },
        })
    }
}

/// Reads "there is none" out of a 404 on a part of something that exists.
pub(super) fn none_if_missing(
    result: Result<Vec<Value>, VendorError>,
) -> Result<Vec<Value>, VendorError> {
    match result {
        Err(VendorError::NotFound { .. }) => Ok(Vec::new()),
        other => other,
    }
}

//! The vendor's answers: V2's bare values and error arrays, V3's envelopes and error objects.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// The query of a request, in order, names decoded.
pub(crate) type Params = Vec<(String, String)>;

pub(crate) fn param<'a>(params: &'a Params, name: &str) -> Option<&'a str> {
    params
        .iter()
        .rfind(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
}

/// Names of an `include`, which may be given once with commas or several times.
pub(crate) fn includes(params: &Params) -> Vec<&str> {
    params
        .iter()
        .filter(|(key, _)| key == "include")
        .flat_map(|(_, value)| value.split(',').map(str::trim))
        .collect()
}

/// An error in the spelling of the API generation that was asked.
#[derive(Clone, Debug)]
pub(crate) enum ApiError {
    V2(StatusCode, String),
    V3(StatusCode, String, BTreeMap<String, String>),
}

impl ApiError {
    pub(crate) fn v2_not_found() -> Self {
        Self::V2(
            StatusCode::NOT_FOUND,
            "The requested resource was not found.".to_owned(),
        )
    }

    pub(crate) fn v2_bad(message: impl Into<String>) -> Self {
        Self::V2(StatusCode::BAD_REQUEST, message.into())
    }

    pub(crate) fn v3(status: StatusCode, title: impl Into<String>) -> Self {
        Self::V3(status, title.into(), BTreeMap::new())
    }

    pub(crate) fn v3_not_found() -> Self {
        Self::v3(
            StatusCode::NOT_FOUND,
            "The requested resource was not found.",
        )
    }

    /// The spelling that fits the path: `/v2/…` or anything else.
    pub(crate) fn for_path(path: &str, status: StatusCode, text: &str) -> Self {
        if path.starts_with("/v2") {
            Self::V2(status, text.to_owned())
        } else {
            Self::v3(status, text)
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        match self {
            Self::V2(status, message) => {
                let body = json!([{"status": status.as_u16(), "message": message}]);
                (status, Json(body)).into_response()
            }
            Self::V3(status, title, errors) => {
                let mut body = json!({
                    "status": status.as_u16(),
                    "title": title,
                    "type": "https://developer.bigcommerce.com/api-docs/getting-started/api-status-codes",
                });
                if let Value::Object(body) = &mut body
                    && !errors.is_empty()
                {
                    body.insert("errors".to_owned(), json!(errors));
                }
                (status, Json(body)).into_response()
            }
        }
    }
}

/// Which page of how many rows was asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    pub(crate) page: usize,
    pub(crate) limit: usize,
}

const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 250;

impl Page {
    /// Page 1 of 50 unless asked; more than 250 rows are cut to 250.
    pub(crate) fn read(params: &Params) -> Option<Self> {
        let number = |name: &str, default: usize| match param(params, name) {
            None => Some(default),
            Some(text) => text.parse::<usize>().ok().filter(|n| *n > 0),
        };
        Some(Self {
            page: number("page", 1)?,
            limit: number("limit", DEFAULT_LIMIT)?.min(MAX_LIMIT),
        })
    }

    /// The rows of this page.
    pub(crate) fn cut<T>(self, rows: impl IntoIterator<Item = T>) -> Vec<T> {
        let skip = (self.page - 1).saturating_mul(self.limit);
        rows.into_iter().skip(skip).take(self.limit).collect()
    }
}

/// A V2 list: the page's rows, or 204 with no body when there are none.
pub(crate) fn v2_list(rows: Vec<Value>, params: &Params) -> Result<Response, ApiError> {
    Ok(v2_rows(v2_page(rows, params)?))
}

/// The rows of the page that was asked for.
pub(crate) fn v2_page(rows: Vec<Value>, params: &Params) -> Result<Vec<Value>, ApiError> {
    let page = Page::read(params).ok_or_else(|| {
        ApiError::v2_bad("The page and limit parameters must be positive integers.")
    })?;
    Ok(page.cut(rows))
}

/// Rows already cut to their page.
pub(crate) fn v2_rows(rows: Vec<Value>) -> Response {
    if rows.is_empty() {
        return StatusCode::NO_CONTENT.into_response();
    }
    Json(Value::Array(rows)).into_response()
}

/// A V3 list with its pagination.
pub(crate) fn v3_list(rows: Vec<Value>, params: &Params) -> Result<Response, ApiError> {
    let page = Page::read(params).ok_or_else(|| {
        ApiError::v3(
            StatusCode::UNPROCESSABLE_ENTITY,
            "The page and limit parameters must be positive integers.",
        )
    })?;
    let total = rows.len();
    let data = page.cut(rows);
    let total_pages = total.div_ceil(page.limit).max(1);
    let link = |n: usize| format!("?page={n}&limit={}", page.limit);
    let mut links = json!({"current": link(page.page)});
    if page.page < total_pages {
        links["next"] = Value::String(link(page.page + 1));
    }
    if page.page > 1 {
        links["previous"] = Value::String(link(page.page - 1));
    }
    let pagination = json!({
        "total": total,
        "count": data.len(),
        "per_page": page.limit,
        "current_page": page.page,
        "total_pages": total_pages,
        "links": links,
    });
    Ok(Json(json!({"data": data, "meta": {"pagination": pagination}})).into_response())
}

/// One V3 object.
pub(crate) fn v3_one(data: Value) -> Response {
    Json(json!({"data": data, "meta": {}})).into_response()
}

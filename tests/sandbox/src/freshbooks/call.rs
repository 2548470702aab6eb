//! One request and one reply, as plain values: everything behind the door is synchronous and
//! knows nothing of sockets.

use axum::body::Bytes;
use axum::http::Method;
use serde_json::{Map, Value, json};

/// A JSON object as it travels and as it is stored.
pub(super) type Doc = Map<String, Value>;

/// A request, read to its end.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    /// Decoded pairs in order; `search%5Bemail%5D` and `search[email]` are the same key.
    pub(super) query: Vec<(String, String)>,
    pub(super) bearer: Option<String>,
    pub(super) content_type: String,
    pub(super) body: Bytes,
}

impl Call {
    pub(super) fn segments(&self) -> Vec<&str> {
        self.path
            .split('/')
            .filter(|part| !part.is_empty())
            .collect()
    }

    pub(super) fn param(&self, key: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    /// The body as a JSON object; the message says what is wrong with it.
    pub(super) fn object(&self) -> Result<Doc, String> {
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(object)) => Ok(object),
            Ok(_) => Err("the body must be a JSON object".into()),
            Err(error) => Err(format!("the body is not JSON: {error}")),
        }
    }

    /// The body's fields as text, whether it came as a form or as JSON.
    pub(super) fn fields(&self) -> Result<Vec<(String, String)>, String> {
        if self.content_type.starts_with("application/json") {
            let object = self.object()?;
            return Ok(object
                .into_iter()
                .map(|(key, value)| (key, plain(&value)))
                .collect());
        }
        Ok(pairs(&String::from_utf8_lossy(&self.body)))
    }
}

/// A form or a query string, decoded. Order and repetitions are kept.
pub(super) fn pairs(encoded: &str) -> Vec<(String, String)> {
    let Ok(mut url) = reqwest::Url::parse("http://form.invalid/") else {
        return Vec::new();
    };
    url.set_query(Some(encoded));
    url.query_pairs().into_owned().collect()
}

/// A scalar without its quotes.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// The fields of a JSON object written in code; nothing when it is none.
pub(super) fn object(value: Value) -> Doc {
    match value {
        Value::Object(object) => object,
        _ => Doc::new(),
    }
}

/// A reply before it becomes bytes.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Option<Value>,
    pub(super) headers: Vec<(&'static str, String)>,
}

impl Reply {
    pub(super) fn json(status: u16, body: Value) -> Self {
        Self {
            status,
            body: Some(body),
            headers: Vec::new(),
        }
    }

    pub(super) fn empty(status: u16) -> Self {
        Self {
            status,
            body: None,
            headers: Vec::new(),
        }
    }

    /// What every family says to a missing, expired or unknown bearer.
    pub(super) fn unauthenticated() -> Self {
        Self::json(
            401,
            json!({
                "error": "unauthenticated",
                "error_description": "This action requires authentication to continue.",
            }),
        )
    }
}

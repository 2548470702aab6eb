//! A product as it is now, with its variants.
//!
//! Not here: reading the document, and which of it becomes an item (`domain`).

use serde_json::{Value, json};

use super::client::Client;
use super::pages::List;
use crate::error::{Transient, VendorError};

/// Calls of one product when its variants do not come with it, and of the store's settings.
const USUAL_CALLS: u64 = 2;

impl Client {
    /// `{"product", "store"}`, the product's `variants` in it; `None` when the store has no such
    /// product.
    pub async fn fetch_product(&self, product_id: u64) -> Result<Option<Value>, VendorError> {
        self.room_for(USUAL_CALLS).await?;
        let id = product_id.to_string();
        let segments = ["v3", "catalog", "products", id.as_str()];
        let query = [("include", "variants")];
        let template = "/v3/catalog/products/{id}";
        let found = match self.get(template, &segments, &query).await {
            Ok(Some(mut body)) => body.get_mut("data").map(Value::take),
            Ok(None) => None,
            Err(VendorError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let Some(Value::Object(mut product)) = found else {
            return Err(VendorError::field("data"));
        };
        if !product.get("variants").is_some_and(Value::is_array) {
            product.insert("variants".to_owned(), self.variants(&id).await?);
        }
        let store = self.store_settings().await?;
        Ok(Some(json!({ "product": product, "store": store })))
    }

    async fn variants(&self, id: &str) -> Result<Value, VendorError> {
        let segments = ["v3", "catalog", "products", id, "variants"];
        let list = List {
            template: "/v3/catalog/products/{id}/variants",
            segments: &segments,
            query: &[],
        };
        match self.v3_list(list).await {
            Ok(rows) => Ok(Value::Array(rows)),
            // The product was there a moment ago: it was deleted meanwhile. Reading again says so.
            Err(VendorError::NotFound { .. }) => Err(VendorError::RetryLater {
                cause: Transient::Moved,
            }),
            Err(error) => Err(error),
        }
    }
}

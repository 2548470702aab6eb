//! A whole order as one JSON document, in as few calls as the API allows.
//!
//! Typical counts: incomplete 1; paid by card, taxed, with includes 3; without includes 5. The
//! store's own settings are cached for an hour and not in these counts. Not here: reading the
//! document, which is `domain`'s.

use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::client::Client;
use super::pages::{List, none_if_missing};
use super::{inline, needs};
use crate::error::{Transient, VendorError};

/// What the caller knows before the order is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FetchHints {
    /// A refund hook came: read refunds even if no figure of the order shows one.
    pub refunds_expected: bool,
}

/// An order, or the knowledge that there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchedOrder {
    /// `{"order", "products", "taxes", "coupons", "shipping_addresses", "fees", "transactions",
    /// "refunds", "store"}`. Lists are empty where the order's figures say there is nothing.
    /// `store` is `{"time_zone", "time_zone_known", "timezone", "tax_settings"}` or null.
    Present(Value),
    /// BigCommerce answers 404.
    Gone,
}

/// Calls of one order that run at the same time.
const CONCURRENT_PARTS: usize = 3;

/// Calls that should fit into the quota's window before an order is begun.
const USUAL_CALLS: u64 = 5;

/// The parts that are lists of their own.
#[derive(Default)]
struct Parts {
    products: Vec<Value>,
    taxes: Vec<Value>,
    coupons: Vec<Value>,
    shipping_addresses: Vec<Value>,
    fees: Vec<Value>,
    transactions: Vec<Value>,
    refunds: Vec<Value>,
}

impl Client {
    /// The order as it is now.
    ///
    /// An incomplete order (status 0) is read in one call. Errors are those of the first part
    /// that failed; nothing is returned by halves. A failure to read the store's settings counts
    /// only when it is retryable, because the time zone decides the invoice's date.
    pub async fn fetch_order(
        &self,
        order_id: u64,
        hints: FetchHints,
    ) -> Result<FetchedOrder, VendorError> {
        self.room_for(USUAL_CALLS).await?;
        let id = order_id.to_string();
        let Some(order) = self.order_itself(&id).await? else {
            return Ok(FetchedOrder::Gone);
        };
        if needs::is_incomplete(&order) {
            let store = self.store_cache().last_known().await;
            return Ok(FetchedOrder::Present(document(
                order,
                Parts::default(),
                store,
            )));
        }
        let (parts, store) = self.parts(&id, &order, hints).await?;
        Ok(FetchedOrder::Present(document(order, parts, store)))
    }

    /// The order's own record, with includes where the store takes them.
    async fn order_itself(&self, id: &str) -> Result<Option<Value>, VendorError> {
        let plain = |query: &'static [(&'static str, &'static str)]| async move {
            let found = self
                .get("/v2/orders/{id}", &["v2", "orders", id], query)
                .await;
            match found {
                Ok(Some(order)) if order.is_object() => Ok(Some(order)),
                Ok(_) => Err(VendorError::field("the order")),
                Err(VendorError::NotFound { .. }) => Ok(None),
                Err(error) => Err(error),
            }
        };
        if !self.includes().may_ask() {
            return plain(&[]).await;
        }
        match plain(&inline::INCLUDE_QUERY).await {
            Err(VendorError::Rejected { status: 400, .. }) => {
                let order = plain(&[]).await?;
                // The plain call was taken, so it was the includes that were refused.
                self.includes().refused();
                Ok(order)
            }
            other => other,
        }
    }

    async fn parts(
        &self,
        id: &str,
        order: &Value,
        hints: FetchHints,
    ) -> Result<(Parts, Value), VendorError> {
        let gate = &Semaphore::new(CONCURRENT_PARTS);
        let (inline_lines, inline_fees) = (inline::products(order), inline::fees(order));
        let lines = inline_lines.as_deref().unwrap_or_default();
        let fees = inline_fees.as_deref().unwrap_or_default();
        let taxes_known = needs::taxes(order, lines, fees);
        let refunds_known = needs::refunds(order, lines, &[], hints);
        let (products, shipping_addresses, fees, coupons, transactions, taxes, refunds, store) = tokio::try_join!(
            gated(gate, self.products(id, inline_lines.clone())),
            gated(gate, self.shipping_addresses(id, order)),
            gated(gate, self.fees(id, order, inline_fees.clone())),
            gated(gate, self.coupons(id, needs::coupons(order))),
            gated(gate, self.transactions(id)),
            gated(gate, self.taxes(id, taxes_known)),
            gated(gate, self.refunds(id, refunds_known)),
            gated(gate, self.store_settings()),
        )?;
        let mut parts = Parts {
            products,
            taxes,
            coupons,
            shipping_addresses,
            fees,
            transactions,
            refunds,
        };
        // What the parts just read may tell of more.
        if !taxes_known {
            parts.taxes = self
                .taxes(id, needs::taxes(order, &parts.products, &parts.fees))
                .await?;
        }
        if !refunds_known {
            let needed = needs::refunds(order, &parts.products, &parts.transactions, hints);
            parts.refunds = self.refunds(id, needed).await?;
        }
        Ok((parts, store))
    }

    async fn products(
        &self,
        id: &str,
        inline: Option<Vec<Value>>,
    ) -> Result<Vec<Value>, VendorError> {
        if let Some(lines) = inline {
            return Ok(lines);
        }
        let segments = ["v2", "orders", id, "products"];
        let template = "/v2/orders/{id}/products";
        match self
            .v2_list(List {
                template,
                segments: &segments,
                query: &[],
            })
            .await
        {
            // An order without lines is no order: it was deleted meanwhile. Reading it again
            // will say so; an invoice is not removed on the word of a part.
            Err(VendorError::NotFound { .. }) => Err(VendorError::RetryLater {
                cause: Transient::Moved,
            }),
            other => other,
        }
    }

    async fn shipping_addresses(&self, id: &str, order: &Value) -> Result<Vec<Value>, VendorError> {
        if crate::json::id(&order["shipping_address_count"]) == Some(0) {
            return Ok(Vec::new());
        }
        if let Some(addresses) = inline::shipping_addresses(order) {
            return Ok(addresses);
        }
        let segments = ["v2", "orders", id, "shipping_addresses"];
        let template = "/v2/orders/{id}/shipping_addresses";
        none_if_missing(
            self.v2_list(List {
                template,
                segments: &segments,
                query: &[],
            })
            .await,
        )
    }

    async fn fees(
        &self,
        id: &str,
        order: &Value,
        inline: Option<Vec<Value>>,
    ) -> Result<Vec<Value>, VendorError> {
        if let Some(fees) = inline {
            return Ok(fees);
        }
        if !needs::fees(order) {
            return Ok(Vec::new());
        }
        let segments = ["v2", "orders", id, "fees"];
        let template = "/v2/orders/{id}/fees";
        none_if_missing(
            self.v2_list(List {
                template,
                segments: &segments,
                query: &[],
            })
            .await,
        )
    }

    async fn coupons(&self, id: &str, needed: bool) -> Result<Vec<Value>, VendorError> {
        if !needed {
            return Ok(Vec::new());
        }
        let segments = ["v2", "orders", id, "coupons"];
        let template = "/v2/orders/{id}/coupons";
        none_if_missing(
            self.v2_list(List {
                template,
                segments: &segments,
                query: &[],
            })
            .await,
        )
    }

    async fn taxes(&self, id: &str, needed: bool) -> Result<Vec<Value>, VendorError> {
        if !needed {
            return Ok(Vec::new());
        }
        let segments = ["v2", "orders", id, "taxes"];
        let template = "/v2/orders/{id}/taxes";
        let query = [("details", "true")];
        none_if_missing(
            self.v2_list(List {
                template,
                segments: &segments,
                query: &query,
            })
            .await,
        )
    }

    async fn transactions(&self, id: &str) -> Result<Vec<Value>, VendorError> {
        let segments = ["v3", "orders", id, "transactions"];
        let template = "/v3/orders/{id}/transactions";
        none_if_missing(
            self.v3_list(List {
                template,
                segments: &segments,
                query: &[],
            })
            .await,
        )
    }

    async fn refunds(&self, id: &str, needed: bool) -> Result<Vec<Value>, VendorError> {
        if !needed {
            return Ok(Vec::new());
        }
        let segments = ["v3", "orders", id, "payment_actions", "refunds"];
        let template = "/v3/orders/{id}/payment_actions/refunds";
        none_if_missing(
            self.v3_list(List {
                template,
                segments: &segments,
                query: &[],
            })
            .await,
        )
    }
}

/// Runs a part when one of the order's places is free.
async fn gated<T>(
    gate: &Semaphore,
    part: impl Future<Output = Result<T, VendorError>>,
) -> Result<T, VendorError> {
    // The gate is never closed; if it were, running ungated is still right.
    let _place = gate.acquire().await.ok();
    part.await
}

fn document(mut order: Value, parts: Parts, store: Value) -> Value {
    // Its lines, addresses and fees stand beside the order; once is enough for every later hop.
    if let Some(fields) = order.as_object_mut() {
        fields.remove("consignments");
        fields.remove("fees");
    }
    json!({
        "order": order,
        "products": parts.products,
        "taxes": parts.taxes,
        "coupons": parts.coupons,
        "shipping_addresses": parts.shipping_addresses,
        "fees": parts.fees,
        "transactions": parts.transactions,
        "refunds": parts.refunds,
        "store": store,
    })
}

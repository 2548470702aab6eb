//! Both vendors' emulators inside the test's process, and the calls that control them.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context;
use serde_json::{Value, json};

use crate::http::Http;

/// The emulators, on free ports. They end with the test's runtime.
#[derive(Debug)]
pub struct Vendors {
    /// Base address without a slash at the end.
    pub bigcommerce: String,
    /// Base address without a slash at the end.
    pub freshbooks: String,
    http: Http,
    // Held, not called: dropping one early must not end it.
    _bigcommerce: sandbox::bigcommerce::Sandbox,
    _freshbooks: sandbox::freshbooks::Sandbox,
}

impl Vendors {
    pub async fn start() -> anyhow::Result<Self> {
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let bigcommerce = sandbox::bigcommerce::Sandbox::start(free).await?;
        let freshbooks = sandbox::freshbooks::Sandbox::start(free).await?;
        Ok(Self {
            bigcommerce: bigcommerce.base_url(),
            freshbooks: freshbooks.base_url(),
            http: Http::new()?,
            _bigcommerce: bigcommerce,
            _freshbooks: freshbooks,
        })
    }

    /// Creates a store; see the sandbox's README for the keys.
    pub async fn create_store(&self, store: &Value) -> anyhow::Result<()> {
        let url = format!("{}/_sandbox/stores", self.bigcommerce);
        self.http
            .post(&url, store)
            .await
            .context("creating a store")
            .map(drop)
    }

    /// Creates an account; see the sandbox's FRESHBOOKS.md for the keys.
    pub async fn create_account(&self, account: &Value) -> anyhow::Result<()> {
        let url = format!("{}/_sandbox/accounts", self.freshbooks);
        self.http
            .post(&url, account)
            .await
            .context("creating an account")
            .map(drop)
    }

    /// Places an order of a kind and fires its hooks; the store's summary of it.
    pub async fn place(&self, store_hash: &str, kind: &str, seed: u64) -> anyhow::Result<Value> {
        self.place_with(store_hash, &json!({ "kind": kind, "seed": seed }))
            .await
    }

    /// Places an order as the sandbox's control call takes it.
    pub async fn place_with(&self, store_hash: &str, order: &Value) -> anyhow::Result<Value> {
        let url = format!("{}/_sandbox/stores/{store_hash}/orders", self.bigcommerce);
        self.http
            .post(&url, order)
            .await
            .context("placing an order")
    }

    /// Does something to an order later: capture, edit, refund, archive, delete.
    pub async fn act(
        &self,
        store_hash: &str,
        order_id: u64,
        action: &Value,
    ) -> anyhow::Result<Value> {
        let url = format!(
            "{}/_sandbox/stores/{store_hash}/orders/{order_id}/actions",
            self.bigcommerce
        );
        self.http
            .post(&url, action)
            .await
            .context("acting on an order")
    }

    /// Everything an account holds.
    pub async fn books(&self, account_id: &str) -> anyhow::Result<Value> {
        let url = format!("{}/_sandbox/accounts/{account_id}/books", self.freshbooks);
        self.http.get(&url).await.context("reading the books")
    }

    /// The invoices of an account that are not deleted and carry this number.
    pub async fn invoices(&self, account_id: &str, number: &str) -> anyhow::Result<Vec<Value>> {
        let of_it = |row: &Value| row.get("invoice_number").and_then(Value::as_str) == Some(number);
        Ok(active(&self.books(account_id).await?, "invoices")
            .filter(|row| of_it(row))
            .collect())
    }

    /// The payments of an invoice that are not deleted.
    pub async fn payments(&self, account_id: &str, invoice_id: u64) -> anyhow::Result<Vec<Value>> {
        let of_it = |row: &Value| row.get("invoiceid").and_then(Value::as_u64) == Some(invoice_id);
        Ok(active(&self.books(account_id).await?, "payments")
            .filter(|row| of_it(row))
            .collect())
    }

    /// How often each route of an account was called, and the totals.
    pub async fn freshbooks_calls(&self, account_id: &str) -> anyhow::Result<Value> {
        self.http
            .get(&format!(
                "{}/_sandbox/accounts/{account_id}/calls",
                self.freshbooks
            ))
            .await
    }

    /// How often each route of a store was called.
    pub async fn bigcommerce_calls(&self, store_hash: &str) -> anyhow::Result<Value> {
        self.http
            .get(&format!(
                "{}/_sandbox/stores/{store_hash}/calls",
                self.bigcommerce
            ))
            .await
    }

    /// What became of the hooks a store sent.
    pub async fn deliveries(&self, store_hash: &str) -> anyhow::Result<Value> {
        self.http
            .get(&format!(
                "{}/_sandbox/stores/{store_hash}/deliveries",
                self.bigcommerce
            ))
            .await
    }

    /// Orders a fault at FreshBooks.
    pub async fn break_freshbooks(&self, fault: &Value) -> anyhow::Result<()> {
        let url = format!("{}/_sandbox/faults", self.freshbooks);
        self.http
            .post(&url, fault)
            .await
            .context("ordering a fault")
            .map(drop)
    }

    /// Orders a fault at BigCommerce.
    pub async fn break_bigcommerce(&self, fault: &Value) -> anyhow::Result<()> {
        let url = format!("{}/_sandbox/faults", self.bigcommerce);
        self.http
            .post(&url, fault)
            .await
            .context("ordering a fault")
            .map(drop)
    }
}

fn active<'a>(books: &'a Value, kind: &str) -> impl Iterator<Item = Value> + use<'a> {
    let rows = books.get(kind).and_then(Value::as_array);
    let deleted = |row: &&Value| row.get("vis_state").and_then(Value::as_u64) == Some(1);
    rows.into_iter()
        .flatten()
        .filter(move |row| !deleted(row))
        .cloned()
}

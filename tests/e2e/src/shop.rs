//! A connection seen from both ends: what the store says, and what the books show.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use testkit::{Connection, House, Tillbook, eventually};

use crate::{LIMIT, Streams};

/// One store and the account its orders belong in.
#[derive(Clone, Copy, Debug)]
pub struct Shop<'a> {
    pub house: &'a House,
    pub connection: &'a Connection,
}

/// An order as the store sums it up.
#[derive(Clone, Debug)]
pub struct Placed {
    pub id: u64,
    pub total: Decimal,
    pub tax: Decimal,
    /// Captured money, and what was paid outside of the store.
    pub received: Decimal,
    /// What went back by refunds that were not declined.
    pub refunded: Decimal,
    pub currency: String,
    pub email: String,
}

impl<'a> Shop<'a> {
    /// The shop of a house's only connection.
    pub fn only(house: &'a House) -> anyhow::Result<Self> {
        let connection = house.connection()?;
        Ok(Self { house, connection })
    }

    /// The shop of a named connection.
    pub fn named(house: &'a House, name: &str) -> anyhow::Result<Self> {
        let found = house.connections.iter().find(|one| one.name == name);
        let connection = found.with_context(|| format!("no connection {name}"))?;
        Ok(Self { house, connection })
    }

    /// Places an order whose only hook is `created`.
    pub async fn place(&self, kind: &str, seed: u64) -> anyhow::Result<Placed> {
        self.place_with(&json!({"kind": kind, "seed": seed, "hooks": "single"}))
            .await
    }

    /// Places an order as the sandbox's control call takes it.
    pub async fn place_with(&self, order: &Value) -> anyhow::Result<Placed> {
        let store = &self.connection.store_hash;
        Placed::read(&self.house.vendors.place_with(store, order).await?)
    }

    /// Places orders of the kinds in turn, `count` in all, each with one hook.
    pub async fn place_many(&self, kinds: &[&str], count: u64) -> anyhow::Result<Vec<Placed>> {
        let mut placed = Vec::new();
        for (seed, kind) in (1..=count).zip(kinds.iter().cycle()) {
            placed.push(self.place(kind, seed).await?);
        }
        Ok(placed)
    }

    /// Does something to an order later; the order as it is then.
    pub async fn act(&self, order_id: u64, action: &Value) -> anyhow::Result<Placed> {
        let store = &self.connection.store_hash;
        Placed::read(&self.house.vendors.act(store, order_id, action).await?)
    }

    /// The order as the store sums it up now.
    pub async fn order(&self, order_id: u64) -> anyhow::Result<Placed> {
        let (vendors, store) = (&self.house.vendors, &self.connection.store_hash);
        let url = format!(
            "{}/_sandbox/stores/{store}/orders/{order_id}",
            vendors.bigcommerce
        );
        Placed::read(&self.house.http.get(&url).await?)
    }

    /// Everything the account holds.
    pub async fn books(&self) -> anyhow::Result<Value> {
        self.house.vendors.books(&self.connection.account_id).await
    }

    /// How many calls of each sort the account saw: creates, reads, updates, token, …
    pub async fn calls(&self) -> anyhow::Result<BTreeMap<String, u64>> {
        let account = &self.connection.account_id;
        let calls = self.house.vendors.freshbooks_calls(account).await?;
        let totals = calls.get("totals").context("no totals")?.clone();
        Ok(serde_json::from_value(totals)?)
    }

    /// A control call on the account that takes and gives nothing of interest.
    pub async fn control_account(&self, what: &str, body: &Value) -> anyhow::Result<()> {
        let (vendors, account) = (&self.house.vendors, &self.connection.account_id);
        let url = format!("{}/_sandbox/accounts/{account}/{what}", vendors.freshbooks);
        self.house.http.post(&url, body).await.map(drop)
    }

    /// A fault at this shop's account only.
    pub async fn break_account(&self, mut fault: Value) -> anyhow::Result<()> {
        let account = json!(self.connection.account_id);
        let fields = fault.as_object_mut().context("a fault is an object")?;
        fields.insert("account_id".to_owned(), account);
        self.house.vendors.break_freshbooks(&fault).await
    }

    /// Registers a customer by address fields, `email` among them; the id.
    pub async fn register(&self, fields: &Value) -> anyhow::Result<u64> {
        let url = self.store_url("customers");
        let made = self.house.http.post(&url, fields).await?;
        made.get("id").and_then(Value::as_u64).context("no id")
    }

    /// Changes a customer, as the store's customer pages do; the hooks tell.
    pub async fn change_customer(&self, id: u64, fields: &Value) -> anyhow::Result<()> {
        let url = self.store_url(&format!("customers/{id}"));
        self.house.http.put(&url, fields).await.map(drop)
    }

    /// Deletes a customer in the store; the hook tells.
    pub async fn delete_customer(&self, id: u64) -> anyhow::Result<()> {
        let url = self.store_url(&format!("customers/{id}"));
        self.house.http.delete(&url).await.map(drop)
    }

    /// Deletes a product in the store; the hook tells.
    pub async fn delete_product(&self, id: u64) -> anyhow::Result<()> {
        let url = self.store_url(&format!("products/{id}"));
        self.house.http.delete(&url).await.map(drop)
    }

    /// Changes a product, or with `variant_id` a variant; the product as it is then.
    pub async fn change_product(&self, id: u64, fields: &Value) -> anyhow::Result<Value> {
        let url = self.store_url(&format!("products/{id}"));
        self.house.http.put(&url, fields).await
    }

    fn store_url(&self, what: &str) -> String {
        let (vendors, store) = (&self.house.vendors, &self.connection.store_hash);
        format!("{}/_sandbox/stores/{store}/{what}", vendors.bigcommerce)
    }

    /// The rows of one sort that are not deleted, as the account holds them.
    pub async fn rows(&self, sort: &str) -> anyhow::Result<Vec<Value>> {
        Ok(rows(&self.books().await?, sort).cloned().collect())
    }

    /// Waits until the account holds exactly one row of a sort, and gives it once it is as wanted.
    pub async fn only_row(
        &self,
        sort: &str,
        what: &str,
        is_wanted: impl Fn(&Value) -> bool,
    ) -> anyhow::Result<Value> {
        eventually(LIMIT, what, async || {
            let all = self.rows(sort).await?;
            let [row] = all.as_slice() else {
                anyhow::bail!("{} {sort}: {all:?}", all.len());
            };
            ensure!(is_wanted(row), "{row}");
            Ok(row.clone())
        })
        .await
    }

    /// Waits until the faults ordered at FreshBooks have struck so often, all together.
    pub async fn struck(&self, times: u64) -> anyhow::Result<()> {
        let url = format!("{}/_sandbox/faults", self.house.vendors.freshbooks);
        eventually(LIMIT, "the fault striking", async || {
            let faults = self.house.http.get(&url).await?;
            let list = faults
                .as_array()
                .or_else(|| faults.get("faults")?.as_array());
            let all = list.context("no list of faults")?.iter();
            let hits: u64 = all.filter_map(|fault| fault.get("hits")?.as_u64()).sum();
            ensure!(hits >= times, "{hits} hits: {faults}");
            Ok(())
        })
        .await
    }

    /// Waits until the books show every order exactly: one sent invoice, its total, its tax, its
    /// payments.
    pub async fn in_books(&self, orders: &[Placed]) -> anyhow::Result<()> {
        let shown = eventually(LIMIT, "the orders in the books", async || {
            let books = self.books().await?;
            orders.iter().try_for_each(|order| order.is_in(&books))
        })
        .await;
        match shown {
            Ok(()) => Ok(()),
            Err(error) => Err(error.context(self.explain(orders).await)),
        }
    }

    /// Waits until the books show every order exactly and all is at rest; then nothing may be there
    /// twice, and no dead letter.
    pub async fn exactly_once(&self, orders: &[Placed]) -> anyhow::Result<()> {
        self.in_books(orders).await?;
        let streams = Streams::of(self.house).await?;
        streams.at_rest_without_dead_letters().await?;
        self.nothing_twice(orders).await
    }

    /// Where the first order that is not in the books stands, as the monitor tells it.
    async fn explain(&self, orders: &[Placed]) -> String {
        let books = self.books().await.unwrap_or_default();
        let Some(order) = orders.iter().find(|order| order.is_in(&books).is_err()) else {
            return "by now the books show every order".to_owned();
        };
        match self.house.story(self.connection, order.id).await {
            Ok(story) => {
                let part = |key: &str| story.get(key).cloned().unwrap_or_default();
                format!(
                    "{}; dead letters: {}; notes: {}",
                    part("order"),
                    part("dead_letters"),
                    part("notes")
                )
            }
            Err(error) => format!("no story of order {}: {error:#}", order.id),
        }
    }

    /// Checks once that the books hold these orders and nothing else, and nobody twice.
    pub async fn nothing_twice(&self, orders: &[Placed]) -> anyhow::Result<()> {
        let books = self.books().await?;
        orders.iter().try_for_each(|order| order.is_in(&books))?;
        let invoices = rows(&books, "invoices").count();
        ensure!(
            invoices == orders.len(),
            "{invoices} invoices of {} orders",
            orders.len()
        );
        let mut emails: Vec<String> = rows(&books, "clients").filter_map(email).collect();
        let clients = emails.len();
        emails.sort();
        emails.dedup();
        ensure!(
            emails.len() == clients,
            "{clients} clients with {} addresses",
            emails.len()
        );
        let is_leftover =
            |row: &&Value| row.get("credit_type").and_then(Value::as_str) == Some("overpayment");
        let leftover: Vec<&Value> = rows(&books, "credit_notes").filter(is_leftover).collect();
        ensure!(leftover.is_empty(), "overpaid: {leftover:?}");
        Ok(())
    }

    /// Waits until the monitor says this of an order, and gives its story.
    pub async fn state(&self, order_id: u64, wanted: &str) -> anyhow::Result<Value> {
        let what = format!("order {order_id} being {wanted}");
        eventually(LIMIT, &what, async || {
            let story = self.house.story(self.connection, order_id).await?;
            let state = story.pointer("/order/state").and_then(Value::as_str);
            ensure!(state == Some(wanted), "it is {state:?}");
            Ok(story)
        })
        .await
    }

    /// Waits for a dead letter of an order, and gives it as the monitor shows it.
    pub async fn dead_letter(&self, order_id: u64) -> anyhow::Result<Value> {
        let what = format!("a dead letter of order {order_id}");
        eventually(LIMIT, &what, async || {
            let story = self.house.story(self.connection, order_id).await?;
            let letters = story.get("dead_letters").and_then(Value::as_array);
            letters.and_then(|all| all.last()).cloned().context("none")
        })
        .await
    }

    /// Releases a dead letter as an operator would.
    pub async fn release(&self, letter: &Value) -> anyhow::Result<()> {
        let id = letter.get("dead_letter_id").and_then(Value::as_str);
        let id = id.context("a letter without id")?;
        let arguments = ["dlq", "release", id, "--reason", "the cause is gone"];
        let (config, environment) = (self.house.config(), self.house.environment());
        let output = Tillbook::command(config, &arguments, &environment).await?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "release failed: {complaint}");
        Ok(())
    }
}

impl Placed {
    fn read(summary: &Value) -> anyhow::Result<Self> {
        let text = |key: &str| summary.get(key).and_then(Value::as_str).unwrap_or_default();
        let money = |key: &str| -> anyhow::Result<Decimal> {
            text(key)
                .parse()
                .with_context(|| format!("{key} of {summary}"))
        };
        Ok(Self {
            id: summary
                .get("order_id")
                .and_then(Value::as_u64)
                .context("order_id")?,
            total: money("total_inc_tax")?,
            tax: money("total_tax")?,
            received: money("received")?,
            refunded: money("refunded")?,
            currency: text("currency").to_owned(),
            email: text("email").to_owned(),
        })
    }

    /// Whether the books show this order exactly; the error says what differs.
    pub fn is_in(&self, books: &Value) -> anyhow::Result<()> {
        let number = self.id.to_string();
        let numbered =
            |row: &&Value| row.get("invoice_number").and_then(Value::as_str) == Some(&number);
        let invoices: Vec<&Value> = rows(books, "invoices").filter(numbered).collect();
        let [invoice] = invoices.as_slice() else {
            anyhow::bail!("order {number} has {} invoices", invoices.len());
        };
        let same = |what: &str, found: Decimal, wanted: Decimal| {
            ensure!(
                found == wanted,
                "order {number}: {what} {found}, the store says {wanted}"
            );
            Ok(())
        };
        same("total", money(invoice, "amount")?, self.total)?;
        same("tax", money(invoice, "tax_total")?, self.tax)?;
        let currency = invoice.get("currency_code").and_then(Value::as_str);
        ensure!(
            currency == Some(&self.currency),
            "order {number} is in {currency:?}"
        );
        let id = invoice.get("id").and_then(Value::as_u64);
        let mut paid = Decimal::ZERO;
        for row in rows(books, "payments") {
            if row.get("invoiceid").and_then(Value::as_u64) == id {
                paid += money(row, "amount")?;
            }
        }
        same("payments", paid, self.received)?;
        let status = invoice.get("v3_status").and_then(Value::as_str);
        ensure!(
            status.is_some_and(|status| status != "draft"),
            "order {number} is {status:?}"
        );
        Ok(())
    }
}

/// The rows of one sort that are not deleted.
fn rows<'a>(books: &'a Value, sort: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    let all = books.get(sort).and_then(Value::as_array);
    all.into_iter()
        .flatten()
        .filter(|row| row.get("vis_state").and_then(Value::as_u64) != Some(1))
}

fn email(client: &Value) -> Option<String> {
    let text = client.get("email").and_then(Value::as_str)?;
    (!text.is_empty()).then(|| text.to_lowercase())
}

fn money(row: &Value, key: &str) -> anyhow::Result<Decimal> {
    let text = row.get(key).and_then(Value::as_str);
    let text = text.with_context(|| format!("{key} of {row}"))?;
    text.parse().with_context(|| format!("{key} {text:?}"))
}

//! A person at work in FreshBooks: types, edits, moves and deletes invoices, payments, credit notes
//! and clients, by seed; and whether the proof named every deed and nothing else.
//!
//! An order gets at most one deed, and a client that is deleted has but one invoice, so each deed
//! must show by itself. What the person types for themselves concerns no order; it must stand
//! untouched at the end. Not here: what the proof's causes mean.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail};
use jiff::ToSpan;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::chaos::dice::Dice;
use crate::shops::proof::Proof;
use crate::shops::scene::Scene;
use crate::shops::verdict::{Outcome, Row};
use crate::shops::world::Merchant;

/// Order ids that no store of a run reaches, for invoices of no order.
const NOBODY: u64 = 900_000;
/// Of so many clients, the first ones of an account, one is always another than an invoice's.
const MOVED_TO: usize = 5;
/// A tax of so many units is beyond what rounding explains.
const TAX_MIN: Decimal = Decimal::TEN;

/// What a person may do, and the causes that name it.
const DEEDS: [(&str, &[&str]); 12] = [
    ("edits an invoice's lines", &["edited_by_hand"]),
    ("takes the tax off an invoice", &["wrong_tax"]),
    ("dates an invoice anew", &["wrong_date"]),
    ("moves an invoice to another client", &["client_wrong"]),
    ("deletes an invoice", &["invoice_deleted_in_freshbooks"]),
    ("types an invoice of the same number", &["twice"]),
    ("deletes a payment", &["payment_deleted_in_freshbooks"]),
    ("lowers a payment", &["payment_missing"]),
    ("dates a payment anew", &["wrong_date"]),
    ("enters a payment", &["payment_too_much"]),
    (
        "deletes a credit note",
        &["credit_note_deleted_in_freshbooks"],
    ),
    ("deletes a client", &["client_deleted_in_freshbooks"]),
];

/// What was done to one order's documents.
#[derive(Clone, Debug)]
pub(super) struct Deed {
    pub(super) what: &'static str,
    codes: &'static [&'static str],
}

/// What the person did in one account.
#[derive(Clone, Debug, Default)]
pub(super) struct Work {
    pub(super) deeds: BTreeMap<u64, Deed>,
    /// Orders among these; the rest are invoices of no order.
    pub(super) orders: usize,
    /// Invoices typed for themselves, as they stood then.
    strangers: Vec<Value>,
}

/// Lets the person work in each account, about `count` deeds in all.
pub(super) async fn work(
    scene: &Scene,
    merchants: &[Merchant],
    rows: &[Row],
    (count, seed): (usize, u64),
) -> anyhow::Result<BTreeMap<&'static str, Work>> {
    let mut dice = Dice::new(seed);
    let each = count.div_ceil(merchants.len().max(1)).max(1);
    let mut all = BTreeMap::new();
    for merchant in merchants {
        let own: Vec<&Row> = rows
            .iter()
            .filter(|row| row.placed.merchant.name == merchant.name)
            .filter(|row| row.outcome == Outcome::InBooks && row.invoice.is_some())
            .filter(|row| !(row.placed.archived && row.placed.paid.is_zero()))
            .collect();
        let mut desk = Desk::open(scene, *merchant).await?;
        desk.fill(&own, each, &mut dice).await?;
        all.insert(merchant.name, desk.done);
    }
    let done = all.values().flat_map(|work| work.deeds.values());
    let kinds: BTreeSet<&str> = done.map(|deed| deed.what).collect();
    let count: usize = all.values().map(|work| work.deeds.len()).sum();
    eprintln!("a person did {count} deeds of {} kinds", kinds.len());
    Ok(all)
}

/// One account, as the person sees it.
struct Desk<'a> {
    scene: &'a Scene,
    merchant: Merchant,
    books: Value,
    done: Work,
}

impl<'a> Desk<'a> {
    async fn open(scene: &'a Scene, merchant: Merchant) -> anyhow::Result<Self> {
        // People may give two invoices one number.
        let account = merchant.account_url(&scene.at, "");
        let account = account.trim_end_matches('/');
        let accept = json!({ "duplicate_numbers": "accept" });
        scene.http.patch(account, &accept).await?;
        let books = merchant.account_url(&scene.at, "books");
        Ok(Self {
            scene,
            merchant,
            books: scene.http.get(&books).await?,
            done: Work::default(),
        })
    }

    /// Deeds at random orders; a deed that no order allows is left out.
    async fn fill(&mut self, rows: &[&Row], each: usize, dice: &mut Dice) -> anyhow::Result<()> {
        let start = usize::try_from(dice.between(0, 12)).unwrap_or(0);
        for (what, codes) in DEEDS.iter().cycle().skip(start).take(each) {
            let free: Vec<&&Row> = rows
                .iter()
                .filter(|row| !self.done.deeds.contains_key(&row.placed.order_id))
                .filter(|row| self.allows(what, row))
                .collect();
            let Some(row) = dice.one_of(&free) else {
                continue;
            };
            let order_id = row.placed.order_id;
            self.act(what, row)
                .await
                .with_context(|| format!("{}: a person {what}", self.merchant.name))?;
            self.done.deeds.insert(order_id, Deed { what, codes });
            self.done.orders = self.done.orders.saturating_add(1);
        }
        self.type_for_nobody().await?;
        self.type_for_themselves().await
    }

    fn rows(&self, kind: &str) -> impl Iterator<Item = &Value> {
        let rows = self.books.get(kind).and_then(Value::as_array);
        rows.into_iter()
            .flatten()
            .filter(|row| row.get("vis_state").and_then(Value::as_u64) != Some(1))
    }

    fn invoice(&self, row: &Row) -> Option<&Value> {
        let number = row.invoice.as_deref()?;
        self.rows("invoices")
            .find(|one| told(one, "invoice_number") == number)
    }

    fn payments<'b>(&'b self, invoice: &'b Value) -> impl Iterator<Item = &'b Value> {
        self.rows("payments")
            .filter(|payment| payment.get("invoiceid") == invoice.get("id"))
    }

    fn notes<'b>(&'b self, row: &'b Row) -> impl Iterator<Item = &'b Value> {
        let number = row.invoice.as_deref().unwrap_or_default();
        self.rows("credit_notes").filter(move |note| {
            let stem = told(note, "credit_number").rsplit_once("-R");
            stem.is_some_and(|(stem, _)| stem == number)
        })
    }

    /// A client with another e-mail than the invoice's.
    fn another_client(&self, invoice: &Value) -> Option<&Value> {
        let own = self
            .rows("clients")
            .find(|client| client.get("id") == invoice.get("customerid"))?;
        let email = told(own, "email").to_lowercase();
        let mut others = self.rows("clients");
        others.find(|client| {
            let other = told(client, "email").to_lowercase();
            !other.is_empty() && !email.is_empty() && other != email
        })
    }

    fn allows(&self, what: &str, row: &Row) -> bool {
        let Some(invoice) = self.invoice(row) else {
            return false;
        };
        let (total, tax) = (amount(invoice, "amount"), amount(invoice, "tax_total"));
        let refunded = !row.placed.refunded.is_zero();
        let paid_once = self.payments(invoice).count() == 1;
        match what {
            "edits an invoice's lines" => total > Decimal::TEN,
            "takes the tax off an invoice" => tax >= TAX_MIN && !refunded,
            "moves an invoice to another client" => self.another_client(invoice).is_some(),
            "deletes an invoice" => self.notes(row).next().is_none(),
            "deletes a payment" | "dates a payment anew" => paid_once && !refunded,
            "lowers a payment" => {
                let big = |one: &Value| amount(one, "amount") > Decimal::TEN;
                paid_once && !refunded && self.payments(invoice).all(big)
            }
            "enters a payment" => row.placed.paid.is_zero() && total > Decimal::TEN,
            "deletes a credit note" => self.notes(row).next().is_some(),
            "deletes a client" => {
                let client = invoice.get("customerid");
                let its = self.rows("invoices");
                // The first ones are those to whom invoices are moved.
                let mut firsts = self.rows("clients").take(MOVED_TO);
                let is_moved_to = firsts.any(|one| one.get("id") == client);
                !refunded
                    && !is_moved_to
                    && its.filter(|one| one.get("customerid") == client).count() == 1
            }
            _ => true,
        }
    }

    async fn act(&self, what: &str, row: &Row) -> anyhow::Result<()> {
        let invoice = self.invoice(row).context("no invoice")?;
        let code = told(invoice, "currency_code");
        let line = |amount: &str| {
            json!([{ "name": "By hand", "qty": 1,
                "unit_cost": { "amount": amount, "code": code } }])
        };
        let one_payment = || self.payments(invoice).next().context("no payment");
        match what {
            "edits an invoice's lines" => {
                self.edit("invoices", invoice, &json!({ "lines": line("7") }))
                    .await
            }
            "takes the tax off an invoice" => {
                let total = told(invoice, "amount");
                self.edit("invoices", invoice, &json!({ "lines": line(total) }))
                    .await
            }
            "dates an invoice anew" => {
                let day = json!({ "create_date": the_day_before(told(invoice, "create_date"))? });
                self.edit("invoices", invoice, &day).await
            }
            "moves an invoice to another client" => {
                let other = self.another_client(invoice).context("no other client")?;
                let moved = json!({ "customerid": other.get("id") });
                self.edit("invoices", invoice, &moved).await
            }
            "deletes an invoice" => {
                for payment in self.payments(invoice) {
                    self.delete("payments", payment).await?;
                }
                self.delete("invoices", invoice).await
            }
            "types an invoice of the same number" => {
                let typed = json!({ "invoice_number": told(invoice, "invoice_number"),
                    "customerid": invoice.get("customerid"), "v3_status": "sent",
                    "create_date": invoice.get("create_date"), "currency_code": code,
                    "lines": line(told(invoice, "amount")) });
                self.create("invoices", &typed).await.map(drop)
            }
            "deletes a payment" => self.delete("payments", one_payment()?).await,
            "lowers a payment" => {
                let lower = json!({ "amount": { "amount": "7", "code": code } });
                self.edit("payments", one_payment()?, &lower).await
            }
            "dates a payment anew" => {
                let payment = one_payment()?;
                let day = json!({ "date": the_day_before(told(payment, "date"))? });
                self.edit("payments", payment, &day).await
            }
            "enters a payment" => {
                let entered = json!({ "invoiceid": invoice.get("id"), "type": "Cash",
                    "amount": { "amount": "7", "code": code },
                    "date": invoice.get("create_date") });
                self.create("payments", &entered).await.map(drop)
            }
            "deletes a credit note" => {
                let note = self.notes(row).next().context("no credit note")?;
                self.delete("credit_notes", note).await
            }
            "deletes a client" => {
                let client = json!({ "id": invoice.get("customerid") });
                self.delete("clients", &client).await
            }
            other => bail!("nobody knows how a person {other}"),
        }
    }

    /// An invoice that bears an order's number, and there is no such order.
    async fn type_for_nobody(&mut self) -> anyhow::Result<()> {
        let typed = self.typed(&NOBODY.to_string())?;
        self.create("invoices", &typed).await?;
        let deed = Deed {
            what: "types an invoice of no order",
            codes: &["unknown"],
        };
        self.done.deeds.insert(NOBODY, deed);
        Ok(())
    }

    /// An invoice that no order concerns.
    async fn type_for_themselves(&mut self) -> anyhow::Result<()> {
        let typed = self.typed("WORKSHOP-1")?;
        let id = self.create("invoices", &typed).await?;
        let stranger = self.stands(&id).await?.context("what was typed is gone")?;
        self.done.strangers.push(stranger);
        Ok(())
    }

    fn typed(&self, number: &str) -> anyhow::Result<Value> {
        let any = self.rows("invoices").next().context("an empty account")?;
        let cost = json!({ "amount": "42", "code": told(any, "currency_code") });
        Ok(json!({ "invoice_number": number, "v3_status": "sent",
            "customerid": any.get("customerid"), "create_date": any.get("create_date"),
            "currency_code": told(any, "currency_code"),
            "lines": [{ "name": "Workshop", "qty": 1, "unit_cost": cost }] }))
    }

    async fn stands(&self, id: &Value) -> anyhow::Result<Option<Value>> {
        stands(self.scene, &self.merchant, id).await
    }

    async fn create(&self, kind: &str, body: &Value) -> anyhow::Result<Value> {
        let url = format!("{kind}/create_by_hand");
        let url = self.merchant.account_url(&self.scene.at, &url);
        let made = self.scene.http.post(&url, body).await?;
        let record = made.as_object().and_then(|made| made.values().next());
        let id = record.and_then(|record| record.get("id"));
        id.cloned().context("what was typed has no id")
    }

    async fn edit(&self, kind: &str, record: &Value, body: &Value) -> anyhow::Result<()> {
        let id = record.get("id").context("a record without id")?;
        let url = format!("{kind}/{id}/edit_by_hand");
        let url = self.merchant.account_url(&self.scene.at, &url);
        self.scene.http.post(&url, body).await.map(drop)
    }

    async fn delete(&self, kind: &str, record: &Value) -> anyhow::Result<()> {
        self.edit(kind, record, &json!({ "vis_state": 1 })).await
    }
}

/// The invoice as the account has it now.
async fn stands(scene: &Scene, merchant: &Merchant, id: &Value) -> anyhow::Result<Option<Value>> {
    let url = merchant.account_url(&scene.at, "books");
    let books = scene.http.get(&url).await?;
    let rows = books.get("invoices").and_then(Value::as_array);
    let mut rows = rows.into_iter().flatten();
    Ok(rows.find(|row| row.get("id") == Some(id)).cloned())
}

/// What the person typed for themselves and does not stand as they typed it.
pub(super) async fn disturbed(
    scene: &Scene,
    merchant: &Merchant,
    work: &Work,
) -> anyhow::Result<Vec<String>> {
    let mut faults = Vec::new();
    for stranger in &work.strangers {
        let id = stranger.get("id").context("a record without id")?;
        if stands(scene, merchant, id).await?.as_ref() != Some(stranger) {
            let number = told(stranger, "invoice_number");
            faults.push(format!(
                "invoice {number}, which no order concerns, was touched"
            ));
        }
    }
    Ok(faults)
}

/// Deeds that the proof did not name as what they are, and what it named besides.
pub(super) fn faults(proof: &Proof, work: &Work) -> Vec<String> {
    let mut faults = Vec::new();
    if proof.exit != 1 {
        faults.push(format!("exit code {} after a person's deeds", proof.exit));
    }
    for (order_id, deed) in &work.deeds {
        match proof.findings.get(order_id) {
            None => faults.push(format!(
                "order {order_id}: a person {}; not named",
                deed.what
            )),
            Some(causes)
                if !causes
                    .iter()
                    .any(|cause| deed.codes.contains(&cause.code())) =>
            {
                let named: Vec<&str> = causes.iter().map(|cause| cause.code()).collect();
                let words = format!("order {order_id}: a person {}; named {named:?}", deed.what);
                faults.push(words);
            }
            Some(_) => {}
        }
    }
    for (order_id, causes) in &proof.findings {
        if !work.deeds.contains_key(order_id) {
            let named: Vec<&str> = causes.iter().map(|cause| cause.code()).collect();
            faults.push(format!(
                "order {order_id} is named {named:?}; nobody touched it"
            ));
        }
    }
    faults
}

fn told<'a>(row: &'a Value, key: &str) -> &'a str {
    row.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn amount(row: &Value, key: &str) -> Decimal {
    told(row, key).parse().unwrap_or_default()
}

fn the_day_before(day: &str) -> anyhow::Result<String> {
    let day: Date = day.parse().with_context(|| format!("the day {day:?}"))?;
    let before = day.checked_sub(1.day()).context("the first day there is")?;
    Ok(before.to_string())
}

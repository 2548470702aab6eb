//! What the accounts hold, as the sandbox dumps them: the vendor's own records.

use std::str::FromStr;

use anyhow::Context;
use rust_decimal::Decimal;
use serde_json::Value;

use super::sandbox::{Addresses, Http};
use super::world::Merchant;

/// An invoice that counts: deleted ones do not.
#[derive(Clone, Debug)]
pub(crate) struct Invoice {
    pub(crate) id: u64,
    pub(crate) number: String,
    pub(crate) total: Decimal,
    pub(crate) currency: String,
    pub(crate) is_draft: bool,
}

#[derive(Clone, Debug)]
struct Payment {
    invoice_id: u64,
    amount: Decimal,
}

/// A credit note by its number, which names the invoice and the refund.
#[derive(Clone, Debug)]
struct CreditNote {
    number: String,
    amount: Decimal,
}

/// The books of one account.
#[derive(Clone, Debug, Default)]
pub(crate) struct Books {
    invoices: Vec<Invoice>,
    payments: Vec<Payment>,
    credit_notes: Vec<CreditNote>,
}

impl Books {
    pub(crate) async fn read(
        http: &Http,
        at: &Addresses,
        merchant: &Merchant,
    ) -> anyhow::Result<Self> {
        let url = merchant.account_url(at, "books");
        Self::parse(&http.get(&url).await?).context("reading the sandbox's books")
    }

    pub(crate) fn parse(dump: &Value) -> anyhow::Result<Self> {
        Ok(Self {
            invoices: rows(dump, "invoices")
                .map(invoice)
                .collect::<anyhow::Result<_>>()?,
            payments: rows(dump, "payments")
                .map(payment)
                .collect::<anyhow::Result<_>>()?,
            credit_notes: rows(dump, "credit_notes")
                .map(credit_note)
                .collect::<anyhow::Result<_>>()?,
        })
    }

    /// Every invoice whose number names this order, whatever its prefix.
    pub(crate) fn invoices_of(&self, order_id: u64) -> Vec<&Invoice> {
        let wanted = order_id.to_string();
        let bare =
            |number: &str| number.trim_start_matches(|c: char| !c.is_ascii_digit()) == wanted;
        self.invoices
            .iter()
            .filter(|invoice| bare(&invoice.number))
            .collect()
    }

    /// What was paid on an invoice.
    pub(crate) fn paid(&self, invoice_id: u64) -> Decimal {
        let of_it = self
            .payments
            .iter()
            .filter(|payment| payment.invoice_id == invoice_id);
        of_it.map(|payment| payment.amount).sum()
    }

    /// What was credited for the refunds of an invoice.
    pub(crate) fn credited(&self, invoice_number: &str) -> Decimal {
        let of_it = |note: &&CreditNote| {
            let named = note.number.rsplit_once("-R");
            named.is_some_and(|(number, _)| number == invoice_number)
        };
        let notes = self.credit_notes.iter().filter(of_it);
        notes.map(|note| note.amount).sum()
    }

    /// How many invoices count, to find one that belongs to no order.
    pub(crate) fn invoice_count(&self) -> usize {
        self.invoices.len()
    }
}

/// The rows of one kind that are not deleted.
fn rows<'a>(dump: &'a Value, kind: &str) -> impl Iterator<Item = &'a Value> {
    let all = dump.get(kind).and_then(Value::as_array);
    all.into_iter()
        .flatten()
        .filter(|row| row.get("vis_state").and_then(Value::as_u64).unwrap_or(0) != 1)
}

fn invoice(row: &Value) -> anyhow::Result<Invoice> {
    Ok(Invoice {
        id: number(row, "id")?,
        number: text(row, "invoice_number")?,
        total: money(row)?,
        currency: text(row, "currency_code")?,
        // A paid draft says "paid" elsewhere; here it stays what it is.
        is_draft: row.get("display_status").and_then(Value::as_str) == Some("draft"),
    })
}

fn payment(row: &Value) -> anyhow::Result<Payment> {
    Ok(Payment {
        invoice_id: number(row, "invoiceid")?,
        amount: money(row)?,
    })
}

fn credit_note(row: &Value) -> anyhow::Result<CreditNote> {
    Ok(CreditNote {
        number: text(row, "credit_number")?,
        amount: money(row)?,
    })
}

/// The dump has amounts as plain text.
fn money(row: &Value) -> anyhow::Result<Decimal> {
    let value = text(row, "amount")?;
    Decimal::from_str(&value).with_context(|| format!("the amount {value:?}"))
}

fn text(row: &Value, key: &str) -> anyhow::Result<String> {
    let value = row
        .get(key)
        .with_context(|| format!("a record without {key}"))?;
    value
        .as_str()
        .map(str::to_owned)
        .with_context(|| format!("{key} is {value}, not text"))
}

fn number(row: &Value, key: &str) -> anyhow::Result<u64> {
    let value = row
        .get(key)
        .with_context(|| format!("a record without {key}"))?;
    value
        .as_u64()
        .with_context(|| format!("{key} is {value}, not a number"))
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    /// Books with these invoices (id, number, total) and payments (invoice id, amount), in USD.
    pub(crate) fn books(invoices: &[(u64, &str, &str)], paid: &[(u64, &str)]) -> Books {
        let invoices: Vec<Value> = invoices
            .iter()
            .map(|(id, number, total)| {
                json!({ "id": id, "invoice_number": number, "amount": total, "currency_code": "USD",
                        "vis_state": 0, "display_status": "sent" })
            })
            .collect();
        let payments: Vec<Value> = paid
            .iter()
            .map(|(id, text)| json!({ "invoiceid": id, "amount": text, "vis_state": 0 }))
            .collect();
        Books::parse(&json!({ "invoices": invoices, "payments": payments })).unwrap()
    }

    #[test]
    fn invoices_are_found_by_order_id_with_or_without_a_prefix() {
        let books = books(
            &[(1, "100", "1"), (2, "BC-100", "1"), (3, "1100", "1")],
            &[],
        );
        assert_eq!(books.invoices_of(100).len(), 2);
    }

    #[test]
    fn credit_notes_are_counted_by_the_invoice_they_name() {
        let note =
            |number: &str, amount: &str| json!({ "credit_number": number, "amount": amount });
        let dump = json!({ "credit_notes": [note("BC-100-R7", "1.50"), note("BC-100-R8", "2.00"),
                           note("BC-1001-R9", "4.00"), note("CN0000001", "8.00")] });
        let books = Books::parse(&dump).unwrap();
        assert_eq!(books.credited("BC-100").to_string(), "3.50");
        assert!(books.credited("BC-10").is_zero());
    }

    #[test]
    fn deleted_records_do_not_count() {
        let dump = json!({ "invoices": [{ "id": 1, "invoice_number": "100", "amount": "1.00",
                           "vis_state": 1, "display_status": "sent" }], "payments": [] });
        assert_eq!(Books::parse(&dump).unwrap().invoice_count(), 0);
    }
}

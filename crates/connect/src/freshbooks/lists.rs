//! What the books say of many records at once, for whoever checks them.
//!
//! The rows hold figures as FreshBooks reports them. A figure that cannot be read is `None`, so
//! that one odd record does not end a read of thousands. FreshBooks ignores filters it does not
//! know, so the caller checks every row again. Not here: what the figures mean.

use rust_decimal::Decimal;
use serde_json::Value;

use super::client::{Client, Resource};
use super::clients::CLIENTS;
use super::credit_notes::CREDIT_NOTES;
use super::expenses::EXPENSES;
use super::invoices::INVOICES;
use super::payments::PAYMENTS;
use crate::error::VendorError;
use crate::json;

/// FreshBooks' cap.
pub const PAGE_ROWS_MAX: u32 = 100;

/// The clients asked for at once, so that the address stays short.
pub const CLIENTS_AT_ONCE: usize = 50;

const WITH_LINES: (&str, &str) = ("include[]", "lines");

/// Lists show what is deleted only when they are asked for nothing else.
const DELETED: (&str, &str) = ("search[vis_state]", "1");

fn is_deleted(row: &Value) -> bool {
    json::id(&row["vis_state"]) == Some(1)
}

/// Which page of a list of days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Days {
    /// First day, `YYYY-MM-DD`.
    pub from: String,
    /// The day after the last one: FreshBooks' `_max` is exclusive.
    pub until: String,
    /// From 1.
    pub page: u32,
    /// At most [`PAGE_ROWS_MAX`].
    pub per_page: u32,
}

/// One page of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    pub rows: Vec<T>,
    pub is_last: bool,
}

/// An invoice's own figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoiceFigures {
    pub id: u64,
    pub number: String,
    pub client_id: u64,
    pub currency: String,
    /// The grand total.
    pub amount: Option<Decimal>,
    pub paid: Option<Decimal>,
    /// A discount on the whole invoice, as an amount.
    pub discount: Decimal,
    pub is_draft: bool,
    pub is_deleted: bool,
    /// `YYYY-MM-DD`.
    pub create_date: String,
    /// US/Eastern without a zone, as FreshBooks writes it.
    pub updated: String,
    /// `None` when the reply left them out.
    pub lines: Option<Vec<LineFigures>>,
}

/// A line's own figures. The name may tell what a customer bought.
#[derive(Clone, PartialEq, Eq)]
pub struct LineFigures {
    pub name: String,
    /// Before tax.
    pub amount: Option<Decimal>,
    /// Names of the taxes; empty where there is none.
    pub tax1: String,
    pub tax2: String,
    pub percent1: Decimal,
    pub percent2: Decimal,
    pub compounded: bool,
}

impl std::fmt::Debug for LineFigures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LineFigures")
            .field("amount", &self.amount)
            .finish_non_exhaustive()
    }
}

/// A payment's own figures.
#[derive(Clone, PartialEq, Eq)]
pub struct PaymentFigures {
    pub id: u64,
    pub invoice_id: u64,
    pub amount: Option<Decimal>,
    pub currency: String,
    /// `YYYY-MM-DD`.
    pub date: String,
    pub note: String,
    /// Paid from a credit, not with money.
    pub from_credit: bool,
}

/// Leaves the note out.
impl std::fmt::Debug for PaymentFigures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PaymentFigures")
            .field("id", &self.id)
            .field("invoice_id", &self.invoice_id)
            .field("amount", &self.amount)
            .finish_non_exhaustive()
    }
}

/// A credit note's or an expense's own figures.
#[derive(Clone, PartialEq, Eq)]
pub struct OutgoingFigures {
    pub id: u64,
    /// Empty for expenses.
    pub number: String,
    pub client_id: u64,
    pub amount: Option<Decimal>,
    pub currency: String,
    /// `YYYY-MM-DD`.
    pub date: String,
    pub notes: String,
}

/// Leaves the notes out.
impl std::fmt::Debug for OutgoingFigures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OutgoingFigures")
            .field("id", &self.id)
            .field("number", &self.number)
            .field("amount", &self.amount)
            .finish_non_exhaustive()
    }
}

/// Who a client is.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientNames {
    pub id: u64,
    pub email: String,
    pub organization: String,
    pub first_name: String,
    pub last_name: String,
}

/// The id only: the rest is a person.
impl std::fmt::Debug for ClientNames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientNames")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Invoices dated within the days, with their lines. Deleted ones are left out.
    pub async fn invoices_dated(&self, days: &Days) -> Result<Page<InvoiceFigures>, VendorError> {
        self.figures(INVOICES, &dated(days), Some(WITH_LINES), days, invoice)
            .await
    }

    /// Invoices with exactly this number, with their lines; deleted ones are left out.
    pub async fn invoices_numbered(
        &self,
        number: &str,
    ) -> Result<Vec<InvoiceFigures>, VendorError> {
        let filters = [("search[invoice_number]", number), WITH_LINES];
        let wanted = |row: &Value| {
            json::text(&row["invoice_number"]) == number && json::id(&row["vis_state"]) != Some(1)
        };
        let rows = self.search(INVOICES, &filters, wanted).await?;
        rows.iter().map(invoice).collect()
    }

    /// Deleted invoices with exactly this number.
    pub async fn deleted_invoices_numbered(
        &self,
        number: &str,
    ) -> Result<Vec<InvoiceFigures>, VendorError> {
        let filters = [("search[invoice_number]", number), DELETED];
        let wanted = |row: &Value| json::text(&row["invoice_number"]) == number && is_deleted(row);
        let rows = self.search(INVOICES, &filters, wanted).await?;
        rows.iter().map(invoice).collect()
    }

    /// The deleted payments of one invoice.
    pub async fn deleted_payments_of(
        &self,
        invoice_id: u64,
    ) -> Result<Vec<PaymentFigures>, VendorError> {
        let id = invoice_id.to_string();
        let filters = [("search[invoiceid]", id.as_str()), DELETED];
        let wanted =
            |row: &Value| json::id(&row["invoiceid"]) == Some(invoice_id) && is_deleted(row);
        let rows = self.search(PAYMENTS, &filters, wanted).await?;
        rows.iter().map(payment).collect()
    }

    /// The deleted credit notes of one client.
    pub async fn deleted_credit_notes_of(
        &self,
        client_id: u64,
    ) -> Result<Vec<OutgoingFigures>, VendorError> {
        let id = client_id.to_string();
        let filters = [("search[clientid]", id.as_str()), DELETED];
        let wanted = |row: &Value| json::id(&row["clientid"]) == Some(client_id) && is_deleted(row);
        let rows = self.search(CREDIT_NOTES, &filters, wanted).await?;
        rows.iter().map(credit_note).collect()
    }

    /// Whether FreshBooks shows this client among the deleted ones.
    pub async fn is_client_deleted(&self, id: u64) -> Result<bool, VendorError> {
        let text = id.to_string();
        let filters = [("search[userids][]", text.as_str()), DELETED];
        let wanted = |row: &Value| client_id(row) == Some(id) && is_deleted(row);
        Ok(!self.search(CLIENTS, &filters, wanted).await?.is_empty())
    }

    /// One invoice with its lines; a deleted one too. `None` when FreshBooks does not know it.
    pub async fn invoice_figures(&self, id: u64) -> Result<Option<InvoiceFigures>, VendorError> {
        match self.single(INVOICES, id, &[WITH_LINES]).await {
            Ok(record) => invoice(&record).map(Some),
            Err(VendorError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Payments dated within the days. Deleted ones are left out.
    pub async fn payments_dated(&self, days: &Days) -> Result<Page<PaymentFigures>, VendorError> {
        self.figures(PAYMENTS, &dated(days), None, days, payment)
            .await
    }

    /// The payments of one invoice that are not deleted.
    pub async fn payments_of(&self, invoice_id: u64) -> Result<Vec<PaymentFigures>, VendorError> {
        let id = invoice_id.to_string();
        let wanted = |row: &Value| {
            json::id(&row["invoiceid"]) == Some(invoice_id)
                && json::id(&row["vis_state"]) != Some(1)
        };
        let rows = self
            .search(PAYMENTS, &[("search[invoiceid]", id.as_str())], wanted)
            .await?;
        rows.iter().map(payment).collect()
    }

    /// Credit notes dated within the days. Deleted ones are left out.
    pub async fn credit_notes_dated(
        &self,
        days: &Days,
    ) -> Result<Page<OutgoingFigures>, VendorError> {
        self.figures(CREDIT_NOTES, &dated(days), None, days, credit_note)
            .await
    }

    /// The credit notes of one client that are not deleted.
    pub async fn credit_notes_of(
        &self,
        client_id: u64,
    ) -> Result<Vec<OutgoingFigures>, VendorError> {
        let id = client_id.to_string();
        let wanted = |row: &Value| {
            json::id(&row["clientid"]) == Some(client_id) && json::id(&row["vis_state"]) != Some(1)
        };
        let rows = self
            .search(CREDIT_NOTES, &[("search[clientid]", id.as_str())], wanted)
            .await?;
        rows.iter().map(credit_note).collect()
    }

    /// Expenses, newest first. No filter on expenses is known to work, so the days are only
    /// asked for; the caller looks at each row's date.
    pub async fn expenses_dated(&self, days: &Days) -> Result<Page<OutgoingFigures>, VendorError> {
        self.figures(EXPENSES, &dated(days), None, days, expense)
            .await
    }

    /// These clients, at most [`CLIENTS_AT_ONCE`]; those FreshBooks does not list are left out.
    pub async fn clients_named(&self, ids: &[u64]) -> Result<Vec<ClientNames>, VendorError> {
        let texts: Vec<String> = ids.iter().map(u64::to_string).collect();
        let filters: Vec<(&str, &str)> = texts
            .iter()
            .map(|id| ("search[userids][]", id.as_str()))
            .collect();
        let wanted = |row: &Value| client_id(row).is_some_and(|id| ids.contains(&id));
        let rows = self.search(CLIENTS, &filters, wanted).await?;
        Ok(rows.iter().filter_map(client).collect())
    }

    async fn figures<T>(
        &self,
        resource: Resource,
        filters: &[(&str, &str)],
        include: Option<(&str, &str)>,
        days: &Days,
        read: impl Fn(&Value) -> Result<T, VendorError>,
    ) -> Result<Page<T>, VendorError> {
        let (page, per_page) = (
            days.page.max(1).to_string(),
            days.per_page.clamp(1, PAGE_ROWS_MAX).to_string(),
        );
        let mut query = filters.to_vec();
        query.extend(include);
        query.extend([("page", page.as_str()), ("per_page", per_page.as_str())]);
        let result = self.list(resource, &query).await?;
        let pages = json::id(&result["pages"]).ok_or_else(|| VendorError::field("pages"))?;
        let rows = result[resource.plural]
            .as_array()
            .ok_or_else(|| VendorError::field(resource.plural))?;
        let is_last = rows.is_empty() || u64::from(days.page.max(1)) >= pages;
        let live = rows
            .iter()
            .filter(|row| json::id(&row["vis_state"]) != Some(1));
        Ok(Page {
            rows: live.map(read).collect::<Result<_, _>>()?,
            is_last,
        })
    }
}

fn dated(days: &Days) -> [(&str, &str); 2] {
    [
        ("search[date_min]", days.from.as_str()),
        ("search[date_max]", days.until.as_str()),
    ]
}

fn record_id(row: &Value, other: &str) -> Result<u64, VendorError> {
    json::id(&row["id"])
        .or_else(|| json::id(&row[other]))
        .ok_or_else(|| VendorError::field("id"))
}

/// The code beside an amount, else the record's own.
fn code(row: &Value) -> String {
    let own = json::text(&row["currency_code"]);
    match row["amount"]["code"].as_str() {
        Some(code) => code.to_owned(),
        None => own,
    }
}

fn invoice(row: &Value) -> Result<InvoiceFigures, VendorError> {
    let amount = |name: &str| json::decimal(&row[name]["amount"]);
    let told = [
        json::text(&row["v3_status"]),
        json::text(&row["display_status"]),
    ];
    let draft = |text: &String| matches!(text.as_str(), "draft" | "created");
    let says_nothing = told.iter().all(String::is_empty);
    Ok(InvoiceFigures {
        id: record_id(row, "invoiceid")?,
        number: json::text(&row["invoice_number"]),
        client_id: json::id(&row["customerid"]).unwrap_or(0),
        currency: code(row),
        amount: amount("amount"),
        paid: amount("paid"),
        discount: amount("discount_total").unwrap_or_default(),
        is_draft: told.iter().any(draft) || (says_nothing && json::id(&row["status"]) == Some(1)),
        is_deleted: json::id(&row["vis_state"]) == Some(1),
        create_date: json::text(&row["create_date"]),
        updated: json::text(&row["updated"]),
        lines: row["lines"]
            .as_array()
            .map(|lines| lines.iter().map(line).collect()),
    })
}

fn line(row: &Value) -> LineFigures {
    let product = || {
        let quantity = json::decimal(&row["qty"])?;
        quantity.checked_mul(json::decimal(&row["unit_cost"]["amount"])?)
    };
    let percent = |name: &str| json::decimal(&row[name]).unwrap_or_default();
    LineFigures {
        name: json::text(&row["name"]),
        amount: json::decimal(&row["amount"]["amount"]).or_else(product),
        tax1: json::text(&row["taxName1"]),
        tax2: json::text(&row["taxName2"]),
        percent1: percent("taxAmount1"),
        percent2: percent("taxAmount2"),
        compounded: json::flag(&row["compounded_tax"]),
    }
}

fn payment(row: &Value) -> Result<PaymentFigures, VendorError> {
    Ok(PaymentFigures {
        id: record_id(row, "logid")?,
        invoice_id: json::id(&row["invoiceid"]).unwrap_or(0),
        amount: json::decimal(&row["amount"]["amount"]),
        currency: code(row),
        date: json::text(&row["date"]),
        note: json::text(&row["note"]),
        from_credit: json::flag(&row["from_credit"]),
    })
}

fn credit_note(row: &Value) -> Result<OutgoingFigures, VendorError> {
    Ok(OutgoingFigures {
        id: record_id(row, "creditid")?,
        number: json::text(&row["credit_number"]),
        client_id: json::id(&row["clientid"]).unwrap_or(0),
        amount: json::decimal(&row["amount"]["amount"]),
        currency: code(row),
        date: json::text(&row["create_date"]),
        notes: json::text(&row["notes"]),
    })
}

fn expense(row: &Value) -> Result<OutgoingFigures, VendorError> {
    Ok(OutgoingFigures {
        id: record_id(row, "expenseid")?,
        number: String::new(),
        client_id: json::id(&row["clientid"]).unwrap_or(0),
        amount: json::decimal(&row["amount"]["amount"]),
        currency: code(row),
        date: json::text(&row["date"]),
        notes: json::text(&row["notes"]),
    })
}

fn client_id(row: &Value) -> Option<u64> {
    json::id(&row["id"]).or_else(|| json::id(&row["userid"]))
}

fn client(row: &Value) -> Option<ClientNames> {
    Some(ClientNames {
        id: client_id(row)?,
        email: json::text(&row["email"]),
        organization: json::text(&row["organization"]),
        first_name: json::text(&row["fname"]),
        last_name: json::text(&row["lname"]),
    })
}

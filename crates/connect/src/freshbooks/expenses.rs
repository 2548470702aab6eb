//! Expenses that stand for refunds, and the categories they are booked in.
//!
//! No expense names a client: FreshBooks would offer it for rebilling. Not here: which refunds are
//! expenses.

use domain::books::{DesiredRefund, LineKind};
use domain::money::{Currency, Money};
use serde_json::{Value, json};

use super::client::{Client, Resource};
use super::invoices::{as_written, money};
use crate::error::VendorError;
use crate::json;

pub(super) const EXPENSES: Resource = Resource {
    path: ["expenses", "expenses"],
    list_template: "/accounting/account/{account_id}/expenses/expenses",
    single_template: "/accounting/account/{account_id}/expenses/expenses/{id}",
    single: "expense",
    plural: "expenses",
};

const CATEGORIES: Resource = Resource {
    path: ["expenses", "categories"],
    list_template: "/accounting/account/{account_id}/expenses/categories",
    single_template: "/accounting/account/{account_id}/expenses/categories/{id}",
    single: "category",
    plural: "categories",
};

/// The account's owner, who every expense belongs to.
const OWNER_STAFF_ID: u64 = 1;

/// An expense as FreshBooks has it.
#[derive(Clone, PartialEq, Eq)]
pub struct Expense {
    pub id: u64,
    pub amount: Money,
    /// `YYYY-MM-DD`.
    pub date: String,
    /// Names our refund.
    pub notes: String,
    /// 0 active, 1 deleted, 2 archived.
    pub vis_state: u64,
}

/// Leaves the notes out.
impl std::fmt::Debug for Expense {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Expense")
            .field("id", &self.id)
            .field("amount", &self.amount)
            .field("date", &self.date)
            .finish_non_exhaustive()
    }
}

impl Expense {
    /// Whether it was deleted (softly).
    pub fn is_deleted(&self) -> bool {
        self.vis_state == 1
    }
}

impl Client {
    /// The id of the expense category with this name, compared without case.
    pub async fn find_expense_category(&self, name: &str) -> Result<Option<u64>, VendorError> {
        let wanted = |row: &Value| {
            json::text(&row["category"]).trim().to_lowercase() == name.trim().to_lowercase()
                && json::id(&row["vis_state"]) != Some(1)
        };
        let rows = self.search(CATEGORIES, &[], wanted).await?;
        let id = |row: &Value| json::id(&row["id"]).or_else(|| json::id(&row["categoryid"]));
        rows.first()
            .map(|row| id(row).ok_or_else(|| VendorError::field("category.id")))
            .transpose()
    }

    /// Expenses of one day that are not deleted.
    pub async fn list_expenses_of_day(&self, date: &str) -> Result<Vec<Expense>, VendorError> {
        // Whether these filters work is not documented; every row is checked all the same.
        let filters = [("search[date_min]", date)];
        let wanted = |row: &Value| {
            json::text(&row["date"]) == date && json::id(&row["vis_state"]) != Some(1)
        };
        self.search(EXPENSES, &filters, wanted)
            .await?
            .iter()
            .map(expense)
            .collect()
    }

    /// One expense; deleted ones are given too.
    pub async fn get_expense(&self, id: u64) -> Result<Expense, VendorError> {
        expense(&self.single(EXPENSES, id, &[]).await?)
    }

    /// Creates the expense of a refund.
    ///
    /// Not idempotent; after [`VendorError::UnknownOutcome`] look for the refund's key in the notes
    /// of [`Client::list_expenses_of_day`].
    pub async fn create_expense(
        &self,
        category_id: u64,
        refund: &DesiredRefund,
    ) -> Result<Expense, VendorError> {
        let body = body(category_id, refund);
        expense(&self.create(EXPENSES, &[], body).await?).map_err(as_written)
    }

    /// Makes the expense what is desired. Idempotent.
    pub async fn update_expense(
        &self,
        id: u64,
        category_id: u64,
        refund: &DesiredRefund,
    ) -> Result<Expense, VendorError> {
        let body = body(category_id, refund);
        expense(&self.change(EXPENSES, id, &[], body).await?).map_err(as_written)
    }

    /// Deletes softly. Idempotent.
    pub async fn remove_expense(&self, id: u64) -> Result<(), VendorError> {
        self.change(EXPENSES, id, &[], json!({"vis_state": 1}))
            .await
            .map(drop)
    }
}

fn body(category_id: u64, refund: &DesiredRefund) -> Value {
    let amount = |money: Money| {
        json!({
            "amount": money.to_decimal().to_string(),
            "code": money.currency.code(),
        })
    };
    let mut body = json!({
        "categoryid": category_id,
        "staffid": OWNER_STAFF_ID,
        "date": refund.date,
        "amount": amount(refund.amount),
        // Also keeps FreshBooks from taking two refunds of a day for duplicates.
        "vendor": refund.number,
        "notes": refund.note,
    });
    if refund.tax.amount_minor != 0 {
        body["taxName1"] = json!(tax_name(refund));
        body["taxAmount1"] = amount(refund.tax);
    }
    body
}

/// The one tax of the refund by name; a general name for several.
fn tax_name(refund: &DesiredRefund) -> &str {
    let of_lines = refund.lines.iter().flat_map(|line| {
        let as_amount = (line.kind == LineKind::Tax).then_some(line.name.as_str());
        let taxes = [&line.tax1, &line.tax2].into_iter().flatten();
        taxes.map(|tax| tax.name.as_str()).chain(as_amount)
    });
    let mut names: Vec<&str> = of_lines.collect();
    names.dedup();
    match names.as_slice() {
        [only] => only,
        _ => "Tax",
    }
}

fn expense(record: &Value) -> Result<Expense, VendorError> {
    let id = json::id(&record["id"]).or_else(|| json::id(&record["expenseid"]));
    let code = record["amount"]["code"]
        .as_str()
        .ok_or_else(|| VendorError::field("amount.code"))?;
    let currency = Currency::from_code(code).map_err(|_| VendorError::field("amount.code"))?;
    Ok(Expense {
        id: id.ok_or_else(|| VendorError::field("expense.id"))?,
        amount: money(&record["amount"], currency, "amount")?,
        date: json::text(&record["date"]),
        notes: json::text(&record["notes"]),
        vis_state: json::id(&record["vis_state"]).unwrap_or(0),
    })
}

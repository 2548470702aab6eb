//! Expenses that stand for refunds or for shipping, and the categories they are booked in.
//!
//! A refund's expense names no client: FreshBooks would offer it for rebilling. That of shipping
//! does, because a line of an invoice rebills it. Not here: what is an expense at all.

use domain::books::{DesiredRefund, LineKind, ShippingExpense};
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
    /// Names our refund, or our invoice and its shipping.
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

/// A category of expenses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Category {
    pub id: u64,
    pub name: String,
}

impl Client {
    /// The expense categories that are not deleted.
    pub async fn list_expense_categories(&self) -> Result<Vec<Category>, VendorError> {
        let wanted = |row: &Value| json::id(&row["vis_state"]) != Some(1);
        let rows = self.search(CATEGORIES, &[], wanted).await?;
        let category = |row: &Value| {
            let id = json::id(&row["id"]).or_else(|| json::id(&row["categoryid"]));
            Ok(Category {
                id: id.ok_or_else(|| VendorError::field("category.id"))?,
                name: json::text(&row["category"]).trim().to_owned(),
            })
        };
        rows.iter().map(category).collect()
    }

    /// The expenses that name a client, deleted ones included.
    pub async fn list_expenses_of_client(
        &self,
        client_id: u64,
    ) -> Result<Vec<Expense>, VendorError> {
        // No filter on expenses is documented; every row is checked all the same.
        let id = client_id.to_string();
        let live = [("search[clientid]", id.as_str())];
        let gone = [live[0], ("search[vis_state]", "1")];
        let wanted = |is_gone: bool| {
            move |row: &Value| {
                json::id(&row["clientid"]) == Some(client_id)
                    && (json::id(&row["vis_state"]) == Some(1)) == is_gone
            }
        };
        let mut rows = self.search(EXPENSES, &live, wanted(false)).await?;
        rows.extend(self.search(EXPENSES, &gone, wanted(true)).await?);
        rows.iter().map(expense).collect()
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

    /// Creates the expense of an order's shipping, for a line of the client's invoice to rebill.
    ///
    /// Not idempotent; after [`VendorError::UnknownOutcome`] look for its marker in the notes of
    /// [`Client::list_expenses_of_client`].
    pub async fn create_shipping_expense(
        &self,
        client_id: u64,
        category_id: u64,
        shipping: &ShippingExpense,
    ) -> Result<Expense, VendorError> {
        let mut body = shipping_body(category_id, shipping);
        body["clientid"] = json!(client_id);
        expense(&self.create(EXPENSES, &[], body).await?).map_err(as_written)
    }

    /// Makes the expense what is desired; its client stays. Idempotent.
    pub async fn update_shipping_expense(
        &self,
        id: u64,
        category_id: u64,
        shipping: &ShippingExpense,
    ) -> Result<Expense, VendorError> {
        let body = shipping_body(category_id, shipping);
        expense(&self.change(EXPENSES, id, &[], body).await?).map_err(as_written)
    }

    /// Deletes softly. Idempotent.
    pub async fn remove_expense(&self, id: u64) -> Result<(), VendorError> {
        self.change(EXPENSES, id, &[], json!({"vis_state": 1}))
            .await
            .map(drop)
    }

    /// Undoes a soft deletion; the expense as it is then. Idempotent.
    pub async fn restore_expense(&self, id: u64) -> Result<Expense, VendorError> {
        let body = json!({"vis_state": 0});
        expense(&self.change(EXPENSES, id, &[], body).await?).map_err(as_written)
    }
}

fn amount(money: Money) -> Value {
    json!({
        "amount": money.to_decimal().to_string(),
        "code": money.currency.code(),
    })
}

fn shipping_body(category_id: u64, shipping: &ShippingExpense) -> Value {
    json!({
        "categoryid": category_id,
        "staffid": OWNER_STAFF_ID,
        "date": shipping.date,
        "amount": amount(shipping.amount),
        // Also keeps FreshBooks from taking two orders of a day for duplicates.
        "vendor": shipping.number,
        "notes": shipping.note,
    })
}

fn body(category_id: u64, refund: &DesiredRefund) -> Value {
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

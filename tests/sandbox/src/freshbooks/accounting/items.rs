//! Items: a name once used stays taken, even by a deleted item; prices take the base currency
//! whatever was sent; stock follows the invoices that name the item.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::super::call::{Doc, object};
use super::super::clock;
use super::super::errors::{Refusal, errno};
use super::super::state::Account;
use super::super::table::{Table, text};
use super::Resource;
use super::fields::{Input, decimal, money, number_text};
use super::list::Filter;

pub(super) struct Items;

const OBJECT: &str = "item";

impl Resource for Items {
    fn path(&self) -> [&'static str; 2] {
        ["items", "items"]
    }
    fn single(&self) -> &'static str {
        OBJECT
    }
    fn plural(&self) -> &'static str {
        "items"
    }
    fn table<'a>(&self, account: &'a Account) -> &'a Table {
        &account.items
    }
    fn table_mut<'a>(&self, account: &'a mut Account) -> &'a mut Table {
        &mut account.items
    }
    /// None is documented to work, beyond vis_state, which every list knows.
    fn filters(&self) -> &'static [Filter] {
        &[]
    }

    fn access(&self, account: &Account) -> Result<(), Refusal> {
        if account.settings.items_access {
            return Ok(());
        }
        let message = "The server could not verify that you are authorized to access items.";
        Err(Refusal::new(200, errno::NO_ITEMS_ACCESS, message))
    }

    fn create(&self, account: &mut Account, body: &Doc) -> Result<u64, Refusal> {
        if Input::new(OBJECT, body, &account.settings)
            .text("name")?
            .flatten()
            .unwrap_or_default()
            .is_empty()
        {
            return Err(Refusal::required(OBJECT, "name"));
        }
        let mut row = Doc::new();
        let blank = json!({
            "accounting_systemid": account.id(), "name": "", "description": "", "qty": "1",
            "sku": null, "inventory": null, "tax1": 0, "tax2": 0, "vis_state": 0,
            "unit_cost": money(Decimal::ZERO, &account.settings.base_currency),
            "updated": clock::eastern(),
        });
        row.extend(object(blank));
        write(account, &mut row, body, None)?;
        let id = account.items.next_id();
        row.extend([("id".into(), id.into()), ("itemid".into(), id.into())]);
        account.items.put(id, row);
        Ok(id)
    }

    fn update(&self, account: &mut Account, id: u64, body: &Doc) -> Result<(), Refusal> {
        let mut row = account
            .items
            .get(id)
            .cloned()
            .ok_or_else(|| Refusal::not_found(OBJECT, id))?;
        write(account, &mut row, body, Some(id))?;
        account.items.put(id, row);
        Ok(())
    }

    /// A null sku is left out on read.
    fn view(&self, _account: &Account, row: &Doc, _include: &[&str]) -> Doc {
        let mut view = row.clone();
        if view.get("sku").is_some_and(Value::is_null) {
            view.remove("sku");
        }
        view
    }
}

fn write(account: &Account, row: &mut Doc, body: &Doc, own: Option<u64>) -> Result<(), Refusal> {
    let input = Input::new(OBJECT, body, &account.settings);
    input.copy_text(row, &["name", "description", "sku"])?;
    check_name(account, &input, text(row, "name"), own)?;
    if let Some(quantity) = input.decimal("qty")? {
        row.insert("qty".into(), number_text(quantity));
    }
    if input.has("inventory") {
        let stock = input.decimal("inventory")?;
        row.insert("inventory".into(), stock.map_or(Value::Null, number_text));
    }
    if let Some((amount, _overwritten)) = input.money("unit_cost")? {
        row.insert(
            "unit_cost".into(),
            money(amount, &account.settings.base_currency),
        );
    }
    for field in ["tax1", "tax2"] {
        if let Some(tax) = input.integer(field)? {
            let known = u64::try_from(tax)
                .ok()
                .filter(|id| *id == 0 || account.taxes.get(*id).is_some());
            let id = known.ok_or_else(|| Refusal::unknown(OBJECT, field, "Tax", tax))?;
            row.insert(field.into(), id.into());
        }
    }
    Ok(())
}

fn check_name(
    account: &Account,
    input: &Input<'_>,
    name: &str,
    own: Option<u64>,
) -> Result<(), Refusal> {
    if name.is_empty() {
        return Err(Refusal::required(OBJECT, "name"));
    }
    if account
        .items
        .rows_with("name", name)
        .any(|(id, _)| Some(id) != own)
    {
        let message = "An item with this name already exists.";
        return Err(input.refuse("name", errno::DUPLICATE, message, &name.into()));
    }
    Ok(())
}

/// Moves stock by `delta` for the item of this name, if it counts stock.
pub(super) fn move_stock(account: &mut Account, name: &str, delta: Decimal) {
    let found = account
        .items
        .rows_with("name", name)
        .next()
        .map(|(id, row)| (id, row.clone()));
    let Some((id, mut row)) = found else { return };
    let Some(stock) = row.get("inventory").and_then(decimal) else {
        return;
    };
    row.insert("inventory".into(), number_text(stock + delta));
    account.items.put(id, row);
}

//! Taxes: a name and a percent. A second one of the same name is refused (1026), and DELETE is
//! real.

use serde_json::json;

use super::super::call::{Doc, object};
use super::super::clock;
use super::super::errors::{Refusal, errno};
use super::super::state::Account;
use super::super::table::{Table, text};
use super::fields::{Input, number_text};
use super::list::Filter;
use super::{Removal, Resource};

pub(super) struct Taxes;

const OBJECT: &str = "tax";

impl Resource for Taxes {
    fn path(&self) -> [&'static str; 2] {
        ["taxes", "taxes"]
    }
    fn single(&self) -> &'static str {
        OBJECT
    }
    fn plural(&self) -> &'static str {
        "taxes"
    }
    fn removal(&self) -> Removal {
        Removal::Real
    }
    fn table<'a>(&self, account: &'a Account) -> &'a Table {
        &account.taxes
    }
    fn table_mut<'a>(&self, account: &'a mut Account) -> &'a mut Table {
        &mut account.taxes
    }
    fn filters(&self) -> &'static [Filter] {
        &[]
    }

    fn create(&self, account: &mut Account, body: &Doc) -> Result<u64, Refusal> {
        let input = Input::new(OBJECT, body, &account.settings);
        if !input.has("amount") {
            return Err(Refusal::required(OBJECT, "amount"));
        }
        let mut row = Doc::new();
        let blank = json!({
            "accounting_systemid": account.id(), "name": "", "amount": "0", "number": null,
            "compound": false, "updated": clock::eastern(),
        });
        row.extend(object(blank));
        write(account, &mut row, body, None)?;
        let id = account.taxes.next_id();
        row.extend([("id".into(), id.into()), ("taxid".into(), id.into())]);
        account.taxes.put(id, row);
        Ok(id)
    }

    fn update(&self, account: &mut Account, id: u64, body: &Doc) -> Result<(), Refusal> {
        let mut row = account
            .taxes
            .get(id)
            .cloned()
            .ok_or_else(|| Refusal::not_found(OBJECT, id))?;
        write(account, &mut row, body, Some(id))?;
        account.taxes.put(id, row);
        Ok(())
    }

    fn before_vis_state(&self, _account: &Account, _id: u64, _to: u64) -> Result<(), Refusal> {
        let message = "Taxes have no vis_state; use DELETE.";
        Err(Refusal::field(OBJECT, "vis_state", errno::WRITE_DENIED, message).with_status(403))
    }
}

fn write(account: &Account, row: &mut Doc, body: &Doc, own: Option<u64>) -> Result<(), Refusal> {
    let input = Input::new(OBJECT, body, &account.settings);
    input.copy_text(row, &["name", "number"])?;
    if let Some(percent) = input.percent("amount")? {
        row.insert("amount".into(), number_text(percent));
    }
    let name = text(row, "name");
    if name.is_empty() {
        return Err(Refusal::required(OBJECT, "name"));
    }
    let same = |other: &Doc| text(other, "name").to_lowercase() == name.to_lowercase();
    if account
        .taxes
        .rows()
        .any(|(id, other)| Some(id) != own && same(other))
    {
        let message = "A tax with this name already exists.";
        return Err(input.refuse("name", errno::DUPLICATE_TAX, message, &name.into()));
    }
    Ok(())
}

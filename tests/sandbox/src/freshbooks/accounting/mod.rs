//! The accounting family: one dispatcher for every resource under
//! `/accounting/account/{account_id}/…`. What is special about a kind lives in its own file.

mod clients;
mod credit_notes;
mod expenses;
mod fields;
mod invoice_lines;
mod invoice_number;
mod invoice_status;
mod invoices;
mod items;
mod list;
mod other_incomes;
mod payments;
mod taxes;

use axum::http::Method;
use serde_json::{Value, json};

use super::call::{Call, Doc, Reply};
use super::clock;
use super::errors::{Refusal, errno};
use super::events;
use super::state::Account;
use super::table::{Table, is_deleted};
use list::Filter;

pub(super) use expenses::seed_categories;

/// How a kind of record goes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Removal {
    /// PUT vis_state 1 and DELETE both mark the row.
    Soft,
    /// DELETE removes the row.
    Real,
    /// Nothing of this kind is ever written.
    ReadOnly,
}

/// A field to sort by: its key in `sort=`, and how to read it from a row.
type Sort = (&'static str, fn(&Doc) -> String);

/// One kind of record.
trait Resource: Sync {
    /// The two path segments after the account.
    fn path(&self) -> [&'static str; 2];
    fn single(&self) -> &'static str;
    fn plural(&self) -> &'static str;
    /// A second name under which a single may be written.
    fn alias(&self) -> Option<&'static str> {
        None
    }
    fn removal(&self) -> Removal {
        Removal::Soft
    }
    fn table<'a>(&self, account: &'a Account) -> &'a Table;
    fn table_mut<'a>(&self, account: &'a mut Account) -> &'a mut Table;
    fn filters(&self) -> &'static [Filter];
    fn sorts(&self) -> &'static [Sort] {
        &[]
    }
    /// Refuses every call, for accounts without this module.
    fn access(&self, _account: &Account) -> Result<(), Refusal> {
        Ok(())
    }
    fn create(&self, account: &mut Account, body: &Doc) -> Result<u64, Refusal>;
    fn update(&self, account: &mut Account, id: u64, body: &Doc) -> Result<(), Refusal>;
    fn act(&self, _account: &mut Account, _id: u64, _body: &Doc) -> Result<(), Refusal> {
        Ok(())
    }
    fn before_vis_state(&self, _account: &Account, _id: u64, _to: u64) -> Result<(), Refusal> {
        Ok(())
    }
    fn after_vis_state(&self, _account: &mut Account, _id: u64) {}
    /// The row as a caller sees it.
    fn view(&self, _account: &Account, row: &Doc, _include: &[&str]) -> Doc {
        row.clone()
    }
}

static RESOURCES: [&dyn Resource; 9] = [
    &clients::Clients,
    &invoices::Invoices,
    &items::Items,
    &taxes::Taxes,
    &payments::Payments,
    &credit_notes::CreditNotes,
    &other_incomes::OtherIncomes,
    &expenses::Expenses,
    &expenses::Categories,
];

fn resource(first: &str, second: &str) -> Option<&'static dyn Resource> {
    RESOURCES
        .iter()
        .copied()
        .find(|resource| resource.path() == [first, second])
}

/// Answers a call whose path after the account is `rest`.
pub(super) fn answer(account: &mut Account, call: &Call, rest: &[&str]) -> Result<Reply, Refusal> {
    let no_such_path = || Refusal::new(404, errno::UNKNOWN, "The requested path does not exist.");
    let (first, second, tail) = match rest {
        [first, second, tail @ ..] => (*first, *second, tail),
        _ => return Err(no_such_path()),
    };
    let resource = resource(first, second).ok_or_else(no_such_path)?;
    resource.access(account)?;
    let include = call
        .query
        .iter()
        .filter(|(key, _)| key == "include[]" || key == "include")
        .map(|(_, value)| value.as_str())
        .collect::<Vec<_>>();
    let reply = served(account, resource, call, tail, &include)?;
    let written = match (call.method == Method::POST, tail) {
        (true, []) => made(resource, &reply),
        (false, [id]) if call.method != Method::GET => id.parse().ok(),
        _ => None,
    };
    if let Some(id) = written {
        // The table is borrowed from the account that keeps the log.
        let mut writes = std::mem::take(&mut account.writes);
        let method = call.method.as_str();
        writes.note(method, resource.single(), resource.table(account), id);
        account.writes = writes;
    }
    Ok(reply)
}

/// The id of the record that a reply shows as made.
fn made(resource: &dyn Resource, reply: &Reply) -> Option<u64> {
    let result = reply.body.as_ref()?.pointer("/response/result")?;
    let names = [Some(resource.single()), resource.alias()];
    let shown = names
        .into_iter()
        .flatten()
        .find_map(|name| result.get(name));
    shown?.get("id")?.as_u64()
}

fn served(
    account: &mut Account,
    resource: &dyn Resource,
    call: &Call,
    tail: &[&str],
    include: &[&str],
) -> Result<Reply, Refusal> {
    match (&call.method, tail) {
        (&Method::GET, []) => Ok(result(list::page(account, resource, call, include)?)),
        (&Method::POST, []) => create(account, resource, call, include),
        (method, [id]) => {
            let id = known(account, resource, id)?;
            match *method {
                Method::GET => single(account, resource, id, resource.single(), include),
                Method::PUT => put(account, resource, id, call, include),
                Method::DELETE => delete(account, resource, id),
                _ => Err(wrong_method()),
            }
        }
        (&Method::GET, [id, "share_link"]) if resource.single() == "invoice" => {
            let id = known(account, resource, id)?;
            invoices::share_link(account, id).map(result)
        }
        _ => Err(wrong_method()),
    }
}

fn wrong_method() -> Refusal {
    Refusal::new(405, errno::ACCESS_DENIED, "The method is not allowed here.")
}

fn known(account: &Account, resource: &dyn Resource, id: &str) -> Result<u64, Refusal> {
    id.parse()
        .ok()
        .filter(|id| resource.table(account).get(*id).is_some())
        .ok_or_else(|| Refusal::not_found(resource.single(), id))
}

fn result(result: Value) -> Reply {
    Reply::json(200, json!({"response": {"result": result}}))
}

fn single(
    account: &Account,
    resource: &dyn Resource,
    id: u64,
    key: &str,
    include: &[&str],
) -> Result<Reply, Refusal> {
    let row = resource
        .table(account)
        .get(id)
        .ok_or_else(|| Refusal::not_found(resource.single(), id))?;
    Ok(result(json!({key: shown(account, resource, row, include)})))
}

/// The view of a row, without what the emulator keeps for itself (keys with an underscore).
fn shown(account: &Account, resource: &dyn Resource, row: &Doc, include: &[&str]) -> Doc {
    let mut view = resource.view(account, row, include);
    view.retain(|key, _| !key.starts_with('_'));
    view
}

/// The object inside `{"<single>":{…}}`, and the key it came under.
fn unwrap(resource: &dyn Resource, call: &Call) -> Result<(Doc, &'static str), Refusal> {
    let mut body = call
        .object()
        .map_err(|reason| Refusal::new(400, errno::PARSE, reason))?;
    for key in [Some(resource.single()), resource.alias()]
        .into_iter()
        .flatten()
    {
        if let Some(Value::Object(object)) = body.remove(key) {
            return Ok((object, key));
        }
    }
    Err(Refusal::required(resource.single(), resource.single()))
}

fn create(
    account: &mut Account,
    resource: &dyn Resource,
    call: &Call,
    include: &[&str],
) -> Result<Reply, Refusal> {
    if resource.removal() == Removal::ReadOnly {
        return Err(wrong_method());
    }
    let (body, key) = unwrap(resource, call)?;
    let id = resource.create(account, &body)?;
    events::note(account, resource.single(), "create", id);
    single(account, resource, id, key, include)
}

fn put(
    account: &mut Account,
    resource: &dyn Resource,
    id: u64,
    call: &Call,
    include: &[&str],
) -> Result<Reply, Refusal> {
    if resource.removal() == Removal::ReadOnly {
        return Err(wrong_method());
    }
    let (body, key) = unwrap(resource, call)?;
    apply(account, resource, id, &body)?;
    single(account, resource, id, key, include)
}

/// The phases of a PUT: the first one present runs, the rest of the body is silently discarded.
fn apply(
    account: &mut Account,
    resource: &dyn Resource,
    id: u64,
    body: &Doc,
) -> Result<(), Refusal> {
    if let Some(value) = body.get("ext_vis_state") {
        set(account, resource, id, "ext_vis_state", value.clone());
        return Ok(());
    }
    if let Some(value) = body.get("vis_state") {
        let to = value.as_u64().filter(|to| *to <= 2).ok_or_else(|| {
            Refusal::field(
                resource.single(),
                "vis_state",
                errno::INVALID_VALUE,
                "vis_state must be 0, 1 or 2.",
            )
        })?;
        return set_vis_state(account, resource, id, to);
    }
    if resource.table(account).get(id).is_some_and(is_deleted) {
        return Err(Refusal::deleted(resource.single(), id));
    }
    if body.keys().any(|key| key.starts_with("action_")) {
        resource.act(account, id, body)?;
    } else {
        resource.update(account, id, body)?;
    }
    set(account, resource, id, "updated", clock::eastern().into());
    events::note(account, resource.single(), "update", id);
    Ok(())
}

fn delete(account: &mut Account, resource: &dyn Resource, id: u64) -> Result<Reply, Refusal> {
    match resource.removal() {
        Removal::Soft => set_vis_state(account, resource, id, 1)?,
        Removal::Real => {
            resource.table_mut(account).remove(id);
            events::note(account, resource.single(), "delete", id);
        }
        Removal::ReadOnly => return Err(wrong_method()),
    }
    Ok(Reply::json(200, json!({"response": {}})))
}

fn set_vis_state(
    account: &mut Account,
    resource: &dyn Resource,
    id: u64,
    to: u64,
) -> Result<(), Refusal> {
    resource.before_vis_state(account, id, to)?;
    set(account, resource, id, "vis_state", to.into());
    set(account, resource, id, "updated", clock::eastern().into());
    resource.after_vis_state(account, id);
    let verb = if to == 1 { "delete" } else { "update" };
    events::note(account, resource.single(), verb, id);
    Ok(())
}

/// Sets one field of a stored row.
fn set(account: &mut Account, resource: &dyn Resource, id: u64, field: &str, value: Value) {
    let table = resource.table_mut(account);
    if let Some(mut row) = table.get(id).cloned() {
        row.insert(field.into(), value);
        table.put(id, row);
    }
}

/// A record as a person makes it in the web interface: the same rules, no token, no limits.
pub(super) fn create_by_hand(
    account: &mut Account,
    kind: &str,
    body: &Doc,
) -> Result<Value, Refusal> {
    let resource = of_kind(kind)?;
    let id = resource.create(account, body)?;
    let row = resource.table(account).get(id).cloned().unwrap_or_default();
    Ok(json!({resource.single(): shown(account, resource, &row, &["lines"])}))
}

fn of_kind(kind: &str) -> Result<&'static dyn Resource, Refusal> {
    RESOURCES
        .iter()
        .copied()
        .find(|resource| resource.plural() == kind)
        .ok_or_else(|| Refusal::new(404, errno::UNKNOWN, format!("There is no kind {kind}.")))
}

/// An edit as a person makes it there.
pub(super) fn edit_by_hand(
    account: &mut Account,
    kind: &str,
    id: &str,
    body: &Doc,
) -> Result<Value, Refusal> {
    let resource = of_kind(kind)?;
    let id = known(account, resource, id)?;
    apply(account, resource, id, body)?;
    let row = resource.table(account).get(id).cloned().unwrap_or_default();
    Ok(json!({resource.single(): shown(account, resource, &row, &["lines"])}))
}

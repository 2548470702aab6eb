//! The control surface under `/_sandbox`: opening accounts, looking into their books, counting
//! calls, ordering faults, and acting as a person in the web interface. FRESHBOOKS.md shows each.

use axum::http::Method;
use serde_json::{Value, json};

use super::accounting;
use super::call::{Call, Doc, Reply};
use super::faults::Order;
use super::state::{Account, Settings, World};
use super::table::Table;

/// Most accounts in one process.
const MOST_ACCOUNTS: usize = 10_000;

/// Answers a control call. Errors are `{"error": <what is wrong and what to do>}`.
pub(super) fn answer(world: &mut World, call: &Call) -> Reply {
    let segments = call.segments();
    let rest = segments.get(1..).unwrap_or_default();
    let reply = match (&call.method, rest) {
        (&Method::GET, ["health"]) => Ok(Reply::json(200, json!({"status": "ok"}))),
        (&Method::PUT, ["clock"]) => step_clock(call),
        (&Method::POST, ["accounts"]) => open(world, call),
        (&Method::GET, ["accounts"]) => {
            let accounts: Vec<Value> = world
                .accounts
                .values()
                .map(|account| account.settings.shown())
                .collect();
            Ok(Reply::json(200, json!({"accounts": accounts})))
        }
        (&Method::POST, ["faults"]) => order_fault(world, call),
        (&Method::GET, ["faults"]) => Ok(Reply::json(200, world.faults.list())),
        (&Method::DELETE, ["faults"]) => Ok(Reply::json(
            200,
            json!({"cleared": world.faults.clear(None)}),
        )),
        (&Method::DELETE, ["faults", id]) => match id.parse() {
            Ok(id) => Ok(Reply::json(
                200,
                json!({"cleared": world.faults.clear(Some(id))}),
            )),
            Err(_) => Err(wrong(400, "a fault's id is a number")),
        },
        (&Method::DELETE, ["accounts", id]) => world
            .accounts
            .remove(*id)
            .map(|_| Reply::empty(204))
            .ok_or_else(|| no_account(id)),
        (_, ["accounts", id, rest @ ..]) => match world.accounts.get_mut(*id) {
            Some(account) => of_account(account, call, rest),
            None => Err(no_account(id)),
        },
        _ => Err(nothing_here()),
    };
    reply.unwrap_or_else(|refused| refused)
}

fn of_account(account: &mut Account, call: &Call, rest: &[&str]) -> Result<Reply, Reply> {
    match (&call.method, rest) {
        (&Method::GET, []) => Ok(Reply::json(200, account.settings.shown())),
        (&Method::PATCH, []) => change_settings(account, call),
        (&Method::GET, ["books"]) => Ok(Reply::json(200, books(account))),
        (&Method::GET, ["writes"]) => Ok(Reply::json(200, json!(account.writes))),
        (&Method::GET, ["calls"]) => Ok(Reply::json(200, calls(account))),
        (&Method::DELETE, ["calls"]) => {
            account.calls.clear();
            Ok(Reply::empty(204))
        }
        (&Method::POST, ["expire_access_tokens"]) => {
            account.grant.expire_access_tokens();
            Ok(Reply::empty(204))
        }
        (&Method::POST, ["revoke_grant"]) => {
            account.grant.revoke();
            Ok(Reply::empty(204))
        }
        (&Method::POST, ["reset_limits"]) => {
            account.meters = Default::default();
            Ok(Reply::empty(204))
        }
        (&Method::GET, ["grant"]) => Ok(Reply::json(
            200,
            json!({"refresh_token": account.grant.refresh_token()}),
        )),
        (&Method::POST, ["grant"]) => {
            let token = field(call, "refresh_token")?;
            account.grant = super::oauth::Grant::new(token);
            Ok(Reply::empty(204))
        }
        (&Method::POST, ["authorization_code"]) => {
            let code = account.grant.mint_code(&field(call, "redirect_uri")?);
            Ok(Reply::json(200, json!({"code": code})))
        }
        (&Method::POST, [kind, "create_by_hand"]) => {
            let body = call.object().map_err(|reason| wrong(400, &reason))?;
            accounting::create_by_hand(account, kind, &body)
                .map(|created| Reply::json(201, created))
                .map_err(|refusal| wrong(refusal.status, &refusal.to_string()))
        }
        (&Method::POST, [kind, id, "edit_by_hand"]) => {
            let body = call.object().map_err(|reason| wrong(400, &reason))?;
            accounting::edit_by_hand(account, kind, id, &body)
                .map(|edited| Reply::json(200, edited))
                .map_err(|refusal| wrong(refusal.status, &refusal.to_string()))
        }
        _ => Err(nothing_here()),
    }
}

fn open(world: &mut World, call: &Call) -> Result<Reply, Reply> {
    let settings: Settings = parse(call)?;
    if settings.account_id.is_empty()
        || !settings
            .account_id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric())
    {
        return Err(wrong(
            422,
            "account_id must be letters and digits, such as AbC12",
        ));
    }
    if world.accounts.contains_key(&settings.account_id) {
        let text = format!(
            "account {0} exists; DELETE /_sandbox/accounts/{0} first",
            settings.account_id
        );
        return Err(wrong(409, &text));
    }
    let taken =
        |account: &Account| account.grant.refresh_token() == Some(settings.refresh_token.as_str());
    if world.accounts.values().any(taken) {
        return Err(wrong(
            409,
            "another account has this refresh_token; choose another one",
        ));
    }
    if world.accounts.len() >= MOST_ACCOUNTS {
        return Err(wrong(
            409,
            "10000 accounts are open; delete some or start another sandbox",
        ));
    }
    let shown = settings.shown();
    world.open(settings);
    Ok(Reply::json(201, shown))
}

/// Switches can be thrown while the account lives; credentials and the id cannot.
fn change_settings(account: &mut Account, call: &Call) -> Result<Reply, Reply> {
    let changes = call.object().map_err(|reason| wrong(400, &reason))?;
    let mut merged = json!(account.settings);
    for (key, value) in changes {
        if ["account_id", "client_id", "client_secret", "refresh_token"].contains(&key.as_str()) {
            return Err(wrong(
                422,
                &format!("{key} cannot be changed; open another account"),
            ));
        }
        merged[key] = value;
    }
    account.settings =
        serde_json::from_value(merged).map_err(|error| wrong(422, &error.to_string()))?;
    Ok(Reply::json(200, account.settings.shown()))
}

/// Steps the clock of both emulators of this process.
fn step_clock(call: &Call) -> Result<Reply, Reply> {
    let body = call.object().map_err(|reason| wrong(400, &reason))?;
    let ahead_s = body
        .get("ahead_s")
        .and_then(Value::as_i64)
        .ok_or_else(|| wrong(422, "the body needs ahead_s, a number of seconds"))?;
    crate::clock::step(ahead_s).map_err(|reason| wrong(422, &reason))?;
    Ok(Reply::empty(204))
}

fn order_fault(world: &mut World, call: &Call) -> Result<Reply, Reply> {
    let order: Order = parse(call)?;
    let id = world
        .faults
        .add(order)
        .map_err(|reason| wrong(422, &reason))?;
    Ok(Reply::json(201, json!({"id": id})))
}

fn books(account: &Account) -> Value {
    json!({
        "clients": flat(&account.clients),
        "invoices": flat(&account.invoices),
        "payments": flat(&account.payments),
        "credit_notes": flat(&account.credit_notes),
        "items": flat(&account.items),
        "taxes": flat(&account.taxes),
        "expenses": flat(&account.expenses),
        "other_incomes": flat(&account.other_incomes),
    })
}

/// Rows in order of id, money as plain strings, internal fields under their own names.
fn flat(table: &Table) -> Vec<Value> {
    table.rows().map(|(_, row)| flat_row(row)).collect()
}

fn flat_row(row: &Doc) -> Value {
    row.iter()
        .filter(|(key, _)| !matches!(key.as_str(), "_stage" | "_stock_taken"))
        .map(|(key, value)| (key.trim_start_matches('_').to_owned(), flat_value(value)))
        .collect::<Doc>()
        .into()
}

fn flat_value(value: &Value) -> Value {
    match value {
        Value::Object(money) if money.len() == 2 && money.contains_key("code") => {
            money.get("amount").cloned().unwrap_or(Value::Null)
        }
        Value::Object(row) => flat_row(row),
        Value::Array(rows) => rows.iter().map(flat_value).collect(),
        other => other.clone(),
    }
}

fn calls(account: &Account) -> Value {
    let mut totals = std::collections::BTreeMap::from(
        [
            "creates",
            "reads",
            "updates",
            "deletes",
            "token",
            "throttled",
        ]
        .map(|kind| (kind, 0_u64)),
    );
    let mut routes = Vec::new();
    for ((method, route), counted) in &account.calls {
        let kind = match method.as_str() {
            _ if route.contains("oauth/") => "token",
            "POST" => "creates",
            "PUT" => "updates",
            "DELETE" => "deletes",
            _ => "reads",
        };
        *totals.entry(kind).or_default() += counted.calls;
        *totals.entry("throttled").or_default() += counted.answers.get("429").copied().unwrap_or(0);
        routes.push(json!({
            "method": method, "route": route, "calls": counted.calls, "answers": counted.answers,
        }));
    }
    json!({"totals": totals, "routes": routes})
}

fn parse<T: serde::de::DeserializeOwned>(call: &Call) -> Result<T, Reply> {
    serde_json::from_slice(&call.body).map_err(|error| wrong(422, &error.to_string()))
}

fn field(call: &Call, name: &str) -> Result<String, Reply> {
    let body = call.object().map_err(|reason| wrong(400, &reason))?;
    match body.get(name) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text.clone()),
        _ => Err(wrong(422, &format!("the body needs {name}, a string"))),
    }
}

fn wrong(status: u16, text: &str) -> Reply {
    Reply::json(status, json!({"error": text}))
}

fn no_account(id: &str) -> Reply {
    wrong(
        404,
        &format!("account {id} is not open; POST /_sandbox/accounts opens it"),
    )
}

fn nothing_here() -> Reply {
    wrong(404, "no such control; FRESHBOOKS.md lists them")
}

//! An account of the sandbox in the same thread, with a little in it, and how it answers.

use connect::transport::Outgoing;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method};
use sandbox::freshbooks::in_process::{InProcess, Question};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::line::Answer;

pub(super) const ACCOUNT: &str = "sim1";
/// Holds the mark that no error may show.
pub(super) const SECRET: &str = "PLANTED-16180-secret";
const NOW_MS: u64 = 1_786_447_831_000;

/// What is there before the call: a client, an invoice, a payment, an item.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ids {
    pub(super) client: u64,
    pub(super) invoice: u64,
    pub(super) payment: u64,
}

/// An account, its access token and the refresh token that gives the next.
pub(super) fn account() -> Result<(InProcess, String, SecretString), String> {
    let vendor = InProcess::default();
    let account = json!({
        "account_id": ACCOUNT, "client_id": "app", "client_secret": SECRET,
        "refresh_token": "first", "limits": null, "duplicate_numbers": "accept",
    });
    ask(&vendor, "/_sandbox/accounts", None, &account)?;
    let grant = json!({"client_id": "app", "client_secret": SECRET,
        "grant_type": "refresh_token", "refresh_token": "first"});
    let pair = ask(&vendor, "/auth/oauth/token", None, &grant)?;
    let token = |name: &str| {
        pair[name]
            .as_str()
            .ok_or_else(|| format!("no {name}: {pair}"))
    };
    let (access, next) = (token("access_token")?, token("refresh_token")?);
    let (access, next) = (access.to_owned(), next.into());
    Ok((vendor, access, next))
}

/// Puts a client, an invoice and a payment in.
pub(super) fn furnish(vendor: &InProcess, token: &str) -> Result<Ids, String> {
    let make = |path: &str, name: &str, body: Value| {
        let path = format!("/accounting/account/{ACCOUNT}/{path}");
        let made = ask(vendor, &path, Some(token), &json!({name: body}))?;
        let id = &made["response"]["result"][name]["id"];
        id.as_u64().ok_or_else(|| format!("{path} gave {made}"))
    };
    let person = json!({"fname": "Ada", "lname": "L", "email": "ada@example.com",
        "organization": "Engines"});
    let client = make("users/clients", "client", person)?;
    let amount = json!({"amount": "12.50", "code": "USD"});
    let line = json!({"type": 0, "name": "Mug", "qty": "1", "unit_cost": amount});
    let invoice = json!({"customerid": client, "create_date": "2026-08-11",
        "invoice_number": "T-1", "currency_code": "USD", "lines": [line]});
    let invoice = make("invoices/invoices", "invoice", invoice)?;
    let payment = json!({"invoiceid": invoice, "amount": amount, "date": "2026-08-11",
        "type": "Other", "note": "txn:1"});
    let payment = make("payments/payments", "payment", payment)?;
    Ok(Ids {
        client,
        invoice,
        payment,
    })
}

fn ask(vendor: &InProcess, path: &str, token: Option<&str>, body: &Value) -> Result<Value, String> {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let body = body.to_string();
    let question = Question {
        method: &Method::POST,
        path,
        query: None,
        authorization: bearer.as_deref(),
        content_type: "application/json",
        body: body.as_bytes(),
    };
    let answer = vendor.answer(NOW_MS, &question);
    serde_json::from_slice(&answer.body).map_err(|error| format!("{path}: {error}"))
}

pub(super) fn answer(vendor: &InProcess, outgoing: &Outgoing) -> Answer {
    let text = |name| {
        outgoing
            .headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    let question = Question {
        method: &outgoing.method,
        path: outgoing.url.path(),
        query: outgoing.url.query(),
        authorization: text(AUTHORIZATION),
        content_type: text(CONTENT_TYPE).unwrap_or_default(),
        body: outgoing.body.as_deref().unwrap_or_default(),
    };
    let answer = vendor.answer(NOW_MS, &question);
    Answer {
        status: answer.status,
        body: answer.body,
    }
}

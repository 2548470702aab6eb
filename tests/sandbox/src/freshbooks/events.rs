//! Webhooks: callbacks to register, confirm and delete, and the signed notices they cause.
//!
//! Not here: sending them, which is the courier's work once the lock is released.

use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::call::{Call, Doc, Reply, plain};
use super::clock;
use super::state::Account;
use super::table::{integer, text};

const NOUNS: [&str; 15] = [
    "bill",
    "bill_vendor",
    "category",
    "client",
    "credit_note",
    "estimate",
    "expense",
    "invoice",
    "item",
    "payment",
    "project",
    "recurring",
    "service",
    "tax",
    "time_entry",
];
const VERBS: [&str; 3] = ["create", "update", "delete"];
/// Notices an account may have waiting; more are dropped, as the vendor drops what fails.
const MOST_WAITING: usize = 1_000;
/// Callbacks an account may register.
const MOST_CALLBACKS: usize = 100;

/// One form to post to a receiver.
#[derive(Debug, Clone)]
pub(super) struct Notice {
    pub(super) uri: String,
    pub(super) form: Vec<(&'static str, String)>,
    /// `X-FreshBooks-Hmac-SHA256`; the verification itself carries none.
    pub(super) signature: Option<String>,
}

/// Answers `/events/account/{account_id}/events/callbacks[/{id}]`.
pub(super) fn answer(account: &mut Account, call: &Call, tail: &[&str]) -> Reply {
    let reply = match (&call.method, tail) {
        (&Method::POST, []) => register(account, call),
        (&Method::GET, []) => Ok(list(account, call)),
        (&Method::GET, [id]) => known(account, id).map(|(_, row)| single(&row)),
        (&Method::PUT, [id]) => change(account, id, call),
        (&Method::DELETE, [id]) => known(account, id).map(|(id, _)| {
            account.callbacks.remove(id);
            Reply::json(200, json!({"response": {}}))
        }),
        _ => Err(refuse(404, "callback: not found")),
    };
    reply.unwrap_or_else(|refused| refused)
}

/// Queues a notice for every verified callback that listens to `noun.verb`.
pub(super) fn note(account: &mut Account, noun: &str, verb: &str, id: u64) {
    let name = format!("{noun}.{verb}");
    let due: Vec<Notice> = account
        .callbacks
        .rows()
        .filter(|(_, row)| row.get("verified") == Some(&Value::Bool(true)))
        .filter(|(_, row)| [noun, name.as_str()].contains(&text(row, "event")))
        .map(|(_, row)| {
            let form = vec![
                ("name", name.clone()),
                ("object_id", id.to_string()),
                ("account_id", account.id().to_owned()),
                ("business_id", account.business_id.to_string()),
                ("identity_id", (account.business_id + 1_000_000).to_string()),
                ("user_id", "1".to_owned()),
            ];
            let signature = Some(sign(text(row, "_verifier"), &form));
            Notice {
                uri: text(row, "uri").to_owned(),
                form,
                signature,
            }
        })
        .collect();
    queue(account, due);
}

fn queue(account: &mut Account, due: Vec<Notice>) {
    let room = MOST_WAITING.saturating_sub(account.outbox.len());
    if due.len() > room {
        tracing::warn!(
            dropped = due.len() - room,
            "webhook notices dropped: outbox full"
        );
    }
    account.outbox.extend(due.into_iter().take(room));
}

fn register(account: &mut Account, call: &Call) -> Result<Reply, Reply> {
    let body = body(call)?;
    let event = body.get("event").map(plain).unwrap_or_default();
    let (noun, verb) = event
        .split_once('.')
        .map_or((event.as_str(), None), |(noun, verb)| (noun, Some(verb)));
    if !NOUNS.contains(&noun) || verb.is_some_and(|verb| !VERBS.contains(&verb)) {
        return Err(refuse(422, "event: unknown event"));
    }
    let uri = body.get("uri").map(plain).unwrap_or_default();
    if reqwest::Url::parse(&uri).map_or(true, |url| !url.scheme().starts_with("http")) {
        return Err(refuse(422, "uri: must be an absolute http(s) address"));
    }
    if account.callbacks.rows().count() >= MOST_CALLBACKS {
        return Err(refuse(
            422,
            "callback: the sandbox keeps at most 100; delete some",
        ));
    }
    let id = account.callbacks.next_id();
    let row = json!({
        "id": id, "callbackid": id, "event": event, "uri": uri, "verified": false,
        "updated_at": clock::iso(), "_verifier": uuid::Uuid::new_v4().simple().to_string(),
    });
    let Value::Object(row) = row else {
        return Err(refuse(500, "callback: not stored"));
    };
    account.callbacks.put(id, row.clone());
    verify(account, id, &row);
    Ok(single(&row))
}

/// The form that proves the receiver is there; its verifier is the signing secret from then on.
fn verify(account: &mut Account, id: u64, row: &Doc) {
    let form = vec![
        ("name", "callback.verify".to_owned()),
        ("object_id", id.to_string()),
        ("account_id", account.id().to_owned()),
        ("verifier", text(row, "_verifier").to_owned()),
    ];
    let notice = Notice {
        uri: text(row, "uri").to_owned(),
        form,
        signature: None,
    };
    queue(account, vec![notice]);
}

fn change(account: &mut Account, id: &str, call: &Call) -> Result<Reply, Reply> {
    let (id, mut row) = known(account, id)?;
    let body = body(call)?;
    if body.get("resend") == Some(&Value::Bool(true)) {
        verify(account, id, &row);
        return Ok(single(&row));
    }
    if let Some(verifier) = body.get("verifier") {
        if verifier.as_str() != Some(text(&row, "_verifier")) {
            return Err(refuse(422, "verifier: does not match"));
        }
        row.insert("verified".into(), true.into());
    }
    for field in ["event", "uri"] {
        if let Some(Value::String(value)) = body.get(field) {
            row.insert(field.into(), value.as_str().into());
        }
    }
    row.insert("updated_at".into(), clock::iso().into());
    account.callbacks.put(id, row.clone());
    Ok(single(&row))
}

fn list(account: &Account, call: &Call) -> Reply {
    let event = call.param("search[event]").or_else(|| call.param("event"));
    let rows: Vec<Doc> = account
        .callbacks
        .rows()
        .filter(|(_, row)| event.is_none_or(|event| text(row, "event") == event))
        .map(|(_, row)| shown(row))
        .collect();
    let total = rows.len();
    Reply::json(
        200,
        json!({"response": {"result": {
            "callbacks": rows, "page": 1, "pages": usize::from(total > 0), "per_page": 100, "total": total,
        }}}),
    )
}

fn known(account: &Account, id: &str) -> Result<(u64, Doc), Reply> {
    let found = id.parse().ok().and_then(|id| account.callbacks.get(id));
    found
        .map(|row| (integer(row, "id"), row.clone()))
        .ok_or_else(|| refuse(404, "callback: not found"))
}

fn body(call: &Call) -> Result<Doc, Reply> {
    let mut body = call.object().map_err(|reason| refuse(422, &reason))?;
    match body.remove("callback") {
        Some(Value::Object(callback)) => Ok(callback),
        _ => Err(refuse(422, "callback: required")),
    }
}

fn shown(row: &Doc) -> Doc {
    row.iter()
        .filter(|(key, _)| !key.starts_with('_'))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

fn single(row: &Doc) -> Reply {
    Reply::json(
        200,
        json!({"response": {"result": {"callback": shown(row)}}}),
    )
}

fn refuse(status: u16, detail: &str) -> Reply {
    Reply::json(
        status,
        json!({"errno": status, "message": "The request was not accepted.", "details": [detail]}),
    )
}

/// base64(HMAC-SHA256(verifier, the form as Python's json.dumps writes it)).
fn sign(verifier: &str, form: &[(&'static str, String)]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(verifier.as_bytes()) else {
        return String::new();
    };
    let fields: Vec<String> = form
        .iter()
        .map(|(key, value)| format!("{}: {}", quoted(key), quoted(value)))
        .collect();
    mac.update(format!("{{{}}}", fields.join(", ")).as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

/// A JSON string in ASCII only, as json.dumps makes it.
fn quoted(text: &str) -> String {
    let mut quoted = String::new();
    for letter in Value::from(text).to_string().chars() {
        if letter.is_ascii() {
            quoted.push(letter);
        } else {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                quoted.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_matches_the_published_vector() {
        let form: Vec<(&str, String)> = [
            ("name", "invoice.create"),
            ("object_id", "987"),
            ("account_id", "AbC12"),
            ("business_id", "55"),
            ("identity_id", "77"),
            ("user_id", "1"),
        ]
        .map(|(key, value)| (key, value.to_owned()))
        .to_vec();
        assert_eq!(
            sign("demoVerifier123", &form),
            "yOmmTNCEP1nTjuJDGOzwSCYNWqDFj73L8B3Cnl0wXWs="
        );
    }

    #[test]
    fn what_is_not_ascii_is_escaped() {
        assert_eq!(quoted("é😀"), "\"\\u00e9\\ud83d\\ude00\"");
    }
}

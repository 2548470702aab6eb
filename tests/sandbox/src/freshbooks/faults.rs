//! Troubles on order: what a test wants to go wrong, where, and how often.
//!
//! A fault waits until a call matches it, then is used up by one. Not here: carrying it out on the
//! socket, which is the gate's and the server's work.

use serde::Deserialize;
use serde_json::{Value, json};

use super::call::Call;

/// Most faults that may wait at once.
const MOST: usize = 1_000;

/// Which calls a fault is for. Absent fields match everything.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Match {
    method: Option<String>,
    /// A part of the path.
    path: Option<String>,
    /// A part of the body, to hit one record among many.
    body: Option<String>,
}

/// A fault as POST /_sandbox/faults takes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    #[serde(default, rename = "match")]
    matches: Match,
    kind: String,
    account_id: Option<String>,
    #[serde(default = "once")]
    times: u64,
    /// Matching calls that pass unharmed first.
    #[serde(default)]
    skip: u64,
    status: Option<u16>,
    body: Option<Value>,
    errno: Option<u32>,
    message: Option<String>,
    hang_ms: Option<u64>,
    effect: Option<String>,
    headers: Option<bool>,
    retry_after_s: Option<u32>,
}

fn once() -> u64 {
    1
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Trouble {
    /// Nothing is done; this status with this body, or with this errno in the account's shape.
    Status {
        status: u16,
        body: Option<Value>,
        errno: Option<u32>,
        message: String,
    },
    /// Nothing is done; 429, with or without the rate headers.
    TooManyRequests { headers: bool, retry_after_s: i64 },
    /// The effect happens at once, the reply comes late.
    HangAfterEffect { hang_ms: u64 },
    /// Nothing for a while, then effect and reply, whether or not the caller still waits.
    HangBeforeEffect { hang_ms: u64 },
    /// Everything is done, the reply's body comes a piece at a time.
    SlowBody { hang_ms: u64 },
    /// The connection is reset, nothing is done.
    ResetBefore,
    /// The connection is reset, everything is done.
    ResetAfter,
    /// Everything is done, the reply says 500.
    ErrorAfterCommit { status: u16 },
    /// Everything is done, the reply's JSON stops half-way.
    TruncatedJson,
    /// Nothing is done; 200 with `response.errors` inside.
    ErrorsIn200 { errno: u32, message: String },
    /// The grant dies, then the call is answered.
    RevokeGrant,
}

#[derive(Debug)]
struct Fault {
    id: u64,
    order: Order,
    trouble: Trouble,
    hits: u64,
}

/// The faults in waiting, oldest first.
#[derive(Debug, Default)]
pub(super) struct Faults {
    last_id: u64,
    waiting: Vec<Fault>,
}

impl Faults {
    /// Takes an order; the message says what is wrong with it.
    pub(super) fn add(&mut self, order: Order) -> Result<u64, String> {
        if self.waiting.len() >= MOST {
            return Err(format!(
                "{MOST} faults are waiting; DELETE /_sandbox/faults first"
            ));
        }
        let trouble = trouble(&order)?;
        self.last_id += 1;
        self.waiting.push(Fault {
            id: self.last_id,
            order,
            trouble,
            hits: 0,
        });
        Ok(self.last_id)
    }

    /// The first fault for this call, one use less.
    pub(super) fn take(&mut self, call: &Call, account_id: Option<&str>) -> Option<Trouble> {
        for fault in &mut self.waiting {
            if fault.order.times == 0 || !applies(&fault.order, call, account_id) {
                continue;
            }
            if fault.order.skip > 0 {
                fault.order.skip -= 1;
                continue;
            }
            fault.order.times -= 1;
            fault.hits += 1;
            return Some(fault.trouble.clone());
        }
        None
    }

    pub(super) fn list(&self) -> Value {
        let faults: Vec<Value> = self
            .waiting
            .iter()
            .map(|fault| {
                json!({
                    "id": fault.id, "kind": fault.order.kind, "remaining": fault.order.times,
                    "hits": fault.hits, "account_id": fault.order.account_id,
                    "match": {
                        "method": fault.order.matches.method, "path": fault.order.matches.path,
                        "body": fault.order.matches.body,
                    },
                })
            })
            .collect();
        json!({"faults": faults})
    }

    /// Forgets one fault, or all; says how many.
    pub(super) fn clear(&mut self, id: Option<u64>) -> usize {
        let before = self.waiting.len();
        self.waiting
            .retain(|fault| id.is_some_and(|id| id != fault.id));
        before - self.waiting.len()
    }
}

fn applies(order: &Order, call: &Call, account_id: Option<&str>) -> bool {
    let Match { method, path, body } = &order.matches;
    method
        .as_deref()
        .is_none_or(|method| call.method.as_str().eq_ignore_ascii_case(method))
        && path.as_deref().is_none_or(|part| call.path.contains(part))
        && body
            .as_deref()
            .is_none_or(|part| String::from_utf8_lossy(&call.body).contains(part))
        && order
            .account_id
            .as_deref()
            .is_none_or(|wanted| account_id == Some(wanted))
}

fn trouble(order: &Order) -> Result<Trouble, String> {
    let message = order
        .message
        .clone()
        .unwrap_or_else(|| "Forced by the sandbox.".into());
    let trouble = match order.kind.as_str() {
        "status" => {
            let status = order
                .status
                .ok_or("kind status needs a status, such as 503")?;
            check_status(status)?;
            Trouble::Status {
                status,
                body: order.body.clone(),
                errno: order.errno,
                message,
            }
        }
        "429" | "too_many_requests" => Trouble::TooManyRequests {
            headers: order.headers.unwrap_or(true),
            retry_after_s: order.retry_after_s.unwrap_or(1).into(),
        },
        "hang_ms" | "hang" => {
            let hang_ms = order
                .hang_ms
                .ok_or("kind hang needs hang_ms, such as 5000")?;
            match order.effect.as_deref() {
                None | Some("before") => Trouble::HangAfterEffect { hang_ms },
                Some("after") => Trouble::HangBeforeEffect { hang_ms },
                Some(other) => {
                    return Err(format!(
                        "effect {other} is unknown; before or after the hang"
                    ));
                }
            }
        }
        "slow_body" => Trouble::SlowBody {
            hang_ms: order
                .hang_ms
                .ok_or("kind slow_body needs hang_ms, such as 2000")?,
        },
        "reset_before" => Trouble::ResetBefore,
        "reset_after" => Trouble::ResetAfter,
        "error_after_commit" => {
            let status = order.status.unwrap_or(500);
            check_status(status)?;
            Trouble::ErrorAfterCommit { status }
        }
        "truncated_json" => Trouble::TruncatedJson,
        "errors_in_200" => Trouble::ErrorsIn200 {
            errno: order.errno.unwrap_or(1001),
            message,
        },
        "revoke_grant" => Trouble::RevokeGrant,
        other => {
            return Err(format!(
                "kind {other} is unknown; one of status, 429, hang_ms, slow_body, reset_before, reset_after, \
                 error_after_commit, truncated_json, errors_in_200, revoke_grant"
            ));
        }
    };
    Ok(trouble)
}

fn check_status(status: u16) -> Result<(), String> {
    if (200..=599).contains(&status) {
        Ok(())
    } else {
        Err(format!("status {status} is out of range; 200 to 599"))
    }
}

//! The front door: faults, bearer, limits, the way to the right family, and the tally of calls.
//!
//! Everything here is synchronous under the world's lock; what must happen on the socket is
//! handed to the server as an `Outcome`.

use axum::http::Method;
use serde_json::json;

use super::accounting;
use super::call::{Call, Reply};
use super::errors::{Refusal, errno};
use super::events::{self, Notice};
use super::faults::Trouble;
use super::limits::Verdict;
use super::oauth;
use super::state::{Account, World};
use super::users;

/// What the server does with the connection.
#[derive(Debug)]
pub(super) enum Outcome {
    Answer(Reply),
    /// Answer, but only after a while.
    AnswerLate {
        reply: Reply,
        hang_ms: u64,
    },
    /// Wait, and only then process the call (by `process`).
    ProcessLate {
        hang_ms: u64,
    },
    /// Reset the connection without a word.
    Reset,
    /// Answer, the body a piece at a time.
    Drip {
        reply: Reply,
        hang_ms: u64,
    },
    /// Answer with the first half of the JSON.
    Truncate(Reply),
}

/// Answers a call, or does what a waiting fault wants instead.
pub(super) fn answer(world: &mut World, call: &Call) -> Outcome {
    let account_id = account_of(world, call);
    let Some(trouble) = world.faults.take(call, account_id.as_deref()) else {
        return Outcome::Answer(process(world, call));
    };
    match trouble {
        Trouble::HangAfterEffect { hang_ms } => Outcome::AnswerLate {
            reply: process(world, call),
            hang_ms,
        },
        Trouble::SlowBody { hang_ms } => Outcome::Drip {
            reply: process(world, call),
            hang_ms,
        },
        Trouble::HangBeforeEffect { hang_ms } => Outcome::ProcessLate { hang_ms },
        Trouble::ResetAfter => {
            process(world, call);
            Outcome::Reset
        }
        Trouble::ErrorAfterCommit { status } => {
            let done = process(world, call);
            let body = json!({"message": "Internal server error"});
            Outcome::Answer(Reply {
                headers: done.headers,
                ..Reply::json(status, body)
            })
        }
        Trouble::TruncatedJson => Outcome::Truncate(process(world, call)),
        Trouble::RevokeGrant => {
            if let Some(account) = account_id.and_then(|id| world.accounts.get_mut(&id)) {
                account.grant.revoke();
            }
            Outcome::Answer(process(world, call))
        }
        Trouble::ResetBefore => {
            tally(world, account_id.as_deref(), call, "reset");
            Outcome::Reset
        }
        Trouble::Status { .. } | Trouble::TooManyRequests { .. } | Trouble::ErrorsIn200 { .. } => {
            let account = account_id.as_deref().and_then(|id| world.accounts.get(id));
            let reply = forced(account, trouble);
            tally(
                world,
                account_id.as_deref(),
                call,
                &reply.status.to_string(),
            );
            Outcome::Answer(reply)
        }
    }
}

/// The reply of a fault that does nothing.
fn forced(account: Option<&Account>, trouble: Trouble) -> Reply {
    let verdict = look(account);
    let mut reply = match trouble {
        Trouble::TooManyRequests {
            headers: true,
            retry_after_s,
        } => {
            return too_many(&verdict.exhausted(retry_after_s));
        }
        Trouble::Status {
            status,
            body: Some(body),
            ..
        } => Reply::json(status, body),
        Trouble::Status {
            status,
            errno: Some(errno),
            message,
            ..
        } => {
            let refusal = Refusal::new(status, errno, message);
            let new_shape = account.is_some_and(|account| account.settings.new_error_shape);
            Reply::json(
                status,
                if new_shape {
                    refusal.new_shape()
                } else {
                    refusal.old_shape()
                },
            )
        }
        Trouble::Status {
            status, message, ..
        } => Reply::json(status, json!({"message": message})),
        Trouble::ErrorsIn200 { errno, message } => {
            Reply::json(200, Refusal::new(200, errno, message).old_shape())
        }
        _ => {
            return Reply {
                headers: Vec::new(),
                ..too_many(&verdict)
            };
        }
    };
    reply.headers = verdict.headers();
    reply
}

/// The rate headers for a reply that takes nothing from a bucket.
fn look(account: Option<&Account>) -> Verdict {
    account.map_or_else(Verdict::anonymous, |account| {
        account.meters.look(account.settings.limits.as_ref())
    })
}

/// Processes a call without faults.
pub(super) fn process(world: &mut World, call: &Call) -> Reply {
    let account_id = account_of(world, call);
    let mut reply = match oauth::answer(world, call) {
        Some(reply) => reply,
        None => behind_bearer(world, call),
    };
    if reply
        .headers
        .iter()
        .all(|(name, _)| *name != "x-ratelimit-limit")
    {
        let account = account_id.as_deref().and_then(|id| world.accounts.get(id));
        reply.headers.extend(look(account).headers());
    }
    tally(
        world,
        account_id.as_deref(),
        call,
        &reply.status.to_string(),
    );
    reply
}

/// Takes the webhooks that are due.
pub(super) fn collect(world: &mut World) -> Vec<Notice> {
    world
        .accounts
        .values_mut()
        .flat_map(|account| std::mem::take(&mut account.outbox))
        .collect()
}

fn behind_bearer(world: &mut World, call: &Call) -> Reply {
    let owner = call
        .bearer
        .as_deref()
        .and_then(|token| world.account_of_token(token));
    let Some(owner) = owner.map(str::to_owned) else {
        return Reply::unauthenticated();
    };
    let segments = call.segments();
    let path_account = match segments.as_slice() {
        ["accounting" | "events", "account", id, ..] => Some(*id),
        _ => None,
    };
    let exists = path_account.is_none_or(|id| world.accounts.contains_key(id));
    let Some(account) = world.accounts.get_mut(&owner) else {
        return Reply::unauthenticated();
    };
    let accounting = segments.first() == Some(&"accounting");
    let verdict = account
        .meters
        .take(account.settings.limits.as_ref(), &call.method, accounting);
    if !verdict.allowed {
        return too_many(&verdict);
    }
    let mut reply = match path_account {
        Some(_) if !exists => rendered(
            account,
            &Refusal::new(404, errno::UNKNOWN, "The account does not exist."),
        ),
        Some(id) if id != owner => rendered(account, &denied()),
        Some(_) if account.settings.role == "client" => rendered(account, &denied()),
        _ => family(account, call, &segments),
    };
    reply.headers.extend(verdict.headers());
    reply
}

fn denied() -> Refusal {
    Refusal::new(
        403,
        errno::ACCESS_DENIED,
        "You do not have access to this account.",
    )
}

fn family(account: &mut Account, call: &Call, segments: &[&str]) -> Reply {
    match segments {
        ["auth", "api", "v1", "users", "me"] | ["service", "auth", "api", "v1", "users", "me"]
            if call.method == Method::GET =>
        {
            users::me(account)
        }
        ["accounting", "account", _, rest @ ..] => accounting::answer(account, call, rest)
            .unwrap_or_else(|refusal| rendered(account, &refusal)),
        ["events", "account", _, "events", "callbacks", tail @ ..] => {
            events::answer(account, call, tail)
        }
        _ => Reply::json(
            404,
            json!({"error": "not_found", "error_description": "There is nothing here."}),
        ),
    }
}

/// A refusal in the shape and under the status the account is switched to.
fn rendered(account: &Account, refusal: &Refusal) -> Reply {
    if account.settings.errors_in_200 || refusal.status == 200 {
        Reply::json(200, refusal.old_shape())
    } else if account.settings.new_error_shape {
        Reply::json(refusal.status, refusal.new_shape())
    } else {
        Reply::json(refusal.status, refusal.old_shape())
    }
}

/// Nobody recorded the vendor's 429 body; only status and headers can be relied on.
fn too_many(verdict: &Verdict) -> Reply {
    let body = json!({"message": "Too many requests"});
    Reply {
        headers: verdict.headers(),
        ..Reply::json(429, body)
    }
}

/// The account a call is about: by its path, its bearer, or the grant it wants to renew.
fn account_of(world: &World, call: &Call) -> Option<String> {
    if let ["accounting" | "events", "account", id, ..] = call.segments().as_slice() {
        return Some((*id).to_owned());
    }
    let by_token = call
        .bearer
        .as_deref()
        .and_then(|token| world.account_of_token(token));
    by_token
        .map(str::to_owned)
        .or_else(|| oauth::account_of(world, call))
}

/// Counts a call under its route: ids become `{id}`.
fn tally(world: &mut World, account_id: Option<&str>, call: &Call, answer: &str) {
    let Some(account) = account_id.and_then(|id| world.accounts.get_mut(id)) else {
        return;
    };
    let segments = call.segments();
    let tail = match segments.as_slice() {
        ["accounting", "account", _, tail @ ..] => tail,
        ["events", "account", _, "events", tail @ ..] => tail,
        all => all,
    };
    let route = tail
        .iter()
        .take(5)
        .map(|part| {
            if part.bytes().all(|byte| byte.is_ascii_digit()) {
                "{id}"
            } else {
                part
            }
        })
        .collect::<Vec<_>>()
        .join("/");
    let key = (call.method.to_string(), route);
    let routes = account.calls.len();
    if routes >= 1_000 && !account.calls.contains_key(&key) {
        return;
    }
    let counted = account.calls.entry(key).or_default();
    counted.calls += 1;
    *counted.answers.entry(answer.to_owned()).or_default() += 1;
}

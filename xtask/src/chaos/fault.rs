//! The kinds of faults there are, each with what it does. Not here: when they strike, and how.

use serde_json::{Value, json};

use super::dice::Dice;

/// A kind of fault, as the report names it.
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) act: Act,
    /// Of a hundred schedules, how many have it; the rest are dealt in turn.
    pub(super) rare: Option<u64>,
}

/// What a fault does.
#[derive(Clone, Copy)]
pub(super) enum Act {
    /// SIGKILL to a process of this service.
    Kill(&'static str),
    /// SIGKILL, and again as soon as the next process runs.
    KillTwice,
    /// SIGSTOP, and SIGCONT when its messages have gone to another process and its open intents
    /// have been looked up.
    Pause(&'static str),
    KillNats,
    KillRedis,
    /// SIGSTOP and SIGCONT: it takes connections and does not answer.
    HangRedis,
    FlushRedis,
    /// A fault of the FreshBooks sandbox; it strikes calls.
    FreshBooks(fn(&mut Dice) -> Value),
    /// A fault of the BigCommerce sandbox; it strikes calls or hooks.
    BigCommerce(fn(&mut Dice) -> Value),
    /// As `BigCommerce`, but counted by the hooks that were really overtaken.
    Reorder(fn(&mut Dice) -> Value),
    /// An order of hours ago whose only hook comes now.
    LateHook,
    /// The vendors' clock is stepped against the services'.
    StepClock,
    /// All access tokens of an account end at once: every process wants a new one.
    ExpireTokens,
    /// The same, and something happens to the call that renews them.
    RenewalTrouble(fn(&mut Dice) -> Value),
    /// The same, and the reply with the new pair is lost: FreshBooks' grant is gone, and a person
    /// connects the account again.
    LoseRenewal,
}

const fn dealt(name: &'static str, act: Act) -> Kind {
    Kind {
        name,
        act,
        rare: None,
    }
}

const fn rare(name: &'static str, percent: u64, act: Act) -> Kind {
    Kind {
        name,
        act,
        rare: Some(percent),
    }
}

/// Every kind.
pub(super) const KINDS: &[Kind] = &[
    dealt("SIGKILL ingest", Act::Kill("ingest")),
    dealt("SIGKILL validate", Act::Kill("validate")),
    dealt("SIGKILL transform", Act::Kill("transform")),
    dealt("SIGKILL lookup", Act::Kill("lookup")),
    dealt("SIGKILL deliver", Act::Kill("deliver")),
    dealt("SIGKILL monitor", Act::Kill("monitor")),
    dealt("SIGKILL replay", Act::Kill("replay")),
    dealt("SIGKILL twice in a row", Act::KillTwice),
    dealt("SIGSTOP deliver", Act::Pause("deliver")),
    dealt("SIGSTOP lookup", Act::Pause("lookup")),
    dealt("SIGSTOP ingest", Act::Pause("ingest")),
    dealt("SIGKILL nats-server", Act::KillNats),
    dealt("SIGKILL Redis", Act::KillRedis),
    dealt("Redis hangs", Act::HangRedis),
    dealt("Redis flushed", Act::FlushRedis),
    dealt(
        "FreshBooks: connection reset before",
        Act::FreshBooks(reset_before),
    ),
    dealt(
        "FreshBooks: reply lost after the commit",
        Act::FreshBooks(reset_after),
    ),
    dealt("FreshBooks: 429 with headers", Act::FreshBooks(throttled)),
    dealt(
        "FreshBooks: 429 without headers",
        Act::FreshBooks(throttled_bare),
    ),
    dealt(
        "FreshBooks: 5xx before the commit",
        Act::FreshBooks(failing),
    ),
    dealt(
        "FreshBooks: 500 after the commit",
        Act::FreshBooks(failing_after),
    ),
    dealt(
        "FreshBooks: hang, then the effect",
        Act::FreshBooks(late_effect),
    ),
    dealt(
        "FreshBooks: effect, then a hang",
        Act::FreshBooks(late_reply),
    ),
    dealt("FreshBooks: slow body", Act::FreshBooks(slow_body)),
    dealt("FreshBooks: truncated JSON", Act::FreshBooks(truncated)),
    dealt(
        "FreshBooks: 401 in the middle",
        Act::FreshBooks(unauthorized),
    ),
    dealt("tokens expire, renewals race", Act::ExpireTokens),
    dealt(
        "renewal: request lost or refused",
        Act::RenewalTrouble(renewal_trouble),
    ),
    rare("renewal: reply lost, grant gone", 5, Act::LoseRenewal),
    dealt(
        "BigCommerce: 429 with headers",
        Act::BigCommerce(bc_throttled),
    ),
    dealt(
        "BigCommerce: 429 without headers",
        Act::BigCommerce(bc_overload),
    ),
    dealt("BigCommerce: 5xx", Act::BigCommerce(bc_failing)),
    dealt("BigCommerce: hang", Act::BigCommerce(bc_hang)),
    dealt("BigCommerce: slow body", Act::BigCommerce(bc_slow_body)),
    dealt(
        "BigCommerce: truncated JSON",
        Act::BigCommerce(bc_truncated),
    ),
    dealt("BigCommerce: connection reset", Act::BigCommerce(bc_reset)),
    rare(
        "BigCommerce: 401 in the middle",
        5,
        Act::BigCommerce(bc_unauthorized),
    ),
    dealt("hook dropped", Act::BigCommerce(hook_drop)),
    dealt("hook doubled", Act::BigCommerce(hook_double)),
    dealt("hook delayed", Act::BigCommerce(hook_delay)),
    dealt(
        "hook overtaken by a later one",
        Act::Reorder(hook_overtaken),
    ),
    dealt("hook hours late", Act::LateHook),
    dealt("clock step", Act::StepClock),
];

/// Writes most of the time: a lost read is only asked again.
fn calls(dice: &mut Dice) -> Value {
    match dice.between(0, 10) {
        0..=5 => json!({ "method": "POST", "path": "accounting" }),
        6..=7 => json!({ "method": "PUT", "path": "accounting" }),
        _ => json!({ "path": "accounting" }),
    }
}

fn few(dice: &mut Dice) -> u64 {
    dice.between(2, 7)
}

fn plain(kind: &str, dice: &mut Dice) -> Value {
    json!({ "kind": kind, "times": few(dice), "match": calls(dice) })
}

fn reset_before(dice: &mut Dice) -> Value {
    plain("reset_before", dice)
}

fn reset_after(dice: &mut Dice) -> Value {
    plain("reset_after", dice)
}

fn throttled(dice: &mut Dice) -> Value {
    json!({ "kind": "429", "retry_after_s": dice.between(1, 3), "times": dice.between(5, 20) })
}

fn throttled_bare(dice: &mut Dice) -> Value {
    json!({ "kind": "429", "headers": false, "times": dice.between(5, 20) })
}

fn failing(dice: &mut Dice) -> Value {
    let status = dice.one_of(&[500, 502, 503]).copied();
    json!({ "kind": "status", "status": status, "times": few(dice), "match": calls(dice) })
}

fn failing_after(dice: &mut Dice) -> Value {
    plain("error_after_commit", dice)
}

/// The longest is past the time-out of a call, and before anything is looked up.
fn late_effect(dice: &mut Dice) -> Value {
    let hang_ms = dice.between(300, 5_000);
    let mut fault = plain("hang_ms", dice);
    fault["hang_ms"] = hang_ms.into();
    fault["effect"] = "after".into();
    fault
}

fn late_reply(dice: &mut Dice) -> Value {
    let hang_ms = dice.between(300, 8_000);
    let mut fault = plain("hang_ms", dice);
    fault["hang_ms"] = hang_ms.into();
    fault
}

fn slow_body(dice: &mut Dice) -> Value {
    let hang_ms = dice.between(500, 6_000);
    let mut fault = plain("slow_body", dice);
    fault["hang_ms"] = hang_ms.into();
    fault
}

fn truncated(dice: &mut Dice) -> Value {
    plain("truncated_json", dice)
}

fn unauthorized(dice: &mut Dice) -> Value {
    json!({ "kind": "status", "status": 401, "times": 1, "match": calls(dice) })
}

fn renewal_trouble(dice: &mut Dice) -> Value {
    let on = json!({ "path": "oauth/token" });
    if dice.percent(50) {
        json!({ "kind": "reset_before", "times": dice.between(1, 3), "match": on })
    } else {
        json!({ "kind": "status", "status": 503, "times": dice.between(1, 3), "match": on })
    }
}

fn bc_throttled(dice: &mut Dice) -> Value {
    let mut fault = json!({ "kind": "throttle", "reset_ms": dice.between(500, 2_500),
        "times": dice.between(5, 20) });
    if dice.percent(50) {
        fault["retry_after_s"] = 1.into();
    }
    fault
}

fn bc_overload(dice: &mut Dice) -> Value {
    json!({ "kind": "overload", "times": dice.between(5, 20) })
}

fn bc_failing(dice: &mut Dice) -> Value {
    let status = dice.one_of(&[500, 502, 503, 504]).copied();
    json!({ "kind": "status", "status": status, "times": dice.between(3, 12) })
}

fn bc_hang(dice: &mut Dice) -> Value {
    json!({ "kind": "hang", "ms": dice.between(300, 6_000), "times": few(dice) })
}

fn bc_slow_body(dice: &mut Dice) -> Value {
    json!({ "kind": "slow_body", "ms": dice.between(500, 4_000), "times": few(dice) })
}

fn bc_truncated(dice: &mut Dice) -> Value {
    json!({ "kind": "truncate_json", "times": few(dice) })
}

fn bc_reset(dice: &mut Dice) -> Value {
    json!({ "kind": "reset", "times": dice.between(3, 12) })
}

fn bc_unauthorized(_dice: &mut Dice) -> Value {
    json!({ "kind": "status", "status": 401, "times": 1 })
}

fn hook_drop(dice: &mut Dice) -> Value {
    json!({ "kind": "hook_drop", "times": dice.between(10, 40) })
}

fn hook_double(dice: &mut Dice) -> Value {
    json!({ "kind": "hook_duplicate", "times": dice.between(10, 40) })
}

fn hook_delay(dice: &mut Dice) -> Value {
    json!({ "kind": "hook_delay", "ms": dice.between(2_000, 7_000), "times": dice.between(5, 20) })
}

/// Long enough for what happens next to the same order.
fn hook_overtaken(dice: &mut Dice) -> Value {
    json!({ "kind": "hook_delay", "ms": dice.between(400, 1_500), "times": dice.between(10, 30),
        "match": { "scope": "created" } })
}

//! Faults on request: what the vendor's side does wrong, where, and how often.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::calls::order_id;
use super::store::lock;

/// Faults armed at one moment.
const MAX_ARMED: usize = 1_000;
/// No fault holds a request longer.
const MAX_HOLD_MS: u64 = 120_000;

/// What goes wrong.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FaultKind {
    /// 429 with the quota headers: reset in `reset_ms`, and `X-Retry-After` if `retry_after_s`.
    Throttle,
    /// 429 without any quota header: the platform is overloaded.
    Overload,
    /// The error `status`, instead of doing the work.
    Status,
    /// 204 without a body, as the vendor may answer for an order without transactions.
    Empty,
    /// Holds the request for `ms`, then answers properly.
    Hang,
    /// Answers properly, the body a piece at a time over `ms`.
    SlowBody,
    /// Answers properly, but only the first half of the body.
    TruncateJson,
    /// Breaks the connection instead of answering.
    Reset,
    /// The hook is never sent.
    HookDrop,
    /// The hook is sent twice at once, same id.
    HookDuplicate,
    /// The hook is sent `ms` late.
    HookDelay,
}

impl FaultKind {
    fn is_hook(self) -> bool {
        matches!(self, Self::HookDrop | Self::HookDuplicate | Self::HookDelay)
    }
}

/// Where it goes wrong; a condition left out matches everything.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Match {
    pub(crate) store_hash: Option<String>,
    pub(crate) method: Option<String>,
    /// A part of the path, such as `/transactions`.
    pub(crate) path: Option<String>,
    /// A part of a hook's scope.
    pub(crate) scope: Option<String>,
    pub(crate) order_id: Option<u64>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    #[serde(default)]
    pub(crate) id: u64,
    pub(crate) kind: FaultKind,
    pub(crate) status: Option<u16>,
    pub(crate) ms: Option<u64>,
    pub(crate) reset_ms: Option<u64>,
    pub(crate) retry_after_s: Option<u64>,
    #[serde(default, rename = "match")]
    pub(crate) on: Match,
    /// How often it strikes before it is spent; once unless given.
    #[serde(default = "once")]
    pub(crate) times: u64,
    #[serde(default)]
    pub(crate) struck: u64,
}

impl Fault {
    fn check(&self) -> Result<(), String> {
        match (self.kind, self.ms, self.status) {
            (FaultKind::Hang | FaultKind::SlowBody | FaultKind::HookDelay, None, _) => {
                Err("this fault needs ms: how long it holds".to_owned())
            }
            (_, Some(ms), _) if ms > MAX_HOLD_MS => {
                Err(format!("ms is {ms}; at most {MAX_HOLD_MS} is held"))
            }
            (FaultKind::Status, _, None) => Err("this fault needs status".to_owned()),
            (_, _, Some(status)) if !(400..600).contains(&status) => {
                Err(format!("{status} is no error status; use 400 to 599"))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn hold(&self) -> Duration {
        Duration::from_millis(self.ms.unwrap_or(0))
    }
}

fn once() -> u64 {
    1
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HookFault {
    Drop,
    Duplicate,
    Delay(Duration),
}

#[derive(Debug, Default)]
pub(crate) struct Faults {
    armed: Mutex<Vec<Fault>>,
    next_id: AtomicU64,
}

impl Faults {
    /// Arms a fault and answers its id.
    pub(crate) fn arm(&self, mut fault: Fault) -> Result<u64, String> {
        fault.check()?;
        let mut armed = lock(&self.armed);
        // Spent ones tell what has struck, until their room is needed.
        if armed.len() >= MAX_ARMED {
            armed.retain(|fault| fault.struck < fault.times);
        }
        if armed.len() >= MAX_ARMED {
            return Err(format!("{MAX_ARMED} faults are armed; DELETE them first"));
        }
        fault.id = self.next_id.fetch_add(1, Ordering::Relaxed) + 1;
        fault.struck = 0;
        let id = fault.id;
        armed.push(fault);
        Ok(id)
    }

    /// All faults, spent ones too until there are too many or all are cleared.
    pub(crate) fn list(&self) -> Vec<Fault> {
        lock(&self.armed).clone()
    }

    pub(crate) fn clear(&self) {
        lock(&self.armed).clear();
    }

    /// The first armed fault for this request; striking spends one of its times.
    pub(crate) fn for_request(&self, store: &str, method: &str, path: &str) -> Option<Fault> {
        self.strike(|fault| {
            let on = &fault.on;
            !fault.kind.is_hook()
                && on.scope.is_none()
                && fits(on.store_hash.as_deref(), |hash| hash == store)
                && fits(on.method.as_deref(), |m| m.eq_ignore_ascii_case(method))
                && fits(on.path.as_deref(), |part| path.contains(part))
                && on.order_id.is_none_or(|id| order_id(path) == Some(id))
        })
    }

    /// The first armed fault for this hook.
    pub(crate) fn for_hook(
        &self,
        store: &str,
        scope: &str,
        order: Option<u64>,
    ) -> Option<HookFault> {
        let struck = self.strike(|fault| {
            let on = &fault.on;
            fault.kind.is_hook()
                && fits(on.store_hash.as_deref(), |hash| hash == store)
                && fits(on.scope.as_deref(), |part| scope.contains(part))
                && on.order_id.is_none_or(|id| order == Some(id))
        })?;
        match struck.kind {
            FaultKind::HookDrop => Some(HookFault::Drop),
            FaultKind::HookDuplicate => Some(HookFault::Duplicate),
            FaultKind::HookDelay => Some(HookFault::Delay(struck.hold())),
            _ => None,
        }
    }

    fn strike(&self, fits: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let mut armed = lock(&self.armed);
        let fault = armed
            .iter_mut()
            .find(|fault| fault.struck < fault.times && fits(fault))?;
        fault.struck += 1;
        Some(fault.clone())
    }
}

fn fits(wanted: Option<&str>, check: impl Fn(&str) -> bool) -> bool {
    wanted.is_none_or(check)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_its_request_so_often_and_no_other() {
        let faults = Faults::default();
        let fault: Fault = serde_json::from_str(
            r#"{"kind":"status","status":503,"match":{"path":"/transactions","order_id":100},"times":2}"#,
        )
        .unwrap();
        faults.arm(fault).unwrap();
        let ask = |path: &str| faults.for_request("abc", "GET", path).is_some();
        assert!(!ask("/v2/orders/100"));
        assert!(!ask("/v3/orders/101/transactions"));
        assert!(ask("/v3/orders/100/transactions"));
        assert!(ask("/v3/orders/100/transactions"));
        assert!(!ask("/v3/orders/100/transactions"));
    }
}

//! The vendor's denylist: destinations that fail too often are blocked for a while.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// The window has a meaning only from so many requests on.
const MIN_REQUESTS: usize = 100;
/// Requests remembered for one domain; older ones fall out even inside the window.
const MAX_REMEMBERED: usize = 100_000;
const MIN_SUCCESS_PERCENT: usize = 90;
pub(crate) const WINDOW_S: u64 = 120;
pub(crate) const BLOCK_S: u64 = 180;

#[derive(Debug, Default)]
pub(crate) struct Denylist {
    domains: BTreeMap<String, Domain>,
}

#[derive(Debug, Default)]
struct Domain {
    requests: VecDeque<(Instant, bool)>,
    blocked_until: Option<Instant>,
}

impl Denylist {
    /// Notes an attempt; true when this one got the domain blocked.
    pub(crate) fn note(
        &mut self,
        domain: &str,
        ok: bool,
        window: Duration,
        block: Duration,
    ) -> bool {
        let now = Instant::now();
        let entry = self.domains.entry(domain.to_owned()).or_default();
        entry.requests.push_back((now, ok));
        while entry.requests.len() > MAX_REMEMBERED
            || entry
                .requests
                .front()
                .is_some_and(|(at, _)| now.duration_since(*at) > window)
        {
            entry.requests.pop_front();
        }
        let all = entry.requests.len();
        let good = entry.requests.iter().filter(|(_, ok)| *ok).count();
        if all < MIN_REQUESTS || good * 100 >= all * MIN_SUCCESS_PERCENT {
            return false;
        }
        entry.blocked_until = Some(now + block);
        entry.requests.clear();
        true
    }

    pub(crate) fn is_blocked(&self, domain: &str) -> bool {
        self.domains
            .get(domain)
            .and_then(|entry| entry.blocked_until)
            .is_some_and(|until| until > Instant::now())
    }

    /// `blocked_domains` of `/v3/hooks/admin`.
    pub(crate) fn show(&self) -> Vec<Value> {
        let now = Instant::now();
        self.domains
            .iter()
            .filter_map(|(name, entry)| {
                let until = entry.blocked_until.filter(|until| *until > now)?;
                Some(json!({
                    "destination": name,
                    "time_left": until.duration_since(now).as_secs(),
                    "reasons": [],
                }))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_judged_from_a_hundred_requests_on() {
        let mut list = Denylist::default();
        let (window, block) = (Duration::from_secs(120), Duration::from_secs(180));
        for n in 0..99 {
            assert!(!list.note("shop.example", n % 2 == 0, window, block));
        }
        assert!(list.note("shop.example", false, window, block));
        assert!(list.is_blocked("shop.example"));
        assert!(!list.is_blocked("other.example"));
    }
}

//! The registered hooks of a store and the rules for registering.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

/// The vendor's limit per store, client and scope.
const MAX_PER_SCOPE: usize = 10;

const SCOPES: [&str; 45] = [
    "store/order/*",
    "store/order/created",
    "store/order/updated",
    "store/order/archived",
    "store/order/statusUpdated",
    "store/order/message/created",
    "store/order/refund/created",
    "store/order/transaction/created",
    "store/order/transaction/updated",
    "store/order/metafield/created",
    "store/order/metafield/updated",
    "store/order/metafield/deleted",
    "store/customer/*",
    "store/customer/created",
    "store/customer/updated",
    "store/customer/deleted",
    "store/customer/address/*",
    "store/customer/address/created",
    "store/customer/address/updated",
    "store/customer/address/deleted",
    "store/product/*",
    "store/product/created",
    "store/product/updated",
    "store/product/deleted",
    "store/product/inventory/updated",
    "store/product/inventory/order/updated",
    "store/sku/*",
    "store/sku/created",
    "store/sku/updated",
    "store/sku/deleted",
    "store/sku/inventory/updated",
    "store/sku/inventory/order/updated",
    "store/shipment/*",
    "store/shipment/created",
    "store/shipment/updated",
    "store/shipment/deleted",
    "store/category/*",
    "store/category/created",
    "store/category/updated",
    "store/category/deleted",
    "store/cart/*",
    "store/subscriber/*",
    "store/app/uninstalled",
    "store/information/updated",
    "store/hook/deliveryException",
];

#[derive(Clone, Debug)]
pub(crate) struct Hook {
    pub(crate) id: u64,
    pub(crate) scope: String,
    pub(crate) destination: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) is_active: bool,
    /// Switched off by the vendor after the retry ladder, not by its owner.
    pub(crate) deactivated: bool,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
}

impl Hook {
    pub(crate) fn matches(&self, scope: &str) -> bool {
        self.scope == scope
            || self
                .scope
                .strip_suffix('*')
                .is_some_and(|prefix| scope.starts_with(prefix))
    }
}

/// What a POST or a PUT may say.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct HookRequest {
    pub(crate) scope: Option<String>,
    pub(crate) destination: Option<String>,
    pub(crate) is_active: Option<bool>,
    pub(crate) headers: Option<BTreeMap<String, String>>,
}

#[derive(Debug)]
pub(crate) enum Refusal {
    /// 422 with the fields that are missing.
    Missing(Vec<&'static str>),
    /// 422: a field that cannot be used, and why.
    Unusable(&'static str, String),
    UnknownScope(String),
    /// 409: the same scope and destination exist.
    Taken,
    /// 400: ten hooks have this scope already.
    Full,
    NotFound,
}

#[derive(Debug, Default)]
pub(crate) struct Registry {
    hooks: BTreeMap<u64, Hook>,
    next_id: u64,
    pub(crate) emails: Vec<String>,
}

impl Registry {
    pub(crate) fn all(&self) -> impl Iterator<Item = &Hook> {
        self.hooks.values()
    }

    pub(crate) fn get(&self, id: u64) -> Option<&Hook> {
        self.hooks.get(&id)
    }

    /// Registers a hook under the vendor's rules.
    pub(crate) fn add(&mut self, request: HookRequest) -> Result<Hook, Refusal> {
        let mut missing = Vec::new();
        if request.scope.is_none() {
            missing.push("scope");
        }
        if request.destination.is_none() {
            missing.push("destination");
        }
        let (Some(scope), Some(destination)) = (request.scope, request.destination) else {
            return Err(Refusal::Missing(missing));
        };
        self.check(None, &scope, &destination)?;
        self.next_id += 1;
        let now = crate::clock::now();
        let hook = Hook {
            id: 30_000_000 + self.next_id,
            scope,
            destination,
            headers: request.headers.unwrap_or_default(),
            is_active: request.is_active.unwrap_or(true),
            deactivated: false,
            created: now,
            updated: now,
        };
        self.hooks.insert(hook.id, hook.clone());
        Ok(hook)
    }

    /// Changes at least one field. Activating clears the vendor's own switch.
    pub(crate) fn change(&mut self, id: u64, request: HookRequest) -> Result<Hook, Refusal> {
        let mut hook = self.hooks.get(&id).cloned().ok_or(Refusal::NotFound)?;
        if request.scope.is_none()
            && request.destination.is_none()
            && request.is_active.is_none()
            && request.headers.is_none()
        {
            return Err(Refusal::Missing(vec!["destination"]));
        }
        if let Some(scope) = request.scope {
            hook.scope = scope;
        }
        if let Some(destination) = request.destination {
            hook.destination = destination;
        }
        if let Some(headers) = request.headers {
            hook.headers = headers;
        }
        if let Some(active) = request.is_active {
            hook.is_active = active;
            hook.deactivated = false;
        }
        self.check(Some(id), &hook.scope, &hook.destination)?;
        hook.updated = crate::clock::now();
        self.hooks.insert(id, hook.clone());
        Ok(hook)
    }

    pub(crate) fn remove(&mut self, id: u64) -> Result<Hook, Refusal> {
        self.hooks.remove(&id).ok_or(Refusal::NotFound)
    }

    /// The vendor's own switch-off after the last retry.
    pub(crate) fn deactivate(&mut self, id: u64) {
        if let Some(hook) = self.hooks.get_mut(&id) {
            hook.is_active = false;
            hook.deactivated = true;
            hook.updated = crate::clock::now();
        }
    }

    fn check(&self, own: Option<u64>, scope: &str, destination: &str) -> Result<(), Refusal> {
        if !known_scope(scope) {
            return Err(Refusal::UnknownScope(scope.to_owned()));
        }
        check_destination(destination).map_err(|why| Refusal::Unusable("destination", why))?;
        let others = || {
            let same = |hook: &&Hook| Some(hook.id) != own && hook.scope == scope;
            self.hooks.values().filter(same)
        };
        if others().any(|hook| hook.destination == destination) {
            return Err(Refusal::Taken);
        }
        if others().count() >= MAX_PER_SCOPE {
            return Err(Refusal::Full);
        }
        Ok(())
    }
}

fn known_scope(scope: &str) -> bool {
    let channel = scope.strip_prefix("store/channel/").is_some_and(|rest| {
        let Some((channel, what)) = rest.split_once('/') else {
            return false;
        };
        channel.parse::<u64>().is_ok() && SCOPES.contains(&format!("store/{what}").as_str())
    });
    channel || SCOPES.contains(&scope)
}

/// The vendor wants https on port 443. A sandbox also takes plain http and any port on loopback.
fn check_destination(destination: &str) -> Result<(), String> {
    let url =
        reqwest::Url::parse(destination).map_err(|e| format!("{destination} is no URL: {e}"))?;
    let host = url.host_str().unwrap_or_default();
    let loopback = host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback());
    if loopback || (url.scheme() == "https" && url.port_or_known_default() == Some(443)) {
        return Ok(());
    }
    Err("the destination must be https on port 443 (plain http only on loopback)".to_owned())
}

/// A hook as V3 shows it.
pub(crate) fn hook_json(hook: &Hook, client_id: &str, store_hash: &str) -> Value {
    let headers = if hook.headers.is_empty() {
        Value::Null
    } else {
        json!(hook.headers)
    };
    json!({
        "id": hook.id,
        "client_id": client_id,
        "store_hash": store_hash,
        "scope": hook.scope,
        "destination": hook.destination,
        "headers": headers,
        "is_active": hook.is_active,
        "created_at": hook.created.as_second(),
        "updated_at": hook.updated.as_second(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(scope: &str, destination: &str) -> HookRequest {
        HookRequest {
            scope: Some(scope.into()),
            destination: Some(destination.into()),
            ..HookRequest::default()
        }
    }

    #[test]
    fn the_eleventh_hook_of_a_scope_is_refused() {
        let mut registry = Registry::default();
        for n in 0..10 {
            let hook = ask("store/order/created", &format!("https://example.com/{n}"));
            registry.add(hook).unwrap();
        }
        let more = registry.add(ask("store/order/created", "https://example.com/x"));
        assert!(matches!(more, Err(Refusal::Full)));
        let other = registry.add(ask("store/order/updated", "https://example.com/x"));
        assert!(other.is_ok());
    }

    #[test]
    fn plain_http_is_for_loopback_only_and_scopes_are_known() {
        let mut registry = Registry::default();
        assert!(
            registry
                .add(ask("store/order/*", "http://127.0.0.1:9/h"))
                .is_ok()
        );
        let plain = registry.add(ask("store/order/*", "http://example.com/h"));
        assert!(matches!(plain, Err(Refusal::Unusable("destination", _))));
        let scope = registry.add(ask("store/order/eaten", "https://example.com/h"));
        assert!(matches!(scope, Err(Refusal::UnknownScope(_))));
    }

    #[test]
    fn a_wildcard_hears_every_event_of_its_family() {
        let mut registry = Registry::default();
        let hook = registry
            .add(ask("store/order/*", "https://example.com/h"))
            .unwrap();
        assert!(hook.matches("store/order/transaction/created"));
        assert!(!hook.matches("store/customer/created"));
    }
}

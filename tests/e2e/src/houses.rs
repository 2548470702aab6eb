//! The houses that many tests start: what differs is the policy, the configuration, the processes.
//!
//! Their accounts have no rate limits: how many calls fit into a minute is not what is tested.

use serde_json::json;
use testkit::{Connection, House, HouseOptions};

use crate::{QUICK, services};

/// A connection whose account has no rate limits; `policy` is TOML.
fn unlimited(name: &str, policy: &str) -> Connection {
    Connection {
        account: json!({"limits": null}),
        policy: policy.to_owned(),
        ..Connection::named(name)
    }
}

/// One shop and all services in one process; `config` is the whole configuration's start.
pub async fn one_shop(policy: &str, config: &str) -> anyhow::Result<House> {
    shop_of(&["all"], policy, config).await
}

/// One shop and a process for each name, with quick retries; `config` are further lines.
pub async fn processes(names: &[&str], config: &str) -> anyhow::Result<House> {
    shop_of(names, "", &format!("{QUICK}{config}")).await
}

async fn shop_of(processes: &[&str], policy: &str, config: &str) -> anyhow::Result<House> {
    House::start(HouseOptions {
        connections: vec![unlimited("acme", policy)],
        config: config.to_owned(),
        services: services(processes),
    })
    .await
}

/// Two stores, `acme` without tax in its prices and `brutto` with.
pub async fn both_tax_settings(processes: &[&str], policy: &str) -> anyhow::Result<House> {
    let connection = |name: &str, inclusive: bool| Connection {
        store: json!({"tax_inclusive": inclusive}),
        ..unlimited(name, policy)
    };
    House::start(HouseOptions {
        connections: vec![connection("acme", false), connection("brutto", true)],
        config: QUICK.to_owned(),
        services: services(processes),
    })
    .await
}

/// Quick retries, and everything else as a house is by default.
pub async fn quick() -> anyhow::Result<House> {
    House::start(HouseOptions {
        config: QUICK.to_owned(),
        ..HouseOptions::default()
    })
    .await
}

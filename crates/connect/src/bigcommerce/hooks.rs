//! Hooks: there, active, and with our headers.
//!
//! Idempotent, because a store's hooks are shared by every replica and switched off by
//! BigCommerce after two days of failure. Never deletes. Not here: receiving them.

use std::collections::BTreeMap;

use http::Method;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use url::Url;

use super::client::Client;
use super::pages::List;
use crate::error::VendorError;
use crate::json;

/// A hook as BigCommerce has it. Header values are secrets.
#[derive(Clone, Debug)]
pub struct Hook {
    pub id: u64,
    pub scope: String,
    pub destination: String,
    pub is_active: bool,
    pub headers: BTreeMap<String, SecretString>,
}

/// What was done, by scope. A hook can be both reactivated and updated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HookReport {
    pub created: Vec<String>,
    pub reactivated: Vec<String>,
    /// Headers corrected.
    pub updated: Vec<String>,
    pub unchanged: Vec<String>,
}

impl Client {
    /// All hooks of this token's app, active or not.
    pub async fn list_hooks(&self) -> Result<Vec<Hook>, VendorError> {
        let list = List {
            template: "/v3/hooks",
            segments: &["v3", "hooks"],
            query: &[],
        };
        self.v3_list(list).await?.iter().map(hook).collect()
    }

    /// Makes sure that every scope has one active hook to `destination` with these headers.
    ///
    /// Destinations are compared exactly. Other hooks are left alone. BigCommerce takes up to a
    /// minute until a new hook fires.
    pub async fn ensure_hooks(
        &self,
        destination: &Url,
        scopes: &[&str],
        headers: &BTreeMap<String, SecretString>,
    ) -> Result<HookReport, VendorError> {
        let mut report = HookReport::default();
        let mut known = self.list_hooks().await?;
        for scope in scopes {
            if find(&known, scope, destination).is_none() {
                match self.create_hook(destination, scope, headers).await {
                    Ok(()) => {
                        report.created.push((*scope).to_owned());
                        continue;
                    }
                    // Store, app, scope and destination are unique together: a refusal may mean
                    // that another replica was faster. Then it is in the list now.
                    Err(
                        VendorError::Conflict { .. } | VendorError::Rejected { status: 422, .. },
                    ) => {
                        known = self.list_hooks().await?;
                    }
                    Err(error) => return Err(error),
                }
            }
            let Some(hook) = find(&known, scope, destination) else {
                // Refused, and nobody else made it: ask once more for the reason itself.
                self.create_hook(destination, scope, headers).await?;
                report.created.push((*scope).to_owned());
                continue;
            };
            self.correct_hook(hook, headers, &mut report).await?;
        }
        Ok(report)
    }

    async fn create_hook(
        &self,
        destination: &Url,
        scope: &str,
        headers: &BTreeMap<String, SecretString>,
    ) -> Result<(), VendorError> {
        let body = json!({
            "scope": scope,
            "destination": destination.as_str(),
            "is_active": true,
            "headers": headers_body(headers),
        });
        self.send(Method::POST, "/v3/hooks", &["v3", "hooks"], &body)
            .await
            .map(drop)
    }

    async fn correct_hook(
        &self,
        hook: &Hook,
        headers: &BTreeMap<String, SecretString>,
        report: &mut HookReport,
    ) -> Result<(), VendorError> {
        let mut change = Map::new();
        if !hook.is_active {
            change.insert("is_active".to_owned(), Value::Bool(true));
        }
        if !same_headers(&hook.headers, headers) {
            change.insert("headers".to_owned(), headers_body(headers));
        }
        if change.is_empty() {
            report.unchanged.push(hook.scope.clone());
            return Ok(());
        }
        let (reactivated, updated) = (
            change.contains_key("is_active"),
            change.contains_key("headers"),
        );
        let id = hook.id.to_string();
        let segments = ["v3", "hooks", id.as_str()];
        self.send(
            Method::PUT,
            "/v3/hooks/{id}",
            &segments,
            &Value::Object(change),
        )
        .await?;
        if reactivated {
            report.reactivated.push(hook.scope.clone());
        }
        if updated {
            report.updated.push(hook.scope.clone());
        }
        Ok(())
    }
}

fn find<'a>(hooks: &'a [Hook], scope: &str, destination: &Url) -> Option<&'a Hook> {
    hooks
        .iter()
        .find(|hook| hook.scope == scope && hook.destination == destination.as_str())
}

fn headers_body(headers: &BTreeMap<String, SecretString>) -> Value {
    let body = headers
        .iter()
        .map(|(name, value)| (name.clone(), Value::from(value.expose_secret())));
    Value::Object(body.collect())
}

/// Names compare without case: what case BigCommerce keeps is unproven.
fn same_headers(a: &BTreeMap<String, SecretString>, b: &BTreeMap<String, SecretString>) -> bool {
    let plain = |headers: &BTreeMap<String, SecretString>| -> BTreeMap<String, String> {
        let pair = |(name, value): (&String, &SecretString)| {
            (name.to_ascii_lowercase(), value.expose_secret().to_owned())
        };
        headers.iter().map(pair).collect()
    };
    plain(a) == plain(b)
}

fn hook(row: &Value) -> Result<Hook, VendorError> {
    let headers = row["headers"].as_object().into_iter().flatten();
    Ok(Hook {
        id: json::id(&row["id"]).ok_or_else(|| VendorError::field("id"))?,
        scope: json::text(&row["scope"]),
        destination: json::text(&row["destination"]),
        is_active: json::flag(&row["is_active"]),
        headers: headers
            .map(|(name, value)| (name.clone(), json::text(value).into()))
            .collect(),
    })
}

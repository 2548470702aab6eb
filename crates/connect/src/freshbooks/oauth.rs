//! The token endpoint: a grant is exchanged, a refresh token spent.
//!
//! Not here: where the pair is kept and who may spend it ([`super::token`]). A refresh token
//! works once, so the new pair must be stored before it is used.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::{Url, form_urlencoded};

use super::client::Config;
use super::{errors, limits};
use crate::call::{self, CallObserver, Effect, Vendor, now};
use crate::error::{Unreadable, VendorError};
use crate::http::{ConfigError, Http, address, check_base};
use crate::json;
use crate::transport::{Outgoing, Transport};

/// The connection to the token endpoint.
#[derive(Clone, Debug)]
pub struct Endpoint {
    http: Http,
}

/// What the token endpoint gave.
#[derive(Clone, Debug)]
pub struct TokenPair {
    pub access_token: SecretString,
    /// Works once.
    pub refresh_token: SecretString,
    /// Unix seconds.
    pub expires_at_s: i64,
}

impl Endpoint {
    /// A connection to the endpoint that `config` names.
    pub fn new(config: &Config, observer: Arc<dyn CallObserver>) -> Result<Self, ConfigError> {
        check_base("api_url", &config.api_url)?;
        let http = Http::new(Vendor::FreshBooks, config.http, &config.api_url, observer)?;
        Ok(Self { http })
    }

    /// The same over another transport than sockets.
    pub fn over(transport: Arc<dyn Transport>, observer: Arc<dyn CallObserver>) -> Self {
        let http = Http::over(Vendor::FreshBooks, observer, transport);
        Self { http }
    }
}

/// Spends a refresh token.
///
/// [`VendorError::GrantRevoked`] when it was spent or revoked before;
/// [`VendorError::Unauthorized`] when the app's id or secret is wrong;
/// [`VendorError::UnknownOutcome`] when the reply was lost: the token may be spent.
pub async fn refresh(
    endpoint: &Endpoint,
    config: &Config,
    refresh_token: &SecretString,
) -> Result<TokenPair, VendorError> {
    token_call(
        endpoint,
        config,
        "refresh_token",
        ("refresh_token", refresh_token),
    )
    .await
}

/// Exchanges an authorization code, which lives five minutes.
pub async fn exchange_code(
    endpoint: &Endpoint,
    config: &Config,
    code: &SecretString,
) -> Result<TokenPair, VendorError> {
    token_call(endpoint, config, "authorization_code", ("code", code)).await
}

/// Where a person grants access. `scopes` empty asks for all that the app has.
pub fn authorize_url(config: &Config, scopes: &[&str], state: &str) -> Url {
    let scope = scopes.join(" ");
    let redirect_uri = config.redirect_uri.as_str();
    let mut query = vec![
        ("client_id", config.client_id.as_str()),
        ("response_type", "code"),
        ("redirect_uri", redirect_uri),
        ("state", state),
    ];
    if !scope.is_empty() {
        query.push(("scope", &scope));
    }
    address(&config.auth_url, &["oauth", "authorize", ""], &query)
}

/// The endpoint both official SDKs use. The set under the authorization host is equivalent; to
/// move there, change this function.
fn token_url(config: &Config) -> Url {
    address(&config.api_url, &["auth", "oauth", "token"], &[])
}

async fn token_call(
    endpoint: &Endpoint,
    config: &Config,
    grant_type: &str,
    grant: (&str, &SecretString),
) -> Result<TokenPair, VendorError> {
    // Form-encoded: RFC 6749 asks for it, so every host of this endpoint must take it. JSON is
    // FreshBooks' own extension. The redirect address is sent on refresh too, as both SDKs do.
    let body = form_urlencoded::Serializer::new(String::new())
        .append_pair("client_id", &config.client_id)
        .append_pair("client_secret", config.client_secret.expose_secret())
        .append_pair("grant_type", grant_type)
        .append_pair("redirect_uri", config.redirect_uri.as_str())
        .append_pair(grant.0, grant.1.expose_secret())
        .finish();
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let form = HeaderValue::from_static("application/x-www-form-urlencoded");
    headers.insert(CONTENT_TYPE, form);
    let outgoing = Outgoing {
        method: Method::POST,
        template: "/auth/oauth/token",
        url: token_url(config),
        headers,
        body: Some(Bytes::from(body)),
    };
    let now_s = now().as_second();
    call::perform(
        &endpoint.http,
        outgoing,
        limits::requests_left,
        |effect, reply| {
            let body = errors::verdict(effect, reply)?;
            pair(&body, now_s)
                .ok_or_else(|| errors::unreadable(Effect::Write, Unreadable::Field("access_token")))
        },
    )
    .await
}

fn pair(body: &Value, now_s: i64) -> Option<TokenPair> {
    let secret = |name: &str| body[name].as_str().filter(|text| !text.is_empty());
    Some(TokenPair {
        access_token: secret("access_token")?.into(),
        refresh_token: secret("refresh_token")?.into(),
        expires_at_s: expires_at_s(body, now_s),
    })
}

/// `created_at + expires_in`. A refresh was seen returning the old `created_at`; where that
/// would mean already expired, or the vendor's clock is ahead, it counts from now.
fn expires_at_s(body: &Value, now_s: i64) -> i64 {
    let seconds = |name: &str| json::id(&body[name]).and_then(|value| i64::try_from(value).ok());
    let lifetime_s = seconds("expires_in").unwrap_or(0);
    let from_now_s = now_s.saturating_add(lifetime_s);
    match seconds("created_at").map(|created_s| created_s.saturating_add(lifetime_s)) {
        Some(told_s) if told_s > now_s => told_s.min(from_now_s),
        _ => from_now_s,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn expiry_survives_an_old_creation_time_and_a_clock_ahead() {
        let at = |created: i64| {
            expires_at_s(
                &json!({"created_at": created, "expires_in": 43_200}),
                1_000_000,
            )
        };
        assert_eq!(at(1_000_000), 1_043_200);
        assert_eq!(at(999_000), 1_042_200);
        assert_eq!(
            at(900_000),
            1_043_200,
            "an old created_at would mean expired"
        );
        assert_eq!(at(2_000_000), 1_043_200, "a clock ahead");
    }
}

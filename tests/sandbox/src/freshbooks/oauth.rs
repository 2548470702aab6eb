//! OAuth as FreshBooks does it: single-use refresh tokens that rotate, JSON or form bodies, two
//! equivalent sets of paths. Not here: who may see what once the bearer is known.

use std::collections::{BTreeSet, HashMap};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngExt;
use serde_json::{Value, json};

use super::call::{Call, Reply};
use super::clock;
use super::state::{Account, World};

const CODE_TTL_S: i64 = 300;
const SCOPE: &str = "user:profile:read user:clients:read user:clients:write user:invoices:read \
    user:invoices:write user:payments:read user:payments:write user:billable_items:read \
    user:billable_items:write user:taxes:read user:taxes:write user:credit_notes:read \
    user:credit_notes:write user:expenses:read user:expenses:write user:other_income:read \
    user:other_income:write";

#[derive(Debug)]
struct Code {
    redirect_uri: String,
    expires_at_s: i64,
}

/// What one user granted one app on one account: one live refresh token, some access tokens.
#[derive(Debug, Default)]
pub(super) struct Grant {
    refresh: Option<String>,
    /// Access token → when it expires, seconds since the epoch.
    access: HashMap<String, i64>,
    codes: HashMap<String, Code>,
    first_created_at_s: Option<i64>,
}

impl Grant {
    pub(super) fn new(refresh_token: String) -> Self {
        Self {
            refresh: Some(refresh_token),
            ..Self::default()
        }
    }

    pub(super) fn accepts(&self, token: &str) -> bool {
        self.access
            .get(token)
            .is_some_and(|expires_at_s| clock::unix_s() < *expires_at_s)
    }

    pub(super) fn expire_access_tokens(&mut self) {
        self.access.clear();
    }

    /// Refresh and access tokens are dead at once.
    pub(super) fn revoke(&mut self) {
        *self = Self::default();
    }

    pub(super) fn refresh_token(&self) -> Option<&str> {
        self.refresh.as_deref()
    }

    /// Mints an authorization code; it lives five minutes and works once.
    pub(super) fn mint_code(&mut self, redirect_uri: &str) -> String {
        let code = hex_64();
        let expires_at_s = clock::unix_s() + CODE_TTL_S;
        self.codes.insert(
            code.clone(),
            Code {
                redirect_uri: redirect_uri.into(),
                expires_at_s,
            },
        );
        code
    }

    fn issue(&mut self, ttl_s: i64, stale_created_at: bool) -> Value {
        let now_s = clock::unix_s();
        self.access.retain(|_, expires_at_s| *expires_at_s > now_s);
        let access_token = access_token(now_s, ttl_s);
        self.access.insert(access_token.clone(), now_s + ttl_s);
        let refresh_token = hex_64();
        self.refresh = Some(refresh_token.clone());
        let first_s = *self.first_created_at_s.get_or_insert(now_s);
        json!({
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": ttl_s,
            "created_at": if stale_created_at { first_s } else { now_s },
            "refresh_token": refresh_token,
            "scope": SCOPE,
            "direct_buy_tokens": {},
        })
    }
}

/// Answers the token, revoke and authorize paths; None for any other path.
pub(super) fn answer(world: &mut World, call: &Call) -> Option<Reply> {
    let segments = call.segments();
    let step = match segments.as_slice() {
        ["auth", "oauth", step] | ["service", "auth", "oauth", step] => *step,
        ["oauth", "authorize"] => "authorize",
        _ => return None,
    };
    let reply = match (call.method.as_str(), step) {
        ("POST", "token") => token(world, call),
        ("POST", "revoke") => revoke(world, call),
        ("GET", "authorize") => authorize(world, call),
        _ => Err(error(
            405,
            "invalid_request",
            "The method is not allowed here.",
        )),
    };
    Some(reply.unwrap_or_else(|refused| refused))
}

/// The account a token request is about, for faults that name one.
pub(super) fn account_of(world: &World, call: &Call) -> Option<String> {
    let fields = call.fields().ok()?;
    let refresh = value(&fields, "refresh_token");
    let code = value(&fields, "code");
    let owns = |account: &&Account| {
        (!refresh.is_empty() && account.grant.refresh_token() == Some(refresh))
            || account.grant.codes.contains_key(code)
    };
    world
        .accounts
        .values()
        .find(owns)
        .map(|account| account.id().to_owned())
}

fn token(world: &mut World, call: &Call) -> Result<Reply, Reply> {
    let fields = fields(call)?;
    authenticate(world, &fields)?;
    let client_id = value(&fields, "client_id");
    let (ttl_s, stale, grant) = match value(&fields, "grant_type") {
        "refresh_token" => {
            let sent = value(&fields, "refresh_token");
            let account = world
                .accounts
                .values_mut()
                .find(|account| {
                    account.settings.client_id == client_id
                        && !sent.is_empty()
                        && account.grant.refresh_token() == Some(sent)
                })
                .ok_or_else(invalid_grant)?;
            let settings = &account.settings;
            (
                settings.access_token_ttl_s,
                settings.stale_created_at,
                &mut account.grant,
            )
        }
        "authorization_code" => {
            let account = redeem(world, client_id, &fields)?;
            (
                account.settings.access_token_ttl_s,
                false,
                &mut account.grant,
            )
        }
        "" => {
            return Err(error(
                400,
                "invalid_request",
                "Missing required parameter: grant_type.",
            ));
        }
        _ => {
            return Err(error(
                400,
                "unsupported_grant_type",
                "The authorization grant type is not supported by the authorization server.",
            ));
        }
    };
    Ok(Reply::json(200, grant.issue(ttl_s, stale)))
}

fn redeem<'a>(
    world: &'a mut World,
    client_id: &str,
    fields: &[(String, String)],
) -> Result<&'a mut Account, Reply> {
    let code = value(fields, "code");
    let account = world
        .accounts
        .values_mut()
        .find(|account| {
            account.settings.client_id == client_id && account.grant.codes.contains_key(code)
        })
        .ok_or_else(invalid_grant)?;
    let minted = account.grant.codes.remove(code).ok_or_else(invalid_grant)?;
    if minted.expires_at_s <= clock::unix_s()
        || minted.redirect_uri != value(fields, "redirect_uri")
    {
        return Err(invalid_grant());
    }
    Ok(account)
}

fn revoke(world: &mut World, call: &Call) -> Result<Reply, Reply> {
    let fields = fields(call)?;
    authenticate(world, &fields)?;
    let token = value(&fields, "token");
    for account in world.accounts.values_mut() {
        if account.grant.refresh.as_deref() == Some(token) {
            account.grant.refresh = None;
        }
        account.grant.access.remove(token);
    }
    Ok(Reply::json(200, json!({})))
}

/// Consents at once and sends the browser back. `account_id` picks the account where an app has
/// several; the vendor's page would ask.
fn authorize(world: &mut World, call: &Call) -> Result<Reply, Reply> {
    let client_id = call.param("client_id").unwrap_or_default();
    let redirect_uri = call.param("redirect_uri").unwrap_or_default();
    if call.param("response_type") != Some("code") {
        return Err(error(
            400,
            "unsupported_response_type",
            "response_type must be code.",
        ));
    }
    let mut target = redirect_target(redirect_uri)?;
    let known: BTreeSet<&str> = SCOPE.split_whitespace().collect();
    let asked = call.param("scope").unwrap_or_default();
    if let Some(unknown) = asked
        .split_whitespace()
        .find(|scope| !known.contains(scope))
    {
        let text = format!("The requested scope is invalid, unknown, or malformed: {unknown}.");
        return Err(error(400, "invalid_scope", &text));
    }
    let account = world
        .accounts
        .values_mut()
        .find(|account| {
            account.settings.client_id == client_id
                && call
                    .param("account_id")
                    .is_none_or(|wanted| wanted == account.id())
        })
        .ok_or_else(invalid_client)?;
    let code = account.grant.mint_code(redirect_uri);
    target.query_pairs_mut().append_pair("code", &code);
    if let Some(state) = call.param("state") {
        target.query_pairs_mut().append_pair("state", state);
    }
    Ok(Reply {
        headers: vec![("location", target.to_string())],
        ..Reply::empty(302)
    })
}

/// HTTPS without a query string, as the vendor wants it; plain http only to this machine.
fn redirect_target(uri: &str) -> Result<reqwest::Url, Reply> {
    let refused = || {
        error(
            400,
            "invalid_redirect_uri",
            "The redirect URI must be HTTPS without a query string.",
        )
    };
    let url = reqwest::Url::parse(uri).map_err(|_| refused())?;
    let local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    if url.query().is_some() || !(url.scheme() == "https" || (url.scheme() == "http" && local)) {
        return Err(refused());
    }
    Ok(url)
}

fn authenticate(world: &World, fields: &[(String, String)]) -> Result<(), Reply> {
    let (id, secret) = (value(fields, "client_id"), value(fields, "client_secret"));
    let known = world.accounts.values().any(|account| {
        account.settings.client_id == id && account.settings.client_secret == secret
    });
    if known { Ok(()) } else { Err(invalid_client()) }
}

fn fields(call: &Call) -> Result<Vec<(String, String)>, Reply> {
    call.fields()
        .map_err(|reason| error(400, "invalid_request", &reason))
}

fn value<'a>(fields: &'a [(String, String)], key: &str) -> &'a str {
    fields
        .iter()
        .find(|(name, _)| name == key)
        .map_or("", |(_, value)| value.as_str())
}

fn invalid_client() -> Reply {
    error(
        401,
        "invalid_client",
        "Client authentication failed due to unknown client, no client authentication included, \
         or unsupported authentication method.",
    )
}

fn invalid_grant() -> Reply {
    error(
        400,
        "invalid_grant",
        "The provided authorization grant is invalid, expired, revoked, does not match the \
         redirection URI used in the authorization request, or was issued to another client.",
    )
}

fn error(status: u16, code: &str, description: &str) -> Reply {
    Reply::json(
        status,
        json!({"error": code, "error_description": description}),
    )
}

/// Looks like a JWT; nobody should read it.
fn access_token(now_s: i64, ttl_s: i64) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","typ":"JWT"}"#);
    let claims =
        json!({"jti": uuid::Uuid::new_v4().to_string(), "iat": now_s, "exp": now_s + ttl_s});
    let payload = URL_SAFE_NO_PAD.encode(claims.to_string());
    format!("{header}.{payload}.{}", hex_64())
}

fn hex_64() -> String {
    let bytes: [u8; 32] = rand::rng().random();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

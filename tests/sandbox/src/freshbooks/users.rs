//! `GET /auth/api/v1/users/me`: who the token is, and which business it may see. There is no
//! `result` layer here.

use serde_json::{Value, json};

use super::call::Reply;
use super::state::Account;

/// The identity behind an account's grant.
pub(super) fn me(account: &Account) -> Reply {
    let id = account.id();
    let owned = if account.settings.null_account_id {
        Value::Null
    } else {
        id.into()
    };
    let role = &account.settings.role;
    let limit = account
        .settings
        .client_limit
        .map_or(json!(-1), |limit| json!(limit));
    Reply::json(
        200,
        json!({"response": {
            "id": account.business_id + 1_000_000,
            "identity_id": account.business_id + 1_000_000,
            "identity_uuid": uuid(account, "identity"),
            "first_name": "Olive",
            "last_name": "Owner",
            "email": format!("owner@{}.sandbox.invalid", id.to_lowercase()),
            "language": "en",
            "confirmed_at": "2026-01-02T03:04:05Z",
            "created_at": "2026-01-02T03:04:05Z",
            "setup_complete": true,
            "phone_numbers": [],
            "addresses": [],
            "profession": null,
            "links": {"me": "/service/auth/api/v1/users/me"},
            "permissions": {id: {"client.limit": limit, "invoice.limit": -1}},
            "groups": [],
            "subscription_statuses": {id: "active"},
            "integrations": {},
            "business_memberships": [{
                "id": account.business_id + 500_000,
                "role": role,
                "fasttrack_token": "",
                "business": {
                    "id": account.business_id,
                    "business_uuid": uuid(account, "business"),
                    "name": format!("Sandbox {id}"),
                    "account_id": owned,
                    "date_format": "mm/dd/yyyy",
                    "address": null,
                    "phone_number": null,
                    "business_clients": [{"account_id": id, "userid": 1}],
                },
            }],
            "roles": [{
                "id": account.business_id + 900_000, "role": role, "systemid": account.business_id,
                "userid": 1, "created_at": "2026-01-02T03:04:05Z",
                "links": {"destroy": null}, "accountid": id,
            }],
        }}),
    )
}

/// Stable for an account, so that two reads agree.
fn uuid(account: &Account, kind: &str) -> String {
    let head = if kind == "identity" { 1_u64 } else { 2 };
    uuid::Uuid::from_u64_pair(head, account.business_id).to_string()
}

//! What a FreshBooks reply means. The one place that decides it.
//!
//! Three shapes of errors: the old accounting shape, which can come with status 200; the new one
//! with `details`; and OAuth's. Error numbers refine the status where they say more.

use serde_json::Value;

use super::limits;
use crate::call::{Effect, now};
use crate::error::{Transient, Unreadable, VendorError, VendorFault, bounded};
use crate::json;
use crate::transport::{BodyFailure, Reply, TransportFailure};

/// A good reply's JSON, free of errors.
pub(super) fn verdict(
    effect: Effect,
    reply: Result<Reply, TransportFailure>,
) -> Result<Value, VendorError> {
    let reply = match reply {
        Ok(reply) => reply,
        Err(failure) if failure.never_sent => {
            return Err(VendorError::RetryLater {
                cause: failure.cause,
            });
        }
        Err(failure) => return Err(lost(effect, failure.cause)),
    };
    if !reply.status.is_success() {
        let body = serde_json::from_slice(reply.body_or_empty()).unwrap_or_default();
        return Err(refusal(effect, &reply, &body));
    }
    let body: Value = match &reply.body {
        Ok(body) => {
            serde_json::from_slice(body).map_err(|_| unreadable(effect, Unreadable::NotJson))?
        }
        Err(BodyFailure::Lost(cause)) => return Err(lost(effect, *cause)),
        Err(BodyFailure::Unreadable(what)) => return Err(unreadable(effect, *what)),
    };
    if has_errors(&body) {
        return Err(refusal(effect, &reply, &body));
    }
    Ok(body)
}

/// A write whose good reply lacks what it must hold has happened all the same.
pub(super) fn unreadable(effect: Effect, what: Unreadable) -> VendorError {
    match effect {
        Effect::Read => VendorError::Unreadable { what },
        Effect::Write => VendorError::UnknownOutcome {
            cause: Transient::Garbled,
        },
    }
}

fn lost(effect: Effect, cause: Transient) -> VendorError {
    match effect {
        Effect::Read => VendorError::RetryLater { cause },
        Effect::Write => VendorError::UnknownOutcome { cause },
    }
}

/// The old shape under any status; the new one was not seen with 200, but what triggers it is not
/// known either.
fn has_errors(body: &Value) -> bool {
    let some = |rows: &Value| rows.as_array().is_some_and(|rows| !rows.is_empty());
    some(&body["response"]["errors"]) || (body["code"].is_number() && some(&body["details"]))
}

fn refusal(effect: Effect, reply: &Reply, body: &Value) -> VendorError {
    let errors = faults(body);
    let named = |errno: u32| errors.iter().any(|fault| fault.errno == Some(errno));
    let status = reply.status.as_u16();
    match status {
        // First: whatever a broken server says besides, a write may have happened.
        408 | 499 | 500..=599 => lost(effect, Transient::Status(status)),
        _ if body["error"] == "invalid_grant" => VendorError::GrantRevoked,
        401 => VendorError::Unauthorized,
        402 => VendorError::PlanLimit { errors },
        429 => VendorError::RetryAfter {
            after: limits::wait(&reply.headers, now()),
        },
        _ if named(1042) => VendorError::AccountInactive { errors },
        _ if named(7005) => VendorError::PlanLimit { errors },
        409 => VendorError::Conflict { errors },
        _ if named(409) => VendorError::Conflict { errors },
        404 | 410 => VendorError::NotFound { errors },
        _ if named(1012) => VendorError::NotFound { errors },
        _ if named(1003) => VendorError::AccessDenied { errors },
        403 if errors.is_empty() => VendorError::AccessDenied { errors },
        // Their own storage failed, whatever the status says.
        _ if named(500) => lost(effect, Transient::Status(500)),
        _ => VendorError::Rejected { status, errors },
    }
}

fn faults(body: &Value) -> Vec<VendorFault> {
    if let Some(rows) = body["response"]["errors"].as_array() {
        return bounded(rows.iter().map(|row| fault(&row["errno"], row)));
    }
    if let Some(rows) = body["details"]
        .as_array()
        .filter(|rows| rows.iter().any(Value::is_object))
    {
        return bounded(
            rows.iter()
                .map(|row| fault(&row["reason"], &row["metadata"])),
        );
    }
    if let Some(error) = body["error"].as_str() {
        let said = json::text(&body["error_description"]);
        return vec![VendorFault::new(None, Some(error), &said)];
    }
    if body["errno"].is_number() {
        return vec![fault(&body["errno"], body)];
    }
    Vec::new()
}

fn fault(errno: &Value, said: &Value) -> VendorFault {
    let errno = json::id(errno).and_then(|errno| u32::try_from(errno).ok());
    VendorFault::new(errno, said["field"].as_str(), &json::text(&said["message"]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};

    const OLD: &str = r#"{"response":{"errors":[{"errno":1012,"field":"userid","message":"Client not found.","object":"client","value":"134"}]}}"#;
    const NEW: &str = r#"{"code":5,"message":"Request failed with status_code: 404","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"1012","domain":"accounting.api.freshbooks.com","metadata":{"object":"client","message":"Client not found.","value":"134","field":"userid"}}]}"#;

    fn reply(status: u16, body: &'static str) -> Result<Reply, TransportFailure> {
        Ok(Reply {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: Ok(Bytes::from_static(body.as_bytes())),
        })
    }

    fn failed(effect: Effect, status: u16, body: &'static str) -> VendorError {
        verdict(effect, reply(status, body)).unwrap_err()
    }

    #[test]
    fn both_error_shapes_say_the_same() {
        let old = failed(Effect::Write, 404, OLD);
        let new = failed(Effect::Write, 404, NEW);
        assert_eq!(old, new);
        assert_eq!(old.class(), "not_found");
        let fault = &old.faults()[0];
        assert_eq!(
            (fault.errno, fault.field.as_deref()),
            (Some(1012), Some("userid"))
        );
        assert_eq!(fault.message(), "Client not found.");
    }

    #[test]
    fn errors_with_status_200_are_errors() {
        assert_eq!(failed(Effect::Read, 200, OLD).class(), "not_found");
        let items = r#"{"response":{"errors":[{"errno":12001,"message":"no access"}]}}"#;
        let error = failed(Effect::Read, 200, items);
        assert!(matches!(error, VendorError::Rejected { status: 200, .. }));
    }

    #[test]
    fn each_class_comes_from_its_reply() {
        let limit =
            r#"{"response":{"errors":[{"errno":7005,"message":"Client limit of 50 reached"}]}}"#;
        assert_eq!(failed(Effect::Write, 402, limit).class(), "plan_limit");
        assert_eq!(failed(Effect::Write, 200, limit).class(), "plan_limit");
        assert_eq!(failed(Effect::Write, 409, "").class(), "conflict");
        assert_eq!(failed(Effect::Write, 429, "").class(), "throttled");
        assert_eq!(failed(Effect::Read, 503, "").class(), "unavailable");
        assert_eq!(failed(Effect::Write, 503, "").class(), "unknown_outcome");
        let unauthenticated = r#"{"error":"unauthenticated","error_description":"x"}"#;
        assert_eq!(
            failed(Effect::Read, 401, unauthenticated).class(),
            "unauthorized"
        );
        let grant = r#"{"error":"invalid_grant","error_description":"x"}"#;
        assert_eq!(failed(Effect::Write, 400, grant).class(), "grant_revoked");
        assert_eq!(failed(Effect::Write, 503, grant).class(), "unknown_outcome");
        let due_date =
            r#"{"response":{"errors":[{"errno":1038,"field":"due_date","message":"x"}]}}"#;
        assert_eq!(failed(Effect::Write, 403, due_date).class(), "rejected");
        let orm = r#"{"response":{"errors":[{"errno":500,"message":"x"}]}}"#;
        assert_eq!(failed(Effect::Write, 200, orm).class(), "unknown_outcome");
        assert_eq!(
            failed(Effect::Write, 200, "<html>").class(),
            "unknown_outcome"
        );
        assert_eq!(failed(Effect::Read, 200, "{").class(), "unreadable");
    }

    #[test]
    fn a_duplicate_is_suspected_from_each_known_sign() {
        let text = r#"{"response":{"errors":[{"errno":1004,"message":"Number already in use"}]}}"#;
        assert!(failed(Effect::Write, 422, text).may_be_duplicate());
        let number = r#"{"response":{"errors":[{"errno":1029,"message":"x"}]}}"#;
        assert!(failed(Effect::Write, 422, number).may_be_duplicate());
        assert!(failed(Effect::Write, 409, "").may_be_duplicate());
        assert!(!failed(Effect::Write, 422, "").may_be_duplicate());
    }
}

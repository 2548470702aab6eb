//! What a BigCommerce reply means. The one place that decides it.
//!
//! V2 errors are arrays of `{status, message}`, V3 errors objects with `title` and `errors`.
//! The HTTP status decides; bodies only explain, and one official sample contradicts its status.

use http::StatusCode;
use serde_json::Value;

use super::quota;
use crate::call::{Effect, now};
use crate::error::{Transient, Unreadable, VendorError, VendorFault, bounded};
use crate::json;
use crate::transport::{BodyFailure, Reply, TransportFailure};

/// A good reply: JSON, or nothing (204).
pub(super) fn verdict(
    effect: Effect,
    reply: Result<Reply, TransportFailure>,
) -> Result<Option<Value>, VendorError> {
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
        return Err(refusal(effect, &reply));
    }
    if reply.status == StatusCode::NO_CONTENT {
        return Ok(None);
    }
    match &reply.body {
        Ok(body) if body.trim_ascii().is_empty() => Ok(None),
        Ok(body) => serde_json::from_slice(body)
            .map(Some)
            .map_err(|_| unreadable(effect, Unreadable::NotJson)),
        Err(BodyFailure::Lost(cause)) => Err(lost(effect, *cause)),
        Err(BodyFailure::Unreadable(what)) => Err(unreadable(effect, *what)),
    }
}

fn lost(effect: Effect, cause: Transient) -> VendorError {
    match effect {
        Effect::Read => VendorError::RetryLater { cause },
        Effect::Write => VendorError::UnknownOutcome { cause },
    }
}

fn unreadable(effect: Effect, what: Unreadable) -> VendorError {
    match effect {
        Effect::Read => VendorError::Unreadable { what },
        Effect::Write => VendorError::UnknownOutcome {
            cause: Transient::Garbled,
        },
    }
}

fn refusal(effect: Effect, reply: &Reply) -> VendorError {
    let status = reply.status.as_u16();
    match status {
        401 => VendorError::Unauthorized,
        403 => VendorError::AccessDenied {
            errors: faults(reply),
        },
        404 | 410 => VendorError::NotFound {
            errors: faults(reply),
        },
        // A lock or an edge that gave up: the store will answer again.
        408 | 423 | 499 | 500..=599 => lost(effect, Transient::Status(status)),
        409 => VendorError::Conflict {
            errors: faults(reply),
        },
        429 => VendorError::RetryAfter {
            after: quota::wait(&reply.headers, now()),
        },
        _ => VendorError::Rejected {
            status,
            errors: faults(reply),
        },
    }
}

fn faults(reply: &Reply) -> Vec<VendorFault> {
    match serde_json::from_slice(reply.body_or_empty()) {
        Ok(Value::Array(rows)) => bounded(rows.iter().map(v2_fault)),
        Ok(Value::Object(body)) => {
            let title = body
                .get("title")
                .or_else(|| body.get("message"))
                .map(json::text);
            let title = title.map(|text| VendorFault::new(None, None, &text));
            let fields = body
                .get("errors")
                .and_then(Value::as_object)
                .into_iter()
                .flatten();
            let fields =
                fields.map(|(name, said)| VendorFault::new(None, Some(name), &json::text(said)));
            bounded(title.into_iter().chain(fields))
        }
        _ => Vec::new(),
    }
}

fn v2_fault(row: &Value) -> VendorFault {
    VendorFault::new(None, None, &json::text(&row["message"]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::HeaderMap;

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
    fn each_status_has_its_class() {
        let expected = [
            (400, "rejected"),
            (401, "unauthorized"),
            (403, "access_denied"),
            (404, "not_found"),
            (409, "conflict"),
            (413, "rejected"),
            (422, "rejected"),
            (301, "rejected"),
            (423, "unavailable"),
            (429, "throttled"),
            (500, "unavailable"),
            (503, "unavailable"),
            (504, "unavailable"),
            (507, "unavailable"),
        ];
        for (status, class) in expected {
            assert_eq!(failed(Effect::Read, status, "").class(), class, "{status}");
        }
        assert_eq!(failed(Effect::Write, 503, "").class(), "unknown_outcome");
        assert_eq!(failed(Effect::Write, 429, "").class(), "throttled");
        assert_eq!(failed(Effect::Write, 422, "").class(), "rejected");
    }

    #[test]
    fn the_http_status_wins_over_the_one_inside() {
        let body = r#"[{"status":404,"message":"The requested resource was not found."}]"#;
        let error = failed(Effect::Read, 400, body);
        assert!(matches!(error, VendorError::Rejected { status: 400, .. }));
        assert_eq!(
            error.faults()[0].message(),
            "The requested resource was not found."
        );
    }

    #[test]
    fn v3_errors_name_their_fields() {
        let body = r#"{"status":422,"title":"Bad","type":"x","errors":{"destination":"error.path.missing."}}"#;
        let error = failed(Effect::Read, 422, body);
        assert_eq!(error.faults()[1].field.as_deref(), Some("destination"));
        assert_eq!(error.faults()[1].message(), "error.path.missing.");
    }

    #[test]
    fn garbage_on_a_read_is_unreadable_and_on_a_write_an_unknown_outcome() {
        assert_eq!(failed(Effect::Read, 200, "<html>").class(), "unreadable");
        assert_eq!(
            failed(Effect::Write, 200, "<html>").class(),
            "unknown_outcome"
        );
    }

    #[test]
    fn a_lost_reply_depends_on_what_was_asked_and_whether_it_left() {
        let gone = |never_sent| {
            Err(TransportFailure {
                cause: Transient::Timeout,
                never_sent,
            })
        };
        let class = |effect, sent| verdict(effect, gone(sent)).unwrap_err().class();
        assert_eq!(class(Effect::Read, false), "unavailable");
        assert_eq!(class(Effect::Write, false), "unknown_outcome");
        assert_eq!(class(Effect::Write, true), "unavailable");
    }

    #[test]
    fn no_content_is_nothing_and_not_an_error() {
        assert_eq!(verdict(Effect::Read, reply(204, "")), Ok(None));
        assert_eq!(verdict(Effect::Read, reply(200, " ")), Ok(None));
    }
}

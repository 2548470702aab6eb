//! Refusals and the shapes FreshBooks gives them.
//!
//! The old accounting shape nests in `response.errors`; the new one looks like gRPC. Which one a
//! reply takes is the account's switch, since nobody knows what triggers it.

use serde_json::{Value, json};

/// Numbers from the vendor's list.
pub(super) mod errno {
    pub(in super::super) const CONFLICT: u32 = 409;
    pub(in super::super) const REQUIRED: u32 = 1001;
    pub(in super::super) const ACCESS_DENIED: u32 = 1003;
    pub(in super::super) const INVALID_VALUE: u32 = 1004;
    pub(in super::super) const PARSE: u32 = 1005;
    pub(in super::super) const DELETED: u32 = 1011;
    pub(in super::super) const UNKNOWN: u32 = 1012;
    pub(in super::super) const PER_PAGE: u32 = 1013;
    pub(in super::super) const PAGE: u32 = 1014;
    pub(in super::super) const NUMBER: u32 = 1015;
    pub(in super::super) const TOO_LONG: u32 = 1017;
    pub(in super::super) const PERCENT: u32 = 1018;
    pub(in super::super) const NEGATIVE: u32 = 1025;
    pub(in super::super) const DUPLICATE_TAX: u32 = 1026;
    pub(in super::super) const CHARACTER: u32 = 1027;
    pub(in super::super) const DUPLICATE: u32 = 1029;
    pub(in super::super) const BOOLEAN: u32 = 1031;
    pub(in super::super) const DATE: u32 = 1033;
    pub(in super::super) const UNICODE: u32 = 1036;
    pub(in super::super) const WRITE_DENIED: u32 = 1038;
    pub(in super::super) const INVALID_TOTAL: u32 = 1040;
    pub(in super::super) const CLIENT_LIMIT: u32 = 7005;
    pub(in super::super) const STATUS_ON_CREATE: u32 = 8008;
    pub(in super::super) const EXPENSE_WITHOUT_CLIENT: u32 = 8016;
    pub(in super::super) const NO_ITEMS_ACCESS: u32 = 12001;
}

/// Why the accounting family said no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{status} errno {errno}: {message}")]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) errno: u32,
    pub(super) object: &'static str,
    pub(super) field: String,
    pub(super) message: String,
    pub(super) value: String,
}

impl Refusal {
    pub(super) fn new(status: u16, errno: u32, message: impl Into<String>) -> Self {
        Self {
            status,
            errno,
            object: "",
            field: String::new(),
            message: message.into(),
            value: String::new(),
        }
    }

    /// A field that does not pass: 422.
    pub(super) fn field(
        object: &'static str,
        field: &str,
        errno: u32,
        message: impl Into<String>,
    ) -> Self {
        Self {
            object,
            field: field.into(),
            ..Self::new(422, errno, message)
        }
    }

    pub(super) fn required(object: &'static str, field: &str) -> Self {
        Self::field(
            object,
            field,
            errno::REQUIRED,
            format!("The field {field} is required."),
        )
    }

    /// The record named in the path is not there: 404.
    pub(super) fn not_found(object: &'static str, id: impl ToString) -> Self {
        Self {
            object,
            field: "id".into(),
            value: id.to_string(),
            ..Self::new(
                404,
                errno::UNKNOWN,
                format!("{} not found.", capital(object)),
            )
        }
    }

    /// A record named in a field is not there: 422.
    pub(super) fn unknown(
        object: &'static str,
        field: &str,
        what: &str,
        value: impl ToString,
    ) -> Self {
        Self::field(object, field, errno::UNKNOWN, format!("{what} not found."))
            .with_value(value.to_string())
    }

    pub(super) fn deleted(object: &'static str, id: impl ToString) -> Self {
        let message = format!("{} has been deleted.", capital(object));
        Self::field(object, "vis_state", errno::DELETED, message).with_value(id.to_string())
    }

    pub(super) fn with_value(mut self, value: impl Into<String>) -> Self {
        self.value = value.into();
        self
    }

    pub(super) fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// `{"response":{"errors":[…]}}`, which may travel under HTTP 200.
    pub(super) fn old_shape(&self) -> Value {
        json!({"response": {"errors": [{
            "errno": self.errno, "field": self.field, "message": self.message,
            "object": self.object, "value": self.value,
        }]}})
    }

    /// `{"code","message","details"}`; the errno hides in `reason`, as text.
    pub(super) fn new_shape(&self) -> Value {
        json!({
            "code": grpc_code(self.status),
            "message": format!("Request failed with status_code: {}", self.status),
            "details": [{
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": self.errno.to_string(),
                "domain": "accounting.api.freshbooks.com",
                "metadata": {
                    "object": self.object, "message": self.message,
                    "value": self.value, "field": self.field,
                },
            }],
        })
    }
}

fn grpc_code(status: u16) -> u8 {
    match status {
        401 => 16,
        403 => 7,
        404 => 5,
        409 => 10,
        402 | 429 => 8,
        500..=599 => 13,
        _ => 3,
    }
}

fn capital(object: &str) -> String {
    let spaced = object.replace('_', " ");
    let mut letters = spaced.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_shape_is_the_documented_one() {
        let refusal = Refusal::unknown("client", "userid", "Client", 134);
        assert_eq!(
            refusal.old_shape(),
            json!({"response":{"errors":[{"errno":1012,"field":"userid",
                "message":"Client not found.","object":"client","value":"134"}]}})
        );
    }

    #[test]
    fn the_new_shape_carries_the_errno_as_text() {
        let body = Refusal::not_found("client", 134).new_shape();
        assert_eq!(body["code"], 5);
        assert_eq!(body["message"], "Request failed with status_code: 404");
        assert_eq!(body["details"][0]["reason"], "1012");
    }
}

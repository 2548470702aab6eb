//! What can come of a vendor call, in the terms a stage decides by.
//!
//! The vendors' texts may hold customer data. They are kept in [`VendorFault::message`] for
//! people with authority, and are in no `Display` or `Debug`. Which reply becomes which variant
//! is decided in `bigcommerce::errors` and `freshbooks::errors`, not here.

use std::fmt;
use std::time::Duration;

/// The failure of a vendor call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VendorError {
    /// The request limit: refused by the vendor (429) or not sent at all. Nothing was changed.
    #[error("the vendor's request limit is reached; retry in {} ms", .after.as_millis())]
    RetryAfter { after: Duration },
    /// No usable answer, and certainly nothing was changed: a read, or a write never sent.
    #[error("the vendor gave no usable answer ({cause}); nothing was changed, retry later")]
    RetryLater { cause: Transient },
    /// Not sent: the vendor did not answer several times in a row, and one call at a time tries
    /// it again. Nothing was changed.
    #[error("the vendor does not answer; tried again in {} ms", .after.as_millis())]
    CircuitOpen { after: Duration },
    /// A write whose reply was lost. Look its result up before writing again.
    #[error("the reply to a write was lost ({cause}); look its result up before writing again")]
    UnknownOutcome { cause: Transient },
    /// 401, after a refreshed token where there is one.
    #[error("the vendor refuses the credentials; check the token and the client secret")]
    Unauthorized,
    /// The refresh token is spent or revoked: a person has to connect the account again.
    #[error("the grant is spent or revoked; connect the account again")]
    GrantRevoked,
    /// The account itself is switched off (errno 1042): a person has to see to it.
    #[error("the account is inactive{}; open or pay it at the vendor", List(.errors))]
    AccountInactive { errors: Vec<VendorFault> },
    /// The token's role or scopes do not reach this (403).
    #[error("the vendor denies access{}; grant the missing scope or role", List(.errors))]
    AccessDenied { errors: Vec<VendorFault> },
    /// The vendor's plan does not allow more of these (402, errno 7005).
    #[error("the vendor's plan limit is reached{}; raise the plan or free a place", List(.errors))]
    PlanLimit { errors: Vec<VendorFault> },
    /// What the call names does not exist. On a write see [`VendorFault::field`] for which.
    #[error("the vendor does not know it{}", List(.errors))]
    NotFound { errors: Vec<VendorFault> },
    /// 409: a duplicate, or another write at the same time. Nothing was changed by this call.
    #[error("the write conflicts with another{}", List(.errors))]
    Conflict { errors: Vec<VendorFault> },
    /// Refused for what it says; the same call will be refused again.
    #[error("the vendor refused the request with status {status}{}", List(.errors))]
    Rejected {
        status: u16,
        errors: Vec<VendorFault>,
    },
    /// A read was answered with something that is not what the vendor documents.
    #[error("the vendor's answer cannot be read: {what}")]
    Unreadable { what: Unreadable },
    /// The request was not sent, because the vendor would misunderstand or refuse it.
    #[error("the request was not sent: {reason}")]
    Unsendable { reason: &'static str },
}

/// Why there was no usable answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Transient {
    #[error("no connection")]
    Connect,
    #[error("timed out")]
    Timeout,
    #[error("connection broke")]
    Broken,
    #[error("status {0}")]
    Status(u16),
    #[error("the answer to a write could not be read")]
    Garbled,
    #[error("no access token available")]
    NoToken,
    #[error("its turn came too late, so it was not sent")]
    NotSent,
    #[error("the record changed while it was read")]
    Moved,
}

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("it is not JSON")]
    NotJson,
    #[error("{0} is missing or of the wrong type")]
    Field(&'static str),
    #[error("it is longer than {limit_bytes} bytes; raise max_body_bytes if that is right")]
    TooLong { limit_bytes: usize },
    #[error("it has more than {limit} pages")]
    TooManyPages { limit: u32 },
}

/// One fault as the vendor names it.
#[derive(Clone, PartialEq, Eq)]
pub struct VendorFault {
    /// FreshBooks' error number; BigCommerce has none.
    pub errno: Option<u32>,
    /// The field it is about.
    pub field: Option<String>,
    message: String,
}

/// Faults kept of one reply, and characters kept of one text.
const MAX_FAULTS: usize = 20;
const MAX_TEXT_CHARS: usize = 500;

impl VendorFault {
    /// A fault with bounded texts.
    pub(crate) fn new(errno: Option<u32>, field: Option<&str>, message: &str) -> Self {
        let field = field.map(|name| name.chars().filter(|c| !c.is_control()).take(64).collect());
        Self {
            errno,
            field,
            message: message.chars().take(MAX_TEXT_CHARS).collect(),
        }
    }

    /// The vendor's own words. They may hold customer data: never log them.
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// Leaves the message out: it may hold customer data.
impl fmt::Debug for VendorFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VendorFault")
            .field("errno", &self.errno)
            .field("field", &self.field)
            .finish_non_exhaustive()
    }
}

/// Faults for a `Display`: numbers and fields, no messages.
struct List<'a>(&'a [VendorFault]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, fault) in self.0.iter().enumerate() {
            f.write_str(if position == 0 { ": " } else { ", " })?;
            match (fault.errno, &fault.field) {
                (Some(errno), Some(field)) => write!(f, "errno {errno} on {field}")?,
                (Some(errno), None) => write!(f, "errno {errno}")?,
                (None, Some(field)) => write!(f, "on {field}")?,
                (None, None) => f.write_str("without an error number")?,
            }
        }
        Ok(())
    }
}

impl VendorError {
    /// How long the vendor wants to be left alone; `None` when it did not say.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RetryAfter { after } | Self::CircuitOpen { after } => Some(*after),
            _ => None,
        }
    }

    /// Whether a write may or may not have happened.
    pub fn is_outcome_unknown(&self) -> bool {
        matches!(self, Self::UnknownOutcome { .. })
    }

    /// Whether the vendor refuses the whole connection until a person acts.
    pub fn refuses_connection(&self) -> bool {
        matches!(
            self,
            Self::Unauthorized | Self::GrantRevoked | Self::AccountInactive { .. }
        )
    }

    /// Whether the same call may succeed later without anybody's doing. A conflict is not
    /// counted: look first what it conflicts with.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::RetryAfter { .. } | Self::CircuitOpen { .. } | Self::RetryLater { .. }
        )
    }

    /// Low-cardinality name, for metrics and the journal.
    pub fn class(&self) -> &'static str {
        match self {
            Self::RetryAfter { .. } => "throttled",
            Self::CircuitOpen { .. } => "circuit_open",
            Self::RetryLater { .. } => "unavailable",
            Self::UnknownOutcome { .. } => "unknown_outcome",
            Self::Unauthorized => "unauthorized",
            Self::GrantRevoked => "grant_revoked",
            Self::AccountInactive { .. } => "account_inactive",
            Self::AccessDenied { .. } => "access_denied",
            Self::PlanLimit { .. } => "plan_limit",
            Self::NotFound { .. } => "not_found",
            Self::Conflict { .. } => "conflict",
            Self::Rejected { .. } => "rejected",
            Self::Unreadable { .. } => "unreadable",
            Self::Unsendable { .. } => "unsendable",
        }
    }

    /// What the vendor named, with its words behind [`VendorFault::message`]; often empty.
    pub fn faults(&self) -> &[VendorFault] {
        match self {
            Self::AccountInactive { errors }
            | Self::AccessDenied { errors }
            | Self::PlanLimit { errors }
            | Self::NotFound { errors }
            | Self::Conflict { errors }
            | Self::Rejected { errors, .. } => errors,
            _ => &[],
        }
    }

    /// Whether the vendor may have refused a create because the thing exists already. Which
    /// reply FreshBooks gives is unproven: 409, errno 1029, and two texts have been seen.
    pub fn may_be_duplicate(&self) -> bool {
        let says_so = |fault: &VendorFault| {
            let text = fault.message.to_ascii_lowercase();
            fault.errno == Some(1029)
                || text.contains("already exists")
                || text.contains("already in use")
        };
        match self {
            Self::Conflict { .. } => true,
            Self::Rejected { errors, .. } => errors.iter().any(says_so),
            _ => false,
        }
    }

    pub(crate) fn field(name: &'static str) -> Self {
        Self::Unreadable {
            what: Unreadable::Field(name),
        }
    }
}

/// Keeps the number of faults bounded.
pub(crate) fn bounded(faults: impl Iterator<Item = VendorFault>) -> Vec<VendorFault> {
    faults.take(MAX_FAULTS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vendors_words_are_in_no_display_and_no_debug() {
        let fault = VendorFault::new(Some(1004), Some("email"), "ann@example.com is invalid");
        let error = VendorError::Rejected {
            status: 422,
            errors: vec![fault],
        };
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("ann@example.com"), "{shown}");
        assert!(shown.contains("errno 1004 on email"), "{shown}");
        assert_eq!(error.faults()[0].message(), "ann@example.com is invalid");
    }
}

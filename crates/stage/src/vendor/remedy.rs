//! What a vendor's failure means for the message at hand: the one place that decides it.
//!
//! From a reply to its exit: `connect` says which error a reply is, [`remedy`] what helps against
//! it, [`failure`] by which exit the message leaves. `tests/failures.rs` holds the whole table. Not
//! here: performing the exits.

use std::time::Duration;

use connect::{Transient, VendorError};

use crate::failure::{Failure, Reason};

/// What helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// The same call at once; the vendor is well.
    Now,
    /// The same call after the vendor's, the budget's or the breaker's hint.
    After(Duration),
    /// The same call when the vendor is well again.
    Later,
    /// The write may have happened: its effect is looked up, once no call can be alive any more.
    LookUp,
    /// What the call names has vanished: it is resolved anew where the step knows how, else a
    /// person has to see it.
    Resolve,
    /// A person has to change something for this message.
    HoldMessage,
    /// A person has to change something for the whole connection.
    HoldConnection,
    /// Nothing: the same call will be refused for ever.
    Never,
}

/// What helps against a failed call.
pub fn remedy(error: &VendorError) -> Remedy {
    match error {
        VendorError::RetryAfter { after } | VendorError::CircuitOpen { after } => {
            Remedy::After(*after)
        }
        VendorError::RetryLater {
            cause: Transient::NotSent | Transient::Moved,
        }
        | VendorError::Conflict { .. } => Remedy::Now,
        VendorError::RetryLater { .. } | VendorError::Unreadable { .. } => Remedy::Later,
        VendorError::UnknownOutcome { .. } => Remedy::LookUp,
        VendorError::NotFound { .. } => Remedy::Resolve,
        VendorError::Rejected { errors, .. } => {
            // A record that a person deleted is named like one that never was.
            let is_deleted = errors.iter().any(|fault| fault.errno == Some(DELETED));
            if is_deleted {
                Remedy::Resolve
            } else {
                Remedy::Never
            }
        }
        VendorError::PlanLimit { .. } | VendorError::AccessDenied { .. } => Remedy::HoldMessage,
        VendorError::Unauthorized
        | VendorError::GrantRevoked
        | VendorError::AccountInactive { .. } => Remedy::HoldConnection,
        VendorError::Unsendable { .. } => Remedy::Never,
    }
}

/// FreshBooks' `DeletedResource`.
const DELETED: u32 = 1011;

/// The exit of a message whose vendor call failed. `what` names the call in plain words.
///
/// A step that can look up, or resolve anew, has done so before it takes this exit.
pub fn failure(what: &str, error: &VendorError) -> Failure {
    let reason = Reason::new(error.class(), format!("{what}: {error}"));
    match remedy(error) {
        Remedy::After(after) => Failure::Wait { after, reason },
        Remedy::Now | Remedy::Later | Remedy::LookUp => Failure::retry(reason),
        Remedy::HoldConnection => Failure::Blocked { reason },
        Remedy::HoldMessage => Failure::Held(reasons(reason, error)),
        Remedy::Resolve | Remedy::Never => Failure::Rejected(reasons(reason, error)),
    }
}

/// The summary first, then every fault the vendor named, in its own words.
///
/// Dead letters are read with authority only, so the vendor's words may stand in them.
fn reasons(summary: Reason, error: &VendorError) -> Vec<Reason> {
    let faults = error.faults().iter().map(|fault| {
        let code = fault
            .errno
            .map_or_else(|| "vendor".to_owned(), |errno| format!("errno_{errno}"));
        Reason::new(code, fault.message()).at(fault.field.clone().unwrap_or_default())
    });
    std::iter::once(summary).chain(faults).collect()
}

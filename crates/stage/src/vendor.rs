//! Vendor calls inside a stage: noted in the journal, counted, and their failures given an exit.
//!
//! The one place that decides what a [`VendorError`] means for a message. Not here: which reply
//! is which error (`connect`).

use std::collections::BTreeMap;
use std::time::Duration;

use connect::{CallObserver, VendorCall, VendorError};
use contracts::journal::JournalKind;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use runtime::metrics::{Histograms, Metrics, MetricsError, SECONDS};

use crate::failure::{Failure, Reason};
use crate::received;

type CallLabels = [(&'static str, &'static str); 4];
type VendorLabels = [(&'static str, &'static str); 1];

/// Notes each vendor call in the journal of the message at hand, and counts it.
#[derive(Clone, Debug)]
pub struct CallNotes {
    calls: Family<CallLabels, Counter>,
    seconds: Histograms<VendorLabels>,
}

impl CallNotes {
    /// Registers the metrics; registering twice in one process gives the same ones.
    pub fn register(metrics: &Metrics) -> Result<Self, MetricsError> {
        Ok(Self {
            calls: metrics.counter("vendor_calls", "Calls to vendors, by template and outcome")?,
            seconds: metrics.histogram("vendor_call_seconds", "Time a vendor took", SECONDS)?,
        })
    }
}

impl CallObserver for CallNotes {
    fn observed(&self, call: VendorCall) {
        let vendor = call.vendor.as_str();
        let labels = [
            ("vendor", vendor),
            ("method", call.method),
            ("path_template", call.path_template),
            ("outcome", call.outcome),
        ];
        self.calls.get_or_create(&labels).inc();
        let seconds = Duration::from_micros(call.duration_us).as_secs_f64();
        self.seconds
            .get_or_create(&[("vendor", vendor)])
            .observe(seconds);
        let Some(notes) = received::current_notes() else {
            return;
        };
        let mut attributes = BTreeMap::from([
            ("vendor".to_owned(), vendor.to_owned()),
            ("method".to_owned(), call.method.to_owned()),
            ("path_template".to_owned(), call.path_template.to_owned()),
            ("outcome".to_owned(), call.outcome.to_owned()),
        ]);
        if let Some(status) = call.status {
            attributes.insert("status".to_owned(), status.to_string());
        }
        notes.add(JournalKind::VendorCalled, "", call.duration_us, attributes);
    }
}

/// The exit of a message whose vendor call failed. `what` names the call in plain words.
pub fn failure(what: &str, error: &VendorError) -> Failure {
    let reason = Reason::new(error.class(), format!("{what}: {error}"));
    match error {
        VendorError::RetryAfter { after } => Failure::Wait {
            after: *after,
            reason,
        },
        VendorError::RetryLater { .. }
        | VendorError::UnknownOutcome { .. }
        | VendorError::Conflict { .. }
        | VendorError::Unreadable { .. } => Failure::retry(reason),
        VendorError::Unauthorized | VendorError::GrantRevoked => Failure::Blocked { reason },
        VendorError::PlanLimit { .. } => Failure::Held(reasons(reason, error)),
        VendorError::NotFound { .. }
        | VendorError::Rejected { .. }
        | VendorError::Unsendable { .. } => Failure::Rejected(reasons(reason, error)),
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

#[cfg(test)]
mod tests {
    use super::*;
    use connect::Transient;

    #[test]
    fn a_limit_waits_and_a_fault_is_rejected() {
        let limited = VendorError::RetryAfter {
            after: Duration::from_secs(7),
        };
        assert!(matches!(failure("x", &limited),
            Failure::Wait { after, .. } if after == Duration::from_secs(7)));
        let refused = VendorError::Rejected {
            status: 422,
            errors: vec![],
        };
        assert!(matches!(failure("x", &refused), Failure::Rejected(_)));
        let away = VendorError::RetryLater {
            cause: Transient::Connect,
        };
        assert!(matches!(failure("x", &away), Failure::Retry { .. }));
        assert!(matches!(
            failure("x", &VendorError::GrantRevoked),
            Failure::Blocked { .. }
        ));
        let plan = VendorError::PlanLimit { errors: vec![] };
        assert!(matches!(failure("x", &plan), Failure::Held(_)));
    }
}

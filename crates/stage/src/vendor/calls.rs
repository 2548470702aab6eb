//! Each vendor call noted in the journal of the message at hand, and counted.

use std::collections::BTreeMap;
use std::time::Duration;

use connect::{CallObserver, VendorCall};
use contracts::journal::JournalKind;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use runtime::metrics::{Histograms, Metrics, MetricsError, SECONDS};

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

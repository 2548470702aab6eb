//! One registry of metrics per process, written out as OpenMetrics text.
//!
//! A thin layer over prometheus-client: every name gets the prefix
//! `tillbook_`, and asking twice for the same metric gives the same one, so
//! that services which share a process share their families too. It does not
//! bound label values: labels must come from code or configuration, never from
//! orders or requests.

use std::any::Any;
use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};

pub use prometheus_client;

/// The media type of [`Metrics::encode`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Bucket bounds for calls to vendors and whole orders, in seconds.
pub const SECONDS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];

/// Bucket bounds for work inside one process, in seconds.
pub const FAST_SECONDS: &[f64] = &[
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0,
];

/// What a family's label set must be able to do.
pub trait Labels: Clone + Debug + Hash + Eq + EncodeLabelSet + Send + Sync + 'static {}
impl<T: Clone + Debug + Hash + Eq + EncodeLabelSet + Send + Sync + 'static> Labels for T {}

/// A histogram per label set.
pub type Histograms<L> = Family<L, Histogram, Buckets>;

/// Makes the histograms of one family, all with the same bounds.
#[derive(Clone, Copy, Debug)]
pub struct Buckets(&'static [f64]);

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(self.0.iter().copied())
    }
}

/// Why a metric could not be registered.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum MetricsError {
    /// The name is taken by a metric of another type or with other labels.
    #[error("metric tillbook_{name} is registered already, with another type or other labels")]
    Conflict {
        /// The name without the prefix.
        name: &'static str,
    },
}

/// The metrics of this process; clones share one registry.
#[derive(Clone)]
pub struct Metrics {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    registry: Registry,
    families: HashMap<&'static str, Box<dyn Any + Send + Sync>>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// An empty registry.
    pub fn new() -> Self {
        let inner = Inner {
            registry: Registry::with_prefix("tillbook"),
            families: HashMap::new(),
        };
        Self {
            inner: Arc::new(Mutex::new(inner)),
        }
    }

    /// Counters named `tillbook_<name>_total`.
    pub fn counter<L: Labels>(
        &self,
        name: &'static str,
        help: &'static str,
    ) -> Result<Family<L, Counter>, MetricsError> {
        self.family(name, help, Family::default)
    }

    /// Gauges named `tillbook_<name>`.
    pub fn gauge<L: Labels>(
        &self,
        name: &'static str,
        help: &'static str,
    ) -> Result<Family<L, Gauge>, MetricsError> {
        self.family(name, help, Family::default)
    }

    /// Histograms named `tillbook_<name>`; end the name in `_seconds`.
    ///
    /// Units: `buckets` are upper bounds in seconds, rising; see [`SECONDS`].
    pub fn histogram<L: Labels>(
        &self,
        name: &'static str,
        help: &'static str,
        buckets: &'static [f64],
    ) -> Result<Histograms<L>, MetricsError> {
        self.family(name, help, || {
            Family::new_with_constructor(Buckets(buckets))
        })
    }

    /// Everything registered, as OpenMetrics text.
    pub fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.lock().registry)?;
        Ok(text)
    }

    fn family<F: Metric + Clone>(
        &self,
        name: &'static str,
        help: &'static str,
        make: impl FnOnce() -> F,
    ) -> Result<F, MetricsError> {
        let mut inner = self.lock();
        if let Some(known) = inner.families.get(name) {
            let known = known
                .downcast_ref::<F>()
                .ok_or(MetricsError::Conflict { name })?;
            return Ok(known.clone());
        }
        let family = make();
        inner.registry.register(name, help, family.clone());
        inner.families.insert(name, Box::new(family.clone()));
        Ok(family)
    }

    /// A panic elsewhere leaves counters, not invariants: poison is ignored.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type ByStage = [(&'static str, &'static str); 1];

    #[test]
    fn text_is_prefixed_openmetrics_with_an_end_mark() {
        let metrics = Metrics::new();
        let taken = metrics
            .counter::<ByStage>("messages", "Messages taken")
            .unwrap();
        taken.get_or_create(&[("stage", "deliver")]).inc();
        let took = metrics
            .histogram::<ByStage>("stage_seconds", "Time in a stage", SECONDS)
            .unwrap();
        took.get_or_create(&[("stage", "deliver")]).observe(0.02);

        let text = metrics.encode().unwrap();
        assert!(
            text.contains("tillbook_messages_total{stage=\"deliver\"} 1\n"),
            "{text}"
        );
        assert!(
            text.contains("tillbook_stage_seconds_bucket{le=\"0.025\",stage=\"deliver\"} 1\n"),
            "{text}"
        );
        assert!(text.ends_with("# EOF\n"), "{text}");
    }

    #[test]
    fn services_that_share_a_process_share_a_family() {
        let metrics = Metrics::new();
        let ours = metrics
            .counter::<ByStage>("messages", "Messages taken")
            .unwrap();
        let theirs = metrics
            .clone()
            .counter::<ByStage>("messages", "Messages taken")
            .unwrap();
        ours.get_or_create(&[("stage", "lookup")]).inc();
        theirs.get_or_create(&[("stage", "lookup")]).inc();

        let text = metrics.encode().unwrap();
        assert!(
            text.contains("tillbook_messages_total{stage=\"lookup\"} 2\n"),
            "{text}"
        );
        assert_eq!(
            text.matches("# TYPE tillbook_messages ").count(),
            1,
            "{text}"
        );
    }

    #[test]
    fn one_name_with_two_types_is_refused() {
        let metrics = Metrics::new();
        metrics.counter::<ByStage>("open", "Open").unwrap();
        let error = metrics.gauge::<ByStage>("open", "Open").unwrap_err();
        assert_eq!(error, MetricsError::Conflict { name: "open" });
    }
}

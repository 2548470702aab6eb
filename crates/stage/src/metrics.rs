//! What a stage counts: messages by exit, time in the stage's function, messages in flight.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use runtime::metrics::{FAST_SECONDS, Histograms, Metrics, MetricsError};

/// Metrics of all stages of a process.
#[derive(Clone, Debug)]
pub struct StageMetrics {
    messages: Family<ExitLabels, Counter>,
    seconds: Histograms<StageLabels>,
    in_flight: Family<StageLabels, Gauge>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StageLabels {
    stage: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ExitLabels {
    stage: &'static str,
    exit: &'static str,
}

impl StageMetrics {
    /// Registers the metrics; registering twice in one process gives the same ones.
    pub fn register(metrics: &Metrics) -> Result<Self, MetricsError> {
        Ok(Self {
            messages: metrics.counter("stage_messages", "Messages that left a stage, by exit")?,
            seconds: metrics.histogram(
                "stage_process_seconds",
                "Time in the stage's own function",
                FAST_SECONDS,
            )?,
            in_flight: metrics.gauge("stage_in_flight", "Messages being processed now")?,
        })
    }

    pub(crate) fn exit(&self, stage: &'static str, exit: &'static str) {
        self.messages
            .get_or_create(&ExitLabels { stage, exit })
            .inc();
    }

    pub(crate) fn processed(&self, stage: &'static str, elapsed: Duration) {
        self.seconds
            .get_or_create(&StageLabels { stage })
            .observe(elapsed.as_secs_f64());
    }

    pub(crate) fn started(&self, stage: &'static str) {
        self.in_flight.get_or_create(&StageLabels { stage }).inc();
    }

    pub(crate) fn ended(&self, stage: &'static str) {
        self.in_flight.get_or_create(&StageLabels { stage }).dec();
    }
}

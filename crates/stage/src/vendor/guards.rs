//! What is counted and told of the guards before vendor calls: shared budgets and breakers.

use std::sync::Arc;
use std::time::Duration;

use connect::Vendor;
use connect::breaker::{BreakerChange, BreakerWatch};
use connect::budget::{Answer, Ask, Boxed, Heard, SharedBudget};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use runtime::metrics::{Metrics, MetricsError};
use tracing::{error, info, warn};

type BudgetLabels = [(&'static str, &'static str); 2];
type BreakerLabels = [(&'static str, String); 2];

/// The guards' metrics; registering twice in one process gives the same ones.
#[derive(Clone, Debug)]
pub struct GuardMetrics {
    asked: Family<BudgetLabels, Counter>,
    state: Family<BreakerLabels, Gauge>,
    opened: Family<BreakerLabels, Counter>,
}

impl GuardMetrics {
    pub fn register(metrics: &Metrics) -> Result<Self, MetricsError> {
        Ok(Self {
            asked: metrics.counter(
                "vendor_budget",
                "Questions to the shared budget, by class of work and answer",
            )?,
            state: metrics.gauge(
                "vendor_breaker",
                "0 while the vendor answers, 1 while it is left alone, 2 while one call tries it",
            )?,
            opened: metrics.counter(
                "vendor_breaker_opened",
                "How often a vendor was left alone, or a try of it failed",
            )?,
        })
    }
}

/// A shared budget whose answers are counted.
pub struct CountedBudget {
    pub budget: Arc<dyn SharedBudget>,
    pub metrics: GuardMetrics,
}

impl SharedBudget for CountedBudget {
    fn ask<'a>(&'a self, bucket: &'a str, ask: Ask, heard: Option<Heard>) -> Boxed<'a, Answer> {
        Box::pin(async move {
            let answer = self.budget.ask(bucket, ask, heard).await;
            let word = match answer {
                Answer::Granted { .. } => "granted",
                Answer::Refused { .. } => "refused",
                Answer::Away => "away",
            };
            let labels = [("class", ask.class.as_str()), ("answer", word)];
            self.metrics.asked.get_or_create(&labels).inc();
            answer
        })
    }

    fn hear<'a>(&'a self, bucket: &'a str, heard: Heard) -> Boxed<'a, ()> {
        self.budget.hear(bucket, heard)
    }
}

/// Tells of one connection's breaker to one vendor.
pub struct BreakerNotes {
    connection: String,
    vendor: Vendor,
    metrics: GuardMetrics,
}

impl BreakerNotes {
    pub fn new(connection: &str, vendor: Vendor, metrics: GuardMetrics) -> Self {
        let notes = Self {
            connection: connection.to_owned(),
            vendor,
            metrics,
        };
        notes.set(0);
        notes
    }

    fn labels(&self) -> BreakerLabels {
        [
            ("connection", self.connection.clone()),
            ("vendor", self.vendor.as_str().to_owned()),
        ]
    }

    fn set(&self, state: i64) {
        self.metrics.state.get_or_create(&self.labels()).set(state);
    }
}

impl BreakerWatch for BreakerNotes {
    fn changed(&self, change: BreakerChange) {
        let (connection, vendor) = (self.connection.as_str(), self.vendor.as_str());
        match change {
            BreakerChange::Opened { tried_again_in } => {
                self.set(1);
                self.metrics.opened.get_or_create(&self.labels()).inc();
                let pause_ms = whole_ms(tried_again_in);
                warn!(
                    connection,
                    vendor, pause_ms, "the vendor does not answer; work waits for it"
                );
            }
            BreakerChange::Tries => self.set(2),
            BreakerChange::Closed { after } => {
                self.set(0);
                info!(
                    connection,
                    vendor,
                    after_ms = whole_ms(after),
                    "the vendor answers again"
                );
            }
            BreakerChange::LongOpen { since } => error!(
                alert = "vendor_down",
                connection,
                vendor,
                "{vendor} has not answered connection {connection} for {} s. Nothing is lost: work \
                 waits and goes on by itself. See the vendor's status page, and whether this \
                 machine reaches it",
                since.as_secs()
            ),
        }
    }
}

fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

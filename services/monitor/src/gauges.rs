//! The projection as gauges, refreshed after changes. No order, person or reason is a label.

use runtime::telemetry::chain;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use runtime::metrics::{Metrics, MetricsError};
use runtime::shutdown::CancellationToken;
use tokio::time::{MissedTickBehavior, interval};

use crate::holds::Holds;
use crate::order_state::OrderState;
use crate::projection::Status;
use crate::views::{self, KindWord, Reading};

/// Counting a million orders takes a while, so it is done no more often than this.
const REFRESH_EVERY: Duration = Duration::from_secs(5);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabel {
    state: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabel {
    kind: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ConnectionLabel {
    connection: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StreamLabel {
    stream: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NoLabels {}

/// Every gauge of the monitor.
#[derive(Clone, Debug)]
pub(crate) struct Gauges {
    orders: Family<StateLabel, Gauge>,
    dead_letters: Family<KindLabel, Gauge>,
    held: Family<ConnectionLabel, Gauge>,
    lag: Family<StreamLabel, Gauge>,
    unreadable: Family<StreamLabel, Gauge>,
    oldest: Family<NoLabels, Gauge>,
}

impl Gauges {
    /// Registers the gauges in the process's registry.
    pub(crate) fn new(metrics: &Metrics) -> Result<Self, MetricsError> {
        Ok(Self {
            orders: metrics.gauge("orders", "Orders by state")?,
            dead_letters: metrics.gauge("dead_letters", "Dead letters that wait, by kind")?,
            held: metrics.gauge("connection_held", "1 while a connection is held")?,
            lag: metrics.gauge(
                "projection_lag_messages",
                "Messages the projection has not stored yet",
            )?,
            unreadable: metrics.gauge(
                "projection_unreadable_messages",
                "Messages left out of the projection because they could not be read",
            )?,
            oldest: metrics.gauge(
                "oldest_unfinished_order_seconds",
                "Age of the oldest order that is still under way",
            )?,
        })
    }

    /// Keeps the gauges in step until shutdown; counts only after the projection changed.
    pub(crate) async fn keep(
        self,
        reading: Reading,
        status: Status,
        holds: Holds,
        shutdown: CancellationToken,
    ) {
        let mut changes = status.subscribe();
        changes.mark_changed();
        let mut held_changes = holds.changes();
        let mut ticks = interval(REFRESH_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut oldest_since_ms = None;
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let held_changed = held_changes.has_changed().unwrap_or(false);
            if changes.has_changed().unwrap_or(false) || held_changed {
                held_changes.mark_unchanged();
                self.show_readings(&changes.borrow_and_update());
                match reading.ask(views::gauges).await {
                    Ok(mut counted) => {
                        let held = holds.held().into_iter();
                        counted
                            .held
                            .extend(held.map(|(name, held)| (name, held.is_some())));
                        oldest_since_ms = counted.oldest_unfinished_since_ms;
                        self.show(&counted);
                    }
                    Err(error) => {
                        tracing::warn!(
                            error = %chain(&error),
                            "the gauges could not be refreshed"
                        );
                        changes.mark_changed();
                    }
                }
            }
            self.show_age(oldest_since_ms);
        }
    }

    fn show_readings(&self, readings: &crate::projection::Readings) {
        for (stream, reading) in readings {
            let label = StreamLabel {
                stream: (*stream).to_owned(),
            };
            self.lag
                .get_or_create(&label)
                .set(signed(reading.lag_messages));
        }
    }

    fn show(&self, counted: &views::Gauges) {
        let count =
            |of: &BTreeMap<String, u64>, word: &str| signed(of.get(word).copied().unwrap_or(0));
        for state in OrderState::ALL {
            let label = StateLabel {
                state: state.word().to_owned(),
            };
            self.orders
                .get_or_create(&label)
                .set(count(&counted.orders, state.word()));
        }
        for kind in KindWord::ALL {
            let label = KindLabel {
                kind: kind.word().to_owned(),
            };
            self.dead_letters
                .get_or_create(&label)
                .set(count(&counted.dead_letters, kind.word()));
        }
        for (connection, held) in &counted.held {
            let label = ConnectionLabel {
                connection: connection.clone(),
            };
            self.held.get_or_create(&label).set(i64::from(*held));
        }
        for (stream, unreadable) in &counted.unreadable {
            let label = StreamLabel {
                stream: stream.clone(),
            };
            self.unreadable
                .get_or_create(&label)
                .set(signed(*unreadable));
        }
    }

    fn show_age(&self, since_ms: Option<i64>) {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        let now_ms = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
        let age_s = since_ms.map_or(0, |since| now_ms.saturating_sub(since).max(0) / 1000);
        self.oldest.get_or_create(&NoLabels {}).set(age_s);
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

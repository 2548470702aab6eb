//! Keeps the hooks registered and active at BigCommerce.
//!
//! Runs once at start and then at an interval. What BigCommerce switched off is switched on, what
//! is missing is made again, and people are told of both: hooks were lost meanwhile, which the
//! sweep makes good. A store that cannot be reached is tried again and holds up nobody else. Not
//! here: receiving hooks.

use std::collections::BTreeMap;
use std::time::Duration;

use connect::bigcommerce::{self, HookReport};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use runtime::backoff::Backoff;
use runtime::metrics::{Metrics, MetricsError};
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use url::Url;

use crate::hooks::SECRET_HEADER;
use crate::hooks::envelope::SCOPES;

/// One store whose hooks are kept.
pub struct Guarded {
    pub connection: String,
    pub client: bigcommerce::Client,
    pub destination: Url,
    pub hook_secret: SecretString,
}

/// The longest pause after a first failure; it doubles with each, up to the interval.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Rounds in a row that fail before people are told.
const FAILURES_TOLD: u32 = 5;

/// What is told of the hooks.
#[derive(Clone, Debug)]
pub(crate) struct GuardianMetrics {
    /// 1 when the hooks of a connection are known to be registered and active.
    registered: Family<[(&'static str, String); 1], Gauge>,
    repaired: Family<[(&'static str, String); 2], Counter>,
}

impl GuardianMetrics {
    pub(crate) fn register(metrics: &Metrics) -> Result<Self, MetricsError> {
        Ok(Self {
            registered: metrics.gauge(
                "hooks_registered",
                "1 when a connection's hooks are registered and active",
            )?,
            repaired: metrics.counter(
                "hooks_repaired",
                "Hooks that were switched on again, made again or corrected",
            )?,
        })
    }
}

/// Keeps the hooks of one store until shutdown. `first` is told when the first round is over.
pub(crate) async fn keep(
    guarded: Guarded,
    interval: Duration,
    metrics: GuardianMetrics,
    first: tokio::sync::oneshot::Sender<()>,
    shutdown: CancellationToken,
) {
    let mut first = Some(first);
    let mut failures = 0_u32;
    let backoff = Backoff::new(FIRST_PAUSE, interval);
    let mut were_there = false;
    let labels = [("connection", guarded.connection.clone())];
    let gauge = metrics.registered.get_or_create_owned(&labels);
    while !shutdown.is_cancelled() {
        let report = tokio::select! {
            () = shutdown.cancelled() => return,
            report = ensure(&guarded) => report,
        };
        let succeeded = report.is_some();
        if let Some(report) = report {
            tell(&guarded.connection, &metrics, &report, were_there);
            were_there = true;
        }
        gauge.set(i64::from(succeeded));
        failures = if succeeded {
            0
        } else {
            failures.saturating_add(1)
        };
        if failures == FAILURES_TOLD {
            error!(
                alert = "hooks_unguarded",
                connection = guarded.connection,
                "the hooks could not be checked {failures} times in a row; BigCommerce may have \
                 switched them off. The sweep finds what they miss, later"
            );
        }
        // The first round ends with a success, or when it is clear that the store is in trouble.
        if (succeeded || failures >= 3)
            && let Some(first) = first.take()
        {
            let _ = first.send(());
        }
        let pause = if succeeded {
            interval
        } else {
            backoff.delay(failures)
        };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

async fn ensure(guarded: &Guarded) -> Option<HookReport> {
    let headers = BTreeMap::from([(SECRET_HEADER.to_owned(), guarded.hook_secret.clone())]);
    match guarded
        .client
        .ensure_hooks(&guarded.destination, SCOPES, &headers)
        .await
    {
        Ok(report) => Some(report),
        Err(error) => {
            warn!(connection = guarded.connection, error = %error,
                "hooks could not be checked; hooks may be missing until this works again");
            None
        }
    }
}

/// Counts repairs, and tells people of those that mean that hooks were lost.
fn tell(connection: &str, metrics: &GuardianMetrics, report: &HookReport, were_there: bool) {
    let repairs = [
        ("reactivated", &report.reactivated),
        ("created", &report.created),
        ("updated", &report.updated),
    ];
    for (repair, scopes) in repairs {
        let labels = [
            ("connection", connection.to_owned()),
            ("repair", repair.to_owned()),
        ];
        let count = u64::try_from(scopes.len()).unwrap_or(u64::MAX);
        metrics.repaired.get_or_create(&labels).inc_by(count);
        if !scopes.is_empty() {
            info!(connection, repair, ?scopes, "hooks brought up to date");
        }
    }
    if !report.reactivated.is_empty() {
        error!(
            alert = "hooks_switched_off",
            connection,
            "BigCommerce had switched {} hooks off, as it does when they are not answered for \
             long; they are on again. The sweep finds what was missed",
            report.reactivated.len()
        );
    }
    // At the first start, and with a new version, they are made for the first time.
    if were_there && !report.created.is_empty() {
        error!(
            alert = "hooks_missing",
            connection,
            "{} hooks were gone and are made again; was the app removed from the store, or does \
             somebody else manage its hooks? The sweep finds what was missed",
            report.created.len()
        );
    }
}

//! Keeps the hooks registered and active at BigCommerce.
//!
//! Runs once at start and then at an interval. A store that cannot be reached is tried again and
//! holds up nobody else. Not here: receiving hooks.

use std::collections::BTreeMap;
use std::time::Duration;

use connect::bigcommerce;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use runtime::backoff::Backoff;
use runtime::metrics::{Metrics, MetricsError};
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
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

/// 1 when the hooks of a connection are known to be registered and active.
type Registered = Family<[(&'static str, String); 1], Gauge>;

/// Keeps the hooks of one store until shutdown. `first` is told when the first round is over.
pub(crate) async fn keep(
    guarded: Guarded,
    interval: Duration,
    registered: Registered,
    first: tokio::sync::oneshot::Sender<()>,
    shutdown: CancellationToken,
) {
    let mut first = Some(first);
    let mut failures = 0_u32;
    let backoff = Backoff::new(FIRST_PAUSE, interval);
    let gauge = registered.get_or_create_owned(&[("connection", guarded.connection.clone())]);
    while !shutdown.is_cancelled() {
        let succeeded = tokio::select! {
            () = shutdown.cancelled() => return,
            succeeded = ensure(&guarded) => succeeded,
        };
        gauge.set(i64::from(succeeded));
        failures = if succeeded {
            0
        } else {
            failures.saturating_add(1)
        };
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

/// Registers the gauge.
pub(crate) fn gauge(metrics: &Metrics) -> Result<Registered, MetricsError> {
    metrics.gauge(
        "hooks_registered",
        "1 when a connection's hooks are registered and active",
    )
}

async fn ensure(guarded: &Guarded) -> bool {
    let headers = BTreeMap::from([(SECRET_HEADER.to_owned(), guarded.hook_secret.clone())]);
    match guarded
        .client
        .ensure_hooks(&guarded.destination, SCOPES, &headers)
        .await
    {
        Ok(report) => {
            let changes = report.created.len() + report.reactivated.len() + report.updated.len();
            if changes > 0 {
                info!(
                    connection = guarded.connection,
                    ?report,
                    "hooks brought up to date"
                );
            }
            true
        }
        Err(error) => {
            warn!(connection = guarded.connection, error = %error,
                "hooks could not be checked; hooks may be missing until this works again");
            false
        }
    }
}

//! Whether this process can do its work on NATS: connected, heard, storing, its consumers there.
//!
//! Tried every few seconds by storing one small key, reading it back, and asking for the consumers
//! (ADR 0025). Each state is told once per change: in `/readyz`, as an alert in the log, and as the
//! gauge `tillbook_nats_trouble`, because what cannot be stored cannot be told over NATS. A client
//! that the server no longer answers is connected anew. Not here: liveness, which asks nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{StatusCode, jetstream};
use bytes::Bytes;
use contracts::topology::Bucket;
use runtime::admin::ReadyFlag;
use runtime::backoff::Backoff;
use runtime::metrics::prometheus_client::metrics::family::Family;
use runtime::metrics::prometheus_client::metrics::gauge::Gauge;
use runtime::metrics::{Metrics, MetricsError};
use runtime::nats::{Connection, REQUEST_TIMEOUT};
use serde::de::IgnoredAny;
use tokio::time::Instant;
use tracing::{error, info, warn};

use crate::storing::Storing;
use crate::trouble::{Trouble, meaning};

/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Longest one look takes: its requests are bounded, and some follow one another.
const LOOK_LIMIT: Duration = Duration::from_secs(8);
/// Pauses between forced connections, so that a right that stays away makes no storm of them.
const RECONNECT_FIRST: Duration = Duration::from_secs(1);
const RECONNECT_MAX: Duration = Duration::from_secs(15);
/// How long a forbidden publish is told: its work comes again within that time.
const FORBIDDEN_STANDS: Duration = Duration::from_secs(30);

/// The watch of one process.
#[derive(Debug)]
pub struct Health {
    nats: Connection,
    subject: String,
    consumers: Vec<(&'static str, &'static str)>,
    flag: ReadyFlag,
    storing: Arc<Storing>,
    gauge: Family<[(&'static str, &'static str); 1], Gauge>,
    told: Option<Trouble>,
    /// Whether the small key was ever stored, so that it must be there.
    has_stored: bool,
    forbidden_at: Option<Instant>,
    reconnects: u32,
    reconnect_after: Instant,
}

impl Health {
    /// A watch for `process`, which pulls from these consumers (stream and name).
    pub fn new(
        nats: Connection,
        process: &str,
        consumers: Vec<(&'static str, &'static str)>,
        flag: ReadyFlag,
        storing: Arc<Storing>,
        metrics: &Metrics,
    ) -> Result<Self, MetricsError> {
        let gauge = metrics.gauge(
            "nats_trouble",
            "1 while this process cannot do its work on NATS, by what is wrong",
        )?;
        Ok(Self {
            nats,
            subject: format!("$KV.{}.{process}", Bucket::Health.name()),
            consumers,
            flag,
            storing,
            gauge,
            told: None,
            has_stored: false,
            forbidden_at: None,
            reconnects: 0,
            reconnect_after: Instant::now(),
        })
    }

    /// Looks again and again; never returns.
    pub async fn watch(mut self) {
        let mut connected = self.nats.connected();
        let mut lost = self.nats.lost_subscriptions();
        let mut forbidden = self.nats.forbidden_publishes();
        loop {
            if forbidden.has_changed().unwrap_or(false) {
                forbidden.mark_unchanged();
                self.forbidden_at = Some(Instant::now());
            }
            let refused = lost.has_changed().unwrap_or(false);
            lost.mark_unchanged();
            let heard = if !*connected.borrow_and_update() {
                Some(Trouble::Away)
            } else if refused {
                Some(Trouble::Deaf)
            } else {
                let looked = tokio::time::timeout(LOOK_LIMIT, self.look()).await;
                looked.unwrap_or(Some(Trouble::Deaf))
            };
            self.storing.set(!heard.is_some_and(Trouble::stops_work));
            // The small key may be stored while work is refused.
            self.tell(
                heard
                    .or_else(|| self.forbidden())
                    .or(self.storing.refused()),
            );
            if heard == Some(Trouble::Deaf) {
                self.reconnect().await;
            } else if heard.is_none() {
                self.has_stored = true;
                self.reconnects = 0;
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                _ = connected.changed() => {}
                _ = lost.changed() => { lost.mark_changed(); }
            }
        }
    }

    /// Whether the server forbade something a moment ago.
    fn forbidden(&self) -> Option<Trouble> {
        let at = self.forbidden_at?;
        (at.elapsed() < FORBIDDEN_STANDS).then_some(Trouble::Forbidden)
    }

    /// Stores, reads, and asks for the consumers.
    async fn look(&self) -> Option<Trouble> {
        let (stored, read) = tokio::join!(self.store(), self.read());
        if let Some(trouble) = stored.or(read) {
            return Some(trouble);
        }
        let asked = self.consumers.iter().map(|(stream, name)| async move {
            let request = format!("CONSUMER.INFO.{stream}.{name}");
            let nothing = BTreeMap::<String, String>::new();
            let asked = self.nats.jetstream.request(request, &nothing);
            let answer: Result<jetstream::response::Response<IgnoredAny>, _> = asked.await;
            match answer {
                Ok(jetstream::response::Response::Ok(_)) => None,
                Ok(jetstream::response::Response::Err { error }) => Some(meaning(&error)),
                Err(error) => Some(meaning(&error)),
            }
        });
        let found = futures::future::join_all(asked).await;
        found.into_iter().flatten().next()
    }

    async fn store(&self) -> Option<Trouble> {
        let sent = self
            .nats
            .jetstream
            .publish(self.subject.clone(), Bytes::from_static(b"ok"));
        let stored = async { sent.await?.await }.await;
        stored.err().map(|error| meaning(&error))
    }

    async fn read(&self) -> Option<Trouble> {
        let stream = format!("KV_{}", Bucket::Health.name());
        let subject = format!("$JS.API.DIRECT.GET.{stream}.{}", self.subject);
        let asked = self.nats.client.request(subject, Bytes::new());
        let answer = tokio::time::timeout(REQUEST_TIMEOUT, asked).await;
        match answer {
            Ok(Ok(message)) => unread(message.status, self.has_stored),
            Ok(Err(error)) => Some(meaning(&error)),
            Err(_) => Some(Trouble::Deaf),
        }
    }

    /// Connects anew, unless that was done a moment ago.
    async fn reconnect(&mut self) {
        if Instant::now() < self.reconnect_after {
            return;
        }
        self.reconnects = self.reconnects.saturating_add(1);
        let pause = Backoff::new(RECONNECT_FIRST, RECONNECT_MAX).ceiling(self.reconnects);
        warn!("NATS does not answer; connecting anew");
        if let Err(error) = self.nats.client.force_reconnect().await {
            warn!(error = %error, "NATS could not be connected anew");
        }
        self.reconnect_after = Instant::now() + pause;
    }

    /// Says what changed, everywhere.
    fn tell(&mut self, found: Option<Trouble>) {
        match found {
            None => self.flag.ready(),
            Some(trouble) => {
                self.flag
                    .not_ready(format!("{}: {}", trouble.name(), trouble.advice()))
            }
        }
        for trouble in Trouble::ALL {
            let is_now = i64::from(found == Some(trouble));
            let labels = [("trouble", trouble.name())];
            self.gauge.get_or_create(&labels).set(is_now);
        }
        if found == self.told {
            return;
        }
        match found {
            Some(trouble) => error!(alert = trouble.name(), "{}", trouble.advice()),
            None => info!("NATS stores and answers again"),
        }
        self.told = found;
    }
}

/// What the status of a direct read says; a value comes without one.
fn unread(status: Option<StatusCode>, has_stored: bool) -> Option<Trouble> {
    match status {
        None | Some(StatusCode::OK) => None,
        // Before its first store the key need not be there; afterwards it was lost.
        Some(StatusCode::NOT_FOUND) if !has_stored => None,
        Some(StatusCode::NOT_FOUND) => Some(Trouble::Missing),
        Some(StatusCode::TIMEOUT) => Some(Trouble::Deaf),
        Some(_) => Some(Trouble::NotStoring),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_that_answers_an_error_is_no_read() {
        assert_eq!(unread(None, true), None);
        assert_eq!(unread(Some(StatusCode::NOT_FOUND), false), None);
        for (status, trouble) in [
            (StatusCode::NOT_FOUND, Trouble::Missing),
            (StatusCode::TIMEOUT, Trouble::Deaf),
            (StatusCode::NO_RESPONDERS, Trouble::NotStoring),
        ] {
            assert_eq!(unread(Some(status), true), Some(trouble), "{status:?}");
        }
    }
}

//! Whether this process can do its work on NATS: connected, heard, storing, its consumers there.
//!
//! Tried every few seconds by storing one small key, reading it back, and asking for the consumers
//! (ADR 0025). Each state is told once per change: in `/readyz`, as an alert in the log, and as the
//! gauge `tillbook_nats_trouble`, because what cannot be stored cannot be told over NATS. A client
//! that the server no longer answers is connected anew. Not here: liveness, which asks nothing.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream;
use bytes::Bytes;
use contracts::topology::Bucket;
use runtime::admin::ReadyFlag;
use runtime::backoff::Backoff;
use runtime::metrics::prometheus_client::metrics::family::Family;
use runtime::metrics::prometheus_client::metrics::gauge::Gauge;
use runtime::metrics::{Metrics, MetricsError};
use runtime::nats::{Connection, REQUEST_TIMEOUT};
use serde::de::IgnoredAny;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{error, info, warn};

/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Longest one look takes: its requests are bounded, and some follow one another.
const LOOK_LIMIT: Duration = Duration::from_secs(8);
/// Pauses between forced connections, so that a right that stays away makes no storm of them.
const RECONNECT_FIRST: Duration = Duration::from_secs(1);
const RECONNECT_MAX: Duration = Duration::from_secs(15);

/// Why the process cannot do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// No connection.
    Away,
    /// Connected, and no answer comes.
    Deaf,
    /// The server answers that it does not store.
    NotStoring,
    /// The server has no room left within its own limits.
    Full,
    /// A consumer or the probe's bucket is not there.
    Missing,
}

impl Trouble {
    const ALL: [Self; 5] = [
        Self::Away,
        Self::Deaf,
        Self::NotStoring,
        Self::Full,
        Self::Missing,
    ];

    /// The alert's name, and the gauge's label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Away => "nats_away",
            Self::Deaf => "nats_deaf",
            Self::NotStoring => "nats_not_storing",
            Self::Full => "nats_full",
            Self::Missing => "nats_consumer_missing",
        }
    }

    /// What it means, and what a person does about it.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Away => {
                "there is no connection to NATS: start nats-server or mend the network between; \
                 Tillbook connects again by itself"
            }
            Self::Deaf => {
                "NATS is connected but does not answer, as after a reload that took a permission \
                 away: give this process's user its permissions back (tillbook bootstrap \
                 --write-nats-config, then reload nats-server); Tillbook connects again by itself"
            }
            Self::NotStoring => {
                "JetStream stores nothing; a full disk does that: free the disk, then restart \
                 nats-server, because JetStream does not resume by itself"
            }
            Self::Full => {
                "JetStream has reached its own limit and refuses to store: raise nats.storage_gib \
                 and run tillbook bootstrap, or raise max_file_store in nats-server's \
                 configuration; it resumes by itself"
            }
            Self::Missing => {
                "a consumer or the bucket health is missing on NATS: run tillbook bootstrap; it \
                 resumes by itself"
            }
        }
    }

    /// Whether a message taken now could leave by no exit.
    const fn stops_work(self) -> bool {
        !matches!(self, Self::Missing)
    }
}

/// The watch of one process.
#[derive(Debug)]
pub struct Health {
    nats: Connection,
    subject: String,
    consumers: Vec<(&'static str, &'static str)>,
    flag: ReadyFlag,
    storing: Arc<watch::Sender<bool>>,
    gauge: Family<[(&'static str, &'static str); 1], Gauge>,
    told: Option<Trouble>,
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
        storing: Arc<watch::Sender<bool>>,
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
            reconnects: 0,
            reconnect_after: Instant::now(),
        })
    }

    /// Looks again and again; never returns.
    pub async fn watch(mut self) {
        let mut connected = self.nats.connected();
        let mut lost = self.nats.lost_subscriptions();
        loop {
            let refused = lost.has_changed().unwrap_or(false);
            lost.mark_unchanged();
            let found = if !*connected.borrow_and_update() {
                Some(Trouble::Away)
            } else if refused {
                Some(Trouble::Deaf)
            } else {
                let looked = tokio::time::timeout(LOOK_LIMIT, self.look()).await;
                looked.unwrap_or(Some(Trouble::Deaf))
            };
            self.tell(found);
            if found == Some(Trouble::Deaf) {
                self.reconnect().await;
            } else if found.is_none() {
                self.reconnects = 0;
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                _ = connected.changed() => {}
                _ = lost.changed() => { lost.mark_changed(); }
            }
        }
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
        // Whatever comes is an answer: that the key is there is the store's business.
        let asked = self.nats.client.request(subject, Bytes::new());
        let answer = tokio::time::timeout(REQUEST_TIMEOUT, asked).await;
        match answer {
            Ok(Ok(_)) => None,
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
        let is_storing = !found.is_some_and(Trouble::stops_work);
        self.storing.send_if_modified(|storing| {
            let changed = *storing != is_storing;
            *storing = is_storing;
            changed
        });
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

/// What an error of JetStream or of the client says about the whole.
fn meaning(error: &(dyn Error + 'static)) -> Trouble {
    let mut text = String::new();
    let mut cause = Some(error);
    while let Some(one) = cause {
        text.push_str(&one.to_string().to_lowercase());
        text.push(' ');
        cause = one.source();
    }
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&["timed out", "timeout", "deadline"]) {
        Trouble::Deaf
    } else if says(&[
        "maximum bytes",
        "maximum messages",
        "resource limits exceeded",
    ]) {
        Trouble::Full
    } else if says(&["consumer not found", "stream not found"]) {
        Trouble::Missing
    } else {
        Trouble::NotStoring
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_its_own_advice() {
        for (says, trouble) in [
            ("request timed out", Trouble::Deaf),
            ("error: maximum bytes exceeded", Trouble::Full),
            ("no space left on device", Trouble::NotStoring),
            (
                "insufficient storage resources available",
                Trouble::NotStoring,
            ),
            (
                "JetStream system temporarily unavailable",
                Trouble::NotStoring,
            ),
            ("no responders", Trouble::NotStoring),
            ("consumer not found", Trouble::Missing),
        ] {
            let error = std::io::Error::other(says);
            assert_eq!(meaning(&error), trouble, "{says}");
        }
        assert!(Trouble::NotStoring.advice().contains("restart nats-server"));
    }
}

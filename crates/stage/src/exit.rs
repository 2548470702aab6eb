//! The three exits: the next message stored, a delayed retry, a dead letter stored. No fourth.
//!
//! Whatever happens, the source is settled only after what replaces it is stored. When even that
//! fails the source is handed back with a delay; a crash at any line leaves it unsettled, so the
//! server delivers it again. Not here: the stage's own function.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::jetstream::AckKind;
use async_nats::{HeaderMap, header};
use contracts::contract::{About, Contract};
use contracts::dead_letter::DeadLetterKind;
use contracts::headers;
use contracts::journal::JournalKind;
use contracts::topology::{self, is_token};
use tracing::{Span, warn};

use crate::dead_letter::Remains;
use crate::delivery::Delivery;
use crate::failure::{Done, Failure, Reason};
use crate::publish::{self, MESSAGE_BYTES_LIMIT, PublishError};
use crate::received::Notes;
use crate::runner::Desk;
use crate::source::Source;

/// Delays up to this are a NAK; longer ones become scheduled messages, which hold no
/// ack-pending slot and do not look like work to an autoscaler.
const NAK_DELAY_MAX: Duration = Duration::from_secs(10);
/// Deliveries of one stored message up to which a short delay is a NAK; later ones are scheduled
/// anew, which begins the server's count again. So the net below the stages
/// (`topology::DELIVERIES_MAX`) only ever catches what killed its worker.
const NAKS_MAX: u32 = 16;
/// How long work of a connection waits that its vendor refuses whole.
const BLOCKED_DELAY_MIN: Duration = Duration::from_secs(30);
const BLOCKED_DELAY_MAX: Duration = Duration::from_secs(5 * 60);
/// First and longest delay after which a message is tried again when not even its exit could be
/// stored. It grows, so that a stream that is full for an hour does not fill the net.
const STORE_FAILED_DELAY: Duration = Duration::from_secs(2);
const STORE_FAILED_DELAY_MAX: Duration = Duration::from_secs(2 * 60);

/// One delivery on its way out.
pub(crate) struct Exit<'a> {
    pub desk: &'a Desk,
    pub stage: topology::Stage,
    pub delivery: &'a Delivery<'a>,
    pub about: Option<&'a About>,
    pub notes: Option<&'a Notes>,
    pub span: &'a Span,
}

impl Exit<'_> {
    /// Takes the exit the outcome asks for.
    pub(crate) async fn take<Out: Contract>(
        &self,
        outcome: Result<Done<Out>, Failure>,
        elapsed: Duration,
    ) {
        let settled = match outcome {
            Ok(Done::Next(next)) => self.forward(&next, elapsed).await,
            Ok(Done::Closed(detail)) => self.close(&detail).await,
            Ok(Done::Later { after, why }) => self.later(after, why).await,
            // Boxed, as every rare way out: a delivery should be no larger than its usual way.
            Err(failure) => Box::pin(self.fail(failure)).await,
        };
        if let Err(why) = settled {
            self.desk.metrics.exit(self.stage.name(), "store_failed");
            warn!(stage = self.stage.name(), subject = %self.delivery.source.subject, why, "the exit could not be stored; the message comes again");
            let delay = store_failed_delay(self.delivery.source.delivered);
            self.settle(AckKind::Nak(Some(delay))).await;
        }
    }

    async fn forward<Out: Contract>(&self, next: &Out, elapsed: Duration) -> Result<(), String> {
        let Some(about) = next.about() else {
            return Box::pin(self.bury(DeadLetterKind::Rejected, vec![nameless()])).await;
        };
        let mut header_map = HeaderMap::new();
        header_map.insert(headers::SCHEMA, Out::SCHEMA);
        runtime::telemetry::inject(&mut header_map, self.span);
        let subject =
            self.stage
                .output()
                .subject(&about.connection, about.entity.token(), &about.entity_id);
        let mut id = format!("{}:{}", about.event_id, self.stage.name());
        // A replay runs through the same stages once more: without its mark JetStream would take
        // its messages for repeats and swallow them.
        if let Some(replay) = self.delivery.headers.and_then(|h| h.get(headers::REPLAY)) {
            id = format!("{id}:{}", replay.as_str());
            header_map.insert(headers::REPLAY, replay.as_str());
        }
        let payload = next.encode_to_vec();
        // Known before the journal says that the message passed.
        if publish::stored_bytes(&header_map, &id, &payload) > MESSAGE_BYTES_LIMIT {
            return self.bury_too_large().await;
        }
        self.note(
            JournalKind::StagePassed,
            String::new(),
            elapsed,
            BTreeMap::new(),
        );
        let publish = self
            .desk
            .publisher
            .publish(subject, Some(&id), header_map, payload.into());
        let (published, ()) = tokio::join!(publish, self.store_notes());
        match published {
            Ok(_) => {}
            Err(PublishError::TooLarge { .. }) => return self.bury_too_large().await,
            Err(error) => return Err(error.to_string()),
        }
        self.leave("next", AckKind::Ack).await;
        Ok(())
    }

    async fn bury_too_large(&self) -> Result<(), String> {
        let reason = Reason::new("message_too_large", too_large_text());
        self.bury(DeadLetterKind::Rejected, vec![reason]).await
    }

    async fn close(&self, detail: &str) -> Result<(), String> {
        self.note(
            JournalKind::Closed,
            detail.to_owned(),
            Duration::ZERO,
            BTreeMap::new(),
        );
        self.store_notes().await;
        self.leave("closed", AckKind::Ack).await;
        Ok(())
    }

    async fn later(&self, after: Duration, why: &'static str) -> Result<(), String> {
        tracing::debug!(stage = self.stage.name(), why, "looked at again later");
        if self.delivery.source.delivered < NAKS_MAX {
            let delay = after.min(NAK_DELAY_MAX);
            self.leave("later", AckKind::Nak(Some(delay))).await;
        } else {
            self.schedule(false, after).await?;
            self.leave("later", AckKind::Ack).await;
        }
        Ok(())
    }

    async fn fail(&self, failure: Failure) -> Result<(), String> {
        let class = failure.class();
        let age = Duration::from_millis(
            ambient::now_ms().saturating_sub(self.delivery.source.first_seen_ms),
        );
        let (counts, after, reason) = match failure {
            Failure::Held(reasons) => return self.bury(DeadLetterKind::Held, reasons).await,
            Failure::Rejected(reasons) => {
                return self.bury(DeadLetterKind::Rejected, reasons).await;
            }
            Failure::Retry { after, reason } => (true, after, reason),
            Failure::Wait { after, reason } => (false, Some(after), reason),
            // A person may take days: the longer it lasted, the less often it is tried.
            Failure::Blocked { reason } => (
                false,
                Some((age / 4).clamp(BLOCKED_DELAY_MIN, BLOCKED_DELAY_MAX)),
                reason,
            ),
        };
        let policy = self.desk.settings.retry;
        if policy.is_spent(self.delivery.source.attempt, counts, age) {
            let spent = Reason::new(
                "retries_spent",
                format!(
                    "given up after {} attempts in {} s; the last reason stands beside this one",
                    self.delivery.source.attempt,
                    age.as_secs()
                ),
            );
            return self
                .bury(DeadLetterKind::Exhausted, vec![reason, spent])
                .await;
        }
        let delay = policy.delay(self.delivery.source.attempt, after);
        self.retry(class, counts, delay, &reason).await
    }

    async fn retry(
        &self,
        class: &'static str,
        counts: bool,
        delay: Duration,
        reason: &Reason,
    ) -> Result<(), String> {
        let attributes = BTreeMap::from([
            ("reason".to_owned(), reason.code.clone()),
            ("delay_ms".to_owned(), delay.as_millis().to_string()),
        ]);
        self.note(
            JournalKind::RetryScheduled,
            reason.message.clone(),
            Duration::ZERO,
            attributes,
        );
        warn!(
            stage = self.stage.name(),
            reason = reason.code,
            attempt = self.delivery.source.attempt,
            delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
            "tried again later"
        );
        self.store_notes().await;
        // Waiting does not spend attempts, and a NAK always counts one: so it is scheduled anew.
        if counts && delay <= NAK_DELAY_MAX && self.delivery.source.delivered < NAKS_MAX {
            self.leave(class, AckKind::Nak(Some(delay))).await;
        } else {
            self.schedule(counts, delay).await?;
            self.leave(class, AckKind::Ack).await;
        }
        Ok(())
    }

    /// Stores the same message again, to be delivered after the delay.
    async fn schedule(&self, counts: bool, delay: Duration) -> Result<(), String> {
        let mut header_map = own_headers(self.delivery.headers);
        let spent = self
            .delivery
            .source
            .attempt
            .saturating_sub(u32::from(!counts));
        header_map.insert(headers::ATTEMPTS, spent.to_string().as_str());
        header_map.insert(
            headers::FIRST_SEEN_MS,
            self.delivery.source.first_seen_ms.to_string().as_str(),
        );
        let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        let due_ms = ambient::now_ms().saturating_add(delay_ms);
        header_map.insert(
            header::NATS_SCHEDULE,
            format!("@at {}", rfc3339(due_ms)).as_str(),
        );
        let target = self.stage.due_subject(&self.delivery.source.subject);
        header_map.insert(header::NATS_SCHEDULE_TARGET, target.as_str());
        // Without the attempt: after a crash before the ack the same message is scheduled once.
        // With the first sight: a stream that is made anew begins its sequences again.
        let Source {
            stream,
            sequence,
            first_seen_ms,
            ..
        } = &self.delivery.source;
        let unique = format!("{stream}-{sequence}-{first_seen_ms}");
        let id = format!("{}:{unique}", self.stage.name());
        let payload = self.delivery.payload.clone();
        let subject = self.stage.schedule_subject(&unique);
        let published = self
            .desk
            .publisher
            .publish(subject, Some(&id), header_map, payload);
        published
            .await
            .map(|_| ())
            .map_err(|error| error.to_string())
    }

    /// Stores a dead letter, then terminates the source.
    pub(crate) async fn bury(
        &self,
        kind: DeadLetterKind,
        reasons: Vec<Reason>,
    ) -> Result<(), String> {
        let remains = Remains {
            stage: self.stage.name(),
            source: &self.delivery.source,
            about: self.about,
            headers: self.delivery.headers,
            payload: self.delivery.payload,
            traceparent: runtime::telemetry::traceparent(self.span).unwrap_or_default(),
        };
        let codes = reasons
            .iter()
            .map(|r| r.code.as_str())
            .collect::<Vec<_>>()
            .join(",");
        let id = remains
            .bury(&self.desk.publisher, kind, &reasons)
            .await
            .map_err(|error| error.to_string())?;
        warn!(
            stage = self.stage.name(),
            dead_letter.id = id,
            reasons = codes,
            "dead letter stored"
        );
        let attributes = BTreeMap::from([
            ("dead_letter_id".to_owned(), id),
            ("kind".to_owned(), kind.as_str_name().to_owned()),
            ("reasons".to_owned(), codes),
        ]);
        let detail = reasons
            .first()
            .map(|r| r.message.clone())
            .unwrap_or_default();
        self.note(
            JournalKind::DeadLettered,
            detail,
            Duration::ZERO,
            attributes,
        );
        self.store_notes().await;
        self.leave("dead_letter", AckKind::Term).await;
        Ok(())
    }

    fn note(
        &self,
        kind: JournalKind,
        detail: String,
        elapsed: Duration,
        attributes: BTreeMap<String, String>,
    ) {
        if let Some(notes) = self.notes {
            let duration_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
            notes.add(kind, detail, duration_us, attributes);
        }
    }

    /// Stores the journal entries. The journal is for people: a failure is counted and said, and
    /// holds up no message.
    async fn store_notes(&self) {
        let entries = self.notes.map(Notes::take).unwrap_or_default();
        if let Err(error) = self.desk.journal.store(entries).await {
            self.desk.metrics.exit(self.stage.name(), "journal_failed");
            warn!(stage = self.stage.name(), error = %error, "entries are missing from the journal");
        }
    }

    async fn leave(&self, exit: &'static str, kind: AckKind) {
        self.desk.metrics.exit(self.stage.name(), exit);
        self.settle(kind).await;
    }

    async fn settle(&self, kind: AckKind) {
        if let Err(error) = self.delivery.settler.settle(kind).await {
            // The server delivers the message again; every stage stands that.
            warn!(stage = self.stage.name(), error = %error, "the source could not be settled");
        }
    }
}

/// The message's headers without those JetStream sets or reads itself.
fn own_headers(original: Option<&HeaderMap>) -> HeaderMap {
    let mut kept = HeaderMap::new();
    for (name, values) in original.into_iter().flat_map(HeaderMap::iter) {
        if !name.to_string().starts_with("Nats-") {
            for value in values {
                kept.append(name.clone(), value.clone());
            }
        }
    }
    kept
}

/// Doubles with every delivery, up to its bound.
fn store_failed_delay(delivered: u32) -> Duration {
    let doublings = delivered.saturating_sub(1).min(16);
    STORE_FAILED_DELAY
        .saturating_mul(1 << doublings)
        .min(STORE_FAILED_DELAY_MAX)
}

fn nameless() -> Reason {
    Reason::new(
        "nameless_message",
        "the stage made a message that names no entity; report this",
    )
}

fn too_large_text() -> String {
    format!(
        "the next message exceeds {} bytes, the most a stream takes; shorten the order's texts",
        topology::MESSAGE_BYTES_MAX
    )
}

fn rfc3339(unix_ms: u64) -> String {
    let ms = i64::try_from(unix_ms).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(ms)
        .unwrap_or(jiff::Timestamp::MAX)
        .to_string()
}

/// Whether a message's names can stand in subjects.
pub(crate) fn has_subject_tokens(about: &About) -> bool {
    is_token(&about.connection) && is_token(&about.entity_id)
}

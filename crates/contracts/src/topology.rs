//! Streams, subjects, consumers and key-value buckets: the one list everything is built from.
//!
//! `tillbook bootstrap` creates or migrates them; services only bind. Not here: server access.

use std::time::Duration;

use async_nats::jetstream::{consumer, kv, stream};

/// Every subject starts with this token.
pub const SUBJECT_ROOT: &str = "tillbook";

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const GIB: i64 = 1 << 30;

/// How large the topology is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizing {
    /// 1 on a single server, 3 on a cluster.
    pub replicas: usize,
    /// File storage that the streams' limits add up to, GiB.
    pub storage_gib: u16,
}

/// The parts that the streams' shares of the storage add up to.
const SHARES: i64 = 64;

/// A stream of the pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    Hints,
    Ingested,
    Validated,
    Transformed,
    Resolved,
    Outcomes,
    Journal,
    DeadLetters,
    /// Messages that wait for their next attempt, and those that are due.
    Retries,
    /// What the server says of messages that were delivered too often.
    Advisories,
}

/// A stage that consumes a stream. Its name is also its durable consumer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// The fetcher inside ingest.
    Fetch,
    Validate,
    Transform,
    Lookup,
    Deliver,
}

/// A key-value bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bucket {
    /// What was written to FreshBooks, order by order and client by client.
    Ledger,
    /// Mapping documents; key `default` or a connection's name.
    Mappings,
    /// FreshBooks token pairs by grant.
    Tokens,
    /// Whether a connection is held, and why.
    Connections,
    /// Backfills and undos: what was asked, how far each is, what came of it.
    Runs,
    /// How far each list of each store has been swept.
    Sweeps,
    /// What became of dead letters: edited, released, cleared, purged.
    Letters,
    /// Releases of many dead letters: what was asked, how far each is.
    Releases,
    /// One small key of each process, by which it sees whether anything can be stored (ADR 0025).
    Health,
}

impl Stream {
    pub const ALL: [Self; 10] = [
        Self::Hints,
        Self::Ingested,
        Self::Validated,
        Self::Transformed,
        Self::Resolved,
        Self::Outcomes,
        Self::Journal,
        Self::DeadLetters,
        Self::Retries,
        Self::Advisories,
    ];

    /// The stream's name in JetStream.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hints => "HINTS",
            Self::Ingested => "INGESTED",
            Self::Validated => "VALIDATED",
            Self::Transformed => "TRANSFORMED",
            Self::Resolved => "RESOLVED",
            Self::Outcomes => "OUTCOMES",
            Self::Journal => "JOURNAL",
            Self::DeadLetters => "DEAD_LETTERS",
            Self::Retries => "RETRIES",
            Self::Advisories => "ADVISORIES",
        }
    }

    /// The second token of the stream's subjects.
    pub const fn token(self) -> &'static str {
        match self {
            Self::Hints => "hint",
            Self::Ingested => "ingested",
            Self::Validated => "validated",
            Self::Transformed => "transformed",
            Self::Resolved => "resolved",
            Self::Outcomes => "outcome",
            Self::Journal => "journal",
            Self::DeadLetters => "dead_letter",
            Self::Retries => "due",
            Self::Advisories => "advisory",
        }
    }

    /// The subject of one entity's messages: `tillbook.validated.acme.order.1234`.
    ///
    /// `connection` and `entity_id` must be subject tokens; see [`is_token`].
    pub fn subject(self, connection: &str, entity: &str, entity_id: &str) -> String {
        format!(
            "{SUBJECT_ROOT}.{}.{connection}.{entity}.{entity_id}",
            self.token()
        )
    }

    /// Every subject that carries messages of the stream.
    pub fn filter(self) -> String {
        // The server names these subjects, not we.
        if self == Self::Advisories {
            return "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.*.*".to_owned();
        }
        format!("{SUBJECT_ROOT}.{}.>", self.token())
    }

    /// The stage that consumes the stream, if one does.
    pub const fn stage(self) -> Option<Stage> {
        match self {
            Self::Hints => Some(Stage::Fetch),
            Self::Ingested => Some(Stage::Validate),
            Self::Validated => Some(Stage::Transform),
            Self::Transformed => Some(Stage::Lookup),
            Self::Resolved => Some(Stage::Deliver),
            Self::Outcomes
            | Self::Journal
            | Self::DeadLetters
            | Self::Retries
            | Self::Advisories => None,
        }
    }

    /// The whole configuration. `replicas` is 1 on a single server, 3 on a cluster.
    ///
    /// Limits retention with `discard: new`: a full stream pushes back on its publishers instead
    /// of dropping old work (the journal, which is for people, drops its oldest entries instead). Hints keep only the last message per entity. Retries are the
    /// exception: the server schedules no messages in a stream that discards new ones, so they
    /// are a work queue without limits of its own, bounded by the server's storage, which refuses
    /// and never drops. Advisories are a work queue without limits too: nobody waits for the
    /// server's own words to be stored, so none may be refused or dropped.
    pub fn config(self, sizing: Sizing) -> stream::Config {
        let (max_age, share, per_subject) = match self {
            Self::Hints => (7 * DAY, 2, 1),
            Self::Ingested | Self::Validated | Self::Transformed | Self::Resolved => {
                (7 * DAY, 8, -1)
            }
            Self::Outcomes => (7 * DAY, 4, -1),
            Self::Journal => (30 * DAY, 16, -1),
            Self::DeadLetters => (90 * DAY, 10, -1),
            Self::Retries | Self::Advisories => (Duration::ZERO, 0, -1),
        };
        let max_bytes = match share {
            0 => -1,
            share => i64::from(sizing.storage_gib) * GIB / SHARES * share,
        };
        let mut config = stream::Config {
            name: self.name().to_owned(),
            subjects: vec![self.filter()],
            retention: stream::RetentionPolicy::Limits,
            storage: stream::StorageType::File,
            discard: stream::DiscardPolicy::New,
            max_age,
            max_bytes,
            max_messages_per_subject: per_subject,
            max_message_size: if self.stage().is_some() {
                MESSAGE_BYTES_MAX
            } else {
                -1
            },
            duplicate_window: Duration::from_secs(20 * 60),
            num_replicas: sizing.replicas,
            allow_direct: true,
            ..stream::Config::default()
        };
        if self == Self::Journal {
            // For people only: when it is full the oldest entries go, and nobody is held up.
            config.discard = stream::DiscardPolicy::Old;
        }
        if self == Self::Retries {
            config.subjects.push(format!("{SUBJECT_ROOT}.schedule.>"));
            config.retention = stream::RetentionPolicy::WorkQueue;
            config.discard = stream::DiscardPolicy::Old;
            config.allow_message_schedules = true;
        }
        if self == Self::Advisories {
            config.retention = stream::RetentionPolicy::WorkQueue;
        }
        config
    }
}

/// The largest message a stage's stream accepts, headers included.
///
/// Below the server's default of 1 MiB, so that a dead letter still has room for the original.
pub const MESSAGE_BYTES_MAX: i32 = 896 * 1024;

/// The most that a message's headers may take of it. Ours take some hundred bytes; what a stranger
/// put there must not crowd out the payload, nor make a dead letter too large to be stored.
/// JetStream itself refuses 64 KiB.
pub const HEADER_BYTES_MAX: usize = 64 * 1024 - 1;

/// The most that the headers of a message taken from a stream may have: the next attempt's fit too.
pub const TAKEN_HEADER_BYTES_MAX: usize = HEADER_BYTES_MAX - 4 * 1024;

impl Stage {
    pub const ALL: [Self; 5] = [
        Self::Fetch,
        Self::Validate,
        Self::Transform,
        Self::Lookup,
        Self::Deliver,
    ];

    /// The stage's name: durable consumer, span, metric label, journal.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fetch => "fetch",
            Self::Validate => "validate",
            Self::Transform => "transform",
            Self::Lookup => "lookup",
            Self::Deliver => "deliver",
        }
    }

    /// The stage of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.name() == name)
    }

    /// The stream the stage consumes.
    pub const fn input(self) -> Stream {
        match self {
            Self::Fetch => Stream::Hints,
            Self::Validate => Stream::Ingested,
            Self::Transform => Stream::Validated,
            Self::Lookup => Stream::Transformed,
            Self::Deliver => Stream::Resolved,
        }
    }

    /// The stream the stage publishes to.
    pub const fn output(self) -> Stream {
        match self {
            Self::Fetch => Stream::Ingested,
            Self::Validate => Stream::Validated,
            Self::Transform => Stream::Transformed,
            Self::Lookup => Stream::Resolved,
            Self::Deliver => Stream::Outcomes,
        }
    }

    /// Where a message of the stage waits for its next attempt.
    pub fn schedule_subject(self, unique: &str) -> String {
        format!("{SUBJECT_ROOT}.schedule.{}.{unique}", self.name())
    }

    /// Where a message of the stage arrives when its next attempt is due.
    pub fn due_subject(self, input_subject: &str) -> String {
        let entity = input_subject
            .splitn(3, '.')
            .nth(2)
            .unwrap_or("unknown.unknown.unknown");
        format!(
            "{SUBJECT_ROOT}.{}.{}.{entity}",
            Stream::Retries.token(),
            self.name()
        )
    }

    /// The stage's input subject, also for a message that arrived as due.
    pub fn input_subject(self, subject: &str) -> String {
        let due = format!(
            "{SUBJECT_ROOT}.{}.{}.",
            Stream::Retries.token(),
            self.name()
        );
        match subject.strip_prefix(&due) {
            Some(entity) => format!("{SUBJECT_ROOT}.{}.{entity}", self.input().token()),
            None => subject.to_owned(),
        }
    }

    /// How long the server waits for an ack before it delivers again.
    ///
    /// Twice the longest time a stage may work between two progress acks.
    pub const fn ack_wait(self) -> Duration {
        match self {
            Self::Validate | Self::Transform => Duration::from_secs(15),
            Self::Fetch | Self::Lookup | Self::Deliver => Duration::from_secs(20),
        }
    }

    /// The durable consumer's configuration.
    ///
    /// `max_deliver` is the net for messages that kill their worker. It is far above what the
    /// runner itself ever asks of one stored message (`NAKS_MAX` in `stage`), and replay makes a
    /// dead letter of what reaches it, so nothing is given up without one.
    pub fn consumer(self) -> consumer::pull::Config {
        self.consumer_of(self.input().filter())
    }

    /// The same for the stage's messages in [`Stream::Retries`].
    pub fn due_consumer(self) -> consumer::pull::Config {
        let token = Stream::Retries.token();
        self.consumer_of(format!("{SUBJECT_ROOT}.{token}.{}.>", self.name()))
    }

    fn consumer_of(self, filter_subject: String) -> consumer::pull::Config {
        consumer::pull::Config {
            durable_name: Some(self.name().to_owned()),
            ack_policy: consumer::AckPolicy::Explicit,
            ack_wait: self.ack_wait(),
            max_ack_pending: 2048,
            max_deliver: DELIVERIES_MAX,
            filter_subject,
            ..consumer::pull::Config::default()
        }
    }
}

/// Deliveries of one stored message after which the server gives it up and says so.
pub const DELIVERIES_MAX: i64 = 40;

/// The durable consumer of replay, on each stream that it follows.
pub const REPLAY_CONSUMER: &str = "replay";

/// What replay follows: outcomes, by which letters clear themselves, and the server's advisories.
pub const REPLAY_FOLLOWS: [Stream; 2] = [Stream::Outcomes, Stream::Advisories];

/// The configuration of replay's consumer on one of [`REPLAY_FOLLOWS`].
pub fn replay_consumer(stream: Stream) -> consumer::pull::Config {
    consumer::pull::Config {
        durable_name: Some(REPLAY_CONSUMER.to_owned()),
        ack_policy: consumer::AckPolicy::Explicit,
        ack_wait: Duration::from_secs(30),
        max_ack_pending: 1024,
        filter_subject: stream.filter(),
        ..consumer::pull::Config::default()
    }
}

impl Bucket {
    pub const ALL: [Self; 9] = [
        Self::Ledger,
        Self::Mappings,
        Self::Tokens,
        Self::Connections,
        Self::Runs,
        Self::Sweeps,
        Self::Letters,
        Self::Releases,
        Self::Health,
    ];

    /// The bucket's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ledger => "ledger",
            Self::Mappings => "mappings",
            Self::Tokens => "tokens",
            Self::Connections => "connections",
            Self::Runs => "runs",
            Self::Sweeps => "sweeps",
            Self::Letters => "letters",
            Self::Releases => "releases",
            Self::Health => "health",
        }
    }

    /// The whole configuration.
    pub fn config(self, sizing: Sizing) -> kv::Config {
        let history = match self {
            Self::Mappings => 64,
            _ => 1,
        };
        // The ledger outlives every order's life in the store by far; an order without an entry
        // is looked up in FreshBooks by its invoice number, so expiry makes no duplicate.
        let max_age = match self {
            Self::Ledger => 800 * DAY,
            // Longer than the letters themselves, which then never seem to rest again.
            Self::Letters => 120 * DAY,
            _ => Duration::ZERO,
        };
        kv::Config {
            bucket: self.name().to_owned(),
            history,
            max_age,
            storage: stream::StorageType::File,
            num_replicas: sizing.replicas,
            ..kv::Config::default()
        }
    }
}

/// Whether `text` can stand as one token of a subject or a key.
pub fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZING: Sizing = Sizing {
        replicas: 1,
        storage_gib: 8,
    };

    #[test]
    fn the_limits_add_up_to_the_storage() {
        let limits = Stream::ALL.map(|stream| stream.config(SIZING).max_bytes.max(0));
        assert_eq!(limits.iter().sum::<i64>(), 8 * GIB);
    }

    #[test]
    fn every_stage_consumes_a_stream_that_names_it_back() {
        for stage in Stage::ALL {
            assert_eq!(stage.input().stage(), Some(stage));
            assert_eq!(Stage::from_name(stage.name()), Some(stage));
        }
    }

    #[test]
    fn a_due_message_is_known_by_its_input_subject() {
        let input = Stream::Resolved.subject("acme", "order", "1234");
        let due = Stage::Deliver.due_subject(&input);
        assert_eq!(due, "tillbook.due.deliver.acme.order.1234");
        assert_eq!(Stage::Deliver.input_subject(&due), input);
        assert_eq!(Stage::Deliver.input_subject(&input), input);
    }

    #[test]
    fn only_the_retries_stream_schedules_and_only_the_journal_discards() {
        for stream in Stream::ALL {
            let config = stream.config(SIZING);
            assert_eq!(config.allow_message_schedules, stream == Stream::Retries);
            let drops_old = config.discard == stream::DiscardPolicy::Old && config.max_bytes != -1;
            assert_eq!(
                drops_old,
                stream == Stream::Journal,
                "only the journal may lose entries"
            );
        }
    }

    #[test]
    fn dots_spaces_and_wildcards_are_no_tokens() {
        for bad in ["", "a.b", "a b", "*", ">", "ä"] {
            assert!(!is_token(bad), "{bad:?}");
        }
        assert!(is_token("acme-2_x"));
    }
}

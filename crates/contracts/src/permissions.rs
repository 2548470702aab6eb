//! Who may do what on NATS: a user for each process, with the subjects it needs and no other.
//!
//! Worked out from the topology, so that a new stream or consumer brings its permissions along.
//! Not here: keys, and the form of the server's configuration (`tillbook bootstrap
//! --write-nats-config`). What each user is denied is spelled out once more, by hand, in
//! `tests/e2e/tests/permissions`.

use std::collections::BTreeSet;

use crate::topology::{Bucket, REPLAY_CONSUMER, REPLAY_FOLLOWS, Stage, Stream};

/// Where the replay service takes the requests of people.
pub const REPLAY_REQUESTS: &str = "tillbook.control.replay";

/// A process that connects to NATS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum User {
    Ingest,
    Validate,
    Transform,
    Lookup,
    Deliver,
    Monitor,
    Replay,
    /// Every service in one process.
    All,
    /// The commands of people: backfill, undo, prove, dlq, mapping.
    Operator,
    /// `tillbook bootstrap`: lays out streams, consumers and buckets; removes nothing.
    Bootstrap,
}

/// What a user may publish and subscribe to; everything else is denied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permissions {
    pub publish: BTreeSet<String>,
    pub subscribe: BTreeSet<String>,
    /// May answer each request it receives, once.
    pub answers: bool,
}

impl User {
    pub const ALL: [Self; 10] = [
        Self::Ingest,
        Self::Validate,
        Self::Transform,
        Self::Lookup,
        Self::Deliver,
        Self::Monitor,
        Self::Replay,
        Self::All,
        Self::Operator,
        Self::Bootstrap,
    ];

    /// The services, which [`User::All`] joins.
    const SERVICES: [Self; 7] = [
        Self::Ingest,
        Self::Validate,
        Self::Transform,
        Self::Lookup,
        Self::Deliver,
        Self::Monitor,
        Self::Replay,
    ];

    /// The user's name: of its process, its seed's file, its inbox.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Validate => "validate",
            Self::Transform => "transform",
            Self::Lookup => "lookup",
            Self::Deliver => "deliver",
            Self::Monitor => "monitor",
            Self::Replay => "replay",
            Self::All => "all",
            Self::Operator => "operator",
            Self::Bootstrap => "bootstrap",
        }
    }

    /// The prefix of the subjects on which the user's answers arrive.
    pub fn inbox_prefix(self) -> String {
        format!("_INBOX_{}", self.name())
    }

    /// Everything the user may do.
    pub fn permissions(self) -> Permissions {
        let mut may = Permissions::default();
        match self {
            Self::Ingest => ingest(&mut may),
            Self::Validate => may.work(Stage::Validate),
            Self::Transform => {
                may.work(Stage::Transform);
                may.watch(Bucket::Mappings);
            }
            Self::Lookup => {
                may.work(Stage::Lookup);
                may.read(Bucket::Ledger);
                may.call_freshbooks();
            }
            Self::Deliver => {
                may.work(Stage::Deliver);
                may.write(Bucket::Ledger);
                may.call_freshbooks();
            }
            Self::Monitor => monitor(&mut may),
            Self::Replay => replay(&mut may),
            Self::All => Self::SERVICES
                .into_iter()
                .for_each(|service| may.join(service.permissions())),
            Self::Operator => operator(&mut may),
            Self::Bootstrap => bootstrap(&mut may),
        }
        may.ask("INFO");
        if Self::SERVICES.contains(&self) {
            // Whether anything can be stored and read (ADR 0025).
            may.write(Bucket::Health);
        }
        if self == Self::All {
            may.subscribe
                .retain(|subject| !subject.starts_with("_INBOX_"));
        }
        may.subscribe.insert(format!("{}.>", self.inbox_prefix()));
        may
    }
}

fn ingest(may: &mut Permissions) {
    may.publish_to(Stream::Hints);
    may.work(Stage::Fetch);
    // An order that a backfill takes up again is no longer undone.
    may.read(Bucket::Ledger);
    may.mark_orders();
    may.write(Bucket::Connections);
    may.write(Bucket::Sweeps);
    // A sweep asks whether a hint of the order is stored already.
    let hints = Stream::Hints;
    may.ask(&format!("STREAM.INFO.{}", hints.name()));
    may.ask(&format!("DIRECT.GET.{}.{}", hints.name(), hints.filter()));
}

fn monitor(may: &mut Permissions) {
    for stream in [Stream::Journal, Stream::DeadLetters, Stream::Outcomes] {
        may.project(stream);
    }
    may.watch(Bucket::Connections);
    // For the proofs that it starts; the ledger names what an undo took out.
    may.read_tokens();
    may.read(Bucket::Ledger);
}

fn replay(may: &mut Permissions) {
    may.subscribe.insert(REPLAY_REQUESTS.to_owned());
    may.answers = true;
    let letters = Stream::DeadLetters.name();
    may.follow(Stream::DeadLetters);
    may.ask(&format!("DIRECT.GET.{letters}"));
    // A purge takes letters out for good.
    may.ask(&format!("STREAM.MSG.DELETE.{letters}"));
    for bucket in [Bucket::Letters, Bucket::Releases] {
        may.write(bucket);
        may.watch(bucket);
        may.ask(&format!("CONSUMER.MSG.NEXT.{}.*", stream_of(bucket)));
    }
    for stage in Stage::ALL {
        may.publish_to(stage.input());
    }
    may.publish_to(Stream::Journal);
    // How released letters end, and which of the others clear themselves.
    let outcomes = Stream::Outcomes;
    may.follow(outcomes);
    may.ask(&format!(
        "DIRECT.GET.{}.{}",
        outcomes.name(),
        outcomes.filter()
    ));
    for stream in REPLAY_FOLLOWS {
        let consumer = format!("{}.{REPLAY_CONSUMER}", stream.name());
        may.ask(&format!("CONSUMER.INFO.{consumer}"));
        may.ask(&format!("CONSUMER.MSG.NEXT.{consumer}"));
        may.publish.insert(format!("$JS.ACK.{consumer}.>"));
    }
    // The net: what was delivered too often becomes a letter.
    may.publish_to(Stream::DeadLetters);
    for stream in Stage::ALL
        .map(Stage::input)
        .into_iter()
        .chain([Stream::Retries])
    {
        may.ask(&format!("STREAM.INFO.{}", stream.name()));
        may.ask(&format!("STREAM.MSG.GET.{}", stream.name()));
    }
    may.ask(&format!("STREAM.MSG.DELETE.{}", Stream::Retries.name()));
    // Rehearsals.
    may.read(Bucket::Ledger);
    may.watch(Bucket::Mappings);
}

fn operator(may: &mut Permissions) {
    may.publish.insert(REPLAY_REQUESTS.to_owned());
    may.write(Bucket::Mappings);
    may.watch(Bucket::Mappings);
    // Backfill and undo.
    may.publish_to(Stream::Hints);
    may.publish_to(Stream::Resolved);
    may.publish_to(Stream::Journal);
    may.follow(Stream::Outcomes);
    may.follow(Stream::DeadLetters);
    may.write(Bucket::Runs);
    may.watch(Bucket::Runs);
    may.watch(Bucket::Ledger);
    may.mark_orders();
    may.read_tokens();
    for stage in Stage::ALL {
        may.see_consumer(stage.input(), stage);
    }
}

fn bootstrap(may: &mut Permissions) {
    let streams = Stream::ALL.map(|stream| stream.name().to_owned());
    let buckets = Bucket::ALL.map(stream_of);
    for stream in streams.iter().chain(&buckets) {
        for action in ["CREATE", "UPDATE", "INFO"] {
            may.ask(&format!("STREAM.{action}.{stream}"));
        }
    }
    for stage in Stage::ALL {
        for stream in [stage.input(), Stream::Retries] {
            let consumer = format!("{}.{}", stream.name(), stage.name());
            may.ask(&format!("CONSUMER.CREATE.{consumer}.>"));
        }
    }
    for stream in REPLAY_FOLLOWS {
        let consumer = format!("{}.{REPLAY_CONSUMER}", stream.name());
        may.ask(&format!("CONSUMER.CREATE.{consumer}.>"));
    }
    // Seals token records with the present key.
    may.write(Bucket::Tokens);
    may.watch(Bucket::Tokens);
}

impl Permissions {
    /// A request to JetStream.
    fn ask(&mut self, request: &str) {
        self.publish.insert(format!("$JS.API.{request}"));
    }

    fn publish_to(&mut self, stream: Stream) {
        self.publish.insert(stream.filter());
    }

    /// A stage: its messages in, its three exits, its journal.
    fn work(&mut self, stage: Stage) {
        for stream in [stage.input(), Stream::Retries] {
            let consumer = format!("{}.{}", stream.name(), stage.name());
            self.see_consumer(stream, stage);
            self.ask(&format!("CONSUMER.MSG.NEXT.{consumer}"));
            self.publish.insert(format!("$JS.ACK.{consumer}.>"));
        }
        self.publish_to(stage.output());
        self.publish.insert(stage.schedule_subject(">"));
        self.publish_to(Stream::DeadLetters);
        self.publish_to(Stream::Journal);
    }

    fn see_consumer(&mut self, stream: Stream, stage: Stage) {
        self.ask(&format!("CONSUMER.INFO.{}.{}", stream.name(), stage.name()));
    }

    /// Reads a stream through ordered consumers, which the client replaces after a gap.
    fn follow(&mut self, stream: Stream) {
        self.project(stream);
        self.ask(&format!("CONSUMER.DELETE.{}.*", stream.name()));
        // The one that replaces it has a name, and asks for the same subjects.
        let (name, filter) = (stream.name(), stream.filter());
        self.ask(&format!("CONSUMER.CREATE.{name}.*.{filter}"));
    }

    /// Reads a stream through consumers that the server names, and that end by themselves.
    fn project(&mut self, stream: Stream) {
        let stream = stream.name();
        self.ask(&format!("STREAM.INFO.{stream}"));
        self.ask(&format!("CONSUMER.CREATE.{stream}"));
        for request in ["INFO", "MSG.NEXT"] {
            self.ask(&format!("CONSUMER.{request}.{stream}.*"));
        }
    }

    /// Reads single keys.
    fn read(&mut self, bucket: Bucket) {
        let stream = stream_of(bucket);
        self.ask(&format!("STREAM.INFO.{stream}"));
        self.ask(&format!("DIRECT.GET.{stream}.{}", keys_of(bucket)));
    }

    fn write(&mut self, bucket: Bucket) {
        self.read(bucket);
        self.publish.insert(keys_of(bucket));
    }

    /// Marks orders as undone, or no longer.
    fn mark_orders(&mut self) {
        self.publish
            .insert(keys_of(Bucket::Ledger).replace('>', "*.order.*"));
    }

    /// Reads all keys, and what changes.
    fn watch(&mut self, bucket: Bucket) {
        self.read(bucket);
        let stream = stream_of(bucket);
        self.ask(&format!("CONSUMER.CREATE.{stream}"));
        // One that a restart of the server lost is replaced under a name: without this right a
        // watch went silent for good.
        self.ask(&format!("CONSUMER.CREATE.{stream}.*.{}", keys_of(bucket)));
        for request in ["INFO", "DELETE"] {
            self.ask(&format!("CONSUMER.{request}.{stream}.*"));
        }
        // Tells the server that it keeps up.
        self.publish.insert(format!("$JS.FC.{stream}.>"));
    }

    /// Calls FreshBooks with tokens that are refreshed once, and says when an account is held.
    fn call_freshbooks(&mut self) {
        self.read_tokens();
        self.write(Bucket::Connections);
    }

    /// Using a token may mean refreshing it.
    fn read_tokens(&mut self) {
        self.write(Bucket::Tokens);
        self.watch(Bucket::Tokens);
    }

    fn join(&mut self, other: Self) {
        self.publish.extend(other.publish);
        self.subscribe.extend(other.subscribe);
        self.answers |= other.answers;
    }
}

/// The stream behind a bucket.
fn stream_of(bucket: Bucket) -> String {
    format!("KV_{}", bucket.name())
}

fn keys_of(bucket: Bucket) -> String {
    format!("$KV.{}.>", bucket.name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::SUBJECT_ROOT;

    #[test]
    fn nobody_may_do_everything() {
        for user in User::ALL {
            let Permissions {
                publish, subscribe, ..
            } = user.permissions();
            for subject in publish.iter().chain(&subscribe) {
                let known = [
                    SUBJECT_ROOT,
                    "$JS.API",
                    "$JS.ACK",
                    "$JS.FC",
                    "$KV",
                    "_INBOX_",
                ];
                let is_known = known.iter().any(|root| subject.starts_with(root));
                assert!(is_known, "{}: {subject}", user.name());
                let first_wild = subject.find(['*', '>']).unwrap_or(subject.len());
                let fixed = subject[..first_wild]
                    .split('.')
                    .filter(|token| !token.is_empty());
                let least = if subject.starts_with("_INBOX_") { 1 } else { 2 };
                assert!(fixed.count() >= least, "{}: {subject}", user.name());
            }
        }
    }

    #[test]
    fn all_services_in_one_process_may_do_what_each_of_them_may() {
        let all = User::All.permissions();
        for service in User::SERVICES {
            assert!(all.publish.is_superset(&service.permissions().publish));
        }
        let inboxes = all.subscribe.iter().filter(|s| s.starts_with("_INBOX_"));
        assert_eq!(inboxes.count(), 1, "{:?}", all.subscribe);
    }
}

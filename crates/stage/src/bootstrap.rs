//! Creating and migrating what the pipeline needs on the server. Only `tillbook bootstrap` runs it.
//!
//! Idempotent and additive: what exists as described is left alone, what differs is updated in
//! place, nothing is ever deleted. Not here: the description itself (`contracts::topology`).

use async_nats::jetstream::{self, stream::StorageType};
use contracts::topology::{
    Bucket, REPLAY_CONSUMER, REPLAY_FOLLOWS, Sizing, Stage, Stream, replay_consumer,
};

/// What bootstrap did, for the person who ran it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub streams: Vec<&'static str>,
    pub consumers: Vec<&'static str>,
    pub buckets: Vec<&'static str>,
}

/// Something could not be created or migrated.
#[derive(Debug, thiserror::Error)]
#[error(
    "{what} {name} cannot be created or changed; check that this user may manage streams, and that \
     the server's JetStream has room for nats.storage_gib"
)]
pub struct Error {
    what: &'static str,
    name: &'static str,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// Brings the server to the topology.
pub async fn bootstrap(jetstream: &jetstream::Context, sizing: Sizing) -> Result<Report, Error> {
    let mut report = Report::default();
    for stream in Stream::ALL {
        let name = stream.name();
        let failed = |source| Error {
            what: "stream",
            name,
            source,
        };
        create_or_update(jetstream, stream.config(sizing))
            .await
            .map_err(failed)?;
        report.streams.push(name);
    }
    for stage in Stage::ALL {
        let name = stage.name();
        let failed = |source| Error {
            what: "consumer",
            name,
            source,
        };
        for (config, stream) in [
            (stage.consumer(), stage.input()),
            (stage.due_consumer(), Stream::Retries),
        ] {
            jetstream
                .create_consumer_on_stream(config, stream.name())
                .await
                .map_err(|error| failed(error.into()))?;
        }
        report.consumers.push(name);
    }
    for stream in REPLAY_FOLLOWS {
        jetstream
            .create_consumer_on_stream(replay_consumer(stream), stream.name())
            .await
            .map_err(|error| Error {
                what: "consumer",
                name: REPLAY_CONSUMER,
                source: error.into(),
            })?;
    }
    report.consumers.push(REPLAY_CONSUMER);
    for bucket in Bucket::ALL {
        let name = bucket.name();
        let failed = |source| Error {
            what: "key-value bucket",
            name,
            source,
        };
        jetstream
            .create_or_update_key_value(bucket.config(sizing))
            .await
            .map_err(|error| failed(error.into()))?;
        report.buckets.push(name);
    }
    Ok(report)
}

async fn create_or_update(
    jetstream: &jetstream::Context,
    config: jetstream::stream::Config,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let info = jetstream.create_or_update_stream(config.clone()).await?;
    // Old servers accept what they do not know and leave it out without an error.
    if info.config.storage != StorageType::File
        || info.config.allow_message_schedules != config.allow_message_schedules
    {
        return Err(
            "the server did not take the stream's settings over; is it older than 2.12.3?".into(),
        );
    }
    Ok(())
}

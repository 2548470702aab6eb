//! What is under way, what the ledger leaves open, what rests as dead letters.

use anyhow::Context;
use async_nats::jetstream::stream::RawMessageErrorKind;
use async_nats::jetstream::{self, consumer};
use contracts::dead_letter::DeadLetter;
use contracts::ledger::{ClientEntry, Intent, ItemEntry, OrderEntry};
use contracts::topology::{Bucket, Stage, Stream};
use futures::TryStreamExt;
use prost::Message;
use serde::{Deserialize, Serialize};

#[derive(Debug, Default, Serialize)]
pub(crate) struct Seen {
    /// Messages that a stage has not settled, in the order of the pipeline.
    under_way: Vec<(String, u64)>,
    /// Messages that wait for their next attempt.
    scheduled: u64,
    /// The moment up to which every list of every store has been swept.
    swept_to_ms: u64,
    /// `key: what` of each intent that the ledger holds open.
    open_intents: Vec<String>,
    dead_letters: Vec<Letter>,
}

#[derive(Debug, Serialize)]
struct Letter {
    stage: String,
    connection: String,
    entity: String,
    entity_id: String,
    codes: Vec<String>,
    words: Vec<String>,
}

#[derive(Deserialize)]
struct Progress {
    swept_to_ms: u64,
}

pub(crate) async fn look(jetstream: &jetstream::Context, whole: bool) -> anyhow::Result<Seen> {
    let mut seen = Seen {
        swept_to_ms: swept_to_ms(jetstream).await?,
        ..Seen::default()
    };
    // Along the way of a message: what moves on meanwhile is still met.
    for stage in Stage::ALL {
        for stream in [stage.input(), Stream::Retries] {
            let left = unsettled(jetstream, stage, stream).await?;
            if left > 0 {
                let name = format!("{} of {}", stage.name(), stream.name());
                seen.under_way.push((name, left));
            }
        }
    }
    let retries = jetstream.get_stream(Stream::Retries.name()).await?;
    seen.scheduled = retries.get_info().await?.state.messages;
    if whole {
        seen.open_intents = open_intents(jetstream).await?;
        seen.dead_letters = dead_letters(jetstream).await?;
    }
    Ok(seen)
}

async fn unsettled(
    jetstream: &jetstream::Context,
    stage: Stage,
    stream: Stream,
) -> anyhow::Result<u64> {
    let bound = jetstream
        .get_consumer_from_stream(stage.name(), stream.name())
        .await;
    let mut bound: consumer::PullConsumer = bound.map_err(|error| {
        anyhow::anyhow!("consumer {} of {}: {error}", stage.name(), stream.name())
    })?;
    let info = bound.info().await?;
    Ok(info
        .num_pending
        .saturating_add(u64::try_from(info.num_ack_pending)?))
}

/// The oldest of all lists; 0 while there is none.
async fn swept_to_ms(jetstream: &jetstream::Context) -> anyhow::Result<u64> {
    let bucket = jetstream.get_key_value(Bucket::Sweeps.name()).await?;
    let keys: Vec<String> = bucket.keys().await?.try_collect().await?;
    let mut oldest = None;
    for key in keys {
        if let Some(bytes) = bucket.get(key.as_str()).await? {
            let progress: Progress = serde_json::from_slice(&bytes)
                .with_context(|| format!("reading the progress of sweep {key}"))?;
            oldest = Some(progress.swept_to_ms.min(oldest.unwrap_or(u64::MAX)));
        }
    }
    Ok(oldest.unwrap_or(0))
}

async fn open_intents(jetstream: &jetstream::Context) -> anyhow::Result<Vec<String>> {
    let bucket = jetstream.get_key_value(Bucket::Ledger.name()).await?;
    let keys: Vec<String> = bucket.keys().await?.try_collect().await?;
    let mut open = Vec::new();
    for key in keys {
        let Some(bytes) = bucket.get(key.as_str()).await? else {
            continue;
        };
        let intent = match key.split('.').nth(1) {
            Some("order") => OrderEntry::decode(bytes).map(|entry| entry.intent),
            Some("client") => ClientEntry::decode(bytes).map(|entry| entry.intent),
            Some("item") => ItemEntry::decode(bytes).map(|entry| entry.intent),
            _ => anyhow::bail!("{key} is of no kind that the ledger holds"),
        };
        let intent = intent.with_context(|| format!("reading ledger entry {key}"))?;
        open.extend(intent.map(|intent| words(&key, &intent)));
    }
    Ok(open)
}

fn words(key: &str, intent: &Intent) -> String {
    format!("{key}: {}", intent.kind().as_str_name())
}

async fn dead_letters(jetstream: &jetstream::Context) -> anyhow::Result<Vec<Letter>> {
    let stream = jetstream.get_stream(Stream::DeadLetters.name()).await?;
    let state = stream.get_info().await?.state;
    let mut letters = Vec::new();
    for sequence in state.first_sequence.max(1)..=state.last_sequence {
        let message = match stream.get_raw_message(sequence).await {
            Ok(message) => message,
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => continue,
            Err(error) => return Err(error.into()),
        };
        let letter = DeadLetter::decode(message.payload)
            .with_context(|| format!("reading dead letter {sequence}"))?;
        letters.push(Letter {
            stage: letter.stage,
            connection: letter.connection,
            entity: letter.entity,
            entity_id: letter.entity_id,
            codes: letter.reasons.iter().map(|one| one.code.clone()).collect(),
            words: letter.reasons.into_iter().map(|one| one.message).collect(),
        });
    }
    Ok(letters)
}

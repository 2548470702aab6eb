//! The bare relay: pull, publish with a message id, await the PubAck, ack. Nothing of Tillbook's.
//!
//! Its streams and consumers have the limits of ours, so that the server does the same work. Each
//! hop has a connection of its own, as a service has.

use std::time::{Duration, Instant};

use async_nats::HeaderMap;
use async_nats::jetstream::{self, Message, consumer};
use bytes::Bytes;
use contracts::topology::{Sizing, Stage, Stream};
use futures::StreamExt;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::streams::Streams;

/// The streams whose configuration is copied, in the order of the way.
const MODELS: [Stream; 4] = [
    Stream::Ingested,
    Stream::Validated,
    Stream::Transformed,
    Stream::Resolved,
];
const STAGES: [Stage; 3] = [Stage::Validate, Stage::Transform, Stage::Lookup];
const ACK_LIMIT: Duration = Duration::from_secs(3);

/// Four streams and three hops between them.
pub(crate) struct Relay {
    streams: Streams,
    hops: Vec<Hop>,
    first_payload: Bytes,
}

struct Hop {
    jetstream: jetstream::Context,
    consumer: consumer::PullConsumer,
    subject: String,
    payload: Bytes,
    in_flight: usize,
}

fn stream_name(model: Stream) -> String {
    format!("BARE_{}", model.name())
}

fn subject(model: Stream) -> String {
    format!("bare.{}", model.token())
}

impl Relay {
    /// Makes the streams; `bytes` are the payload sizes on each of them.
    pub(crate) async fn create(
        streams: &Streams,
        url: &str,
        sizing: Sizing,
        bytes: [usize; 4],
        in_flight: usize,
    ) -> anyhow::Result<Self> {
        for model in MODELS {
            let mut config = model.config(sizing);
            config.name = stream_name(model);
            config.subjects = vec![format!("{}.>", subject(model))];
            streams.0.create_stream(config).await?;
        }
        let [first, rest @ ..] = bytes;
        let mut hops = Vec::new();
        for (((from, to), stage), bytes) in MODELS.iter().zip(&MODELS[1..]).zip(STAGES).zip(rest) {
            let jetstream = connect(url).await?;
            let mut config = stage.consumer();
            config.filter_subject = String::new();
            let consumer = jetstream
                .create_consumer_on_stream(config, stream_name(*from))
                .await?;
            let payload = vec![b'x'; bytes].into();
            hops.push(Hop {
                jetstream,
                consumer,
                subject: subject(*to),
                payload,
                in_flight,
            });
        }
        let first_payload = vec![b'x'; first].into();
        Ok(Self {
            streams: streams.clone(),
            hops,
            first_payload,
        })
    }

    /// Lays `count` messages ready; gives what the last stream holds when all have passed.
    pub(crate) async fn prefill(&self, round: usize, count: usize) -> anyhow::Result<u64> {
        for model in MODELS {
            self.streams.purge(&stream_name(model)).await?;
        }
        let [first, .., last] = MODELS;
        let base = self.streams.stored(&stream_name(last)).await?;
        let publishes = futures::stream::iter(0..count).map(|number| {
            let event = format!("{round}-{number}");
            let subject = format!("{}.{event}", subject(first));
            publish(
                &self.streams.0,
                subject,
                format!("{event}:fetch"),
                self.first_payload.clone(),
            )
        });
        let stored: Vec<anyhow::Result<()>> = publishes.buffer_unordered(256).collect().await;
        stored.into_iter().collect::<anyhow::Result<()>>()?;
        Ok(base.saturating_add(u64::try_from(count)?))
    }

    /// Carries what lies ready through all hops; how long that took.
    pub(crate) async fn round(&self, target: u64) -> anyhow::Result<Duration> {
        let [.., last] = MODELS;
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let began = Instant::now();
        for (hop, stage) in self.hops.iter().zip(STAGES) {
            let messages = hop
                .consumer
                .stream()
                .max_messages_per_batch(hop.in_flight)
                .messages()
                .await?;
            let (jetstream, subject, payload) = (
                hop.jetstream.clone(),
                hop.subject.clone(),
                hop.payload.clone(),
            );
            let (in_flight, stopped) = (hop.in_flight, stop.clone());
            tasks.spawn(async move {
                let until = messages.take_until(stopped.cancelled_owned());
                until
                    .for_each_concurrent(in_flight, |message| async {
                        // A failed hop shows as a round that does not end.
                        if let Ok(message) = message {
                            let _ =
                                carry(&jetstream, &subject, &payload, &message, stage.name()).await;
                        }
                    })
                    .await;
            });
        }
        let reached = self.streams.reach(&stream_name(last), target).await;
        let took = began.elapsed();
        stop.cancel();
        tasks.join_all().await;
        reached.map(|()| took)
    }
}

async fn connect(url: &str) -> anyhow::Result<jetstream::Context> {
    let client = crate::streams::connect(url).await?;
    Ok(jetstream::context::ContextBuilder::new()
        .timeout(ACK_LIMIT)
        .build(client))
}

async fn carry(
    jetstream: &jetstream::Context,
    subject: &str,
    payload: &Bytes,
    message: &Message,
    hop: &str,
) -> anyhow::Result<()> {
    let event = message.subject.rsplit('.').next().unwrap_or_default();
    let id = format!("{event}:{hop}");
    publish(jetstream, format!("{subject}.{event}"), id, payload.clone()).await?;
    message
        .ack()
        .await
        .map_err(|error| anyhow::anyhow!("{error}"))
}

async fn publish(
    jetstream: &jetstream::Context,
    subject: String,
    id: String,
    payload: Bytes,
) -> anyhow::Result<()> {
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Msg-Id", id);
    jetstream
        .publish_with_headers(subject, headers, payload)
        .await?
        .await?;
    Ok(())
}

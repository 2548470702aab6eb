//! Following streams from known places, for as long as somebody listens.
//!
//! A place is a sequence, so a process that goes on with somebody's work learns what happened
//! meanwhile. Not here: durable consumers ([`crate::pull`]), and what the messages say.

use std::time::Duration;

use async_nats::jetstream::{self, consumer::DeliverPolicy, consumer::pull};
use contracts::topology::Stream;
use futures::StreamExt;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::warn;

/// Pause before a stream is followed again.
const PAUSE: Duration = Duration::from_secs(1);

type Error = Box<dyn std::error::Error + Send + Sync>;

/// A stream, and from where on.
#[derive(Clone, Debug)]
pub struct Track {
    pub stream: Stream,
    /// Which of its subjects.
    pub filter: String,
    /// The sequence before the first message.
    pub after: u64,
}

/// Streams that are followed until this is dropped; trouble with the server is waited out.
#[derive(Debug)]
pub struct Followed<T> {
    /// What was read, in the order of each stream. While it is full, more waits in the streams.
    pub queue: mpsc::Receiver<T>,
    _tasks: JoinSet<()>,
}

/// Follows every track; `read` says what a message is, and `None` leaves it out.
pub fn follow<T: Send + 'static>(
    jetstream: &jetstream::Context,
    tracks: impl IntoIterator<Item = Track>,
    queue_max: usize,
    read: fn(Stream, &jetstream::Message) -> Option<T>,
) -> Followed<T> {
    let (sender, queue) = mpsc::channel(queue_max);
    let mut tasks = JoinSet::new();
    for mut track in tracks {
        let (jetstream, sender) = (jetstream.clone(), sender.clone());
        tasks.spawn(async move {
            while !sender.is_closed() {
                if let Err(error) = hand_on(&jetstream, &mut track, &sender, read).await {
                    let stream = track.stream.name();
                    warn!(stream, error, "a stream is not followed; begun again");
                }
                tokio::time::sleep(PAUSE).await;
            }
        });
    }
    Followed {
        queue,
        _tasks: tasks,
    }
}

/// Hands on what comes after the place, and moves it.
async fn hand_on<T>(
    jetstream: &jetstream::Context,
    track: &mut Track,
    sender: &mpsc::Sender<T>,
    read: fn(Stream, &jetstream::Message) -> Option<T>,
) -> Result<(), Error> {
    let found = jetstream.get_stream(track.stream.name()).await?;
    let config = pull::OrderedConfig {
        deliver_policy: DeliverPolicy::ByStartSequence {
            start_sequence: track.after.saturating_add(1),
        },
        filter_subject: track.filter.clone(),
        ..pull::OrderedConfig::default()
    };
    let mut messages = found.create_consumer(config).await?.messages().await?;
    while let Some(message) = messages.next().await {
        let message = message?;
        if let Some(one) = read(track.stream, &message)
            && sender.send(one).await.is_err()
        {
            return Ok(());
        }
        if let Ok(info) = message.info() {
            track.after = info.stream_sequence;
        }
    }
    Ok(())
}

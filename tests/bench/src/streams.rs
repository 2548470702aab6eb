//! The pipeline's streams as seen from outside: how far it is, and whether it is at rest.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use async_nats::jetstream::{self, consumer};
use contracts::topology::{Stage, Stream};
use testkit::{TEST_USER, eventually};

/// A connection of the bench's own.
#[derive(Clone, Debug)]
pub(crate) struct Streams(pub(crate) jetstream::Context);

/// Longest wait for the pipeline to get done with what it was given.
const LIMIT: Duration = Duration::from_secs(900);

/// Longest wait in which nothing at all comes through: what stands still will not move later.
const STANDSTILL: Duration = Duration::from_secs(60);

/// Between two looks at what was put off; often enough, and no load beside what is measured.
const PUT_OFF_EVERY: Duration = Duration::from_secs(1);

/// Connects as the bench, which may do everything.
pub(crate) async fn connect(url: &str) -> anyhow::Result<async_nats::Client> {
    let (user, password) = (TEST_USER.to_owned(), TEST_USER.to_owned());
    async_nats::ConnectOptions::with_user_and_password(user, password)
        .connect(url)
        .await
        .context("connecting to NATS")
}

impl Streams {
    pub(crate) async fn open(url: &str) -> anyhow::Result<Self> {
        Ok(Self(jetstream::new(connect(url).await?)))
    }

    /// How many messages were ever stored in a stream.
    pub(crate) async fn stored(&self, stream: &str) -> anyhow::Result<u64> {
        let stream = self.0.get_stream(stream).await?;
        Ok(stream.cached_info().state.last_sequence)
    }

    /// How many messages a stream holds now.
    pub(crate) async fn held(&self, stream: &str) -> anyhow::Result<u64> {
        let stream = self.0.get_stream(stream).await?;
        Ok(stream.cached_info().state.messages)
    }

    pub(crate) async fn purge(&self, stream: &str) -> anyhow::Result<()> {
        self.0.get_stream(stream).await?.purge().await?;
        Ok(())
    }

    /// Waits until a stream has stored `target` messages in all.
    ///
    /// A dead letter on the way is an error, since what was measured would not be what was meant;
    /// so is a standstill.
    pub(crate) async fn reach(&self, stream: &str, target: u64) -> anyhow::Result<()> {
        let what = format!("{target} messages in {stream}");
        let (mut last, mut moved) = (0, Instant::now());
        let stopped = eventually(LIMIT, &what, async || {
            let stored = self.stored(stream).await?;
            if stored >= target {
                return Ok(None);
            }
            if stored != last {
                (last, moved) = (stored, Instant::now());
            }
            let dead = self.stored(Stream::DeadLetters.name()).await?;
            if dead > 0 {
                return Ok(Some(format!("{dead} dead letters")));
            }
            if moved.elapsed() > STANDSTILL {
                let retries = self.stored(Stream::Retries.name()).await?;
                let for_s = STANDSTILL.as_secs();
                return Ok(Some(format!(
                    "nothing came for {for_s} s after {stored}, and {retries} were put off"
                )));
            }
            anyhow::bail!("{stored} so far")
        })
        .await?;
        match stopped {
            None => Ok(()),
            Some(why) => anyhow::bail!("{why} while waiting for {what}"),
        }
    }

    /// Returns an error as soon as any message is put off to another attempt.
    pub(crate) async fn put_off(&self, before: u64) -> anyhow::Result<Infallible> {
        loop {
            let retries = self.stored(Stream::Retries.name()).await?;
            ensure!(
                retries <= before,
                "{} messages were put off to another attempt; the log above says why (does a stage \
                 ask a vendor that is not there?)",
                retries.saturating_sub(before)
            );
            tokio::time::sleep(PUT_OFF_EVERY).await;
        }
    }

    /// Waits until every stage has worked off what its stream and its retries hold.
    pub(crate) async fn at_rest(&self) -> anyhow::Result<()> {
        eventually(LIMIT, "every stage at rest", async || {
            for stage in Stage::ALL {
                for stream in [stage.input(), Stream::Retries] {
                    let left = self.left(stage, stream).await?;
                    ensure!(
                        left == 0,
                        "{} has {left} of {}",
                        stage.name(),
                        stream.name()
                    );
                }
            }
            Ok(())
        })
        .await
    }

    /// Messages that any stage has before it or works on; those that wait for their next attempt
    /// are none of them.
    pub(crate) async fn under_way(&self) -> anyhow::Result<u64> {
        let mut sum = 0_u64;
        for stage in Stage::ALL {
            for stream in [stage.input(), Stream::Retries] {
                sum = sum.saturating_add(self.left(stage, stream).await?);
            }
        }
        Ok(sum)
    }

    async fn left(&self, stage: Stage, stream: Stream) -> anyhow::Result<u64> {
        let bound = self
            .0
            .get_consumer_from_stream(stage.name(), stream.name())
            .await;
        let bound: consumer::PullConsumer = bound.map_err(|error| anyhow::anyhow!("{error}"))?;
        let info = bound.cached_info();
        Ok(info
            .num_pending
            .saturating_add(u64::try_from(info.num_ack_pending)?))
    }
}

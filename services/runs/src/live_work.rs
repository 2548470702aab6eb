//! How much work waits in the stages that no run brought.
//!
//! Approximate: a message between two stages may count twice for a moment. It decides who goes
//! first, never what is done.

use std::time::Duration;

use async_nats::jetstream::{self, consumer};
use contracts::topology::Stage;
use tokio::time::Instant;

use crate::Error;

/// How old a count may be.
const FRESH_FOR: Duration = Duration::from_millis(500);

/// Counts what the stages hold.
pub(crate) struct LiveWork {
    consumers: Vec<consumer::PullConsumer>,
    counted: Option<(Instant, u64)>,
}

impl LiveWork {
    /// Binds to the stages' consumers.
    pub(crate) async fn bind(jetstream: &jetstream::Context) -> Result<Self, Error> {
        let mut consumers = Vec::new();
        for stage in Stage::ALL {
            let bound = jetstream
                .get_consumer_from_stream(stage.name(), stage.input().name())
                .await;
            consumers.push(bound.map_err(Error::nats(
                "binding the stages' consumers; run `tillbook bootstrap` first",
            ))?);
        }
        Ok(Self {
            consumers,
            counted: None,
        })
    }

    /// Messages that wait or are worked on in any stage, a run's own included.
    pub(crate) async fn count(&mut self) -> Result<u64, Error> {
        if let Some((at, count)) = self.counted
            && at.elapsed() < FRESH_FOR
        {
            return Ok(count);
        }
        let mut count = 0_u64;
        for consumer in &mut self.consumers {
            let info = consumer.info().await;
            let info = info.map_err(Error::nats("counting what the stages hold"))?;
            let worked_on = u64::try_from(info.num_ack_pending).unwrap_or(u64::MAX);
            count = count
                .saturating_add(info.num_pending)
                .saturating_add(worked_on);
        }
        self.counted = Some((Instant::now(), count));
        Ok(count)
    }
}

//! What everything in replay works with: the streams, the catalogue, the records.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::stream::DirectGetErrorKind;
use contracts::dead_letter::DeadLetter;
use contracts::topology::Stream;
use prost::Message;
use stage::StageContext;
use tracing::warn;

use crate::bulk::Records;
use crate::catalogue::Catalogue;
use crate::error::Error;
use crate::rehearsal::Rehearse;
use crate::states::States;
use crate::streams;

/// The furniture of one replay process.
pub(crate) struct Desk {
    pub(crate) context: StageContext,
    pub(crate) catalogue: Catalogue,
    pub(crate) states: States,
    pub(crate) releases: Records,
    pub(crate) rehearsal: Arc<dyn Rehearse>,
}

/// Who wants something done, and why; kept in the journal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct By<'a> {
    pub(crate) who: &'a str,
    pub(crate) why: &'a str,
}

impl By<'_> {
    /// Nothing is done without a reason.
    pub(crate) fn check(self, what: &str) -> Result<(), Error> {
        if self.why.trim().is_empty() {
            Error::refused(format!("{what} needs a reason"))
        } else {
            Ok(())
        }
    }
}

impl Desk {
    pub(crate) async fn open(
        context: StageContext,
        rehearsal: Arc<dyn Rehearse>,
    ) -> Result<Self, Error> {
        let jetstream = &context.jetstream;
        Ok(Self {
            catalogue: Catalogue::new(jetstream.clone()),
            states: States::bind(jetstream).await?,
            releases: Records::bind(jetstream).await?,
            rehearsal,
            context,
        })
    }

    /// Between two rounds of lasting work: says what went wrong in the last one, and waits. False
    /// when the process shuts down.
    pub(crate) async fn goes_on(
        &self,
        round: Result<(), Error>,
        trouble: &'static str,
        pause: Duration,
    ) -> bool {
        if let Err(error) = round {
            warn!(error = error.words(), "{trouble}");
        }
        tokio::select! {
            biased;
            () = self.context.shutdown.cancelled() => false,
            () = tokio::time::sleep(pause) => true,
        }
    }

    /// Work that a shutdown may cut off anywhere.
    pub(crate) async fn until_shutdown(
        &self,
        work: impl Future<Output = Result<(), Error>>,
    ) -> Result<(), Error> {
        tokio::select! {
            done = work => done,
            () = self.context.shutdown.cancelled() => Ok(()),
        }
    }

    /// The letter of an id, whether or not it still rests.
    pub(crate) async fn letter(&self, id: &str) -> Result<DeadLetter, Error> {
        let sequence = self.catalogue.now().await?.of_id(id).map(|l| l.sequence);
        match sequence {
            Some(sequence) => self.letter_at(sequence).await,
            None => self.settled_letter(id).await,
        }
    }

    /// The letter at a place in the stream.
    pub(crate) async fn letter_at(&self, sequence: u64) -> Result<DeadLetter, Error> {
        let what = "reading the dead letter";
        let name = Stream::DeadLetters.name();
        let stream = self.context.jetstream.get_stream_no_info(name).await;
        let stream = stream.map_err(Error::nats(what))?;
        let message = stream.direct_get(sequence).await;
        let message = message.map_err(|error| match error.kind() {
            DirectGetErrorKind::NotFound => {
                Error::Refused("the letter expired or was purged".to_owned())
            }
            _ => Error::nats(what)(error),
        })?;
        DeadLetter::decode(message.payload).map_err(Error::nats(what))
    }

    /// Letters that no longer rest are in no catalogue; people look at them seldom.
    async fn settled_letter(&self, id: &str) -> Result<DeadLetter, Error> {
        let mut found = None;
        self.each_letter(|_, letter| {
            found = Some(letter).filter(|letter| letter.dead_letter_id == id);
            found.is_none()
        })
        .await?;
        found.map_or_else(
            || Error::refused(format!("no dead letter has the id {id}")),
            Ok,
        )
    }

    /// Hands on every letter that is stored and can be read, oldest first, until `visit` returns
    /// false.
    pub(crate) async fn each_letter(
        &self,
        mut visit: impl FnMut(u64, DeadLetter) -> bool,
    ) -> Result<(), Error> {
        let (name, filter) = (Stream::DeadLetters.name(), Stream::DeadLetters.filter());
        let jetstream = &self.context.jetstream;
        streams::read(jetstream, name, filter, 1, |sequence, message| {
            DeadLetter::decode(message.payload.clone())
                .map_or(true, |letter| visit(sequence, letter))
        })
        .await
        .map(|_| ())
    }
}

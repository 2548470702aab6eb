//! Why replay could not do what was asked.

/// A request that was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The request itself cannot be met; plain words with the remedy.
    #[error("{0}")]
    Refused(String),
    #[error("{what}")]
    Nats {
        what: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("the message could not be stored")]
    Publish(#[from] stage::PublishError),
    #[error("the journal's entry could not be stored")]
    Journal(#[from] stage::JournalError),
    #[error("the release was taken over by another process; this one stops")]
    TakenOver,
}

impl Error {
    /// Wraps a failed call to NATS.
    pub(crate) fn nats<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
        what: &'static str,
    ) -> impl FnOnce(E) -> Self {
        move |source| Self::Nats {
            what,
            source: source.into(),
        }
    }

    /// A refusal in plain words.
    pub(crate) fn refused<T>(why: impl Into<String>) -> Result<T, Self> {
        Err(Self::Refused(why.into()))
    }

    /// The whole chain in one line.
    pub(crate) fn words(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        text
    }
}

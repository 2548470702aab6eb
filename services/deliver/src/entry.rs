//! The ledger entry at hand: intents before effects, results after them, fenced by revision.
//!
//! A result is stored together with the next intent, so each step costs one write. A crash in
//! between leaves the last intent open, and an open intent is looked up before anything is
//! written again. Not here: what the steps are.

use std::time::Duration;

use connect::VendorError;
use contracts::ledger::{Intent, IntentKind, OrderEntry};
use domain::money::Money;
use stage::{Failure, Reason, vendor};
use store::ledger::{Error, Ledger, Versioned};

use crate::account::Workplace;
use crate::send_by::SendBy;
use crate::wire;

/// The entry of one order while it is worked on.
#[derive(Debug)]
pub(crate) struct OpenEntry<'a> {
    ledger: &'a Ledger,
    connection: &'a str,
    order_id: &'a str,
    owner: &'a str,
    settle: Duration,
    revision: u64,
    dirty: bool,
    pub value: OrderEntry,
}

/// What is being written, so that it can be known again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    pub hash: String,
    pub total: Money,
}

impl<'a> OpenEntry<'a> {
    /// Reads the entry; an empty one when the order is new to the ledger.
    pub(crate) async fn read(
        ledger: &'a Ledger,
        connection: &'a str,
        order_id: &'a str,
        owner: &'a str,
        settle: Duration,
    ) -> Result<Self, Failure> {
        let Versioned { value, revision } = ledger
            .order(connection, order_id)
            .await
            .map_err(|e| failure(&e))?;
        Ok(Self {
            ledger,
            connection,
            order_id,
            owner,
            settle,
            revision,
            dirty: false,
            value,
        })
    }

    /// Marks a change that the next write stores.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut OrderEntry)) {
        change(&mut self.value);
        self.dirty = true;
    }

    /// Stores the intent, and every result before it, before the effect may begin. An error also
    /// when that took so long that the effect may no longer begin.
    pub(crate) async fn begin(
        &mut self,
        kind: IntentKind,
        natural_key: &str,
        content: Option<Content>,
    ) -> Result<(), Failure> {
        let send_by = SendBy::start(self.settle);
        let attempt = self.value.intent.as_ref().map_or(0, |open| open.attempt);
        self.value.intent = Some(Intent {
            kind: kind.into(),
            natural_key: natural_key.to_owned(),
            owner: self.owner.to_owned(),
            started_at_ms: store::now_ms(),
            attempt: attempt.saturating_add(1),
            total: content.as_ref().map(|content| wire::money(content.total)),
            content_hash: content.map(|content| content.hash).unwrap_or_default(),
        });
        self.write().await?;
        send_by.check()
    }

    /// Takes the result of the effect; stored with the next write.
    pub(crate) fn done(&mut self, result: impl FnOnce(&mut OrderEntry)) {
        self.value.intent = None;
        self.change(result);
    }

    /// The effect certainly did not happen: the intent is withdrawn.
    pub(crate) async fn withdraw(&mut self) -> Result<(), Failure> {
        self.value.intent = None;
        self.write().await
    }

    /// The exit after a write failed. While its outcome is not known the intent stays open, and is
    /// looked up once the call has ended for certain; otherwise it is withdrawn.
    pub(crate) async fn write_failed(
        &mut self,
        place: &Workplace<'_>,
        what: &str,
        error: &VendorError,
    ) -> Failure {
        if error.is_outcome_unknown() {
            return place.after_settling(vendor::failure(what, error));
        }
        match self.withdraw().await {
            Ok(()) => place.vendor_failure(what, error).await,
            Err(failure) => failure,
        }
    }

    /// Stores the entry although nothing may have changed: an error when another worker has it.
    pub(crate) async fn confirm(&mut self) -> Result<(), Failure> {
        self.write().await
    }

    /// Stores what is not stored yet.
    pub(crate) async fn finish(&mut self) -> Result<(), Failure> {
        if self.dirty {
            self.write().await
        } else {
            Ok(())
        }
    }

    async fn write(&mut self) -> Result<(), Failure> {
        let written = self
            .ledger
            .put_order(self.connection, self.order_id, &self.value, self.revision)
            .await;
        self.revision = written.map_err(|error| failure(&error))?;
        self.dirty = false;
        Ok(())
    }
}

/// The exit after a ledger error. Being fenced is no fault: another worker has the order.
pub(crate) fn failure(error: &Error) -> Failure {
    let code = match error {
        Error::Fenced { .. } => "fenced",
        Error::Unreadable { .. } => {
            return Failure::held(Reason::new("ledger_unreadable", error.to_string()));
        }
        Error::Read { .. } | Error::List(_) | Error::Write { .. } => "ledger_unavailable",
    };
    Failure::retry(Reason::new(code, error.to_string()))
}

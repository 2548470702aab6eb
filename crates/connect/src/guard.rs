//! What stands before every call of a client: the breaker, then the budget.

use std::fmt;
use std::sync::Arc;

use crate::breaker::{Breaker, BreakerSettings, BreakerWatch, Through, is_breakdown};
use crate::error::VendorError;
use crate::gate::{Gate, Pass, Sharing};
use crate::window::{Entry, Told};

/// How a client is kept from asking too much of its vendor.
#[derive(Clone, Default)]
pub struct Guards {
    pub sharing: Sharing,
    pub breaker: BreakerSettings,
    pub watch: Option<Arc<dyn BreakerWatch>>,
}

impl fmt::Debug for Guards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guards")
            .field("breaker", &self.breaker)
            .finish_non_exhaustive()
    }
}

impl Guards {
    pub(crate) fn breaker(&self) -> Breaker {
        Breaker::new(self.breaker, self.watch.clone())
    }
}

/// A call that may be made.
pub(crate) struct Admitted<'a> {
    through: Through<'a>,
    pass: Pass<'a>,
    gate: &'a Gate,
}

/// Both guards, the breaker first: a call that is not made takes nothing of a window.
pub(crate) async fn admit<'a>(
    breaker: &'a Breaker,
    gate: &'a Gate,
    entry: Entry,
) -> Result<Admitted<'a>, VendorError> {
    let through = breaker.enter()?;
    let pass = gate.enter(entry).await;
    let pass = pass.map_err(|after| VendorError::RetryAfter { after })?;
    Ok(Admitted {
        through,
        pass,
        gate,
    })
}

impl Admitted<'_> {
    /// What came of the call, and what its reply said of the window.
    pub(crate) async fn ended<T>(self, told: Option<Told>, result: &Result<T, VendorError>) {
        self.through.ended(result);
        match (result, told) {
            // The figures of a refusal belong to the refusal: they say nothing beyond its wait.
            (Err(VendorError::RetryAfter { after }), _) => self.gate.shut(*after).await,
            // What broke down may have been told by something in between.
            (Err(error), _) if is_breakdown(error) => {}
            (_, Some(told)) => self.gate.heard(&self.pass, told).await,
            (_, None) => {}
        }
    }
}

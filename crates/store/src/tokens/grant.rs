//! A new grant in place of the present one, while the processes that use it run.
//!
//! They read the record before they give a call back, so nobody needs a restart. Not here: asking
//! a person for it (`tillbook grant`).

use connect::freshbooks::TokenError;
use secrecy::SecretString;

use super::Tokens;

impl Tokens {
    /// Spends the refresh token of a new grant and stores the pair it gives.
    ///
    /// The token is spent under a claim, as in every refresh. One that FreshBooks refuses changes
    /// nothing: a grant that still works is kept.
    ///
    /// Errors: [`TokenError::Vendor`] when FreshBooks did not take it, with
    /// [`connect::VendorError::GrantRevoked`] when it does not know it; [`TokenError::Unavailable`]
    /// when NATS does not answer or another process refreshes for too long.
    pub async fn take_grant(&self, refresh_token: SecretString) -> Result<(), TokenError> {
        let mut known = self.inner.known.lock().await;
        let waited_for = tokio::time::Instant::now();
        let (record, claimed) = loop {
            let (record, revision) = self.inner.read().await?;
            if self
                .inner
                .waited_for_claim(&record, revision, waited_for)
                .await?
            {
                continue;
            }
            if let Some(claimed) = self.inner.claim(&record, revision).await? {
                break (record, claimed);
            }
        };
        let fresh = self
            .inner
            .spend_apart(record, claimed, refresh_token)
            .await?;
        *known = Some(fresh);
        Ok(())
    }
}

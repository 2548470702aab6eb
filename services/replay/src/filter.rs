//! Which letters a request is about.

use contracts::topology::is_token;
use serde::{Deserialize, Serialize};

use crate::catalogue::Resting;
use crate::error::Error;

/// Which letters are meant; what is absent matches all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Filter {
    pub connection: Option<String>,
    pub stage: Option<String>,
    /// held, rejected, exhausted or unreadable.
    pub kind: Option<String>,
    /// Code of any of the reasons.
    pub code: Option<String>,
    /// order, customer or product.
    pub entity: Option<String>,
    pub entity_id: Option<String>,
    /// The fingerprint of a cause.
    pub group: Option<String>,
    /// Only letters that are at least so old.
    pub older_than_ms: Option<u64>,
    /// Only letters that are at most so old.
    pub newer_than_ms: Option<u64>,
}

impl Filter {
    /// Whether a letter is meant at this time, Unix milliseconds.
    pub(crate) fn matches(&self, letter: &Resting, now_ms: u64) -> bool {
        let is = |wanted: &Option<String>, found: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == found)
        };
        let age_ms = now_ms.saturating_sub(letter.dead_at_ms);
        let [connection, entity, entity_id] = &letter.key;
        is(&self.connection, connection)
            && is(&self.entity, entity)
            && is(&self.entity_id, entity_id)
            && is(&self.stage, &letter.stage)
            && is(&self.kind, letter.kind)
            && is(&self.group, &letter.cause.fingerprint)
            && self
                .code
                .as_ref()
                .is_none_or(|code| letter.codes.contains(code))
            && self.older_than_ms.is_none_or(|least| age_ms >= least)
            && self.newer_than_ms.is_none_or(|most| age_ms <= most)
    }

    /// Names that could match nothing are told as mistakes.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if let Some(name) = self.connection.as_ref().filter(|name| !is_token(name)) {
            return Error::refused(format!("{name:?} cannot be the name of a connection"));
        }
        let kinds = ["held", "rejected", "exhausted", "unreadable"];
        if let Some(kind) = self.kind.as_deref().filter(|kind| !kinds.contains(kind)) {
            let known = kinds.join(", ");
            return Error::refused(format!("{kind:?} is no kind of letter; there are {known}"));
        }
        Ok(())
    }
}

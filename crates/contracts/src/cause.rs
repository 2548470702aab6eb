//! The cause of a dead letter: which letters one fix helps, what that fix is, what is at stake.
//!
//! Pure, and the one place that decides it: the runner writes the cause into each letter, and
//! replay works it out for letters of versions that did not. Not here: making letters (`stage`).

mod at_stake;
mod fixes;
mod normalise;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use crate::dead_letter::{Cause, DeadLetter, DeadLetterKind, Reason};
use crate::original::Original;

pub use at_stake::at_stake;

/// Code of the reason that says a message killed its worker again and again.
pub const WORKER_DIED: &str = "worker_died";
/// Code of the reason that only says that retries ended; the cause stands beside it.
const RETRIES_SPENT: &str = "retries_spent";
/// Bytes of the hash that a fingerprint shows.
const FINGERPRINT_BYTES: usize = 8;

/// The cause of a letter, whatever the letter itself says of it.
pub fn work_out(letter: &DeadLetter) -> Cause {
    let original = Original::of(letter);
    let code = first_code(letter);
    let version_ms = original.as_ref().and_then(Original::event);
    Cause {
        class: class(letter, code).to_owned(),
        fingerprint: fingerprint(letter),
        proposed_fix: fixes::proposed(&letter.stage, letter.kind(), code).to_owned(),
        at_stake: original.as_ref().and_then(at_stake),
        version_ms: version_ms.map_or(0, |event| event.version_ms),
    }
}

/// The cause as the letter carries it; worked out for letters of versions that did not say.
pub fn of(letter: &DeadLetter) -> Cause {
    match &letter.cause {
        Some(cause) if !cause.fingerprint.is_empty() => cause.clone(),
        _ => work_out(letter),
    }
}

/// The reason that counts: not the one that only says that retries ended.
fn first_code(letter: &DeadLetter) -> &str {
    let mut reasons = letter.reasons.iter();
    let telling = reasons.find(|reason| reason.code != RETRIES_SPENT);
    telling.map_or("", |reason| reason.code.as_str())
}

/// What kind of trouble it is, in one word.
fn class(letter: &DeadLetter, code: &str) -> &'static str {
    match (letter.kind(), code) {
        (_, WORKER_DIED) => "crash",
        (
            _,
            "panic" | "timeout" | "too_many_steps" | "nameless_message" | "incomplete_plan"
            | "incomplete_order" | "unreadable_plan" | "unreadable_order" | "ledger_unreadable",
        ) => "bug",
        (DeadLetterKind::Unreadable, _) => "unreadable",
        (DeadLetterKind::Exhausted, _) => "outage",
        (DeadLetterKind::Held, _) if letter.stage == "validate" => "data",
        (DeadLetterKind::Held, _) => "decision",
        (DeadLetterKind::Rejected | DeadLetterKind::Unspecified, _) => "refusal",
    }
}

/// A hash over what letters of one cause share: stage, kind, and each reason's code, place and
/// words, without the ids, amounts and names in them.
fn fingerprint(letter: &DeadLetter) -> String {
    let telling = |reason: &&Reason| reason.code != RETRIES_SPENT;
    let reasons: BTreeSet<[String; 3]> = letter
        .reasons
        .iter()
        .filter(telling)
        .map(|reason| {
            [
                reason.code.clone(),
                normalise::path(&reason.path),
                normalise::message(&reason.message, &[&letter.connection, &letter.entity_id]),
            ]
        })
        .collect();
    let mut hash = Sha256::new();
    let mut part = |text: &str| {
        // Lengths keep neighbours apart.
        hash.update(text.len().to_le_bytes());
        hash.update(text.as_bytes());
    };
    part(&letter.stage);
    part(letter.kind().as_str_name());
    reasons.iter().flatten().for_each(|text| part(text));
    let hash = hash.finalize();
    let shown = hash.iter().take(FINGERPRINT_BYTES);
    shown.map(|byte| format!("{byte:02x}")).collect()
}

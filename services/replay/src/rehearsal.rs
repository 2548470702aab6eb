//! A rehearsal: what would happen in FreshBooks if a letter were released, without writing.
//!
//! Which functions are run is the binary's matter: replay knows no other service. Not here:
//! whether FreshBooks would take it, which only FreshBooks knows.

use contracts::dead_letter::DeadLetter;
use contracts::original::{Original, schema_of};
use futures::future::BoxFuture;
use serde_json::{Value, json};

use crate::desk::Desk;
use crate::error::Error;

/// Runs the stages from where a message stands, as far as they are pure, and the difference with
/// the ledger.
pub trait Rehearse: Send + Sync + 'static {
    /// What would happen to the message in its connection. Writes nothing anywhere.
    fn rehearse<'a>(&'a self, connection: &'a str, original: Original) -> BoxFuture<'a, Rehearsed>;
}

/// What a rehearsal tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rehearsed {
    /// What would be done in FreshBooks, in order; empty when nothing would.
    pub steps: Vec<String>,
    /// What would stop it: each reason in plain words.
    pub holds: Vec<String>,
    /// What a rehearsal cannot know.
    pub cannot_tell: Vec<String>,
}

/// Rehearses a letter with its edited payload, if it has one.
pub(crate) async fn rehearse(desk: &Desk, id: &str) -> Result<Value, Error> {
    let letter = desk.letter(id).await?;
    let (state, _) = desk.states.get(id).await?;
    let edited = desk.states.edited(id, &state).await?;
    let is_edited = edited.is_some();
    let payload = edited.unwrap_or_else(|| letter.original_payload.clone());
    let rehearsed = match original(&letter, &payload) {
        Some(original) => desk.rehearsal.rehearse(&letter.connection, original).await,
        None => Rehearsed {
            holds: vec![
                "the bytes cannot be read, and would not be the next time; release with --refetch"
                    .to_owned(),
            ],
            ..Rehearsed::default()
        },
    };
    Ok(json!({
        "dead_letter_id": id,
        "stage": letter.stage,
        "edited": is_edited,
        "would_do": rehearsed.steps,
        "would_be_stopped_by": rehearsed.holds,
        "cannot_tell": rehearsed.cannot_tell,
    }))
}

fn original(letter: &DeadLetter, payload: &[u8]) -> Option<Original> {
    Original::decode(&schema_of(letter)?, payload)
}

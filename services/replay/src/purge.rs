//! Taking letters and their bytes out for good, with a reason.
//!
//! What stays is who did it, when, why, and the letters' ids. Not here: letters that clear
//! themselves (`clear`), whose bytes stay until they expire.

use contracts::journal::JournalKind;
use contracts::topology::Stream;
use serde_json::{Value, json};
use store::now_ms;

use crate::audit;
use crate::catalogue::Resting;
use crate::desk::{By, Desk};
use crate::error::Error;
use crate::filter::Filter;
use crate::states::{Fate, State};

/// Letters that one request takes out; the next one goes on.
const AT_A_TIME: usize = 500;

/// Purges the letter of an id.
pub(crate) async fn one(desk: &Desk, id: &str, by: By<'_>) -> Result<Value, Error> {
    by.check("a purge")?;
    let Some(letter) = desk.catalogue.now().await?.of_id(id).cloned() else {
        return Error::refused(format!("no dead letter with the id {id} rests"));
    };
    purge(desk, &[letter], by).await?;
    Ok(json!({ "purged": 1, "left": 0 }))
}

/// Purges letters that the filter names, as many as one request may; says how many are left.
pub(crate) async fn many(desk: &Desk, filter: &Filter, by: By<'_>) -> Result<Value, Error> {
    by.check("a purge")?;
    filter.check()?;
    if *filter == Filter::default() {
        return Error::refused("a purge needs a filter; name at least a connection or a group");
    }
    let now = now_ms();
    let mut matching: Vec<Resting> = {
        let letters = desk.catalogue.now().await?;
        letters
            .all()
            .filter(|l| filter.matches(l, now))
            .cloned()
            .collect()
    };
    let left = matching.len().saturating_sub(AT_A_TIME);
    matching.truncate(AT_A_TIME);
    purge(desk, &matching, by).await?;
    Ok(json!({ "purged": matching.len(), "left": left }))
}

/// The audit first, then the record, then the bytes: what is gone was noted before.
async fn purge(desk: &Desk, letters: &[Resting], by: By<'_>) -> Result<(), Error> {
    let what = "taking the letter out";
    let at_ms = now_ms();
    let entries = letters.iter().map(|letter| {
        let about = audit::About {
            id: &letter.id,
            key: &letter.key,
            event_id: &letter.event_id,
        };
        let unique = format!("purge:{}", letter.id);
        audit::of_letter(JournalKind::LetterPurged, &about, &unique, by, at_ms)
    });
    desk.context.journal.store(entries.collect()).await?;
    let name = Stream::DeadLetters.name();
    let stream = desk.context.jetstream.get_stream_no_info(name).await;
    let stream = stream.map_err(Error::nats(what))?;
    let mut gone = Vec::with_capacity(letters.len());
    for letter in letters {
        let (state, revision) = desk.states.get(&letter.id).await?;
        if state.fate.is_settled() || (state.fate == Fate::Releasing && !letter.is_free(at_ms)) {
            continue;
        }
        let purged = State {
            fate: Fate::Purged,
            at_ms,
            who: by.who.to_owned(),
            why: by.why.to_owned(),
            ..state
        };
        if desk
            .states
            .put(&letter.id, &purged, revision)
            .await?
            .is_none()
        {
            continue;
        }
        desk.states.forget_edited(&letter.id, &purged).await?;
        let deleted = stream.delete_message(letter.sequence).await;
        deleted.map_err(Error::nats(what))?;
        gone.push(letter.sequence);
    }
    desk.catalogue.forget(&gone).await;
    Ok(())
}

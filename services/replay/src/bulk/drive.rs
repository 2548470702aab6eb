//! Carrying a release out: paced, counted, saved, stopped.
//!
//! Whatever is counted follows from the letters' own states and from the streams, so a process
//! that goes on after a kill counts anew and comes to the same. Not here: what may go when
//! (`work`).

use std::time::Duration;

use store::now_ms;
use tokio::time::Instant;
use tracing::info;

use super::ends;
use super::record::{self, OpenRelease, ReleaseState};
use super::work::{Item, Work};
use crate::catalogue::Resting;
use crate::desk::{By, Desk};
use crate::error::Error;
use crate::release::{How, release};
use crate::states::{Fate, State, States};
use crate::streams;

/// How often the record is saved, wishes are looked at, and late letters are given up.
const BEAT_EVERY: Duration = Duration::from_secs(1);

/// Works on a release until it ends, or until shutdown.
pub(super) async fn drive(desk: &Desk, mut open: OpenRelease) -> Result<(), Error> {
    let mut work = plan(desk, &mut open).await?;
    info!(
        release.id = open.release.id,
        letters = open.release.letters,
        "a release is at work"
    );
    let mut ends = ends::follow(
        &desk.context.jetstream,
        open.release.filter.connection.as_deref(),
        open.release.outcomes_after,
        open.release.letters_after,
    );
    let settings = open.release.settings;
    let interval = Duration::from_secs(1)
        .checked_div(settings.rate_per_s.max(1))
        .unwrap_or(BEAT_EVERY);
    let mut not_before = Instant::now();
    let mut saved_at = Instant::now();
    loop {
        while let Ok(end) = ends.queue.try_recv() {
            work.conclude(end, &mut open.release);
        }
        if saved_at.elapsed() >= BEAT_EVERY {
            work.give_up_late(&mut open.release);
            desk.releases.save(&mut open).await?;
            saved_at = Instant::now();
        }
        if let Some(why) = work.must_stop(&open.release) {
            return end(desk, open, ReleaseState::Stopped, why).await;
        }
        if let Some(why) = open.release.wish().map(str::to_owned) {
            return end(desk, open, ReleaseState::Stopped, why).await;
        }
        if work.is_done() {
            return end(desk, open, ReleaseState::Finished, String::new()).await;
        }
        if desk.context.shutdown.is_cancelled() {
            return desk.releases.save(&mut open).await;
        }
        let now = Instant::now();
        if now >= not_before
            && let Some(item) = work.next(&open.release)
        {
            // Never a burst after a pause: the cap holds in every second.
            not_before = now + interval;
            put_out(desk, &mut work, &mut open, item).await?;
            continue;
        }
        let look_at = if now < not_before {
            not_before
        } else {
            now + BEAT_EVERY
        };
        tokio::select! {
            Some(end) = ends.queue.recv() => work.conclude(end, &mut open.release),
            () = tokio::time::sleep_until(look_at.min(saved_at + BEAT_EVERY)) => {}
            () = desk.context.shutdown.cancelled() => {}
        }
    }
}

/// Lays out what is left to do, and what a process that was killed had under way.
async fn plan(desk: &Desk, open: &mut OpenRelease) -> Result<Work, Error> {
    let release = &mut open.release;
    let out = released_by(desk, &release.id, release.counted_from_ms).await?;
    let now = now_ms();
    let items: Vec<Item> = {
        let letters = desk.catalogue.now().await?;
        let part_of_it = |letter: &&Resting| {
            letter.sequence <= release.through_sequence && release.filter.matches(letter, now)
        };
        letters.all().filter(part_of_it).map(Item::from).collect()
    };
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    release.released = count(out.len());
    release.letters = count(items.len().saturating_add(out.len()));
    (release.ended_well, release.ended_badly) = (0, 0);
    (release.not_ended, release.skipped, release.behind) = (0, 0, 0);
    let mut work = Work::new(release.settings, items);
    for (item, released_at_ms) in out {
        work.released(item, released_at_ms);
    }
    Ok(work)
}

/// Letters that this release has put out since, oldest first, and when.
async fn released_by(
    desk: &Desk,
    release_id: &str,
    since_ms: u64,
) -> Result<Vec<(Item, u64)>, Error> {
    let (name, filter) = States::stream();
    let mut ids = std::collections::HashMap::new();
    streams::read(&desk.context.jetstream, &name, filter, 1, |_, message| {
        let state = serde_json::from_slice::<State>(&message.payload);
        if let (Ok(state), Some(id)) = (state, States::letter_of(&message.subject))
            && state.fate == Fate::Released
            && state.release.as_deref() == Some(release_id)
            && state.at_ms >= since_ms
        {
            ids.insert(id.to_owned(), state.at_ms);
        }
        true
    })
    .await?;
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut out = Vec::new();
    desk.each_letter(|sequence, letter| {
        if let Some(at_ms) = ids.remove(&letter.dead_letter_id) {
            out.push((Item::from(&Resting::of(sequence, letter)), at_ms));
        }
        !ids.is_empty()
    })
    .await?;
    Ok(out)
}

async fn put_out(
    desk: &Desk,
    work: &mut Work,
    open: &mut OpenRelease,
    item: Item,
) -> Result<(), Error> {
    let letter = desk.letter_at(item.sequence).await;
    let who = open.release.who.clone();
    let why = open.release.why.clone();
    let id = open.release.id.clone();
    let how = How {
        by: By {
            who: &who,
            why: &why,
        },
        refetch: open.release.settings.refetch,
        release: Some(&id),
    };
    let published = match letter {
        Ok(letter) => release(desk, &letter, how).await,
        // It expired or was purged meanwhile.
        Err(error) => Err(error),
    };
    match published {
        Ok(published) => {
            open.release.released = open.release.released.saturating_add(1);
            work.released(item, published.at_ms);
            Ok(())
        }
        Err(Error::Refused(why)) => {
            info!(release.id = id, why, "a letter is passed over");
            open.release.skipped = open.release.skipped.saturating_add(1);
            work.passed_over(item);
            Ok(())
        }
        Err(error) => Err(error),
    }
}

async fn end(
    desk: &Desk,
    mut open: OpenRelease,
    state: ReleaseState,
    why: String,
) -> Result<(), Error> {
    open.release.state = state;
    open.release.stopped_because = why;
    open.release.ended_at_ms = now_ms();
    desk.releases.save(&mut open).await?;
    let word = match state {
        ReleaseState::Running => "goes on",
        ReleaseState::Stopped => "stopped",
        ReleaseState::Finished => "finished",
    };
    info!(
        release.id = open.release.id,
        state = word,
        "a release has ended"
    );
    record::journal(desk, &open.release, word).await
}

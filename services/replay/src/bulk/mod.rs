//! Releases of many letters: canaries first, no faster than asked, each entity's in their order.
//!
//! A release is a record (`record`) that some replay process works on (`drive`), counting how its
//! letters end (`ends`). One release is at work at a time, in all processes together: the oldest
//! that has not ended. A process that is killed leaves a record with an old beat, and another
//! one goes on with it. Not here: releasing one letter (`crate::release`).

mod drive;
mod ends;
mod record;
mod work;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use store::now_ms;

pub use self::record::Settings;
pub(crate) use self::record::{Records, Release, ReleaseState};
use crate::desk::{By, Desk};
use crate::error::Error;
use crate::filter::Filter;

/// How often a process looks for a release that nobody works on.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Releases that one answer lists.
const LIST_MAX: usize = 200;

/// Begins a release; a process takes it up within a second or so.
pub(crate) async fn begin(
    desk: &Desk,
    filter: Filter,
    settings: Settings,
    by: By<'_>,
) -> Result<Value, Error> {
    by.check("a release")?;
    filter.check()?;
    settings.check()?;
    if filter == Filter::default() {
        return Error::refused(
            "a release of many needs a filter; name at least a connection or a group",
        );
    }
    let (letters, through_sequence) = {
        let now = now_ms();
        let letters = desk.catalogue.now().await?;
        let count = letters.all().filter(|l| filter.matches(l, now)).count();
        (count, letters.end())
    };
    if letters == 0 {
        return Error::refused("no letter that rests matches");
    }
    let outcomes_after = ends::last_outcome(&desk.context.jetstream).await?;
    let mut release = Release::new(filter, settings, by, through_sequence, outcomes_after);
    release.letters = u64::try_from(letters).unwrap_or(u64::MAX);
    let release = desk.releases.begin(release).await?;
    record::journal(desk, &release, "began").await?;
    Ok(release.shown())
}

/// One release as it stands.
pub(crate) async fn status(desk: &Desk, id: &str) -> Result<Value, Error> {
    Ok(desk.releases.get(id).await?.shown())
}

/// Every release, newest first.
pub(crate) async fn list(desk: &Desk) -> Result<Value, Error> {
    let mut releases = desk.releases.list().await?;
    releases.reverse();
    releases.truncate(LIST_MAX);
    let shown: Vec<Value> = releases.iter().map(Release::shown).collect();
    Ok(json!({ "releases": shown }))
}

/// Stops a release for now; letters under way go on.
pub(crate) async fn stop(desk: &Desk, id: &str, by: By<'_>) -> Result<Value, Error> {
    by.check("a stop")?;
    let why = format!("{} stopped it: {}", by.who, by.why);
    let release = desk.releases.stop(id, &why).await?;
    record::journal(desk, &release, "is to stop").await?;
    Ok(release.shown())
}

/// Lets a stopped release go on, canaries first again.
pub(crate) async fn resume(desk: &Desk, id: &str, by: By<'_>) -> Result<Value, Error> {
    by.check("going on")?;
    let outcomes_after = ends::last_outcome(&desk.context.jetstream).await?;
    let letters_after = desk.catalogue.now().await?.end();
    let ends = (outcomes_after, letters_after);
    let release = desk.releases.resume(id, by, ends).await?;
    record::journal(desk, &release, "is to go on").await?;
    Ok(release.shown())
}

/// Works on releases until shutdown, one at a time.
pub(crate) async fn keep(desk: Arc<Desk>) {
    let trouble = "a release does not go on; looked at again soon";
    let mut seen = None;
    loop {
        // Not cut off by a shutdown: a release that is at work saves how far it came.
        let looked = look(&desk, &mut seen).await;
        if looked.is_err() {
            seen = None;
        }
        if !desk.goes_on(looked, trouble, LOOK_EVERY).await {
            return;
        }
    }
}

/// Takes up the oldest release that has not ended, if nobody works on it. `seen` is how far the
/// records went when all had ended, so that a quiet house is not read again and again.
async fn look(desk: &Desk, seen: &mut Option<u64>) -> Result<(), Error> {
    let end = desk.releases.end().await?;
    if *seen == Some(end) {
        return Ok(());
    }
    let releases = desk.releases.list().await?;
    let oldest = releases.iter().find(|r| r.state == ReleaseState::Running);
    let Some(oldest) = oldest else {
        *seen = Some(end);
        return Ok(());
    };
    if oldest.is_alive() {
        return Ok(());
    }
    match desk.releases.take_up(&oldest.id).await? {
        Some(open) => drive::drive(desk, open).await,
        None => Ok(()),
    }
}

//! Undo: what Tillbook wrote for a range of days, taken back out of the books.
//!
//! The range is surveyed first (`survey`): what the ledger says was written is compared with what
//! FreshBooks holds now, and whatever a person has touched since is listed and left. Then each
//! order is marked in the ledger, so that no later hook writes it again, and a plan that says
//! "nothing of this is to stand" goes to `deliver` (`order`). A backfill of the same days lifts
//! the marks: that is the redo. Not here: any call that changes FreshBooks.

mod order;
mod paying;
mod survey;
mod touched;

use std::collections::BTreeMap;

use runtime::shutdown::CancellationToken;

pub(crate) use self::order::lift_mark;
pub use self::survey::{Left, Survey, Written};
use crate::feed::{self, Pace};
use crate::record::Kind;
use crate::{Asked, DayRange, Error, Options, Run, Tools, audit, conclusions};

/// What would be taken out, and what would be left; nothing is begun.
pub async fn survey(tools: &Tools, days: DayRange) -> Result<Survey, Error> {
    refuse_closed_days(tools, days)?;
    Ok(survey::survey(tools, days, None).await?.0)
}

/// Surveys the range and takes it out; `told` sees the survey before anything begins.
pub async fn begin(
    tools: &Tools,
    days: DayRange,
    asked: Asked,
    options: Options,
    told: impl FnOnce(&Run, &Survey),
    shutdown: &CancellationToken,
) -> Result<Run, Error> {
    refuse_closed_days(tools, days)?;
    let (survey, _) = survey::survey(tools, days, None).await?;
    let mut run = Run::new(Kind::Undo, &tools.connection, days, asked);
    run.forecast.orders = count(survey.written.len());
    run.left = survey.left.clone();
    (run.outcomes_after, run.letters_after) = conclusions::ends(&tools.context.jetstream).await?;
    let mut open = tools.runs.begin(run).await?;
    told(&open.run, &survey);
    audit::changed(tools, &open.run, "began", figures(&survey)).await?;
    take_out(tools, &mut open, &survey, Vec::new(), options, shutdown).await?;
    Ok(open.run)
}

/// Goes on with an undo that is paused or whose process was killed.
pub async fn resume(
    tools: &Tools,
    id: &str,
    options: Options,
    told: impl FnOnce(&Run, &Survey),
    shutdown: &CancellationToken,
) -> Result<Run, Error> {
    let mut open = tools.runs.take_up(id, Kind::Undo).await?;
    refuse_closed_days(tools, open.run.days)?;
    // Surveyed anew: what was taken out is no longer there, what was half taken out still is.
    let (survey, done) = survey::survey(tools, open.run.days, Some(id)).await?;
    open.run.left = survey.left.clone();
    told(&open.run, &survey);
    audit::changed(tools, &open.run, "went on", figures(&survey)).await?;
    take_out(tools, &mut open, &survey, done, options, shutdown).await?;
    Ok(open.run)
}

async fn take_out(
    tools: &Tools,
    open: &mut crate::record::OpenRun,
    survey: &Survey,
    done: Vec<u64>,
    options: Options,
    shutdown: &CancellationToken,
) -> Result<(), Error> {
    let ids: Vec<u64> = survey.written.iter().map(|one| one.order_id).collect();
    let work = order::TakeOut::new(survey);
    let pace = Pace {
        at_once: options.at_once,
        duration_ms: survey.duration_ms(tools),
    };
    let feeding = feed::Orders {
        to_do: &ids,
        handed_over_before: &done,
    };
    feed::feed(tools, open, feeding, &work, pace, shutdown).await
}

/// A closed period is not touched, not even in part.
fn refuse_closed_days(tools: &Tools, days: DayRange) -> Result<(), Error> {
    match tools.policy.books_locked_until {
        Some(first_open) if days.from < first_open => Err(Error::Refused(format!(
            "the books of {} are closed for days before {first_open}, and the range begins {}; \
             choose later days, or move books_locked_until back",
            tools.connection, days.from
        ))),
        _ => Ok(()),
    }
}

fn figures(survey: &Survey) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("orders".to_owned(), survey.written.len().to_string()),
        ("left".to_owned(), survey.left.len().to_string()),
    ])
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

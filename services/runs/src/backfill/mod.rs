//! Backfill: the orders of a range of days, handed to the pipeline as hints.
//!
//! It lists the range (`list`), says beforehand what it will cost (`sample`, `costs`,
//! [`Forecast`]), and then hands over a few orders at a time, awaiting what becomes of each
//! (`feed`). A hint of a backfill is a hint like any other, so a repeat changes nothing. Not here:
//! reading an order for the books, or writing them.

mod costs;
mod feed;
mod forecast;
mod list;
mod results;
mod sample;

use std::collections::BTreeMap;

use runtime::shutdown::CancellationToken;

pub use self::forecast::Forecast;
pub use self::results::{Held, Results};
use crate::record::{Kind, State};
use crate::{Asked, DayRange, Error, Run, Tools, audit, conclusions};

/// How a backfill goes about its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Orders under way at the same time; a live hook waits behind no more.
    pub at_once: usize,
    /// Orders that are read to forecast what all will cost.
    pub sample: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            at_once: 16,
            sample: 100,
        }
    }
}

/// What the range holds and what it would cost; nothing is begun.
pub async fn forecast(tools: &Tools, days: DayRange, options: Options) -> Result<Forecast, Error> {
    let orders = list::orders(tools, days).await?;
    forecast::forecast(tools, &orders, options).await
}

/// Forecasts and then feeds the whole range; `told` sees the forecast before anything begins.
///
/// Returns the run as it ended: finished, or paused or cancelled on the way.
pub async fn begin(
    tools: &Tools,
    days: DayRange,
    asked: Asked,
    options: Options,
    told: impl FnOnce(&Run),
    shutdown: &CancellationToken,
) -> Result<Run, Error> {
    let orders = list::orders(tools, days).await?;
    let mut run = Run::new(Kind::Backfill, &tools.connection, days, asked);
    run.forecast = forecast::forecast(tools, &orders, options).await?;
    (run.outcomes_after, run.letters_after) = conclusions::ends(&tools.context.jetstream).await?;
    let mut open = tools.runs.begin(run).await?;
    told(&open.run);
    audit::changed(tools, &open.run, "began", figures(&open.run)).await?;
    let ids: Vec<u64> = orders.iter().map(|order| order.id).collect();
    feed::feed(tools, &mut open, &ids, options, shutdown).await?;
    Ok(open.run)
}

/// Goes on with a run that is paused or whose process was killed.
pub async fn resume(
    tools: &Tools,
    id: &str,
    options: Options,
    told: impl FnOnce(&Run),
    shutdown: &CancellationToken,
) -> Result<Run, Error> {
    let mut open = tools.runs.take_up(id, Kind::Backfill).await?;
    told(&open.run);
    audit::changed(tools, &open.run, "went on", figures(&open.run)).await?;
    let orders = list::orders(tools, open.run.days).await?;
    let ids: Vec<u64> = orders.iter().map(|order| order.id).collect();
    feed::feed(tools, &mut open, &ids, options, shutdown).await?;
    Ok(open.run)
}

/// The word for how a run stands.
pub(crate) fn word(state: State) -> &'static str {
    match state {
        State::Running => "goes on",
        State::Paused => "paused",
        State::Cancelled => "was cancelled",
        State::Finished => "finished",
    }
}

fn figures(run: &Run) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("orders".to_owned(), run.forecast.orders.to_string()),
        ("position".to_owned(), run.position.to_string()),
    ])
}

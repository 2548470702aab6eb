//! Backfill: the orders of a range of days, handed to the pipeline as hints.
//!
//! It lists the range (`list`), says beforehand what it will cost (`sample`, `costs`,
//! [`Forecast`]), and then hands over a few orders at a time, awaiting what becomes of each
//! ([`crate::feed`]). A hint of a backfill is a hint like any other, so a repeat changes nothing. Not here:
//! reading an order for the books, or writing them.

mod costs;
mod forecast;
mod hint;
mod items;
mod list;
mod sample;
mod shoppers;

use std::collections::BTreeMap;

use connect::bigcommerce::OrderOutline;
use runtime::shutdown::CancellationToken;

pub use self::forecast::Forecast;
use self::hint::StoreHint;
use crate::feed::{self, Pace};
use crate::record::{Kind, OpenRun};
use crate::{Asked, DayRange, Error, Options, Run, Tools, audit, conclusions};

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
    hand_over(tools, &mut open, &orders, options, shutdown).await?;
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
    hand_over(tools, &mut open, &orders, options, shutdown).await?;
    Ok(open.run)
}

/// Hands over what lies behind the position, and follows what lies before it.
async fn hand_over(
    tools: &Tools,
    open: &mut OpenRun,
    orders: &[OrderOutline],
    options: Options,
    shutdown: &CancellationToken,
) -> Result<(), Error> {
    let ids: Vec<u64> = orders.iter().map(|order| order.id).collect();
    let position = open.run.position;
    let (handed_over_before, to_do) = ids.split_at(ids.partition_point(|id| *id <= position));
    let forecast = &open.run.forecast;
    let all_ms = forecast.duration_s.saturating_mul(1000);
    let left = u64::try_from(to_do.len()).unwrap_or(u64::MAX);
    let pace = Pace {
        at_once: options.at_once,
        duration_ms: all_ms.saturating_mul(left) / forecast.orders.max(1),
    };
    let orders = feed::Orders {
        to_do,
        handed_over_before,
    };
    feed::feed(tools, open, orders, &StoreHint, pace, shutdown).await
}

fn figures(run: &Run) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("orders".to_owned(), run.forecast.orders.to_string()),
        ("position".to_owned(), run.position.to_string()),
    ])
}

//! `tillbook backfill`: what it prints, and how it is stopped.
//!
//! The forecast and the results go to standard output for people, progress goes to standard error
//! as lines of JSON. Not here: the work (`runs`).

use anyhow::anyhow;
use runs::{Asked, DayRange, Kind, Options, Run};
use runtime::config::Config;

use crate::cli::{BackfillArguments, FeedingArguments, RangeArguments, RunCommand};
use crate::commands::{Failure, OrExit, code, print, whoami};
use crate::runs_at_work::{AtWork, command_of, report, run_of};

pub(crate) async fn run(config: Config, arguments: BackfillArguments) -> Result<(), Failure> {
    let options = options(arguments.feeding);
    match (arguments.command, arguments.range) {
        (Some(RunCommand::Resume { id }), _) => resume(config, &id, options).await,
        (Some(command), _) => command_of(&config, command, Kind::Backfill).await,
        (None, Some(range)) => begin(config, range, options).await,
        (None, None) => Err(Failure::new(
            code::FAILED,
            anyhow!("a backfill needs --connection, --from and --to"),
        )),
    }
}

fn options(feeding: FeedingArguments) -> Options {
    Options {
        at_once: feeding.at_once.at_once.into(),
        sample: feeding.sample.into(),
    }
}

async fn begin(config: Config, range: RangeArguments, options: Options) -> Result<(), Failure> {
    let days = DayRange::read(&range.from, &range.to).or_exit(code::FAILED)?;
    let at_work = AtWork::open(config, &range.connection).await?;
    let tools = &at_work.tools;
    if range.dry_run {
        let forecast = runs::backfill::forecast(tools, days, options).await;
        return print(&format!("{}", forecast.or_exit(code::FAILED)?));
    }
    let asked = Asked {
        who: whoami(),
        why: range.reason,
    };
    let run = runs::backfill::begin(tools, days, asked, options, told, &at_work.shutdown).await;
    at_work.close().await;
    report(&run.or_exit(code::FAILED)?)
}

async fn resume(config: Config, id: &str, options: Options) -> Result<(), Failure> {
    let connection = run_of(&config, id).await?.connection;
    let at_work = AtWork::open(config, &connection).await?;
    let run = runs::backfill::resume(&at_work.tools, id, options, told, &at_work.shutdown).await;
    at_work.close().await;
    report(&run.or_exit(code::FAILED)?)
}

/// Says what begins before it begins.
fn told(run: &Run) {
    let text = format!("{}\nrun                  {}\n", run.forecast, run.id);
    // As with progress: nobody to read it is no reason to stop.
    let _ = print(&text);
}

//! `tillbook undo`: what it prints, and how it is stopped.
//!
//! The list of what is taken out and what is left comes before anything begins. Not here: the work
//! (`runs`).

use anyhow::anyhow;
use runs::undo::Survey;
use runs::{Asked, DayRange, Kind, Options, Run};
use runtime::config::Config;

use crate::cli::{RangeArguments, RunCommand, UndoArguments};
use crate::commands::{Failure, OrExit, code, print, whoami};
use crate::runs_at_work::{AtWork, command_of, report, run_of};

pub(crate) async fn run(config: Config, arguments: UndoArguments) -> Result<(), Failure> {
    let options = Options {
        at_once: arguments.at_once.at_once.into(),
        sample: 0,
    };
    match (arguments.command, arguments.range) {
        (Some(RunCommand::Resume { id }), _) => resume(config, &id, options).await,
        (Some(command), _) => command_of(&config, command, Kind::Undo).await,
        (None, Some(range)) => begin(config, range, options).await,
        (None, None) => Err(Failure::new(
            code::FAILED,
            anyhow!("an undo needs --connection, --from and --to"),
        )),
    }
}

async fn begin(config: Config, range: RangeArguments, options: Options) -> Result<(), Failure> {
    let days = DayRange::read(&range.from, &range.to).or_exit(code::FAILED)?;
    let at_work = AtWork::open(config, &range.connection).await?;
    let tools = &at_work.tools;
    if range.dry_run {
        let survey = runs::undo::survey(tools, days).await;
        return print(&format!("{}", survey.or_exit(code::FAILED)?));
    }
    let asked = Asked {
        who: whoami(),
        why: range.reason,
    };
    let run = runs::undo::begin(tools, days, asked, options, told, &at_work.shutdown).await;
    at_work.close().await;
    report(&run.or_exit(code::FAILED)?)
}

async fn resume(config: Config, id: &str, options: Options) -> Result<(), Failure> {
    let connection = run_of(&config, id).await?.connection;
    let at_work = AtWork::open(config, &connection).await?;
    let run = runs::undo::resume(&at_work.tools, id, options, told, &at_work.shutdown).await;
    at_work.close().await;
    report(&run.or_exit(code::FAILED)?)
}

/// Says what begins before it begins.
fn told(run: &Run, survey: &Survey) {
    // Nobody to read it is no reason to stop.
    let _ = print(&format!("{survey}run       {}\n", run.id));
}

//! `tillbook dlq`: asks the replay service, prints its answers, follows a release to its end.
//!
//! Answers are JSON on standard output; progress goes to standard error. Not here: the work
//! (`replay`).

use std::io::{Read, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow};
use async_nats::Client;
use clap::{Args, Subcommand};
use replay::{Filter, Request, Settings};
use runtime::config::Config;
use serde_json::Value;

use crate::commands::{Failure, OrExit, code, connect, print, whoami};

#[derive(Debug, Subcommand)]
pub(crate) enum DlqCommand {
    /// Lists dead letters that rest, newest first.
    List {
        #[command(flatten)]
        filter: FilterArguments,
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Dead letters that rest, by cause: how many, what is at stake, what to do.
    Groups {
        #[command(flatten)]
        filter: FilterArguments,
    },
    /// Shows one dead letter with every reason, its headers and its payload.
    Show { dead_letter_id: String },
    /// Puts a corrected payload in the place of the original's, which is kept.
    Edit {
        dead_letter_id: String,
        /// The whole payload as JSON, as `show` prints it; - is standard input.
        #[arg(long)]
        payload: PathBuf,
        /// Why; kept in the journal.
        #[arg(long)]
        reason: String,
    },
    /// Says what a release would do in FreshBooks, and writes nothing.
    DryRun { dead_letter_id: String },
    /// Puts one dead letter, or all that the filter names, back into the stage they left.
    Release(ReleaseArguments),
    /// Shows one release of many letters, or all.
    Releases { release_id: Option<String> },
    /// Stops a release; letters under way go on.
    Stop {
        release_id: String,
        #[arg(long)]
        reason: String,
    },
    /// Lets a release that stopped go on, canaries first.
    Resume {
        release_id: String,
        #[arg(long)]
        reason: String,
        #[arg(long)]
        no_wait: bool,
    },
    /// Takes one dead letter, or all that the filter names, out for good, bytes and all.
    Purge {
        #[arg(conflicts_with_all = ["connection", "stage", "kind", "code", "entity", "entity_id", "group", "older_than_s", "newer_than_s"])]
        dead_letter_id: Option<String>,
        #[command(flatten)]
        filter: FilterArguments,
        /// Why; kept in the journal.
        #[arg(long)]
        reason: String,
    },
}

/// Which dead letters are meant; what is left out matches all.
#[derive(Clone, Debug, Args)]
pub(crate) struct FilterArguments {
    #[arg(long)]
    connection: Option<String>,
    #[arg(long)]
    stage: Option<String>,
    /// held, rejected, exhausted or unreadable.
    #[arg(long)]
    kind: Option<String>,
    /// Code of any of the reasons.
    #[arg(long)]
    code: Option<String>,
    /// order, customer or product.
    #[arg(long)]
    entity: Option<String>,
    #[arg(long)]
    entity_id: Option<String>,
    /// The group that `groups` and `show` name.
    #[arg(long)]
    group: Option<String>,
    /// Only letters that are at least so many seconds old.
    #[arg(long)]
    older_than_s: Option<u64>,
    /// Only letters that are at most so many seconds old.
    #[arg(long)]
    newer_than_s: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct ReleaseArguments {
    #[arg(conflicts_with_all = ["connection", "stage", "kind", "code", "entity", "entity_id", "group", "older_than_s", "newer_than_s"])]
    dead_letter_id: Option<String>,
    #[command(flatten)]
    filter: FilterArguments,
    /// Why; kept in the journal.
    #[arg(long)]
    reason: String,
    /// Reads the entity from the store again, instead of going on with what the letter holds.
    #[arg(long)]
    refetch: bool,
    /// Letters released in a second, at most.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rate: u32,
    /// Letters that must end well before any other is released.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    canaries: u32,
    /// Letters that may end badly after the canaries; one more stops the release.
    #[arg(long, default_value_t = 10)]
    failures_max: u32,
    /// Letters under way at the same time; live work waits behind no more.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=256))]
    at_once: u32,
    /// Returns when the release has begun, not when it has ended.
    #[arg(long)]
    no_wait: bool,
}

impl From<FilterArguments> for Filter {
    fn from(arguments: FilterArguments) -> Self {
        let ms = |seconds: u64| seconds.saturating_mul(1000);
        Self {
            connection: arguments.connection,
            stage: arguments.stage,
            kind: arguments.kind,
            code: arguments.code,
            entity: arguments.entity,
            entity_id: arguments.entity_id,
            group: arguments.group,
            older_than_ms: arguments.older_than_s.map(ms),
            newer_than_ms: arguments.newer_than_s.map(ms),
        }
    }
}

/// How often a release is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

pub(crate) async fn run(config: &Config, command: DlqCommand) -> Result<(), Failure> {
    let client = connect(config).await?.client;
    let who = whoami();
    match command {
        DlqCommand::List { filter, limit } => {
            let filter = filter.into();
            tell(&client, Request::List { filter, limit }).await
        }
        DlqCommand::Groups { filter } => {
            let filter = filter.into();
            tell(&client, Request::Groups { filter }).await
        }
        DlqCommand::Show { dead_letter_id } => {
            tell(&client, Request::Show { dead_letter_id }).await
        }
        DlqCommand::DryRun { dead_letter_id } => {
            tell(&client, Request::Rehearse { dead_letter_id }).await
        }
        DlqCommand::Edit {
            dead_letter_id,
            payload,
            reason,
        } => {
            let payload = read_payload(&payload)?;
            let edit = Request::Edit {
                dead_letter_id,
                payload,
                reason,
                who,
            };
            tell(&client, edit).await
        }
        DlqCommand::Release(arguments) => release(&client, arguments, who).await,
        DlqCommand::Releases { release_id: None } => tell(&client, Request::Releases).await,
        DlqCommand::Releases {
            release_id: Some(release_id),
        } => tell(&client, Request::ReleaseStatus { release_id }).await,
        DlqCommand::Stop { release_id, reason } => {
            let stop = Request::StopRelease {
                release_id,
                reason,
                who,
            };
            tell(&client, stop).await
        }
        DlqCommand::Resume {
            release_id,
            reason,
            no_wait,
        } => {
            let resume = Request::ResumeRelease {
                release_id,
                reason,
                who,
            };
            follow(&client, ask(&client, resume).await?, no_wait).await
        }
        DlqCommand::Purge {
            dead_letter_id,
            filter,
            reason,
        } => purge(&client, dead_letter_id, filter.into(), reason, who).await,
    }
}

async fn release(client: &Client, arguments: ReleaseArguments, who: String) -> Result<(), Failure> {
    let ReleaseArguments {
        refetch, reason, ..
    } = arguments;
    if let Some(dead_letter_id) = arguments.dead_letter_id {
        let release = Request::Release {
            dead_letter_id,
            refetch,
            reason,
            who,
        };
        let answer = ask(client, release).await?;
        print(&laid_out(&answer)?)?;
        sum_up(&answer);
        return Ok(());
    }
    let release = Request::ReleaseMany {
        filter: arguments.filter.into(),
        settings: Settings {
            rate_per_s: arguments.rate,
            canaries: arguments.canaries,
            failures_max: arguments.failures_max,
            at_once: arguments.at_once,
            refetch,
        },
        reason,
        who,
    };
    follow(client, ask(client, release).await?, arguments.no_wait).await
}

/// Tells how a release goes until it ends; one that stopped is a failure.
async fn follow(client: &Client, mut release: Value, no_wait: bool) -> Result<(), Failure> {
    let release_id = release["id"].as_str().unwrap_or_default().to_owned();
    let mut told = Value::Null;
    while !no_wait && release["state"] == "running" {
        if told != release["released"] {
            told = release["released"].clone();
            progress(&release);
        }
        tokio::time::sleep(LOOK_EVERY).await;
        let release_id = release_id.clone();
        release = ask(client, Request::ReleaseStatus { release_id }).await?;
    }
    print(&laid_out(&release)?)?;
    if release["state"] != "running" {
        sum_up(&release);
    }
    if release["state"] == "stopped" {
        let why = release["stopped_because"].as_str().unwrap_or_default();
        return Err(Failure::new(
            code::FAILED,
            anyhow!("{why}; go on with: tillbook dlq resume {release_id} --reason …"),
        ));
    }
    Ok(())
}

/// How many letters were released and how many not, for people.
fn sum_up(release: &Value) {
    // Whoever closed standard error does not want it.
    let summary = release["summary"].as_str().unwrap_or_default();
    let _ = writeln!(std::io::stderr().lock(), "{summary}");
}

fn progress(release: &Value) {
    // Whoever closed standard error does not want it; the work goes on.
    let _ = writeln!(
        std::io::stderr().lock(),
        "{}: {} of {} released, {} ended well, {} badly",
        release["id"].as_str().unwrap_or_default(),
        release["released"],
        release["letters"],
        release["ended_well"],
        release["ended_badly"],
    );
}

/// One letter, or as many requests as it takes for all that the filter names.
async fn purge(
    client: &Client,
    id: Option<String>,
    filter: Filter,
    reason: String,
    who: String,
) -> Result<(), Failure> {
    if let Some(dead_letter_id) = id {
        let purge = Request::Purge {
            dead_letter_id,
            reason,
            who,
        };
        return tell(client, purge).await;
    }
    let mut purged = 0_u64;
    loop {
        let purge = Request::PurgeMany {
            filter: filter.clone(),
            reason: reason.clone(),
            who: who.clone(),
        };
        let answer = ask(client, purge).await?;
        let count = answer["purged"].as_u64().unwrap_or(0);
        purged = purged.saturating_add(count);
        if count == 0 || answer["left"] == 0 {
            return print(&format!("{{ \"purged\": {purged} }}\n"));
        }
    }
}

fn read_payload(path: &PathBuf) -> Result<Value, Failure> {
    let text = if path.as_os_str() == "-" {
        let mut text = String::new();
        let read = std::io::stdin().lock().read_to_string(&mut text);
        read.context("reading standard input")
            .or_exit(code::FAILED)?;
        text
    } else {
        std::fs::read_to_string(path)
            .with_context(|| format!("reading {}", path.display()))
            .or_exit(code::FAILED)?
    };
    serde_json::from_str(&text)
        .with_context(|| format!("{} is no JSON", path.display()))
        .or_exit(code::FAILED)
}

async fn tell(client: &Client, request: Request) -> Result<(), Failure> {
    print(&laid_out(&ask(client, request).await?)?)
}

async fn ask(client: &Client, request: Request) -> Result<Value, Failure> {
    replay::ask(client, &request).await.or_exit(code::FAILED)
}

fn laid_out(answer: &Value) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(answer).or_exit(code::FAILED)?;
    Ok(format!("{text}\n"))
}

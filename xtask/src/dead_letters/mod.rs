//! `cargo xtask dead-letters`: thousands of letters of seven causes, listed by cause, mended and
//! released by a few commands; then the books compared.
//!
//! Rooms: [`causes`] (what goes wrong, and how a person mends it), [`commands`] (the command line,
//! counted), [`check`] (pace and order of the releases, and the books). Not here: what a letter or
//! a release is.

mod causes;
mod check;
mod commands;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tokio::time::Instant;

use self::causes::{Cause, MERCHANTS};
use self::commands::Commands;
use crate::shops::orders::{self, Placed};
use crate::shops::print;
use crate::shops::scene::{self, Ports, Scene, Wanted};
use crate::shops::world::Configuration;

/// Bury thousands of orders for seven causes, then release them with a few commands.
///
/// Runs every service as its own process, as `demo` does, with seven stores whose orders cannot go
/// on for seven reasons. When all are dead letters, the clock starts: they are listed by cause,
/// each cause is mended as its proposed fix says, and each group is released. The accounts' rate
/// limits are raised, so that the run measures this machine and not the vendor's minute.
///
/// Exits with 0 only when there are at most 9 groups, at most 40 commands and calls, all in less
/// than 5 minutes, the rate cap and the order of each entity's letters are kept, and every order
/// is in the books once, with its money.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// How many dead letters.
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u32).range(50..=20_000))]
    count: u32,
    /// Letters released in a second.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=100))]
    rate: u32,
    /// Build and run with optimisation.
    #[arg(long)]
    release: bool,
}

const GROUPS_MAX: usize = 9;
const COMMANDS_MAX: usize = 40;
const TIME_MAX: Duration = Duration::from_secs(300);
/// From the first order to the last letter, per letter and at least.
const BURIED_LIMIT: Duration = Duration::from_secs(300);
const BURIED_LIMIT_PER_LETTER: Duration = Duration::from_millis(300);
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Orders with two letters each, so that there is an order to keep.
const TWICE: usize = 20;

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let wanted = Wanted {
        name: "dead-letters",
        profile: if arguments.release { "release" } else { "dev" },
        merchants: &MERCHANTS,
        ports: Ports::default(),
        may_be_stopped: false,
        configuration: Configuration {
            // A sweep would tell of the waiting orders again, and each would have two letters.
            ingest: "sweep_interval_s = 86400\n",
            end: causes::CONFIG,
            ..Configuration::default()
        },
    };
    scene::run(&wanted, async |scene: &Scene| work(arguments, scene).await)
}

/// What the run came to.
struct Found {
    letters: u64,
    groups: usize,
    commands: usize,
    took: Duration,
    fastest_second: usize,
    faults: Vec<String>,
}

async fn work(arguments: &Arguments, scene: &Scene) -> anyhow::Result<bool> {
    scene.hooks().await?;
    let mut commands = Commands::new(scene);
    for cause in Cause::ALL {
        cause.plant(scene).await?;
    }
    let placed = place(arguments, scene, &mut commands).await?;
    // What came before was the trouble; from here on it is the person's work that counts.
    commands.begin();
    let began = Instant::now();
    let answer = commands.dlq(&["groups"]).await?;
    let groups = answer["groups"].as_array().context("no groups")?.clone();
    let letters = groups
        .iter()
        .filter_map(|group| group["letters"].as_u64())
        .sum();
    for group in &groups {
        mend(arguments, scene, &mut commands, group).await?;
    }
    let took = began.elapsed();
    let mut found = Found {
        letters,
        groups: groups.len(),
        commands: commands.count(),
        took,
        fastest_second: 0,
        faults: check::books(scene, &placed).await?,
    };
    let releases = check::releases(scene, found.letters).await?;
    found.fastest_second = releases.fastest_second;
    found.faults.extend(releases.faults);
    found.faults.extend(bounds(arguments, &found));
    print(&table(&found))?;
    Ok(found.faults.is_empty())
}

/// Mends a group's cause and releases it.
async fn mend(
    arguments: &Arguments,
    scene: &Scene,
    commands: &mut Commands<'_>,
    group: &Value,
) -> anyhow::Result<()> {
    let cause = Cause::of_group(group)?;
    eprintln!("{} letters: {}", group["letters"], group["proposed_fix"]);
    cause.mend(scene, commands, group).await?;
    let fingerprint = group["group"].as_str().context("a group without a name")?;
    let rate = arguments.rate.to_string();
    let mut release = vec![
        "release",
        "--group",
        fingerprint,
        "--reason",
        "the cause is mended",
        "--rate",
        &rate,
        "--at-once",
        "128",
    ];
    if cause.needs_refetch() {
        release.push("--refetch");
    }
    let release = commands.dlq(&release).await?;
    if release["ended_well"] != group["letters"] {
        eprintln!("not all ended well: {release}");
    }
    Ok(())
}

/// Places the orders and waits until each is a letter.
async fn place(
    arguments: &Arguments,
    scene: &Scene,
    commands: &mut Commands<'_>,
) -> anyhow::Result<Vec<Placed>> {
    let count = usize::try_from(arguments.count).context("too many")?;
    let orders = count.saturating_sub(TWICE);
    let many: Vec<Cause> = Cause::ALL
        .into_iter()
        .filter(|cause| cause.is_frequent())
        .collect();
    let mut placed = Vec::with_capacity(orders);
    for number in 0..orders {
        let cause = match number {
            // A few for the cause that is mended letter by letter.
            0..causes::EDITED => Cause::NoCustomer,
            _ => *many
                .get(number.checked_rem(many.len()).unwrap_or(0))
                .context("no causes")?,
        };
        let request = json!({ "kind": cause.kind(), "seed": number, "hooks": "single" });
        let order = orders::place(&scene.http, &scene.at, cause.merchant(), &request).await?;
        placed.push(order);
    }
    buried(commands, orders).await?;
    let twice = placed
        .iter()
        .filter(|order| order.merchant.name == Cause::InvoiceRefused.merchant().name);
    for order in twice.take(TWICE) {
        let url = format!("orders/{}/actions", order.order_id);
        let url = order.merchant.store_url(&scene.at, &url);
        scene.http.post(&url, &json!({ "action": "touch" })).await?;
    }
    buried(commands, count).await?;
    Ok(placed)
}

/// Waits until so many letters rest.
async fn buried(commands: &mut Commands<'_>, count: usize) -> anyhow::Result<()> {
    let letters = u32::try_from(count).unwrap_or(u32::MAX);
    let limit = BURIED_LIMIT.saturating_add(BURIED_LIMIT_PER_LETTER.saturating_mul(letters));
    let end = Instant::now() + limit;
    let wanted = u64::try_from(count).unwrap_or(u64::MAX);
    let mut told = 0;
    loop {
        let list = commands.dlq(&["list", "--limit", "1"]).await?;
        let total = list["total"].as_u64().unwrap_or(0);
        if total >= wanted {
            return Ok(());
        }
        if total >= told + 500 {
            eprintln!("{total} of {count} letters");
            told = total;
        }
        if Instant::now() > end {
            bail!(
                "after {} s {total} of {count} letters are there",
                limit.as_secs()
            );
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn bounds(arguments: &Arguments, found: &Found) -> Vec<String> {
    let mut faults = Vec::new();
    let mut bound = |holds: bool, words: String| {
        if !holds {
            faults.push(words);
        }
    };
    bound(
        found.letters >= arguments.count.into(),
        format!("only {} letters", found.letters),
    );
    bound(
        found.groups <= GROUPS_MAX,
        format!("{} groups", found.groups),
    );
    bound(
        found.commands <= COMMANDS_MAX,
        format!("{} commands", found.commands),
    );
    bound(found.took < TIME_MAX, format!("{} s", found.took.as_secs()));
    let rate = usize::try_from(arguments.rate).unwrap_or(usize::MAX);
    // One more for the edges of a second.
    bound(
        found.fastest_second <= rate.saturating_add(1),
        format!(
            "{} letters were released within a second",
            found.fastest_second
        ),
    );
    faults
}

fn table(found: &Found) -> String {
    let mut text = format!(
        "letters                 {}\ngroups                  {} (at most {GROUPS_MAX})\n\
         commands and calls      {} (at most {COMMANDS_MAX})\n\
         machine time            {} s (less than {})\n\
         most within a second    {}\n",
        found.letters,
        found.groups,
        found.commands,
        found.took.as_secs(),
        TIME_MAX.as_secs(),
        found.fastest_second,
    );
    for fault in &found.faults {
        text.push_str(&format!("WRONG: {fault}\n"));
    }
    if found.faults.is_empty() {
        text.push_str("every order is in the books once, with its money\n");
    }
    text
}

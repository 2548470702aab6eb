//! Ready means able to work: `/readyz` follows NATS, and what a reload took away comes back by itself.
//!
//! Each test prints after how long readiness turned; no time is checked.
#![allow(
    clippy::print_stdout,
    reason = "helpers say how long something took, and clippy does not count them as tests"
)]

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, ensure};
use contracts::topology::Stream;
use e2e::{LIMIT, Placed, QUICK, Shop, Streams};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use testkit::{Connection, House, HouseOptions, eventually};

/// What a full disk kept from being taken, the next hook or sweep brings.
fn options() -> HouseOptions {
    let sweeps = "[ingest]\nsweep_interval_s = 1";
    let acme = Connection {
        store: json!({"retry_scale": "0.01"}),
        account: json!({"limits": null}),
        ..Connection::named("acme")
    };
    HouseOptions {
        config: QUICK.replace("[ingest]", sweeps),
        connections: vec![acme],
        ..HouseOptions::default()
    }
}

async fn house() -> anyhow::Result<House> {
    House::start(options()).await
}

/// Waits until `/readyz` answers this status and says this; prints how long that took.
async fn turns(house: &House, status: u16, says: &str) -> anyhow::Result<()> {
    let process = house.service("all").context("all does not run")?;
    let url = format!("{}/readyz", process.ready.admin);
    let client = reqwest::Client::builder().no_proxy().build()?;
    let since = Instant::now();
    eventually(LIMIT, "readiness to turn", async || {
        let answer = client.get(&url).send().await?;
        let (told, text) = (answer.status().as_u16(), answer.text().await?);
        ensure!(told == status && text.contains(says), "{told} {text}");
        Ok(())
    })
    .await?;
    println!(
        "/readyz {status} {says} after {} ms",
        since.elapsed().as_millis()
    );
    let alive = client.get(format!("{}/livez", process.ready.admin)).send();
    ensure!(alive.await?.status().is_success(), "liveness hangs on NATS");
    Ok(())
}

/// Waits until readiness says this trouble with this advice, and the log has its alert.
async fn troubled(house: &House, alert: &str, advice: &str) -> anyhow::Result<()> {
    turns(house, 503, alert).await?;
    turns(house, 503, advice).await?;
    let told = format!("\"alert\":\"{alert}\"");
    ensure!(house.logs().contains(&told), "no alert {alert} in the log");
    Ok(())
}

async fn ready(house: &House) -> anyhow::Result<()> {
    turns(house, 200, "\"ready\":true").await
}

/// How many of the orders have an invoice.
async fn booked(shop: &Shop<'_>) -> anyhow::Result<usize> {
    let books = shop.books().await?;
    let invoices = books.get("invoices").and_then(Value::as_array);
    Ok(invoices.map_or(0, Vec::len))
}

/// Checks that something was under way while nothing could be stored: else nothing was tried.
async fn some_are_left(shop: &Shop<'_>, orders: &[Placed]) -> anyhow::Result<()> {
    let booked = booked(shop).await?;
    println!("{booked} of {} orders in the books by then", orders.len());
    ensure!(booked < orders.len(), "nothing was under way");
    Ok(())
}

/// Writes the server's configuration with one text for another, and has it read again.
fn reload(house: &House, from: &str, to: &str) -> anyhow::Result<()> {
    let file = house.servers.folder().join("nats/nats.conf");
    let text = std::fs::read_to_string(&file)?;
    ensure!(text.contains(from), "{from} is not in the configuration");
    std::fs::write(&file, text.replace(from, to))?;
    let pid = Pid::from_raw(house.servers.nats.pid().cast_signed());
    kill(pid, Signal::SIGHUP).context("reloading nats-server")
}

#[tokio::test]
async fn without_nats_nobody_is_ready_and_with_it_everybody_again() -> anyhow::Result<()> {
    let mut house = house().await?;
    ready(&house).await?;
    let orders = Shop::only(&house)?
        .place_many(&["paid_card_one_line"], 20)
        .await?;
    house.servers.nats.kill9();
    troubled(&house, "nats_away", "start nats-server").await?;
    some_are_left(&Shop::only(&house)?, &orders).await?;
    house.servers.nats.restart().await?;
    ready(&house).await?;
    Shop::only(&house)?.exactly_once(&orders).await
}

#[tokio::test]
async fn an_inbox_taken_and_given_back_needs_no_hands() -> anyhow::Result<()> {
    let house = house().await?;
    let shop = Shop::only(&house)?;
    let orders = shop.place_many(&["paid_card_one_line"], 20).await?;
    reload(&house, "_INBOX_all.>", "_INBOX_nobody.>")?;
    troubled(&house, "nats_deaf", "give this process's user").await?;
    some_are_left(&shop, &orders).await?;
    reload(&house, "_INBOX_nobody.>", "_INBOX_all.>")?;
    ready(&house).await?;
    shop.exactly_once(&orders).await
}

/// The watch's own key can be stored all the while.
#[tokio::test]
async fn a_stages_exit_forbidden_and_allowed_again_needs_no_hands() -> anyhow::Result<()> {
    let house = house().await?;
    let shop = Shop::only(&house)?;
    reload(
        &house,
        "\"tillbook.transformed.>\"",
        "\"tillbook.nobody.>\"",
    )?;
    let orders = shop.place_many(&["paid_card_one_line"], 20).await?;
    troubled(
        &house,
        "nats_forbidden",
        "give the user its permissions back",
    )
    .await?;
    some_are_left(&shop, &orders).await?;
    reload(
        &house,
        "\"tillbook.nobody.>\"",
        "\"tillbook.transformed.>\"",
    )?;
    ready(&house).await?;
    shop.exactly_once(&orders).await
}

/// The watch's own key can be stored all the while.
#[tokio::test]
async fn a_work_stream_that_is_full_is_told_and_goes_on_when_it_has_room() -> anyhow::Result<()> {
    let house = house().await?;
    let shop = Shop::only(&house)?;
    let streams = Streams::of(&house).await?;
    let mut stream = streams.0.get_stream(Stream::Transformed.name()).await?;
    let mut config = stream.info().await?.config.clone();
    let bounds = config.max_bytes;
    config.max_bytes = 8 * 1024;
    streams.0.update_stream(&config).await?;
    let orders = shop.place_many(&["paid_card_one_line"], 20).await?;
    troubled(&house, "nats_full", "nats.storage_gib").await?;
    some_are_left(&shop, &orders).await?;
    config.max_bytes = bounds;
    streams.0.update_stream(&config).await?;
    ready(&house).await?;
    shop.exactly_once(&orders).await
}

/// JetStream's folder on a small disk of its own; unmounted when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `Err` says why this machine has none.
    fn mount(folder: PathBuf) -> anyhow::Result<Self> {
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=3m", "tmpfs"]);
        let output = mount.arg(&folder).output().context("starting mount")?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "mount refused: {complaint}");
        Ok(Self(folder))
    }

    fn make_room(&self) -> anyhow::Result<()> {
        let mut mount = Command::new("mount");
        mount.args(["-o", "remount,size=400m"]).arg(&self.0);
        ensure!(mount.status()?.success(), "the disk did not grow");
        Ok(())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a server may still have files open, and ends with the house.
        let unmounted = Command::new("umount").arg("--lazy").arg(&self.0).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            eprintln!("{} could not be unmounted", self.0.display());
        }
    }
}

#[tokio::test]
async fn a_full_disk_is_told_and_nothing_is_lost() -> anyhow::Result<()> {
    let mut house = House::start(HouseOptions {
        services: Vec::new(),
        ..options()
    })
    .await?;
    house.servers.nats.kill9();
    let disk = match SmallDisk::mount(house.servers.folder().join("nats/jetstream")) {
        Ok(disk) => disk,
        Err(error) => {
            eprintln!("SKIPPED: no small disk on this machine: {error:#}");
            return Ok(());
        }
    };
    house.servers.nats.restart().await?;
    house.bootstrap().await?;
    house.start_service("all").await?;
    let orders = Shop::only(&house)?
        .place_many(&["paid_card_one_line"], 300)
        .await?;
    troubled(&house, "nats_not_storing", "free the disk, then restart").await?;
    some_are_left(&Shop::only(&house)?, &orders).await?;
    disk.make_room()?;
    house.servers.nats.kill9();
    house.servers.nats.restart().await?;
    ready(&house).await?;
    // Every watch came back as well, with the rights that its user has.
    let refused = house.logs().matches("Permissions Violation").count();
    ensure!(refused == 0, "{refused} times NATS forbade something");
    Shop::only(&house)?.exactly_once(&orders).await
}

/// Redis only spares questions: without its answers everything takes longer and nothing goes wrong.
#[tokio::test]
async fn a_redis_that_hangs_costs_time_and_nothing_else() -> anyhow::Result<()> {
    let house = house().await?;
    let shop = Shop::only(&house)?;
    let redis = Pid::from_raw(house.servers.redis.pid().cast_signed());
    kill(redis, Signal::SIGSTOP)?;
    let since = Instant::now();
    let orders = shop.place_many(&["paid_card_one_line"], 10).await?;
    let booked = shop.exactly_once(&orders).await;
    let alone = since.elapsed();
    let still_ready = ready(&house).await;
    kill(redis, Signal::SIGCONT)?;
    booked.and(still_ready)?;
    let troubled = house.logs().contains("\"alert\":\"nats_");
    ensure!(!troubled, "a hung Redis was told as trouble of NATS");
    println!("10 orders in {} ms while Redis hung", alone.as_millis());
    Ok(())
}

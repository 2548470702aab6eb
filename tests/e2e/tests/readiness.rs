//! Ready means able to work: `/readyz` follows NATS, and what a reload took away comes back by itself.

use std::time::Instant;

use anyhow::{Context, ensure};
use e2e::{LIMIT, QUICK, Shop};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use testkit::{House, HouseOptions, eventually};

async fn house() -> anyhow::Result<House> {
    House::start(HouseOptions {
        config: QUICK.to_owned(),
        ..HouseOptions::default()
    })
    .await
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
    println!("{status} {says} after {} ms", since.elapsed().as_millis());
    let alive = client.get(format!("{}/livez", process.ready.admin)).send();
    ensure!(alive.await?.status().is_success(), "liveness hangs on NATS");
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
    turns(&house, 200, "\"ready\":true").await?;
    house.servers.nats.kill9();
    turns(&house, 503, "nats_away").await?;
    let logs = house.logs();
    ensure!(logs.contains("\"alert\":\"nats_away\""), "nobody was told");
    house.servers.nats.restart().await?;
    turns(&house, 200, "\"ready\":true").await?;
    let shop = Shop::only(&house)?;
    let order = shop.place("paid_card_one_line", 1).await?;
    shop.in_books(&[order]).await
}

#[tokio::test]
async fn a_right_taken_and_given_back_needs_no_hands() -> anyhow::Result<()> {
    let house = house().await?;
    let shop = Shop::only(&house)?;
    reload(&house, "_INBOX_all.>", "_INBOX_nobody.>")?;
    turns(&house, 503, "nats_deaf").await?;
    ensure!(house.logs().contains("\"alert\":\"nats_deaf\""), "not told");
    reload(&house, "_INBOX_nobody.>", "_INBOX_all.>")?;
    turns(&house, 200, "\"ready\":true").await?;
    let orders = shop.place_many(&["paid_card_one_line"], 5).await?;
    shop.in_books(&orders).await?;
    shop.exactly_once(&orders).await?;
    let died = contracts::cause::WORKER_DIED;
    ensure!(!house.logs().contains(died), "a letter says {died}");
    Ok(())
}

//! A published mapping takes effect without a restart; a broken one holds its connection.
#![allow(
    clippy::unwrap_used,
    reason = "also in helpers, which clippy does not count as tests"
)]

mod common;

use anyhow::ensure;
use common::{Bench, LIMIT};
use contracts::topology::Bucket;
use domain::mapping::Mapping;
use store::mappings::{DEFAULT_KEY, Mappings, publish};
use testkit::eventually;

/// The built-in document under another name.
fn document(name: &str) -> String {
    let built_in = domain::mapping::BUILT_IN_DOCUMENT;
    let line = built_in
        .lines()
        .find(|line| line.starts_with("name:"))
        .unwrap();
    built_in.replacen(line, &format!("name: {name}"), 1)
}

async fn named(mappings: &Mappings, connection: &str, name: &str) {
    let taken_up = eventually(LIMIT, "the mapping to be taken up", async || {
        let mapping = mappings.of(connection).map_err(anyhow::Error::msg)?;
        ensure!(mapping.name() == name, "it is still {}", mapping.name());
        Ok(())
    });
    taken_up.await.unwrap();
}

#[tokio::test]
async fn a_published_document_takes_effect_without_a_restart() {
    let bench = Bench::start().await;
    let mappings = Mappings::load(&bench.jetstream).await.unwrap();
    assert_eq!(
        mappings.of("acme").unwrap().name(),
        Mapping::built_in().name()
    );
    publish(&bench.jetstream, DEFAULT_KEY, &document("shared"))
        .await
        .unwrap();
    named(&mappings, "acme", "shared").await;
    publish(&bench.jetstream, "acme", &document("own"))
        .await
        .unwrap();
    named(&mappings, "acme", "own").await;
    assert_eq!(mappings.of("other").unwrap().name(), "shared");
    bench
        .bucket(Bucket::Mappings)
        .await
        .delete("acme")
        .await
        .unwrap();
    named(&mappings, "acme", "shared").await;
}

#[tokio::test]
async fn what_was_published_before_is_there_from_the_start() {
    let bench = Bench::start().await;
    publish(&bench.jetstream, "acme", &document("own"))
        .await
        .unwrap();
    let mappings = Mappings::load(&bench.jetstream).await.unwrap();
    assert_eq!(mappings.of("acme").unwrap().name(), "own");
}

#[tokio::test]
async fn an_invalid_document_holds_its_connection_and_no_other() {
    let bench = Bench::start().await;
    let mappings = Mappings::load(&bench.jetstream).await.unwrap();
    publish(&bench.jetstream, DEFAULT_KEY, &document("shared"))
        .await
        .unwrap();
    publish(&bench.jetstream, "acme", "nonsense: true\n")
        .await
        .unwrap();
    let faults = eventually(LIMIT, "the faults", async || match mappings.of("acme") {
        Ok(mapping) => anyhow::bail!("{} is in force", mapping.name()),
        Err(faults) => Ok(faults),
    });
    assert!(
        faults.await.unwrap().contains("nonsense"),
        "the faults name the place"
    );
    named(&mappings, "other", "shared").await;
    publish(&bench.jetstream, "acme", &document("mended"))
        .await
        .unwrap();
    named(&mappings, "acme", "mended").await;
}

#[tokio::test]
async fn a_restart_of_nats_does_not_end_the_watch() {
    let mut bench = Bench::start().await;
    let mappings = Mappings::load(&bench.jetstream).await.unwrap();
    bench.nats.restart().await.unwrap();
    let published = eventually(LIMIT, "the document to be stored", async || {
        Ok(publish(&bench.jetstream, "acme", &document("own")).await?)
    });
    published.await.unwrap();
    named(&mappings, "acme", "own").await;
}

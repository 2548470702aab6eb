//! Records on a real server: who may work on a run, and what a person's wish does.

use std::time::Duration;

use async_nats::jetstream;
use contracts::topology::Sizing;
use servers::NatsServer;
use tempfile::TempDir;

use super::*;

struct Bench {
    _nats: NatsServer,
    _folder: TempDir,
    store: RunStore,
}

async fn bench() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let nats = NatsServer::start(folder.path().join("nats"), None)
        .await
        .unwrap();
    let client = async_nats::connect(nats.url()).await.unwrap();
    let jetstream = jetstream::context::ContextBuilder::new()
        .timeout(Duration::from_secs(2))
        .build(client);
    let sizing = Sizing {
        replicas: 1,
        storage_gib: 1,
    };
    stage::bootstrap::bootstrap(&jetstream, sizing)
        .await
        .unwrap();
    Bench {
        store: RunStore::bind(&jetstream).await.unwrap(),
        _nats: nats,
        _folder: folder,
    }
}

fn run(connection: &str) -> Run {
    let days = DayRange::read("2026-01-01", "2026-01-31").unwrap();
    let asked = Asked {
        who: "jo".to_owned(),
        why: "a test".to_owned(),
    };
    Run::new(Kind::Backfill, connection, days, asked)
}

/// As if its process had been killed a while ago.
async fn killed(store: &RunStore, open: &mut OpenRun) {
    open.run.beat_at_ms = 1;
    let bytes = serde_json::to_vec(&open.run).unwrap();
    let put = store
        .bucket
        .update(&open.run.id, bytes.into(), open.revision);
    open.revision = put.await.unwrap();
}

fn is_refused<T>(result: Result<T, Error>) -> bool {
    matches!(result, Err(Error::Refused(_)))
}

#[tokio::test]
async fn one_run_of_a_connection_is_at_work_at_a_time() {
    let bench = bench().await;
    let mut first = bench.store.begin(run("acme")).await.unwrap();
    assert!(is_refused(bench.store.begin(run("acme")).await));
    bench.store.begin(run("other")).await.unwrap();
    first.run.state = State::Finished;
    bench.store.save(&mut first).await.unwrap();
    let mut later = run("acme");
    later.id.push_str("-later");
    bench.store.begin(later).await.unwrap();
}

#[tokio::test]
async fn a_wish_reaches_the_process_at_work_and_ends_a_dead_run_itself() {
    let bench = bench().await;
    let mut open = bench.store.begin(run("acme")).await.unwrap();
    let id = open.run.id.clone();
    let told = bench.store.wish(&id, Wish::Pause).await.unwrap();
    assert_eq!((told.state, told.wish), (State::Running, Some(Wish::Pause)));
    open.run.position = 7;
    bench.store.save(&mut open).await.unwrap();
    assert_eq!(open.run.wish, Some(Wish::Pause));
    assert_eq!(bench.store.get(&id).await.unwrap().position, 7);
    killed(&bench.store, &mut open).await;
    let ended = bench.store.wish(&id, Wish::Cancel).await.unwrap();
    assert_eq!(ended.state, State::Cancelled);
    assert!(is_refused(bench.store.wish(&id, Wish::Pause).await));
    assert!(is_refused(bench.store.take_up(&id, Kind::Backfill).await));
}

#[tokio::test]
async fn only_a_dead_or_paused_run_is_taken_up_and_its_old_process_learns_it() {
    let bench = bench().await;
    let mut old = bench.store.begin(run("acme")).await.unwrap();
    let id = old.run.id.clone();
    assert!(is_refused(bench.store.take_up(&id, Kind::Backfill).await));
    killed(&bench.store, &mut old).await;
    assert!(is_refused(bench.store.take_up(&id, Kind::Undo).await));
    let mut new = bench.store.take_up(&id, Kind::Backfill).await.unwrap();
    assert!(matches!(
        bench.store.save(&mut old).await,
        Err(Error::TakenOver)
    ));
    new.run.position = 9;
    bench.store.save(&mut new).await.unwrap();
    assert_eq!(bench.store.get(&id).await.unwrap().position, 9);
}

#[tokio::test]
async fn an_id_that_names_no_run_is_refused() {
    let bench = bench().await;
    for id in ["nothing", "a.b", "", "*"] {
        assert!(is_refused(bench.store.get(id).await), "{id:?}");
    }
}

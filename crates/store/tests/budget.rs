//! One window of a vendor, shared by processes through a real Redis.
#![allow(
    clippy::unwrap_used,
    reason = "also in helpers, which clippy does not count as tests"
)]

use std::time::Duration;

use anyhow::ensure;
use connect::budget::{Answer, Ask, Class, Heard, SharedBudget};
use redis::AsyncCommands;
use secrecy::SecretString;
use servers::RedisServer;
use store::budget::RedisBudget;
use store::redis_address::RedisAddress;
use store::redis_link::RedisLink;
use testkit::eventually;
use tokio::time::Instant;

const LIMIT: Duration = Duration::from_secs(60);
const BUCKET: &str = "freshbooks:account:creates";

struct Scene {
    redis: RedisServer,
    _folder: tempfile::TempDir,
}

impl Scene {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let redis = RedisServer::start(folder.path().join("redis"), None)
            .await
            .unwrap();
        Self {
            redis,
            _folder: folder,
        }
    }

    /// As another process has it: a connection of its own.
    async fn process(&self) -> RedisBudget {
        let url = SecretString::from(self.redis.url());
        RedisBudget::on(RedisLink::connect(&RedisAddress::plain(url)).await.unwrap())
    }

    async fn keys(&self) -> Vec<(String, i64)> {
        let client = redis::Client::open(self.redis.url()).unwrap();
        let mut redis = client.get_multiplexed_async_connection().await.unwrap();
        let names: Vec<String> = redis.keys("*").await.unwrap();
        let mut keys = Vec::new();
        for name in names {
            let ttl_ms: i64 = redis.pttl(&name).await.unwrap();
            keys.push((name, ttl_ms));
        }
        keys
    }
}

fn ask(class: Class) -> Ask {
    Ask {
        calls: 1,
        class,
        leaves_percent: class.reserve_percent(),
        reserve: 0,
        max_wait: Duration::ZERO,
        takes: true,
    }
}

fn told(left: u64, quota: u64, rest: Duration) -> Heard {
    Heard::Told {
        left,
        quota: Some(quota),
        resets_in: rest,
        at: Instant::now(),
    }
}

async fn take(budget: &RedisBudget, class: Class) -> Answer {
    budget.ask(BUCKET, ask(class), None).await
}

async fn is_granted(budget: &RedisBudget, class: Class) -> bool {
    matches!(take(budget, class).await, Answer::Granted { .. })
}

async fn wait(budget: &RedisBudget, class: Class) -> Duration {
    match take(budget, class).await {
        Answer::Refused { after } => after,
        other => panic!("{other:?}"),
    }
}

/// Takes until refused; how many were granted.
async fn take_all(budget: &RedisBudget, class: Class) -> u64 {
    let mut granted = 0;
    while is_granted(budget, class).await {
        granted += 1;
        assert!(granted < 10_000, "never refused");
    }
    granted
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn processes_share_a_window_to_the_last_call() {
    let scene = Scene::start().await;
    let (one, two) = (scene.process().await, scene.process().await);
    assert!(is_granted(&one, Class::Live).await);
    one.hear(BUCKET, told(249, 250, MINUTE)).await;
    let (a, b) = tokio::join!(take_all(&one, Class::Live), take_all(&two, Class::Live));
    assert_eq!(1 + a + b, 250);
}

#[tokio::test]
async fn calls_of_other_apps_are_counted_by_what_the_vendor_says_is_left() {
    let scene = Scene::start().await;
    let budget = scene.process().await;
    assert!(is_granted(&budget, Class::Live).await);
    budget.hear(BUCKET, told(99, 100, MINUTE)).await;
    assert!(is_granted(&budget, Class::Live).await);
    budget.hear(BUCKET, told(58, 100, MINUTE)).await;
    // A reply that was overtaken must not give anything back.
    budget.hear(BUCKET, told(70, 100, MINUTE)).await;
    assert_eq!(take_all(&budget, Class::Live).await, 58);
}

#[tokio::test]
async fn lower_classes_leave_a_part_to_higher_ones() {
    let scene = Scene::start().await;
    let budget = scene.process().await;
    budget.hear(BUCKET, told(100, 100, MINUTE)).await;
    let backfill = take_all(&budget, Class::Backfill).await;
    let replay = take_all(&budget, Class::Replay).await;
    let live = take_all(&budget, Class::Live).await;
    // Time goes on meanwhile, and the parts shrink with it.
    assert!((70..=75).contains(&backfill), "{backfill}");
    assert!((15..=20).contains(&replay), "{replay}");
    assert_eq!(backfill + replay + live, 100);
}

#[tokio::test]
async fn a_lower_class_uses_what_is_left_towards_the_end() {
    let scene = Scene::start().await;
    let budget = scene.process().await;
    budget
        .hear(BUCKET, told(100, 100, Duration::from_secs(4)))
        .await;
    let mut taken = take_all(&budget, Class::Backfill).await;
    assert!(taken < 90, "{taken} at once");
    eventually(LIMIT, "the rest of the window", async || {
        taken += u64::from(is_granted(&budget, Class::Backfill).await);
        ensure!(taken >= 95, "{taken} of 100");
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn while_live_work_waits_for_more_than_a_window_backfills_get_nothing() {
    let scene = Scene::start().await;
    let budget = scene.process().await;
    let short = Duration::from_millis(1_500);
    budget.hear(BUCKET, told(0, 10, short)).await;
    for _ in 0..30 {
        wait(&budget, Class::Live).await;
    }
    eventually(LIMIT, "the next window", async || {
        ensure!(is_granted(&budget, Class::Live).await, "shut");
        Ok(())
    })
    .await
    .unwrap();
    budget.hear(BUCKET, told(9, 10, short)).await;
    wait(&budget, Class::Backfill).await;
    assert!(is_granted(&budget, Class::Live).await);
}

#[tokio::test]
async fn those_who_wait_are_spread_over_the_windows_that_have_room_for_them() {
    let scene = Scene::start().await;
    let budget = scene.process().await;
    budget.hear(BUCKET, told(0, 50, MINUTE)).await;
    let mut windows = [0_u32; 4];
    let mut waits = std::collections::BTreeSet::new();
    for _ in 0..200 {
        let after = wait(&budget, Class::Live).await;
        let window = usize::try_from(after.as_secs() / 60).unwrap();
        windows[window.saturating_sub(1).min(3)] += 1;
        waits.insert(after.as_millis() / 100);
    }
    assert!(waits.len() > 150, "they come in waves: {waits:?}");
    assert!(
        windows.iter().all(|count| (45..=56).contains(count)),
        "{windows:?}"
    );
}

#[tokio::test]
async fn a_window_that_is_over_opens_by_one_call_when_it_was_used_up() {
    let scene = Scene::start().await;
    let budget = scene.process().await;
    let short = Duration::from_millis(1_200);
    budget.hear(BUCKET, told(0, 20, short)).await;
    eventually(LIMIT, "the window to open", async || {
        ensure!(is_granted(&budget, Class::Live).await, "shut");
        Ok(())
    })
    .await
    .unwrap();
    assert!(
        !is_granted(&budget, Class::Live).await,
        "a second before the first one's reply"
    );
    budget.hear(BUCKET, told(19, 20, MINUTE)).await;
    assert_eq!(take_all(&budget, Class::Live).await, 19);
}

#[tokio::test]
async fn a_reply_that_never_comes_does_not_keep_the_window_shut() {
    let scene = Scene::start().await;
    let budget = scene.process().await;
    budget
        .hear(BUCKET, told(0, 20, Duration::from_millis(50)))
        .await;
    let mut granted = 0;
    eventually(LIMIT, "one call after the other", async || {
        granted += u32::from(is_granted(&budget, Class::Live).await);
        ensure!(granted >= 3, "{granted}");
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_429_stops_every_process_for_as_long_as_it_says() {
    let scene = Scene::start().await;
    let (one, two) = (scene.process().await, scene.process().await);
    one.hear(BUCKET, told(200, 250, MINUTE)).await;
    let seconds = Duration::from_secs(30);
    one.hear(BUCKET, Heard::Shut { wait: seconds }).await;
    let after = wait(&two, Class::Live).await;
    assert!(after > Duration::from_secs(25), "{after:?}");
}

#[tokio::test]
async fn a_vendor_that_tells_nothing_is_asked_steadily() {
    let scene = Scene::start().await;
    let budget = scene.process().await;
    let first = take_all(&budget, Class::Live).await;
    assert!((8..=32).contains(&first), "{first}");
    eventually(LIMIT, "more after a while", async || {
        ensure!(is_granted(&budget, Class::Live).await, "shut");
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn looking_for_room_takes_nothing() {
    let scene = Scene::start().await;
    let budget = scene.process().await;
    budget.hear(BUCKET, told(40, 40, MINUTE)).await;
    let look = Ask {
        calls: 6,
        takes: false,
        ..ask(Class::Live)
    };
    for _ in 0..20 {
        let answer = budget.ask(BUCKET, look, None).await;
        assert!(matches!(answer, Answer::Granted { .. }), "{answer:?}");
    }
    assert_eq!(take_all(&budget, Class::Live).await, 40);
}

#[tokio::test]
async fn a_key_names_the_account_and_goes_by_itself() {
    let scene = Scene::start().await;
    let budget = scene.process().await;
    take(&budget, Class::Live).await;
    let keys = scene.keys().await;
    let [(name, ttl_ms)] = keys.as_slice() else {
        panic!("{keys:?}");
    };
    assert_eq!(name, "tillbook:budget:freshbooks:account:creates");
    assert!((1..=3_600_000).contains(ttl_ms), "{ttl_ms}");
}

#[tokio::test]
async fn without_redis_nobody_is_told_anything_and_it_is_used_again_when_it_is_back() {
    let mut scene = Scene::start().await;
    let budget = scene.process().await;
    assert!(is_granted(&budget, Class::Live).await);
    scene.redis.kill9();
    let asked = tokio::time::timeout(Duration::from_secs(20), async {
        for _ in 0..50 {
            assert_eq!(take(&budget, Class::Live).await, Answer::Away);
        }
    });
    asked.await.unwrap();
    scene.redis.restart().await.unwrap();
    eventually(LIMIT, "the budget to answer again", async || {
        ensure!(is_granted(&budget, Class::Live).await, "away");
        Ok(())
    })
    .await
    .unwrap();
}

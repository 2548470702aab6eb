//! Many letters: grouped by cause, released by group with canaries, pace and order.
#![allow(
    clippy::unwrap_used,
    reason = "also in helpers, which clippy does not count as tests"
)]

mod common;

use std::collections::BTreeSet;

use anyhow::ensure;
use common::books::{Books, bury_plans};
use common::{Bench, LIMIT};
use contracts::journal::JournalKind;
use contracts::topology::Stream;
use replay::{AskError, Filter, Request, Settings};
use serde_json::Value;
use testkit::eventually;

const SETTINGS: Settings = Settings {
    rate_per_s: 100,
    canaries: 2,
    failures_max: 3,
    at_once: 8,
    refetch: false,
};

async fn groups(bench: &Bench) -> Vec<Value> {
    let filter = Filter::default();
    let answer = bench.ask(Request::Groups { filter }).await.unwrap();
    answer["groups"].as_array().unwrap().clone()
}

async fn begin(bench: &Bench, filter: Filter, settings: Settings) -> Result<Value, AskError> {
    bench
        .ask(Request::ReleaseMany {
            filter,
            settings,
            reason: "mended".to_owned(),
            who: "jo".to_owned(),
        })
        .await
}

/// The release of an id when it no longer runs.
async fn ended(bench: &Bench, release: &Value) -> Value {
    let id = release["id"].as_str().unwrap();
    eventually(LIMIT, "the release ends", async || {
        let release_id = id.to_owned();
        let release = bench.ask(Request::ReleaseStatus { release_id }).await?;
        ensure!(release["state"] != "running", "{release}");
        Ok(release)
    })
    .await
    .unwrap()
}

async fn resting(bench: &Bench) -> u64 {
    let (filter, limit) = (Filter::default(), 1);
    let all = bench.ask(Request::List { filter, limit }).await.unwrap();
    all["total"].as_u64().unwrap()
}

fn of_group(group: &Value) -> Filter {
    Filter {
        group: group["group"].as_str().map(str::to_owned),
        ..Filter::default()
    }
}

#[tokio::test]
async fn letters_are_grouped_by_cause_with_what_is_at_stake() {
    let bench = Bench::start().await;
    bury_plans(
        &bench,
        "rejected",
        "order {n}: creating invoice {n}: no",
        1..=20,
    )
    .await;
    bury_plans(&bench, "plan_limit", "the plan allows {n} clients", 21..=25).await;
    let groups = groups(&bench).await;
    assert_eq!(groups.len(), 2, "{groups:?}");
    let [large, small] = [&groups[0], &groups[1]];
    assert_eq!(
        (&large["letters"], &small["letters"]),
        (&20.into(), &5.into())
    );
    assert_eq!(large["codes"], serde_json::json!(["rejected"]));
    assert_eq!(
        large["at_stake"],
        serde_json::json!([{ "amount_minor": 20 * 1250, "currency": "USD" }])
    );
    assert!(small["proposed_fix"].as_str().unwrap().contains("plan"));
    let (filter, limit) = (of_group(small), 100);
    let list = bench.ask(Request::List { filter, limit }).await.unwrap();
    assert_eq!(list["total"], 5);
}

#[tokio::test]
async fn an_order_is_at_stake_once_however_many_letters_it_has() {
    let bench = Bench::start().await;
    bury_plans(&bench, "rejected", "refused", 1..=3).await;
    for _ in 0..3 {
        bury_plans(&bench, "rejected", "refused", 2..=2).await;
    }
    bury_plans(&bench, "plan_limit", "no room", 3..=4).await;
    let filter = Filter::default();
    let answer = bench.ask(Request::Groups { filter }).await.unwrap();
    let dollars =
        |orders: i64| serde_json::json!([{ "amount_minor": orders * 1250, "currency": "USD" }]);
    let [large, small] = [&answer["groups"][0], &answer["groups"][1]];
    assert_eq!(
        (&large["letters"], &small["letters"]),
        (&6.into(), &2.into())
    );
    assert_eq!(large["at_stake"], dollars(3), "{answer}");
    assert_eq!(small["at_stake"], dollars(2), "{answer}");
    // Order 3 is in both groups.
    assert_eq!(answer["at_stake"], dollars(4), "{answer}");
}

#[tokio::test]
async fn the_newest_letter_of_each_order_is_told() {
    let bench = Bench::start().await;
    bury_plans(&bench, "rejected", "refused", 1..=3).await;
    bury_plans(&bench, "plan_limit", "no room", 2..=2).await;
    let of_orders = Request::OfOrders {
        connection: "acme".to_owned(),
        order_ids: vec![2, 3, 4],
    };
    let answer = bench.ask(of_orders).await.unwrap();
    let letters = answer["dead_letters"].as_array().unwrap();
    let told: Vec<(&str, &str, &str)> = letters
        .iter()
        .map(|letter| {
            let text = |value: &'_ Value| value.as_str().unwrap().to_owned().leak() as &str;
            let code = text(&letter["reasons"][0]);
            (text(&letter["entity_id"]), code, text(&letter["reason"]))
        })
        .collect();
    assert_eq!(
        told,
        [("2", "plan_limit", "no room"), ("3", "rejected", "refused")]
    );
}

#[tokio::test]
async fn a_group_is_released_paced_and_in_order_and_the_others_stay() {
    let bench = Bench::start().await;
    let books = Books::default();
    books.run(&bench).await;
    bury_plans(&bench, "rejected", "refused", 1..=30).await;
    // Three more letters of order 5, and another cause.
    for _ in 0..3 {
        bury_plans(&bench, "rejected", "refused", 5..=5).await;
    }
    bury_plans(&bench, "plan_limit", "no room", 40..=44).await;
    let group = groups(&bench).await[0].clone();
    assert_eq!(group["letters"], 33);
    let settings = Settings {
        rate_per_s: 20,
        ..SETTINGS
    };
    let release = begin(&bench, of_group(&group), settings).await.unwrap();
    let release = ended(&bench, &release).await;
    assert_eq!(release["state"], "finished", "{release}");
    assert_eq!(release["ended_well"], 33, "{release}");
    assert_eq!(
        (&release["released"], &release["left"]),
        (&33.into(), &0.into())
    );
    assert!(
        release["summary"]
            .as_str()
            .unwrap()
            .starts_with("33 of 33 letters were released")
    );
    assert_eq!(resting(&bench).await, 5, "the other cause rests");

    let released = bench.stored(Stream::Resolved, 33).await;
    // A cap that failed would let all out at once: in no second more than the rate, and one for
    // the edges.
    for (n, message) in released.iter().enumerate().skip(21) {
        let apart =
            message.time.unix_timestamp_nanos() - released[n - 21].time.unix_timestamp_nanos();
        assert!(apart >= 1_000_000_000, "21 within {apart} ns");
    }
    let of_order_5: Vec<u64> = books.versions_of("5");
    assert_eq!(of_order_5.len(), 4);
    assert!(of_order_5.is_sorted(), "{of_order_5:?}");
    assert!(
        !books.overlapped(),
        "two letters of one order were under way at once"
    );
    let told = bench.entries(JournalKind::Replayed).await;
    let ids: BTreeSet<_> = told
        .iter()
        .map(|e| &e.attributes["dead_letter_id"])
        .collect();
    assert_eq!(ids.len(), 33);
    assert!(told.iter().all(|entry| entry.attributes["who"] == "jo"));
    assert_eq!(bench.entries(JournalKind::ReleaseChanged).await.len(), 2);
}

#[tokio::test]
async fn a_canary_that_dies_again_stops_the_release_before_the_others_go() {
    let bench = Bench::start().await;
    let books = Books::default();
    books.hold(["1", "2"]);
    books.run(&bench).await;
    bury_plans(&bench, "rejected", "refused", 1..=20).await;
    let filter = Filter {
        code: Some("rejected".to_owned()),
        ..Filter::default()
    };
    let release = begin(&bench, filter, SETTINGS).await.unwrap();
    let stopped = ended(&bench, &release).await;
    assert_eq!(stopped["state"], "stopped", "{stopped}");
    assert!(
        stopped["stopped_because"]
            .as_str()
            .unwrap()
            .contains("canary")
    );
    let released = stopped["released"].as_u64().unwrap();
    assert!(released <= 2, "{stopped}");
    let left = stopped["left"].as_u64().unwrap();
    assert_eq!(
        Some(released + left),
        stopped["letters"].as_u64(),
        "{stopped}"
    );
    let why = stopped["left_because"].to_string();
    assert!(why.contains("the release stopped"), "{stopped}");
    assert!(stopped["failures"][0].as_str().unwrap().contains("held"));

    // Mended, it goes on with what is left; the canaries' new letters are of a later release.
    books.hold([]);
    let resume = Request::ResumeRelease {
        release_id: release["id"].as_str().unwrap().to_owned(),
        reason: "now it is".to_owned(),
        who: "jo".to_owned(),
    };
    bench.ask(resume).await.unwrap();
    let release = ended(&bench, &release).await;
    assert_eq!(release["state"], "finished", "{release}");
}

#[tokio::test]
async fn a_release_goes_on_where_a_killed_process_left_it() {
    let mut bench = Bench::start().await;
    let books = Books::default();
    bury_plans(&bench, "rejected", "refused", 1..=12).await;
    let filter = Filter {
        connection: Some("acme".to_owned()),
        ..Filter::default()
    };
    let settings = Settings {
        canaries: 3,
        ..SETTINGS
    };
    let release = begin(&bench, filter, settings).await.unwrap();
    // Nobody ends the canaries yet: they are out, and then the process is gone.
    bench.stored(Stream::Resolved, 3).await;
    bench.kill_replay().await;
    books.run(&bench).await;
    bench.stored(Stream::Outcomes, 3).await;
    bench.start_replay().await;
    let release = ended(&bench, &release).await;
    assert_eq!(release["state"], "finished", "{release}");
    assert_eq!(release["ended_well"], 12, "{release}");
    bench.stored(Stream::Resolved, 12).await;
    assert_eq!(resting(&bench).await, 0);
}

#[tokio::test]
async fn a_release_needs_a_filter_a_reason_and_bounds() {
    let bench = Bench::start().await;
    bury_plans(&bench, "rejected", "refused", 1..=2).await;
    let acme = || Filter {
        connection: Some("acme".to_owned()),
        ..Filter::default()
    };
    let refused = |answer: Result<Value, AskError>| match answer {
        Err(AskError::Refused(why)) => why,
        other => format!("not refused: {other:?}"),
    };
    let all = begin(&bench, Filter::default(), SETTINGS).await;
    assert!(refused(all).contains("filter"));
    let fast = Settings {
        rate_per_s: 5_000,
        ..SETTINGS
    };
    assert!(refused(begin(&bench, acme(), fast).await).contains("rate_per_s"));
    let nobody = Filter {
        connection: Some("nobody".to_owned()),
        ..Filter::default()
    };
    assert!(refused(begin(&bench, nobody, SETTINGS).await).contains("no letter"));
    let unsaid = Request::ReleaseMany {
        filter: acme(),
        settings: SETTINGS,
        reason: " ".to_owned(),
        who: "jo".to_owned(),
    };
    assert!(refused(bench.ask(unsaid).await).contains("reason"));
    bench.stored(Stream::Resolved, 0).await;
}

#[tokio::test]
async fn a_letter_clears_itself_when_a_newer_state_is_in_the_books_and_only_then() {
    let bench = Bench::start().await;
    // Order 1 died before its newer state came, order 2 after; order 3 has only an older one.
    bury_plans(&bench, "rejected", "refused", 1..=1).await;
    common::books::outcome(&bench, "2", 2_000_000).await;
    bury_plans(&bench, "rejected", "refused", 2..=3).await;
    common::books::outcome(&bench, "1", 2_000_000).await;
    common::books::outcome(&bench, "3", 1).await;
    eventually(LIMIT, "two letters clear themselves", async || {
        let left = resting(&bench).await;
        ensure!(left == 1, "{left} rest");
        Ok(())
    })
    .await
    .unwrap();
    let cleared = bench.entries(JournalKind::LetterCleared).await;
    let orders: BTreeSet<&str> = cleared.iter().map(|e| e.entity_id.as_str()).collect();
    assert_eq!(orders, BTreeSet::from(["1", "2"]));
}

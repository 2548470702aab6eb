//! The monitor on a real NATS server: killed anywhere, started again, it shows the same.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod house;

use std::time::Duration;

use connect::{Vendor, VendorError};
use contracts::topology::Stream;
use house::{Child, House, content, ready};
use serde_json::Value;

/// Not a test of its own: the process that the tests kill. Does nothing unless told to.
#[tokio::test]
async fn child_process() {
    house::run_as_child().await;
}

#[tokio::test]
async fn killed_in_mid_flight_and_started_again_it_ends_with_the_same_rows() {
    let house = House::start().await;
    let expected = house.publish(0..400).await;
    let killed = house.database("killed");
    for rows in [1, 300, 900] {
        let child = Child::start(&house, &killed);
        child.wait_for_entries(&killed, rows).await;
        child.kill9();
    }
    ready(house.monitor(&killed).await).await;

    let straight = house.database("straight");
    ready(house.monitor(&straight).await).await;
    let rows = content(&straight);
    assert_eq!(
        rows.iter()
            .filter(|line| line.starts_with("orders"))
            .count(),
        400
    );
    assert_eq!(
        rows.iter()
            .filter(|line| line.starts_with("entries"))
            .count(),
        expected
    );
    assert_eq!(content(&killed), rows);
}

#[tokio::test]
async fn new_messages_appear_while_it_runs_and_after_the_server_was_killed() {
    let mut house = House::start().await;
    house.publish(0..3).await;
    let monitor = house.monitor(&house.database("live")).await;
    monitor
        .until(|summary| summary["orders"]["in_books"] == 3)
        .await;
    house.publish(3..5).await;
    monitor
        .until(|summary| summary["orders"]["in_books"] == 5)
        .await;

    house.nats.kill9();
    house.nats.restart().await.unwrap();
    house.publish(5..9).await;
    monitor
        .until(|summary| summary["orders"]["in_books"] == 9)
        .await;
    monitor.stop().await;
}

#[tokio::test]
async fn a_stream_made_anew_starts_the_projection_anew() {
    let house = House::start().await;
    house.publish(0..20).await;
    let path = house.database("anew");
    ready(house.monitor(&path).await).await;
    let running = house.monitor(&house.database("running")).await;
    running
        .until(|summary| summary["orders"]["in_books"] == 20)
        .await;

    for stream in [Stream::Journal, Stream::Outcomes] {
        house.jetstream.delete_stream(stream.name()).await.unwrap();
        house
            .jetstream
            .create_stream(stream.config(house::SIZING))
            .await
            .unwrap();
    }
    house.publish(20..23).await;
    running
        .until(|summary| summary["orders"]["in_books"] == 3)
        .await;
    running.stop().await;
    let monitor = house.monitor(&path).await;
    monitor
        .until(|summary| summary["orders"]["in_books"] == 3)
        .await;
    monitor.stop().await;
    let orders = content(&path)
        .into_iter()
        .filter(|line| line.starts_with("orders"));
    assert_eq!(orders.count(), 3);
}

#[tokio::test]
async fn the_story_health_and_metrics_are_served_on_one_port() {
    let house = House::start().await;
    house.publish(0..2).await;
    house.publish_garbage().await;
    let monitor = house.monitor(&house.database("served")).await;
    monitor
        .until(|summary| summary["orders"]["in_books"] == 2)
        .await;
    monitor
        .until(|summary| summary["streams"][1]["unreadable_messages"] == 1)
        .await;

    let story: Value = monitor
        .get("/api/v1/orders/acme/1000")
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(story["order"]["invoice_number"], "BC-1000");
    assert_eq!(story["outcomes"][0]["kind"], "written");
    assert_eq!(story["outcomes"][0]["trace_id"], story["order"]["trace_id"]);
    assert!(story["outcomes"][0]["at_ms"].as_i64().unwrap() > 1_700_000_000_000);
    assert_eq!(monitor.get("/livez").await.status(), 200);
    assert_eq!(monitor.get("/readyz").await.status(), 200);
    let wanted = [
        "tillbook_orders{state=\"in_books\"} 2\n",
        "tillbook_dead_letters{kind=\"held\"} 0\n",
        "tillbook_projection_lag_messages{stream=\"JOURNAL\"} 0\n",
        "tillbook_projection_unreadable_messages{stream=\"JOURNAL\"} 1\n",
        "tillbook_oldest_unfinished_order_seconds{} 0\n",
    ];
    monitor
        .until_metrics(|text| wanted.iter().all(|line| text.contains(line)))
        .await;
    monitor.stop().await;
}

#[tokio::test]
async fn a_held_connection_is_shown_as_held_until_it_is_released() {
    let house = House::start().await;
    let holds = store::connections::Connections::bind(&house.jetstream)
        .await
        .unwrap();
    holds
        .failed("bolt", Vendor::FreshBooks, &VendorError::GrantRevoked)
        .await;
    let monitor = house.monitor(&house.database("held")).await;
    monitor
        .until(|summary| summary["connections_held"] == 1)
        .await;
    let answer: Value = monitor
        .get("/api/v1/connections")
        .await
        .json()
        .await
        .unwrap();
    let reason = answer["connections"][0]["held_reason"].as_str().unwrap();
    assert!(reason.contains("connect the account again"), "{reason}");
    let metric = |on: u8| format!("tillbook_connection_held{{connection=\"bolt\"}} {on}\n");
    monitor
        .until_metrics(|text| text.contains(&metric(1)))
        .await;

    holds
        .answered("bolt", Vendor::FreshBooks, store::now_ms())
        .await;
    monitor
        .until(|summary| summary["connections_held"] == 0)
        .await;
    monitor
        .until_metrics(|text| text.contains(&metric(0)))
        .await;
    monitor.stop().await;
}

/// How long a condition may take; no test measures it.
const PATIENCE: Duration = Duration::from_secs(60);

//! What people see: the story of an order, and the health of every service.

use anyhow::{Context, ensure};
use e2e::{LIMIT, Metrics, QUICK, SERVICES, Shop, services};
use serde_json::{Value, json};
use testkit::{House, HouseOptions, eventually};

async fn house(processes: &[&str]) -> anyhow::Result<House> {
    House::start(HouseOptions {
        config: QUICK.to_owned(),
        services: services(processes),
        ..HouseOptions::default()
    })
    .await
}

fn list<'a>(story: &'a Value, key: &str) -> anyhow::Result<&'a Vec<Value>> {
    let list = story.get(key).and_then(Value::as_array);
    list.with_context(|| format!("no {key} in {story}"))
}

fn text<'a>(of: &'a Value, key: &str) -> &'a str {
    of.get(key).and_then(Value::as_str).unwrap_or_default()
}

#[tokio::test]
async fn the_story_of_an_order_tells_everything_that_happened() -> anyhow::Result<()> {
    let house = house(&["all"]).await?;
    let shop = Shop::only(&house)?;
    let order = shop.place("paid_card_one_line", 1).await?;
    shop.in_books(std::slice::from_ref(&order)).await?;
    let invoice = house.invoice_of(shop.connection, order.id).await?;
    let story = eventually(LIMIT, "the whole story", async || {
        let story = shop.state(order.id, "in_books").await?;
        ensure!(!list(&story, "outcomes")?.is_empty(), "no outcome yet");
        ensure!(list(&story, "stages")?.len() >= 5, "{}", story["stages"]);
        Ok(story)
    })
    .await?;

    ensure!(list(&story, "hooks")?.len() == 1, "{}", story["hooks"]);
    ensure!(
        list(&story, "snapshots")?.len() == 1,
        "{}",
        story["snapshots"]
    );
    let stages = list(&story, "stages")?;
    for stage in ["fetch", "validate", "transform", "lookup", "deliver"] {
        let passed =
            |view: &&Value| text(view, "stage") == stage && text(view, "result") == "passed";
        ensure!(
            stages.iter().filter(passed).count() == 1,
            "{stage} in {stages:?}"
        );
    }
    let calls = list(&story, "vendor_calls")?;
    let called = |vendor: &str, method: &str, path: &str| {
        calls.iter().any(|call| {
            text(call, "vendor") == vendor
                && text(call, "method") == method
                && text(call, "path_template").contains(path)
                && call.get("status") == Some(&json!(200))
        })
    };
    for (vendor, method, path) in [
        ("bigcommerce", "GET", "orders"),
        ("freshbooks", "POST", "users/clients"),
        ("freshbooks", "POST", "invoices/invoices"),
        ("freshbooks", "PUT", "invoices/invoices"),
        ("freshbooks", "POST", "payments/payments"),
    ] {
        ensure!(
            called(vendor, method, path),
            "no {method} {path} at {vendor}: {calls:?}"
        );
    }
    for call in calls {
        let template = text(call, "path_template");
        let named = |id: &str| template.split('/').any(|part| part == id);
        ensure!(!named(&order.id.to_string()), "an id in {template}");
    }
    let outcome = list(&story, "outcomes")?.last().context("no outcome")?;
    ensure!(text(outcome, "kind") == "written", "{outcome}");
    ensure!(outcome.get("invoice_id") == invoice.get("id"), "{outcome}");
    ensure!(list(outcome, "payment_ids")?.len() == 1, "{outcome}");
    let total = outcome
        .pointer("/invoice_total/amount_minor")
        .and_then(Value::as_i64);
    let cents = order.total * rust_decimal::Decimal::ONE_HUNDRED;
    ensure!(total.map(Into::into) == Some(cents), "{outcome}");
    let traces = list(&story, "trace_ids")?;
    ensure!(traces.len() == 1, "{traces:?}");
    let trace = traces.first().and_then(Value::as_str).unwrap_or_default();
    ensure!(trace.len() == 32, "no trace id: {trace:?}");
    Ok(())
}

#[tokio::test]
async fn every_service_says_how_it_is() -> anyhow::Result<()> {
    let house = house(&SERVICES).await?;
    let shop = Shop::only(&house)?;
    let order = shop.place("paid_card_one_line", 1).await?;
    shop.in_books(&[order]).await?;
    for service in SERVICES {
        let process = house
            .service(service)
            .with_context(|| format!("no {service}"))?;
        let admin = &process.ready.admin;
        ensure!(process.ready.service == service, "{:?}", process.ready);
        let alive = house.http.text(&format!("{admin}/livez")).await?;
        ensure!(alive.trim() == "ok", "{service}: {alive}");
        let ready = house.http.get(&format!("{admin}/readyz")).await?;
        ensure!(
            ready.get("ready") == Some(&json!(true)),
            "{service}: {ready}"
        );
        let metrics = Metrics::of(&house, service).await?;
        ensure!(
            metrics.0.ends_with("# EOF\n"),
            "{service} gives no OpenMetrics"
        );
        ensure!(metrics.0.contains("tillbook_"), "{service} counts nothing");
    }
    Ok(())
}

#[tokio::test]
async fn a_stopping_house_drains_and_exits_with_0() -> anyhow::Result<()> {
    let mut house = house(&SERVICES).await?;
    let acme = house.connection()?.clone();
    let orders = {
        let shop = Shop {
            house: &house,
            connection: &acme,
        };
        shop.place_many(&["paid_card_one_line", "taxed_two_rates"], 20)
            .await?
    };
    for service in SERVICES {
        house.terminate(service).await?;
    }
    for service in SERVICES {
        house.start_service(service).await?;
    }
    let shop = Shop {
        house: &house,
        connection: &acme,
    };
    shop.in_books(&orders).await?;
    shop.nothing_twice(&orders).await
}

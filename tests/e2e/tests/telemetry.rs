//! One trace from the hook to the FreshBooks call, over seven processes; logs that name it.

use std::collections::HashMap;

use anyhow::{Context, ensure};
use e2e::{Collector, Exported, LIMIT, QUICK, SERVICES, Shop, services};
use serde_json::{Value, json};
use testkit::{House, HouseOptions, eventually};

/// OpenTelemetry's numbers for kinds of spans.
const SERVER: i32 = 2;
const CLIENT: i32 = 3;
const CONSUMER: i32 = 5;

async fn house(endpoint: &str) -> anyhow::Result<House> {
    House::start(HouseOptions {
        config: format!("{QUICK}\n[telemetry]\notlp_endpoint = \"{endpoint}\"\n"),
        services: services(&SERVICES),
        ..HouseOptions::default()
    })
    .await
}

/// The call that created the order's payment: the last thing that happens to an order.
fn payment_call(spans: &[Exported], order_id: &str) -> Option<Exported> {
    let by_id: HashMap<_, _> = spans.iter().map(|one| (&one.span.span_id, one)).collect();
    let of_order = |one: &&Exported| {
        let parent = by_id.get(&one.span.parent_span_id);
        parent.is_some_and(|parent| parent.attribute("order.id").as_deref() == Some(order_id))
    };
    let is_payment = |one: &&Exported| {
        one.span.kind == CLIENT
            && one.span.name.starts_with("POST")
            && one.span.name.contains("payments/payments")
    };
    spans.iter().filter(is_payment).find(of_order).cloned()
}

/// A span and all above it, as far as they were exported.
fn lineage(spans: &[Exported], of: &Exported) -> Vec<Exported> {
    let by_id: HashMap<_, _> = spans.iter().map(|one| (&one.span.span_id, one)).collect();
    let mut line = vec![of.clone()];
    while let Some(parent) = line
        .last()
        .and_then(|last| by_id.get(&last.span.parent_span_id))
    {
        if line.len() > spans.len() {
            break;
        }
        line.push((*parent).clone());
    }
    line
}

#[tokio::test]
async fn one_trace_goes_from_the_hook_to_the_freshbooks_call() -> anyhow::Result<()> {
    let (collector, endpoint) = Collector::start().await?;
    let house = house(&endpoint).await?;
    let shop = Shop::only(&house)?;
    // One failure on the way, so that a log line is written inside the trace.
    shop.break_account(json!({
        "kind": "status", "status": 503, "match": {"method": "POST", "path": "payments/payments"}
    }))
    .await?;
    let order = shop.place("paid_card_one_line", 1).await?;
    shop.in_books(std::slice::from_ref(&order)).await?;
    let id = order.id.to_string();

    let line = eventually(LIMIT, "the whole trace", async || {
        let spans = collector.spans();
        let call = payment_call(&spans, &id).context("no call that books a payment")?;
        let line = lineage(&spans, &call);
        let names: Vec<_> = line.iter().map(|one| one.span.name.as_str()).collect();
        ensure!(line.len() == 7, "{names:?}");
        Ok(line)
    })
    .await?;
    let trace_id = line.first().context("no span")?.trace_id();
    let expected = [
        ("deliver", CLIENT, "POST"),
        ("deliver", CONSUMER, "process resolved"),
        ("lookup", CONSUMER, "process transformed"),
        ("transform", CONSUMER, "process validated"),
        ("validate", CONSUMER, "process ingested"),
        ("ingest", CONSUMER, "process hint"),
        ("ingest", SERVER, "POST /hooks/{connection}"),
    ];
    for (one, (service, kind, name)) in line.iter().zip(expected) {
        let span = &one.span;
        ensure!(
            one.service == service,
            "{} is of {}",
            span.name,
            one.service
        );
        ensure!(span.kind == kind, "{} is of kind {}", span.name, span.kind);
        ensure!(
            span.name.starts_with(name),
            "{} instead of {name}",
            span.name
        );
        ensure!(
            one.trace_id() == trace_id,
            "{} is in another trace",
            span.name
        );
        if kind != CLIENT {
            let of = one.attribute("order.id");
            ensure!(of.as_ref() == Some(&id), "{} says order {of:?}", span.name);
        }
    }
    let root = line.last().context("no root")?;
    ensure!(root.span.parent_span_id.is_empty(), "the hook has a parent");
    ensure!(
        !order.email.is_empty(),
        "this order has no address to look for"
    );

    let logs = house.logs();
    let mut in_trace = 0;
    for text in logs.lines() {
        let parsed = serde_json::from_str::<Value>(text);
        let parsed = parsed.with_context(|| format!("a log line that is no JSON: {text}"))?;
        for key in ["timestamp", "level", "target", "service", "message"] {
            ensure!(
                parsed.get(key).is_some(),
                "a log line without {key}: {text}"
            );
        }
        in_trace += usize::from(parsed.get("trace_id") == Some(&json!(trace_id)));
    }
    ensure!(
        in_trace > 0,
        "no log line names the trace {trace_id}: {logs}"
    );
    let story = shop.state(order.id, "in_books").await?;
    let known = story.get("trace_ids").and_then(Value::as_array);
    ensure!(
        known.is_some_and(|ids| ids.contains(&json!(trace_id))),
        "the story does not name the trace: {known:?}"
    );
    Ok(())
}

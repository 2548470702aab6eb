//! Backfills: killed and resumed, forecast and compared, paused, and behind live hooks.

use anyhow::{Context, ensure};
use e2e::{AtWork, QUICK, Shop, Streams, command, figure, number, one_shop, refused};
use serde_json::{Value, json};
use testkit::House;

/// Sorts of orders whose costs differ, also within one status and payment method.
const KINDS: [&str; 10] = [
    "paid_card_one_line",
    "taxed_two_rates",
    "several_captures",
    "guest_checkout",
    "returning_customer",
    "awaiting_payment",
    "offline_paid",
    "zero_total",
    "partially_refunded",
    "status_incomplete",
];

/// How many orders the first test backfills; `cargo xtask backfill` sets it to 1,000.
fn count() -> u64 {
    let set = std::env::var("TILLBOOK_BACKFILL_ORDERS").ok();
    set.and_then(|text| text.parse().ok()).unwrap_or(120)
}

/// Places orders of January without any hook.
async fn place_january(house: &House, count: u64) -> anyhow::Result<()> {
    let store = &house.connection()?.store_hash;
    let each = count.div_ceil(u64::try_from(KINDS.len())?);
    let mut left = count;
    for (index, kind) in KINDS.iter().enumerate() {
        let some = each.min(left);
        left -= some;
        if some == 0 {
            continue;
        }
        let seed = 10_000 * (u64::try_from(index)? + 1);
        let day = 1 + index * 3;
        let order = json!({"kind": kind, "seed": seed, "hooks": "none", "count": some,
            "created_at": format!("2026-01-{day:02}T15:00:00Z")});
        house.vendors.place_with(store, &order).await?;
    }
    Ok(())
}

/// Everything the store has, as the books must show it.
async fn placed(shop: &Shop<'_>, house: &House) -> anyhow::Result<Vec<e2e::Placed>> {
    let url = format!(
        "{}/_sandbox/stores/{}/orders",
        house.vendors.bigcommerce, shop.connection.store_hash
    );
    let list = house.http.get(&url).await?;
    let mut placed = Vec::new();
    for row in list.as_array().context("no list")? {
        if row.get("in_books").and_then(Value::as_str) == Some("invoice") {
            let id = row.get("order_id").and_then(Value::as_u64);
            placed.push(shop.order(id.context("no id")?).await?);
        }
    }
    Ok(placed)
}

const RANGE: [&str; 7] = [
    "backfill",
    "--connection",
    "acme",
    "--from",
    "2026-01-01",
    "--to",
    "2026-01-31",
];

async fn begin(house: &House, more: &[&str]) -> anyhow::Result<AtWork> {
    AtWork::begin(house, &[RANGE.as_slice(), more].concat()).await
}

/// The calls that the forecast speaks of, as the sandboxes counted them.
async fn real_calls(house: &House) -> anyhow::Result<[u64; 4]> {
    let connection = house.connection()?;
    let store = house
        .vendors
        .bigcommerce_calls(&connection.store_hash)
        .await?;
    let account = house
        .vendors
        .freshbooks_calls(&connection.account_id)
        .await?;
    let of = |key: &str| {
        let path = format!("/totals/{key}");
        account.pointer(&path).and_then(Value::as_u64).unwrap_or(0)
    };
    Ok([
        store
            .get("total")
            .and_then(Value::as_u64)
            .context("total")?,
        of("reads"),
        of("creates"),
        of("updates") + of("deletes"),
    ])
}

async fn reset_calls(house: &House) -> anyhow::Result<()> {
    let connection = house.connection()?;
    let (vendors, client) = (&house.vendors, reqwest::Client::new());
    for url in [
        format!(
            "{}/_sandbox/stores/{}/calls",
            vendors.bigcommerce, connection.store_hash
        ),
        format!(
            "{}/_sandbox/accounts/{}/calls",
            vendors.freshbooks, connection.account_id
        ),
    ] {
        client.delete(url).send().await?.error_for_status()?;
    }
    Ok(())
}

#[tokio::test]
async fn a_backfill_killed_half_way_and_resumed_makes_no_duplicate_and_costs_what_it_said()
-> anyhow::Result<()> {
    let count = count();
    let house = one_shop("", QUICK).await?;
    let shop = Shop::only(&house)?;
    place_january(&house, count).await?;
    reset_calls(&house).await?;
    let forecast = command(&house, &[RANGE.as_slice(), &["--dry-run"]].concat()).await?;
    println!("{forecast}");
    ensure!(figure(&forecast, "orders")? == count, "{forecast}");
    let books = shop.books().await?;
    let invoices = books.get("invoices").and_then(Value::as_array);
    ensure!(
        invoices.is_some_and(Vec::is_empty),
        "a dry run wrote something"
    );
    // Making the forecast costs calls too; the run will make it once more.
    let own_calls = real_calls(&house).await?;
    reset_calls(&house).await?;

    let mut at_work = begin(&house, &["--reason", "opening the books"]).await?;
    let run = at_work.run.clone();
    let half = at_work
        .progress(|line| number(line, "handed_over") >= count / 2)
        .await?;
    at_work.kill9().await?;
    ensure!(
        number(&half, "done") < count,
        "nothing was left to resume: {half}"
    );
    let resumed = AtWork::resume(&house, "backfill", &run).await?;
    let text = resumed.ended().await?;
    ensure!(text.contains("finished"), "{text}");

    let orders = placed(&shop, &house).await?;
    let nothing_due = figure(&text, "nothing due")?;
    ensure!(
        u64::try_from(orders.len())? + nothing_due == count,
        "{text}"
    );
    shop.in_books(&orders).await?;
    Streams::of(&house)
        .await?
        .at_rest_without_dead_letters()
        .await?;
    shop.nothing_twice(&orders).await?;
    let told = figure(&text, "delivered")? + figure(&text, "unchanged")?;
    ensure!(told + nothing_due == count, "{text}");

    let labels = ["BigCommerce reads", "reads", "creates", "updates"];
    let real = real_calls(&house).await?;
    let (mut said_all, mut was_all) = (0, 0);
    for ((label, real), own) in labels.iter().zip(real).zip(own_calls) {
        let (said, was) = (figure(&forecast, label)?, real.saturating_sub(own));
        println!("{label}: forecast {said}, counted {was}");
        ensure!(
            said.abs_diff(was) * 20 <= was,
            "{label}: the forecast said {said}, the vendor counted {was}; {}",
            house
                .vendors
                .freshbooks_calls(&shop.connection.account_id)
                .await?
        );
        (said_all, was_all) = (said_all + said, was_all + was);
    }
    println!("all calls: forecast {said_all}, counted {was_all}");
    // Once more: everything is there, and the forecast knows it.
    let again = command(&house, &[RANGE.as_slice(), &["--dry-run"]].concat()).await?;
    ensure!(
        figure(&again, "already in books")? + nothing_due == count,
        "{again}"
    );
    ensure!(figure(&again, "FreshBooks calls")? == 0, "{again}");
    Ok(())
}

/// Creates take their time, so that something is under way whenever a test looks.
async fn slow(house: &House) -> anyhow::Result<()> {
    let slow = json!({"kind": "hang_ms", "hang_ms": 50, "times": 100_000,
        "match": {"method": "POST"}});
    house.vendors.break_freshbooks(&slow).await
}

#[tokio::test]
async fn a_live_hook_waits_behind_a_handful_of_a_backfills_orders_only() -> anyhow::Result<()> {
    let house = one_shop("", QUICK).await?;
    let shop = Shop::only(&house)?;
    place_january(&house, 160).await?;
    slow(&house).await?;
    let mut at_work = begin(&house, &["--at-once", "8"]).await?;
    at_work.progress(|line| number(line, "done") >= 8).await?;
    let invoices = async || {
        let books = shop.books().await?;
        let rows = books.get("invoices").and_then(Value::as_array).cloned();
        rows.context("no invoices")
    };
    let before = invoices().await?.len();
    let live = shop.place("paid_card_one_line", 7).await?;
    shop.in_books(std::slice::from_ref(&live)).await?;
    // Rows are in order of their ids, so an invoice's place tells what came before it.
    let number = live.id.to_string();
    let place = invoices()
        .await?
        .iter()
        .position(|row| row.get("invoice_number").and_then(Value::as_str) == Some(number.as_str()));
    let waited_behind = place.context("no invoice")?.saturating_sub(before);
    ensure!(
        waited_behind <= 2 * 8,
        "the live order waited behind {waited_behind} others"
    );
    let still = at_work.progress(|line| line.get("run").is_some()).await?;
    ensure!(
        still.get("state").and_then(Value::as_str) == Some("running"),
        "the backfill was over already: {still}"
    );
    Ok(())
}

#[tokio::test]
async fn a_backfill_is_paused_by_command_and_by_signal_goes_on_and_is_cancelled()
-> anyhow::Result<()> {
    let house = one_shop("", QUICK).await?;
    place_january(&house, 80).await?;
    slow(&house).await?;
    let mut at_work = begin(&house, &["--at-once", "2", "--reason", "a try"]).await?;
    let run = at_work.run.clone();
    let complaint = refused(&house, &RANGE).await?;
    ensure!(complaint.contains(&run), "two runs at once: {complaint}");
    command(&house, &["backfill", "pause", &run]).await?;
    let is_paused = |line: &Value| line.get("state").and_then(Value::as_str) == Some("paused");
    let paused = at_work.progress(is_paused).await?;
    ensure!(number(&paused, "under_way") == 0, "{paused}");
    ensure!(number(&paused, "done") < 80, "{paused}");
    let text = at_work.ended().await?;
    ensure!(text.contains(&format!("backfill resume {run}")), "{text}");

    let resumed = AtWork::resume(&house, "backfill", &run).await?;
    resumed.interrupt()?;
    let text = resumed.ended().await?;
    ensure!(text.contains("paused"), "{text}");

    let status = command(&house, &["backfill", "cancel", &run]).await?;
    ensure!(status.contains("cancelled"), "{status}");
    refused(&house, &["backfill", "resume", &run]).await?;

    let journal = Streams::of(&house).await?.journal().await?;
    let told: Vec<&str> = journal
        .iter()
        .filter(|entry| entry.attributes.get("run_id") == Some(&run))
        .filter(|entry| {
            entry
                .attributes
                .get("why")
                .is_some_and(|why| why == "a try")
        })
        .map(|entry| entry.detail.as_str())
        .collect();
    for word in ["began", "paused", "went on"] {
        ensure!(
            told.iter().any(|detail| detail.ends_with(word)),
            "nobody can see that it {word}: {told:?}"
        );
    }
    Ok(())
}

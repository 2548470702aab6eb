//! The proof: clean books prove clean, planted faults are found with their causes, and a run that
//! was killed goes on.
//!
//! `TILLBOOK_PROVE_FAULTS=20` plants so many of each class (`cargo xtask prove-faults`); the suite
//! plants fewer.

mod prove {
    pub(crate) mod command;
    pub(crate) mod faults;
    pub(crate) mod scene;
}

use anyhow::{Context, ensure};
use e2e::{LIMIT, QUICK, Shop, Streams};
use prove::command::{Proved, prove};
use prove::scene::Scene;
use serde_json::{Value, json};
use testkit::{House, HouseOptions, eventually};

#[tokio::test]
async fn books_that_the_pipeline_wrote_prove_clean_at_the_forecast_cost() -> anyhow::Result<()> {
    let scene = Scene::start(false).await?;
    let shop = Shop::only(&scene.house)?;
    scene.place_every_kind(2).await?;
    scene.settle().await?;

    let before = scene.counted().await?;
    let proved = prove(&scene.house, &scene.days, &[]).await?;
    let after = scene.counted().await?;
    ensure!(proved.exit == 0, "{}", proved.text());
    ensure!(proved.findings().is_empty(), "{}", proved.text());
    ensure!(proved.matching() > 100, "{}", proved.text());
    for vendor in ["bigcommerce", "freshbooks"] {
        let real = after[vendor] - before[vendor];
        let told = proved.forecast(vendor)?;
        eprintln!("{vendor}: forecast {told}, real {real}");
        ensure!(
            told.abs_diff(real) * 20 <= real,
            "{vendor}: forecast {told}, real {real}"
        );
    }
    // Nothing was written.
    let calls = shop.calls().await?;
    ensure!(calls.get("creates") > Some(&0));
    Ok(())
}

/// Every kind of refund, and tax on lines of its own, in the two other ways of booking refunds.
async fn proves_clean_with(policy: &str) -> anyhow::Result<()> {
    let scene = Scene::with(false, policy).await?;
    for seed in 1..=2 {
        for kind in [
            "fully_refunded",
            "partially_refunded",
            "refunded_value",
            "refunded_to_store_credit",
            "refunded_offline",
            "refund_declined",
            "cancelled_after_payment",
            "taxed_two_rates",
            "taxed_three_rates",
        ] {
            scene.place(kind, seed, 2).await?;
        }
    }
    scene.settle().await?;
    let proved = prove(&scene.house, &scene.days, &[]).await?;
    ensure!(proved.exit == 0, "{}", proved.text());
    ensure!(proved.matching() > 12, "{}", proved.text());
    Ok(())
}

#[tokio::test]
async fn refunds_that_lower_the_invoice_prove_clean() -> anyhow::Result<()> {
    proves_clean_with("refund = \"adjust\"\n").await
}

#[tokio::test]
async fn refunds_as_expenses_and_tax_as_amounts_prove_clean() -> anyhow::Result<()> {
    proves_clean_with("refund = \"expense:Supplies\"\ntax = \"amount\"\n").await
}

#[tokio::test]
async fn planted_faults_are_found_with_their_causes() -> anyhow::Result<()> {
    let each = std::env::var("TILLBOOK_PROVE_FAULTS");
    let each: usize = each.ok().and_then(|text| text.parse().ok()).unwrap_or(3);
    let scene = Scene::start(true).await?;
    let planted = prove::faults::plant(&scene, each).await?;
    let proved = prove(&scene.house, &scene.days, &[]).await?;
    ensure!(proved.exit == 1, "{}", proved.text());
    prove::faults::table(&planted, &proved)
}

#[tokio::test]
async fn what_tillbook_holds_and_what_was_undone_is_named_so() -> anyhow::Result<()> {
    let scene = Scene::start(false).await?;
    let shop = scene.shop()?;
    let held = scene.place("paid_card_one_line", 1, 1).await?;
    let undone = scene.place("paid_card_one_line", 2, 3).await?;
    scene.settle().await?;
    let invoice = scene.house.invoice_of(shop.connection, held.id).await?;
    let id = invoice.get("id").context("no id")?;
    let by_hand = json!({"lines": [{"name": "By hand", "qty": 1,
        "unit_cost": {"amount": "7.00", "code": "USD"}}]});
    let edit = format!("invoices/{id}/edit_by_hand");
    scene.by_hand(&edit, &by_hand).await?;
    let line = json!({"action": "add_line", "name": "Late", "sku": "X-1", "quantity": 2,
        "unit_price": "5.00"});
    shop.act(held.id, &line).await?;
    shop.dead_letter(held.id).await?;
    let day = scene.day(3)?;
    let undo = ["undo", "--connection", "acme", "--from", &day, "--to", &day];
    e2e::command(&scene.house, &undo).await?;

    let proved = prove(&scene.house, &scene.days, &[]).await?;
    ensure!(proved.exit == 1, "{}", proved.text());
    let found = proved.findings();
    let codes_of = |id: u64| {
        let found = found.iter().find(|(order, _)| *order == id);
        found.map(|(_, codes)| codes.clone()).unwrap_or_default()
    };
    ensure!(found.len() == 2, "{}", proved.text());
    ensure!(codes_of(held.id)[0] == "held", "{}", proved.text());
    ensure!(codes_of(undone.id)[0] == "undone", "{}", proved.text());
    ensure!(
        proved.text().contains("edited_in_freshbooks"),
        "{}",
        proved.text()
    );
    Ok(())
}

#[tokio::test]
async fn a_proof_killed_half_way_goes_on_and_reports_the_same() -> anyhow::Result<()> {
    let scene = Scene::start(false).await?;
    scene.place_days(6, 8).await?;
    scene.settle().await?;
    scene.spoil_one().await?;
    let whole = prove(&scene.house, &scene.days, &[]).await?;
    ensure!(whole.exit == 1, "{}", whole.text());

    let state = scene.house.servers.folder().join("proof.json");
    prove::command::kill_after_a_day(&scene.house, &scene.days, &state).await?;
    let kept = std::fs::read_to_string(&state)?;
    let before = scene.counted().await?;
    let resumed = prove(
        &scene.house,
        &scene.days,
        &["--state", &state.to_string_lossy()],
    )
    .await?;
    let after = scene.counted().await?;
    ensure!(
        resumed.days() == whole.days(),
        "{}\n{}",
        whole.text(),
        resumed.text()
    );
    ensure!(!state.exists(), "a finished proof keeps no progress");
    ensure!(kept.contains("\"days\""), "{kept}");
    let (first, second) = (
        whole.calls("bigcommerce")?,
        after["bigcommerce"] - before["bigcommerce"],
    );
    ensure!(second < first, "resumed with {second} calls, whole {first}");
    Ok(())
}

#[tokio::test]
async fn monitor_starts_a_proof_and_tells_its_result() -> anyhow::Result<()> {
    let scene = Scene::start(false).await?;
    scene.place_days(2, 2).await?;
    scene.settle().await?;
    let proofs = format!("{}/api/v1/proofs", scene.house.console());
    let [from, to] = &scene.days;
    let ask = json!({"connection": "acme", "from": from, "to": to});
    let started = scene.house.http.post(&proofs, &ask).await?;
    let id = started.get("id").and_then(Value::as_str).context("no id")?;
    let second = scene.house.http.post(&proofs, &ask).await;
    ensure!(second.is_err_and(|error| error.to_string().contains("proof_running")));
    let done = eventually(LIMIT, "the proof", async || {
        let proof = scene.house.http.get(&format!("{proofs}/{id}")).await?;
        ensure!(proof.get("state") != Some(&json!("running")), "{proof}");
        Ok(proof)
    })
    .await?;
    ensure!(done.get("matches") == Some(&json!(true)), "{done}");
    ensure!(done.get("days_done") == Some(&json!(2)), "{done}");
    let orders = done.pointer("/report/forecast/orders");
    ensure!(orders == Some(&json!(4)), "{done}");
    Ok(())
}

#[tokio::test]
async fn bad_requests_are_refused_with_the_remedy() -> anyhow::Result<()> {
    let house = House::start(HouseOptions {
        config: QUICK.to_owned(),
        services: Vec::new(),
        ..HouseOptions::default()
    })
    .await?;
    let refused = async |arguments: &[&str]| -> anyhow::Result<Proved> {
        Proved::run(&house, arguments).await
    };
    let unknown = refused(&[
        "--connection",
        "nobody",
        "--from",
        "2026-01-01",
        "--to",
        "2026-01-02",
    ]);
    let unknown = unknown.await?;
    ensure!(
        unknown.exit == 64 && unknown.errors.contains("nobody"),
        "{}",
        unknown.errors
    );
    let turned = refused(&[
        "--connection",
        "acme",
        "--from",
        "2026-01-02",
        "--to",
        "2026-01-01",
    ]);
    let turned = turned.await?;
    ensure!(
        turned.exit == 64 && turned.errors.contains("first day"),
        "{}",
        turned.errors
    );
    Streams::of(&house).await?.at_rest().await
}

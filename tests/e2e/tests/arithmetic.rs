//! Accounts that round tax otherwise than the likeliest: learned from FreshBooks' own answers, and
//! what cannot be made right leaves nothing half right behind.

use anyhow::{Context, ensure};
use e2e::{LIMIT, Placed, QUICK, Shop, Streams};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use testkit::{Connection, House, HouseOptions, eventually};

/// Orders whose lines FreshBooks' three arithmetics sum up differently: only two taxes on many
/// lines part the last two.
const KINDS: [&str; 3] = [
    "taxed_three_rates",
    "taxed_two_rates",
    "many_discounted_lines",
];

async fn house(account: Value) -> anyhow::Result<House> {
    let connection = Connection {
        account,
        ..Connection::named("acme")
    };
    House::start(HouseOptions {
        connections: vec![connection],
        config: QUICK.to_owned(),
        ..HouseOptions::default()
    })
    .await
}

fn figure(row: &Value, key: &str) -> anyhow::Result<Decimal> {
    let text = row.get(key).and_then(Value::as_str);
    let text = text.with_context(|| format!("no {key} in {row}"))?;
    Ok(text.parse()?)
}

/// Every order's total is the store's, and where the tax is not, a line says both.
async fn are_explained(shop: &Shop<'_>, orders: &[Placed]) -> anyhow::Result<()> {
    eventually(LIMIT, "the orders in the books, explained", async || {
        let invoices = shop.rows("invoices").await?;
        for order in orders {
            let number = order.id.to_string();
            let is_its = |row: &&Value| row["invoice_number"] == json!(number);
            let invoice = invoices.iter().find(is_its).context("no invoice")?;
            ensure!(figure(invoice, "amount")? == order.total, "{invoice}");
            ensure!(invoice["v3_status"] != json!("draft"), "{invoice}");
            let tax = figure(invoice, "tax_total")?;
            let lines = invoice["lines"].as_array().context("no lines")?;
            let says_both = lines.iter().any(|line| {
                let text = line["description"].as_str().unwrap_or_default();
                text.contains(&format!("in the store: {}", order.tax.round_dp(2)))
                    && text.contains(&format!("in these lines: {tax}"))
            });
            ensure!(
                tax == order.tax || says_both,
                "{} tax: {invoice}",
                order.tax
            );
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_account_that_rounds_sums_is_learned_from_its_first_surprising_answer()
-> anyhow::Result<()> {
    for (rounding, words) in [
        ("per_tax", "each tax's sum"),
        ("per_invoice", "the invoice's sum"),
    ] {
        let house = house(json!({"limits": null, "rounding": rounding})).await?;
        let shop = Shop::only(&house)?;
        let streams = Streams::of(&house).await?;
        let first = shop.place_many(&KINDS, 36).await?;
        are_explained(&shop, &first).await?;
        streams.at_rest_without_dead_letters().await?;
        eventually(LIMIT, "the story of what was learned", async || {
            for order in &first {
                let story = house.story(shop.connection, order.id).await?.to_string();
                if story.contains(&format!("FreshBooks rounds {words}")) {
                    return Ok(());
                }
            }
            anyhow::bail!("no story says that FreshBooks rounds {words}")
        })
        .await?;

        // What was learned holds: a write that had to be corrected would be an update more than
        // the one that marks the invoice as sent.
        let before = shop.calls().await?.get("updates").copied().unwrap_or(0);
        let mut later = Vec::new();
        for (seed, kind) in (100..116).zip(KINDS.iter().cycle()) {
            later.push(shop.place(kind, seed).await?);
        }
        are_explained(&shop, &later).await?;
        streams.at_rest_without_dead_letters().await?;
        let after = shop.calls().await?.get("updates").copied().unwrap_or(0);
        ensure!(
            after - before == 16,
            "{} updates for 16 orders of a {rounding} account",
            after - before
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_total_that_cannot_be_made_right_leaves_no_draft_behind() -> anyhow::Result<()> {
    let house = house(json!({"limits": null, "surcharge_minor": 300})).await?;
    let shop = Shop::only(&house)?;
    let order = shop.place("taxed_two_rates", 1).await?;
    let letter = shop.dead_letter(order.id).await?;
    ensure!(letter.to_string().contains("total_differs"), "{letter}");
    let standing = shop.rows("invoices").await?;
    ensure!(
        standing.is_empty(),
        "a half right invoice stays: {standing:?}"
    );

    // Once FreshBooks sums up as everybody does, a release is all it takes.
    let account = &shop.connection.account_id;
    let url = format!("{}/_sandbox/accounts/{account}", house.vendors.freshbooks);
    let sane = json!({"surcharge_minor": 0});
    let method = reqwest::Method::PATCH;
    house.http.call(method, &url, Some(&sane)).await?;
    shop.release(&letter).await?;
    shop.in_books(std::slice::from_ref(&order)).await?;
    let standing = shop.rows("invoices").await?;
    ensure!(standing.len() == 1, "{standing:?}");
    Ok(())
}

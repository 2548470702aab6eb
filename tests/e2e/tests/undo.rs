//! Undos: the books as they were before, except what a person has touched; and redone the same.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, ensure};
use e2e::{AtWork, LIMIT, Placed, QUICK, Shop, Streams, command, number, one_shop, refused};
use serde_json::{Value, json};
use testkit::{House, eventually};

const KINDS: [&str; 6] = [
    "paid_card_one_line",
    "taxed_two_rates",
    "several_captures",
    "partially_refunded",
    "awaiting_payment",
    "guest_checkout",
];

const RANGE: [&str; 6] = [
    "--connection",
    "acme",
    "--from",
    "2026-01-01",
    "--to",
    "2026-01-31",
];

/// Orders of every kind on a day, in the books.
async fn book(shop: &Shop<'_>, day: &str, seed: u64, count: u64) -> anyhow::Result<Vec<Placed>> {
    let mut placed = Vec::new();
    for (number, kind) in (0..count).zip(KINDS.iter().cycle()) {
        let order = json!({"kind": kind, "seed": seed + number, "hooks": "single",
            "created_at": format!("{day}T15:00:00Z")});
        placed.push(shop.place_with(&order).await?);
    }
    let all_in = eventually(LIMIT, "the orders in the books", async || {
        let books = shop.books().await?;
        placed.iter().try_for_each(|order| order.is_in(&books))
    });
    all_in.await?;
    Streams::of(shop.house)
        .await?
        .at_rest_without_dead_letters()
        .await?;
    Ok(placed)
}

/// Everything that stands, by sort and id, with what an accountant reads of it.
type Standing = BTreeMap<(&'static str, u64), String>;

async fn standing(shop: &Shop<'_>) -> anyhow::Result<Standing> {
    let books = shop.books().await?;
    let mut standing = Standing::new();
    for sort in [
        "clients",
        "items",
        "invoices",
        "payments",
        "credit_notes",
        "expenses",
    ] {
        let rows = books.get(sort).and_then(Value::as_array);
        for row in rows.into_iter().flatten() {
            if row.get("vis_state").and_then(Value::as_u64) == Some(1) {
                continue;
            }
            let id = row.get("id").and_then(Value::as_u64).context("id")?;
            let read = |key: &str| row.get(key).map(Value::to_string).unwrap_or_default();
            let keys = [
                "amount",
                "tax_total",
                "paid",
                "v3_status",
                "date",
                "create_date",
            ];
            let said = keys.map(read).join(" ");
            standing.insert((sort, id), said);
        }
    }
    Ok(standing)
}

/// Without ids: what is booked anew has others.
fn figures(standing: &Standing, sorts: &[&str]) -> Vec<(&'static str, String)> {
    let mut figures: Vec<_> = standing
        .iter()
        .filter(|((sort, _), _)| sorts.contains(sort))
        .map(|((sort, _), said)| (*sort, said.clone()))
        .collect();
    figures.sort();
    figures
}

/// All that an undo takes out. Items stay: nothing links a line to an item.
const WRITTEN: [&str; 5] = [
    "clients",
    "invoices",
    "payments",
    "credit_notes",
    "expenses",
];

/// The id of a standing invoice of the client.
fn invoice_of_client(books: &Value, client_id: u64) -> Option<&Value> {
    let rows = books.get("invoices").and_then(Value::as_array)?;
    let invoice = rows.iter().find(|row| {
        row.get("customerid").and_then(Value::as_u64) == Some(client_id)
            && row.get("vis_state").and_then(Value::as_u64) == Some(0)
    });
    invoice?.get("id")
}

async fn invoice_id(shop: &Shop<'_>, order: &Placed) -> anyhow::Result<u64> {
    let invoice = shop.house.invoice_of(shop.connection, order.id).await?;
    invoice.get("id").and_then(Value::as_u64).context("no id")
}

/// Waits until a delivery of the order ended because the order is undone.
async fn kept_out(shop: &Shop<'_>, order_id: u64) -> anyhow::Result<()> {
    eventually(LIMIT, "the hook that changes nothing", async || {
        let story = shop.house.story(shop.connection, order_id).await?;
        let outcomes = story.get("outcomes").map(Value::to_string);
        ensure!(
            outcomes.is_some_and(|outcomes| outcomes.contains("undone by")),
            "{story}"
        );
        Ok(())
    })
    .await
}

async fn undo(house: &House, more: &[&str]) -> anyhow::Result<String> {
    let arguments = [&["undo"], RANGE.as_slice(), more].concat();
    command(house, &arguments).await
}

#[tokio::test]
async fn an_undo_brings_the_books_back_except_what_a_person_touched_and_a_redo_repeats_them()
-> anyhow::Result<()> {
    let house = one_shop("", QUICK).await?;
    let shop = Shop::only(&house)?;
    book(&shop, "2026-02-10", 100, 6).await?;
    let before = standing(&shop).await?;
    let january = book(&shop, "2026-01-15", 500, 14).await?;

    // A person edits one invoice and one payment.
    let [edited, repaid, ..] = january.as_slice() else {
        anyhow::bail!("too few orders");
    };
    let edited_id = invoice_id(&shop, edited).await?;
    let lines = json!({"lines": [{"name": "By hand", "qty": "1",
        "unit_cost": {"amount": edited.total.to_string(), "code": "USD"}}]});
    shop.control_account(&format!("invoices/{edited_id}/edit_by_hand"), &lines)
        .await?;
    let repaid_id = invoice_id(&shop, repaid).await?;
    let payments = house
        .vendors
        .payments(&shop.connection.account_id, repaid_id)
        .await?;
    let payment = payments.first().context("no payment")?;
    let payment_id = payment.get("id").and_then(Value::as_u64).context("id")?;
    let less = json!({"amount": {"amount": "1.00", "code": "USD"}});
    shop.control_account(&format!("payments/{payment_id}/edit_by_hand"), &less)
        .await?;
    let full = standing(&shop).await?;
    let of_touched: BTreeSet<u64> = [edited_id, repaid_id].into();

    let calls = shop.calls().await?;
    let list = undo(&house, &["--dry-run"]).await?;
    let after = shop.calls().await?;
    for sort in ["creates", "updates", "deletes"] {
        ensure!(calls.get(sort) == after.get(sort), "a dry run made {sort}");
    }
    let taken = list.lines().filter(|line| line.starts_with("take out"));
    ensure!(taken.count() == 12, "{list}");
    for (order, why) in [(edited, "edited"), (repaid, "was changed to 1.00")] {
        let line = list
            .lines()
            .find(|line| line.starts_with("leave") && line.contains(&format!(" {} ", order.id)));
        ensure!(line.is_some_and(|line| line.contains(why)), "{list}");
    }

    let told = undo(&house, &["--reason", "wrong account"]).await?;
    ensure!(told.contains("finished"), "{told}");
    ensure!(e2e::figure(&told, "removed")? == 12, "{told}");
    let books = shop.books().await?;
    let is_of_touched = |sort: &str, id: u64| -> bool {
        let rows = books.get(sort).and_then(Value::as_array);
        let row = rows
            .into_iter()
            .flatten()
            .find(|row| row.get("id").and_then(Value::as_u64) == Some(id));
        let invoice = row.and_then(|row| match sort {
            "invoices" => row.get("id"),
            "clients" => invoice_of_client(&books, id),
            _ => row.get("invoiceid"),
        });
        invoice
            .and_then(Value::as_u64)
            .is_some_and(|id| of_touched.contains(&id))
    };
    let undone = standing(&shop).await?;
    let mut wanted = before.clone();
    for ((sort, id), said) in &full {
        if is_of_touched(sort, *id) {
            wanted.insert((sort, *id), said.clone());
        }
    }
    ensure!(
        figures(&undone, &WRITTEN) == figures(&wanted, &WRITTEN),
        "{undone:?}\nnot\n{wanted:?}"
    );

    // Hooks that come later do not bring an order back.
    let (_, taken_out) = january.split_at(2);
    for order in taken_out {
        shop.act(order.id, &json!({"action": "touch"})).await?;
        kept_out(&shop, order.id).await?;
    }
    Streams::of(&house)
        .await?
        .at_rest_without_dead_letters()
        .await?;
    ensure!(standing(&shop).await? == undone, "a hook undid the undo");

    let redo = [&["backfill"], RANGE.as_slice()].concat();
    let told = command(&house, &redo).await?;
    ensure!(told.contains("finished"), "{told}");
    Streams::of(&house)
        .await?
        .at_rest_without_dead_letters()
        .await?;
    let redone = standing(&shop).await?;
    ensure!(
        figures(&redone, &WRITTEN) == figures(&full, &WRITTEN),
        "{redone:?}\nnot\n{full:?}"
    );
    shop.in_books(taken_out).await
}

#[tokio::test]
async fn an_undo_killed_half_way_goes_on_when_run_again() -> anyhow::Result<()> {
    let house = one_shop("", QUICK).await?;
    let shop = Shop::only(&house)?;
    book(&shop, "2026-02-10", 100, 2).await?;
    let before = standing(&shop).await?;
    book(&shop, "2026-01-15", 500, 24).await?;
    let slow = json!({"kind": "hang_ms", "hang_ms": 150, "times": 100_000,
        "match": {"method": "PUT"}});
    house.vendors.break_freshbooks(&slow).await?;
    let arguments = [&["undo"], RANGE.as_slice(), &["--at-once", "2"]].concat();
    let mut at_work = AtWork::begin(&house, &arguments).await?;
    let run = at_work.run.clone();
    let half = at_work.progress(|line| number(line, "done") >= 4).await?;
    at_work.kill9().await?;
    ensure!(number(&half, "done") < 24, "nothing was left: {half}");
    let resumed = AtWork::resume(&house, "undo", &run).await?;
    let told = resumed.ended().await?;
    ensure!(told.contains("finished"), "{told}");
    ensure!(e2e::figure(&told, "removed")? == 24, "{told}");
    Streams::of(&house)
        .await?
        .at_rest_without_dead_letters()
        .await?;
    let undone = standing(&shop).await?;
    ensure!(figures(&undone, &WRITTEN) == figures(&before, &WRITTEN));

    let journal = Streams::of(&house).await?.journal().await?;
    for word in ["began", "went on", "finished"] {
        let told = journal.iter().any(|entry| {
            entry.attributes.get("run_id") == Some(&run) && entry.detail.ends_with(word)
        });
        ensure!(told, "the journal does not say that it {word}");
    }
    Ok(())
}

#[tokio::test]
async fn a_closed_period_is_refused_by_name_and_untouched() -> anyhow::Result<()> {
    let house = one_shop("books_locked_until = \"2026-01-10\"", QUICK).await?;
    let shop = Shop::only(&house)?;
    book(&shop, "2026-01-15", 500, 3).await?;
    let before = standing(&shop).await?;
    let complaint = refused(&house, &[&["undo"], RANGE.as_slice()].concat()).await?;
    ensure!(
        complaint.contains("2026-01-10") && complaint.contains("2026-01-01"),
        "{complaint}"
    );
    ensure!(standing(&shop).await? == before, "something was taken out");
    let open = [
        "undo",
        "--connection",
        "acme",
        "--from",
        "2026-01-10",
        "--to",
        "2026-01-31",
    ];
    let told = command(&house, &open).await?;
    ensure!(e2e::figure(&told, "removed")? == 3, "{told}");
    Ok(())
}

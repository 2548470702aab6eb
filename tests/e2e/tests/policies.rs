//! Choices of the policy that no other file follows end to end: shipping as an expense.

use anyhow::{Context, ensure};
use e2e::{
    AtWork, Hook, LIMIT, Placed, SERVICES, Shop, Streams, both_tax_settings, command, figure,
};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use testkit::eventually;

/// Shipping that is taxed and not, free, reduced, and without cents.
const KINDS: [&str; 8] = [
    "paid_card_one_line",
    "taxed_two_rates",
    "shipping_untaxed",
    "free_of_shipping",
    "coupon_on_shipping",
    "shipping_taxed",
    "zero_decimal_jpy",
    "partially_refunded",
];

const POLICY: &str = "shipping = \"expense:shipping\"\nrefund = \"expense:Other Expenses\"";

fn id(row: &Value, key: &str) -> u64 {
    row.get(key).and_then(Value::as_u64).unwrap_or(0)
}

fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn money(row: &Value, key: &str) -> anyhow::Result<Decimal> {
    let text = text(row, key);
    text.parse().with_context(|| format!("{key} of {row}"))
}

fn is_shipping(expense: &Value) -> bool {
    text(expense, "notes").starts_with("Shipping of invoice ")
}

/// Checks that each shipping line bills one expense of its own, and that none is left over; how
/// many there are.
async fn rebilled(shop: &Shop<'_>) -> anyhow::Result<usize> {
    let mut expenses = shop.rows("expenses").await?;
    expenses.retain(is_shipping);
    let count = expenses.len();
    for invoice in shop.rows("invoices").await? {
        let lines = invoice.get("lines").and_then(Value::as_array);
        for line in lines.into_iter().flatten() {
            let shipping = text(line, "name") == "Shipping";
            let is_rebilled = id(line, "type") == 1;
            ensure!(shipping == is_rebilled, "{line}");
            if !is_rebilled {
                continue;
            }
            let place = expenses
                .iter()
                .position(|one| one.get("id") == line.get("expenseid"));
            let expense = expenses.swap_remove(place.context("no such expense")?);
            ensure!(expense.get("clientid") == invoice.get("customerid"));
            ensure!(expense.get("invoiceid") == invoice.get("id"), "{expense}");
            ensure!(expense.get("date") == invoice.get("create_date"));
            // Before tax; the tax is the invoice's.
            ensure!(money(&expense, "amount")? == money(line, "amount")?);
            ensure!(text(&expense, "taxName1").is_empty(), "{expense}");
            let number = format!("invoice {} (shipping:", text(&invoice, "invoice_number"));
            ensure!(text(&expense, "notes").contains(&number), "{expense}");
            ensure!(expense.get("isduplicate") == Some(&json!(false)));
        }
    }
    ensure!(expenses.is_empty(), "on no invoice: {expenses:?}");
    Ok(count)
}

/// Waits until the order is in the books with so many expenses, and everything is at rest.
async fn booked(shop: &Shop<'_>, order: &Placed, expenses: usize) -> anyhow::Result<()> {
    shop.in_books(std::slice::from_ref(order)).await?;
    eventually(LIMIT, "the expenses", async || {
        let found = rebilled(shop).await?;
        ensure!(found == expenses, "{found} expenses, not {expenses}");
        Ok(())
    })
    .await?;
    Streams::of(shop.house)
        .await?
        .at_rest_without_dead_letters()
        .await
}

async fn only_expense(shop: &Shop<'_>) -> anyhow::Result<Value> {
    shop.only_row("expenses", "the expense", |_| true).await
}

fn set_shipping(amount: &str) -> Value {
    json!({"action": "set_shipping", "amount": amount})
}

fn set_status(id: u64) -> Value {
    json!({"action": "set_status", "status_id": id})
}

#[tokio::test]
async fn shipping_is_an_expense_that_the_invoice_rebills_and_the_proof_agrees() -> anyhow::Result<()>
{
    let house = both_tax_settings(&["all"], POLICY).await?;
    let streams = Streams::of(&house).await?;
    // Whatever the store's time zone says of the day.
    let today = TimeZone::UTC.to_datetime(Timestamp::now()).date();
    let (from, to) = (today.checked_sub(1.day())?, today.checked_add(1.day())?);
    let (from, to) = (from.to_string(), to.to_string());
    for name in ["acme", "brutto"] {
        let shop = Shop::named(&house, name)?;
        let orders = shop.place_many(&KINDS, 16).await?;
        shop.in_books(&orders).await?;
        streams.at_rest_without_dead_letters().await?;
        let found = rebilled(&shop).await?;
        ensure!(found >= 14, "{found} expenses of 16 orders");
        let before = shop.books().await?;
        for order in &orders {
            Hook::of(&house, shop.connection, order.id)
                .await?
                .send()
                .await?;
        }
        streams.at_rest_without_dead_letters().await?;
        ensure!(shop.books().await? == before, "the books changed");
        let mut proof = vec!["prove", "--connection", name, "--grace-minutes", "0"];
        proof.extend(["--from", &from, "--to", &to]);
        proof.extend(["--bigcommerce-calls-per-minute", "600000"]);
        proof.extend(["--freshbooks-calls-per-minute", "600000"]);
        command(&house, &proof).await?;
    }
    Ok(())
}

#[tokio::test]
async fn the_expense_follows_its_order() -> anyhow::Result<()> {
    let house = both_tax_settings(&["all"], POLICY).await?;
    let shop = Shop::only(&house)?;
    let order = shop.place("awaiting_payment", 1).await?;
    booked(&shop, &order, 1).await?;
    let first = only_expense(&shop).await?;

    let dearer = shop.act(order.id, &set_shipping("23.45")).await?;
    booked(&shop, &dearer, 1).await?;
    let changed = only_expense(&shop).await?;
    ensure!(changed.get("id") == first.get("id") && money(&changed, "amount")? != Decimal::ZERO);
    ensure!(text(&changed, "amount") == "23.45", "{changed}");

    let free = shop.act(order.id, &set_shipping("0")).await?;
    booked(&shop, &free, 0).await?;
    // Wanted again, it is the same one.
    let dear = shop.act(order.id, &set_shipping("9.99")).await?;
    booked(&shop, &dear, 1).await?;
    let again = only_expense(&shop).await?;
    ensure!(again.get("id") == first.get("id"), "another: {again}");

    // What a person changed is left, and the order waits.
    let edit = json!({"amount": {"amount": "1.00", "code": "USD"}});
    let path = format!("expenses/{}/edit_by_hand", id(&again, "id"));
    shop.control_account(&path, &edit).await?;
    shop.act(order.id, &set_shipping("11.00")).await?;
    let letter = shop.dead_letter(order.id).await?.to_string();
    ensure!(
        letter.contains("shipping_expense_edited_in_freshbooks"),
        "{letter}"
    );
    let kept = only_expense(&shop).await?;
    ensure!(text(&kept, "amount") == "1.00", "{kept}");
    Ok(())
}

#[tokio::test]
async fn a_cancelled_order_takes_its_expense_along_and_brings_it_back() -> anyhow::Result<()> {
    let house = both_tax_settings(&["all"], POLICY).await?;
    let shop = Shop::only(&house)?;
    let order = shop.place("awaiting_payment", 2).await?;
    booked(&shop, &order, 1).await?;
    let (invoice, expense) = (
        house.invoice_of(shop.connection, order.id).await?,
        only_expense(&shop).await?,
    );
    // The account lets nobody delete an expense that an invoice rebills, so the order of things is
    // seen too.
    shop.act(order.id, &set_status(5)).await?;
    shop.state(order.id, "not_in_books").await?;
    Streams::of(&house)
        .await?
        .at_rest_without_dead_letters()
        .await?;
    for sort in ["invoices", "expenses"] {
        ensure!(shop.rows(sort).await?.is_empty(), "{sort} stand");
    }
    let order = shop.act(order.id, &set_status(7)).await?;
    booked(&shop, &order, 1).await?;
    let back = house.invoice_of(shop.connection, order.id).await?;
    ensure!(back.get("id") == invoice.get("id"), "another invoice");
    let back = only_expense(&shop).await?;
    ensure!(back.get("id") == expense.get("id"), "another expense");
    Ok(())
}

#[tokio::test]
async fn a_lost_reply_makes_no_second_expense() -> anyhow::Result<()> {
    let house = both_tax_settings(&["all"], POLICY).await?;
    let shop = Shop::only(&house)?;
    let lost = |method: &str, path: &str| json!({"kind": "reset_after", "match": {"method": method, "path": path}});
    shop.break_account(lost("POST", "expenses/expenses"))
        .await?;
    let order = shop.place("awaiting_payment", 3).await?;
    shop.struck(1).await?;
    booked(&shop, &order, 1).await?;
    let made = only_expense(&shop).await?;

    // So with every later write: changed, taken out, brought back.
    let mut struck = 1;
    for amount in ["17.00", "0", "17.00"] {
        shop.break_account(lost("PUT", "expenses/expenses")).await?;
        let order = shop.act(order.id, &set_shipping(amount)).await?;
        struck += 1;
        shop.struck(struck).await?;
        booked(&shop, &order, usize::from(amount != "0")).await?;
    }
    let kept = only_expense(&shop).await?;
    ensure!(kept.get("id") == made.get("id"), "another: {kept}");
    let all = shop.books().await?;
    let ever = all.get("expenses").and_then(Value::as_array);
    ensure!(ever.is_some_and(|all| all.len() == 1), "{all}");
    Ok(())
}

#[tokio::test]
async fn delivery_killed_after_the_expense_goes_on_with_the_invoice() -> anyhow::Result<()> {
    let mut house = both_tax_settings(&SERVICES, POLICY).await?;
    let acme = house.connection()?.clone();
    let connection = &acme;
    let hang = |path: &str| json!({"kind": "hang_ms", "hang_ms": 30_000, "match": {"method": "POST", "path": path}});
    let shop = Shop {
        house: &house,
        connection,
    };
    // Each write is done at once, its reply hangs; the caller is killed meanwhile.
    shop.break_account(hang("expenses/expenses")).await?;
    shop.break_account(hang("invoices/invoices")).await?;
    let order = shop.place("multi_address", 4).await?;
    for struck in 1..=2 {
        let shop = Shop {
            house: &house,
            connection,
        };
        shop.struck(struck).await?;
        house.kill9("deliver").await?;
        house.start_service("deliver").await?;
    }
    let shop = Shop {
        house: &house,
        connection,
    };
    // Percents on two places' taxes leave a cent of tax to rounding, so only the total is compared.
    eventually(LIMIT, "the order in the books", async || {
        let invoice = house.invoice_of(connection, order.id).await?;
        ensure!(
            text(&invoice, "amount").parse() == Ok(order.total),
            "{invoice}"
        );
        let found = rebilled(&shop).await?;
        ensure!(found == 2, "{found} expenses");
        Ok(())
    })
    .await?;
    let streams = Streams::of(&house).await?;
    streams.at_rest_without_dead_letters().await?;
    let found = rebilled(&shop).await?;
    ensure!(found == 2, "{found} expenses");
    Ok(())
}

#[tokio::test]
async fn an_unknown_category_is_held_with_the_names_like_it() -> anyhow::Result<()> {
    let house = both_tax_settings(&["all"], "shipping = \"expense:Shiping\"").await?;
    let shop = Shop::only(&house)?;
    let order = shop.place("paid_card_one_line", 1).await?;
    let letter = shop.dead_letter(order.id).await?.to_string();
    for word in [
        "unknown_expense_category",
        "Shiping",
        "like it are Shipping",
    ] {
        ensure!(letter.contains(word), "{letter}");
    }
    for sort in ["invoices", "expenses"] {
        ensure!(shop.rows(sort).await?.is_empty(), "{sort} stand");
    }
    Ok(())
}

const RANGE: [&str; 6] = [
    "--connection",
    "acme",
    "--from",
    "2026-01-01",
    "--to",
    "2026-01-31",
];

#[tokio::test]
async fn a_backfill_costs_what_it_said_and_undo_and_redo_repeat_the_books() -> anyhow::Result<()> {
    let house = both_tax_settings(&["all"], POLICY).await?;
    let shop = Shop::only(&house)?;
    let mut placed = Vec::new();
    for (seed, kind) in (1_u64..).zip(KINDS) {
        let order = json!({"kind": kind, "seed": seed, "hooks": "none",
            "created_at": "2026-01-15T15:00:00Z"});
        placed.push(shop.place_with(&order).await?);
    }
    let run = |word: &'static str| [&[word], RANGE.as_slice()].concat();
    let dry_run = [run("backfill"), vec!["--dry-run"]].concat();
    let forecast = command(&house, &dry_run).await?;
    let before = shop.calls().await?;
    AtWork::begin(&house, &run("backfill"))
        .await?
        .ended()
        .await?;
    Streams::of(&house)
        .await?
        .at_rest_without_dead_letters()
        .await?;
    shop.in_books(&placed).await?;
    let expenses = rebilled(&shop).await?;
    ensure!(expenses >= 7, "{expenses} expenses of 8 orders");
    let after = shop.calls().await?;
    let made = |sort: &str| after.get(sort).unwrap_or(&0) - before.get(sort).unwrap_or(&0);
    let said = figure(&forecast, "creates")?;
    ensure!(
        said == made("creates"),
        "said {said}, made {}; {forecast}",
        made("creates")
    );
    let booked = standing(&shop).await?;

    let told = command(&house, &run("undo")).await?;
    ensure!(figure(&told, "removed")? == 8, "{told}");
    for sort in ["invoices", "payments", "expenses"] {
        ensure!(shop.rows(sort).await?.is_empty(), "{sort} stand");
    }
    let told = command(&house, &run("backfill")).await?;
    ensure!(told.contains("finished"), "{told}");
    Streams::of(&house)
        .await?
        .at_rest_without_dead_letters()
        .await?;
    shop.in_books(&placed).await?;
    ensure!(rebilled(&shop).await? == expenses);
    let redone = standing(&shop).await?;
    ensure!(redone == booked, "{redone:?}\nnot\n{booked:?}");
    Ok(())
}

/// Invoices and shipping expenses that stand: their ids and amounts.
async fn standing(shop: &Shop<'_>) -> anyhow::Result<Vec<(u64, String)>> {
    let mut all = shop.rows("invoices").await?;
    let expenses = shop.rows("expenses").await?;
    all.extend(expenses.into_iter().filter(is_shipping));
    let said = |row: &Value| (id(row, "id"), text(row, "amount").to_owned());
    Ok(all.iter().map(said).collect())
}

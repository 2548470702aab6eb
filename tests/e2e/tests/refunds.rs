//! Money that goes back: every kind of refund, in each way of booking, to the cent, and once.

use anyhow::{Context, ensure};
use contracts::books::{Disposition, ResolvedPlan};
use contracts::contract::Contract;
use contracts::topology::Stream;
use e2e::{Hook, LIMIT, Placed, QUICK, SERVICES, Shop, Streams, both_tax_settings};
use prost::Message;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use testkit::{Connection, House, HouseOptions, eventually};

const KINDS: [&str; 9] = [
    "fully_refunded",
    "partially_refunded",
    "refunded_value",
    "refunded_shipping",
    "refunded_to_store_credit",
    "refunded_offline",
    "refund_declined",
    "cancelled_after_payment",
    "paid_card_one_line",
];

fn rows<'a>(books: &'a Value, sort: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    let all = books.get(sort).and_then(Value::as_array);
    all.into_iter()
        .flatten()
        .filter(|row| row.get("vis_state").and_then(Value::as_u64) != Some(1))
}

fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn amount(row: &Value) -> anyhow::Result<Decimal> {
    text(row, "amount")
        .parse()
        .with_context(|| format!("amount of {row}"))
}

/// What the books say of one order, as an accountant would add it up.
#[derive(Debug, PartialEq)]
struct Sums {
    invoice: Decimal,
    paid: Decimal,
    credited: Decimal,
    expensed: Decimal,
}

fn sums(books: &Value, order: &Placed) -> anyhow::Result<Sums> {
    let number = order.id.to_string();
    let numbered: Vec<&Value> = rows(books, "invoices")
        .filter(|row| text(row, "invoice_number") == number)
        .collect();
    let [invoice] = numbered.as_slice() else {
        anyhow::bail!("order {number} has {} invoices", numbered.len());
    };
    let add = |all: Vec<&Value>| all.into_iter().map(amount).sum::<anyhow::Result<Decimal>>();
    let paid = rows(books, "payments").filter(|row| row.get("invoiceid") == invoice.get("id"));
    let credited = rows(books, "credit_notes")
        .filter(|row| text(row, "credit_number").starts_with(&format!("{number}-R")));
    let expensed = rows(books, "expenses")
        .filter(|row| text(row, "vendor").starts_with(&format!("{number}-R")));
    Ok(Sums {
        invoice: amount(invoice)?,
        paid: add(paid.collect())?,
        credited: add(credited.collect())?,
        expensed: add(expensed.collect())?,
    })
}

/// Waits until the books show these sums of every order.
async fn shown(
    shop: &Shop<'_>,
    orders: &[Placed],
    wanted: impl Fn(&Placed) -> Sums,
) -> anyhow::Result<()> {
    let seen = eventually(LIMIT, "the refunds in the books", async || {
        let books = shop.books().await?;
        for order in orders {
            let (found, wanted) = (sums(&books, order)?, wanted(order));
            ensure!(found == wanted, "{}: {found:?}, not {wanted:?}", order.id);
        }
        Ok(())
    })
    .await;
    let Err(error) = seen else { return Ok(()) };
    let letters = Streams::of(shop.house).await?.dead_letters().await?;
    let told: Vec<_> = letters
        .iter()
        .map(|one| (&one.entity_id, &one.reasons))
        .collect();
    Err(error.context(format!("dead letters: {told:?}")))
}

fn by_credit_note(order: &Placed) -> Sums {
    Sums {
        invoice: order.total,
        paid: order.received,
        credited: order.refunded,
        expensed: Decimal::ZERO,
    }
}

fn by_adjusting(order: &Placed) -> Sums {
    Sums {
        invoice: order.total - order.refunded,
        paid: order.received - order.refunded,
        credited: Decimal::ZERO,
        expensed: Decimal::ZERO,
    }
}

fn by_expense(order: &Placed) -> Sums {
    Sums {
        invoice: order.total,
        paid: order.received,
        credited: Decimal::ZERO,
        expensed: order.refunded,
    }
}

/// Places every kind, and refunds some orders later; what the books then show stays.
async fn every_kind(policy: &str, wanted: fn(&Placed) -> Sums) -> anyhow::Result<House> {
    let house = both_tax_settings(&["all"], policy).await?;
    for name in ["acme", "brutto"] {
        let shop = Shop::named(&house, name)?;
        let mut orders = shop.place_many(&KINDS, 18).await?;
        let mut later = Vec::new();
        for seed in 31..34 {
            later.push(shop.place("taxed_two_rates", seed).await?);
        }
        later.push(shop.place("zero_decimal_jpy", 34).await?);
        later.push(shop.place("offline_paid", 35).await?);
        shown(&shop, &later, wanted).await?;
        for (order, one) in later
            .iter()
            .zip(["origin", "store_credit", "offline"].iter().cycle())
        {
            let product = json!([{"item": "product", "line": 0, "quantity": 1}]);
            let part = json!({"action": "refund", "items": product, "to": one});
            shop.act(order.id, &part).await?;
        }
        // The first is given back in two parts, the second of which is all that is left.
        let first = later.first().context("none")?.id;
        shop.act(first, &json!({"action": "refund"})).await?;
        for order in later {
            orders.push(shop.order(order.id).await?);
        }
        ensure!(
            orders
                .iter()
                .filter(|order| order.refunded > Decimal::ZERO)
                .count()
                >= 15,
            "too few refunds to show anything"
        );
        shown(&shop, &orders, wanted).await?;
    }
    let streams = Streams::of(&house).await?;
    streams.at_rest_without_dead_letters().await?;
    // Every hook once more, in another order: nothing changes.
    for name in ["acme", "brutto"] {
        let shop = Shop::named(&house, name)?;
        let before = shop.books().await?;
        let outcomes = streams.count(Stream::Outcomes).await?;
        let ids: Vec<u64> = rows(&before, "invoices")
            .filter_map(|row| text(row, "invoice_number").parse().ok())
            .collect();
        for id in ids.iter().rev() {
            Hook::of(&house, shop.connection, *id).await?.send().await?;
        }
        let wanted = outcomes + u64::try_from(ids.len())?;
        eventually(LIMIT, "the outcomes of the same hooks", async || {
            let count = streams.count(Stream::Outcomes).await?;
            ensure!(count >= wanted, "{count} of {wanted} outcomes");
            Ok(())
        })
        .await?;
        streams.at_rest_without_dead_letters().await?;
        ensure!(shop.books().await? == before, "the books changed");
    }
    Ok(house)
}

#[tokio::test]
async fn every_kind_of_refund_is_a_credit_note() -> anyhow::Result<()> {
    let house = every_kind("", by_credit_note).await?;
    let shop = Shop::only(&house)?;
    let books = shop.books().await?;
    let notes: Vec<&Value> = rows(&books, "credit_notes").collect();
    for word in ["to store credit", "offline", "refund:"] {
        let told = notes.iter().any(|row| text(row, "notes").contains(word));
        ensure!(told, "no note says {word}");
    }
    ensure!(rows(&books, "expenses").count() == 0, "{books}");
    Ok(())
}

#[tokio::test]
async fn every_kind_of_refund_lowers_its_invoice_and_payment() -> anyhow::Result<()> {
    let house = every_kind("refund = \"adjust\"", by_adjusting).await?;
    let books = Shop::only(&house)?.books().await?;
    ensure!(rows(&books, "credit_notes").count() == 0, "{books}");
    Ok(())
}

#[tokio::test]
async fn every_kind_of_refund_is_an_expense() -> anyhow::Result<()> {
    let house = every_kind("refund = \"expense:other expenses\"", by_expense).await?;
    let books = Shop::only(&house)?.books().await?;
    let doubted = rows(&books, "expenses").any(|row| row.get("isduplicate") == Some(&json!(true)));
    ensure!(!doubted, "taken for duplicates: {books}");
    Ok(())
}

#[tokio::test]
async fn a_lost_reply_makes_no_second_document() -> anyhow::Result<()> {
    for (policy, path, wanted) in [
        (
            "",
            "credit_notes/credit_notes",
            by_credit_note as fn(&Placed) -> Sums,
        ),
        (
            "refund = \"expense:Other Expenses\"",
            "expenses/expenses",
            by_expense,
        ),
        ("refund = \"adjust\"", "payments/payments", by_adjusting),
    ] {
        let house = both_tax_settings(&["all"], policy).await?;
        let shop = Shop::only(&house)?;
        let order = shop.place("taxed_two_rates", 3).await?;
        shop.in_books(std::slice::from_ref(&order)).await?;
        let method = if path.starts_with("payments") {
            "PUT"
        } else {
            "POST"
        };
        let lost = json!({"kind": "reset_after", "match": {"method": method, "path": path}});
        shop.break_account(lost).await?;
        let part = json!({"action": "refund", "amount": "3.33"});
        let order = shop.act(order.id, &part).await?;
        shop.struck(1).await?;
        let order = [order];
        shown(&shop, &order, wanted).await?;
        Streams::of(&house)
            .await?
            .at_rest_without_dead_letters()
            .await?;
        // Still so once everything is at rest: nothing came after.
        shown(&shop, &order, wanted).await?;
        // Its client, invoice, payment and refund; the items of its lines are made besides.
        let items = u64::try_from(rows(&shop.books().await?, "items").count())?;
        ensure!(shop.calls().await?.get("creates") <= Some(&(4 + items)));
    }
    Ok(())
}

#[tokio::test]
async fn delivery_killed_between_the_steps_of_a_refund_resumes() -> anyhow::Result<()> {
    for (policy, faults, wanted) in [
        (
            "",
            vec![("POST", "credit_notes")],
            by_credit_note as fn(&Placed) -> Sums,
        ),
        (
            "refund = \"adjust\"",
            vec![("PUT", "payments/payments"), ("PUT", "invoices/invoices")],
            by_adjusting,
        ),
    ] {
        let mut house = both_tax_settings(&SERVICES, policy).await?;
        let acme = house.connection()?.clone();
        let connection = &acme;
        let order = {
            let shop = Shop {
                house: &house,
                connection,
            };
            let order = shop.place("taxed_two_rates", 5).await?;
            shop.in_books(std::slice::from_ref(&order)).await?;
            for (method, path) in &faults {
                // The write is done at once, its reply hangs; the caller is killed meanwhile.
                let hang = json!({"kind": "hang_ms", "hang_ms": 30_000,
                    "match": {"method": method, "path": path}});
                shop.break_account(hang).await?;
            }
            shop.act(order.id, &json!({"action": "refund", "amount": "3.33"}))
                .await?
        };
        for struck in 1..=faults.len() {
            let shop = Shop {
                house: &house,
                connection,
            };
            shop.struck(u64::try_from(struck)?).await?;
            house.kill9("deliver").await?;
            house.start_service("deliver").await?;
        }
        let shop = Shop {
            house: &house,
            connection,
        };
        shown(&shop, &[order], wanted).await?;
        Streams::of(&house)
            .await?
            .at_rest_without_dead_letters()
            .await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_total_that_surprises_is_corrected_within_the_bound() -> anyhow::Result<()> {
    // This account rounds otherwise than Tillbook predicts.
    let connection = Connection {
        account: json!({"limits": null, "rounding": "per_invoice"}),
        ..Connection::named("acme")
    };
    let house = House::start(HouseOptions {
        connections: vec![connection],
        config: QUICK.to_owned(),
        ..HouseOptions::default()
    })
    .await?;
    let shop = Shop::only(&house)?;
    let streams = Streams::of(&house).await?;
    let placed = shop.place_many(&["taxed_two_rates"], 24).await?;
    eventually(LIMIT, "the orders told of", async || {
        let told =
            streams.count(Stream::Outcomes).await? + streams.count(Stream::DeadLetters).await?;
        ensure!(told >= 24, "{told} of 24");
        Ok(())
    })
    .await?;
    // An invoice that is off by more than its bound is held; its refund would only tell the same.
    let books = shop.books().await?;
    let is_right =
        |order: &&Placed| sums(&books, order).is_ok_and(|found| found.paid == order.total);
    let piece = json!([{"item": "product", "line": 0}]);
    let mut orders = Vec::new();
    for order in placed.iter().filter(is_right) {
        let refund = json!({"action": "refund", "items": piece});
        orders.push(shop.act(order.id, &refund).await?);
    }
    ensure!(orders.len() >= 12, "only {} orders to refund", orders.len());
    shown(&shop, &orders, by_credit_note).await?;
    let books = shop.books().await?;
    let lines = rows(&books, "credit_notes").filter_map(|row| row.get("lines")?.as_array());
    let corrected = lines.flatten().any(|line| text(line, "name") == "Rounding");
    ensure!(corrected, "nothing surprised, so nothing is shown: {books}");
    Ok(())
}

#[tokio::test]
async fn a_reinstated_order_gets_its_own_invoice_back() -> anyhow::Result<()> {
    // FreshBooks may refuse a number that a deleted invoice has.
    let account = json!({"limits": null, "duplicate_numbers": "reject",
        "deleted_numbers_block": true});
    let connection = Connection {
        account,
        ..Connection::named("acme")
    };
    let house = House::start(HouseOptions {
        connections: vec![connection],
        config: QUICK.to_owned(),
        ..HouseOptions::default()
    })
    .await?;
    let shop = Shop::only(&house)?;
    let order = shop.place("awaiting_payment", 1).await?;
    shop.in_books(std::slice::from_ref(&order)).await?;
    let before = house.invoice_of(shop.connection, order.id).await?;
    shop.act(order.id, &json!({"action": "set_status", "status_id": 5}))
        .await?;
    shop.state(order.id, "not_in_books").await?;
    ensure!(rows(&shop.books().await?, "invoices").count() == 0);

    shop.act(order.id, &json!({"action": "set_status", "status_id": 7}))
        .await?;
    let line = json!({"action": "add_line", "name": "Late", "quantity": 1, "unit_price": "7.77"});
    let order = shop.act(order.id, &line).await?;
    shop.in_books(std::slice::from_ref(&order)).await?;
    let after = house.invoice_of(shop.connection, order.id).await?;
    ensure!(
        before.get("id") == after.get("id"),
        "another invoice: {after}"
    );
    Streams::of(&house)
        .await?
        .at_rest_without_dead_letters()
        .await?;
    shop.nothing_twice(&[order]).await
}

#[tokio::test]
async fn undoing_takes_everything_out_and_a_hint_brings_it_back() -> anyhow::Result<()> {
    let house = both_tax_settings(&["all"], "").await?;
    let shop = Shop::only(&house)?;
    let streams = Streams::of(&house).await?;
    let order = shop.place("partially_refunded", 2).await?;
    shown(&shop, std::slice::from_ref(&order), by_credit_note).await?;
    streams.at_rest_without_dead_letters().await?;
    let before = house.invoice_of(shop.connection, order.id).await?;

    let plans = streams.messages(Stream::Resolved.name()).await?;
    let last = plans.last().context("no plan")?;
    let mut plan = ResolvedPlan::decode(last.payload.clone())?;
    let books = plan.books.as_mut().context("no books")?;
    books.disposition = Disposition::Undone.into();
    books.disposition_reason = "The test undoes it.".to_owned();
    // An event of its own: the same one would be known already.
    let event = books.event.as_mut().context("no event")?;
    event.event_id.push_str("-undo");
    let bytes = plan.encode_to_vec();
    let id = order.id.to_string();
    streams
        .put(Stream::Resolved, &id, Some(ResolvedPlan::SCHEMA), &bytes)
        .await?;
    eventually(LIMIT, "everything taken out", async || {
        let books = shop.books().await?;
        for sort in ["credit_notes", "payments", "invoices"] {
            ensure!(rows(&books, sort).count() == 0, "{sort} stand");
        }
        Ok(())
    })
    .await?;
    streams.at_rest_without_dead_letters().await?;

    Hook::of(&house, shop.connection, order.id)
        .await?
        .send()
        .await?;
    shown(&shop, std::slice::from_ref(&order), by_credit_note).await?;
    let after = house.invoice_of(shop.connection, order.id).await?;
    ensure!(
        before.get("id") == after.get("id"),
        "another invoice: {after}"
    );
    Ok(())
}

#[tokio::test]
async fn nothing_is_written_into_a_closed_period() -> anyhow::Result<()> {
    let house = both_tax_settings(&["all"], "books_locked_until = \"2999-01-01\"").await?;
    let shop = Shop::only(&house)?;
    let order = shop.place("partially_refunded", 1).await?;
    let letter = shop.dead_letter(order.id).await?;
    ensure!(letter.to_string().contains("period_closed"), "{letter}");
    let books = shop.books().await?;
    for sort in ["credit_notes", "payments", "invoices"] {
        ensure!(rows(&books, sort).count() == 0, "{sort}: {books}");
    }
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_told_is_held_by_name() -> anyhow::Result<()> {
    let house = both_tax_settings(&["all"], "refund = \"expense:No Such Category\"").await?;
    let shop = Shop::only(&house)?;
    let paid = shop.place("taxed_two_rates", 1).await?;
    let refunded = shop.place("refunded_value", 2).await?;
    shop.in_books(std::slice::from_ref(&paid)).await?;
    let by_hand = json!({"action": "set_status", "status_id": 14});
    shop.act(paid.id, &by_hand).await?;
    let letter = shop.dead_letter(paid.id).await?;
    ensure!(
        letter.to_string().contains("refund_without_record"),
        "{letter}"
    );
    let letter = shop.dead_letter(refunded.id).await?;
    let told = letter.to_string();
    ensure!(
        told.contains("unknown_expense_category") && told.contains("No Such Category"),
        "{told}"
    );
    Ok(())
}

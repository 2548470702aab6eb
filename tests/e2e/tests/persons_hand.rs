//! People at work in FreshBooks beside Tillbook: what they typed, moved and deleted is theirs.

use anyhow::{Context, ensure};
use e2e::{LIMIT, Placed, QUICK, Shop, Streams, command, one_shop};
use serde_json::{Value, json};
use testkit::{House, eventually};

fn id(row: &Value) -> anyhow::Result<u64> {
    let row = ["id", "invoiceid", "userid"]
        .iter()
        .find_map(|key| row.get(*key));
    row.and_then(Value::as_u64).context("no id")
}

async fn typed(shop: &Shop<'_>, what: &str, body: &Value) -> anyhow::Result<Value> {
    let (vendors, account) = (&shop.house.vendors, &shop.connection.account_id);
    let url = format!("{}/_sandbox/accounts/{account}/{what}", vendors.freshbooks);
    let made = shop.house.http.post(&url, body).await?;
    let made = made.as_object().and_then(|single| single.values().next());
    made.cloned().context("an empty reply")
}

/// A client and an invoice of theirs that a person typed.
async fn type_invoice(
    shop: &Shop<'_>,
    client_id: u64,
    number: &str,
    lines: &Value,
) -> anyhow::Result<Value> {
    let body = json!({"customerid": client_id, "create_date": "2026-01-05",
        "invoice_number": number, "currency_code": "USD", "lines": lines});
    typed(shop, "invoices/create_by_hand", &body).await
}

/// The invoice of a number, deleted ones too.
async fn invoice(shop: &Shop<'_>, number: u64) -> anyhow::Result<Value> {
    let books = shop.books().await?;
    let all = books
        .get("invoices")
        .and_then(Value::as_array)
        .context("no invoices")?;
    let is_its = |row: &&Value| row["invoice_number"] == json!(number.to_string());
    all.iter().find(is_its).cloned().context("no invoice")
}

/// The dead letter of an order, once it says `code`.
async fn held(shop: &Shop<'_>, order_id: u64, code: &str) -> anyhow::Result<Value> {
    eventually(LIMIT, code, async || {
        let letter = shop.dead_letter(order_id).await?;
        ensure!(letter.to_string().contains(code), "{letter}");
        Ok(letter)
    })
    .await
}

async fn gives_back(shop: &Shop<'_>, order: &Placed) -> anyhow::Result<()> {
    let all = json!({"action": "refund", "items": [{"item": "order", "amount": order.total.to_string()}]});
    shop.act(order.id, &all).await.map(drop)
}

async fn paid_order(house: &House) -> anyhow::Result<(Shop<'_>, Placed)> {
    let shop = Shop::only(house)?;
    let order = shop.place("paid_card_one_line", 1).await?;
    shop.in_books(std::slice::from_ref(&order)).await?;
    Ok((shop, order))
}

#[tokio::test]
async fn a_strangers_invoice_under_the_orders_number_stays_untouched() -> anyhow::Result<()> {
    let house = one_shop("", QUICK).await?;
    let (shop, first) = paid_order(&house).await?;
    let taken = first.id + 1;
    // Another business, the very number, and lines that come to the same.
    let stranger = json!({"fname": "Other", "lname": "Business", "email": "other@example.org"});
    let stranger = id(&typed(&shop, "clients/create_by_hand", &stranger).await?)?;
    let lines = json!([{"name": "Consulting", "qty": "1",
        "unit_cost": {"amount": first.total.to_string(), "code": "USD"}}]);
    type_invoice(&shop, stranger, &taken.to_string(), &lines).await?;
    let before = invoice(&shop, taken).await?;

    let order = shop.place("paid_card_one_line", 1).await?;
    ensure!(order.id == taken && order.total == first.total, "{order:?}");
    let letter = held(&shop, order.id, "number_taken").await?;
    gives_back(&shop, &order).await?;
    held(&shop, order.id, "number_taken").await?;
    command(
        &house,
        &[
            "undo",
            "--connection",
            "acme",
            "--from",
            "2025-01-01",
            "--to",
            "2027-12-31",
        ],
    )
    .await?;
    let after = invoice(&shop, taken).await?;
    ensure!(before == after, "{before} became {after}");
    ensure!(shop.rows("credit_notes").await?.is_empty(), "a credit note");

    // The advice can be followed: renumber, release.
    let path = format!("invoices/{}/edit_by_hand", id(&before)?);
    shop.control_account(&path, &json!({"invoice_number": "MINE-1"}))
        .await?;
    ensure!(letter.to_string().contains("another number"), "{letter}");
    Ok(())
}

#[tokio::test]
async fn a_persons_invoice_that_says_the_same_is_followed_and_never_removed() -> anyhow::Result<()>
{
    let house = one_shop("", QUICK).await?;
    let shop = Shop::only(&house)?;
    let email = "ann@example.org";
    let of_ann = |seed| {
        json!({"kind": "paid_card_one_line", "seed": seed, "hooks": "single",
        "email": email, "created_at": "2026-01-15T15:00:00Z"})
    };
    let first = shop.place_with(&of_ann(7)).await?;
    shop.in_books(std::slice::from_ref(&first)).await?;
    // The bookkeeper was faster with the next one.
    let written = invoice(&shop, first.id).await?;
    let lines: Vec<Value> = written["lines"]
        .as_array()
        .context("no lines")?
        .iter()
        .map(|line| {
            json!({"name": line["name"], "description": "", "qty": line["qty"],
            "unit_cost": {"amount": line["unit_cost"], "code": "USD"},
            "taxName1": line["taxName1"], "taxAmount1": line["taxAmount1"]})
        })
        .collect();
    let client = written["customerid"].as_u64().context("no client")?;
    let number = (first.id + 1).to_string();
    type_invoice(&shop, client, &number, &json!(lines)).await?;
    let order = shop.place_with(&of_ann(7)).await?;
    ensure!(order.id == first.id + 1, "{order:?}");
    shop.in_books(&[first.clone(), order.clone()]).await?;
    eventually(LIMIT, "the story of the adoption", async || {
        let story = house.story(shop.connection, order.id).await?.to_string();
        ensure!(story.contains("taken for a person's"), "{story}");
        Ok(())
    })
    .await?;
    command(
        &house,
        &[
            "undo",
            "--connection",
            "acme",
            "--from",
            "2026-01-01",
            "--to",
            "2026-01-31",
        ],
    )
    .await?;
    let standing = shop.rows("invoices").await?;
    let numbers: Vec<&Value> = standing.iter().map(|row| &row["invoice_number"]).collect();
    ensure!(numbers == [&json!(number)], "{numbers:?} stand");
    ensure!(
        shop.rows("payments").await?.is_empty(),
        "Tillbook's payment stays"
    );
    Ok(())
}

#[tokio::test]
async fn a_refund_of_what_a_person_deleted_makes_no_document() -> anyhow::Result<()> {
    for (with_invoice, code) in [
        (true, "invoice_deleted_in_freshbooks"),
        (false, "payment_deleted_in_freshbooks"),
    ] {
        let house = one_shop("", QUICK).await?;
        let (shop, order) = paid_order(&house).await?;
        let its = invoice(&shop, order.id).await?;
        let payments = shop.rows("payments").await?;
        let payment = id(payments.first().context("no payment")?)?;
        let deleted = json!({"vis_state": 1});
        shop.control_account(&format!("payments/{payment}/edit_by_hand"), &deleted)
            .await?;
        if with_invoice {
            let path = format!("invoices/{}/edit_by_hand", id(&its)?);
            shop.control_account(&path, &deleted).await?;
        }
        gives_back(&shop, &order).await?;
        held(&shop, order.id, code).await?;
        let notes = shop.rows("credit_notes").await?;
        ensure!(notes.is_empty(), "{notes:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_refund_goes_to_the_client_to_whom_a_person_moved_the_invoice() -> anyhow::Result<()> {
    let house = one_shop("", QUICK).await?;
    let (shop, order) = paid_order(&house).await?;
    let other = json!({"fname": "New", "lname": "Owner", "email": "owner@example.org"});
    let other = id(&typed(&shop, "clients/create_by_hand", &other).await?)?;
    let its = id(&invoice(&shop, order.id).await?)?;
    shop.control_account(
        &format!("invoices/{its}/edit_by_hand"),
        &json!({"customerid": other}),
    )
    .await?;
    gives_back(&shop, &order).await?;
    let note = shop
        .only_row("credit_notes", "the credit note", |_| true)
        .await?;
    ensure!(note["clientid"] == json!(other), "{note}");
    Streams::of(&house)
        .await?
        .at_rest_without_dead_letters()
        .await
}

#[tokio::test]
async fn a_payment_that_a_person_deleted_is_told_at_the_next_change() -> anyhow::Result<()> {
    let house = one_shop("", QUICK).await?;
    let (shop, order) = paid_order(&house).await?;
    let payments = shop.rows("payments").await?;
    let payment = id(payments.first().context("no payment")?)?;
    shop.control_account(
        &format!("payments/{payment}/edit_by_hand"),
        &json!({"vis_state": 1}),
    )
    .await?;
    let address = json!({"action": "change_billing_address", "address": {"city": "Elsewhere"}});
    shop.act(order.id, &address).await?;
    eventually(LIMIT, "the story of the missing money", async || {
        let story = house.story(shop.connection, order.id).await?.to_string();
        ensure!(story.contains("deleted or lowered a payment"), "{story}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn two_customers_of_one_email_are_two_clients_whoever_orders_first() -> anyhow::Result<()> {
    let house = one_shop("", QUICK).await?;
    let shop = Shop::only(&house)?;
    // One customer in each of the store's channels; the second seed of each is the same one.
    let of =
        |seed: u64| json!({"kind": "one_email_two_customers", "seed": seed, "hooks": "single"});
    let mut orders = Vec::new();
    for seed in [0, 1, 100, 101] {
        orders.push(shop.place_with(&of(seed)).await?);
    }
    let emails: Vec<&String> = orders.iter().map(|order| &order.email).collect();
    ensure!(emails.iter().all(|email| *email == emails[0]), "{emails:?}");
    shop.in_books(&orders).await?;
    let streams = Streams::of(&house).await?;
    streams.at_rest_without_dead_letters().await?;
    let clients = shop.rows("clients").await?;
    ensure!(clients.len() == 2, "{clients:?}");
    let mut owners = Vec::new();
    for order in &orders {
        owners.push(invoice(&shop, order.id).await?["customerid"].clone());
    }
    let [first, second, again, as_well] = owners.as_slice() else {
        anyhow::bail!("{owners:?}");
    };
    ensure!(
        first != second && first == again && second == as_well,
        "{owners:?}"
    );
    // A guest of that e-mail is one of them, and no third.
    let guest = json!({"kind": "guest_checkout", "seed": 9, "hooks": "single",
        "email": emails[0].to_uppercase()});
    let guest = shop.place_with(&guest).await?;
    shop.in_books(std::slice::from_ref(&guest)).await?;
    let count = shop.rows("clients").await?.len();
    ensure!(count == 2, "{count} clients");
    Ok(())
}

//! One client for one shopper, with the latest of what the store says and all that people wrote.

use anyhow::{Context, ensure};
use e2e::{QUICK, Shop, Streams};
use serde_json::{Value, json};
use testkit::{Connection, House, HouseOptions};

async fn house(connections: Vec<Connection>) -> anyhow::Result<House> {
    House::start(HouseOptions {
        connections,
        config: QUICK.to_owned(),
        ..HouseOptions::default()
    })
    .await
}

async fn one_shop() -> anyhow::Result<House> {
    house(vec![Connection::named("acme")]).await
}

fn ann() -> Value {
    json!({"email": "Ann.Lee@Example.com", "first_name": "Ann", "last_name": "Lee",
        "company": "Lee & Co", "phone": "555", "street_1": "1 Mill Lane", "street_2": "Unit 4",
        "city": "Austin", "state": "Texas", "zip": "78701", "country": "United States",
        "country_iso2": "US"})
}

fn has(row: &Value, wanted: &[(&str, &str)]) -> bool {
    wanted
        .iter()
        .all(|(name, text)| row.get(name).and_then(Value::as_str) == Some(text))
}

fn id(row: &Value) -> anyhow::Result<u64> {
    row.get("id").and_then(Value::as_u64).context("no id")
}

/// An order of a registered customer, with the address the customer has now.
fn order_of(customer_id: u64, seed: u64) -> Value {
    json!({"kind": "paid_card_one_line", "seed": seed, "hooks": "single",
        "customer_id": customer_id})
}

#[tokio::test]
async fn first_orders_of_a_customer_and_the_same_guest_in_one_instant_make_one_client()
-> anyhow::Result<()> {
    let house = one_shop().await?;
    let shop = Shop::only(&house)?;
    let streams = Streams::of(&house).await?;
    let customer = shop.register(&ann()).await?;
    let mut orders = Vec::new();
    for (seed, email) in (1..).zip([
        "ann.lee@example.com",
        "ANN.LEE@EXAMPLE.COM",
        "Ann.Lee@example.com",
    ]) {
        let guest =
            json!({"kind": "guest_checkout", "seed": seed, "hooks": "single", "email": email});
        orders.push(shop.place_with(&order_of(customer, seed + 10)).await?);
        orders.push(shop.place_with(&guest).await?);
    }
    shop.in_books(&orders).await?;
    streams.at_rest_without_dead_letters().await?;
    shop.nothing_twice(&orders).await?;
    let clients = shop.rows("clients").await?;
    ensure!(clients.len() == 1, "{clients:?}");
    let known = streams.clients().await?;
    let made: Vec<bool> = known.iter().map(|one| one.created_by_tillbook).collect();
    ensure!(made == [true], "{known:?}");
    Ok(())
}

#[tokio::test]
async fn a_guest_who_registers_and_then_takes_a_new_email_stays_the_same_client()
-> anyhow::Result<()> {
    let house = one_shop().await?;
    let shop = Shop::only(&house)?;
    let streams = Streams::of(&house).await?;
    let guest = json!({"kind": "guest_checkout", "seed": 1, "hooks": "single",
        "email": "ANN.LEE@example.com"});
    let mut orders = vec![shop.place_with(&guest).await?];
    shop.in_books(&orders).await?;
    let first = shop
        .only_row("clients", "the guest's client", |_| true)
        .await?;

    let customer = shop.register(&ann()).await?;
    let by_customer = |row: &Value| has(row, &[("email", "Ann.Lee@Example.com"), ("fname", "Ann")]);
    shop.only_row("clients", "the customer's names", by_customer)
        .await?;
    let moved = json!({"email": "ann@new.example"});
    shop.change_customer(customer, &moved).await?;
    let by_email = |row: &Value| has(row, &[("email", "ann@new.example")]);
    let now = shop.only_row("clients", "the new e-mail", by_email).await?;
    ensure!(id(&now)? == id(&first)?, "another client: {now}");

    orders.push(shop.place_with(&order_of(customer, 2)).await?);
    shop.in_books(&orders).await?;
    // Somebody else takes the e-mail that was given up: another customer, another client.
    let other = json!({"email": "ann.lee@example.com", "first_name": "Bob", "last_name": "Lee"});
    let other = shop.register(&other).await?;
    orders.push(shop.place_with(&order_of(other, 3)).await?);
    shop.in_books(&orders).await?;
    streams.at_rest_without_dead_letters().await?;
    let mut emails: Vec<Value> = shop.rows("clients").await?;
    emails.iter_mut().for_each(|row| *row = row["email"].take());
    emails.sort_by_key(ToString::to_string);
    ensure!(
        emails == ["ann.lee@example.com", "ann@new.example"],
        "{emails:?}"
    );
    Ok(())
}

#[tokio::test]
async fn the_client_carries_the_latest_address_and_each_invoice_its_own() -> anyhow::Result<()> {
    let house = one_shop().await?;
    let shop = Shop::only(&house)?;
    let streams = Streams::of(&house).await?;
    let customer = shop.register(&ann()).await?;
    let older = json!({"kind": "paid_card_one_line", "seed": 1, "hooks": "single",
        "customer_id": customer, "created_at": "2026-01-05T10:00:00Z"});
    let first = shop.place_with(&older).await?;
    shop.in_books(std::slice::from_ref(&first)).await?;
    let unit = |row: &Value| has(row, &[("p_street", "1 Mill Lane"), ("p_street2", "Unit 4")]);
    shop.only_row("clients", "the first address", unit).await?;

    // The address book changes: the client follows, an old order touched again changes nothing.
    let address = json!({"street_1": "2 Dock Road", "street_2": "", "city": "Bonn",
        "state": "Nordrhein-Westfalen", "country": "Germany", "country_iso2": "DE"});
    shop.change_customer(customer, &address).await?;
    let moved = [
        ("p_street", "2 Dock Road"),
        ("p_street2", ""),
        ("p_city", "Bonn"),
        ("p_province", "Nordrhein-Westfalen"),
        ("p_country", "Germany"),
    ];
    shop.only_row("clients", "the new address", |row| has(row, &moved))
        .await?;
    let staff = json!({"action": "set_status", "status_id": 2});
    shop.act(first.id, &staff).await?;
    streams.at_rest_without_dead_letters().await?;
    shop.only_row("clients", "the new address still", |row| has(row, &moved))
        .await?;
    let invoice = house.invoice_of(shop.connection, first.id).await?;
    ensure!(
        has(&invoice, &[("street", "1 Mill Lane"), ("city", "Austin")]),
        "{invoice}"
    );

    // A name and a company taken away in the store are taken away in the books.
    let renamed = json!({"last_name": "Byron", "company": ""});
    shop.change_customer(customer, &renamed).await?;
    let now = |row: &Value| {
        has(
            row,
            &[("lname", "Byron"), ("organization", ""), ("p_city", "Bonn")],
        )
    };
    shop.only_row("clients", "the new name", now).await?;
    let second = shop.place_with(&order_of(customer, 2)).await?;
    shop.in_books(&[second]).await
}

#[tokio::test]
async fn each_choice_decides_who_wins_where_a_person_changed_the_same_field() -> anyhow::Result<()>
{
    let choices = ["keep", "overwrite", "hold"];
    let connection = |choice: &str| Connection {
        policy: format!("client_conflicts = \"{choice}\""),
        ..Connection::named(choice)
    };
    let house = house(choices.map(connection).to_vec()).await?;
    let streams = Streams::of(&house).await?;
    for choice in choices {
        let shop = Shop::named(&house, choice)?;
        let customer = shop.register(&ann()).await?;
        let order = shop.place_with(&order_of(customer, 1)).await?;
        shop.in_books(&[order]).await?;
        let client = shop.only_row("clients", "the client", |_| true).await?;
        // The customer's hook and the order's may both be under way.
        streams.at_rest().await?;
        let by_hand = json!({"p_city": "By hand", "note": "A good customer"});
        shop.control_account(&format!("clients/{}/edit_by_hand", id(&client)?), &by_hand)
            .await?;
        let change = json!({"city": "Bonn", "phone": "777"});
        shop.change_customer(customer, &change).await?;
        let (city, phone) = match choice {
            "keep" => ("By hand", "777"),
            "overwrite" => ("Bonn", "777"),
            _ => {
                let told = streams
                    .held("customer", "client_edited_in_freshbooks")
                    .await?;
                ensure!(told.contains("p_city") && !told.contains("Bonn"), "{told}");
                ("By hand", "555")
            }
        };
        let wanted = [
            ("p_city", city),
            ("bus_phone", phone),
            ("note", "A good customer"),
        ];
        shop.only_row("clients", choice, |row| has(row, &wanted))
            .await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_customer_without_an_order_makes_no_client_and_a_deleted_one_loses_none()
-> anyhow::Result<()> {
    let house = one_shop().await?;
    let shop = Shop::only(&house)?;
    let streams = Streams::of(&house).await?;
    let customer = shop.register(&ann()).await?;
    streams.outcomes(1).await?;
    streams.at_rest_without_dead_letters().await?;
    ensure!(
        shop.rows("clients").await?.is_empty(),
        "a client without an order"
    );

    let order = shop.place_with(&order_of(customer, 1)).await?;
    shop.in_books(std::slice::from_ref(&order)).await?;
    streams.at_rest_without_dead_letters().await?;
    let told = streams.count(contracts::topology::Stream::Outcomes).await?;
    shop.delete_customer(customer).await?;
    streams.outcomes(told + 1).await?;
    streams.at_rest_without_dead_letters().await?;
    shop.only_row("clients", "the client", |_| true).await?;
    shop.nothing_twice(&[order]).await
}

#[tokio::test]
async fn a_reply_lost_after_an_update_of_the_client_is_no_edit_by_a_person() -> anyhow::Result<()> {
    let connection = Connection {
        policy: "client_conflicts = \"hold\"".to_owned(),
        ..Connection::named("acme")
    };
    let house = house(vec![connection]).await?;
    let shop = Shop::only(&house)?;
    let streams = Streams::of(&house).await?;
    let customer = shop.register(&ann()).await?;
    let order = shop.place_with(&order_of(customer, 1)).await?;
    shop.in_books(&[order]).await?;
    streams.at_rest_without_dead_letters().await?;
    let lost = json!({"kind": "reset_after", "match": {"method": "PUT", "path": "users/clients"}});
    shop.break_account(lost).await?;
    shop.change_customer(customer, &json!({"city": "Bonn"}))
        .await?;
    shop.struck(1).await?;
    // While the outcome is unknown the customer moves again.
    shop.change_customer(customer, &json!({"city": "Rome"}))
        .await?;
    shop.only_row("clients", "the last city", |row| {
        has(row, &[("p_city", "Rome")])
    })
    .await?;
    streams.at_rest_without_dead_letters().await
}

#[tokio::test]
async fn a_reply_lost_after_the_first_order_made_its_client_makes_no_second_one()
-> anyhow::Result<()> {
    let house = one_shop().await?;
    let shop = Shop::only(&house)?;
    let streams = Streams::of(&house).await?;
    let customer = shop.register(&ann()).await?;
    let lost = json!({"kind": "reset_after", "match": {"method": "POST", "path": "users/clients"}});
    shop.break_account(lost).await?;
    let order = shop.place_with(&order_of(customer, 1)).await?;
    shop.in_books(std::slice::from_ref(&order)).await?;
    streams.at_rest_without_dead_letters().await?;
    shop.nothing_twice(&[order]).await?;
    let known = streams.clients().await?;
    let made = known.iter().map(|one| one.created_by_tillbook);
    ensure!(
        made.collect::<Vec<_>>() == [true],
        "undo must know it: {known:?}"
    );
    Ok(())
}

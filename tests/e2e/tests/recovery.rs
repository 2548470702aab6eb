//! Whatever is killed, and whenever: one invoice and one set of payments per order.

use anyhow::ensure;
use e2e::{Hook, LIMIT, SERVICES, Shop, Streams, processes};
use serde_json::{Value, json};
use testkit::eventually;

const KINDS: [&str; 5] = [
    "paid_card_one_line",
    "taxed_two_rates",
    "returning_customer",
    "several_captures",
    "awaiting_payment",
];

/// Waits until orders are flowing: more invoices than `before`.
async fn more_than(shop: &Shop<'_>, before: usize) -> anyhow::Result<usize> {
    eventually(LIMIT, "orders flowing", async || {
        let count = invoices(&shop.books().await?);
        ensure!(count > before, "{count} invoices, as before");
        Ok(count)
    })
    .await
}

fn invoices(books: &Value) -> usize {
    books
        .get("invoices")
        .and_then(Value::as_array)
        .map_or(0, Vec::len)
}

#[tokio::test]
async fn each_service_may_be_killed_while_forty_orders_flow() -> anyhow::Result<()> {
    let mut house = processes(&SERVICES, "").await?;
    let acme = house.connection()?.clone();
    let slow = json!({"kind": "hang_ms", "hang_ms": 20, "times": 100_000,
        "match": {"method": "POST"}});
    house.vendors.break_freshbooks(&slow).await?;
    let mut orders = Vec::new();
    let mut seen = 0;
    for service in SERVICES {
        let shop = Shop {
            house: &house,
            connection: &acme,
        };
        orders.extend(shop.place_many(&KINDS, 40).await?);
        seen = more_than(&shop, seen).await?;
        // Where orders are placed more slowly than they flow, more of them are needed.
        for _ in 0..20 {
            if seen < orders.len() {
                break;
            }
            let both = tokio::join!(shop.place_many(&KINDS, 20), shop.place_many(&KINDS, 20));
            orders.extend(both.0?.into_iter().chain(both.1?));
            seen = invoices(&shop.books().await?);
        }
        ensure!(
            seen < orders.len(),
            "nothing flows any more when {service} is killed"
        );
        house.kill9(service).await?;
        house.start_service(service).await?;
    }
    let shop = Shop {
        house: &house,
        connection: &acme,
    };
    shop.exactly_once(&orders).await
}

#[tokio::test]
async fn a_reply_lost_after_the_write_makes_no_duplicate() -> anyhow::Result<()> {
    let house = processes(&["all"], "").await?;
    let shop = Shop::only(&house)?;
    let lost = ["reset_after", "truncated_json", "error_after_commit"];
    let calls = [
        ("POST", "users/clients"),
        ("POST", "invoices/invoices"),
        ("PUT", "invoices/invoices"),
        ("POST", "payments/payments"),
    ];
    for kind in lost {
        for (method, path) in calls {
            let fault =
                json!({"kind": kind, "times": 2, "match": {"method": method, "path": path}});
            shop.break_account(fault).await?;
        }
    }
    let orders = shop
        .place_many(&["guest_checkout", "several_captures"], 16)
        .await?;
    shop.struck(24).await?;
    shop.exactly_once(&orders).await
}

#[tokio::test]
async fn a_reply_lost_while_an_invoice_follows_its_order_is_no_edit_by_a_person()
-> anyhow::Result<()> {
    let house = processes(&["all"], "").await?;
    let shop = Shop::only(&house)?;
    let order = shop.place("awaiting_payment", 4).await?;
    shop.in_books(std::slice::from_ref(&order)).await?;
    Streams::of(&house)
        .await?
        .at_rest_without_dead_letters()
        .await?;
    shop.break_account(json!({"kind": "reset_after", "match": {"method": "PUT"}}))
        .await?;
    let line = json!({"action": "add_line", "name": "Late", "quantity": 1, "unit_price": "7.77"});
    let changed = shop.act(order.id, &line).await?;
    shop.struck(1).await?;
    shop.in_books(std::slice::from_ref(&changed)).await?;
    shop.nothing_twice(&[changed]).await
}

#[tokio::test]
async fn a_write_that_lands_after_its_caller_gave_up_is_found() -> anyhow::Result<()> {
    // A call may take half of settle_ms; the write lands between that and the look-up.
    let house = processes(&["all"], "").await?;
    let config = std::fs::read_to_string(house.config())?;
    ensure!(
        config.contains("settle_ms = 4000"),
        "the hang below no longer fits"
    );
    let shop = Shop::only(&house)?;
    for path in ["invoices/invoices", "payments/payments"] {
        let late = json!({"kind": "hang_ms", "hang_ms": 2_200, "effect": "after",
            "match": {"method": "POST", "path": path}});
        shop.break_account(late).await?;
    }
    let order = shop.place("paid_card_one_line", 1).await?;
    shop.struck(2).await?;
    shop.in_books(std::slice::from_ref(&order)).await?;
    Streams::of(&house)
        .await?
        .at_rest_without_dead_letters()
        .await?;
    shop.nothing_twice(&[order]).await
}

#[tokio::test]
async fn delivery_killed_in_the_middle_of_a_call_makes_no_duplicate() -> anyhow::Result<()> {
    let mut house = processes(&SERVICES, "").await?;
    let acme = house.connection()?.clone();
    let orders = {
        let shop = Shop {
            house: &house,
            connection: &acme,
        };
        for path in ["users/clients", "invoices/invoices", "payments/payments"] {
            // The write is done at once, its reply hangs; the caller is killed while it waits.
            let fault = json!({"kind": "hang_ms", "hang_ms": 30_000, "times": 2,
                "match": {"method": "POST", "path": path}});
            shop.break_account(fault).await?;
        }
        shop.place_many(
            &["guest_checkout", "several_captures", "taxed_two_rates"],
            9,
        )
        .await?
    };
    for calls in [2, 4, 6] {
        Shop {
            house: &house,
            connection: &acme,
        }
        .struck(calls)
        .await?;
        house.kill9("deliver").await?;
        house.start_service("deliver").await?;
    }
    let shop = Shop {
        house: &house,
        connection: &acme,
    };
    shop.exactly_once(&orders).await
}

#[tokio::test]
async fn without_redis_it_is_slower_and_not_wrong() -> anyhow::Result<()> {
    let mut house = processes(&["all"], "").await?;
    let acme = house.connection()?.clone();
    let mut orders = {
        let shop = Shop {
            house: &house,
            connection: &acme,
        };
        let orders = shop.place_many(&KINDS, 40).await?;
        more_than(&shop, 0).await?;
        orders
    };
    house.servers.redis.kill9();
    {
        let shop = Shop {
            house: &house,
            connection: &acme,
        };
        orders.extend(shop.place_many(&KINDS, 40).await?);
        shop.in_books(&orders).await?;
    }
    house.servers.redis.restart().await?;
    let shop = Shop {
        house: &house,
        connection: &acme,
    };
    orders.extend(shop.place_many(&KINDS, 10).await?);
    shop.exactly_once(&orders).await
}

#[tokio::test]
async fn nats_killed_and_started_again_loses_nothing_acknowledged() -> anyhow::Result<()> {
    let mut house = processes(&SERVICES, "").await?;
    let acme = house.connection()?.clone();
    let mut orders = Vec::new();
    let mut seen = 0;
    for _ in 0..2 {
        {
            let shop = Shop {
                house: &house,
                connection: &acme,
            };
            orders.extend(shop.place_many(&KINDS, 40).await?);
            seen = more_than(&shop, seen).await?;
        }
        house.servers.nats.kill9();
        house.servers.nats.restart().await?;
    }
    let shop = Shop {
        house: &house,
        connection: &acme,
    };
    shop.exactly_once(&orders).await
}

#[tokio::test]
async fn two_deliverers_at_the_same_order_write_it_once() -> anyhow::Result<()> {
    let names = [SERVICES.as_slice(), &["deliver", "deliver"]].concat();
    let house = processes(&names, "").await?;
    let shop = Shop::only(&house)?;
    // Long calls and many hints of one order: its events are delivered side by side.
    let slow = json!({"kind": "hang_ms", "hang_ms": 400, "times": 100_000,
        "match": {"method": "POST"}});
    shop.break_account(slow).await?;
    let mut orders = Vec::new();
    for seed in 1..=10 {
        let kind = "several_captures";
        let order = json!({"kind": kind, "seed": seed, "hooks": "none"});
        orders.push(shop.place_with(&order).await?);
    }
    let acme = shop.connection;
    let streams = Streams::of(&house).await?;
    for round in 1..=5 {
        for order in &orders {
            let (status, answer) = Hook::of(&house, acme, order.id).await?.send().await?;
            ensure!(status.is_success(), "{answer}");
        }
        let wanted = round * u64::try_from(orders.len())?;
        eventually(LIMIT, "the hints fetched", async || {
            let fetched = streams.count(contracts::topology::Stream::Ingested).await?;
            ensure!(fetched >= wanted, "{fetched} snapshots");
            Ok(())
        })
        .await?;
    }
    shop.in_books(&orders).await?;
    streams.at_rest_without_dead_letters().await?;
    shop.nothing_twice(&orders).await
}

//! Money that comes in late, in parts, or after a failure, and orders that change under it.

use anyhow::ensure;
use e2e::{QUICK, Shop, Streams};
use serde_json::json;
use testkit::{House, HouseOptions};

#[tokio::test]
async fn money_in_parts_late_or_after_a_failure_is_booked_once() -> anyhow::Result<()> {
    let house = House::start(HouseOptions {
        config: QUICK.to_owned(),
        ..HouseOptions::default()
    })
    .await?;
    let shop = Shop::only(&house)?;
    let kinds = [
        "partial_capture",
        "failed_then_paid",
        "settled_later",
        "test_transaction",
        "authorised_only",
        "gift_certificate_spent",
        "three_tenders",
    ];
    let mut orders = shop.place_many(&kinds, 7).await?;
    shop.in_books(&orders).await?;
    // What was authorised is captured later, the part and then the rest.
    for (order, amounts) in orders.iter_mut().zip([
        vec![json!(null)],
        vec![],
        vec![],
        vec![],
        vec![json!("1.00"), json!(null)],
    ]) {
        for amount in amounts {
            let capture = json!({"action": "capture", "amount": amount});
            *order = shop.act(order.id, &capture).await?;
        }
    }
    shop.in_books(&orders).await?;
    let streams = Streams::of(&house).await?;
    streams.at_rest_without_dead_letters().await?;
    shop.nothing_twice(&orders).await
}

#[tokio::test]
async fn edits_after_the_invoice_follow_and_payments_stay() -> anyhow::Result<()> {
    let house = House::start(HouseOptions {
        config: QUICK.to_owned(),
        ..HouseOptions::default()
    })
    .await?;
    let shop = Shop::only(&house)?;
    let order = shop.place("paid_card_one_line", 3).await?;
    shop.in_books(std::slice::from_ref(&order)).await?;
    let line = json!({"action": "add_line", "name": "Late", "quantity": 2, "unit_price": "3.50"});
    shop.act(order.id, &line).await?;
    let address = json!({"action": "change_billing_address",
        "address": {"street_1": "99 New Road", "city": "Elsewhere"}});
    let order = shop.act(order.id, &address).await?;
    ensure!(order.total > order.received, "nothing was added: {order:?}");
    shop.in_books(std::slice::from_ref(&order)).await?;
    let streams = Streams::of(&house).await?;
    streams.at_rest_without_dead_letters().await?;
    let invoice = house.invoice_of(shop.connection, order.id).await?;
    ensure!(
        invoice.get("street") == Some(&json!("99 New Road")),
        "{invoice}"
    );
    ensure!(
        invoice.get("v3_status") == Some(&json!("partial")),
        "{invoice}"
    );
    shop.nothing_twice(&[order]).await
}

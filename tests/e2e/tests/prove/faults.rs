//! Twelve classes of faults, planted as people would: in FreshBooks' web interface, or in the
//! store while its hooks are lost.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::command::Proved;
use super::scene::Scene;

/// The classes, by the code that a proof is to name.
const CLASSES: [&str; 12] = [
    "invoice_deleted_in_freshbooks",
    "twice",
    "wrong_total",
    "wrong_tax",
    "wrong_currency",
    "payment_deleted_in_freshbooks",
    "refund_missing",
    "edited_by_hand",
    "wrong_date",
    "locked_period",
    "client_wrong",
    "unknown",
];

/// Findings on orders that nobody touched.
const FALSE_ALARMS_MAX: usize = 2;

/// Order id to class.
pub(crate) type Planted = BTreeMap<u64, &'static str>;

/// Brings orders into the books, then plants `each` faults of every class.
pub(crate) async fn plant(scene: &Scene, each: usize) -> anyhow::Result<Planted> {
    let untouched = scene.place_every_kind(2).await?;
    eprintln!("{untouched} orders that nobody touches");
    let mut targets: Vec<(&'static str, u64)> = Vec::new();
    for class in CLASSES {
        for number in 0..each {
            let days_ago = match class {
                // Tillbook writes nothing there, so these have no invoice at all.
                "locked_period" if number % 2 == 1 => 8,
                _ => 1 + i32::try_from(number % 4)?,
            };
            let seed = u64::try_from(100 + number)?;
            let order = scene.place(kind_for(class, number), seed, days_ago).await?;
            targets.push((class, order.id));
        }
    }
    scene.settle().await?;
    let books = scene.books().await?;
    let settings = scene.house.connection()?.account_id.clone();
    let url = format!(
        "{}/_sandbox/accounts/{settings}",
        scene.house.vendors.freshbooks
    );
    let accept = json!({"duplicate_numbers": "accept"});
    scene
        .house
        .http
        .call("PATCH".parse()?, &url, Some(&accept))
        .await?;
    let mut planted = Planted::new();
    for (number, (class, order_id)) in targets.into_iter().enumerate() {
        let id = plant_one(scene, &books, class, order_id, number)
            .await
            .with_context(|| format!("planting {class} on order {order_id}"))?;
        planted.insert(id, class);
    }
    Ok(planted)
}

fn kind_for(class: &str, number: usize) -> &'static str {
    match class {
        "wrong_tax" => "taxed_one_rate",
        "refund_missing" => "three_of_one_product",
        "payment_deleted_in_freshbooks" if number % 3 == 2 => "several_captures",
        "wrong_date" | "client_wrong" if number % 2 == 1 => "offline_bank_deposit_awaiting",
        _ => ["paid_card_one_line", "taxed_two_rates", "offline_paid"][number % 3],
    }
}

/// Plants one fault; the order it will be found under.
async fn plant_one(
    scene: &Scene,
    books: &Value,
    class: &str,
    order_id: u64,
    number: usize,
) -> anyhow::Result<u64> {
    let shop = scene.shop()?;
    if class == "wrong_total" {
        let line = json!({"action": "add_line", "name": "Late", "sku": "X-1", "quantity": 2,
            "unit_price": "5.00", "silent": true});
        shop.act(order_id, &line).await?;
        return Ok(order_id);
    }
    if class == "refund_missing" {
        let refund = json!({"action": "refund", "silent": true,
            "items": [{"item": "product", "line": 0, "quantity": 1}]});
        shop.act(order_id, &refund).await?;
        return Ok(order_id);
    }
    let invoice = row(
        books,
        "invoices",
        "invoice_number",
        &json!(order_id.to_string()),
    );
    let Some(invoice) = invoice else {
        // Of a closed day: held, so there is none.
        ensure!(
            class == "locked_period",
            "order {order_id} is not in the books"
        );
        return Ok(order_id);
    };
    let id = invoice.get("id").context("id")?;
    let edit = format!("invoices/{id}/edit_by_hand");
    let total = invoice.get("amount").context("amount")?;
    let line =
        |amount: &Value| json!([{"name": "By hand", "qty": 1, "unit_cost": {"amount": amount}}]);
    match class {
        "invoice_deleted_in_freshbooks" => {
            remove_payments(scene, books, id).await?;
            scene.by_hand(&edit, &json!({"vis_state": 1})).await?;
        }
        "payment_deleted_in_freshbooks" => remove_payments(scene, books, id).await?,
        "twice" => {
            let copy = json!({"invoice_number": order_id.to_string(), "lines": line(total),
                "customerid": invoice.get("customerid"), "v3_status": "sent",
                "create_date": invoice.get("create_date"), "currency_code": "USD"});
            scene.by_hand("invoices/create_by_hand", &copy).await?;
        }
        "wrong_tax" => scene.by_hand(&edit, &json!({"lines": line(total)})).await?,
        "wrong_currency" => {
            scene
                .by_hand(&edit, &json!({"currency_code": "EUR"}))
                .await?
        }
        "edited_by_hand" if number.is_multiple_of(2) => {
            let other = json!({"invoice_number": format!("HAND-{order_id}")});
            scene.by_hand(&edit, &other).await?;
        }
        "edited_by_hand" => {
            scene
                .by_hand(&edit, &json!({"lines": line(&json!("7.00"))}))
                .await?
        }
        "wrong_date" => {
            let today = json!({"create_date": scene.day(0)?});
            scene.by_hand(&edit, &today).await?;
        }
        "locked_period" => {
            let closed = json!({"create_date": scene.day(7)?});
            scene.by_hand(&edit, &closed).await?;
        }
        "client_wrong" => {
            let other = another_client(books, invoice)?;
            scene.by_hand(&edit, &json!({"customerid": other})).await?;
        }
        "unknown" => {
            // The order stays as it is; beside it stands an invoice of no order.
            let nobody = 900_000 + u64::try_from(number)?;
            let stray = json!({"invoice_number": nobody.to_string(), "lines": line(total),
                "customerid": invoice.get("customerid"), "v3_status": "sent",
                "create_date": invoice.get("create_date"), "currency_code": "USD"});
            scene.by_hand("invoices/create_by_hand", &stray).await?;
            return Ok(nobody);
        }
        other => anyhow::bail!("no way to plant {other}"),
    }
    Ok(order_id)
}

async fn remove_payments(scene: &Scene, books: &Value, invoice_id: &Value) -> anyhow::Result<()> {
    let payments = books.get("payments").and_then(Value::as_array);
    let own = payments
        .into_iter()
        .flatten()
        .filter(|payment| payment.get("invoiceid") == Some(invoice_id));
    for payment in own {
        let id = payment.get("id").context("id")?;
        let what = format!("payments/{id}/edit_by_hand");
        scene.by_hand(&what, &json!({"vis_state": 1})).await?;
    }
    Ok(())
}

fn row<'a>(books: &'a Value, kind: &str, field: &str, value: &Value) -> Option<&'a Value> {
    let rows = books.get(kind)?.as_array()?;
    rows.iter().find(|row| row.get(field) == Some(value))
}

/// A client with an e-mail of its own that is not the invoice's.
fn another_client<'a>(books: &'a Value, invoice: &Value) -> anyhow::Result<&'a Value> {
    let own = invoice.get("customerid").context("customerid")?;
    let clients = books.get("clients").and_then(Value::as_array);
    let email = |client: &Value| {
        client
            .get("email")
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let other = clients.into_iter().flatten().find(|client| {
        client.get("id") != Some(own) && email(client).is_some_and(|text| !text.is_empty())
    });
    other
        .and_then(|client| client.get("id"))
        .context("no other client")
}

/// Prints what was found of each class, and holds it against what is promised.
pub(crate) fn table(planted: &Planted, proved: &Proved) -> anyhow::Result<()> {
    let found: BTreeMap<u64, Vec<String>> = proved.findings().into_iter().collect();
    let (mut right, mut all) = (0, 0);
    eprintln!(
        "{:<32}{:>8}{:>8}{:>14}",
        "class", "planted", "found", "right cause"
    );
    for class in CLASSES {
        let of_class: Vec<_> = planted.iter().filter(|(_, it)| **it == class).collect();
        let causes: Vec<_> = of_class
            .iter()
            .filter_map(|(id, _)| found.get(id))
            .collect();
        // Tillbook may hold the order for the same cause, and then that comes first.
        let main = |codes: &Vec<String>| codes.iter().find(|code| *code != "held").cloned();
        let named = |codes: &&&Vec<String>| main(codes).is_some_and(|code| code == *class);
        let count = causes.iter().filter(named).count();
        eprintln!(
            "{class:<32}{:>8}{:>8}{count:>14}",
            of_class.len(),
            causes.len()
        );
        for (id, _) in &of_class {
            match found.get(id) {
                None => eprintln!("    order {id} was not found"),
                Some(codes) if main(codes).is_none_or(|code| code != *class) => {
                    eprintln!("    order {id} was called {codes:?}");
                }
                Some(_) => {}
            }
        }
        right += count;
        all += of_class.len();
    }
    let alarms: Vec<_> = found
        .iter()
        .filter(|(id, _)| !planted.contains_key(id))
        .collect();
    eprintln!(
        "{all} planted, {right} with the right cause, {} false alarms",
        alarms.len()
    );
    for (id, codes) in &alarms {
        eprintln!("    false alarm: order {id}, {codes:?}");
    }
    let missed: Vec<_> = planted
        .keys()
        .filter(|id| !found.contains_key(id))
        .collect();
    ensure!(
        missed.is_empty(),
        "not found: {missed:?}\n{}",
        proved.text()
    );
    ensure!(
        alarms.len() <= FALSE_ALARMS_MAX,
        "false alarms: {alarms:?}\n{}",
        proved.text()
    );
    ensure!(
        right * 100 >= all * 95,
        "{right} of {all} with the right cause"
    );
    Ok(())
}

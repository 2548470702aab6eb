//! Invoices: written exactly, found exactly, and what their state is read from.

use axum::http::Method;
use connect::freshbooks::{Deleted, Rebilled};
use domain::books::{DesiredInvoice, InvoiceLine, LineKind};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::account::{client, desired, invoice, line, list, money, single};
use crate::common::Stub;

#[tokio::test]
async fn an_invoice_is_written_exactly_and_read_back() {
    let stub = Stub::start(|_| single("invoice", invoice(5, "BC-250", "draft"))).await;
    let shipping = InvoiceLine {
        kind: LineKind::Shipping,
        quantity: Decimal::ONE,
        rebills: Some("shipping:1".to_owned()),
        ..line("Shipping", "5.00")
    };
    let rounding = InvoiceLine {
        kind: LineKind::Rounding,
        tax1: None,
        quantity: Decimal::ONE,
        ..line("Rounding", "-0.01")
    };
    let mut desired = desired();
    desired.lines.extend([shipping, rounding]);
    let rebilled = Rebilled::from([("shipping:1".to_owned(), 44)]);
    let made = client(&stub)
        .create_invoice(7, &desired, "Tillbook acme 1", &rebilled)
        .await
        .unwrap();
    assert_eq!(
        (made.id, made.amount, made.is_sent()),
        (5, money(2160), false)
    );
    let asked = &stub.asked()[0];
    assert_eq!(
        asked.line(),
        "POST /accounting/account/AbC12/invoices/invoices"
    );
    assert_eq!(
        asked.json()["invoice"],
        json!({
            "customerid": 7, "invoice_number": "BC-250", "create_date": "2026-06-29",
            "due_offset_days": 14, "currency_code": "USD", "notes": "Thank you",
            "discount_description": "Tillbook acme 1",
            "lines": [
                {"type": 0, "name": "Mug", "description": "", "qty": "2",
                 "unit_cost": {"amount": "10.10", "code": "USD"}, "taxName1": "Tax", "taxAmount1": "8.25"},
                {"type": 1, "expenseid": 44, "name": "Shipping", "description": "", "qty": "1",
                 "unit_cost": {"amount": "5.00", "code": "USD"}, "taxName1": "Tax", "taxAmount1": "8.25"},
                {"type": 0, "name": "Rounding", "description": "", "qty": "1",
                 "unit_cost": {"amount": "-0.01", "code": "USD"}},
            ],
        })
    );
}

#[tokio::test]
async fn actions_and_deletion_travel_alone() {
    let stub = Stub::start(|_| single("invoice", invoice(5, "BC-250", "sent"))).await;
    let client = client(&stub);
    assert!(client.mark_sent(5).await.unwrap().is_sent());
    client.remove_invoice(5).await.unwrap();
    client.email_invoice(5, "ada@example.com").await.unwrap();
    client
        .update_invoice(5, None, &desired(), &Rebilled::new())
        .await
        .unwrap();
    let asked = stub.asked();
    assert!(asked.iter().all(|asked| asked.method == Method::PUT));
    assert_eq!(
        asked[0].json(),
        json!({"invoice": {"action_mark_as_sent": true}})
    );
    assert_eq!(asked[1].json(), json!({"invoice": {"vis_state": 1}}));
    assert_eq!(
        asked[2].json(),
        json!({"invoice": {"action_email": true, "email_recipients": ["ada@example.com"],
               "email_include_pdf": false}})
    );
    let update = &asked[3].json()["invoice"];
    assert!(update.get("vis_state").is_none() && update.get("invoice_number").is_none());
    assert_eq!(
        asked[3].path,
        "/accounting/account/AbC12/invoices/invoices/5"
    );
}

#[tokio::test]
async fn what_freshbooks_would_refuse_or_discard_is_not_sent() {
    let stub = Stub::start(|_| panic!("nothing may be sent")).await;
    let client = client(&stub);
    let with_field = |name: &str| {
        let mut invoice = desired();
        invoice.fields.insert(name.to_owned(), "x".to_owned());
        invoice
    };
    for name in ["due_date", "vis_state", "action_email", "lines"] {
        let error = client
            .update_invoice(5, None, &with_field(name), &Rebilled::new())
            .await
            .unwrap_err();
        assert_eq!(error.class(), "unsendable", "{name}");
    }
    let long = DesiredInvoice {
        number: "B".repeat(21),
        ..desired()
    };
    let mut unwritten = desired();
    unwritten.lines[0].rebills = Some("shipping:1".to_owned());
    for invoice in [long, unwritten] {
        let error = client
            .create_invoice(7, &invoice, "Tillbook acme 1", &Rebilled::new())
            .await
            .unwrap_err();
        assert_eq!(error.class(), "unsendable");
    }
}

#[tokio::test]
async fn a_number_is_found_exactly_and_among_the_deleted_when_asked() {
    let stub = Stub::start(|asked| {
        let mut gone = invoice(6, "BC-250", "draft");
        gone["vis_state"] = json!(1);
        match asked.param("search[vis_state]").as_deref() {
            Some("1") => list("invoices", vec![gone]),
            _ => list(
                "invoices",
                vec![invoice(5, "BC-250", "paid"), invoice(4, "BC-2500", "paid")],
            ),
        }
    })
    .await;
    let client = client(&stub);
    let live = client
        .find_invoices_by_number("BC-250", Deleted::Exclude)
        .await
        .unwrap();
    assert_eq!(live.iter().map(|found| found.id).collect::<Vec<_>>(), [5]);
    let all = client
        .find_invoices_by_number("BC-250", Deleted::Include)
        .await
        .unwrap();
    assert_eq!(
        all.iter()
            .map(|found| (found.id, found.is_deleted()))
            .collect::<Vec<_>>(),
        [(5, false), (6, true)]
    );
    assert!(
        stub.asked()
            .iter()
            .all(|asked| asked.param("include[]").as_deref() == Some("lines"))
    );
}

#[tokio::test]
async fn the_status_number_does_not_decide_whether_an_invoice_is_sent() {
    let stub = Stub::start(|asked| {
        let v3_status = if asked.path.ends_with("/1") {
            "partial"
        } else {
            "draft"
        };
        let mut record = invoice(1, "BC-1", v3_status);
        record["display_status"] = Value::Null;
        single("invoice", record)
    })
    .await;
    let client = client(&stub);
    assert!(client.get_invoice(1).await.unwrap().is_sent());
    assert!(!client.get_invoice(2).await.unwrap().is_sent());
}

#[tokio::test]
async fn the_hash_sees_an_edit_and_not_a_payment() {
    let stub = Stub::start(|asked| {
        let mut record = invoice(1, "BC-1", "sent");
        match asked.path.rsplit('/').next().unwrap() {
            "2" => record["paid"]["amount"] = json!("21.60"),
            "3" => record["lines"][0]["unit_cost"]["amount"] = json!("10.0000"),
            "4" => record["lines"][0]["name"] = json!("Cup"),
            "5" => record["lines"] = Value::Null,
            _ => {}
        }
        single("invoice", record)
    })
    .await;
    let client = client(&stub);
    let hash = async |id| client.get_invoice(id).await.unwrap().vendor_hash();
    let first = hash(1).await.unwrap();
    assert_eq!(hash(2).await.as_ref(), Some(&first));
    assert_eq!(
        hash(3).await.as_ref(),
        Some(&first),
        "the same amount in other words"
    );
    assert_ne!(hash(4).await.as_ref(), Some(&first));
    assert_eq!(hash(5).await, None);
}

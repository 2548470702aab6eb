//! Credit notes and expenses: what is sent, what a reply tells, and which rows are believed.

use connect::freshbooks::Category;
use domain::books::{DesiredRefund, RefundDocument, ShippingExpense};
use serde_json::{Value, json};

use crate::account::{client, line, list, money, payment, single};
use crate::common::Stub;

fn refund() -> DesiredRefund {
    DesiredRefund {
        key: "refund:55".into(),
        document: RefundDocument::CreditNote,
        number: "BC-250-R55".into(),
        date: "2026-06-30".into(),
        amount: money(2187),
        tax: money(167),
        lines: vec![line("Mug", "10.10")],
        note: "Refund 55 of invoice BC-250. refund:55".into(),
        rounding_bound_minor: 1,
        replaces: Vec::new(),
    }
}

fn note(id: u64, client_id: u64, number: &str, vis_state: u64) -> Value {
    json!({"id": id, "creditid": id, "clientid": client_id.to_string(), "credit_number": number,
        "amount": {"amount": "21.87", "code": "USD"}, "currency_code": "USD",
        "create_date": "2026-06-30", "notes": "refund:55", "vis_state": vis_state})
}

fn expense(id: u64, date: &str, vis_state: u64) -> Value {
    json!({"id": id, "expenseid": id, "amount": {"amount": "21.87", "code": "USD"}, "date": date,
        "notes": "Refund 55 of invoice BC-250. refund:55", "vis_state": vis_state})
}

#[tokio::test]
async fn a_credit_note_names_its_refund_and_is_read_under_either_key() {
    for key in ["credit_note", "credit_notes"] {
        let stub = Stub::start(move |_| single(key, note(9, 7, "BC-250-R55", 0))).await;
        let made = client(&stub)
            .create_credit_note(7, &refund())
            .await
            .unwrap();
        assert_eq!((made.id, made.amount), (9, money(2187)));
        let body = &stub.asked()[0].json()["credit_note"];
        assert_eq!(body["credit_number"], "BC-250-R55");
        assert_eq!(body["credit_type"], "goodwill");
        assert_eq!(body["clientid"], 7);
        assert_eq!(body["create_date"], "2026-06-30");
        assert_eq!(body["lines"][0]["taxAmount1"], "8.25");
        assert!(body["notes"].as_str().unwrap().contains("refund:55"));
    }
}

#[tokio::test]
async fn a_changed_credit_note_keeps_client_and_number() {
    let stub = Stub::start(|_| single("credit_note", note(9, 7, "BC-250-R55", 0))).await;
    let account = client(&stub);
    let extra = line("Rounding", "0.01");
    account
        .update_credit_note(9, &refund(), Some(&extra))
        .await
        .unwrap();
    let body = &stub.asked()[0].json()["credit_note"];
    assert_eq!(body["lines"].as_array().unwrap().len(), 2);
    assert!(body["clientid"].is_null() && body["credit_number"].is_null());
}

#[tokio::test]
async fn credit_notes_of_other_clients_and_deleted_ones_are_left_out() {
    let stub = Stub::start(|_| {
        let rows = vec![note(1, 7, "a", 0), note(2, 8, "b", 0), note(3, 7, "c", 1)];
        list("credit_notes", rows)
    })
    .await;
    let found = client(&stub).list_credit_notes_of_client(7).await.unwrap();
    assert_eq!(found.iter().map(|one| one.id).collect::<Vec<_>>(), [1]);
}

#[tokio::test]
async fn an_expense_has_its_tax_its_owner_and_no_client() {
    let stub = Stub::start(|_| single("expense", expense(4, "2026-06-30", 0))).await;
    let made = client(&stub).create_expense(31, &refund()).await.unwrap();
    assert_eq!((made.id, made.amount), (4, money(2187)));
    let body = &stub.asked()[0].json()["expense"];
    assert_eq!(
        (&body["categoryid"], &body["staffid"]),
        (&json!(31), &json!(1))
    );
    assert_eq!(body["amount"], json!({"amount": "21.87", "code": "USD"}));
    assert_eq!(body["taxName1"], "Tax");
    assert_eq!(body["taxAmount1"], json!({"amount": "1.67", "code": "USD"}));
    // FreshBooks would offer it for rebilling.
    assert!(body["clientid"].is_null());
}

#[tokio::test]
async fn expenses_of_other_days_and_deleted_ones_are_left_out() {
    let stub = Stub::start(|_| {
        let rows = vec![
            expense(1, "2026-06-30", 0),
            expense(2, "2026-06-29", 0),
            expense(3, "2026-06-30", 1),
        ];
        list("expenses", rows)
    })
    .await;
    let found = client(&stub)
        .list_expenses_of_day("2026-06-30")
        .await
        .unwrap();
    assert_eq!(found.iter().map(|one| one.id).collect::<Vec<_>>(), [1]);
}

#[tokio::test]
async fn categories_are_those_that_are_not_deleted() {
    let stub = Stub::start(|_| {
        let row = |id: u64, name: &str, vis_state: u64| {
            json!({"id": id, "categoryid": id, "category": name,
            "vis_state": vis_state})
        };
        let rows = vec![row(1, "Rent", 1), row(2, " Other Expenses", 0)];
        list("categories", rows)
    })
    .await;
    let found = client(&stub).list_expense_categories().await.unwrap();
    let name = "Other Expenses".to_owned();
    assert_eq!(found, [Category { id: 2, name }]);
}

fn shipping() -> ShippingExpense {
    ShippingExpense {
        key: "shipping:1".into(),
        category: "Shipping".into(),
        number: "BC-250-S1".into(),
        date: "2026-06-30".into(),
        amount: money(2187),
        note: "Shipping of invoice BC-250 (shipping:1)".into(),
    }
}

#[tokio::test]
async fn the_expense_of_shipping_has_a_client_and_no_tax() {
    let stub = Stub::start(|_| single("expense", expense(4, "2026-06-30", 0))).await;
    let account = client(&stub);
    let made = account.create_shipping_expense(7, 31, &shipping()).await;
    assert_eq!(made.unwrap().id, 4);
    let changed = account.update_shipping_expense(4, 31, &shipping()).await;
    assert_eq!(changed.unwrap().amount, money(2187));
    assert!(!account.restore_expense(4).await.unwrap().is_deleted());
    let sent: Vec<Value> = stub.asked().iter().map(|asked| asked.json()).collect();
    let mut body = json!({"categoryid": 31, "staffid": 1, "date": "2026-06-30",
        "amount": {"amount": "21.87", "code": "USD"}, "vendor": "BC-250-S1",
        "notes": "Shipping of invoice BC-250 (shipping:1)"});
    assert_eq!(sent[1], json!({"expense": body}));
    body["clientid"] = json!(7);
    assert_eq!(sent[0], json!({"expense": body}));
    assert_eq!(sent[2], json!({"expense": {"vis_state": 0}}));
}

#[tokio::test]
async fn the_expenses_of_a_client_include_the_deleted_and_no_one_elses() {
    let stub = Stub::start(|asked| {
        let of = |id: u64, client_id: u64, vis_state: u64| {
            let mut row = expense(id, "2026-06-30", vis_state);
            row["clientid"] = json!(client_id);
            row
        };
        // The filter by client is ignored.
        match asked.param("search[vis_state]").as_deref() {
            Some("1") => list("expenses", vec![of(3, 7, 1), of(4, 8, 1)]),
            _ => list("expenses", vec![of(1, 7, 0), of(2, 8, 0)]),
        }
    })
    .await;
    let found = client(&stub).list_expenses_of_client(7).await.unwrap();
    let found: Vec<_> = found.iter().map(|one| (one.id, one.is_deleted())).collect();
    assert_eq!(found, [(1, false), (3, true)]);
}

#[tokio::test]
async fn taking_out_and_bringing_back_send_nothing_but_the_state() {
    let stub = Stub::start(|asked| {
        let path = asked.path.clone();
        match path.split('/').nth_back(1) {
            Some("payments") => single(
                "payment",
                json!({"id": 31, "invoiceid": 5, "amount": {"amount": "3.00", "code": "USD"},
                    "vis_state": 1}),
            ),
            Some("credit_notes") => single("credit_note", note(9, 7, "x", 1)),
            Some("expenses") => single("expense", expense(4, "2026-06-30", 1)),
            _ => single("invoice", crate::account::invoice(5, "BC-250", "sent")),
        }
    })
    .await;
    let account = client(&stub);
    account.remove_payment(31).await.unwrap();
    account.remove_credit_note(9).await.unwrap();
    account.remove_expense(4).await.unwrap();
    account.restore_invoice(5).await.unwrap();
    let bodies: Vec<Value> = stub.asked().iter().map(|asked| asked.json()).collect();
    assert_eq!(
        bodies,
        [
            json!({"payment": {"vis_state": 1}}),
            json!({"credit_note": {"vis_state": 1}}),
            json!({"expense": {"vis_state": 1}}),
            json!({"invoice": {"vis_state": 0}}),
        ]
    );
    let lowered = account.change_payment_amount(31, payment().amount).await;
    assert_eq!(lowered.unwrap().amount, money(300));
    let body = stub.asked()[4].json();
    let sent = json!({"payment": {"amount": {"amount": "3300.00", "code": "USD"}}});
    assert_eq!(body, sent);
}

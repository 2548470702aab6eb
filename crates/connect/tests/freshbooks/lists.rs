//! Figures of many records: what is asked for, and that odd rows do not end a read.

use connect::freshbooks::lists::Days;
use serde_json::{Value, json};

use crate::account::{client, list};
use crate::common::Stub;

fn days() -> Days {
    Days {
        from: "2026-01-01".to_owned(),
        until: "2026-02-01".to_owned(),
        page: 1,
        per_page: 500,
    }
}

fn invoice(id: u64, amount: Value, vis_state: u64) -> Value {
    json!({"id": id, "invoice_number": id.to_string(), "customerid": 7, "amount": amount,
        "paid": {"amount": "0.00", "code": "USD"}, "currency_code": "USD", "v3_status": "draft",
        "vis_state": vis_state, "create_date": "2026-01-05", "updated": "2026-01-05 10:00:00",
        "lines": [{"name": "Mug", "qty": "2", "unit_cost": {"amount": "5.00"}, "taxAmount1": "8.875"}]})
}

#[tokio::test]
async fn a_page_asks_for_days_and_lines_and_keeps_odd_amounts() {
    let stub = Stub::start(|_| {
        let good = json!({"amount": "10.89", "code": "USD"});
        let rows = vec![
            invoice(1, good.clone(), 0),
            invoice(2, json!({"amount": "ten", "code": "ZZZ"}), 0),
            invoice(3, good, 1),
        ];
        list("invoices", rows)
    })
    .await;
    let page = client(&stub).invoices_dated(&days()).await.unwrap();
    let ids: Vec<u64> = page.rows.iter().map(|row| row.id).collect();
    assert_eq!((ids, page.is_last), (vec![1, 2], true));
    assert_eq!(page.rows[0].amount, Some("10.89".parse().unwrap()));
    assert!(page.rows[0].is_draft);
    let line = &page.rows[0].lines.as_ref().unwrap()[0];
    assert_eq!(line.amount, Some(10.into()), "quantity by price");
    assert_eq!(
        (page.rows[1].amount, page.rows[1].currency.as_str()),
        (None, "ZZZ")
    );
    let asked = &stub.asked()[0];
    assert_eq!(
        asked.param("search[date_min]").as_deref(),
        Some("2026-01-01")
    );
    assert_eq!(
        asked.param("search[date_max]").as_deref(),
        Some("2026-02-01")
    );
    assert_eq!(asked.param("include[]").as_deref(), Some("lines"));
    assert_eq!(asked.param("per_page").as_deref(), Some("100"));
}

#[tokio::test]
async fn clients_that_were_not_asked_for_are_left_out() {
    let stub = Stub::start(|_| {
        let row = |id: u64| json!({"id": id, "email": format!("{id}@example.com")});
        list("clients", vec![row(1), row(2), row(3)])
    })
    .await;
    let found = client(&stub).clients_named(&[1, 3, 9]).await.unwrap();
    let ids: Vec<u64> = found.iter().map(|client| client.id).collect();
    assert_eq!(ids, [1, 3]);
    assert!(!format!("{found:?}").contains("example.com"));
}

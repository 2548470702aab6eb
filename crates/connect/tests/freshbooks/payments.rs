//! Payments: what a reply tells of them, and which belong to an invoice.

use serde_json::{Value, json};

use crate::account::{client, list, money, payment, single};
use crate::common::Stub;

#[tokio::test]
async fn an_overpayment_shows_in_the_reply() {
    let stub = Stub::start(|_| {
        single(
            "payment",
            json!({"id": 31, "logid": 31, "invoiceid": "5", "overpaymentid": 77,
            "amount": {"amount": "180.00", "code": "USD"}, "date": "2026-06-29", "type": "VISA",
            "note": "txn:4711", "from_credit": false}),
        )
    })
    .await;
    let booked = client(&stub).create_payment(5, &payment()).await.unwrap();
    assert_eq!(
        (booked.amount, booked.overpayment_id),
        (money(18_000), Some(77))
    );
    let body = stub.asked()[0].json();
    assert_eq!(
        body["payment"]["amount"],
        json!({"amount": "3300.00", "code": "USD"})
    );
    assert_eq!(body["payment"]["send_client_notification"], false);
}

#[tokio::test]
async fn payments_of_other_invoices_and_deleted_ones_are_left_out() {
    let stub = Stub::start(|_| {
        let row = |id: u64, invoice: Value, vis_state: u64| json!({"logid": id, "invoiceid": invoice,
            "amount": {"amount": "1.00", "code": "USD"}, "vis_state": vis_state, "overpaymentid": null});
        list("payments", vec![row(1, json!(5), 0), row(2, json!(6), 0), row(3, json!("5"), 1)])
    })
    .await;
    let found = client(&stub).list_payments_of_invoice(5).await.unwrap();
    assert_eq!(
        found.iter().map(|payment| payment.id).collect::<Vec<_>>(),
        [1]
    );
}

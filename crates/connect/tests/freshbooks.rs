//! FreshBooks as the facts describe it, trap by trap.
#![allow(clippy::unwrap_used)] // also in helpers, which clippy does not count as tests

mod common;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::Method;
use common::{Answer, Answered, Stub, Watch, json, status};
use connect::VendorError;
use connect::freshbooks::{BoxFuture, Client, Config, Deleted, TokenError, TokenSource, oauth};
use domain::books::{DesiredInvoice, DesiredPayment, InvoiceLine, LineKind, LineTax};
use domain::money::{Currency, Money};
use rust_decimal::Decimal;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

/// Tokens of a test: the current one, and what a refresh gives.
struct Tokens {
    current: Mutex<String>,
    refreshed: Result<&'static str, TokenError>,
}

impl TokenSource for Tokens {
    fn access_token(&self) -> BoxFuture<'_, Result<SecretString, TokenError>> {
        let token = self.current.lock().unwrap().clone();
        Box::pin(async move { Ok(token.into()) })
    }

    fn refresh<'a>(
        &'a self,
        _rejected: &'a SecretString,
    ) -> BoxFuture<'a, Result<SecretString, TokenError>> {
        Box::pin(async move {
            let token = self.refreshed.clone()?;
            *self.current.lock().unwrap() = token.to_owned();
            Ok(token.into())
        })
    }
}

fn config(stub: &Stub) -> Config {
    let mut config = Config::new(
        stub.url.clone(),
        "https://auth.freshbooks.com".parse().unwrap(),
        "AbC12".into(),
        "app-id".into(),
        "app-secret".into(),
        "https://tillbook.example/back".parse().unwrap(),
    );
    config.limit_max_wait = Duration::ZERO;
    config
}

fn client_with(stub: &Stub, refreshed: Result<&'static str, TokenError>) -> Client {
    let tokens = Tokens {
        current: Mutex::new("old-token".into()),
        refreshed,
    };
    Client::new(config(stub), Arc::new(tokens), Arc::new(Watch::default())).unwrap()
}

fn client(stub: &Stub) -> Client {
    client_with(stub, Ok("new-token"))
}

fn usd() -> Currency {
    Currency::from_code("USD").unwrap()
}

fn money(amount_minor: i64) -> Money {
    Money {
        amount_minor,
        currency: usd(),
    }
}

fn single(name: &str, record: Value) -> Answer {
    json(json!({"response": {"result": {name: record}}}))
}

fn list(name: &str, rows: Vec<Value>) -> Answer {
    let total = rows.len();
    let pages = usize::from(total > 0);
    json(
        json!({"response": {"result": {name: rows, "page": 1, "pages": pages, "per_page": 100, "total": total}}}),
    )
}

fn invoice(id: u64, number: &str, v3_status: &str) -> Value {
    json!({
        "id": id, "invoiceid": id, "invoice_number": number, "customerid": 7, "currency_code": "USD",
        "amount": {"amount": "21.60", "code": "USD"}, "outstanding": {"amount": "21.60", "code": "USD"},
        "paid": {"amount": "0.00", "code": "USD"}, "status": 2, "v3_status": v3_status,
        "display_status": v3_status, "payment_status": "unpaid", "vis_state": 0,
        "updated": "2026-06-29 08:48:12", "create_date": "2026-06-29",
        "lines": [{"lineid": 1, "type": 0, "name": "Mug", "description": "", "qty": "2",
            "unit_cost": {"amount": "10.00", "code": "USD"}, "amount": {"amount": "20.00", "code": "USD"},
            "taxName1": "Tax", "taxAmount1": "8", "taxName2": null, "taxAmount2": "0"}],
    })
}

fn line(name: &str, unit_cost: &str) -> InvoiceLine {
    InvoiceLine {
        kind: LineKind::Product,
        name: name.into(),
        description: String::new(),
        quantity: Decimal::from(2),
        unit_cost: unit_cost.parse().unwrap(),
        tax1: Some(LineTax {
            name: "Tax".into(),
            percent: "8.250".parse().unwrap(),
        }),
        tax2: None,
        compounded: false,
    }
}

fn desired() -> DesiredInvoice {
    DesiredInvoice {
        number: "BC-250".into(),
        create_date: "2026-06-29".into(),
        due_offset_days: 14,
        fields: BTreeMap::from([("notes".to_owned(), "Thank you".to_owned())]),
        lines: vec![line("Mug", "10.10")],
        expected_total: money(2160),
        expected_tax: money(160),
        rounding_bound_minor: 1,
    }
}

fn payment() -> DesiredPayment {
    DesiredPayment {
        key: "txn:4711".into(),
        amount: money(330_000),
        date: "2026-06-29".into(),
        kind: "VISA".into(),
        note: "txn:4711".into(),
    }
}

#[tokio::test]
async fn clients_are_checked_again_because_a_filter_may_be_ignored() {
    let stub = Stub::start(|_| {
        list("clients", vec![
            json!({"id": 1, "email": "Ann@Example.com", "vis_state": 0, "p_city": "Town", "note": null}),
            json!({"id": "2", "email": "ann@example.com", "vis_state": 2}),
            json!({"id": 3, "email": "ann@example.com.au", "vis_state": 0}),
            json!({"id": 4, "email": "ann@example.com", "vis_state": 1}),
        ])
    })
    .await;
    let found = client(&stub)
        .find_clients_by_email(" ann@example.com ")
        .await
        .unwrap();
    assert_eq!(
        found.iter().map(|client| client.id).collect::<Vec<_>>(),
        [1, 2]
    );
    assert_eq!(
        (
            found[0].fields["p_city"].as_str(),
            found[0].fields["note"].as_str()
        ),
        ("Town", "")
    );
    assert!(!format!("{found:?}").to_lowercase().contains("ann@"));
    let asked = &stub.asked()[0];
    assert_eq!(asked.path, "/accounting/account/AbC12/users/clients");
    assert_eq!(
        asked.param("search[email]").as_deref(),
        Some("ann@example.com")
    );
    assert_eq!(asked.param("per_page").as_deref(), Some("100"));
    assert_eq!(asked.headers["authorization"], "Bearer old-token");
}

#[tokio::test]
async fn a_search_that_meets_its_bound_is_an_error_and_not_an_absence() {
    let stub = Stub::start(|asked| {
        let page: u64 = asked.param("page").unwrap().parse().unwrap();
        let rows: Vec<Value> = (0..100).map(|row| json!({"id": row, "email": "else@example.com"})).collect();
        json(json!({"response": {"result": {"clients": rows, "page": page, "pages": 900, "total": 90_000}}}))
    })
    .await;
    let error = client(&stub)
        .find_clients_by_email("ann@example.com")
        .await
        .unwrap_err();
    assert_eq!(error.class(), "unreadable");
    assert_eq!(stub.asked().len(), 50);
}

#[tokio::test]
async fn names_and_companies_are_compared_whole() {
    let stub = Stub::start(|_| {
        list(
            "clients",
            vec![
                json!({"id": 1, "organization": "ACME", "fname": "Ann", "lname": "Lee"}),
                json!({"id": 2, "organization": "Acme Tools", "fname": "Ann", "lname": "Leeds"}),
            ],
        )
    })
    .await;
    let client = client(&stub);
    let by_company = client.find_clients_by_organization("acme").await.unwrap();
    let by_name = client.find_clients_by_name("ann", "LEE").await.unwrap();
    assert_eq!((by_company.len(), by_company[0].id), (1, 1));
    assert_eq!((by_name.len(), by_name[0].id), (1, 1));
}

#[tokio::test]
async fn a_created_client_carries_only_plain_fields() {
    let stub =
        Stub::start(|_| single("client", json!({"id": 9, "email": "ann@example.com"}))).await;
    let client = client(&stub);
    let fields = BTreeMap::from([("fname".to_owned(), "Zoë".to_owned())]);
    assert_eq!(client.create_client(&fields).await.unwrap().id, 9);
    assert_eq!(stub.asked()[0].json(), json!({"client": {"fname": "Zoë"}}));
    let mixed = BTreeMap::from([("vis_state".to_owned(), "1".to_owned())]);
    let error = client.update_client(9, &mixed).await.unwrap_err();
    assert_eq!(error.class(), "unsendable");
    assert_eq!(stub.asked().len(), 1);
}

#[tokio::test]
async fn an_invoice_is_written_exactly_and_read_back() {
    let stub = Stub::start(|_| single("invoice", invoice(5, "BC-250", "draft"))).await;
    let correction = InvoiceLine {
        kind: LineKind::Rounding,
        tax1: None,
        quantity: Decimal::ONE,
        ..line("Rounding", "-0.01")
    };
    let made = client(&stub)
        .create_invoice(7, &desired(), Some(&correction))
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
            "lines": [
                {"type": 0, "name": "Mug", "description": "", "qty": "2",
                 "unit_cost": {"amount": "10.10", "code": "USD"}, "taxName1": "Tax", "taxAmount1": "8.25"},
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
    client
        .update_invoice(5, None, &desired(), None)
        .await
        .unwrap();
    let asked = stub.asked();
    assert!(asked.iter().all(|asked| asked.method == Method::PUT));
    assert_eq!(
        asked[0].json(),
        json!({"invoice": {"action_mark_as_sent": true}})
    );
    assert_eq!(asked[1].json(), json!({"invoice": {"vis_state": 1}}));
    let update = &asked[2].json()["invoice"];
    assert!(update.get("vis_state").is_none() && update.get("invoice_number").is_none());
    assert_eq!(
        asked[2].path,
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
            .update_invoice(5, None, &with_field(name), None)
            .await
            .unwrap_err();
        assert_eq!(error.class(), "unsendable", "{name}");
    }
    let long = DesiredInvoice {
        number: "B".repeat(21),
        ..desired()
    };
    assert_eq!(
        client
            .create_invoice(7, &long, None)
            .await
            .unwrap_err()
            .class(),
        "unsendable"
    );
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

#[tokio::test]
async fn a_401_is_refreshed_once_and_the_write_tried_again() {
    let stub = Stub::start(
        |asked| match asked.headers["authorization"].to_str().unwrap() {
            "Bearer new-token" => single("invoice", invoice(5, "BC-250", "draft")),
            _ => status(
                401,
                r#"{"error":"unauthenticated","error_description":"x"}"#,
            ),
        },
    )
    .await;
    assert!(
        client(&stub)
            .create_invoice(7, &desired(), None)
            .await
            .is_ok()
    );
    assert_eq!(stub.asked().len(), 2);
    let still = client_with(&stub, Ok("another-token"));
    assert_eq!(still.get_invoice(5).await, Err(VendorError::Unauthorized));
    assert_eq!(stub.asked().len(), 4);
}

#[tokio::test]
async fn a_refresh_whose_outcome_is_unknown_leaves_no_write_in_doubt() {
    let stub = Stub::start(|_| status(401, "{}")).await;
    let lost = VendorError::UnknownOutcome {
        cause: connect::Transient::Timeout,
    };
    let error = client_with(&stub, Err(TokenError::Vendor(lost)))
        .create_invoice(7, &desired(), None)
        .await
        .unwrap_err();
    assert!(
        !error.is_outcome_unknown() && error.is_retryable(),
        "{error:?}"
    );
    let revoked = client_with(&stub, Err(TokenError::Vendor(VendorError::GrantRevoked)));
    assert_eq!(revoked.get_invoice(5).await, Err(VendorError::GrantRevoked));
}

#[tokio::test]
async fn a_lost_reply_to_a_create_is_an_unknown_outcome() {
    let class = async |status: u16, answered: fn() -> Answered| {
        let stub = Stub::start(move |_| Answer {
            status,
            headers: vec![],
            body: answered(),
        })
        .await;
        let mut config = config(&stub);
        config.http.request_timeout = Duration::from_millis(300);
        let tokens = Tokens {
            current: Mutex::new("t".into()),
            refreshed: Ok("t"),
        };
        let client = Client::new(config, Arc::new(tokens), Arc::new(Watch::default())).unwrap();
        client
            .create_payment(5, &payment())
            .await
            .unwrap_err()
            .class()
    };
    assert_eq!(class(200, || Answered::Truncated).await, "unknown_outcome");
    assert_eq!(class(200, || Answered::Never).await, "unknown_outcome");
    assert_eq!(
        class(502, || Answered::Text("bad gateway".into())).await,
        "unknown_outcome"
    );
    assert_eq!(
        class(200, || Answered::Text("{}".into())).await,
        "unknown_outcome"
    );
    assert_eq!(class(422, || Answered::Truncated).await, "rejected");
}

#[tokio::test]
async fn creates_have_a_window_of_their_own() {
    let stub = Stub::start(|asked| {
        let left = if asked.method == Method::POST { 0 } else { 599 };
        single("invoice", invoice(5, "BC-250", "draft"))
            .with("X-RateLimit-Limit", if left == 0 { 250 } else { 600 })
            .with("X-RateLimit-Remaining", left)
            .with("Retry-After", 40)
    })
    .await;
    let client = client(&stub);
    let clone = client.clone();
    client.create_invoice(7, &desired(), None).await.unwrap();
    let refused = clone.create_invoice(7, &desired(), None).await.unwrap_err();
    assert!(refused.retry_after().unwrap() > Duration::from_secs(30));
    assert!(clone.get_invoice(5).await.is_ok(), "reads go on");
    assert_eq!(stub.asked().len(), 2);
    assert_eq!(client.limits_left().creates.map(|(left, _)| left), Some(0));
}

#[tokio::test]
async fn a_refresh_sends_a_form_and_returns_the_pair() {
    let stub = Stub::start(|_| {
        json(json!({"access_token": "jwt-1", "token_type": "Bearer", "expires_in": 43200,
            "created_at": 1, "refresh_token": "ref-2", "scope": "user:profile:read", "direct_buy_tokens": {}}))
    })
    .await;
    let config = config(&stub);
    let endpoint = oauth::Endpoint::new(&config, Arc::new(Watch::default())).unwrap();
    let pair = oauth::refresh(&endpoint, &config, &"ref-1".into())
        .await
        .unwrap();
    assert_eq!(pair.access_token.expose_secret(), "jwt-1");
    assert_eq!(pair.refresh_token.expose_secret(), "ref-2");
    let now_s = jiff::Timestamp::now().as_second();
    assert!(
        pair.expires_at_s > now_s + 43_000,
        "an old created_at is not believed"
    );
    let asked = &stub.asked()[0];
    assert_eq!(asked.line(), "POST /auth/oauth/token");
    assert_eq!(
        String::from_utf8_lossy(&asked.body),
        "client_id=app-id&client_secret=app-secret&grant_type=refresh_token\
         &redirect_uri=https%3A%2F%2Ftillbook.example%2Fback&refresh_token=ref-1"
    );
    let shown = format!("{pair:?} {config:?} {endpoint:?}");
    for secret in ["jwt-1", "ref-2", "app-secret"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[tokio::test]
async fn a_spent_refresh_token_and_a_wrong_app_are_told_apart() {
    let refreshed = async |code: u16, body: &'static str| {
        let stub = Stub::start(move |_| status(code, body)).await;
        let config = config(&stub);
        let endpoint = oauth::Endpoint::new(&config, Arc::new(Watch::default())).unwrap();
        oauth::refresh(&endpoint, &config, &"ref-1".into())
            .await
            .unwrap_err()
    };
    let spent = refreshed(400, r#"{"error":"invalid_grant","error_description":"x"}"#).await;
    assert_eq!(spent, VendorError::GrantRevoked);
    assert_eq!(
        refreshed(401, r#"{"error":"invalid_client"}"#).await,
        VendorError::Unauthorized
    );
    assert!(refreshed(500, "").await.is_outcome_unknown());
    assert!(refreshed(200, "{}").await.is_outcome_unknown());
}

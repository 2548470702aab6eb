//! The account of these tests: its tokens, its records, and what Tillbook wants in it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use connect::freshbooks::{BoxFuture, Client, Config, TokenError, TokenSource};
use domain::books::{DesiredInvoice, DesiredPayment, InvoiceLine, LineKind, LineTax};
use domain::money::{Currency, Money};
use rust_decimal::Decimal;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::common::{Answer, Stub, Watch, json};

/// Tokens of a test: the current one, and what a refresh gives.
pub(crate) struct Tokens {
    pub(crate) current: Mutex<String>,
    pub(crate) refreshed: Result<&'static str, TokenError>,
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

pub(crate) fn config(stub: &Stub) -> Config {
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

pub(crate) fn client_with(stub: &Stub, refreshed: Result<&'static str, TokenError>) -> Client {
    let tokens = Tokens {
        current: Mutex::new("old-token".into()),
        refreshed,
    };
    Client::new(config(stub), Arc::new(tokens), Arc::new(Watch::default())).unwrap()
}

pub(crate) fn client(stub: &Stub) -> Client {
    client_with(stub, Ok("new-token"))
}

pub(crate) fn usd() -> Currency {
    Currency::from_code("USD").unwrap()
}

pub(crate) fn money(amount_minor: i64) -> Money {
    Money {
        amount_minor,
        currency: usd(),
    }
}

pub(crate) fn single(name: &str, record: Value) -> Answer {
    json(json!({"response": {"result": {name: record}}}))
}

pub(crate) fn list(name: &str, rows: Vec<Value>) -> Answer {
    let total = rows.len();
    let pages = usize::from(total > 0);
    json(
        json!({"response": {"result": {name: rows, "page": 1, "pages": pages, "per_page": 100, "total": total}}}),
    )
}

pub(crate) fn invoice(id: u64, number: &str, v3_status: &str) -> Value {
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

pub(crate) fn line(name: &str, unit_cost: &str) -> InvoiceLine {
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
        rebills: None,
    }
}

pub(crate) fn desired() -> DesiredInvoice {
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

pub(crate) fn payment() -> DesiredPayment {
    DesiredPayment {
        key: "txn:4711".into(),
        amount: money(330_000),
        captured: money(330_000),
        date: "2026-06-29".into(),
        kind: "VISA".into(),
        note: "txn:4711".into(),
    }
}

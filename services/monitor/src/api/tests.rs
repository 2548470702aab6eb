use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use contracts::books::OutcomeKind;
use contracts::dead_letter::DeadLetterKind;
use contracts::journal::JournalKind;
use contracts::topology::Stream;
use runtime::admin::Readiness;
use runtime::shutdown::CancellationToken;
use secrecy::SecretString;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{Api, Authority, PREFIX, document_json, router, routes};
use crate::database;
use crate::fixtures::{Journey, journal, outcome};
use crate::holds::Holds;
use crate::projection::{Content, Record, Status, apply};
use crate::proofs::Proofs;
use crate::views::Reading;

mod refusals;

/// A router over a database with three orders: in the books, held, under way.
struct House {
    router: Router,
    reading: Reading,
    _folder: tempfile::TempDir,
}

const TOKEN: &str = "a-token-of-some-length";

impl House {
    fn new() -> Self {
        Self::guarded_by(Authority::Loopback)
    }

    fn guarded_by(authority: Authority) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("monitor.db");
        let mut database = database::open(&path).unwrap();
        let mut put =
            |stream, record: Record| apply(&mut database, stream, "t0", &[record]).unwrap();

        let mut booked = Journey::new("acme", 1001);
        put(Stream::Journal, journal(1, booked.up_to_lookup()));
        put(Stream::Journal, journal(2, booked.delivery()));
        put(Stream::Outcomes, outcome(1, &booked, OutcomeKind::Written));
        let mut held = Journey::new("acme", 1002);
        put(Stream::Journal, journal(3, held.up_to_lookup()));
        let (letter, entry) = held.death("deliver", DeadLetterKind::Held);
        put(Stream::Journal, journal(4, vec![entry]));
        put(
            Stream::DeadLetters,
            Record {
                sequence: 1,
                content: Content::DeadLetter(Box::new(letter)),
            },
        );
        let mut waiting = Journey::new("bolt", 1003);
        put(Stream::Journal, journal(5, waiting.up_to_lookup()));
        let retry = waiting.entry(
            "deliver",
            JournalKind::RetryScheduled,
            &[("reason", "http_503")],
        );
        let mut hold = waiting.entry("deliver", JournalKind::ConnectionHeld, &[]);
        hold.detail = "FreshBooks refused the grant; connect it again".to_owned();
        put(Stream::Journal, journal(6, vec![retry, hold]));

        let status = Status::new(Readiness::new().component("monitor"));
        let holds = Holds::default();
        let reading = Reading::new(path);
        let api = Api {
            reading: reading.clone(),
            status,
            holds,
            authority,
            proofs: no_vendors(),
        };
        Self {
            router: router(api),
            reading,
            _folder: folder,
        }
    }

    async fn send(&self, request: Request<Body>) -> (StatusCode, String, Value) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let media_type = response.headers().get(header::CONTENT_TYPE);
        let media_type = media_type
            .map_or("", |value| value.to_str().unwrap())
            .to_owned();
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20)
            .await
            .unwrap();
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        (status, media_type, body)
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        let request = Request::get(path).header(header::HOST, "localhost:9090");
        let (status, _, body) = self.send(request.body(Body::empty()).unwrap()).await;
        (status, body)
    }

    async fn answer(&self, path: &str) -> Value {
        let (status, body) = self.get(path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }

    async fn problem(&self, path: &str) -> (u16, String) {
        let (status, body) = self.get(path).await;
        assert!(
            body["detail"]
                .as_str()
                .is_some_and(|detail| !detail.is_empty()),
            "{path}: {body}"
        );
        assert_eq!(body["status"], status.as_u16());
        (status.as_u16(), body["code"].as_str().unwrap().to_owned())
    }
}

/// Proofs of a monitor that was started without the vendors.
fn no_vendors() -> Proofs {
    let nowhere = std::path::PathBuf::new();
    Proofs::new(BTreeMap::new(), nowhere, CancellationToken::new(), None)
}

fn ids(page: &Value) -> Vec<&str> {
    page["orders"]
        .as_array()
        .unwrap()
        .iter()
        .map(|o| o["order_id"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn orders_are_listed_newest_first_with_state_invoice_and_total() {
    let house = House::new();
    let page = house.answer("/api/v1/orders").await;
    assert_eq!(ids(&page), ["1003", "1002", "1001"]);
    let booked = &page["orders"][2];
    assert_eq!(booked["state"], "in_books");
    assert_eq!(booked["invoice_number"], "BC-1001");
    assert_eq!(
        booked["total"],
        json!({"amount_minor": 12345, "currency": "USD"})
    );
    assert_eq!(booked["open_since_ms"], Value::Null);
    assert!(page["orders"][0]["open_since_ms"].is_i64());
    assert_eq!(page["next_cursor"], Value::Null);
}

#[tokio::test]
async fn filters_narrow_the_orders() {
    let house = House::new();
    for (query, expected) in [
        ("connection=acme", vec!["1002", "1001"]),
        ("state=held", vec!["1002"]),
        ("state=waiting&connection=acme", vec![]),
        ("q=100", vec!["1003", "1002", "1001"]),
        ("q=bc-1001", vec!["1001"]),
        ("q=1003", vec!["1003"]),
        ("q=%25", vec![]),
    ] {
        let page = house.answer(&format!("/api/v1/orders?{query}")).await;
        assert_eq!(ids(&page), expected, "{query}");
    }
}

#[tokio::test]
async fn a_cursor_leads_through_every_order_once() {
    let house = House::new();
    let mut seen = Vec::new();
    let mut path = "/api/v1/orders?limit=1".to_owned();
    loop {
        let page = house.answer(&path).await;
        seen.extend(ids(&page).into_iter().map(str::to_owned));
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/api/v1/orders?limit=1&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen, ["1003", "1002", "1001"]);
}

#[tokio::test]
async fn the_story_tells_hook_snapshot_stages_calls_ledger_outcome_and_trace() {
    let house = House::new();
    let story = house.answer("/api/v1/orders/acme/1001").await;
    assert_eq!(story["hooks"].as_array().unwrap().len(), 1);
    assert_eq!(story["snapshots"][0]["attributes"]["total_minor"], "12345");
    let stages = story["stages"].as_array().unwrap();
    let names: Vec<_> = stages
        .iter()
        .map(|stage| stage["stage"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["fetch", "validate", "transform", "lookup", "deliver"]
    );
    assert!(stages.iter().all(|stage| stage["result"] == "passed"));
    assert!(
        stages
            .iter()
            .all(|stage| stage["duration_us"] == 1500 && stage["attempts"] == 1)
    );
    let calls = story["vendor_calls"].as_array().unwrap();
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[1]["method"], "POST");
    assert_eq!(
        calls[1]["path_template"],
        "/accounting/account/{id}/invoices/invoices"
    );
    assert_eq!(
        (&calls[1]["status"], &calls[1]["duration_us"]),
        (&json!(200), &json!(1500))
    );
    assert_eq!(story["ledger_writes"].as_array().unwrap().len(), 2);
    let outcome = &story["outcomes"][0];
    assert_eq!(
        (&outcome["kind"], &outcome["payment_ids"]),
        (&json!("written"), &json!([91, 92]))
    );
    assert_eq!(story["trace_ids"], json!([format!("{:032x}", 1001)]));
    assert_eq!(story["order"]["trace_id"], story["trace_ids"][0]);
    assert_eq!(story["truncated"], false);
}

#[tokio::test]
async fn the_story_of_a_held_order_tells_every_reason() {
    let house = House::new();
    let story = house.answer("/api/v1/orders/acme/1002").await;
    let letter = &story["dead_letters"][0];
    let codes: Vec<_> = letter["reasons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|reason| &reason["code"])
        .collect();
    assert_eq!(codes, ["missing_customer", "unknown_currency"]);
    assert_eq!(letter["kind"], "held");
    let last = story["stages"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&last["stage"], &last["result"]),
        (&json!("deliver"), &json!("dead_lettered"))
    );
}

#[tokio::test]
async fn dead_letters_are_listed_counted_and_shown_without_their_bytes() {
    let house = House::new();
    let page = house.answer("/api/v1/dead-letters").await;
    let expected = json!([
        {"code": "missing_customer", "dead_letters": 1},
        {"code": "unknown_currency", "dead_letters": 1},
    ]);
    assert_eq!(page["by_code"], expected);
    let letter = &page["dead_letters"][0];
    assert_eq!(
        (&letter["payload_bytes"], &letter["original_sequence"]),
        (&json!(16), &json!(17))
    );
    let id = letter["dead_letter_id"].as_str().unwrap();
    let one = house.answer(&format!("/api/v1/dead-letters/{id}")).await;
    assert_eq!(&one, letter);
    assert!(!one.to_string().contains("jane@example.com"));

    for (query, expected) in [
        ("kind=held", 1),
        ("kind=rejected", 0),
        ("code=unknown_currency", 1),
        ("code=other", 0),
        ("connection=acme&stage=deliver&entity_id=1002", 1),
        ("connection=bolt", 0),
        ("replayed=false", 1),
        ("replayed=true", 0),
    ] {
        let page = house.answer(&format!("/api/v1/dead-letters?{query}")).await;
        assert_eq!(
            page["dead_letters"].as_array().unwrap().len(),
            expected,
            "{query}"
        );
    }
}

#[tokio::test]
async fn connections_tell_holds_activity_and_stuck_money() {
    let house = House::new();
    let answer = house.answer("/api/v1/connections").await;
    let (acme, bolt) = (&answer["connections"][0], &answer["connections"][1]);
    assert_eq!(
        (&acme["connection"], &acme["held"]),
        (&json!("acme"), &json!(false))
    );
    assert_eq!(acme["orders"], json!({"held": 1, "in_books": 1}));
    assert_eq!(
        acme["stuck"],
        json!([{"amount_minor": 12345, "currency": "USD"}])
    );
    assert!(acme["last_hook_ms"].is_i64() && acme["last_delivery_ms"].is_i64());
    assert_eq!(bolt["held"], true);
    assert_eq!(
        bolt["held_reason"],
        "FreshBooks refused the grant; connect it again"
    );
    assert_eq!(bolt["last_delivery_ms"], Value::Null);
}

#[tokio::test]
async fn the_summary_counts_everything_once() {
    let summary = House::new().answer("/api/v1/summary").await;
    assert_eq!(
        summary["orders"],
        json!({"held": 1, "in_books": 1, "waiting": 1})
    );
    assert_eq!(summary["dead_letters"], json!({"held": 1}));
    assert_eq!(
        (&summary["connections"], &summary["connections_held"]),
        (&json!(2), &json!(1))
    );
    assert!(summary["oldest_unfinished_since_ms"].is_i64());
    assert_eq!(summary["streams"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn with_a_token_set_only_its_holder_reads() {
    let house = House::guarded_by(Authority::Token(Arc::new(SecretString::from(TOKEN))));
    let with = |value: Option<String>| {
        let mut request = Request::get("/api/v1/orders").header(header::HOST, "tillbook.example");
        if let Some(value) = value {
            request = request.header(header::AUTHORIZATION, value);
        }
        request.body(Body::empty()).unwrap()
    };
    for wrong in [
        None,
        Some("Bearer nonsense".to_owned()),
        Some(format!("Basic {TOKEN}")),
    ] {
        let (status, _, body) = house.send(with(wrong)).await;
        assert_eq!(
            (status.as_u16(), body["code"].as_str()),
            (401, Some("no_authority"))
        );
        assert!(!body.to_string().contains(TOKEN));
    }
    for right in [format!("Bearer {TOKEN}"), format!("bearer {TOKEN}")] {
        assert_eq!(house.send(with(Some(right))).await.0, StatusCode::OK);
    }
}

#[tokio::test]
async fn without_a_token_every_path_with_data_refuses_a_foreign_name() {
    let house = House::new();
    for (path, _) in routes() {
        let path = format!("{PREFIX}{}", path.replace(['{', '}'], ""));
        let request = Request::get(&path).header(header::HOST, "evil.example");
        let (status, _, body) = house.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(
            (status.as_u16(), body["code"].as_str()),
            (403, Some("foreign_host")),
            "{path}"
        );
    }
    for host in ["localhost", "127.0.0.1:9090", "[::1]:9090", "127.8.0.1"] {
        let request = Request::get("/api/v1/summary").header(header::HOST, host);
        assert_eq!(
            house.send(request.body(Body::empty()).unwrap()).await.0,
            StatusCode::OK,
            "{host}"
        );
    }
}

#[tokio::test]
async fn the_page_needs_nothing_from_elsewhere() {
    let house = House::new();
    let request = Request::get("/")
        .header(header::HOST, "localhost")
        .body(Body::empty())
        .unwrap();
    let (status, media_type, page) = house.send(request).await;
    assert_eq!(status, StatusCode::OK);
    assert!(media_type.starts_with("text/html"));
    let page = page.as_str().unwrap();
    assert!(
        !page.contains("http://") && !page.contains("https://"),
        "an external asset"
    );
    assert!(page.contains("console comes later"));
}

#[tokio::test]
async fn the_document_names_exactly_the_paths_of_the_router() {
    let document: Value = serde_json::from_str(&document_json().unwrap()).unwrap();
    let described: BTreeSet<String> = document["paths"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    let routed: BTreeSet<String> = routes()
        .into_iter()
        .map(|(path, _)| format!("{PREFIX}{path}"))
        .collect();
    assert_eq!(described, routed);

    let house = House::new();
    assert_eq!(house.answer("/openapi.json").await, document);
    for (path, operations) in document["paths"].as_object().unwrap() {
        let known = path
            .replace("{connection}/{order_id}", "acme/1001")
            .replace("/{dead_letter_id}", "");
        for method in operations.as_object().unwrap().keys() {
            let request = Request::builder()
                .method(method.to_uppercase().as_str())
                .uri(&known);
            let request = request
                .header(header::HOST, "localhost")
                .body(Body::empty())
                .unwrap();
            // A proof needs a body to be started, and none was.
            let expected = match (method.as_str(), path.contains("/proofs")) {
                (_, false) => StatusCode::OK,
                ("post", true) => StatusCode::BAD_REQUEST,
                (_, true) => StatusCode::NOT_FOUND,
            };
            assert_eq!(house.send(request).await.0, expected, "{method} {path}");
        }
    }
}

/// `UPDATE=1 cargo test -p monitor` writes the file anew.
#[test]
fn the_committed_document_is_the_generated_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let generated = document_json().unwrap();
    if std::env::var("UPDATE").is_ok_and(|value| value == "1") {
        std::fs::write(&path, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == generated,
        "docs/openapi.json is stale; write it anew with UPDATE=1 cargo test -p monitor"
    );
}

#[tokio::test(start_paused = true)]
async fn more_questions_than_can_be_answered_are_told_so() {
    let house = House::new();
    let all = house.reading.occupy().await;
    assert_eq!(
        house.problem("/api/v1/summary").await,
        (503, "busy".to_owned())
    );
    drop(all);
    house.answer("/api/v1/summary").await;
}

//! From a vendor's reply to the exit of the message: the whole table.
//!
//! Each row is one reply of the facts pages, answered by a hand-written server to the real client.
#![allow(
    clippy::unwrap_used,
    reason = "also in helpers, which clippy does not count as tests"
)]

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{Response, StatusCode};
use connect::freshbooks::{self, BoxFuture, TokenError, TokenSource};
use connect::{NoObserver, VendorError, bigcommerce};
use secrecy::SecretString;
use stage::Failure;
use stage::vendor::{Remedy, failure, remedy};
use url::Url;

/// A reply: status, headers, body.
type Reply = (u16, &'static [(&'static str, &'static str)], &'static str);

async fn serve((status, headers, body): Reply) -> Url {
    let answer = move || async move {
        let mut response = Response::builder().status(StatusCode::from_u16(status).unwrap());
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        response.body(axum::body::Body::from(body)).unwrap()
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().fallback(answer);
    tokio::spawn(async move { axum::serve(listener, app).await });
    Url::parse(&url).unwrap()
}

struct Tokens;

impl TokenSource for Tokens {
    fn access_token(&self) -> BoxFuture<'_, Result<SecretString, TokenError>> {
        Box::pin(async { Ok(SecretString::from("token")) })
    }

    fn refresh<'a>(
        &'a self,
        _rejected: &'a SecretString,
    ) -> BoxFuture<'a, Result<SecretString, TokenError>> {
        Box::pin(async { Ok(SecretString::from("token")) })
    }
}

fn account(url: Url) -> freshbooks::Client {
    let config = freshbooks::Config::new(
        url.clone(),
        url.clone(),
        "AbC12".into(),
        "app".into(),
        "hush".into(),
        url,
    );
    freshbooks::Client::new(config, Arc::new(Tokens), Arc::new(NoObserver)).unwrap()
}

async fn read(reply: Reply) -> VendorError {
    let url = serve(reply).await;
    account(url).get_invoice(5).await.unwrap_err()
}

async fn write(reply: Reply) -> VendorError {
    let url = serve(reply).await;
    account(url).mark_sent(5).await.unwrap_err()
}

async fn order(reply: Reply) -> VendorError {
    let url = serve(reply).await;
    let config = bigcommerce::Config::new(url, "abc123".into(), "token".into());
    let store = bigcommerce::Client::new(config, Arc::new(NoObserver)).unwrap();
    let fetched = store.fetch_order(100, bigcommerce::FetchHints::default());
    fetched.await.unwrap_err()
}

fn exit(error: &VendorError) -> &'static str {
    failure("calling", error).class()
}

fn check(what: &str, error: &VendorError, wanted: Remedy) {
    assert_eq!(remedy(error), wanted, "{what}: {error}");
    let exits: &[&str] = match wanted {
        Remedy::After(_) => &["wait"],
        Remedy::Now | Remedy::Later | Remedy::LookUp => &["retry"],
        Remedy::HoldConnection => &["blocked"],
        Remedy::HoldMessage => &["held"],
        Remedy::Resolve | Remedy::Never => &["rejected"],
    };
    assert!(exits.contains(&exit(error)), "{what}: {}", exit(error));
}

/// An accounting error in the old shape.
macro_rules! errno {
    ($errno:literal) => {
        concat!(
            r#"{"response":{"errors":[{"errno":"#,
            $errno,
            r#","field":"userid","message":"x","object":"client","value":"1"}]}}"#
        )
    };
}

const SECONDS: fn(u64) -> Remedy = |seconds| Remedy::After(Duration::from_secs(seconds));

#[tokio::test]
async fn what_freshbooks_answers_to_a_write() {
    let rows: &[(&str, Reply, Remedy)] = &[
        ("400", (400, &[], errno!(1005)), Remedy::Never),
        (
            "bad token after a refresh",
            (
                401,
                &[],
                r#"{"error":"unauthenticated","error_description":"x"}"#,
            ),
            Remedy::HoldConnection,
        ),
        (
            "revoked grant",
            (
                400,
                &[],
                r#"{"error":"invalid_grant","error_description":"x"}"#,
            ),
            Remedy::HoldConnection,
        ),
        ("plan limit", (402, &[], errno!(7005)), Remedy::HoldMessage),
        (
            "plan limit under 200",
            (200, &[], errno!(7005)),
            Remedy::HoldMessage,
        ),
        (
            "access denied",
            (403, &[], errno!(1003)),
            Remedy::HoldMessage,
        ),
        (
            "access denied without a word",
            (403, &[], ""),
            Remedy::HoldMessage,
        ),
        (
            "due date is read-only",
            (403, &[], errno!(1038)),
            Remedy::Never,
        ),
        (
            "inactive account",
            (403, &[], errno!(1042)),
            Remedy::HoldConnection,
        ),
        (
            "inactive account under 200",
            (200, &[], errno!(1042)),
            Remedy::HoldConnection,
        ),
        ("client vanished", (404, &[], errno!(1012)), Remedy::Resolve),
        (
            "client vanished under 200",
            (200, &[], errno!(1012)),
            Remedy::Resolve,
        ),
        ("client deleted", (422, &[], errno!(1011)), Remedy::Resolve),
        ("conflict by status", (409, &[], ""), Remedy::Now),
        ("conflict by number", (200, &[], errno!(409)), Remedy::Now),
        ("required field", (422, &[], errno!(1001)), Remedy::Never),
        ("invalid value", (422, &[], errno!(1004)), Remedy::Never),
        ("too long", (422, &[], errno!(1017)), Remedy::Never),
        ("invalid character", (422, &[], errno!(1027)), Remedy::Never),
        ("unicode", (422, &[], errno!(1036)), Remedy::Never),
        ("invalid total", (422, &[], errno!(1040)), Remedy::Never),
        (
            "status not settable",
            (422, &[], errno!(8008)),
            Remedy::Never,
        ),
        (
            "no access to items, under 200",
            (200, &[], errno!(12001)),
            Remedy::Never,
        ),
        (
            "a number nobody recorded",
            (422, &[], errno!(16003)),
            Remedy::Never,
        ),
        (
            "their storage failed",
            (422, &[], errno!(500)),
            Remedy::LookUp,
        ),
        ("500", (500, &[], ""), Remedy::LookUp),
        ("503", (503, &[], ""), Remedy::LookUp),
        ("408", (408, &[], ""), Remedy::LookUp),
        ("200 that is no JSON", (200, &[], "<html>"), Remedy::LookUp),
        (
            "200 without the record",
            (200, &[], r#"{"response":{"result":{}}}"#),
            Remedy::LookUp,
        ),
        (
            "429 with Retry-After",
            (
                429,
                &[("Retry-After", "7"), ("X-RateLimit-Remaining", "0")],
                "",
            ),
            SECONDS(7),
        ),
        ("429 without a time", (429, &[], ""), SECONDS(5)),
        (
            "the new shape",
            (
                404,
                &[],
                r#"{"code":5,"message":"x","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"1012","metadata":{"field":"userid","message":"x"}}]}"#,
            ),
            Remedy::Resolve,
        ),
        (
            "the new shape under 200",
            (
                200,
                &[],
                r#"{"code":5,"message":"x","details":[{"reason":"1042","metadata":{"message":"x"}}]}"#,
            ),
            Remedy::HoldConnection,
        ),
    ];
    for (what, reply, wanted) in rows {
        check(what, &write(*reply).await, *wanted);
    }
}

#[tokio::test]
async fn what_freshbooks_answers_to_a_read() {
    let rows: &[(&str, Reply, Remedy)] = &[
        ("500", (500, &[], ""), Remedy::Later),
        ("502", (502, &[], "bad gateway"), Remedy::Later),
        ("499", (499, &[], ""), Remedy::Later),
        ("200 that is no JSON", (200, &[], "<html>"), Remedy::Later),
        (
            "their storage failed",
            (200, &[], errno!(500)),
            Remedy::Later,
        ),
        ("vanished", (404, &[], errno!(1012)), Remedy::Resolve),
        ("filter error", (422, &[], errno!(1023)), Remedy::Never),
        ("429", (429, &[("Retry-After", "3")], ""), SECONDS(3)),
    ];
    for (what, reply, wanted) in rows {
        check(what, &read(*reply).await, *wanted);
    }
}

#[tokio::test]
async fn what_bigcommerce_answers() {
    let rows: &[(&str, Reply, Remedy)] = &[
        (
            "400",
            (400, &[], r#"[{"status":404,"message":"x"}]"#),
            Remedy::Never,
        ),
        ("401", (401, &[], ""), Remedy::HoldConnection),
        (
            "a scope is missing",
            (403, &[], r#"{"status":403,"title":"x"}"#),
            Remedy::HoldMessage,
        ),
        ("409", (409, &[], ""), Remedy::Now),
        ("limit too high", (413, &[], ""), Remedy::Never),
        (
            "422",
            (422, &[], r#"{"status":422,"title":"x","errors":{"a":"b"}}"#),
            Remedy::Never,
        ),
        ("locked", (423, &[], ""), Remedy::Later),
        (
            "429 with reset",
            (
                429,
                &[
                    ("X-Rate-Limit-Time-Reset-Ms", "9000"),
                    ("X-Retry-After", "4"),
                ],
                "",
            ),
            SECONDS(9),
        ),
        (
            "429 with X-Retry-After",
            (429, &[("X-Retry-After", "4")], ""),
            SECONDS(4),
        ),
        ("429 of an overloaded platform", (429, &[], ""), SECONDS(5)),
        ("500", (500, &[], ""), Remedy::Later),
        ("store down", (503, &[], ""), Remedy::Later),
        ("504", (504, &[], ""), Remedy::Later),
        ("507", (507, &[], ""), Remedy::Later),
        ("200 that is no JSON", (200, &[], "<html>"), Remedy::Later),
        (
            "http is moved",
            (301, &[("Location", "https://x")], ""),
            Remedy::Never,
        ),
    ];
    for (what, reply, wanted) in rows {
        check(what, &order(*reply).await, *wanted);
    }
}

#[tokio::test]
async fn a_vendor_that_is_not_there_is_waited_for() {
    let url = Url::parse("http://127.0.0.1:1").unwrap();
    let account = account(url);
    let error = account.mark_sent(5).await.unwrap_err();
    check(
        "no connection, so nothing was written",
        &error,
        Remedy::Later,
    );
    for _ in 0..20 {
        let _ = account.mark_sent(5).await;
    }
    let open = account.mark_sent(5).await.unwrap_err();
    assert!(matches!(open, VendorError::CircuitOpen { .. }), "{open}");
    assert!(matches!(failure("x", &open), Failure::Wait { .. }));
}

//! The front door: every answer a hook can get, and what each leaves behind.
#![allow(
    clippy::unwrap_used,
    reason = "also in helpers, which clippy does not count as tests"
)]

mod common;

use common::{Bench, Choice, Hook, LIMIT};
use contracts::event::{Entity, Origin};
use contracts::hint::Hint;
use contracts::topology::Stream;
use prost::Message;
use serde_json::json;
use testkit::eventually;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn hints(bench: &Bench) -> Vec<Hint> {
    let stored = bench.stored(Stream::Hints).await.unwrap();
    stored
        .into_iter()
        .map(|bytes| Hint::decode(bytes).unwrap())
        .collect()
}

#[tokio::test]
async fn a_hook_is_answered_200_when_its_hint_is_stored() {
    let bench = Bench::start(Choice::default()).await;
    assert_eq!(bench.send(Hook::of(250)).await, (200, "stored".to_owned()));
    let hints = hints(&bench).await;
    assert_eq!((hints.len(), hints[0].entity_id.as_str()), (1, "250"));
    assert_eq!(
        (hints[0].entity(), hints[0].origin()),
        (Entity::Order, Origin::Hook)
    );
    assert_eq!(hints[0].vendor_created_at_s, 1_786_447_828);
    assert_eq!(bench.hooks_counted("acme", "stored"), 1);
    bench.stop().await;
}

#[tokio::test]
async fn a_scope_that_does_not_concern_the_books_is_answered_200_and_leaves_nothing() {
    let bench = Bench::start(Choice::default()).await;
    let cart = json!({ "scope": "store/cart/created", "data": { "id": "x" } });
    assert_eq!(
        bench.send(Hook::with(&cart)).await,
        (200, "irrelevant".to_owned())
    );
    assert!(hints(&bench).await.is_empty());
    assert_eq!(bench.hooks_counted("acme", "irrelevant"), 1);
    bench.stop().await;
}

#[tokio::test]
async fn an_authentic_body_that_is_no_hook_is_answered_400() {
    let bench = Bench::start(Choice::default()).await;
    for body in [
        "{",
        "{}",
        r#"{"scope":"store/order/created","data":{"id":"1.5"}}"#,
    ] {
        let hook = Hook {
            body: body.to_owned(),
            ..Hook::of(1)
        };
        assert_eq!(
            bench.send(hook).await,
            (400, "broken_envelope".to_owned()),
            "{body}"
        );
    }
    assert_eq!(bench.hooks_counted("acme", "broken_envelope"), 3);
    bench.stop().await;
}

#[tokio::test]
async fn a_hook_that_is_not_believed_is_answered_401_and_leaves_nothing() {
    let bench = Bench::start(Choice::default()).await;
    let forged = [
        Hook {
            client_secret: "another",
            ..Hook::of(1)
        },
        Hook {
            signed_body: Some("another".to_owned()),
            ..Hook::of(1)
        },
        Hook {
            hook_secret: Some("another"),
            ..Hook::of(1)
        },
        Hook {
            hook_secret: None,
            ..Hook::of(1)
        },
        Hook {
            age_s: 301,
            ..Hook::of(1)
        },
    ];
    for (count, hook) in (1..).zip(forged) {
        assert_eq!(
            bench.send(hook.clone()).await,
            (401, "unauthorized".to_owned()),
            "{hook:?}"
        );
        assert_eq!(bench.hooks_counted("acme", "unauthorized"), count);
    }
    assert!(hints(&bench).await.is_empty());
    bench.stop().await;
}

#[tokio::test]
async fn an_unknown_connection_is_answered_404_under_one_label() {
    let bench = Bench::start(Choice::default()).await;
    for connection in ["nobody", "someone"] {
        let hook = Hook {
            connection,
            ..Hook::of(1)
        };
        assert_eq!(
            bench.send(hook).await,
            (404, "unknown_connection".to_owned())
        );
    }
    assert_eq!(bench.hooks_counted("unknown", "unknown_connection"), 2);
    bench.stop().await;
}

#[tokio::test]
async fn a_body_above_the_limit_is_answered_413() {
    let bench = Bench::start(Choice {
        body_limit_bytes: 512,
        ..Choice::default()
    })
    .await;
    let fits = Hook {
        body: format!("{:512}", "{}"),
        ..Hook::of(1)
    };
    assert_eq!(bench.send(fits).await, (400, "broken_envelope".to_owned()));
    let above = Hook {
        body: format!("{:513}", "{}"),
        ..Hook::of(1)
    };
    assert_eq!(bench.send(above).await, (413, "too_large".to_owned()));
    assert_eq!(bench.hooks_counted("acme", "too_large"), 1);
    bench.stop().await;
}

#[tokio::test]
async fn another_content_type_is_answered_415() {
    let bench = Bench::start(Choice::default()).await;
    for content_type in [None, Some("text/plain"), Some("application/jsonx")] {
        let hook = Hook {
            content_type,
            ..Hook::of(1)
        };
        assert_eq!(
            bench.send(hook).await,
            (415, "unsupported_media_type".to_owned())
        );
    }
    let with_charset = Some("Application/JSON; charset=utf-8");
    let hook = Hook {
        content_type: with_charset,
        ..Hook::of(1)
    };
    assert_eq!(bench.send(hook).await, (200, "stored".to_owned()));
    bench.stop().await;
}

#[tokio::test]
async fn more_hooks_than_the_door_takes_at_once_are_answered_429() {
    let bench = Bench::start(Choice {
        in_flight_max: 1,
        ..Choice::default()
    })
    .await;
    // A sender whose body does not come holds the only place.
    let address = bench
        .door
        .strip_prefix("http://")
        .unwrap()
        .strip_suffix("/hooks")
        .unwrap();
    let mut slow = TcpStream::connect(address).await.unwrap();
    let head = "POST /hooks/acme HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n";
    slow.write_all(head.as_bytes()).await.unwrap();
    let refused = eventually(LIMIT, "the place to be held", async || {
        let response = Hook::of(1).request(&bench.http, &bench.door).send().await?;
        anyhow::ensure!(response.status() == 429, "{}", response.status());
        Ok(response)
    });
    assert_eq!(refused.await.unwrap().headers()["retry-after"], "1");
    assert_eq!(bench.hooks_counted("acme", "overloaded"), 1);
    slow.write_all(b"{}").await.unwrap();
    let mut answer = [0; 12];
    slow.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 415");
    bench.send_order(2).await;
    bench.stop().await;
}

#[tokio::test]
async fn without_nats_a_hook_is_answered_503_and_never_200() {
    let mut bench = Bench::start(Choice::default()).await;
    bench.nats.kill9();
    assert_eq!(
        bench.send(Hook::of(250)).await,
        (503, "store_unavailable".to_owned())
    );
    assert_eq!(bench.hooks_counted("acme", "store_unavailable"), 1);
    bench.nats.restart().await.unwrap();
    let stored = eventually(LIMIT, "the door to store again", async || {
        let (status, word) = bench.send(Hook::of(251)).await;
        anyhow::ensure!(status == 200, "{status} {word}");
        Ok(())
    });
    stored.await.unwrap();
    assert!(
        hints(&bench)
            .await
            .iter()
            .any(|hint| hint.entity_id == "251")
    );
    bench.stop().await;
}

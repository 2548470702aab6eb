//! Grants that FreshBooks refuses, and new ones in their place.

use connect::VendorError;
use connect::freshbooks::{TokenError, TokenSource};
use secrecy::ExposeSecret;

use crate::common::Bench;
use crate::oauth::OAuth;

pub(crate) fn is_revoked<T>(token: &Result<T, TokenError>) -> bool {
    matches!(token, Err(TokenError::Vendor(VendorError::GrantRevoked)))
}

#[tokio::test]
async fn a_refused_refresh_is_remembered_until_the_configuration_brings_a_new_grant() {
    let bench = Bench::start().await;
    let oauth = OAuth::start().await;
    let stale = oauth.process(&bench.jetstream, "spent elsewhere").await;
    assert!(is_revoked(&stale.access_token().await));
    let restarted = oauth
        .process(&bench.another().await, "spent elsewhere")
        .await;
    for tokens in [&stale, &restarted] {
        assert!(is_revoked(&tokens.access_token().await));
        assert!(is_revoked(&tokens.refresh(&"any".into()).await));
    }
    assert_eq!(oauth.calls(), 1, "nobody asked again");
    let granted = oauth.process(&bench.jetstream, "seed").await;
    assert_eq!(
        granted.access_token().await.unwrap().expose_secret(),
        "access-2"
    );
}

#[tokio::test]
async fn a_new_grant_is_used_by_every_process_that_runs() {
    let bench = Bench::start().await;
    let oauth = OAuth::start().await;
    let stale = oauth.process(&bench.jetstream, "spent elsewhere").await;
    assert!(is_revoked(&stale.access_token().await));
    let person = oauth
        .process(&bench.another().await, "spent elsewhere")
        .await;
    let refused = person.take_grant("not a grant".into()).await;
    assert!(is_revoked(&refused));
    assert!(is_revoked(&stale.access_token().await));
    person.take_grant("seed".into()).await.unwrap();
    let token = stale.access_token().await.unwrap();
    assert_eq!(token.expose_secret(), "access-3");
    let restarted = oauth
        .process(&bench.another().await, "spent elsewhere")
        .await;
    let token = restarted.access_token().await.unwrap();
    assert_eq!(token.expose_secret(), "access-3");
    assert_eq!(oauth.calls(), 3);
}

#[tokio::test]
async fn a_refused_grant_leaves_one_that_works_as_it_was() {
    let bench = Bench::start().await;
    let oauth = OAuth::start().await;
    let tokens = oauth.process(&bench.jetstream, "seed").await;
    tokens.access_token().await.unwrap();
    let refused = tokens.take_grant("not a grant".into()).await;
    assert!(is_revoked(&refused));
    let token = tokens.refresh(&"access-1".into()).await.unwrap();
    assert_eq!(token.expose_secret(), "access-3");
}

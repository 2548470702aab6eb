//! Records of tokens lie sealed, and open only with a key and in their own place.

use connect::freshbooks::{TokenError, TokenSource};
use contracts::topology::Bucket;
use secrecy::ExposeSecret;
use store::tokens::reseal;

use crate::common::Bench;
use crate::grants::is_revoked;
use crate::oauth::OAuth;
use crate::{KEY, NEXT_KEY, keyring, record, stored};

#[tokio::test]
async fn neither_token_stands_in_the_bucket_in_plain() {
    let bench = Bench::start().await;
    let oauth = OAuth::start().await;
    let tokens = oauth.process(&bench.jetstream, "seed").await;
    tokens.access_token().await.unwrap();
    let (_, bytes) = stored(&bench).await.unwrap();
    let shown = String::from_utf8(bytes.to_vec()).unwrap();
    for secret in ["access-1", "refresh-1", "seed", "access_token"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[tokio::test]
async fn a_record_written_before_sealing_is_read_and_sealed_by_the_next_write() {
    let bench = Bench::start().await;
    let oauth = OAuth::start().await;
    let before = oauth.process(&bench.jetstream, "seed").await;
    before.access_token().await.unwrap();
    let (key, plain) = record(&bench).await.unwrap();
    let bucket = bench.bucket(Bucket::Tokens).await;
    bucket.put(&key, plain.to_string().into()).await.unwrap();

    let upgraded = oauth.process(&bench.another().await, "seed").await;
    let token = upgraded.access_token().await.unwrap();
    assert_eq!(token.expose_secret(), "access-1");
    assert_eq!(oauth.calls(), 1, "the plain record served");
    let fresh = upgraded.refresh(&token).await.unwrap();
    assert_eq!(fresh.expose_secret(), "access-2");
    assert_eq!(
        record(&bench).await.unwrap().1["refresh_token"],
        "refresh-2"
    );
}

#[tokio::test]
async fn a_turned_key_reads_the_old_records_and_reseal_makes_the_old_key_needless() {
    let bench = Bench::start().await;
    let oauth = OAuth::start().await;
    let before = oauth.process(&bench.jetstream, "seed").await;
    before.access_token().await.unwrap();

    let alone = oauth
        .bind(&bench.jetstream, "seed", keyring(&NEXT_KEY, None))
        .await;
    let refused = alone.err().unwrap();
    let cause = std::error::Error::source(&refused).unwrap().to_string();
    assert!(refused.to_string().contains("acme"), "{refused}");
    assert!(cause.contains("previous_key under [encryption]"), "{cause}");

    let both = || keyring(&NEXT_KEY, Some(&KEY));
    let turned = oauth.bind(&bench.jetstream, "seed", both()).await.unwrap();
    let token = turned.access_token().await.unwrap();
    assert_eq!(token.expose_secret(), "access-1");
    assert_eq!(reseal(&bench.jetstream, &both()).await.unwrap(), 1);
    assert_eq!(reseal(&bench.jetstream, &both()).await.unwrap(), 0);
    let alone = oauth
        .bind(&bench.jetstream, "seed", keyring(&NEXT_KEY, None))
        .await
        .unwrap();
    assert_eq!(
        alone.access_token().await.unwrap().expose_secret(),
        "access-1"
    );
    assert_eq!(oauth.calls(), 1);
}

#[tokio::test]
async fn a_record_copied_to_another_grant_is_refused() {
    let bench = Bench::start().await;
    let oauth = OAuth::start().await;
    let tokens = oauth.process(&bench.jetstream, "spent elsewhere").await;
    assert!(is_revoked(&tokens.access_token().await));
    let (revoked, _) = stored(&bench).await.unwrap();
    let bucket = bench.bucket(Bucket::Tokens).await;
    bucket.purge(&revoked).await.unwrap();
    let good = oauth.process(&bench.jetstream, "seed").await;
    good.access_token().await.unwrap();
    let (_, bytes) = stored(&bench).await.unwrap();
    bucket.put(&revoked, bytes).await.unwrap();
    let fooled = oauth.process(&bench.jetstream, "spent elsewhere").await;
    assert_eq!(
        fooled.access_token().await.unwrap_err(),
        TokenError::Unavailable
    );
    assert_eq!(oauth.calls(), 2, "nothing was sent");
}

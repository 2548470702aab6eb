//! A reply whose body comes a piece at a time.

use reqwest::Method;
use serde_json::{Value, json};

use crate::clients;
use crate::freshbooks_support::open;

#[tokio::test]
async fn a_slow_body_comes_whole_and_in_pieces_and_its_effect_is_done() {
    let shop = open(json!({})).await;
    shop.fault(json!({"kind": "slow_body", "hang_ms": 160}))
        .await;
    let path = "/accounting/account/AbC12/users/clients";
    let request = shop
        .request(Method::POST, path)
        .json(&json!({"client": {}}));
    let mut reply = request.send().await.unwrap();
    assert_eq!(clients(&shop).await, 1, "done before the body has come");
    let (mut body, mut pieces) = (Vec::new(), 0);
    while let Some(piece) = reply.chunk().await.unwrap() {
        body.extend_from_slice(&piece);
        pieces += 1;
    }
    assert!(pieces > 1, "{pieces}");
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert!(body["response"]["result"]["client"]["id"].is_u64());
    shop.close().await;
}

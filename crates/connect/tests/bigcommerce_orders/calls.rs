//! Which parts are asked for, and how few calls that takes.

use connect::bigcommerce::{FetchHints, FetchedOrder};
use serde_json::json;

use crate::common::{Stub, Watch, json, status};
use crate::store::{
    TOKEN, client, fetched, included_order, is_order, order, parts, transaction, v3,
};

#[tokio::test]
async fn a_paid_card_order_with_includes_takes_three_calls() {
    let stub = Stub::start(|asked| {
        if is_order(asked) {
            json(included_order())
        } else {
            parts(asked)
        }
    })
    .await;
    let watch = Watch::default();
    let client = client(&stub, &watch);
    let document = fetched(&client).await;
    let mut lines = stub.lines();
    lines.sort();
    assert_eq!(
        lines,
        [
            "GET /stores/abc123/v2/orders/250",
            "GET /stores/abc123/v2/orders/250/taxes",
            "GET /stores/abc123/v3/orders/250/transactions",
        ]
    );
    assert_eq!(document["products"][0]["id"], 9);
    assert_eq!(
        document["shipping_addresses"][0]["shipping_method"],
        "Ground"
    );
    assert_eq!(document["taxes"][0]["rate"], "8.0000");
    assert_eq!(document["transactions"][0]["amount"].to_string(), "26.6");
    assert_eq!(document["store"]["time_zone"], "America/Chicago");
    assert_eq!(document["store"]["time_zone_known"], true);
    assert_eq!(
        document["store"]["tax_settings"]["rounding_strategy"],
        "RATE_ROUNDING"
    );
    assert_eq!(document["refunds"], json!([]));
    let order = stub.asked().into_iter().find(is_order).unwrap();
    assert_eq!(
        order.param("consignment_structure").as_deref(),
        Some("object")
    );
    assert_eq!(order.headers["accept"], "application/json");
    assert_eq!(order.headers["x-auth-token"], TOKEN);
    fetched(&client).await;
    let settings = stub
        .asked()
        .iter()
        .filter(|asked| asked.path.ends_with("/v2/store"))
        .count();
    assert_eq!(settings, 1, "the store's settings are kept");
    let call = &watch.calls()[0];
    assert_eq!(
        (call.path_template, call.status, call.outcome),
        ("/v2/orders/{id}", Some(200), "ok")
    );
}

#[tokio::test]
async fn an_incomplete_order_takes_one_call() {
    let stub =
        Stub::start(|_| json(json!({"id": 250, "status_id": 0, "total_tax": "9.0000"}))).await;
    let document = fetched(&client(&stub, &Watch::default())).await;
    assert_eq!(stub.asked().len(), 1);
    assert_eq!(document["order"]["id"], 250);
    assert_eq!(document["products"], json!([]));
}

#[tokio::test]
async fn a_store_that_ignores_includes_gives_the_same_parts_in_more_calls() {
    let stub = Stub::start(|asked| {
        if is_order(asked) {
            json(order())
        } else {
            parts(asked)
        }
    })
    .await;
    let document = fetched(&client(&stub, &Watch::default())).await;
    assert_eq!(stub.lines().len(), 5, "{:?}", stub.lines());
    assert_eq!(document["products"][0]["id"], 9);
    assert_eq!(document["shipping_addresses"][0]["id"], 5);
    assert_eq!(
        document["fees"],
        json!([]),
        "the total adds up without a fee"
    );
}

#[tokio::test]
async fn a_store_that_refuses_includes_is_asked_for_them_once() {
    let stub = Stub::start(|asked| match is_order(asked) {
        true if asked.query.is_empty() => json(order()),
        true => status(400, r#"[{"status":400,"message":"The field 'include' is not supported by this resource."}]"#),
        false => parts(asked),
    })
    .await;
    let client = client(&stub, &Watch::default());
    fetched(&client).await;
    assert_eq!(stub.lines().len(), 6);
    fetched(&client).await;
    let refused = stub
        .asked()
        .iter()
        .filter(|asked| asked.query.contains("include"))
        .count();
    assert_eq!((stub.lines().len(), refused), (11, 1));
}

#[tokio::test]
async fn incomplete_consignments_are_replaced_by_the_real_lists() {
    let stub = Stub::start(|asked| {
        if !is_order(asked) {
            return parts(asked);
        }
        let mut order = included_order();
        order["items_total"] = json!(3);
        order["consignments"]["shipping"][0]
            .as_object_mut()
            .unwrap()
            .remove("street_1");
        json(order)
    })
    .await;
    fetched(&client(&stub, &Watch::default())).await;
    let lines = stub.lines().join("\n");
    assert!(
        lines.contains("/products") && lines.contains("/shipping_addresses"),
        "{lines}"
    );
}

#[tokio::test]
async fn fees_coupons_and_refunds_are_read_when_a_figure_tells_of_them() {
    let stub = Stub::start(|asked| {
        if asked.path.ends_with("/transactions") {
            return v3(json!([transaction("purchase"), transaction("refund")]));
        }
        if !is_order(asked) {
            return parts(asked);
        }
        let mut order = order();
        order["coupon_discount"] = json!("2.0000");
        order["total_ex_tax"] = json!("26.0000");
        json(order)
    })
    .await;
    let document = fetched(&client(&stub, &Watch::default())).await;
    assert_eq!(document["fees"][0]["id"], 1);
    assert_eq!(document["coupons"][0]["code"], "TEN");
    assert_eq!(document["refunds"][0]["id"], 3);
}

#[tokio::test]
async fn a_hint_is_enough_to_read_refunds_and_none_are_no_error() {
    let stub = Stub::start(|asked| match is_order(asked) {
        true => json(included_order()),
        false if asked.path.ends_with("/refunds") => status(404, ""),
        false if asked.path.ends_with("/transactions") => status(204, ""),
        false => parts(asked),
    })
    .await;
    let hints = FetchHints {
        refunds_expected: true,
    };
    let fetched = client(&stub, &Watch::default())
        .fetch_order(250, hints)
        .await
        .unwrap();
    let FetchedOrder::Present(document) = fetched else {
        panic!("the order is there")
    };
    assert_eq!(
        (&document["refunds"], &document["transactions"]),
        (&json!([]), &json!([]))
    );
    assert!(stub.lines().join("\n").contains("/payment_actions/refunds"));
}

//! The store of these tests: one paid order, its parts, and who asks for them.

use std::sync::Arc;
use std::time::Duration;

use connect::bigcommerce::{Client, Config, FetchHints, FetchedOrder};
use serde_json::{Value, json};

use crate::common::{Answer, Asked, Stub, Watch, json};

pub(crate) const TOKEN: &str = "secret-token-of-the-store";

pub(crate) fn client(stub: &Stub, watch: &Watch) -> Client {
    let mut config = Config::new(stub.url.clone(), "abc123".into(), TOKEN.into());
    config.http.request_timeout = Duration::from_secs(20);
    config.quota_max_wait = Duration::ZERO;
    Client::new(config, Arc::new(watch.clone())).unwrap()
}

pub(crate) fn line(id: u64, quantity: u64) -> Value {
    json!({
        "id": id, "product_id": 77, "name": "Mug", "sku": "MUG", "type": "physical",
        "quantity": quantity, "price_ex_tax": "10.0000", "price_inc_tax": "10.8000",
        "total_ex_tax": "20.0000", "total_inc_tax": "21.6000", "total_tax": "1.6000",
        "discounted_total_inc_tax": "21.6000", "applied_discounts": [], "quantity_refunded": 0,
    })
}

pub(crate) fn address() -> Value {
    json!({"id": 5, "first_name": "Ann", "last_name": "Lee", "street_1": "1 Road", "city": "Town",
        "country": "United States", "cost_inc_tax": "5.0000", "shipping_method": "Ground"})
}

/// A paid, taxed card order.
pub(crate) fn order() -> Value {
    json!({
        "id": 250, "status_id": 11, "payment_status": "captured", "items_total": 2,
        "shipping_address_count": 1, "total_tax": "1.6000", "subtotal_tax": "1.6000",
        "is_tax_inclusive_pricing": false,
        "subtotal_ex_tax": "20.0000", "shipping_cost_ex_tax": "5.0000",
        "handling_cost_ex_tax": "0.0000", "wrapping_cost_ex_tax": "0.0000",
        "total_ex_tax": "25.0000", "total_inc_tax": "26.6000",
        "discount_amount": "0.0000", "coupon_discount": "0.0000", "refunded_amount": "0.0000",
        "products": {"url": "x", "resource": "/orders/250/products"},
        "consignments": {"url": "x", "resource": "/orders/250/consignments"},
        "fees": {"url": "x", "resource": "/orders/250/fees"},
    })
}

pub(crate) fn included_order() -> Value {
    let mut order = order();
    let mut shipping = address();
    shipping["line_items"] = json!([line(9, 2)]);
    order["consignments"] = json!({"pickups": [], "shipping": [shipping], "downloads": [],
        "email": {"gift_certificates": []}});
    order["fees"] = json!([]);
    order
}

pub(crate) fn transaction(event: &str) -> Value {
    json!({"id": 1, "order_id": "250", "event": event, "method": "credit_card", "amount": 26.6,
        "status": "ok", "test": false})
}

pub(crate) fn v3(rows: Value) -> Answer {
    json(json!({"data": rows, "meta": {"pagination": {"total_pages": 1, "current_page": 1}}}))
}

/// Everything but the order itself.
pub(crate) fn parts(asked: &Asked) -> Answer {
    match asked.path.strip_prefix("/stores/abc123").unwrap() {
        "/v2/orders/250/products" => json(json!([line(9, 2)])),
        "/v2/orders/250/taxes" => {
            json(json!([{"id": 1, "rate": "8.0000", "line_amount": "1.6000"}]))
        }
        "/v2/orders/250/coupons" => json(json!([{"id": 1, "code": "TEN"}])),
        "/v2/orders/250/shipping_addresses" => json(json!([address()])),
        "/v2/orders/250/fees" => json(json!([{"id": 1, "cost_ex_tax": "3.0000"}])),
        "/v3/orders/250/transactions" => v3(json!([transaction("purchase")])),
        "/v3/orders/250/payment_actions/refunds" => v3(json!([{"id": 3, "order_id": 250}])),
        "/v2/store" => json(json!({"timezone": {"name": "America/Chicago", "raw_offset": -21600}})),
        "/v2/currencies" => json(json!([{"currency_code": "USD", "decimal_places": 2},
            {"currency_code": "HUF", "decimal_places": "0"}, {"currency_code": "XXX"}])),
        "/v3/tax/settings" => {
            json(json!({"data": {"rounding_strategy": "RATE_ROUNDING"}, "meta": {}}))
        }
        other => panic!("unexpected call to {other}"),
    }
}

pub(crate) fn is_order(asked: &Asked) -> bool {
    asked.path == "/stores/abc123/v2/orders/250"
}

pub(crate) async fn fetched(client: &Client) -> Value {
    match client
        .fetch_order(250, FetchHints::default())
        .await
        .unwrap()
    {
        FetchedOrder::Present(document) => document,
        FetchedOrder::Gone => panic!("the order is there"),
    }
}

//! Fields on which nothing hangs, in every odd form the field has seen: no reason to hold an order.

use domain::policy::Policy;
use domain::validate::{read_customer, read_order, read_product};
use serde_json::{Value, json};

use crate::common::{books, document, refund, shipped};
use crate::put;

fn forms() -> Vec<Value> {
    vec![
        json!(""),
        json!(" "),
        json!(null),
        json!({}),
        json!([]),
        json!(7),
        json!("seven"),
        json!({"a": {}}),
        json!([1, {"a": null}]),
        json!(true),
    ]
}

/// The forms in which the vendor writes "nothing".
fn nothings() -> Vec<Value> {
    forms().into_iter().take(5).collect()
}

/// An order with a row in every list.
fn full() -> Value {
    let mut order = shipped();
    order["order"]["status_id"] = json!(14);
    order["products"][0]["product_options"] = json!([{"display_name": "Colour",
        "display_value": "red"}]);
    order["products"][0]["applied_discounts"] = json!([{"id": "coupon", "amount": "0.0000",
        "target": "order", "name": "n", "code": "c"}]);
    order["coupons"] = json!([{"id": 1, "code": "c", "amount": "0.0000", "discount": "0.0000",
        "type": 1}]);
    order["fees"] = json!([{"id": 3, "type": "custom_fee", "name": "Fee", "cost_inc_tax": "0.0000",
        "cost_ex_tax": "0.0000", "cost_tax": "0.0000"}]);
    order["shipping_addresses"] = json!([{"id": 1, "first_name": "Ada",
        "country_iso2": "US", "form_fields": []}]);
    order["refunds"] = json!([refund(
        7,
        "12.00",
        "2.00",
        json!([{"item_type": "PRODUCT", "item_id": 1, "quantity": 1, "requested_amount": null}])
    )]);
    order
}

/// What is booked: amounts, days and ways of every document.
fn figures(order: &Value, place: &str) -> Vec<String> {
    let books = match books(order, &Policy::default()) {
        Ok(books) => books,
        Err(holds) => panic!("{place}: {holds:?}"),
    };
    let invoice = [books.invoice.expected_total, books.invoice.expected_tax];
    let payments = books.payments.iter().map(|one| one.amount);
    let refunds = books.refunds.iter().flat_map(|one| [one.amount, one.tax]);
    invoice
        .into_iter()
        .chain(payments)
        .chain(refunds)
        .map(|m| m.to_string())
        .collect()
}

const DECORATION: [&str; 71] = [
    "/order/status",
    "/order/custom_status",
    "/order/date_modified",
    "/order/date_shipped",
    "/order/channel_id",
    "/order/cart_id",
    "/order/external_id",
    "/order/external_order_id",
    "/order/external_merchant_id",
    "/order/external_source",
    "/order/order_source",
    "/order/customer_message",
    "/order/staff_notes",
    "/order/credit_card_type",
    "/order/store_default_currency_code",
    "/order/currency_code",
    "/order/currency_exchange_rate",
    "/order/subtotal_ex_tax",
    "/order/subtotal_inc_tax",
    "/order/subtotal_tax",
    "/order/base_shipping_cost",
    "/order/items_total",
    "/order/ip_address",
    "/order/geoip_country",
    "/order/billing_address/street_1",
    "/order/billing_address/street_2",
    "/order/billing_address/city",
    "/order/billing_address/state",
    "/order/billing_address/zip",
    "/order/billing_address/country",
    "/order/billing_address/country_iso2",
    "/order/billing_address/phone",
    "/order/billing_address/company",
    "/order/billing_address/first_name",
    "/order/billing_address/last_name",
    "/order/billing_address/form_fields",
    "/products/0/name",
    "/products/0/sku",
    "/products/0/product_id",
    "/products/0/variant_id",
    "/products/0/base_price",
    "/products/0/quantity_refunded",
    "/products/0/parent_order_product_id",
    "/products/0/product_options",
    "/products/0/product_options/0/display_name",
    "/products/0/product_options/0/display_value",
    "/products/0/wrapping_name",
    "/products/0/upc",
    "/products/0/event_date",
    "/products/0/applied_discounts/0/name",
    "/products/0/applied_discounts/0/code",
    "/taxes/0/class",
    "/taxes/0/priority_amount",
    "/coupons/0/code",
    "/coupons/0/amount",
    "/fees/0/id",
    "/fees/0/type",
    "/fees/0/name",
    "/shipping_addresses",
    "/shipping_addresses/0/phone",
    "/shipping_addresses/0/zip",
    "/transactions/0/gateway",
    "/transactions/0/gateway_transaction_id",
    "/transactions/0/credit_card",
    "/transactions/0/credit_card/card_type",
    "/transactions/0/gift_certificate",
    "/transactions/0/custom",
    "/refunds/0/reason",
    "/refunds/0/created",
    "/refunds/0/payments/0/id",
    "/refunds/0/payments/0/provider_id",
];

#[test]
fn no_form_of_what_decorates_holds_an_order_or_changes_its_money() {
    let expected = figures(&full(), "unchanged");
    for place in DECORATION {
        for form in forms() {
            let mut order = full();
            put(&mut order, place, form.clone());
            assert_eq!(figures(&order, place), expected, "{place} {form}");
        }
    }
}

#[test]
fn nothing_in_any_form_is_nothing_where_a_field_may_be_left_out() {
    let expected = figures(&full(), "unchanged");
    for place in [
        "/order/is_deleted",
        "/order/customer_id",
        "/order/discount_amount",
        "/order/coupon_discount",
        "/order/gift_certificate_amount",
        "/order/store_credit_amount",
        "/order/handling_cost_ex_tax",
        "/order/wrapping_cost_tax",
        "/order/is_tax_inclusive_pricing",
        "/order/payment_provider_id",
        "/order/payment_status",
        "/order/payment_method",
        "/order/fees",
        "/products/0/applied_discounts",
        "/products/0/order_address_id",
        "/products/0/discounted_total_inc_tax",
        "/products/0/wrapping_cost_inc_tax",
        "/products/0/order_id",
        "/coupons",
        "/coupons/0/type",
        "/fees",
        "/transactions/0/currency",
        "/transactions/0/method",
        "/transactions/0/test",
        "/transactions/0/order_id",
        "/transactions/0/reference_transaction_id",
        "/refunds/0/uses_merchant_override_values",
        "/refunds/0/items/0/requested_amount",
        "/refunds/0/payments/0/offline",
        "/refunds/0/payments/0/transaction_id",
        "/store",
    ] {
        for form in nothings() {
            let mut order = full();
            put(&mut order, place, form.clone());
            assert_eq!(figures(&order, place), expected, "{place} {form}");
        }
    }
}

#[test]
fn what_the_books_hang_on_is_a_fault_at_its_place_in_every_form() {
    for (place, path) in [
        ("/order/id", "order.id"),
        ("/order/status_id", "order.status_id"),
        ("/order/total_inc_tax", "order.total_inc_tax"),
        (
            "/order/default_currency_code",
            "order.default_currency_code",
        ),
        ("/order/date_created", "order.date_created"),
        ("/products/0/quantity", "products[0].quantity"),
        ("/transactions/0/event", "transactions[0].event"),
    ] {
        for form in nothings()
            .into_iter()
            .chain([json!({"a": 1}), json!(["x"])])
        {
            let mut order = full();
            put(&mut order, place, form.clone());
            let faults = read_order(&order).expect_err(place);
            assert!(
                faults.iter().any(|fault| fault.path == path),
                "{place} {form}: {faults:?}"
            );
        }
    }
}

#[test]
fn fees_are_read_as_a_list_and_as_the_documented_object() {
    for in_order in [false, true] {
        let mut order = document();
        let fee = json!({"id": 3, "type": "custom_fee", "name": "", "display_name": "Lift",
            "cost_exc_tax": "2.5000", "cost_ex_tax": "", "cost_inc_tax": "2.5000",
            "cost_tax": "0.0000"});
        crate::common::set_total(&mut order, "12.5000", "0.0000", "12.5000");
        for listed in [json!([fee]), json!({"fees": [fee]})] {
            if in_order {
                order["order"]["fees"] = listed;
                order["fees"] = json!([]);
            } else {
                order["fees"] = listed;
            }
            let books = books(&order, &Policy::default()).unwrap();
            let lines = &books.invoice.lines;
            assert_eq!((lines.len(), lines[1].name.as_str()), (2, "Lift"));
            assert_eq!(books.invoice.expected_total.to_string(), "12.50 USD");
        }
    }
}

#[test]
fn events_and_statuses_are_read_without_case_and_an_unknown_one_is_said() {
    for status in ["ok", "OK", " Ok "] {
        for event in ["purchase", "PURCHASE", " Purchase"] {
            let mut order = document();
            order["transactions"][0]["status"] = json!(status);
            order["transactions"][0]["event"] = json!(event);
            let books = books(&order, &Policy::default()).unwrap();
            assert_eq!(books.payments.len(), 1, "{status} {event}");
        }
    }
    for status in [json!("complete"), json!(""), json!(null), json!({})] {
        let mut order = document();
        order["transactions"][0]["status"] = status.clone();
        let read = read_order(&order).unwrap();
        let flag = read
            .flags
            .iter()
            .find(|flag| flag.code == "unknown_transaction_status");
        let said = &flag.unwrap_or_else(|| panic!("{status}")).message;
        assert!(said.contains("transactions[0].status"), "{said}");
        assert!(!read.order.transactions[0].ok);
    }
    // A failed attempt is no money, whatever its word is.
    let mut order = document();
    let mut failed = order["transactions"][0].clone();
    failed["id"] = json!("");
    failed["event"] = json!("three_d_secure");
    failed["status"] = json!("ERROR");
    failed["date_created"] = json!("");
    order["transactions"].as_array_mut().unwrap().push(failed);
    assert_eq!(books(&order, &Policy::default()).unwrap().payments.len(), 1);
}

#[test]
fn customers_and_products_are_read_in_every_form_of_what_decorates() {
    let customer = json!({"customer": {"id": 7, "email": "ada@example.com", "first_name": "Ada",
        "addresses": [{"id": 1, "city": "Austin"}]}});
    let product = json!({"product": {"id": 5, "name": "Mug", "price": 2, "sku": "M",
        "inventory_tracking": "variant", "variants": [{"id": 1, "sku": "M", "price": null}]}});
    for form in forms() {
        for place in [
            "last_name",
            "company",
            "phone",
            "notes",
            "addresses",
            "channel_ids",
            "customer_group_id",
            "store_credit_amounts",
            "date_modified",
            "authentication",
            "attributes",
            "form_fields",
            "addresses/0/id",
            "addresses/0/city",
            "addresses/0/postal_code",
            "addresses/0/country_code",
            "addresses/0/phone",
        ] {
            let mut document = customer.clone();
            put(&mut document, &format!("/customer/{place}"), form.clone());
            assert!(read_customer(&document).is_ok(), "{place} {form}");
        }
        for place in [
            "inventory_tracking",
            "inventory_level",
            "base_variant_id",
            "cost_price",
            "type",
            "sku",
            "variants/0/id",
            "variants/0/inventory_level",
            "variants/0/option_values",
            "variants/0/sku",
        ] {
            let mut document = product.clone();
            put(&mut document, &format!("/product/{place}"), form.clone());
            assert!(read_product(&document).is_ok(), "{place} {form}");
        }
    }
}

//! An order as V2 shows it: the bare object, its links or its included parts.

use serde_json::{Map, Value, json};

use super::model::{Order, Raw, status_name};
use super::rows;
use super::spec::{Address, LineKind};
use super::sums::Part;
use crate::bigcommerce::dates;
use crate::bigcommerce::money::{plain4, text4};

/// Where links point: the store's V2 root, without a slash at the end.
#[derive(Clone, Debug)]
pub(crate) struct Links {
    pub(crate) v2_root: String,
    pub(crate) store_currency: String,
}

/// What `include` and `consignment_structure` asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Include {
    pub(crate) consignments: bool,
    pub(crate) line_items: bool,
    pub(crate) fees: bool,
}

impl Include {
    /// Reads a comma-separated `include`. Consignments are expanded only in the object structure.
    pub(crate) fn read(include: Option<&str>, structure: Option<&str>) -> Self {
        let has =
            |name: &str| include.is_some_and(|list| list.split(',').any(|i| i.trim() == name));
        let object = structure == Some("object");
        Self {
            consignments: object && (has("consignments") || has("consignments.line_items")),
            line_items: has("consignments.line_items"),
            fees: has("fees"),
        }
    }
}

/// The full order object.
pub(crate) fn order(order: &Order, links: &Links, include: Include) -> Value {
    let mut body = Map::new();
    state(order, &mut body);
    money(order, &mut body);
    payment(order, links, &mut body);
    body.insert("billing_address".into(), address(&order.spec.billing));
    order.spec.dress.order(&mut body);
    body.append(&mut order.overrides.clone());
    if let Some(Raw { order: raw, .. }) = &order.raw {
        body.append(&mut raw.clone());
    }
    for name in ["products", "shipping_addresses", "coupons"] {
        body.insert(name.into(), link(order.id, name, links));
    }
    let fees = if include.fees {
        rows::fees_answer(order, rows::fees(order))
    } else {
        link(order.id, "fees", links)
    };
    body.insert("fees".into(), fees);
    let consignments = if include.consignments {
        rows::consignments(order, links, include.line_items)
    } else {
        link(order.id, "consignments", links)
    };
    body.insert("consignments".into(), consignments);
    Value::Object(body)
}

/// A `{url, resource}` pair.
pub(crate) fn link(order_id: u64, name: &str, links: &Links) -> Value {
    let resource = format!("/orders/{order_id}/{name}");
    json!({"url": format!("{}{resource}", links.v2_root), "resource": resource})
}

fn state(order: &Order, body: &mut Map<String, Value>) {
    let status = status_name(order.status_id);
    let shipped = order.shipped.map(dates::rfc2822_utc).unwrap_or_default();
    let fields = json!({
        "id": order.id,
        "customer_id": order.spec.customer_id,
        "date_created": dates::rfc2822_utc(order.created),
        "date_modified": dates::rfc2822_utc(order.modified),
        "date_shipped": shipped,
        "is_tax_inclusive_pricing": order.spec.inclusive,
        "status_id": order.status_id,
        "status": status,
        "custom_status": status,
        "is_deleted": order.archived,
        "channel_id": order.spec.channel_id,
        "cart_id": order.cart_id,
        "order_source": "www",
        "external_source": null,
        "external_id": null,
        "external_merchant_id": null,
        "external_order_id": "",
        "ebay_order_id": "0",
        "tax_provider_id": "BasicTaxProvider",
        "customer_locale": "en",
        "staff_notes": order.spec.staff_notes,
        "customer_message": order.spec.customer_message,
        "ip_address": "203.0.113.7",
        "ip_address_v6": "",
        "geoip_country": order.spec.billing.country,
        "geoip_country_iso2": order.spec.billing.country_iso2,
        "is_email_opt_in": false,
        "credit_card_type": null,
    });
    extend(body, fields);
}

fn money(order: &Order, body: &mut Map<String, Value>) {
    let sums = &order.sums;
    let spec = &order.spec;
    let mut put = |name: &str, amount| body.insert(name.to_owned(), text4(amount));
    put("subtotal_ex_tax", sums.subtotal(Part::ex_tax));
    put("subtotal_inc_tax", sums.subtotal(Part::inc_tax));
    put("subtotal_tax", sums.subtotal(|part| part.tax));
    put("base_shipping_cost", sums.base_shipping);
    put("shipping_cost_ex_tax", sums.all_shipping(Part::ex_tax));
    put("shipping_cost_inc_tax", sums.all_shipping(Part::inc_tax));
    put("shipping_cost_tax", sums.all_shipping(|part| part.tax));
    put("base_handling_cost", sums.handling.gross);
    put("handling_cost_ex_tax", sums.handling.ex_tax());
    put("handling_cost_inc_tax", sums.handling.inc_tax());
    put("handling_cost_tax", sums.handling.tax);
    put("base_wrapping_cost", sums.wrapping(|part| part.gross));
    put("wrapping_cost_ex_tax", sums.wrapping(Part::ex_tax));
    put("wrapping_cost_inc_tax", sums.wrapping(Part::inc_tax));
    put("wrapping_cost_tax", sums.wrapping(|part| part.tax));
    put("total_ex_tax", sums.total_ex_tax);
    put("total_inc_tax", sums.total_inc_tax);
    put("total_tax", sums.total_tax);
    put("discount_amount", sums.discount_amount);
    put("coupon_discount", sums.coupon_discount);
    put("gift_certificate_amount", spec.gift_certificate);
    put("store_credit_amount", spec.store_credit);
    put("refunded_amount", rust_decimal::Decimal::ZERO);
    let quantity: i64 = spec.lines.iter().map(super::spec::LineSpec::pieces).sum();
    let fields = json!({
        "shipping_cost_tax_class_id": 2,
        "handling_cost_tax_class_id": 2,
        "wrapping_cost_tax_class_id": 3,
        "items_total": quantity,
        "items_shipped": if order.shipped.is_some() { quantity } else { 0 },
        "order_is_digital": spec.is_digital(),
        "shipping_address_count": u64::from(has_shipping(order)) + spec.elsewhere.len() as u64,
    });
    extend(body, fields);
}

fn payment(order: &Order, links: &Links, body: &mut Map<String, Value>) {
    let spec = &order.spec;
    let fields = json!({
        "payment_method": spec.payment_method,
        "payment_provider_id": spec.payment_provider,
        "payment_status": order.payment_status,
        "currency_id": currency_id(&spec.display_currency),
        "currency_code": spec.display_currency,
        "currency_exchange_rate": format!("{:.10}", spec.display_rate),
        "default_currency_id": currency_id(&spec.currency),
        "default_currency_code": spec.currency,
        "store_default_currency_code": links.store_currency,
        "store_default_to_transactional_exchange_rate": format!("{:.10}", spec.transactional_rate),
    });
    extend(body, fields);
}

/// A stable number for a currency code; the ids of real stores are just as arbitrary.
fn currency_id(code: &str) -> u64 {
    match code {
        "USD" => 1,
        "EUR" => 2,
        "JPY" => 3,
        "GBP" => 4,
        "CAD" => 5,
        _ => 9,
    }
}

pub(crate) fn has_shipping(order: &Order) -> bool {
    let lines = &order.spec.lines;
    let ships = |line: &super::spec::LineSpec| line.kind == LineKind::Physical;
    order.spec.shipping_address.is_some() && (lines.is_empty() || lines.iter().any(ships))
}

/// A billing address, in V2's spelling.
pub(crate) fn address(address: &Address) -> Value {
    let fields: Vec<Value> = address
        .form_fields
        .iter()
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect();
    json!({
        "first_name": address.first_name,
        "last_name": address.last_name,
        "company": address.company,
        "street_1": address.street_1,
        "street_2": address.street_2,
        "city": address.city,
        "state": address.state,
        "zip": address.zip,
        "country": address.country,
        "country_iso2": address.country_iso2,
        "phone": address.phone,
        "email": address.email,
        "form_fields": fields,
    })
}

pub(crate) fn extend(body: &mut Map<String, Value>, fields: Value) {
    if let Value::Object(mut fields) = fields {
        body.append(&mut fields);
    }
}

/// A scalar of the rendered order as text, for filters and for the control surface.
pub(crate) fn scalar(order: &Order, name: &str) -> Option<String> {
    let raw = order.raw.as_ref().and_then(|raw| raw.order.get(name));
    let value = raw.or_else(|| order.overrides.get(name));
    match value {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Null) => None,
        Some(other) => Some(other.to_string()),
        None => computed(order, name),
    }
}

fn computed(order: &Order, name: &str) -> Option<String> {
    match name {
        "total_inc_tax" => Some(plain4(order.sums.total_inc_tax)),
        "total_tax" => Some(plain4(order.sums.total_tax)),
        "customer_id" => Some(order.spec.customer_id.to_string()),
        "status_id" => Some(order.status_id.to_string()),
        "default_currency_code" => Some(order.spec.currency.clone()),
        "cart_id" => Some(order.cart_id.clone()),
        "payment_method" => Some(order.spec.payment_method.clone()),
        "channel_id" => Some(order.spec.channel_id.to_string()),
        "external_order_id" | "external_id" => Some(String::new()),
        _ => None,
    }
}

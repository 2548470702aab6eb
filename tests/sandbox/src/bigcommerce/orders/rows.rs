//! The rows under an order: products, taxes, coupons, addresses, fees, consignments.

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::discounts::Applied;
use super::model::Order;
use super::render::{Links, address, extend, has_shipping, link};
use super::spec::{LineKind, Rate};
use super::sums::Part;
use crate::bigcommerce::money::{number, plain4, round, text4};

fn raw(order: &Order, name: &str) -> Option<Vec<Value>> {
    order.raw.as_ref()?.rows.get(name).cloned()
}

/// `/products`, in the order of the lines.
pub(crate) fn products(order: &Order) -> Vec<Value> {
    raw(order, "products").unwrap_or_else(|| {
        (0..order.spec.lines.len())
            .map(|i| product(order, i))
            .collect()
    })
}

fn product(order: &Order, index: usize) -> Value {
    let line = &order.spec.lines[index];
    let sums = &order.sums.lines[index];
    let quantity = match line.pieces() {
        0 => Decimal::ONE,
        pieces => Decimal::from(pieces),
    };
    let part = &sums.part;
    let unit_tax = round(part.estimate / quantity, 4);
    let (unit_ex, unit_inc) = if order.spec.inclusive {
        (line.unit_price - unit_tax, line.unit_price)
    } else {
        (line.unit_price, line.unit_price + unit_tax)
    };
    let refunded = order.refunded.get(&index).copied().unwrap_or(0);
    let id = order.line_ids[index];
    let address_id = match line.kind {
        LineKind::Physical => address_of(order, line.address),
        LineKind::Digital | LineKind::GiftCertificate => 0,
    };
    let mut body = Map::new();
    let fields = json!({
        "id": id,
        "order_id": order.id,
        "product_id": line.product_id,
        "variant_id": line.variant_id,
        "order_pickup_method_id": 0,
        "order_address_id": address_id,
        "name": line.name,
        "name_customer": line.name,
        "name_merchant": line.name,
        "sku": line.sku,
        "upc": "",
        "type": line.kind.name(),
        "quantity": line.pieces(),
        "is_refunded": refunded > 0 && refunded >= line.quantity,
        "quantity_refunded": refunded,
        "quantity_shipped": if order.shipped.is_some() { line.quantity } else { 0 },
        "return_id": 0,
        "wrapping_id": u64::from(line.wrapping.is_some()),
        "wrapping_name": line.wrapping.as_ref().map_or("", |w| w.name.as_str()),
        "wrapping_message": line.wrapping.as_ref().map_or("", |w| w.message.as_str()),
        "event_name": null,
        "event_date": null,
        "ebay_item_id": "",
        "ebay_transaction_id": "",
        "option_set_id": null,
        "parent_order_product_id": line.parent.map(|parent| order.line_ids[parent]),
        "is_bundled_product": line.parent.is_some(),
        "bin_picking_number": "",
        "external_id": null,
        "fulfillment_source": "",
        "brand": "",
        "gift_certificate_id": (line.kind == LineKind::GiftCertificate).then_some(id + 1_000_000),
        "applied_discounts": sums.applied.iter().map(applied).collect::<Vec<_>>(),
        "product_options": options(&line.options, id),
        "configurable_fields": [],
    });
    extend(&mut body, fields);
    let mut put = |name: &str, amount| body.insert(name.to_owned(), text4(amount));
    put("base_price", line.unit_price);
    put("price_ex_tax", unit_ex);
    put("price_inc_tax", unit_inc);
    put("price_tax", unit_tax);
    put("base_total", part.gross);
    put("total_ex_tax", part.ex_tax());
    put("total_inc_tax", part.inc_tax());
    put("total_tax", part.tax);
    put("discounted_total_inc_tax", part.discounted_inc_tax());
    put("base_cost_price", line.cost_price);
    put("cost_price_inc_tax", line.cost_price);
    put("cost_price_ex_tax", line.cost_price);
    put("cost_price_tax", Decimal::ZERO);
    put("base_wrapping_cost", sums.wrapping.gross);
    put("wrapping_cost_ex_tax", sums.wrapping.ex_tax());
    put("wrapping_cost_inc_tax", sums.wrapping.inc_tax());
    put("wrapping_cost_tax", sums.wrapping.tax);
    put("refund_amount", Decimal::ZERO);
    put("fixed_shipping_cost", Decimal::ZERO);
    put("weight", Decimal::ONE);
    put("width", Decimal::ZERO);
    put("height", Decimal::ZERO);
    put("depth", Decimal::ZERO);
    order.spec.dress.product(&mut body);
    Value::Object(body)
}

/// The id of the nth shipping address.
fn address_of(order: &Order, place: usize) -> u64 {
    let further = place
        .checked_sub(1)
        .and_then(|n| order.elsewhere_ids.get(n));
    further.copied().unwrap_or(order.address_id)
}

fn applied(discount: &Applied) -> Value {
    json!({
        "id": discount.id,
        "amount": plain4(discount.amount),
        "name": discount.name,
        "code": discount.code,
        "target": discount.target,
    })
}

fn options(options: &[(String, String)], line_id: u64) -> Vec<Value> {
    (1_u64..)
        .zip(options)
        .map(|(n, (name, value))| {
            json!({
                "id": line_id * 10 + n,
                "option_id": n,
                "order_product_id": line_id,
                "product_option_id": 100 + n,
                "display_name": name,
                "display_name_customer": name,
                "display_name_merchant": name,
                "display_value": value,
                "display_value_customer": value,
                "display_value_merchant": value,
                "value": value,
                "type": "Text field",
                "name": name,
                "display_style": "",
            })
        })
        .collect()
}

/// `/taxes`. Without details the rows do not say which line they belong to.
pub(crate) fn taxes(order: &Order, details: bool) -> Vec<Value> {
    if let Some(rows) = raw(order, "taxes") {
        return rows;
    }
    let mut parts: Vec<(&Part, &str, Option<u64>, u64)> = Vec::new();
    let lines = || order.sums.lines.iter().zip(&order.line_ids);
    let place = |line: usize| address_of(order, order.spec.lines[line].address);
    for (n, (line, id)) in lines().enumerate() {
        parts.push((&line.part, "item", Some(*id), place(n)));
    }
    parts.push((&order.sums.shipping, "shipping", None, order.address_id));
    for (part, id) in order.sums.elsewhere.iter().zip(&order.elsewhere_ids) {
        parts.push((part, "shipping", None, *id));
    }
    parts.push((&order.sums.handling, "handling", None, order.address_id));
    for (n, (line, id)) in lines().enumerate() {
        parts.push((&line.wrapping, "gift-wrapping", Some(*id), place(n)));
    }
    let mut rows = Vec::new();
    for (part, kind, line_id, address_id) in parts {
        for (rate_id, amount) in &part.rows {
            let Some(rate) = order.spec.rates.iter().find(|rate| rate.id == *rate_id) else {
                continue;
            };
            let id = order.tax_row_base + rows.len() as u64;
            let of = (kind, line_id, address_id);
            rows.push(tax_row(order, rate, *amount, id, of, details));
        }
    }
    rows
}

fn tax_row(
    order: &Order,
    rate: &Rate,
    amount: Decimal,
    id: u64,
    (kind, line_id, address_id): (&str, Option<u64>, u64),
    details: bool,
) -> Value {
    let same_priority: Decimal = order
        .spec
        .rates
        .iter()
        .filter(|other| other.priority == rate.priority)
        .map(|other| rate_total(order, other.id))
        .sum();
    let mut row = json!({
        "id": id,
        "order_id": order.id,
        "order_address_id": address_id,
        "tax_rate_id": id_shown(order, rate),
        "sales_tax_id": id_shown(order, rate),
        "tax_class_id": if kind == "item" { 0 } else { 2 },
        "name": rate.name,
        "class": "Default Tax Class",
        "rate": plain4(rate.percent),
        "priority": rate.priority,
        "priority_amount": plain4(same_priority),
        "line_amount": plain4(amount),
    });
    if details && let Value::Object(row) = &mut row {
        row.insert(
            "order_product_id".into(),
            line_id.map_or(Value::Null, |id| Value::String(id.to_string())),
        );
        row.insert("line_item_type".into(), Value::String(kind.to_owned()));
    }
    row
}

/// Rates of one name, percent and priority (two special districts) show one id: nothing in their
/// rows tells them apart, and both are due.
fn id_shown(order: &Order, rate: &Rate) -> u64 {
    let alike = |other: &&Rate| {
        other.name == rate.name && other.percent == rate.percent && other.priority == rate.priority
    };
    let first = order.spec.rates.iter().find(alike);
    first.map_or(rate.id, |first| first.id)
}

fn rate_total(order: &Order, rate_id: u64) -> Decimal {
    let lines = order
        .sums
        .lines
        .iter()
        .flat_map(|line| [&line.part, &line.wrapping]);
    lines
        .chain([&order.sums.shipping, &order.sums.handling])
        .chain(&order.sums.elsewhere)
        .flat_map(|part| &part.rows)
        .filter(|(id, _)| *id == rate_id)
        .map(|(_, amount)| *amount)
        .sum()
}

/// `/coupons`; here V2 writes `amount` and `discount` as numbers.
pub(crate) fn coupons(order: &Order) -> Vec<Value> {
    raw(order, "coupons").unwrap_or_else(|| {
        (1_u64..)
            .zip(&order.sums.coupons)
            .map(|(n, coupon)| {
                json!({
                    "id": order.id * 10 + n,
                    "coupon_id": n,
                    "order_id": order.id,
                    "code": coupon.code,
                    "amount": number(coupon.value),
                    "type": coupon.kind.number(),
                    "discount": number(coupon.discount),
                })
            })
            .collect()
    })
}

/// `/shipping_addresses`: none for an order that ships nothing.
pub(crate) fn shipping_addresses(order: &Order, links: &Links) -> Vec<Value> {
    if let Some(rows) = raw(order, "shipping_addresses") {
        return rows;
    }
    places(order, links, text4)
}

/// Every shipping address with its cost, the first one first.
fn places(order: &Order, links: &Links, spell: fn(Decimal) -> Value) -> Vec<Value> {
    let Some(first) = shipping(order, links, spell) else {
        return Vec::new();
    };
    let mut rows = vec![first];
    let further = order.spec.elsewhere.iter().zip(&order.elsewhere_ids);
    for ((there, id), part) in further.zip(&order.sums.elsewhere) {
        let mut row = rows[0].clone();
        if let Value::Object(row) = &mut row {
            extend(row, address(&there.address));
            row.insert("id".into(), json!(id));
            row.insert("base_cost".into(), spell(there.shipping));
            row.insert("cost_ex_tax".into(), spell(part.ex_tax()));
            row.insert("cost_inc_tax".into(), spell(part.inc_tax()));
            row.insert("cost_tax".into(), spell(part.tax));
            for name in ["ex_tax", "inc_tax", "tax"] {
                row.insert(format!("handling_cost_{name}"), spell(Decimal::ZERO));
            }
            row.insert("base_handling_cost".into(), spell(Decimal::ZERO));
        }
        rows.push(row);
    }
    rows
}

fn shipping(order: &Order, links: &Links, spell: fn(Decimal) -> Value) -> Option<Value> {
    if !has_shipping(order) {
        return None;
    }
    let mut body = Map::new();
    extend(&mut body, address(order.spec.shipping_address.as_ref()?));
    let quantity: i64 = order
        .spec
        .lines
        .iter()
        .filter(|line| line.kind == LineKind::Physical)
        .map(super::spec::LineSpec::pieces)
        .sum();
    let name = format!("shipping_addresses/{}/shipping_quotes", order.address_id);
    let fields = json!({
        "id": order.address_id,
        "order_id": order.id,
        "items_total": quantity,
        "items_shipped": if order.shipped.is_some() { quantity } else { 0 },
        "shipping_method": order.spec.shipping_method,
        "cost_tax_class_id": 2,
        "handling_cost_tax_class_id": 2,
        "shipping_zone_id": 1,
        "shipping_zone_name": "Everywhere",
        "shipping_quotes": link(order.id, &name, links),
    });
    extend(&mut body, fields);
    let sums = &order.sums;
    let mut put = |name: &str, amount| body.insert(name.to_owned(), spell(amount));
    put("base_cost", sums.base_shipping);
    put("cost_ex_tax", sums.shipping.ex_tax());
    put("cost_inc_tax", sums.shipping.inc_tax());
    put("cost_tax", sums.shipping.tax);
    put("base_handling_cost", sums.handling.gross);
    put("handling_cost_ex_tax", sums.handling.ex_tax());
    put("handling_cost_inc_tax", sums.handling.inc_tax());
    put("handling_cost_tax", sums.handling.tax);
    Some(Value::Object(body))
}

/// `/fees`.
pub(crate) fn fees(order: &Order) -> Vec<Value> {
    raw(order, "fees").unwrap_or_else(|| {
        (1_u64..)
            .zip(order.spec.fees.iter().zip(&order.sums.fees))
            .map(|(n, (fee, part))| {
                json!({
                    "id": order.id * 10 + n,
                    "type": "custom_fee",
                    "display_name_customer": fee.name,
                    "display_name_merchant": fee.name,
                    "source": "AA",
                    "base_cost": plain4(fee.amount),
                    "cost_ex_tax": plain4(part.ex_tax()),
                    "cost_inc_tax": plain4(part.inc_tax()),
                    "cost_tax": plain4(part.tax),
                    "tax_class_id": null,
                })
            })
            .collect()
    })
}

/// `/fees` as the vendor answers it, also when included: documented is an object, the only part of
/// an order that is no bare list.
pub(crate) fn fees_answer(order: &Order, rows: Vec<Value>) -> Value {
    if order.spec.fees_as_object {
        json!({ "fees": rows })
    } else {
        Value::Array(rows)
    }
}

/// `consignments` in the object structure. Unlike elsewhere in V2, costs are JSON numbers here.
pub(crate) fn consignments(order: &Order, links: &Links, line_items: bool) -> Value {
    let rows = products(order);
    let kind_of = |row: &Value| match row.get("type").and_then(Value::as_str) {
        Some("digital") => LineKind::Digital,
        Some("giftcertificate") => LineKind::GiftCertificate,
        _ => LineKind::Physical,
    };
    let items = |of: Vec<&Value>| -> Value {
        if line_items {
            of.into_iter().cloned().collect()
        } else {
            json!([link(order.id, "products", links)])
        }
    };
    let email = &order.spec.billing.email;
    let group = |kind: LineKind| -> Value {
        let of: Vec<&Value> = rows.iter().filter(|row| kind_of(row) == kind).collect();
        if of.is_empty() {
            return json!([]);
        }
        json!([{"recipient_email": email, "line_items": items(of)}])
    };
    let physical: Vec<&Value> = rows
        .iter()
        .filter(|row| kind_of(row) == LineKind::Physical)
        .collect();
    let mut ships: Vec<Value> = match raw(order, "shipping_addresses") {
        Some(rows) => rows,
        None => places(order, links, number),
    };
    if ships.is_empty() && !physical.is_empty() {
        // A raw order may name no address; its physical lines must still be somewhere.
        ships.push(json!({"id": order.address_id}));
    }
    let ids: Vec<Value> = ships.iter().map(|ship| ship["id"].clone()).collect();
    for (n, ship) in ships.iter_mut().enumerate() {
        let goes_here = |row: &&&Value| {
            let to = &row["order_address_id"];
            *to == ids[n] || (n == 0 && !ids.contains(to))
        };
        let of = physical.iter().filter(goes_here).copied().collect();
        if let Value::Object(ship) = ship {
            ship.insert("line_items".into(), items(of));
        }
    }
    json!({
        "pickups": [],
        "shipping": ships,
        "downloads": group(LineKind::Digital),
        "email": {"gift_certificates": group(LineKind::GiftCertificate)},
    })
}

/// `/messages` and `/shipments`: only what a raw order brought.
pub(crate) fn given(order: &Order, name: &str) -> Vec<Value> {
    raw(order, name).unwrap_or_default()
}

//! Changes to an order after it was placed: what a merchant clicks, and what a PUT may say.

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::model::{Order, status_name};
use super::spec::{Address, LineKind, LineSpec};
use crate::bigcommerce::money;

/// Adds a line at the end, taxed like the others.
pub(crate) fn add_line(
    order: &mut Order,
    name: &str,
    sku: &str,
    quantity: u32,
    unit_price: Decimal,
    line_id: u64,
) -> Result<(), String> {
    computed(order)?;
    let line = LineSpec {
        sku: sku.to_owned(),
        quantity,
        unit_price: money::round(unit_price, order.sums.digits),
        rate_ids: order.spec.all_rate_ids(),
        ..LineSpec::new(name, LineKind::Physical)
    };
    order.spec.lines.push(line);
    order.line_ids.push(line_id);
    order.recompute();
    Ok(())
}

/// Sets a line's quantity; 0 takes the line out.
pub(crate) fn edit_quantity(order: &mut Order, line: usize, quantity: u32) -> Result<(), String> {
    computed(order)?;
    let bundled = order.spec.lines.iter().any(|line| line.parent.is_some());
    if quantity == 0 && (bundled || !order.refunded.is_empty()) {
        return Err("a line of a bundle or a refunded order cannot be taken out".to_owned());
    }
    let count = order.spec.lines.len();
    let spec = order
        .spec
        .lines
        .get_mut(line)
        .ok_or_else(|| format!("there is no line {line}; the order has {count}, from 0"))?;
    if quantity > 0 {
        spec.quantity = quantity;
    } else {
        order.spec.lines.remove(line);
        order.line_ids.remove(line);
    }
    order.recompute();
    Ok(())
}

/// Sets what shipping costs; 0 makes it free.
pub(crate) fn set_shipping(order: &mut Order, cost: Decimal) -> Result<(), String> {
    computed(order)?;
    order.spec.shipping = money::round(cost, order.sums.digits);
    order.recompute();
    Ok(())
}

/// Puts the whole order into another transactional currency, figures as they are.
pub(crate) fn change_currency(order: &mut Order, code: &str) -> Result<(), String> {
    computed(order)?;
    if money::digits(code) != order.sums.digits {
        return Err(format!(
            "{code} has other decimals than {}; place a new order",
            order.spec.currency
        ));
    }
    code.clone_into(&mut order.spec.currency);
    code.clone_into(&mut order.spec.display_currency);
    order.recompute();
    Ok(())
}

/// Merges V2 address fields over an address. Unknown fields are refused by name.
pub(crate) fn change_address(
    address: &mut Address,
    fields: &Map<String, Value>,
) -> Result<(), String> {
    for (name, value) in fields {
        let slot = match name.as_str() {
            "first_name" => &mut address.first_name,
            "last_name" => &mut address.last_name,
            "company" => &mut address.company,
            "street_1" => &mut address.street_1,
            "street_2" => &mut address.street_2,
            "city" => &mut address.city,
            "state" => &mut address.state,
            "zip" => &mut address.zip,
            "country" => &mut address.country,
            "country_iso2" => &mut address.country_iso2,
            "phone" => &mut address.phone,
            "email" => &mut address.email,
            _ => return Err(format!("{name} is no field of an address")),
        };
        let text = value
            .as_str()
            .ok_or_else(|| format!("{name} must be text"))?;
        text.clone_into(slot);
    }
    Ok(())
}

/// Applies a V2 PUT. Answers the status before, when the status changed.
///
/// # Errors
/// The vendor's message for what cannot be written.
pub(crate) fn put(order: &mut Order, fields: &Map<String, Value>) -> Result<Option<u64>, String> {
    let before = order.status_id;
    for (name, value) in fields {
        match name.as_str() {
            "custom_status" | "id" | "date_modified" => {
                return Err(format!("The field '{name}' is read-only."));
            }
            "status_id" => {
                let id = value.as_u64().filter(|id| *id < 15);
                order.status_id = id.ok_or("The field 'status_id' is invalid.")?;
            }
            "billing_address" => {
                let fields = value
                    .as_object()
                    .ok_or("The field 'billing_address' is invalid.")?;
                change_address(&mut order.spec.billing, fields)?;
            }
            "customer_id" => {
                order.spec.customer_id = value
                    .as_u64()
                    .ok_or("The field 'customer_id' is invalid.")?;
            }
            "staff_notes" => text(value).clone_into(&mut order.spec.staff_notes),
            "customer_message" => text(value).clone_into(&mut order.spec.customer_message),
            "payment_method" => text(value).clone_into(&mut order.spec.payment_method),
            "payment_provider_id" => order.spec.payment_provider = value.clone(),
            "products" => return Err("This sandbox edits products by its actions only.".to_owned()),
            "external_id"
            | "external_order_id"
            | "external_source"
            | "external_merchant_id"
            | "ip_address"
            | "channel_id" => {
                order.overrides.insert(name.clone(), value.clone());
            }
            _ => return Err(format!("The field '{name}' cannot be written here.")),
        }
    }
    Ok((before != order.status_id).then_some(before))
}

/// Sets a status by hand, without moving money.
pub(crate) fn set_status(order: &mut Order, status_id: u64) -> Result<u64, String> {
    if status_name(status_id).is_empty() {
        return Err(format!("{status_id} is no status; they go from 0 to 14"));
    }
    let before = order.status_id;
    order.status_id = status_id;
    if status_id == 2 && order.shipped.is_none() {
        order.shipped = Some(crate::clock::now());
    }
    Ok(before)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn computed(order: &Order) -> Result<(), String> {
    if order.raw.is_some() {
        return Err(
            "a raw order has no sums to compute; place a new raw order with the wanted figures"
                .to_owned(),
        );
    }
    Ok(())
}

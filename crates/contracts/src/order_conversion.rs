//! Wire and domain forms of an order.
//!
//! Amounts travel as decimal text, absent ids as 0, absent texts as empty. Reading checks what the
//! domain's types promise and names the field that breaks it. Not here: rules about orders (see
//! `domain::validate`).

use domain::money::Currency;
use domain::order as d;
use rust_decimal::Decimal;

use crate::order as w;

/// A wire message that is no order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConversionError {
    #[error("{field} is missing; the sender must fill it")]
    Missing { field: &'static str },
    #[error("{field} is no decimal number; the sender must write plain decimal text")]
    NotDecimal { field: &'static str },
    #[error("{field} names no known value; sender and receiver differ in version")]
    UnknownValue { field: &'static str },
    #[error("{field} is no currency Tillbook knows")]
    Currency {
        field: &'static str,
        source: domain::money::Error,
    },
}

type Read<T> = Result<T, ConversionError>;

/// The order as it travels.
pub fn to_wire(order: &d::Order) -> w::Order {
    w::Order {
        id: order.id,
        status_id: order.status_id,
        customer_id: order.customer_id.unwrap_or(0),
        currency_code: order.currency.code().to_owned(),
        is_deleted: order.is_deleted,
        tax_inclusive: order.tax_inclusive,
        created_at_s: order.created_at_s,
        modified_at_s: order.modified_at_s,
        totals: Some(totals_to_wire(&order.totals)),
        billing_address: Some(address_to_wire(&order.billing_address)),
        shipping_addresses: order
            .shipping_addresses
            .iter()
            .map(address_to_wire)
            .collect(),
        products: order.products.iter().map(product_to_wire).collect(),
        taxes: order.taxes.iter().map(tax_to_wire).collect(),
        coupons: order.coupons.iter().map(coupon_to_wire).collect(),
        fees: order.fees.iter().map(fee_to_wire).collect(),
        transactions: order.transactions.iter().map(transaction_to_wire).collect(),
        refunds: order.refunds.iter().map(refund_to_wire).collect(),
        payment_method: order.payment_method.clone(),
        payment_provider_id: order.payment_provider_id.clone(),
        payment_status: order.payment_status.clone(),
        customer_message: order.customer_message.clone(),
        staff_notes: order.staff_notes.clone(),
        order_source: order.order_source.clone(),
        external_id: order.external_id.clone(),
        external_order_id: order.external_order_id.clone(),
        channel_id: order.channel_id.clone(),
        custom_status: order.custom_status.clone(),
        store_time_zone: order.store_time_zone.clone(),
        status: order.status.clone(),
    }
}

/// The order that travelled.
pub fn from_wire(order: &w::Order) -> Read<d::Order> {
    let missing = |field| ConversionError::Missing { field };
    Ok(d::Order {
        id: order.id,
        status_id: order.status_id,
        status: order.status.clone(),
        custom_status: order.custom_status.clone(),
        customer_id: id(order.customer_id),
        currency: currency("order.currency_code", &order.currency_code)?,
        is_deleted: order.is_deleted,
        tax_inclusive: order.tax_inclusive,
        created_at_s: order.created_at_s,
        modified_at_s: order.modified_at_s,
        totals: totals(order.totals.as_ref().ok_or(missing("order.totals"))?)?,
        billing_address: order
            .billing_address
            .as_ref()
            .map(address)
            .unwrap_or_default(),
        shipping_addresses: order.shipping_addresses.iter().map(address).collect(),
        products: order.products.iter().map(product).collect::<Read<_>>()?,
        taxes: order.taxes.iter().map(tax).collect::<Read<_>>()?,
        coupons: order.coupons.iter().map(coupon).collect::<Read<_>>()?,
        fees: order.fees.iter().map(fee).collect::<Read<_>>()?,
        transactions: order
            .transactions
            .iter()
            .map(transaction)
            .collect::<Read<_>>()?,
        refunds: order.refunds.iter().map(refund).collect::<Read<_>>()?,
        payment_method: order.payment_method.clone(),
        payment_provider_id: order.payment_provider_id.clone(),
        payment_status: order.payment_status.clone(),
        customer_message: order.customer_message.clone(),
        staff_notes: order.staff_notes.clone(),
        order_source: order.order_source.clone(),
        external_id: order.external_id.clone(),
        external_order_id: order.external_order_id.clone(),
        channel_id: order.channel_id.clone(),
        store_time_zone: order.store_time_zone.clone(),
    })
}

fn id(id: u64) -> Option<u64> {
    (id != 0).then_some(id)
}

fn text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

pub(crate) fn currency(field: &'static str, code: &str) -> Read<Currency> {
    Currency::from_code(code).map_err(|source| ConversionError::Currency { field, source })
}

/// Decimal text; empty is zero, as protobuf leaves defaults out.
pub(crate) fn decimal(field: &'static str, text: &str) -> Read<Decimal> {
    if text.is_empty() {
        return Ok(Decimal::ZERO);
    }
    text.parse()
        .map_err(|_| ConversionError::NotDecimal { field })
}

/// The place of `value` in the list of wire names.
fn named<T: Copy>(field: &'static str, table: &[(&str, T)], name: &str) -> Read<T> {
    table
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, value)| *value)
        .ok_or(ConversionError::UnknownValue { field })
}

fn name_of<T: Copy + PartialEq>(table: &[(&'static str, T)], value: T) -> String {
    table
        .iter()
        .find(|(_, known)| *known == value)
        .map_or("", |(name, _)| name)
        .to_owned()
}

const PRODUCT_TYPES: &[(&str, d::ProductType)] = &[
    ("physical", d::ProductType::Physical),
    ("digital", d::ProductType::Digital),
    ("giftcertificate", d::ProductType::GiftCertificate),
];
const DISCOUNT_TARGETS: &[(&str, d::DiscountTarget)] = &[
    ("order", d::DiscountTarget::Order),
    ("product", d::DiscountTarget::Product),
];
const TAXED_ITEMS: &[(&str, d::TaxedItem)] = &[
    ("", d::TaxedItem::Unspecified),
    ("item", d::TaxedItem::Item),
    ("shipping", d::TaxedItem::Shipping),
    ("handling", d::TaxedItem::Handling),
    ("gift-wrapping", d::TaxedItem::Wrapping),
    ("fee", d::TaxedItem::Fee),
];
const EVENTS: &[(&str, d::TransactionEvent)] = &[
    ("purchase", d::TransactionEvent::Purchase),
    ("authorization", d::TransactionEvent::Authorization),
    ("capture", d::TransactionEvent::Capture),
    ("refund", d::TransactionEvent::Refund),
    ("void", d::TransactionEvent::Void),
    ("pending", d::TransactionEvent::Pending),
    ("settled", d::TransactionEvent::Settled),
];
const REFUND_ITEMS: &[(&str, d::RefundItemType)] = &[
    ("PRODUCT", d::RefundItemType::Product),
    ("GIFT_WRAPPING", d::RefundItemType::GiftWrapping),
    ("SHIPPING", d::RefundItemType::Shipping),
    ("HANDLING", d::RefundItemType::Handling),
    ("ORDER", d::RefundItemType::Order),
    ("FEE", d::RefundItemType::Fee),
];
/// By BigCommerce's numbers, 0 to 5.
const COUPON_TYPES: [d::CouponType; 6] = [
    d::CouponType::PerItem,
    d::CouponType::Percent,
    d::CouponType::PerTotal,
    d::CouponType::Shipping,
    d::CouponType::FreeShipping,
    d::CouponType::Promotion,
];

fn amounts_to_wire(amounts: &d::Amounts) -> Option<w::Amounts> {
    Some(w::Amounts {
        ex_tax: amounts.ex_tax.to_string(),
        inc_tax: amounts.inc_tax.to_string(),
        tax: amounts.tax.to_string(),
    })
}

fn amounts(field: &'static str, amounts: Option<&w::Amounts>) -> Read<d::Amounts> {
    let Some(amounts) = amounts else {
        return Ok(d::Amounts::default());
    };
    Ok(d::Amounts {
        ex_tax: decimal(field, &amounts.ex_tax)?,
        inc_tax: decimal(field, &amounts.inc_tax)?,
        tax: decimal(field, &amounts.tax)?,
    })
}

fn totals_to_wire(totals: &d::Totals) -> w::Totals {
    w::Totals {
        subtotal: amounts_to_wire(&totals.subtotal),
        shipping: amounts_to_wire(&totals.shipping),
        handling: amounts_to_wire(&totals.handling),
        wrapping: amounts_to_wire(&totals.wrapping),
        total: amounts_to_wire(&totals.total),
        discount_amount: totals.discount_amount.to_string(),
        coupon_discount: totals.coupon_discount.to_string(),
        gift_certificate_amount: totals.gift_certificate_amount.to_string(),
        store_credit_amount: totals.store_credit_amount.to_string(),
    }
}

fn totals(totals: &w::Totals) -> Read<d::Totals> {
    Ok(d::Totals {
        subtotal: amounts("totals.subtotal", totals.subtotal.as_ref())?,
        shipping: amounts("totals.shipping", totals.shipping.as_ref())?,
        handling: amounts("totals.handling", totals.handling.as_ref())?,
        wrapping: amounts("totals.wrapping", totals.wrapping.as_ref())?,
        total: amounts("totals.total", totals.total.as_ref())?,
        discount_amount: decimal("totals.discount_amount", &totals.discount_amount)?,
        coupon_discount: decimal("totals.coupon_discount", &totals.coupon_discount)?,
        gift_certificate_amount: decimal(
            "totals.gift_certificate_amount",
            &totals.gift_certificate_amount,
        )?,
        store_credit_amount: decimal("totals.store_credit_amount", &totals.store_credit_amount)?,
    })
}

fn address_to_wire(address: &d::Address) -> w::Address {
    let field = |field: &d::FormField| w::FormField {
        name: field.name.clone(),
        value: field.value.clone(),
    };
    w::Address {
        first_name: address.first_name.clone(),
        last_name: address.last_name.clone(),
        company: address.company.clone(),
        street_1: address.street_1.clone(),
        street_2: address.street_2.clone(),
        city: address.city.clone(),
        state: address.state.clone(),
        zip: address.zip.clone(),
        country: address.country.clone(),
        country_iso2: address.country_iso2.clone(),
        phone: address.phone.clone(),
        email: address.email.clone(),
        form_fields: address.form_fields.iter().map(field).collect(),
        id: address.id.unwrap_or(0),
        shipping_method: address.shipping_method.clone(),
    }
}

fn address(address: &w::Address) -> d::Address {
    let field = |field: &w::FormField| d::FormField {
        name: field.name.clone(),
        value: field.value.clone(),
    };
    d::Address {
        id: id(address.id),
        first_name: address.first_name.clone(),
        last_name: address.last_name.clone(),
        company: address.company.clone(),
        street_1: address.street_1.clone(),
        street_2: address.street_2.clone(),
        city: address.city.clone(),
        state: address.state.clone(),
        zip: address.zip.clone(),
        country: address.country.clone(),
        country_iso2: address.country_iso2.clone(),
        phone: address.phone.clone(),
        email: address.email.clone(),
        form_fields: address.form_fields.iter().map(field).collect(),
        shipping_method: address.shipping_method.clone(),
    }
}

fn product_to_wire(line: &d::ProductLine) -> w::ProductLine {
    let discount = |share: &d::AppliedDiscount| w::AppliedDiscount {
        id: share.id.clone(),
        amount: share.amount.to_string(),
        name: share.name.clone(),
        code: share.code.clone(),
        target: name_of(DISCOUNT_TARGETS, share.target),
    };
    let option = |option: &d::ProductOption| w::Option {
        display_name: option.display_name.clone(),
        display_value: option.display_value.clone(),
    };
    w::ProductLine {
        id: line.id,
        product_id: line.product_id.unwrap_or(0),
        variant_id: line.variant_id.unwrap_or(0),
        order_address_id: line.order_address_id.unwrap_or(0),
        name: line.name.clone(),
        sku: line.sku.clone(),
        r#type: name_of(PRODUCT_TYPES, line.product_type),
        quantity: line.quantity.to_string(),
        price: amounts_to_wire(&line.price),
        total: amounts_to_wire(&line.total),
        base_price: line.base_price.to_string(),
        discounted_total_inc_tax: optional(line.discounted_total_inc_tax),
        applied_discounts: line.applied_discounts.iter().map(discount).collect(),
        options: line.options.iter().map(option).collect(),
        parent_order_product_id: line.parent_order_product_id.unwrap_or(0),
        quantity_refunded: line.quantity_refunded.to_string(),
        wrapping: amounts_to_wire(&line.wrapping),
        upc: line.upc.clone(),
        wrapping_name: line.wrapping_name.clone(),
    }
}

fn optional(amount: Option<Decimal>) -> String {
    amount.map(|amount| amount.to_string()).unwrap_or_default()
}

fn decimal_or_none(field: &'static str, text: &str) -> Read<Option<Decimal>> {
    if text.is_empty() {
        Ok(None)
    } else {
        decimal(field, text).map(Some)
    }
}

fn product(line: &w::ProductLine) -> Read<d::ProductLine> {
    let discount = |share: &w::AppliedDiscount| {
        Ok(d::AppliedDiscount {
            id: share.id.clone(),
            amount: decimal("products.applied_discounts.amount", &share.amount)?,
            name: share.name.clone(),
            code: share.code.clone(),
            target: named(
                "products.applied_discounts.target",
                DISCOUNT_TARGETS,
                &share.target,
            )?,
        })
    };
    let option = |option: &w::Option| d::ProductOption {
        display_name: option.display_name.clone(),
        display_value: option.display_value.clone(),
    };
    Ok(d::ProductLine {
        id: line.id,
        product_id: id(line.product_id),
        variant_id: id(line.variant_id),
        order_address_id: id(line.order_address_id),
        name: line.name.clone(),
        sku: line.sku.clone(),
        product_type: named("products.type", PRODUCT_TYPES, &line.r#type)?,
        quantity: decimal("products.quantity", &line.quantity)?,
        price: amounts("products.price", line.price.as_ref())?,
        total: amounts("products.total", line.total.as_ref())?,
        base_price: decimal("products.base_price", &line.base_price)?,
        discounted_total_inc_tax: decimal_or_none(
            "products.discounted_total_inc_tax",
            &line.discounted_total_inc_tax,
        )?,
        applied_discounts: line
            .applied_discounts
            .iter()
            .map(discount)
            .collect::<Read<_>>()?,
        options: line.options.iter().map(option).collect(),
        parent_order_product_id: id(line.parent_order_product_id),
        quantity_refunded: decimal("products.quantity_refunded", &line.quantity_refunded)?,
        wrapping: amounts("products.wrapping", line.wrapping.as_ref())?,
        wrapping_name: line.wrapping_name.clone(),
        upc: line.upc.clone(),
    })
}

fn tax_to_wire(row: &d::TaxRow) -> w::TaxRow {
    w::TaxRow {
        order_product_id: row.order_product_id.unwrap_or(0),
        line_item_type: name_of(TAXED_ITEMS, row.item),
        name: row.name.clone(),
        class: row.class.clone(),
        rate: row.rate.to_string(),
        priority: row.priority,
        priority_amount: row.priority_amount.to_string(),
        line_amount: row.line_amount.to_string(),
        order_address_id: row.order_address_id.unwrap_or(0),
    }
}

fn tax(row: &w::TaxRow) -> Read<d::TaxRow> {
    Ok(d::TaxRow {
        order_product_id: id(row.order_product_id),
        order_address_id: id(row.order_address_id),
        item: named("taxes.line_item_type", TAXED_ITEMS, &row.line_item_type)?,
        name: row.name.clone(),
        class: row.class.clone(),
        rate: decimal("taxes.rate", &row.rate)?,
        priority: row.priority,
        priority_amount: decimal("taxes.priority_amount", &row.priority_amount)?,
        line_amount: decimal("taxes.line_amount", &row.line_amount)?,
    })
}

fn coupon_to_wire(coupon: &d::Coupon) -> w::Coupon {
    let place = COUPON_TYPES
        .iter()
        .zip(0_u32..)
        .find(|(known, _)| **known == coupon.coupon_type);
    w::Coupon {
        code: coupon.code.clone(),
        amount: coupon.amount.to_string(),
        discount: coupon.discount.to_string(),
        r#type: place.map_or(0, |(_, place)| place),
    }
}

fn coupon(coupon: &w::Coupon) -> Read<d::Coupon> {
    let coupon_type = usize::try_from(coupon.r#type)
        .ok()
        .and_then(|at| COUPON_TYPES.get(at));
    Ok(d::Coupon {
        code: coupon.code.clone(),
        amount: decimal("coupons.amount", &coupon.amount)?,
        discount: decimal("coupons.discount", &coupon.discount)?,
        coupon_type: *coupon_type.ok_or(ConversionError::UnknownValue {
            field: "coupons.type",
        })?,
    })
}

fn fee_to_wire(fee: &d::Fee) -> w::Fee {
    w::Fee {
        id: fee.id,
        name: fee.name.clone(),
        r#type: fee.fee_type.clone(),
        cost: amounts_to_wire(&fee.cost),
    }
}

fn fee(fee: &w::Fee) -> Read<d::Fee> {
    Ok(d::Fee {
        id: fee.id,
        name: fee.name.clone(),
        fee_type: fee.r#type.clone(),
        cost: amounts("fees.cost", fee.cost.as_ref())?,
    })
}

fn transaction_to_wire(money: &d::Transaction) -> w::Transaction {
    w::Transaction {
        id: money.id.clone(),
        order_id: money.order_id.clone(),
        event: name_of(EVENTS, money.event),
        method: money.method.clone(),
        amount: money.amount.to_string(),
        currency_code: money.currency.code().to_owned(),
        gateway: money.gateway.clone(),
        gateway_transaction_id: money.gateway_transaction_id.clone(),
        status: if money.ok { "ok" } else { "error" }.to_owned(),
        test: money.test,
        reference_transaction_id: money.reference_transaction_id.clone().unwrap_or_default(),
        created_at_s: money.created_at_s,
        card_type: money.card_type.clone(),
    }
}

fn transaction(money: &w::Transaction) -> Read<d::Transaction> {
    Ok(d::Transaction {
        id: money.id.clone(),
        order_id: money.order_id.clone(),
        event: named("transactions.event", EVENTS, &money.event)?,
        method: money.method.clone(),
        amount: decimal("transactions.amount", &money.amount)?,
        currency: currency("transactions.currency_code", &money.currency_code)?,
        gateway: money.gateway.clone(),
        gateway_transaction_id: money.gateway_transaction_id.clone(),
        ok: named(
            "transactions.status",
            &[("ok", true), ("error", false)],
            &money.status,
        )?,
        test: money.test,
        reference_transaction_id: text(&money.reference_transaction_id),
        created_at_s: money.created_at_s,
        card_type: money.card_type.clone(),
    })
}

fn refund_to_wire(refund: &d::Refund) -> w::Refund {
    let item = |item: &d::RefundItem| w::RefundItem {
        item_type: name_of(REFUND_ITEMS, item.item_type),
        item_id: item.item_id.clone(),
        quantity: item.quantity.to_string(),
        requested_amount: optional(item.requested_amount),
    };
    let payment = |payment: &d::RefundPayment| w::RefundPayment {
        id: payment.id.clone(),
        provider_id: payment.provider_id.clone(),
        amount: payment.amount.to_string(),
        offline: payment.offline,
        is_declined: payment.is_declined,
    };
    w::Refund {
        id: refund.id.clone(),
        created_at_s: refund.created_at_s,
        reason: refund.reason.clone(),
        total_amount: refund.total_amount.to_string(),
        total_tax: refund.total_tax.to_string(),
        items: refund.items.iter().map(item).collect(),
        payments: refund.payments.iter().map(payment).collect(),
    }
}

fn refund(refund: &w::Refund) -> Read<d::Refund> {
    let item = |item: &w::RefundItem| {
        Ok(d::RefundItem {
            item_type: named("refunds.items.item_type", REFUND_ITEMS, &item.item_type)?,
            item_id: item.item_id.clone(),
            quantity: decimal("refunds.items.quantity", &item.quantity)?,
            requested_amount: decimal_or_none(
                "refunds.items.requested_amount",
                &item.requested_amount,
            )?,
        })
    };
    let payment = |payment: &w::RefundPayment| {
        Ok(d::RefundPayment {
            id: payment.id.clone(),
            provider_id: payment.provider_id.clone(),
            amount: decimal("refunds.payments.amount", &payment.amount)?,
            offline: payment.offline,
            is_declined: payment.is_declined,
        })
    };
    Ok(d::Refund {
        id: refund.id.clone(),
        created_at_s: refund.created_at_s,
        reason: refund.reason.clone(),
        total_amount: decimal("refunds.total_amount", &refund.total_amount)?,
        total_tax: decimal("refunds.total_tax", &refund.total_tax)?,
        items: refund.items.iter().map(item).collect::<Read<_>>()?,
        payments: refund.payments.iter().map(payment).collect::<Read<_>>()?,
    })
}

#[cfg(test)]
mod tests;

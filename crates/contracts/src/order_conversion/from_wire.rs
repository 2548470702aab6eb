//! The order that travelled, read field by field.

use domain::money::Currency;
use domain::order as d;
use rust_decimal::Decimal;

use super::names::{
    COUPON_TYPES, DISCOUNT_TARGETS, EVENTS, PRODUCT_TYPES, REFUND_ITEMS, TAXED_ITEMS, named,
};
use super::{ConversionError, Read};
use crate::order as w;

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
        store_decimals: order.store_decimals,
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

fn decimal_or_none(field: &'static str, text: &str) -> Read<Option<Decimal>> {
    if text.is_empty() {
        Ok(None)
    } else {
        decimal(field, text).map(Some)
    }
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

pub(crate) fn address(address: &w::Address) -> d::Address {
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

fn fee(fee: &w::Fee) -> Read<d::Fee> {
    Ok(d::Fee {
        id: fee.id,
        name: fee.name.clone(),
        fee_type: fee.r#type.clone(),
        cost: amounts("fees.cost", fee.cost.as_ref())?,
    })
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
            transaction_id: payment.transaction_id.clone(),
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

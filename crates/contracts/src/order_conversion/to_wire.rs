//! The order as it travels.

use domain::order as d;
use rust_decimal::Decimal;

use super::names::{
    COUPON_TYPES, DISCOUNT_TARGETS, EVENTS, PRODUCT_TYPES, REFUND_ITEMS, TAXED_ITEMS, name_of,
};
use crate::order as w;

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
        store_decimals: order.store_decimals,
        status: order.status.clone(),
    }
}

fn amounts_to_wire(amounts: &d::Amounts) -> Option<w::Amounts> {
    Some(w::Amounts {
        ex_tax: amounts.ex_tax.to_string(),
        inc_tax: amounts.inc_tax.to_string(),
        tax: amounts.tax.to_string(),
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

pub(crate) fn address_to_wire(address: &d::Address) -> w::Address {
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

fn fee_to_wire(fee: &d::Fee) -> w::Fee {
    w::Fee {
        id: fee.id,
        name: fee.name.clone(),
        r#type: fee.fee_type.clone(),
        cost: amounts_to_wire(&fee.cost),
    }
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
        transaction_id: payment.transaction_id.clone(),
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

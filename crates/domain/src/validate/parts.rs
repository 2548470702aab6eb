//! The parts of an order: lines, taxes, addresses, transactions, refunds.
//!
//! Each function reads one object and notes its faults. Not here: rules across parts.

use rust_decimal::Decimal;

use super::reader::Node;
use crate::money::Currency;
use crate::order::{
    Address, Amounts, AppliedDiscount, Coupon, CouponType, DiscountTarget, Fee, FormField,
    ProductLine, ProductOption, ProductType, Refund, RefundItem, RefundItemType, RefundPayment,
    TaxRow, TaxedItem, Transaction, TransactionEvent,
};

/// Keys for without tax, with tax, tax. A missing one follows from the others.
pub(super) fn amounts(node: &Node<'_>, keys: [&str; 3]) -> Amounts {
    let [ex_tax, inc_tax, tax] = keys.map(|key| node.get(key).money_or_none());
    complete(ex_tax, inc_tax, tax)
}

fn complete(ex_tax: Option<Decimal>, inc_tax: Option<Decimal>, tax: Option<Decimal>) -> Amounts {
    let known_tax = tax.unwrap_or(Decimal::ZERO);
    match (ex_tax, inc_tax) {
        (Some(ex_tax), Some(inc_tax)) => {
            let tax = tax.or(inc_tax.checked_sub(ex_tax)).unwrap_or(Decimal::ZERO);
            Amounts {
                ex_tax,
                inc_tax,
                tax,
            }
        }
        (Some(ex_tax), None) => {
            let inc_tax = ex_tax.checked_add(known_tax).unwrap_or(ex_tax);
            Amounts {
                ex_tax,
                inc_tax,
                tax: known_tax,
            }
        }
        (None, Some(inc_tax)) => {
            let ex_tax = inc_tax.checked_sub(known_tax).unwrap_or(inc_tax);
            Amounts {
                ex_tax,
                inc_tax,
                tax: known_tax,
            }
        }
        (None, None) => Amounts {
            tax: known_tax,
            ..Amounts::default()
        },
    }
}

pub(super) fn address(node: &Node<'_>) -> Address {
    Address {
        id: node.get("id").id(),
        first_name: node.get("first_name").text(),
        last_name: node.get("last_name").text(),
        company: node.get("company").text(),
        street_1: node.get("street_1").text(),
        street_2: node.get("street_2").text(),
        city: node.get("city").text(),
        state: node.get("state").text(),
        zip: node.get("zip").text(),
        country: node.get("country").text(),
        country_iso2: node.get("country_iso2").text(),
        phone: node.get("phone").text(),
        email: node.get("email").text(),
        form_fields: node.get("form_fields").list(form_field),
        shipping_method: node.get("shipping_method").text(),
    }
}

fn form_field(node: &Node<'_>) -> FormField {
    FormField {
        name: node.get("name").text(),
        value: node.get("value").answer(),
    }
}

pub(super) fn product(node: &Node<'_>) -> ProductLine {
    let quantity = node.get("quantity");
    let pieces = quantity.money();
    if quantity.is_absent() {
        quantity.fault(
            "missing_quantity",
            "is missing; correct the order in the store",
        );
    }
    let product_type = match node.get("type").text().as_str() {
        "digital" => ProductType::Digital,
        "giftcertificate" => ProductType::GiftCertificate,
        _ => ProductType::Physical,
    };
    ProductLine {
        id: node.get("id").whole(),
        product_id: node.get("product_id").id(),
        variant_id: node.get("variant_id").id(),
        order_address_id: node.get("order_address_id").id(),
        name: node.get("name").text(),
        sku: node.get("sku").text(),
        product_type,
        quantity: pieces,
        price: amounts(node, ["price_ex_tax", "price_inc_tax", "price_tax"]),
        total: amounts(node, ["total_ex_tax", "total_inc_tax", "total_tax"]),
        base_price: node.get("base_price").money(),
        discounted_total_inc_tax: node.get("discounted_total_inc_tax").money_or_none(),
        applied_discounts: node.get("applied_discounts").list(applied_discount),
        options: node.get("product_options").list(option),
        parent_order_product_id: node.get("parent_order_product_id").id(),
        quantity_refunded: node.get("quantity_refunded").money(),
        wrapping: amounts(
            node,
            [
                "wrapping_cost_ex_tax",
                "wrapping_cost_inc_tax",
                "wrapping_cost_tax",
            ],
        ),
        wrapping_name: node.get("wrapping_name").text(),
        upc: node.get("upc").text(),
    }
}

fn applied_discount(node: &Node<'_>) -> AppliedDiscount {
    let target = match node.get("target").text().as_str() {
        "product" => DiscountTarget::Product,
        _ => DiscountTarget::Order,
    };
    AppliedDiscount {
        id: node.get("id").text(),
        amount: node.get("amount").money(),
        name: node.get("name").text(),
        code: node.get("code").text(),
        target,
    }
}

fn option(node: &Node<'_>) -> ProductOption {
    ProductOption {
        display_name: node.get("display_name").text(),
        display_value: node.get("display_value").answer(),
    }
}

pub(super) fn tax(node: &Node<'_>) -> TaxRow {
    let item = match node.get("line_item_type").text().as_str() {
        "item" => TaxedItem::Item,
        "shipping" => TaxedItem::Shipping,
        "handling" => TaxedItem::Handling,
        "gift-wrapping" | "gift_wrapping" | "wrapping" => TaxedItem::Wrapping,
        "fee" => TaxedItem::Fee,
        _ => TaxedItem::Unspecified,
    };
    let rate = node.get("rate").money();
    if rate < Decimal::ZERO || rate > Decimal::ONE_THOUSAND {
        node.get("rate").fault(
            "impossible_tax_rate",
            format_args!("is {rate} percent, outside 0 to 1000; correct the store's tax settings"),
        );
    }
    TaxRow {
        order_product_id: node.get("order_product_id").id(),
        order_address_id: node.get("order_address_id").id(),
        item,
        name: node.get("name").text(),
        class: node.get("class").text(),
        rate,
        priority: u32::try_from(node.get("priority").whole()).unwrap_or(u32::MAX),
        priority_amount: node.get("priority_amount").money(),
        line_amount: node.get("line_amount").money(),
    }
}

pub(super) fn coupon(node: &Node<'_>) -> Coupon {
    let coupon_type = match node.get("type").whole() {
        0 => CouponType::PerItem,
        1 => CouponType::Percent,
        2 => CouponType::PerTotal,
        3 => CouponType::Shipping,
        4 => CouponType::FreeShipping,
        _ => CouponType::Promotion,
    };
    Coupon {
        code: node.get("code").text(),
        amount: node.get("amount").money(),
        discount: node.get("discount").money(),
        coupon_type,
    }
}

pub(super) fn fee(node: &Node<'_>) -> Fee {
    // One official sample spells it `cost_exc_tax`.
    let ex_tax = node
        .get_any(&["cost_ex_tax", "cost_exc_tax"])
        .money_or_none();
    let inc_tax = node.get("cost_inc_tax").money_or_none();
    let tax = node.get("cost_tax").money_or_none();
    let cost = if ex_tax.is_none() && inc_tax.is_none() {
        let cost = node.get("cost").money_or_none();
        complete(cost, cost, tax)
    } else {
        complete(ex_tax, inc_tax, tax)
    };
    Fee {
        id: node.get("id").whole(),
        name: node
            .get_any(&["display_name_customer", "name", "display_name"])
            .text(),
        fee_type: node.get("type").text(),
        cost,
    }
}

/// `None` only beside a fault.
pub(super) fn transaction(node: &Node<'_>, order: Option<Currency>) -> Option<Transaction> {
    let event = match node.get("event").text().as_str() {
        "purchase" => TransactionEvent::Purchase,
        "authorization" => TransactionEvent::Authorization,
        "capture" => TransactionEvent::Capture,
        "refund" => TransactionEvent::Refund,
        "void" => TransactionEvent::Void,
        "pending" => TransactionEvent::Pending,
        "settled" => TransactionEvent::Settled,
        _ => {
            node.get("event").fault(
                "unknown_transaction_event",
                "is no event Tillbook knows, so it cannot tell whether it is money; update \
                 Tillbook or book the order by hand",
            );
            return None;
        }
    };
    let id = node.get("id").text();
    if id.trim().is_empty() {
        node.get("id").fault(
            "missing_transaction_id",
            "is missing; fetch the order again",
        );
    }
    let amount = node.get("amount").money();
    if amount < Decimal::ZERO {
        let message = format_args!("is {amount}, below zero; book the payment by hand").to_string();
        node.get("amount").fault("negative_payment", message);
    }
    let code = node.get("currency").text();
    let currency = match Currency::from_code(&code) {
        Ok(currency) => Some(currency),
        // Some gateways report none; the order's own is meant.
        Err(_) if code.trim().is_empty() => order,
        Err(_) => {
            let message = "is no ISO 4217 currency Tillbook knows; book the payment by hand";
            node.get("currency").fault("unknown_currency", message);
            None
        }
    };
    let transaction = Transaction {
        id,
        order_id: node.get("order_id").text(),
        event,
        method: node.get("method").text(),
        amount,
        currency: currency?,
        gateway: node.get("gateway").text(),
        gateway_transaction_id: node.get("gateway_transaction_id").text(),
        ok: node.get("status").text() == "ok",
        test: node.get("test").flag_or_none().unwrap_or(false),
        reference_transaction_id: Some(node.get("reference_transaction_id").text())
            .filter(|id| !id.is_empty() && id != "0"),
        created_at_s: node.get("date_created").time(),
        card_type: card_type(node),
    };
    if let Some(order) = order
        && order != transaction.currency
        && is_money(&transaction)
    {
        node.get("currency").fault(
            "capture_currency_differs",
            format_args!(
                "is {}, but the order is in {order}; book the payment by hand",
                transaction.currency
            ),
        );
    }
    Some(transaction)
}

fn is_money(transaction: &Transaction) -> bool {
    use TransactionEvent::{Capture, Purchase, Settled};
    let taken = matches!(transaction.event, Capture | Purchase | Settled);
    taken && transaction.ok && !transaction.test
}

fn card_type(node: &Node<'_>) -> String {
    let card = node.get("credit_card");
    if card.is_object() {
        card.get("card_type").text()
    } else {
        String::new()
    }
}

pub(super) fn refund(node: &Node<'_>) -> Refund {
    Refund {
        id: node.get("id").text(),
        created_at_s: node.get("created").time(),
        reason: node.get("reason").text(),
        total_amount: node.get("total_amount").money(),
        total_tax: node.get("total_tax").money(),
        items: node.get("items").list(refund_item),
        payments: node.get("payments").list(refund_payment),
    }
}

fn refund_item(node: &Node<'_>) -> RefundItem {
    let item_type = match node.get("item_type").text().as_str() {
        "PRODUCT" => RefundItemType::Product,
        "GIFT_WRAPPING" => RefundItemType::GiftWrapping,
        "SHIPPING" => RefundItemType::Shipping,
        "HANDLING" => RefundItemType::Handling,
        "FEE" => RefundItemType::Fee,
        _ => RefundItemType::Order,
    };
    RefundItem {
        item_type,
        item_id: node.get("item_id").text(),
        quantity: node.get("quantity").money(),
        requested_amount: node.get("requested_amount").money_or_none(),
    }
}

fn refund_payment(node: &Node<'_>) -> RefundPayment {
    RefundPayment {
        id: node.get("id").text(),
        provider_id: node.get("provider_id").text(),
        amount: node.get("amount").money(),
        offline: node.get("offline").flag_or_none().unwrap_or(false),
        is_declined: node.get("is_declined").flag_or_none().unwrap_or(false),
        transaction_id: node.get("transaction_id").text().trim().to_owned(),
    }
}

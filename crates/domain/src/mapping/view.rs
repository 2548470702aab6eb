//! The order as a mapping sees it: fields by the names BigCommerce's docs give them.
//!
//! The tables here are both the schema that documents are checked against and the way values are
//! read, so the two cannot differ. A compiled path is a place and a function; reading allocates
//! nothing for text. Not here: what a path in a document may say; see `path`.

use crate::accounting::{Entry, Receipt};
use crate::order::{Address, Coupon, Fee, Order, ProductLine, Refund, TaxRow, Transaction};

use super::read::{FieldType, Read, Readable};

/// One field of `T`.
#[derive(Debug)]
pub(super) struct Field<T: 'static> {
    pub(super) name: &'static str,
    pub(super) field_type: FieldType,
    pub(super) get: fn(&T) -> Read<'_>,
}

/// The type of what `_get` returns; lets a table take each type from the struct itself.
const fn type_of<T, R: Readable>(_get: fn(&T) -> &R) -> FieldType {
    R::TYPE
}

/// A table of fields: `name => field.path` reads a field as it is, `name: Type => function`
/// computes one.
macro_rules! fields {
    ($owner:ty { $($name:literal => $($part:ident).+),* $(,)? } computed { $($cname:literal: $ctype:ident => $cget:expr),* $(,)? }) => {
        &[
            $(Field {
                name: $name,
                field_type: type_of(|owner: &$owner| &owner.$($part).+),
                get: |owner: &$owner| owner.$($part).+.read(),
            },)*
            $(Field { name: $cname, field_type: FieldType::$ctype, get: $cget },)*
        ]
    };
}

pub(super) const ORDER: &[Field<Order>] = fields!(Order {
    "id" => id,
    "status_id" => status_id,
    "status" => status,
    "custom_status" => custom_status,
    "customer_id" => customer_id,
    "default_currency_code" => currency,
    "is_deleted" => is_deleted,
    "is_tax_inclusive_pricing" => tax_inclusive,
    "subtotal_ex_tax" => totals.subtotal.ex_tax,
    "subtotal_inc_tax" => totals.subtotal.inc_tax,
    "subtotal_tax" => totals.subtotal.tax,
    "shipping_cost_ex_tax" => totals.shipping.ex_tax,
    "shipping_cost_inc_tax" => totals.shipping.inc_tax,
    "shipping_cost_tax" => totals.shipping.tax,
    "handling_cost_ex_tax" => totals.handling.ex_tax,
    "handling_cost_inc_tax" => totals.handling.inc_tax,
    "handling_cost_tax" => totals.handling.tax,
    "wrapping_cost_ex_tax" => totals.wrapping.ex_tax,
    "wrapping_cost_inc_tax" => totals.wrapping.inc_tax,
    "wrapping_cost_tax" => totals.wrapping.tax,
    "total_ex_tax" => totals.total.ex_tax,
    "total_inc_tax" => totals.total.inc_tax,
    "total_tax" => totals.total.tax,
    "discount_amount" => totals.discount_amount,
    "coupon_discount" => totals.coupon_discount,
    "gift_certificate_amount" => totals.gift_certificate_amount,
    "store_credit_amount" => totals.store_credit_amount,
    "payment_method" => payment_method,
    "payment_provider_id" => payment_provider_id,
    "payment_status" => payment_status,
    "customer_message" => customer_message,
    "staff_notes" => staff_notes,
    "order_source" => order_source,
    "external_id" => external_id,
    "external_order_id" => external_order_id,
    "channel_id" => channel_id,
} computed {
    "date_created": Date => |order: &Order| day(order.created_at_s, &order.store_time_zone),
    "date_modified": Date => |order: &Order| day(order.modified_at_s, &order.store_time_zone),
});

pub(super) const ADDRESS: &[Field<Address>] = fields!(Address {
    "first_name" => first_name,
    "last_name" => last_name,
    "company" => company,
    "street_1" => street_1,
    "street_2" => street_2,
    "city" => city,
    "state" => state,
    "zip" => zip,
    "country" => country,
    "country_iso2" => country_iso2,
    "phone" => phone,
    "email" => email,
    "shipping_method" => shipping_method,
} computed {});

pub(super) const PRODUCT: &[Field<ProductLine>] = fields!(ProductLine {
    "id" => id,
    "product_id" => product_id,
    "variant_id" => variant_id,
    "order_address_id" => order_address_id,
    "name" => name,
    "sku" => sku,
    "upc" => upc,
    "quantity" => quantity,
    "price_ex_tax" => price.ex_tax,
    "price_inc_tax" => price.inc_tax,
    "price_tax" => price.tax,
    "total_ex_tax" => total.ex_tax,
    "total_inc_tax" => total.inc_tax,
    "total_tax" => total.tax,
    "base_price" => base_price,
    "discounted_total_inc_tax" => discounted_total_inc_tax,
    "parent_order_product_id" => parent_order_product_id,
    "quantity_refunded" => quantity_refunded,
    "wrapping_name" => wrapping_name,
    "wrapping_cost_ex_tax" => wrapping.ex_tax,
    "wrapping_cost_inc_tax" => wrapping.inc_tax,
    "wrapping_cost_tax" => wrapping.tax,
} computed {});

pub(super) const TAX: &[Field<TaxRow>] = fields!(TaxRow {
    "name" => name,
    "class" => class,
    "rate" => rate,
    "priority" => priority,
    "priority_amount" => priority_amount,
    "line_amount" => line_amount,
    "order_product_id" => order_product_id,
    "order_address_id" => order_address_id,
} computed {});

pub(super) const COUPON: &[Field<Coupon>] = fields!(Coupon {
    "code" => code,
    "amount" => amount,
    "discount" => discount,
} computed {});

pub(super) const FEE: &[Field<Fee>] = fields!(Fee {
    "id" => id,
    "name" => name,
    "type" => fee_type,
    "cost_ex_tax" => cost.ex_tax,
    "cost_inc_tax" => cost.inc_tax,
    "cost_tax" => cost.tax,
} computed {});

pub(super) const TRANSACTION: &[Field<Transaction>] = fields!(Transaction {
    "id" => id,
    "order_id" => order_id,
    "method" => method,
    "amount" => amount,
    "currency" => currency,
    "gateway" => gateway,
    "gateway_transaction_id" => gateway_transaction_id,
    "test" => test,
    "reference_transaction_id" => reference_transaction_id,
    "card_type" => card_type,
} computed {});

pub(super) const REFUND: &[Field<Refund>] = fields!(Refund {
    "id" => id,
    "reason" => reason,
    "total_amount" => total_amount,
    "total_tax" => total_tax,
} computed {});

pub(super) const ENTRY: &[Field<Entry>] = fields!(Entry {
    "kind" => kind,
    "name" => name,
    "description" => description,
    "sku" => sku,
    "options" => options,
    "quantity" => quantity,
    "unit_cost" => unit_cost,
    "compounded_tax" => compounded,
} computed {
    "tax_name_1": Text => |entry: &Entry| entry.tax1.as_ref().map_or(Read::Missing, |tax| tax.name.read()),
    "tax_percent_1": Decimal => |entry: &Entry| entry.tax1.as_ref().map_or(Read::Missing, |tax| tax.percent.read()),
    "tax_name_2": Text => |entry: &Entry| entry.tax2.as_ref().map_or(Read::Missing, |tax| tax.name.read()),
    "tax_percent_2": Decimal => |entry: &Entry| entry.tax2.as_ref().map_or(Read::Missing, |tax| tax.percent.read()),
});

pub(super) const RECEIPT: &[Field<Receipt>] = fields!(Receipt {
    "key" => key,
    "amount" => amount,
    "gateway" => gateway,
    "method" => method,
    "transaction_id" => transaction_id,
    "gateway_transaction_id" => gateway_transaction_id,
    "label" => label,
} computed {
    "date": Date => |receipt: &Receipt| Read::text(&receipt.date),
    "type": PaymentType => |receipt: &Receipt| Read::text(&receipt.kind),
});

/// The day of an instant in a zone; missing when the zone or the instant is unknown, which
/// validation has refused before.
fn day(unix_s: i64, zone: &str) -> Read<'static> {
    let day = jiff::Timestamp::from_second(unix_s)
        .and_then(|instant| instant.in_tz(zone))
        .map(|zoned| zoned.date().to_string());
    day.map_or(Read::Missing, |text| Read::Text(text.into()))
}

/// The answer to a form field, by its name.
pub(super) fn form_field<'a>(address: &'a Address, name: &str) -> Read<'a> {
    let found = address
        .form_fields
        .iter()
        .find(|field| field.name.trim() == name);
    found.map_or(Read::Missing, |field| Read::text(&field.value))
}

/// The choice a shopper made for a product option, by its name.
pub(super) fn product_option<'a>(product: &'a ProductLine, name: &str) -> Read<'a> {
    let found = product
        .options
        .iter()
        .find(|option| option.display_name.trim() == name);
    found.map_or(Read::Missing, |option| Read::text(&option.display_value))
}

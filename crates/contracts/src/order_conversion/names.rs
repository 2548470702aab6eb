//! What the domain's choices are called on the wire.
//!
//! One table for both directions, so that neither can forget a name the other writes.

use domain::order as d;

use super::{ConversionError, Read};

pub(super) const PRODUCT_TYPES: &[(&str, d::ProductType)] = &[
    ("physical", d::ProductType::Physical),
    ("digital", d::ProductType::Digital),
    ("giftcertificate", d::ProductType::GiftCertificate),
];
pub(super) const DISCOUNT_TARGETS: &[(&str, d::DiscountTarget)] = &[
    ("order", d::DiscountTarget::Order),
    ("product", d::DiscountTarget::Product),
];
pub(super) const TAXED_ITEMS: &[(&str, d::TaxedItem)] = &[
    ("", d::TaxedItem::Unspecified),
    ("item", d::TaxedItem::Item),
    ("shipping", d::TaxedItem::Shipping),
    ("handling", d::TaxedItem::Handling),
    ("gift-wrapping", d::TaxedItem::Wrapping),
    ("fee", d::TaxedItem::Fee),
];
pub(super) const EVENTS: &[(&str, d::TransactionEvent)] = &[
    ("purchase", d::TransactionEvent::Purchase),
    ("authorization", d::TransactionEvent::Authorization),
    ("capture", d::TransactionEvent::Capture),
    ("refund", d::TransactionEvent::Refund),
    ("void", d::TransactionEvent::Void),
    ("pending", d::TransactionEvent::Pending),
    ("settled", d::TransactionEvent::Settled),
];
pub(super) const REFUND_ITEMS: &[(&str, d::RefundItemType)] = &[
    ("PRODUCT", d::RefundItemType::Product),
    ("GIFT_WRAPPING", d::RefundItemType::GiftWrapping),
    ("SHIPPING", d::RefundItemType::Shipping),
    ("HANDLING", d::RefundItemType::Handling),
    ("ORDER", d::RefundItemType::Order),
    ("FEE", d::RefundItemType::Fee),
];
/// By BigCommerce's numbers, 0 to 5.
pub(super) const COUPON_TYPES: [d::CouponType; 6] = [
    d::CouponType::PerItem,
    d::CouponType::Percent,
    d::CouponType::PerTotal,
    d::CouponType::Shipping,
    d::CouponType::FreeShipping,
    d::CouponType::Promotion,
];

/// The place of `value` in the list of wire names.
pub(super) fn named<T: Copy>(field: &'static str, table: &[(&str, T)], name: &str) -> Read<T> {
    table
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, value)| *value)
        .ok_or(ConversionError::UnknownValue { field })
}

pub(super) fn name_of<T: Copy + PartialEq>(table: &[(&'static str, T)], value: T) -> String {
    table
        .iter()
        .find(|(_, known)| *known == value)
        .map_or("", |(name, _)| name)
        .to_owned()
}

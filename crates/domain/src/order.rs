//! A BigCommerce order that passed every rule, typed.
//!
//! Mirrors `proto/tillbook/order/v1/order.proto` field for field. Amounts are decimals in the
//! order's transactional currency, times are Unix seconds, absent text is empty. Not here: how an
//! order is read ([`crate::validate`]) and what the books make of it ([`crate::accounting`]).

use rust_decimal::Decimal;

use crate::money::Currency;

/// One order with everything that belongs to it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Order {
    pub id: u64,
    pub status_id: u32,
    /// The store's system name of the status.
    pub status: String,
    /// The merchant's own label of the status; may be empty.
    pub custom_status: String,
    /// `None` for guests.
    pub customer_id: Option<u64>,
    /// The transactional currency, never the display currency.
    pub currency: Currency,
    /// Archived in the store.
    pub is_deleted: bool,
    /// Only the amounts with tax are exact; otherwise only those without.
    pub tax_inclusive: bool,
    /// Unix seconds.
    pub created_at_s: i64,
    /// Unix seconds.
    pub modified_at_s: i64,
    pub totals: Totals,
    pub billing_address: Address,
    pub shipping_addresses: Vec<Address>,
    pub products: Vec<ProductLine>,
    pub taxes: Vec<TaxRow>,
    pub coupons: Vec<Coupon>,
    pub fees: Vec<Fee>,
    pub transactions: Vec<Transaction>,
    pub refunds: Vec<Refund>,
    pub payment_method: String,
    pub payment_provider_id: String,
    pub payment_status: String,
    pub customer_message: String,
    pub staff_notes: String,
    pub order_source: String,
    pub external_id: String,
    pub external_order_id: String,
    pub channel_id: String,
    /// IANA name, e.g. `America/New_York`.
    pub store_time_zone: String,
    /// Decimals to which the store rounds the order's currency, by its own currency settings.
    pub store_decimals: Option<u32>,
}

/// One amount without tax, with tax, and the tax. Which two are exact depends on the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Amounts {
    pub ex_tax: Decimal,
    pub inc_tax: Decimal,
    pub tax: Decimal,
}

/// The order's own sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Totals {
    pub subtotal: Amounts,
    pub shipping: Amounts,
    pub handling: Amounts,
    pub wrapping: Amounts,
    pub total: Amounts,
    /// Manual and automatic discounts, in the store's own tax basis; positive.
    pub discount_amount: Decimal,
    /// Coupons, in the store's own tax basis; positive.
    pub coupon_discount: Decimal,
    /// Paid with gift certificates: a tender, no discount.
    pub gift_certificate_amount: Decimal,
    /// Paid with store credit: a tender, no discount.
    pub store_credit_amount: Decimal,
}

/// A billing or shipping address.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Address {
    /// `None` for billing addresses, which have no id.
    pub id: Option<u64>,
    pub first_name: String,
    pub last_name: String,
    pub company: String,
    pub street_1: String,
    pub street_2: String,
    pub city: String,
    /// Full name.
    pub state: String,
    pub zip: String,
    /// Full name.
    pub country: String,
    pub country_iso2: String,
    pub phone: String,
    pub email: String,
    pub form_fields: Vec<FormField>,
    /// Empty for billing addresses.
    pub shipping_method: String,
}

/// A question the merchant added to a form, with its answer.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct FormField {
    pub name: String,
    /// Several answers are joined with `, `.
    pub value: String,
}

/// What a product line sells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ProductType {
    #[default]
    Physical,
    Digital,
    /// A sold gift certificate: never taxed.
    GiftCertificate,
}

/// One line of the order.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ProductLine {
    /// BigCommerce's order product id.
    pub id: u64,
    /// `None` for custom items.
    pub product_id: Option<u64>,
    pub variant_id: Option<u64>,
    pub order_address_id: Option<u64>,
    pub name: String,
    pub sku: String,
    pub product_type: ProductType,
    pub quantity: Decimal,
    /// For one piece, before discounts.
    pub price: Amounts,
    /// For the line, before order-level discounts.
    pub total: Amounts,
    pub base_price: Decimal,
    /// What the shopper paid for the line, all discounts taken off.
    pub discounted_total_inc_tax: Option<Decimal>,
    pub applied_discounts: Vec<AppliedDiscount>,
    pub options: Vec<ProductOption>,
    /// The bundle this line is part of.
    pub parent_order_product_id: Option<u64>,
    pub quantity_refunded: Decimal,
    pub wrapping: Amounts,
    pub wrapping_name: String,
    pub upc: String,
}

/// What a discount was given for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum DiscountTarget {
    #[default]
    Order,
    Product,
}

/// A discount's share in one line.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct AppliedDiscount {
    pub id: String,
    /// In the store's own tax basis; positive.
    pub amount: Decimal,
    pub name: String,
    /// The coupon's code; empty when there is none.
    pub code: String,
    pub target: DiscountTarget,
}

/// A choice the shopper made, e.g. colour and red.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ProductOption {
    pub display_name: String,
    pub display_value: String,
}

/// What a tax row was charged on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum TaxedItem {
    /// The store gave no details.
    #[default]
    Unspecified,
    Item,
    Shipping,
    Handling,
    Wrapping,
    Fee,
}

/// One tax on one thing.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct TaxRow {
    /// `None` for what belongs to no product.
    pub order_product_id: Option<u64>,
    pub order_address_id: Option<u64>,
    pub item: TaxedItem,
    pub name: String,
    pub class: String,
    /// Percent.
    pub rate: Decimal,
    /// A higher number is computed on top of the lower ones.
    pub priority: u32,
    pub priority_amount: Decimal,
    pub line_amount: Decimal,
}

/// What a coupon takes off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum CouponType {
    #[default]
    PerItem,
    Percent,
    PerTotal,
    Shipping,
    FreeShipping,
    Promotion,
}

/// A coupon used on the order.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Coupon {
    pub code: String,
    /// The coupon's face: money or percent, by type.
    pub amount: Decimal,
    /// What it took off this order, in the store's own tax basis; positive.
    pub discount: Decimal,
    pub coupon_type: CouponType,
}

/// A fee the merchant added.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Fee {
    pub id: u64,
    pub name: String,
    pub fee_type: String,
    pub cost: Amounts,
}

/// What happened to the money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransactionEvent {
    /// Authorisation and capture at once.
    Purchase,
    /// Not money yet.
    Authorization,
    Capture,
    Refund,
    Void,
    Pending,
    Settled,
}

/// One event at the payment gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    pub id: String,
    pub order_id: String,
    pub event: TransactionEvent,
    pub method: String,
    /// Always positive; the event says which way it went.
    pub amount: Decimal,
    pub currency: Currency,
    pub gateway: String,
    pub gateway_transaction_id: String,
    /// The gateway accepted it.
    pub ok: bool,
    pub test: bool,
    /// The transaction this one acts on.
    pub reference_transaction_id: Option<String>,
    /// Unix seconds.
    pub created_at_s: i64,
    /// e.g. `visa`; empty when there is no card.
    pub card_type: String,
}

/// Money that was given back.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Refund {
    pub id: String,
    /// Unix seconds.
    pub created_at_s: i64,
    pub reason: String,
    pub total_amount: Decimal,
    pub total_tax: Decimal,
    pub items: Vec<RefundItem>,
    pub payments: Vec<RefundPayment>,
}

/// What a refund item gives back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum RefundItemType {
    Product,
    GiftWrapping,
    Shipping,
    Handling,
    /// A free amount; carries no tax.
    #[default]
    Order,
    Fee,
}

/// One thing a refund gives back.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct RefundItem {
    pub item_type: RefundItemType,
    pub item_id: String,
    pub quantity: Decimal,
    pub requested_amount: Option<Decimal>,
}

/// One way a refund was paid out.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct RefundPayment {
    pub id: String,
    pub provider_id: String,
    pub amount: Decimal,
    pub offline: bool,
    pub is_declined: bool,
    /// The refund transaction behind it; empty when there is none or it is not told.
    pub transaction_id: String,
}

//! What an order is made of, before any arithmetic: lines, rates, discounts, people, tenders.
//!
//! A spec is in the store's own tax basis. [`super::sums`] turns it into totals; edits change the
//! spec and compute again.

use rust_decimal::Decimal;

use super::dress::Dress;

/// One tax rate of the order. Rates of a higher `priority` are compounded on lower ones.
#[derive(Clone, Debug)]
pub(crate) struct Rate {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) percent: Decimal,
    pub(crate) priority: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineKind {
    Physical,
    Digital,
    GiftCertificate,
}

impl LineKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Physical => "physical",
            Self::Digital => "digital",
            Self::GiftCertificate => "giftcertificate",
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Wrapping {
    pub(crate) name: String,
    pub(crate) message: String,
    /// For the whole line, in the store's tax basis.
    pub(crate) cost: Decimal,
}

#[derive(Clone, Debug)]
pub(crate) struct LineSpec {
    pub(crate) name: String,
    pub(crate) sku: String,
    /// 0 for a custom item.
    pub(crate) product_id: u64,
    pub(crate) variant_id: u64,
    pub(crate) kind: LineKind,
    pub(crate) quantity: u32,
    /// Given back in an exchange: the vendor shows the quantity, and all sums of it, below zero.
    pub(crate) returned: bool,
    pub(crate) unit_price: Decimal,
    pub(crate) cost_price: Decimal,
    /// Which of the order's rates apply, by id; empty for an untaxed line.
    pub(crate) rate_ids: Vec<u64>,
    pub(crate) wrapping: Option<Wrapping>,
    /// Index of the bundle's head line, for a pick-list child.
    pub(crate) parent: Option<usize>,
    /// Where it goes: 0 is the first shipping address, n the nth of [`OrderSpec::elsewhere`].
    pub(crate) address: usize,
    pub(crate) options: Vec<(String, String)>,
}

impl LineSpec {
    /// An untaxed, free line to fill in.
    pub(crate) fn new(name: &str, kind: LineKind) -> Self {
        Self {
            name: name.to_owned(),
            sku: String::new(),
            product_id: 0,
            variant_id: 0,
            kind,
            quantity: 1,
            returned: false,
            unit_price: Decimal::ZERO,
            cost_price: Decimal::ZERO,
            rate_ids: Vec::new(),
            wrapping: None,
            parent: None,
            address: 0,
            options: Vec::new(),
        }
    }

    /// The quantity as the vendor shows it.
    pub(crate) fn pieces(&self) -> i64 {
        let pieces = i64::from(self.quantity);
        if self.returned { -pieces } else { pieces }
    }

    pub(crate) fn gross(&self) -> Decimal {
        self.unit_price * Decimal::from(self.pieces())
    }
}

/// BigCommerce's coupon type numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CouponType {
    PerItem,
    Percent,
    PerTotal,
    Shipping,
    FreeShipping,
    /// A promotion with a code: taken off the whole order.
    Promotion,
}

impl CouponType {
    pub(crate) fn number(self) -> u64 {
        match self {
            Self::PerItem => 0,
            Self::Percent => 1,
            Self::PerTotal => 2,
            Self::Shipping => 3,
            Self::FreeShipping => 4,
            Self::Promotion => 5,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Discount {
    /// Counts into `discount_amount`: by hand, or an automatic promotion.
    Order {
        id: String,
        name: String,
        amount: Decimal,
    },
    /// Counts into `coupon_discount`. `value` is money, or percent for [`CouponType::Percent`].
    Coupon {
        code: String,
        name: String,
        kind: CouponType,
        value: Decimal,
    },
}

/// A fee of the order. The tax records know no line type for fees, so a taxed one shows its tax
/// only in its own figures.
#[derive(Clone, Debug)]
pub(crate) struct Fee {
    pub(crate) name: String,
    pub(crate) amount: Decimal,
    pub(crate) taxed: bool,
}

/// A further shipping address, with its own cost and its own rates on that cost.
#[derive(Clone, Debug)]
pub(crate) struct Elsewhere {
    pub(crate) address: Address,
    pub(crate) shipping: Decimal,
    pub(crate) rate_ids: Vec<u64>,
}

/// How the vendor spells what a client reads of a transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Letters {
    #[default]
    Small,
    Capitals,
    /// `Purchase`, `Ok`.
    Title,
}

impl Letters {
    pub(crate) fn spell(self, text: &str) -> String {
        match self {
            Self::Small => text.to_owned(),
            Self::Capitals => text.to_uppercase(),
            Self::Title => {
                let mut letters = text.chars();
                let first = letters.next().map(|letter| letter.to_ascii_uppercase());
                first.into_iter().chain(letters).collect()
            }
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Address {
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) company: String,
    pub(crate) street_1: String,
    pub(crate) street_2: String,
    pub(crate) city: String,
    pub(crate) state: String,
    pub(crate) zip: String,
    pub(crate) country: String,
    pub(crate) country_iso2: String,
    pub(crate) phone: String,
    pub(crate) email: String,
    pub(crate) form_fields: Vec<(String, serde_json::Value)>,
}

#[derive(Clone, Debug)]
pub(crate) struct OrderSpec {
    pub(crate) inclusive: bool,
    /// The transactional currency: what the shopper pays.
    pub(crate) currency: String,
    /// What the shopper saw.
    pub(crate) display_currency: String,
    /// Display units for one transactional unit, and store units for one transactional unit.
    pub(crate) display_rate: Decimal,
    pub(crate) transactional_rate: Decimal,
    pub(crate) lines: Vec<LineSpec>,
    pub(crate) rates: Vec<Rate>,
    pub(crate) shipping: Decimal,
    pub(crate) shipping_method: String,
    pub(crate) shipping_taxed: bool,
    /// The rates on the shipping; all of the order's when there are none here.
    pub(crate) shipping_rate_ids: Vec<u64>,
    pub(crate) elsewhere: Vec<Elsewhere>,
    /// The storefront that sold it.
    pub(crate) channel_id: u64,
    /// The form of everything that only decorates.
    pub(crate) dress: Dress,
    /// `/fees` answers `{"fees":[…]}`, as documented; otherwise a bare list.
    pub(crate) fees_as_object: bool,
    pub(crate) letters: Letters,
    /// In a store of `NO_ROUNDING`: the totals keep the fractions too, up to four decimals.
    pub(crate) unrounded: bool,
    /// The store's `NO_ROUNDING`: tax rows keep their fractions, only the order's tax is rounded.
    pub(crate) no_rounding: bool,
    pub(crate) handling: Decimal,
    pub(crate) handling_taxed: bool,
    pub(crate) wrapping_taxed: bool,
    pub(crate) fees: Vec<Fee>,
    pub(crate) discounts: Vec<Discount>,
    pub(crate) gift_certificate: Decimal,
    pub(crate) store_credit: Decimal,
    pub(crate) billing: Address,
    pub(crate) shipping_address: Option<Address>,
    pub(crate) customer_id: u64,
    pub(crate) staff_notes: String,
    pub(crate) customer_message: String,
    pub(crate) payment_method: String,
    pub(crate) payment_provider: serde_json::Value,
}

impl OrderSpec {
    /// An order of nothing by nobody, to fill in.
    pub(crate) fn empty(inclusive: bool, currency: &str) -> Self {
        Self {
            inclusive,
            currency: currency.to_owned(),
            display_currency: currency.to_owned(),
            display_rate: Decimal::ONE,
            transactional_rate: Decimal::ONE,
            lines: Vec::new(),
            rates: Vec::new(),
            shipping: Decimal::ZERO,
            shipping_method: "None".to_owned(),
            shipping_taxed: false,
            shipping_rate_ids: Vec::new(),
            elsewhere: Vec::new(),
            channel_id: 1,
            dress: Dress::default(),
            fees_as_object: false,
            letters: Letters::default(),
            unrounded: false,
            no_rounding: false,
            handling: Decimal::ZERO,
            handling_taxed: false,
            wrapping_taxed: false,
            fees: Vec::new(),
            discounts: Vec::new(),
            gift_certificate: Decimal::ZERO,
            store_credit: Decimal::ZERO,
            billing: Address::default(),
            shipping_address: None,
            customer_id: 0,
            staff_notes: String::new(),
            customer_message: String::new(),
            payment_method: "Manual".to_owned(),
            payment_provider: serde_json::Value::Null,
        }
    }

    pub(crate) fn all_rate_ids(&self) -> Vec<u64> {
        self.rates.iter().map(|rate| rate.id).collect()
    }

    pub(crate) fn is_digital(&self) -> bool {
        !self.lines.is_empty()
            && self
                .lines
                .iter()
                .all(|line| line.kind != LineKind::Physical)
    }
}

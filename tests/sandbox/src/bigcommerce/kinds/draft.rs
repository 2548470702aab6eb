//! The pieces kinds are built from: a seeded source of lines and people, and the draft they fill.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rust_decimal::Decimal;
use serde_json::Value;

use crate::bigcommerce::catalog::Product;
use crate::bigcommerce::money::{digits, round};
use crate::bigcommerce::orders::later::Later;
use crate::bigcommerce::orders::spec::{LineKind, LineSpec, OrderSpec, Rate};
use crate::bigcommerce::people;

/// How the order gets its money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pay {
    /// No transactions, nothing paid.
    Nothing,
    /// Gift certificate and store credit as the spec says, the rest by card at once.
    Card,
    AuthorizeOnly,
    AuthorizeThenCapture,
    /// Authorised in full, half of it captured.
    PartialCapture,
    /// Authorised in full, captured in three parts.
    SeveralCaptures,
    /// A declined attempt, then a good one.
    FailedThenPaid,
    /// The same, the declined attempt without a date.
    FailedUndatedThenPaid,
    /// A purchase of a status that no document knows.
    UnknownStatus,
    /// A total finer than its currency, of which the gateway took the whole units.
    CutToUnits,
    /// Authorised, then voided.
    Voided,
    /// A purchase on a test gateway.
    Test,
    /// Only a declined attempt.
    Declined,
    /// A pending transaction, such as a bank debit under way.
    Pending,
    /// Settled later by a wallet: a pending movement and its settlement.
    Settled,
    /// Paid outside; BigCommerce knows no transaction.
    Offline,
    /// Paid outside, with an `offline` transaction that says so.
    OfflineRecorded,
    /// A wallet such as PayPal, at once.
    Wallet,
}

/// What happened after the payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    Nothing,
    RefundAll,
    /// One unit of the first line.
    RefundOneUnit,
    /// A custom value on the whole order; it carries no tax.
    RefundValue,
    RefundShipping,
    RefundToStoreCredit,
    RefundOffline,
    /// Tried and declined: nothing moved.
    RefundDeclined,
    RefundHandling,
    RefundWrapping,
    /// The first fee.
    RefundFee,
    /// Tax alone: a refund of no item.
    RefundTax,
    /// Half of what was paid, as a custom value.
    RefundHalf,
    /// Two fifths of a unit of the first line, by the merchant's own figures: no tax goes back.
    OverrideWithoutTax,
    /// The same with half of the tax that the amount holds.
    OverrideOtherTax,
    /// All units of the first line for a little less than they cost, by the merchant's figures.
    OverrideBelow,
    /// All that is left, although only the products are listed.
    RestWithoutShipping,
    /// All that is left as one item, the order; its tax is told.
    RestAsOneItem,
    /// The same as documented: an item that is the order carries no tax.
    RestAsOneUntaxedItem,
    /// One unit of the first line, in a record without a date.
    RefundUndated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shopper {
    Guest,
    /// A new registered customer.
    Registered,
    /// One of a few registered customers who come again and again.
    Returning,
    /// A customer of one of two storefronts, whose e-mail another customer of the other one has.
    Twin,
}

#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) spec: OrderSpec,
    pub(crate) status_id: u64,
    pub(crate) pay: Pay,
    pub(crate) after: After,
    pub(crate) shopper: Shopper,
    /// Share of the total the gift certificate and the store credit pay, in percent.
    pub(crate) gift_percent: u32,
    pub(crate) credit_percent: u32,
    /// What happens to the order afterwards, one change at a time.
    pub(crate) later: Vec<Later>,
    /// The instant it was placed, where the kind is about that.
    pub(crate) at: Option<&'static str>,
}

impl Draft {
    /// Awaiting fulfillment, paid by card.
    pub(crate) fn paid(spec: OrderSpec) -> Self {
        Self {
            spec,
            status_id: 11,
            pay: Pay::Card,
            after: After::Nothing,
            shopper: Shopper::Guest,
            gift_percent: 0,
            credit_percent: 0,
            later: Vec::new(),
            at: None,
        }
    }

    pub(crate) fn status(mut self, id: u64) -> Self {
        self.status_id = id;
        self
    }

    pub(crate) fn pay(mut self, pay: Pay) -> Self {
        self.pay = pay;
        self
    }

    pub(crate) fn after(mut self, after: After) -> Self {
        self.after = after;
        self
    }

    pub(crate) fn later(mut self, steps: &[Later]) -> Self {
        self.later = steps.to_vec();
        self
    }

    pub(crate) fn at(mut self, instant: &'static str) -> Self {
        self.at = Some(instant);
        self
    }

    pub(crate) fn shopper(mut self, shopper: Shopper) -> Self {
        self.shopper = shopper;
        self
    }

    pub(crate) fn method(mut self, name: &str) -> Self {
        self.spec.payment_method = name.to_owned();
        self.spec.payment_provider = Value::Null;
        self
    }
}

/// The seeded source of one order.
pub(crate) struct Gen<'a> {
    rng: StdRng,
    pub(crate) seed: u64,
    inclusive: bool,
    currency: &'a str,
    products: &'a BTreeMap<u64, Product>,
}

impl<'a> Gen<'a> {
    pub(crate) fn new(
        seed: u64,
        inclusive: bool,
        currency: &'a str,
        products: &'a BTreeMap<u64, Product>,
    ) -> Self {
        Self {
            rng: StdRng::seed_from_u64(seed),
            seed,
            inclusive,
            currency,
            products,
        }
    }

    /// A number in `low..=high`.
    pub(crate) fn within(&mut self, low: u32, high: u32) -> u32 {
        self.rng.random_range(low..=high)
    }

    /// An amount of money between `low` and `high` cents, with the currency's decimals.
    pub(crate) fn amount(&mut self, low_cents: i64, high_cents: i64) -> Decimal {
        let cents = self.rng.random_range(low_cents..=high_cents);
        if digits(self.currency) == 0 {
            // A yen is worth about a cent.
            return Decimal::from(cents);
        }
        round(Decimal::new(cents, 2), digits(self.currency)).max(Decimal::ONE)
    }

    /// A person, a card, no lines yet, one flat rate of shipping, no tax.
    pub(crate) fn empty(&mut self) -> OrderSpec {
        let mut spec = OrderSpec::empty(self.inclusive, self.currency);
        spec.billing = people::person(self.seed);
        spec.shipping_address = Some(spec.billing.clone());
        spec.payment_method = "Credit Card".to_owned();
        spec.payment_provider = Value::String("braintree".to_owned());
        spec.shipping = self.amount(500, 1800);
        spec.shipping_method = "Flat Rate".to_owned();
        spec
    }

    /// [`Self::empty`] with `count` physical lines and the usual tax of 8.25 %, shipping taxed.
    pub(crate) fn goods(&mut self, count: u32) -> OrderSpec {
        let mut spec = self.empty();
        spec.rates = vec![rate(1, "State Tax", "8.25", 0)];
        spec.shipping_taxed = true;
        for _ in 0..count {
            let line = self.line(&spec);
            spec.lines.push(line);
        }
        spec
    }

    /// [`Self::goods`] with other rates on everything.
    pub(crate) fn taxed(&mut self, count: u32, rates: Vec<Rate>) -> OrderSpec {
        let mut spec = self.goods(count);
        spec.rates = rates;
        let ids = spec.all_rate_ids();
        for line in &mut spec.lines {
            line.rate_ids.clone_from(&ids);
        }
        spec
    }

    /// One to four pieces of a catalog product that ships, taxed by all of the order's rates.
    pub(crate) fn line(&mut self, spec: &OrderSpec) -> LineSpec {
        let shipping: Vec<&Product> = self.products.values().filter(|p| !p.digital).collect();
        let at = self.rng.random_range(0..shipping.len().max(1));
        let mut line = match shipping.get(at) {
            Some(product) => self.catalog_line(product, LineKind::Physical),
            None => LineSpec::new("Custom item", LineKind::Physical),
        };
        line.quantity = self.within(1, 4);
        line.rate_ids = spec.all_rate_ids();
        line
    }

    /// One download of the catalog.
    pub(crate) fn download(&mut self, spec: &OrderSpec) -> LineSpec {
        let product = self.products.values().find(|product| product.digital);
        let mut line = match product {
            Some(product) => self.catalog_line(product, LineKind::Digital),
            None => LineSpec::new("Download", LineKind::Digital),
        };
        line.rate_ids = spec.all_rate_ids();
        line
    }

    fn catalog_line(&mut self, product: &Product, kind: LineKind) -> LineSpec {
        let at = self.rng.random_range(0..product.variants.len().max(1));
        let variant = product.variants.get(at);
        LineSpec {
            sku: variant.map_or_else(|| product.sku.clone(), |v| v.sku.clone()),
            product_id: product.id,
            variant_id: variant.map_or(0, |v| v.id),
            unit_price: round(
                variant.and_then(|v| v.price).unwrap_or(product.price),
                digits(self.currency),
            )
            .max(smallest(self.currency)),
            cost_price: product.cost_price,
            options: variant.map(|v| v.options.clone()).unwrap_or_default(),
            ..LineSpec::new(&product.name, kind)
        }
    }

    /// Draws again with another transactional currency.
    pub(crate) fn currency(&mut self, code: &'static str) {
        self.currency = code;
    }
}

/// The smallest unit of a currency, as an amount.
fn smallest(currency: &str) -> Decimal {
    Decimal::new(1, digits(currency))
}

/// A rate; `percent` is plain decimal text from this crate's own tables.
pub(crate) fn rate(id: u64, name: &str, percent: &str, priority: u32) -> Rate {
    Rate {
        id,
        name: name.to_owned(),
        percent: percent.parse().unwrap_or_default(),
        priority,
    }
}

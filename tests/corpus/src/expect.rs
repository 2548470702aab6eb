//! Which holds a class may end in. A hold that no rule here names is unexplained.

use std::collections::BTreeSet;

/// A class (or all that begin with it, when it ends in `*`), and the codes it may be held with.
type Rule = (&'static str, &'static [&'static str]);

/// More roundings a line than the policy's bound counts: held with the sums side by side.
const BOUND: &[&str] = &["sums_do_not_match", "tax_does_not_match"];

const RULES: &[Rule] = &[
    // Each line rounds several taxes, the bound allows one unit for two lines.
    ("compound_*", BOUND),
    ("discount_on_compound_tax", BOUND),
    ("discount_on_mixed_rates", BOUND),
    ("taxed_two_rates", BOUND),
    ("taxed_three_rates", BOUND),
    ("taxed_four_rates", BOUND),
    ("multi_address", BOUND),
    // No record says what was given back.
    ("later_refunded_by_hand", &["refund_without_record"]),
    ("multi_address_one_untaxed", BOUND),
    ("unknown_currency", &["unknown_currency"]),
    // A credit note is for a person to write: FreshBooks has no invoice below zero.
    ("exchange_below_zero", &["negative_total"]),
    ("only_returned", &["negative_total"]),
    // Which invoice it pays, only a mark that the policy names can tell.
    ("b2b_invoice_payment*", &["invoice_payment_order"]),
    ("no_customer_at_all", &["missing_customer"]),
];

/// Words of the document that a notice of the class must name: booked, and said so.
const TOLD: &[(&str, &str)] = &[("transaction_of_unknown_status", "processing")];

/// What a notice must name when an order of this class is booked.
pub fn must_tell(class: &str) -> Option<&'static str> {
    let told = TOLD.iter().find(|(name, _)| *name == class);
    told.map(|(_, words)| *words)
}

/// Whether an accountant would agree that an order of this class waits for a person.
pub fn may_be_held(class: &str, code: &str) -> bool {
    codes_of(class).contains(code)
}

/// The codes that a class may be held with; most classes have none.
pub fn codes_of(class: &str) -> BTreeSet<&'static str> {
    let is_meant = |name: &str| match name.strip_suffix('*') {
        Some(start) => class.starts_with(start),
        None => name == class,
    };
    let rules = RULES.iter().filter(|(name, _)| is_meant(name));
    rules.flat_map(|(_, codes)| codes.iter().copied()).collect()
}

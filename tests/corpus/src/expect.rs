//! Which holds a class may end in. A hold that no rule here names is unexplained.

/// A class (or all that begin with it, when it ends in `*`), and the codes it may be held with.
type Rule = (&'static str, &'static [&'static str]);

/// More roundings a line than the policy's bound counts: held with the sums side by side.
const BOUND: &[&str] = &["sums_do_not_match", "answered_total_beyond_bound"];

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
    ("no_customer_at_all", &["missing_customer"]),
];

/// Whether an accountant would agree that an order of this class waits for a person.
pub fn may_be_held(class: &str, code: &str) -> bool {
    RULES.iter().any(|(name, codes)| {
        let is_meant = match name.strip_suffix('*') {
            Some(start) => class.starts_with(start),
            None => *name == class,
        };
        is_meant && codes.contains(&code)
    })
}

//! What the order of a dead letter comes to, read from the message that could not go on.
//!
//! Only the amount is taken; nothing else of the bytes is kept. A snapshot is unread JSON of the
//! store, so a letter of validate says nothing: its order counts as one without a total.

use contracts::books::{DesiredBooks, ResolvedPlan};
use contracts::contract::Contract;
use contracts::dead_letter::DeadLetter;
use contracts::headers;
use contracts::order::ValidatedOrder;
use domain::money::{Currency, Money};
use prost::Message;

use crate::order_state::Total;

/// The order's total; `None` when the bytes do not say.
pub(super) fn letter_total(letter: &DeadLetter) -> Option<Total> {
    let header = letter
        .original_headers
        .iter()
        .find(|header| header.name == headers::SCHEMA)?;
    let bytes = letter.original_payload.clone();
    match header.value.as_str() {
        ValidatedOrder::SCHEMA => of_order(&ValidatedOrder::decode(bytes).ok()?),
        DesiredBooks::SCHEMA => of_books(DesiredBooks::decode(bytes).ok()?),
        ResolvedPlan::SCHEMA => of_books(ResolvedPlan::decode(bytes).ok()?.books?),
        _ => None,
    }
}

fn of_books(books: DesiredBooks) -> Option<Total> {
    let total = books.invoice?.expected_total?;
    Some(Total {
        amount_minor: total.amount_minor,
        currency: total.currency_code,
    })
}

fn of_order(validated: &ValidatedOrder) -> Option<Total> {
    let order = validated.order.as_ref()?;
    let amount = &order.totals.as_ref()?.total.as_ref()?.inc_tax;
    let currency = Currency::from_code(&order.currency_code).ok()?;
    let money = Money::exact(amount.parse().ok()?, currency).ok()?;
    Some(Total {
        amount_minor: money.amount_minor,
        currency: order.currency_code.clone(),
    })
}

#[cfg(test)]
mod tests {
    use contracts::dead_letter::Header;
    use contracts::{books, money, order};

    use super::*;

    fn letter<M: Contract>(message: &M) -> DeadLetter {
        let schema = Header {
            name: headers::SCHEMA.to_owned(),
            value: M::SCHEMA.to_owned(),
        };
        DeadLetter {
            original_headers: vec![schema],
            original_payload: message.encode_to_vec().into(),
            ..DeadLetter::default()
        }
    }

    fn total(amount_minor: i64, currency: &str) -> Option<Total> {
        Some(Total {
            amount_minor,
            currency: currency.to_owned(),
        })
    }

    #[test]
    fn every_message_after_validation_says_what_the_order_comes_to() {
        let expected = money::Money {
            amount_minor: 4_950,
            currency_code: "EUR".to_owned(),
        };
        let invoice = books::Invoice {
            expected_total: Some(expected),
            ..Default::default()
        };
        let desired = DesiredBooks {
            invoice: Some(invoice),
            ..Default::default()
        };
        assert_eq!(letter_total(&letter(&desired)), total(4_950, "EUR"));
        let plan = ResolvedPlan {
            books: Some(desired),
            ..Default::default()
        };
        assert_eq!(letter_total(&letter(&plan)), total(4_950, "EUR"));

        for (text, code, minor) in [("49.5000", "EUR", 4_950), ("500.0000", "JPY", 500)] {
            let amounts = order::Amounts {
                inc_tax: text.to_owned(),
                ..Default::default()
            };
            let totals = order::Totals {
                total: Some(amounts),
                ..Default::default()
            };
            let order = order::Order {
                currency_code: code.to_owned(),
                totals: Some(totals),
                ..Default::default()
            };
            let validated = ValidatedOrder {
                order: Some(order),
                ..Default::default()
            };
            assert_eq!(letter_total(&letter(&validated)), total(minor, code));
        }
    }

    #[test]
    fn what_does_not_say_it_has_no_total() {
        assert_eq!(letter_total(&letter(&DesiredBooks::default())), None);
        let mut garbage = letter(&DesiredBooks::default());
        garbage.original_payload = b"\xff\xff".to_vec().into();
        assert_eq!(letter_total(&garbage), None);
        garbage.original_headers.clear();
        assert_eq!(letter_total(&garbage), None);
    }
}

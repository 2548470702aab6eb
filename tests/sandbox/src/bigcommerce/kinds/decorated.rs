//! Documents whose decoration, spelling or wrapping is not as documented; the money is.

use super::{After, Draft, Gen, Kind, Pay, kind};
use crate::bigcommerce::orders::dress::Dress;
use crate::bigcommerce::orders::later::Later;
use crate::bigcommerce::orders::model::InBooks::Invoice;
use crate::bigcommerce::orders::spec::{Fee, Letters, OrderSpec};

pub(super) const KINDS: &[Kind] = &[
    kind(
        "decorated_with_objects",
        "Empty objects wherever nothing hangs on it",
        Invoice,
        |g| dressed(g, Dress::Objects),
    ),
    kind(
        "decorated_with_lists",
        "Empty lists wherever nothing hangs on it",
        Invoice,
        |g| dressed(g, Dress::Lists),
    ),
    kind(
        "decorated_with_texts",
        "Empty texts wherever nothing hangs on it",
        Invoice,
        |g| dressed(g, Dress::Texts),
    ),
    kind(
        "decorated_with_nulls",
        "Null wherever nothing hangs on it",
        Invoice,
        |g| dressed(g, Dress::Nulls),
    ),
    kind(
        "decorated_with_numbers",
        "Numbers for texts, texts for numbers, amounts without their decimals",
        Invoice,
        |g| dressed(g, Dress::Numbers),
    ),
    kind(
        "fees_as_an_object",
        "Fees that come as an object, which is the documented form",
        Invoice,
        |g| {
            let spec = with_fees(g, 2);
            Draft::paid(spec)
        },
    ),
    kind(
        "fees_as_an_object_refunded",
        "The same, the first fee given back later",
        Invoice,
        |g| {
            let spec = with_fees(g, 1);
            Draft::paid(spec).later(&[Later::Refund(After::RefundFee)])
        },
    ),
    kind(
        "transactions_in_capitals",
        "Status and event of the transactions in capitals",
        Invoice,
        |g| spelled(g, Letters::Capitals, Pay::Card),
    ),
    kind(
        "transactions_in_title_case",
        "Authorised and captured, each word with a capital letter, then given back",
        Invoice,
        |g| {
            spelled(g, Letters::Title, Pay::AuthorizeThenCapture)
                .later(&[Later::Refund(After::RefundShipping)])
        },
    ),
    kind(
        "voided_in_capitals",
        "An authorisation and its void, in capitals: no money",
        Invoice,
        |g| spelled(g, Letters::Capitals, Pay::Voided).status(7),
    ),
    kind(
        "transaction_of_unknown_status",
        "A purchase of a status that no document knows: no money, and said so",
        Invoice,
        |g| Draft::paid(g.goods(1)).status(7).pay(Pay::UnknownStatus),
    ),
    kind(
        "failed_without_a_date_then_paid",
        "A failed attempt without a date, then a good one",
        Invoice,
        |g| Draft::paid(g.goods(1)).pay(Pay::FailedUndatedThenPaid),
    ),
];

fn dressed(g: &mut Gen, dress: Dress) -> Draft {
    let mut spec = g.goods(2);
    spec.lines[0].quantity = spec.lines[0].quantity.max(2);
    spec.dress = dress;
    Draft::paid(spec).later(&[Later::Refund(After::RefundOneUnit)])
}

fn with_fees(g: &mut Gen, count: u32) -> OrderSpec {
    let mut spec = g.goods(1);
    spec.fees_as_object = true;
    for n in 0..count {
        let amount = g.amount(150, 700);
        spec.fees.push(Fee {
            name: format!("Fee {}", n + 1),
            amount,
            taxed: n == 1,
        });
    }
    spec
}

fn spelled(g: &mut Gen, letters: Letters, pay: Pay) -> Draft {
    let mut spec = g.goods(2);
    spec.letters = letters;
    Draft::paid(spec).pay(pay)
}

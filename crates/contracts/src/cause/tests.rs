#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::books::{self, DesiredBooks, ResolvedPlan};
use crate::contract::Contract;
use crate::dead_letter::Header;
use crate::event::{Entity, Event};
use crate::order::{self, Encoding, OrderSnapshot, ValidatedOrder};
use crate::{headers, money};

fn letter<M: Contract>(message: &M) -> DeadLetter {
    DeadLetter {
        original_headers: vec![Header {
            name: headers::SCHEMA.to_owned(),
            value: M::SCHEMA.to_owned(),
        }],
        original_payload: message.encode_to_vec().into(),
        ..DeadLetter::default()
    }
}

fn reason(code: &str, message: &str, path: &str) -> Reason {
    Reason {
        code: code.to_owned(),
        message: message.to_owned(),
        path: path.to_owned(),
    }
}

fn of_reasons(stage: &str, kind: DeadLetterKind, reasons: Vec<Reason>) -> DeadLetter {
    DeadLetter {
        stage: stage.to_owned(),
        kind: kind.into(),
        connection: "acme".to_owned(),
        entity_id: "1234".to_owned(),
        reasons,
        ..DeadLetter::default()
    }
}

fn stake(amount_minor: i64, currency: &str) -> Option<money::Money> {
    Some(money::Money {
        amount_minor,
        currency_code: currency.to_owned(),
    })
}

fn desired() -> DesiredBooks {
    DesiredBooks {
        event: Some(Event {
            version_ms: 77,
            ..Event::default()
        }),
        invoice: Some(books::Invoice {
            expected_total: stake(4_950, "EUR"),
            ..Default::default()
        }),
        ..Default::default()
    }
}

#[test]
fn letters_of_one_cause_share_a_fingerprint_and_others_do_not() {
    let held = |order: &str, index: u32, sum: &str| {
        let mut letter = of_reasons(
            "transform",
            DeadLetterKind::Held,
            vec![reason(
                "sums_do_not_match",
                &format!("order {order}: the lines come to {sum} USD, the order says 20.00 USD"),
                &format!("products[{index}].total"),
            )],
        );
        letter.entity_id = order.to_owned();
        work_out(&letter).fingerprint
    };
    assert_eq!(held("17", 0, "12.50"), held("9001", 31, "1999.99"));

    let base = of_reasons(
        "deliver",
        DeadLetterKind::Rejected,
        vec![reason("rejected", "creating the invoice: refused", "")],
    );
    let mut others = vec![base.clone(); 4];
    others[0].stage = "lookup".to_owned();
    others[1].kind = DeadLetterKind::Held.into();
    others[2].reasons[0].message = "creating the payment: refused".to_owned();
    others[3]
        .reasons
        .push(reason("errno_1012", "no such client", "customerid"));
    for other in others {
        assert_ne!(
            work_out(&base).fingerprint,
            work_out(&other).fingerprint,
            "{other:?}"
        );
    }
}

#[test]
fn a_fingerprint_stays_what_it_is_from_version_to_version() {
    let letter = of_reasons(
        "validate",
        DeadLetterKind::Held,
        vec![reason("missing_field", "the field is missing", "order.id")],
    );
    assert_eq!(work_out(&letter).fingerprint, "ffaff2be3b909937");
}

#[test]
fn order_and_number_of_like_reasons_do_not_matter_nor_that_retries_ended() {
    let one = reason("bad_amount", "line 1 is no amount", "products[0].price");
    let two = reason("bad_amount", "line 2 is no amount", "products[1].price");
    let away = reason("unavailable", "FreshBooks answered 503", "");
    let spent = reason("retries_spent", "given up after 9 attempts in 80 s", "");
    let kind = DeadLetterKind::Exhausted;
    let few = of_reasons("deliver", kind, vec![one.clone(), away.clone()]);
    let many = of_reasons("deliver", kind, vec![spent, away, two, one]);
    assert_eq!(work_out(&few).fingerprint, work_out(&many).fingerprint);
    assert_eq!(work_out(&many).class, "outage");
    assert!(work_out(&many).proposed_fix.contains("answers again"));
}

#[test]
fn every_letter_after_the_hint_says_what_is_at_stake() {
    assert_eq!(work_out(&letter(&desired())).at_stake, stake(4_950, "EUR"));
    let plan = ResolvedPlan {
        books: Some(desired()),
        ..Default::default()
    };
    assert_eq!(work_out(&letter(&plan)).at_stake, stake(4_950, "EUR"));
    assert_eq!(work_out(&letter(&plan)).version_ms, 77);

    for (text, code, minor) in [("49.5000", "EUR", 4_950), ("500.0000", "JPY", 500)] {
        let totals = order::Totals {
            total: Some(order::Amounts {
                inc_tax: text.to_owned(),
                ..Default::default()
            }),
            ..Default::default()
        };
        let validated = ValidatedOrder {
            order: Some(order::Order {
                currency_code: code.to_owned(),
                totals: Some(totals),
                ..Default::default()
            }),
            ..Default::default()
        };
        assert_eq!(work_out(&letter(&validated)).at_stake, stake(minor, code));

        let document =
            serde_json::json!({ "order": { "total_inc_tax": text, "currency_code": code } });
        let document = serde_json::to_vec(&document).unwrap();
        for (encoding, bytes) in [
            (Encoding::Identity, document.clone()),
            (Encoding::Zstd, zstd::bulk::compress(&document, 3).unwrap()),
        ] {
            let snapshot = OrderSnapshot {
                event: Some(Event {
                    entity: Entity::Order.into(),
                    ..Event::default()
                }),
                encoding: encoding.into(),
                document_bytes: document.len().try_into().unwrap(),
                document: bytes.into(),
                ..Default::default()
            };
            assert_eq!(work_out(&letter(&snapshot)).at_stake, stake(minor, code));
        }
    }
}

#[test]
fn what_does_not_say_it_has_no_amount_and_still_a_cause() {
    assert_eq!(work_out(&letter(&DesiredBooks::default())).at_stake, None);
    let mut garbage = letter(&desired());
    garbage.original_payload = b"\xff\xff".to_vec().into();
    let cause = work_out(&garbage);
    assert_eq!((cause.at_stake, cause.version_ms), (None, 0));
    assert!(!cause.fingerprint.is_empty() && !cause.proposed_fix.is_empty());
}

#[test]
fn a_letter_without_its_cause_gets_the_same_one() {
    let mut old = of_reasons(
        "deliver",
        DeadLetterKind::Held,
        vec![reason("plan_limit", "creating the client: plan", "")],
    );
    let worked_out = of(&old);
    old.cause = Some(worked_out.clone());
    assert_eq!(of(&old), worked_out);
    assert!(worked_out.proposed_fix.contains("plan"));
}

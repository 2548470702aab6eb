//! What went back: amounts, tax shares, lines and days of every kind of refund, spelled out.

// Helpers are test code too; clippy exempts only the test functions themselves.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{books, document, hold_codes, product, refund, set_total, shown, tax, transaction};
use domain::arithmetic::{Figures, Model};
use domain::books::{DesiredBooks, RefundDocument};
use domain::policy::{Policy, RefundMode, TaxMode};
use serde_json::{Value, json};

fn item(item_type: &str, id: u64, quantity: u32) -> Value {
    json!({"item_type": item_type, "item_id": id, "quantity": quantity, "requested_amount": null})
}

fn custom(amount: &str) -> Value {
    json!([{"item_type": "ORDER", "item_id": 1001, "quantity": 1,
        "requested_amount": amount.parse::<serde_json::Number>().unwrap()}])
}

/// 3 mugs of 19.99 at 8.25 % and a book of 10.00 without tax, shipping 5.00 at 8.25 %.
fn taxed() -> Value {
    let mut order = document();
    let mut mugs = product(1, "Mug", "3", "19.99", "59.97");
    mugs["total_tax"] = json!("4.9500");
    mugs["total_inc_tax"] = json!("64.9200");
    order["products"] = json!([mugs, product(2, "Book", "1", "10.00", "10.00")]);
    order["order"]["shipping_cost_ex_tax"] = json!("5.0000");
    order["order"]["shipping_cost_inc_tax"] = json!("5.4100");
    order["order"]["shipping_cost_tax"] = json!("0.4100");
    order["taxes"] = json!([
        tax(1, "item", "State", "8.2500", "4.9500"),
        tax(0, "shipping", "State", "8.2500", "0.4100"),
    ]);
    set_total(&mut order, "74.9700", "5.3600", "80.3300");
    order["order"]["status_id"] = json!(14);
    order
}

fn with(refunds: Value) -> Value {
    let mut order = taxed();
    order["refunds"] = refunds;
    order
}

/// Every refund's lines make its amount and its tax, by the model the invoices use.
fn adds_up(books: &DesiredBooks) {
    for refund in &books.refunds {
        if refund.document == RefundDocument::None {
            continue;
        }
        let lines = refund.lines.iter().map(Figures::from);
        let made = Model::default()
            .predict(lines, refund.amount.currency)
            .unwrap();
        assert_eq!(made.total, refund.amount, "{}", refund.key);
    }
}

#[track_caller]
fn refund_shown(order: &Value, policy: &Policy) -> String {
    adds_up(&books(order, policy).unwrap());
    let text = shown(order, policy);
    text[text.find("refund:").unwrap()..].to_owned()
}

#[test]
fn pieces_of_a_line_come_back_with_their_tax() {
    let order = with(json!([refund(
        7,
        "43.28",
        "3.30",
        json!([item("PRODUCT", 1, 2)])
    )]));
    assert_eq!(
        refund_shown(&order, &Policy::default()),
        "refund:7 1001-R7 CreditNote 43.28 USD with tax 3.30 USD on 2020-09-01\n  \
         Product Mug | 2 x 19.99 | State 8.25 %\n"
    );
}

#[test]
fn untaxed_and_taxed_lines_and_shipping_each_keep_their_taxes() {
    let items = json!([
        item("PRODUCT", 1, 1),
        item("PRODUCT", 2, 1),
        item("SHIPPING", 1, 1)
    ]);
    let order = with(json!([refund(7, "37.05", "2.06", items)]));
    assert_eq!(
        refund_shown(&order, &Policy::default()),
        "refund:7 1001-R7 CreditNote 37.05 USD with tax 2.06 USD on 2020-09-01\n  \
         Product Mug | 1 x 19.99 | State 8.25 %\n  \
         Product Book | 1 x 10.00\n  \
         Shipping Shipping | 1 x 5.00 | State 8.25 %\n"
    );
}

#[test]
fn a_custom_values_tax_share_is_rebuilt_from_the_orders_own_rates() {
    // 70.33 of 80.33 is taxed at 8.25 %, 10.00 is not: of 20.00 back 17.51 is, with 1.33 tax.
    let order = with(json!([refund(7, "20.00", "0", custom("20.00"))]));
    assert_eq!(
        refund_shown(&order, &Policy::default()),
        "refund:7 1001-R7 CreditNote 20.00 USD with tax 1.33 USD on 2020-09-01\n  \
         Refund Refund | 1 x 16.18 | State 8.25 %\n  \
         Refund Refund | 1 x 2.49\n"
    );
    let exact = Policy {
        tax: TaxMode::Amount,
        ..Policy::default()
    };
    assert_eq!(
        refund_shown(&order, &exact),
        "refund:7 1001-R7 CreditNote 20.00 USD with tax 1.33 USD on 2020-09-01\n  \
         Refund Refund | 1 x 18.67\n  \
         Tax State | 1 x 1.33\n"
    );
}

#[test]
fn goods_with_their_reported_tax_and_a_custom_value_go_together() {
    let mut items = custom("10.00");
    items.as_array_mut().unwrap().push(item("PRODUCT", 1, 1));
    let order = with(json!([refund(7, "31.64", "1.65", items)]));
    for tax in [TaxMode::Percent, TaxMode::Amount] {
        let policy = Policy {
            tax,
            ..Policy::default()
        };
        // 1.65 is told of the mug; of the 10.00, 8.75 is taxed with 0.67.
        let text = refund_shown(&order, &policy);
        assert!(text.contains("31.64 USD with tax 2.32 USD"), "{text}");
    }
}

#[test]
fn taxes_that_the_store_lost_are_rebuilt() {
    let order = with(json!([refund(
        7,
        "21.64",
        "0",
        json!([item("PRODUCT", 1, 1)])
    )]));
    let text = refund_shown(&order, &Policy::default());
    assert!(text.contains("21.64 USD with tax 1.65 USD"), "{text}");
}

#[test]
fn a_reported_tax_is_sought_among_the_orders_lines_and_held_where_none_makes_it() {
    // 1.00 is the tax of 13.12; the order has 10.00 without tax, of which the rest may be.
    let mug = || json!([item("PRODUCT", 1, 1)]);
    let order = with(json!([refund(7, "21.64", "1.00", mug())]));
    let text = refund_shown(&order, &Policy::default());
    assert!(text.contains("21.64 USD with tax 1.00 USD"), "{text}");
    // More tax than the rate makes of the amount, and less than what is untaxed allows.
    for told in ["3.00", "0.50"] {
        let order = with(json!([refund(7, "21.64", told, mug())]));
        assert_eq!(
            hold_codes(&order, &Policy::default()),
            ["refund_tax_does_not_match"]
        );
        let exact = Policy {
            tax: TaxMode::Amount,
            ..Policy::default()
        };
        let text = refund_shown(&order, &exact);
        assert!(text.contains(&format!("Tax State | 1 x {told}")), "{text}");
    }
}

#[test]
fn a_tax_adjustment_gives_back_tax_alone() {
    let order = with(json!([refund(7, "5.36", "5.36", json!([]))]));
    let text = refund_shown(&order, &Policy::default());
    assert!(text.contains("with tax 5.36 USD"), "{text}");
    assert!(text.contains("Tax Tax adjustment | 1 x 5.36"), "{text}");
}

#[test]
fn declined_refunds_are_nothing_and_partly_declined_ones_what_was_not() {
    let mut declined = refund(7, "43.28", "3.30", json!([item("PRODUCT", 1, 2)]));
    declined["payments"][0]["is_declined"] = json!(true);
    let mut order = with(json!([declined.clone()]));
    order["order"]["status_id"] = json!(11);
    let books = books(&order, &Policy::default()).unwrap();
    assert_eq!(books.refunds[0].document, RefundDocument::None);
    assert_eq!(books.refunds[0].amount.amount_minor, 0);

    declined["payments"] = json!([
        {"id": 1, "provider_id": "stripe", "amount": 21.64, "offline": false, "is_declined": true},
        {"id": 2, "provider_id": "storecredit", "amount": 21.64, "offline": false},
    ]);
    let order = with(json!([declined]));
    let text = refund_shown(&order, &Policy::default());
    assert!(text.contains("21.64 USD with tax 1.65 USD"), "{text}");
}

#[test]
fn the_note_tells_where_the_money_went() {
    let mut mixed = refund(7, "30.00", "0", custom("30.00"));
    mixed["reason"] = json!("Broken");
    mixed["payments"] = json!([
        {"id": 1, "provider_id": "stripe", "amount": 10, "offline": false},
        {"id": 2, "provider_id": "storecredit", "amount": 15, "offline": false},
        {"id": 3, "provider_id": "custom", "amount": 5, "offline": true},
    ]);
    let books = books(&with(json!([mixed])), &Policy::default()).unwrap();
    assert_eq!(
        books.refunds[0].note,
        "Refund 7 of invoice 1001. 10.00 USD to the payment it came from (stripe). 15.00 USD to \
         store credit. 5.00 USD offline. Tax in it: 2.00 USD. Reason: Broken refund:7"
    );
}

#[test]
fn several_refunds_are_each_booked_and_never_more_than_came_in() {
    let half = || custom("40.00");
    let mut order = with(json!([
        refund(8, "40.00", "0", half()),
        refund(7, "40.00", "0", half())
    ]));
    order["refunds"][0]["created"] = json!("2020-09-05T12:00:00+00:00");
    let booked = books(&order, &Policy::default()).unwrap();
    let keys: Vec<_> = booked.refunds.iter().map(|one| one.key.as_str()).collect();
    assert_eq!(keys, ["refund:7", "refund:8"]);
    // The same record twice is one refund.
    let again = order["refunds"][0].clone();
    order["refunds"].as_array_mut().unwrap().push(again);
    assert_eq!(books(&order, &Policy::default()).unwrap(), booked);

    let more = refund(9, "0.34", "0", custom("0.34"));
    order["refunds"].as_array_mut().unwrap().push(more);
    let holds = books(&order, &Policy::default()).unwrap_err();
    assert_eq!(holds[0].code, "refund_exceeds_captured");
    let said = &holds[0].message;
    assert!(
        said.contains("80.34 USD") && said.contains("80.33 USD"),
        "{said}"
    );
}

#[test]
fn a_full_refund_lowers_invoice_and_payment_to_nothing() {
    let items = json!([
        item("PRODUCT", 1, 3),
        item("PRODUCT", 2, 1),
        item("SHIPPING", 1, 1)
    ]);
    let mut order = with(json!([refund(7, "80.33", "5.36", items)]));
    order["order"]["status_id"] = json!(4);
    let text = refund_shown(&order, &Policy::default());
    assert!(text.contains("80.33 USD with tax 5.36 USD"), "{text}");
    let adjust = Policy {
        refund: RefundMode::Adjust,
        ..Policy::default()
    };
    let books = books(&order, &adjust).unwrap();
    assert_eq!(books.invoice.expected_total.amount_minor, 0);
    assert_eq!(books.invoice.expected_tax.amount_minor, 0);
    assert_eq!(books.payments[0].amount.amount_minor, 0);
    assert_eq!(books.payments[0].captured.amount_minor, 8033);
}

#[test]
fn a_credit_note_number_of_more_than_twenty_characters_is_held_and_an_expense_is_not() {
    let order = with(json!([refund(7_654_321, "20.00", "0", custom("20.00"))]));
    let policy = |prefix: &str, refund: RefundMode| {
        let mut policy = Policy {
            refund,
            ..Policy::default()
        };
        prefix.clone_into(&mut policy.invoice.prefix);
        policy
    };
    let fits = books(&order, &policy("SEVENTY", RefundMode::CreditNote)).unwrap();
    assert_eq!(fits.refunds[0].number, "SEVENTY1001-R7654321");
    let long = policy("SEVENTY-", RefundMode::CreditNote);
    let holds = books(&order, &long).unwrap_err();
    assert_eq!(holds[0].code, "credit_note_number_too_long");
    let said = &holds[0].message;
    assert!(
        said.contains("SEVENTY-1001-R7654321") && said.contains("20"),
        "{said}"
    );
    for mode in [
        RefundMode::Expense("Returns".to_owned()),
        RefundMode::Adjust,
    ] {
        assert!(books(&order, &policy("SEVENTY-", mode)).is_ok());
    }
}

#[test]
fn adjusting_lowers_the_payment_that_was_given_back() {
    let mut order = taxed();
    let mut back = transaction(603, "refund", "20.00");
    back["reference_transaction_id"] = json!(501);
    order["transactions"] = json!([
        transaction(501, "capture", "30.00"),
        transaction(502, "capture", "50.33"),
        back
    ]);
    let mut record = refund(7, "20.00", "0", custom("20.00"));
    record["payments"][0]["transaction_id"] = json!("603");
    order["refunds"] = json!([record]);
    let adjust = Policy {
        refund: RefundMode::Adjust,
        ..Policy::default()
    };
    let text = shown(&order, &adjust);
    assert!(text.contains("txn:501 VISA 10.00 USD"), "{text}");
    assert!(text.contains("txn:502 VISA 50.33 USD"), "{text}");
    assert!(
        text.contains("Refund Refund 7 | 1 x -16.18 | State 8.25 %"),
        "{text}"
    );
    assert!(text.contains("total 60.33 USD with tax 4.03 USD"), "{text}");
}

#[test]
fn a_refund_seen_only_as_a_transaction_counts_once() {
    let mut order = taxed();
    let mut back = transaction(603, "refund", "20.00");
    back["reference_transaction_id"] = json!(501);
    let paid = transaction(501, "purchase", "80.33");
    order["transactions"] = json!([paid, back]);
    let text = refund_shown(&order, &Policy::default());
    assert!(
        text.starts_with("refund:T603 1001-RT603 CreditNote 20.00 USD"),
        "{text}"
    );
    // The record comes: by name, or by its amount.
    for named in [json!("603"), json!("ch_603"), json!(null)] {
        let mut record = refund(7, "20.00", "0", custom("20.00"));
        record["payments"][0]["transaction_id"] = named;
        order["refunds"] = json!([record]);
        let books = books(&order, &Policy::default()).unwrap();
        assert_eq!(books.refunds.len(), 1);
        assert_eq!(books.refunds[0].key, "refund:7");
        assert_eq!(books.refunds[0].replaces, ["refund:T603"]);
    }
    // One record, paid out in two parts that nothing names.
    let mut parts = [
        transaction(603, "refund", "5.00"),
        transaction(604, "refund", "15.00"),
    ];
    order["transactions"] = json!([transaction(501, "purchase", "80.33"), parts[0], parts[1]]);
    order["refunds"] = json!([refund(7, "20.00", "0", custom("20.00"))]);
    let one = books(&order, &Policy::default()).unwrap().refunds;
    assert_eq!(one.len(), 1);
    // Either may have been booked on its own before the record was there.
    assert_eq!(one[0].replaces, ["refund:T603", "refund:T604"]);
    // More than the record accounts for, and nothing tells which: not guessed.
    parts[1]["amount"] = json!(16);
    order["transactions"] = json!([transaction(501, "purchase", "80.33"), parts[0], parts[1]]);
    assert_eq!(
        hold_codes(&order, &Policy::default()),
        ["refund_transactions_unclear"]
    );
    // Failed and test transactions are nothing.
    parts[0]["status"] = json!("error");
    parts[1]["test"] = json!(true);
    order["refunds"] = json!([]);
    order["transactions"] = json!([transaction(501, "purchase", "80.33"), parts[0], parts[1]]);
    assert_eq!(
        hold_codes(&order, &Policy::default()),
        ["refund_without_record"]
    );
}

#[test]
fn a_status_set_by_hand_is_held_only_when_money_came_in() {
    for status in [4, 14] {
        let mut order = taxed();
        order["order"]["status_id"] = json!(status);
        let holds = books(&order, &Policy::default()).unwrap_err();
        assert_eq!(holds[0].code, "refund_without_record");
        assert!(holds[0].message.contains("80.33 USD came in"));
        order["transactions"] = json!([]);
        let stands = books(&order, &Policy::default()).unwrap();
        assert!(stands.payments.is_empty() && stands.refunds.is_empty());
    }
}

#[test]
fn sums_that_do_not_add_up_are_held_with_both() {
    let mut order = with(json!([refund(7, "20.00", "0", custom("20.00"))]));
    order["refunds"][0]["payments"][0]["amount"] = json!(19);
    let holds = books(&order, &Policy::default()).unwrap_err();
    assert_eq!(holds[0].code, "refund_sums_differ");
    assert!(holds[0].message.contains("20 USD") && holds[0].message.contains("19"));
    order["refunds"][0]["total_amount"] = json!(-20);
    assert_eq!(hold_codes(&order, &Policy::default()), ["negative_refund"]);
    order["refunds"][0]["total_amount"] = json!("79228162514264337593543950335");
    assert_eq!(hold_codes(&order, &Policy::default()), ["out_of_range"]);
}

#[test]
fn cash_given_back_for_an_offline_order_shows_both_ways() {
    let mut order = document();
    order["transactions"] = json!([]);
    order["order"]["payment_method"] = json!("Cash");
    order["order"]["status_id"] = json!(14);
    let mut cash = refund(7, "4.00", "0", custom("4.00"));
    cash["payments"][0]["offline"] = json!(true);
    order["refunds"] = json!([cash]);
    let text = shown(&order, &Policy::default());
    assert!(text.contains("offline:1001 Cash 10.00 USD"), "{text}");
    assert!(text.contains("CreditNote 4.00 USD"), "{text}");
    let by_hand = Policy {
        offline_paid: false,
        ..Policy::default()
    };
    let books = books(&order, &by_hand).unwrap();
    assert_eq!((books.payments.len(), books.refunds.len()), (0, 1));
}

#[test]
fn orders_cancelled_or_declined_after_capture_keep_invoice_and_refunds() {
    for (status, amount) in [(5, "4.00"), (5, "10.00"), (6, "10.00")] {
        let mut order = document();
        order["order"]["status_id"] = json!(status);
        order["refunds"] = json!([refund(7, amount, "0", custom(amount))]);
        let text = shown(&order, &Policy::default());
        assert!(text.contains("VISA 10.00 USD"), "{text}");
        assert!(text.contains(&format!("CreditNote {amount} USD")), "{text}");
    }
}

#[test]
fn what_was_paid_too_much_and_given_back_lowers_payments_only() {
    // Captured 12.00, the order is worth 10.00; 3.00 went back, 1.00 of it for goods.
    let mut order = document();
    order["order"]["status_id"] = json!(14);
    order["transactions"] = json!([
        transaction(501, "capture", "10.00"),
        transaction(502, "capture", "2.00")
    ]);
    assert_eq!(
        hold_codes(&order, &Policy::default()),
        ["paid_more_than_due"]
    );
    order["refunds"] = json!([refund(7, "3.00", "0", custom("3.00"))]);
    let text = shown(&order, &Policy::default());
    assert!(text.contains("txn:501 VISA 10.00 USD"), "{text}");
    assert!(text.contains("txn:502 VISA 0.00 USD"), "{text}");
    assert!(text.contains("CreditNote 1.00 USD"), "{text}");
    let adjust = Policy {
        refund: RefundMode::Adjust,
        ..Policy::default()
    };
    let text = shown(&order, &adjust);
    assert!(text.contains("txn:501 VISA 9.00 USD"), "{text}");
    assert!(text.contains("total 9.00 USD"), "{text}");
}

#[test]
fn yen_have_no_cents_and_stores_with_tax_in_prices_are_exact() {
    let mut order = document();
    let mut line = product(1, "Tea", "3", "1000", "3000");
    line["total_ex_tax"] = json!("2727.0000");
    line["total_tax"] = json!("273.0000");
    order["products"] = json!([line]);
    order["taxes"] = json!([tax(1, "item", "JCT", "10.0000", "273.0000")]);
    set_total(&mut order, "2727.0000", "273.0000", "3000.0000");
    order["order"]["default_currency_code"] = json!("JPY");
    order["order"]["is_tax_inclusive_pricing"] = json!(true);
    order["order"]["status_id"] = json!(14);
    order["transactions"][0]["currency"] = json!("JPY");
    order["refunds"] = json!([refund(7, "1000", "91", json!([item("PRODUCT", 1, 1)]))]);
    assert_eq!(
        refund_shown(&order, &Policy::default()),
        "refund:7 1001-R7 CreditNote 1000 JPY with tax 91 JPY on 2020-09-01\n  \
         Product Tea | 1 x 909 | JCT 10 %\n"
    );
    order["refunds"][0]["payments"][0]["amount"] = json!(1000.5);
    order["refunds"][0]["total_amount"] = json!(1000.5);
    assert_eq!(
        hold_codes(&order, &Policy::default()),
        ["refund_not_bookable"]
    );
}

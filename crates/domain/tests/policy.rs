//! Every policy key, with both of its choices, and the accounting page's status table.

// Helpers are test code too; clippy exempts only the test functions themselves.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{
    books, document, hold_codes, product, read, refund, render, set_total, shipped, shown, tax,
    transaction,
};
use domain::account::{account, gone};
use domain::books::{Disposition, LineKind};
use domain::client_update;
use domain::difference::{Written, closed_period, next_step};
use domain::mapping::Mapping;
use domain::policy::{ClientConflicts, Policy, UnknownSku};
use serde_json::{Value, json};

fn policy(value: Value) -> Policy {
    serde_json::from_value(value).unwrap()
}

fn refused(value: Value) -> String {
    serde_json::from_value::<Policy>(value)
        .unwrap_err()
        .to_string()
}

fn taxed() -> Value {
    let mut order = document();
    let mut line = product(1, "Lamp", "2", "50.00", "100.00");
    line["applied_discounts"] =
        json!([{"id": "x", "amount": "10.00", "name": "Spring sale", "target": "order"}]);
    order["products"] = json!([line]);
    order["order"]["discount_amount"] = json!("10.0000");
    order["taxes"] = json!([tax(1, "item", "VAT", "20.0000", "18.0000")]);
    set_total(&mut order, "90.0000", "18.0000", "108.0000");
    order
}

#[test]
fn the_defaults_are_the_accounting_pages() {
    assert_eq!(policy(json!({})), Policy::default());
    assert!(refused(json!({"taxes": "percent"})).contains("unknown field"));
}

#[test]
fn tax_as_percent_or_as_exact_amounts() {
    let percent = shown(&taxed(), &policy(json!({"tax": "percent"})));
    assert!(
        percent.contains("Product Lamp | 2 x 50.00 | VAT 20 %"),
        "{percent}"
    );
    let amount = shown(&taxed(), &policy(json!({"tax": "amount"})));
    assert!(amount.contains("Product Lamp | 2 x 50.00\n"), "{amount}");
    assert!(amount.contains("Tax VAT | 1 x 18.00\n"), "{amount}");
    assert!(
        amount.contains("total 108.00 USD with tax 18.00 USD"),
        "{amount}"
    );
}

#[test]
fn discount_as_a_named_line_or_taken_off_the_prices() {
    let line = shown(&taxed(), &policy(json!({"discount": "line"})));
    assert!(
        line.contains("Discount Spring sale | 1 x -10.00 | VAT 20 %"),
        "{line}"
    );
    let net = shown(&taxed(), &policy(json!({"discount": "net"})));
    assert!(net.contains("Product Lamp | 2 x 45.00 | VAT 20 %"), "{net}");
    assert!(!net.contains("Discount"), "{net}");
    assert!(net.contains("total 108.00 USD with tax 18.00 USD"), "{net}");
}

#[test]
fn shipping_as_a_line_or_as_an_expense_that_the_line_rebills() {
    assert_eq!(policy(json!({"shipping": "line"})), Policy::default());
    let line = books(&shipped(), &Policy::default()).unwrap();
    assert!(line.shipping.is_empty());
    assert!(line.invoice.lines.iter().all(|line| line.rebills.is_none()));

    let freight = policy(json!({"shipping": "expense: Freight "}));
    let expense = books(&shipped(), &freight).unwrap();
    let [booked] = expense.shipping.as_slice() else {
        panic!("{:?}", expense.shipping);
    };
    assert_eq!(
        (booked.key.as_str(), booked.category.as_str()),
        ("shipping:1", "Freight")
    );
    // Without the tax, which is on the line.
    assert_eq!(booked.amount.to_string(), "5.00 USD");
    assert_eq!(booked.date, expense.invoice.create_date);
    assert_eq!(booked.note, "Shipping of invoice 1001 (shipping:1)");
    let lines = &expense.invoice.lines;
    let rebilling: Vec<_> = lines.iter().filter(|line| line.rebills.is_some()).collect();
    let [rebilling] = rebilling.as_slice() else {
        panic!("{lines:?}");
    };
    assert_eq!(rebilling.kind, LineKind::Shipping);
    assert_eq!(rebilling.rebills.as_deref(), Some("shipping:1"));
    // But for the expense behind the line, the invoice is the same.
    assert_eq!(render(&expense), render(&line));

    for wrong in ["expense", "expense: ", "freight", "line:x"] {
        let message = refused(json!({"shipping": wrong}));
        assert!(message.contains("expense category"), "{message}");
    }
}

#[test]
fn shipping_that_costs_nothing_is_no_expense() {
    let freight = policy(json!({"shipping": "expense:Freight"}));
    assert!(books(&taxed(), &freight).unwrap().shipping.is_empty());
}

#[test]
fn an_invoice_is_mailed_only_where_the_policy_says_so() {
    let mailed = policy(json!({"invoice": {"email": true}}));
    let to = |document: &Value, policy: &Policy| books(document, policy).unwrap().email_to;
    assert_eq!(to(&document(), &Policy::default()), None);
    assert_eq!(to(&document(), &mailed).as_deref(), Some("Ada@Example.com"));
}

#[test]
fn nobody_is_mailed_about_an_order_that_ended_or_is_a_draft_or_has_no_address() {
    let mailed = policy(json!({"invoice": {"email": true}}));
    for ended in [4, 5] {
        let mut order = document();
        order["order"]["status_id"] = json!(ended);
        let items = json!([{"item_type": "ORDER", "item_id": 1001, "quantity": 1,
            "requested_amount": 10}]);
        order["refunds"] = json!([refund(7, "10.00", "0", items)]);
        assert_eq!(books(&order, &mailed).unwrap().email_to, None, "{ended}");
    }
    let draft = policy(json!({"invoice": {"email": true}, "status": {"11": "draft"}}));
    let mut order = document();
    order["order"]["status_id"] = json!(11);
    assert_eq!(books(&order, &draft).unwrap().email_to, None);
    let mut order = document();
    order["order"]["billing_address"]["email"] = json!("");
    let books = books(&order, &mailed).unwrap();
    assert_eq!(books.email_to, None);
    assert!(
        books.notices.iter().any(|told| told.contains("not mailed")),
        "{:?}",
        books.notices
    );
}

#[test]
fn unknown_sku_creates_unless_another_choice_is_made() {
    assert_eq!(Policy::default().unknown_sku, UnknownSku::Create);
    for (word, choice) in [
        ("create", UnknownSku::Create),
        ("text", UnknownSku::Text),
        ("hold", UnknownSku::Hold),
    ] {
        assert_eq!(policy(json!({"unknown_sku": word})).unknown_sku, choice);
    }
    refused(json!({"unknown_sku": "drop"}));
}

/// The store moved from Austin to Bonn, and a person had written Berlin into FreshBooks.
fn conflict(choice: &str) -> client_update::Difference {
    let policy = policy(json!({"client_conflicts": choice}));
    let fields = |city: &str, phone: &str| {
        client_update::Fields::from([
            ("p_city".to_owned(), city.to_owned()),
            ("bus_phone".to_owned(), phone.to_owned()),
        ])
    };
    let written = fields("Austin", "1");
    let known =
        client_update::settled(&written, &Default::default(), &Default::default(), &written);
    client_update::difference(
        &fields("Bonn", "2"),
        &known,
        &Default::default(),
        &fields("Berlin", "1"),
        policy.client_conflicts,
    )
}

#[test]
fn client_conflicts_keep_writes_only_what_no_person_changed() {
    assert_eq!(Policy::default().client_conflicts, ClientConflicts::Keep);
    let kept = conflict("keep");
    assert!(kept.write.keys().eq(["bus_phone"]), "{kept:?}");
    assert!(kept.kept.iter().eq(["p_city"]) && kept.contested.is_empty());
}

#[test]
fn client_conflicts_overwrite_writes_the_stores_values() {
    let overwritten = conflict("overwrite");
    assert!(overwritten.write.keys().eq(["bus_phone", "p_city"]));
    assert!(overwritten.kept.is_empty() && overwritten.contested.is_empty());
}

#[test]
fn client_conflicts_hold_writes_nothing_and_names_the_field() {
    let held = conflict("hold");
    assert!(held.write.is_empty(), "{held:?}");
    assert!(held.contested.iter().eq(["p_city"]));
    refused(json!({"client_conflicts": "ask"}));
}

#[test]
fn invoice_prefix_stands_before_the_order_id_and_is_bounded() {
    let policy = policy(json!({"invoice": {"prefix": "BC-"}}));
    assert!(shown(&document(), &policy).starts_with("BC-1001 "));
    assert!(refused(json!({"invoice": {"prefix": "A-very-long-prefix"}})).contains("14"));
    let mut order = document();
    order["order"]["id"] = json!(123_456_789_012_345_678_u64);
    order["products"][0]["order_id"] = json!(null);
    order["transactions"][0]["order_id"] = json!(null);
    assert_eq!(hold_codes(&order, &policy), ["invoice_number_too_long"]);
}

#[test]
fn status_overrides_win_over_the_table() {
    for (rule, expected) in [
        ("none", "nothing: "),
        ("draft", "draft 1001"),
        ("sent", "1001 "),
    ] {
        let policy = policy(json!({"status": {"11": rule}}));
        assert!(shown(&document(), &policy).starts_with(expected));
    }
    assert!(refused(json!({"status": {"99": "none"}})).contains("0 to 14"));
}

#[test]
fn due_offset_by_default_and_by_status() {
    let policy = policy(json!({"due_offset_days": 14, "due_offset_days_by_status": {"11": 0}}));
    assert_eq!(
        books(&document(), &policy).unwrap().invoice.due_offset_days,
        0
    );
    let mut order = document();
    order["order"]["status_id"] = json!(10);
    assert_eq!(books(&order, &policy).unwrap().invoice.due_offset_days, 14);
}

#[test]
fn a_closed_period_holds_the_step_that_writes_into_it() {
    let first_step = |order: &Value, first_open: &str| {
        let policy = policy(json!({"books_locked_until": first_open}));
        let day = policy.books_locked_until.unwrap().to_string();
        let books = books(order, &policy).unwrap();
        let written = Written::default();
        closed_period(&books, &written, &next_step(&books, &written), &day)
    };
    assert_eq!(first_step(&document(), "2020-08-27"), None);
    let held = first_step(&document(), "2020-08-28").unwrap();
    assert_eq!(held.code, "period_closed");
    // Nothing would be written for an order that is not in the books.
    let mut cancelled = document();
    cancelled["order"]["status_id"] = json!(5);
    cancelled["transactions"] = json!([]);
    assert_eq!(first_step(&cancelled, "2020-08-28"), None);
    assert!(refused(json!({"books_locked_until": "yesterday"})).contains("2026-01-01"));
}

#[test]
fn refunds_as_credit_notes_lower_invoices_or_expenses() {
    let mut order = document();
    order["order"]["status_id"] = json!(14);
    let items = json!([{"item_type": "ORDER", "item_id": 1001, "quantity": 1,
        "requested_amount": 4}]);
    order["refunds"] = json!([refund(7, "4.00", "0", items)]);
    let credit_note = shown(&order, &policy(json!({"refund": "credit_note"})));
    assert_eq!(credit_note, shown(&order, &Policy::default()));
    assert!(
        credit_note
            .contains("refund:7 1001-R7 CreditNote 4.00 USD with tax 0.00 USD on 2020-09-01"),
        "{credit_note}"
    );
    assert!(credit_note.contains("total 10.00 USD") && credit_note.contains("VISA 10.00"));
    let adjust = shown(&order, &policy(json!({"refund": "adjust"})));
    assert!(adjust.contains("Refund Refund 7 | 1 x -4.00"), "{adjust}");
    assert!(
        adjust.contains("total 6.00 USD") && adjust.contains("VISA 6.00"),
        "{adjust}"
    );
    let expense = shown(&order, &policy(json!({"refund": "expense:Other Expenses"})));
    assert!(
        expense.contains(r#"Expense("Other Expenses") 4.00"#),
        "{expense}"
    );
    for wrong in ["expense", "expense: ", "credit", "adjust:x"] {
        let said = refused(json!({"refund": wrong}));
        assert!(
            said.contains("credit_note") && said.contains(wrong),
            "{said}"
        );
    }
}

#[test]
fn offline_orders_are_paid_with_their_status_or_stay_open() {
    let mut order = document();
    order["transactions"] = json!([]);
    order["order"]["payment_method"] = json!("Check");
    order["order"]["date_modified"] = json!("Tue, 01 Sep 2020 12:00:00 +0000");
    let paid = shown(&order, &policy(json!({"offline_paid": true})));
    assert!(
        paid.contains("offline:1001 Check 10.00 USD on 2020-09-01"),
        "{paid}"
    );
    let open = shown(&order, &policy(json!({"offline_paid": false})));
    assert!(!open.contains("offline:"), "{open}");
    order["order"]["status_id"] = json!(7);
    assert!(!shown(&order, &Policy::default()).contains("offline:"));
}

#[test]
fn payment_types_can_be_overridden_by_gateway_and_method() {
    for key in ["stripe/credit_card", "stripe/*", "*/credit_card"] {
        let policy = policy(json!({"payment_types": {key: "ACH"}}));
        assert!(
            shown(&document(), &policy).contains("txn:501 ACH "),
            "{key}"
        );
    }
    let other = policy(json!({"payment_types": {"adyen/*": "ACH"}}));
    assert!(shown(&document(), &other).contains("txn:501 VISA "));
    assert!(refused(json!({"payment_types": {"stripe/*": "Gold"}})).contains("Bank Transfer"));
    assert!(refused(json!({"payment_types": {"stripe": "ACH"}})).contains("gateway/method"));
}

#[test]
fn the_status_table_of_the_accounting_page() {
    for (status, expected) in [
        (0, "nothing: "),
        (1, "1001 "),
        (2, "1001 "),
        (3, "1001 "),
        (5, "1001 "),
        (7, "1001 "),
        (8, "1001 "),
        (9, "1001 "),
        (10, "1001 "),
        (11, "1001 "),
        (12, "1001 "),
        (13, "1001 "),
    ] {
        let mut order = document();
        order["order"]["status_id"] = json!(status);
        assert!(
            shown(&order, &Policy::default()).starts_with(expected),
            "{status}"
        );
        let notices = books(&order, &Policy::default()).unwrap().notices;
        assert_eq!(
            !notices.is_empty(),
            status == 12 || status == 13,
            "{status} {notices:?}"
        );
    }
    for (status, code) in [
        (4, "refund_without_record"),
        (14, "refund_without_record"),
        (6, "declined_but_captured"),
    ] {
        let mut order = document();
        order["order"]["status_id"] = json!(status);
        assert_eq!(hold_codes(&order, &Policy::default()), [code], "{status}");
    }
}

#[test]
fn cancelled_and_declined_orders_that_were_never_paid_are_removed() {
    for status in [5, 6] {
        let mut order = document();
        order["order"]["status_id"] = json!(status);
        order["transactions"] = json!([transaction(501, "authorization", "10.00")]);
        assert!(
            shown(&order, &Policy::default()).starts_with("removed: "),
            "{status}"
        );
    }
}

#[test]
fn archived_and_deleted_orders() {
    let mut order = document();
    order["order"]["is_deleted"] = json!(true);
    assert!(shown(&order, &Policy::default()).starts_with("1001 "));
    order["transactions"] = json!([]);
    order["order"]["status_id"] = json!(7);
    assert!(shown(&order, &Policy::default()).starts_with("nothing: "));
    let read = read(&order);
    let removed = account(&read, true, &Policy::default(), &Mapping::built_in()).unwrap();
    assert!(matches!(removed.disposition, Disposition::Removed(_)));
    assert_eq!(removed, gone(1001, &Policy::default()));
}

#[test]
fn only_real_captured_money_is_paid_and_each_amount_once() {
    let mut order = document();
    let mut settled = transaction(503, "settled", "10.00");
    settled["reference_transaction_id"] = json!(502);
    settled["gateway_transaction_id"] = json!("other");
    let mut failed = transaction(504, "purchase", "10.00");
    failed["status"] = json!("error");
    let mut test = transaction(505, "purchase", "10.00");
    test["test"] = json!(true);
    order["transactions"] = json!([
        transaction(501, "authorization", "10.00"),
        transaction(502, "capture", "10.00"),
        transaction(502, "capture", "10.00"),
        settled,
        failed,
        test,
        transaction(506, "pending", "10.00"),
    ]);
    let books = books(&order, &Policy::default()).unwrap();
    let keys: Vec<_> = books
        .payments
        .iter()
        .map(|payment| payment.key.as_str())
        .collect();
    assert_eq!(keys, ["txn:502"]);
    assert!(books.payments[0].note.contains("502"));
}

#[test]
fn voided_money_is_none() {
    let mut order = document();
    let mut void = transaction(502, "void", "10.00");
    void["reference_transaction_id"] = json!(501);
    order["transactions"] = json!([transaction(501, "capture", "10.00"), void]);
    order["order"]["status_id"] = json!(7);
    let books = books(&order, &Policy::default()).unwrap();
    assert!(books.payments.is_empty() && books.refunds.is_empty());
}

#[test]
fn settled_money_that_follows_nothing_counts() {
    let mut order = document();
    order["transactions"] = json!([transaction(501, "settled", "10.00")]);
    assert!(shown(&order, &Policy::default()).contains("txn:501 VISA 10.00"));
}

#[test]
fn test_only_orders_get_no_payment() {
    let mut order = document();
    order["transactions"][0]["test"] = json!(true);
    assert!(
        books(&order, &Policy::default())
            .unwrap()
            .payments
            .is_empty()
    );
}

#[test]
fn refused_characters_are_replaced_with_a_notice() {
    let mut order = document();
    order["order"]["billing_address"]["first_name"] = json!("A\u{0}da");
    let books = books(&order, &Policy::default()).unwrap();
    assert_eq!(books.client.fields["fname"], "A\u{FFFD}da");
    assert!(
        books.notices.iter().any(|notice| notice.contains("fname")),
        "{:?}",
        books.notices
    );
    assert_eq!(books.client.email_key.as_deref(), Some("ada@example.com"));
}

#[test]
fn an_order_whose_gateway_shows_no_transaction_yet_is_not_paid_offline() {
    let mut order = document();
    order["transactions"] = json!([]);
    order["order"]["payment_method"] = json!("Credit Card");
    order["order"]["payment_provider_id"] = json!("stripe");
    assert!(!shown(&order, &Policy::default()).contains("offline:"));
    order["order"]["payment_provider_id"] = json!("");
    order["order"]["payment_status"] = json!("captured");
    assert!(!shown(&order, &Policy::default()).contains("offline:"));
    order["order"]["payment_status"] = json!("");
    assert!(shown(&order, &Policy::default()).contains("offline:"));
}

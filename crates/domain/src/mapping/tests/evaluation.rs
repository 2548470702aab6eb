//! What mappings make of an order.

use std::collections::BTreeMap;

use crate::books::{InvoiceLine, LineKind, LineTax};
use crate::order::Order;

use super::super::{FaultCode, Mapped, MappedPayment, Mapping, MappingFault};
use super::{decimal, document, order, run};

fn with_fields(fields: &str, rest: &str, order: &Order) -> Result<Mapped, Vec<MappingFault>> {
    run(
        &Mapping::from_document(&document(fields, rest)).unwrap(),
        order,
    )
}

fn note(field: &str) -> Option<String> {
    with_fields(&format!("  - {{to: client.note, {field}}}"), "", &order())
        .unwrap()
        .client
        .remove("note")
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn the_built_in_mapping_fills_the_books() {
    let mapped = run(&Mapping::built_in(), &order()).unwrap();
    let client = map(&[
        ("fname", "Ada"),
        ("lname", "Núñez"),
        ("email", "ada@example.com"),
        ("bus_phone", "555-0100"),
        ("p_street", "1 Main St"),
        ("p_city", "Springfield"),
        ("p_province", "Illinois"),
        ("p_code", "62701"),
        ("p_country", "United States"),
        ("s_street", "2 Dock Rd"),
        ("s_city", "Peoria"),
    ]);
    let invoice = map(&[
        ("fname", "Ada"),
        ("lname", "Núñez"),
        ("street", "1 Main St"),
        ("city", "Springfield"),
        ("province", "Illinois"),
        ("code", "62701"),
        ("country", "United States"),
        ("notes", "Leave at the door"),
        ("po_number", "PO-9"),
    ]);
    let line = |kind, name: &str, description: &str, quantity, unit_cost, tax1| InvoiceLine {
        kind,
        name: name.into(),
        description: description.into(),
        quantity: decimal(quantity),
        unit_cost: decimal(unit_cost),
        tax1,
        tax2: None,
        compounded: false,
        rebills: None,
    };
    let tax = LineTax {
        name: "State".into(),
        percent: decimal("8"),
    };
    let payment = MappedPayment {
        kind: "VISA".into(),
        note: "BigCommerce transaction 4711 via stripe [txn:4711]".into(),
    };
    let wanted = Mapped {
        client,
        invoice,
        lines: vec![
            line(
                LineKind::Product,
                "Mug",
                "Colour: red",
                "3",
                "19.99",
                Some(tax),
            ),
            line(LineKind::Shipping, "Shipping", "", "1", "5.00", None),
        ],
        payments: vec![payment],
    };
    assert_eq!(mapped, wanted);
}

#[test]
fn sources_are_joined_or_the_first_present_one_is_taken() {
    let address = "order.billing_address";
    assert_eq!(
        note(&format!(
            "from: [{address}.first_name, {address}.company, {address}.last_name], join: ' '"
        ))
        .unwrap(),
        "Ada Núñez"
    );
    assert_eq!(
        note(&format!("from: [{address}.company, {address}.city]")).unwrap(),
        "Springfield"
    );
    assert_eq!(
        note("from: {path: number, before: 'Order ', after: '.'}").unwrap(),
        "Order BC-1234."
    );
    assert_eq!(
        note("from: {path: order.staff_notes, before: 'Staff: '}"),
        None
    );
}

#[test]
fn every_type_has_its_text() {
    assert_eq!(note("from: order.id").unwrap(), "1234");
    assert_eq!(note("from: order.shipping_cost_ex_tax").unwrap(), "5");
    assert_eq!(note("from: order.is_deleted").unwrap(), "false");
    assert_eq!(note("from: order.date_created").unwrap(), "2025-12-31");
    assert_eq!(note("from: order.default_currency_code").unwrap(), "USD");
    assert_eq!(note("from: order.customer_id"), None);
    assert_eq!(
        note("from: order.billing_address.form_fields.VAT no.").unwrap(),
        "X123"
    );
    assert_eq!(
        note("from: order.products.0.product_options.Colour").unwrap(),
        "red"
    );
    assert_eq!(note("from: order.products.9.name"), None);
}

#[test]
fn conditions_choose() {
    let holds = |when: &str| note(&format!("const: x, when: {{{when}}}")).is_some();
    assert!(holds("path: order.customer_message, is: present"));
    assert!(holds("path: order.staff_notes, is: absent"));
    assert!(holds("path: order.status_id, equals: 11"));
    assert!(holds("path: order.shipping_cost_ex_tax, equals: '5.00'"));
    assert!(holds("path: order.order_source, not_equals: ebay"));
    assert!(holds("path: order.total_tax, greater_than: 0"));
    assert!(!holds("path: order.discount_amount, greater_than: 0"));
    assert!(!holds("path: order.staff_notes, equals: ''"));
    assert!(!holds("path: order.customer_message, is: absent"));
}

#[test]
fn the_first_rule_whose_condition_holds_wins() {
    let fields = "  - {to: client.note, const: noted, when: {path: order.staff_notes, is: present}}\n  \
                  - {to: client.note, const: plain}";
    let mut order = order();
    assert_eq!(
        with_fields(fields, "", &order).unwrap().client["note"],
        "plain"
    );
    order.staff_notes = "check stock".into();
    assert_eq!(
        with_fields(fields, "", &order).unwrap().client["note"],
        "noted"
    );
}

#[test]
fn rows_are_filtered_appended_and_taken_from_parts() {
    let fields = "  - {to: lines, each: order.products as p, when: {path: p.quantity, greater_than: 2}, use: priced}
  - {to: lines, each: order.products as p, when: {path: p.quantity, greater_than: 3}, use: priced}
  - {append: lines, when: {path: order.shipping_cost_ex_tax, greater_than: 0}, use: extra}
  - {append: lines, when: {path: order.handling_cost_ex_tax, greater_than: 0}, use: extra}
  - {use: head}";
    let parts = "parts:
  priced: [{to: name, from: p.sku}, {to: qty, from: p.quantity}, {to: unit_cost, from: p.price_ex_tax}]
  extra: [{to: kind, const: shipping}, {to: name, const: Freight}, {use: one}, {to: unit_cost, from: order.shipping_cost_ex_tax}]
  one: [{to: qty, const: 1}]
  head: [{to: invoice.terms, const: Net 30}]";
    let mapped = with_fields(fields, parts, &order()).unwrap();
    let names: Vec<_> = mapped
        .lines
        .iter()
        .map(|line| (line.kind, line.name.as_str()))
        .collect();
    let product = LineKind::Product;
    assert_eq!(
        names,
        [
            (product, "Mug"),
            (product, "Shipping"),
            (product, "MUG-1"),
            (LineKind::Shipping, "Freight")
        ]
    );
    assert_eq!(mapped.lines[2].unit_cost, decimal("19.99"));
    assert_eq!(mapped.invoice["terms"], "Net 30");
}

#[test]
fn lookups_ignore_case_and_follow_on_missing() {
    let look_up = |key: &str, on_missing: &str| {
        let field =
            format!("  - {{to: client.language, lookup: languages, key: {key}{on_missing}}}");
        let result = with_fields(
            &field,
            "lookups: {languages: {UNITED states: en}}",
            &order(),
        );
        result.map(|mut mapped| mapped.client.remove("language"))
    };
    let country = "order.billing_address.country";
    assert_eq!(look_up(country, "").unwrap().unwrap(), "en");
    assert_eq!(
        look_up(&format!("[order.staff_notes, order.status, {country}]"), "")
            .unwrap()
            .unwrap(),
        "en"
    );
    assert_eq!(look_up("order.status", ", on_missing: omit").unwrap(), None);
    assert_eq!(
        look_up("order.status", ", on_missing: {text: fr}")
            .unwrap()
            .unwrap(),
        "fr"
    );
    assert_eq!(
        look_up("order.status", ", on_missing: {from: order.order_source}")
            .unwrap()
            .unwrap(),
        "www"
    );
    let faults = look_up("order.status", "").unwrap_err();
    assert_eq!(faults[0].code, FaultCode::ValueNotListed);
    assert_eq!(faults[0].value.as_deref(), Some("Awaiting Fulfillment"));
    assert!(!faults[0].to_string().contains("Awaiting"));
}

#[test]
fn a_missing_required_value_and_a_wrong_type_are_faults_without_the_value() {
    let fields =
        "  - {to: client.organization, from: order.billing_address.company, required: true}
  - {append: lines, fields: [{to: name, const: x}, {to: unit_cost, const: 1}, \
                  {to: qty, from: order.billing_address.form_fields.Boxes}]}";
    let faults = with_fields(fields, "", &order()).unwrap_err();
    let found: Vec<_> = faults
        .iter()
        .map(|fault| (fault.code, fault.path.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            (FaultCode::ValueMissing, "fields[2]"),
            (FaultCode::ValueType, "fields[3].fields[2]")
        ]
    );
    assert!(!faults[1].message.contains("three"));
    assert_eq!(faults[1].value.as_deref(), Some("three"));
    let mut order = order();
    order.billing_address.company = "Ltd".into();
    order.billing_address.form_fields[1].value = " 3 ".into();
    assert_eq!(
        with_fields(fields, "", &order).unwrap().lines[2].quantity,
        decimal("3")
    );
}

#[test]
fn a_line_needs_its_required_fields_and_whole_taxes() {
    let line = |name: &str, tax: &str| {
        let fields = format!(
            "  - {{append: lines, fields: [{name}, {{to: qty, const: 1}}, {{to: unit_cost, const: 1}}{tax}]}}"
        );
        with_fields(&fields, "", &order()).map_err(|faults| faults[0].message.clone())
    };
    assert!(
        line("{to: name, from: order.staff_notes}", "")
            .unwrap_err()
            .contains("\"name\"")
    );
    let half = ", {to: taxName1, const: VAT}";
    assert!(
        line("{to: name, const: x}", half)
            .unwrap_err()
            .contains("\"taxAmount1\"")
    );
    let fine = ", {to: taxName1, const: VAT}, {to: taxAmount1, const: '8.1234'}";
    assert!(
        line("{to: name, const: x}", fine)
            .unwrap_err()
            .contains("\"taxAmount1\"")
    );
    assert!(
        line(
            "{to: name, const: x}",
            ", {to: taxName1, const: VAT}, {to: taxAmount1, const: '8.125'}"
        )
        .is_ok()
    );
}

//! What a document must not say: one red document for each check.

use super::super::{BUILT_IN_DOCUMENT, FaultCode, Mapping, MappingFault};
use super::document;

fn faults(text: &str) -> Vec<MappingFault> {
    Mapping::from_document(text)
        .map(|mapping| mapping.name().to_owned())
        .unwrap_err()
}

/// Exactly this one fault, at this place.
fn refused(text: &str, code: FaultCode, path: &str) -> String {
    let faults = faults(text);
    let [fault] = faults.as_slice() else {
        panic!("wanted one fault, got {faults:#?}")
    };
    assert_eq!((fault.code, fault.path.as_str()), (code, path), "{fault}");
    fault.message.clone()
}

fn field_refused(field: &str, code: FaultCode, path: &str) -> String {
    refused(&document(&format!("  - {field}"), ""), code, path)
}

#[test]
fn the_frame_of_these_tests_and_the_built_in_document_are_valid() {
    assert_eq!(
        Mapping::from_document(&document("", "")).unwrap().version(),
        3
    );
    let built_in = Mapping::from_document(BUILT_IN_DOCUMENT).unwrap();
    assert_eq!(Mapping::built_in().hash(), built_in.hash());
    assert_eq!((built_in.name(), built_in.version()), ("built-in", 1));
}

#[test]
fn unknown_keys_are_refused_with_the_nearest_known_one() {
    let message = field_refused(
        "{to: client.fname, form: order.id, const: x}",
        FaultCode::UnknownKey,
        "fields[2].form",
    );
    assert!(message.contains("Did you mean \"from\"?"), "{message}");
    refused(&document("", "lookup: {}"), FaultCode::UnknownKey, "lookup");
    field_refused(
        "{to: client.fname, const: x, join: ' '}",
        FaultCode::UnknownKey,
        "fields[2].join",
    );
}

#[test]
fn unknown_source_paths_are_refused_with_the_nearest_known_one() {
    let field = "{to: client.fname, from: order.billing_adress.first_name}";
    let message = field_refused(field, FaultCode::UnknownPath, "fields[2].from");
    assert!(
        message.contains("\"order.billing_address.first_name\""),
        "{message}"
    );
    field_refused(
        "{to: client.fname, from: entry.name}",
        FaultCode::UnknownPath,
        "fields[2].from",
    );
    let message = field_refused(
        "{to: client.fname, from: order.products}",
        FaultCode::UnknownPath,
        "fields[2].from",
    );
    assert!(message.contains("each: order.products as row"), "{message}");
}

#[test]
fn unknown_and_managed_targets_are_refused() {
    let message = field_refused(
        "{to: client.fnam, const: x}",
        FaultCode::UnknownTarget,
        "fields[2].to",
    );
    assert!(message.contains("\"fname\""), "{message}");
    field_refused(
        "{to: fname, const: x}",
        FaultCode::UnknownTarget,
        "fields[2].to",
    );
    field_refused(
        "{to: invoice.invoice_number, const: x}",
        FaultCode::ManagedTarget,
        "fields[2].to",
    );
    field_refused(
        "{append: line, fields: []}",
        FaultCode::UnknownTarget,
        "fields[2].append",
    );
}

#[test]
fn types_must_fit() {
    let line = |cost: &str| {
        document(
            &format!(
                "  - {{append: lines, fields: [{{to: name, const: x}}, {{to: qty, const: 1}}, {cost}]}}"
            ),
            "",
        )
    };
    let at = "fields[2].fields[2].from";
    refused(
        &line("{to: unit_cost, from: order.payment_method}"),
        FaultCode::TypeMismatch,
        at,
    );
    refused(
        &line("{to: unit_cost, from: [order.id], join: ''}"),
        FaultCode::TypeMismatch,
        at,
    );
    refused(
        &line("{to: unit_cost, const: ten}"),
        FaultCode::TypeMismatch,
        "fields[2].fields[2].const",
    );
    refused(
        &line("{to: unit_cost, const: 1.5}"),
        FaultCode::WrongForm,
        "fields[2].fields[2].const",
    );
    assert!(Mapping::from_document(&line("{to: unit_cost, const: '1.5'}")).is_ok());
    let when = "{to: client.fname, const: x, when: {path: order.status, greater_than: 0}}";
    field_refused(when, FaultCode::TypeMismatch, "fields[2].when");
}

#[test]
fn unknown_tables_and_parts_are_refused() {
    let lookup = "{to: client.language, lookup: langages, key: order.billing_address.country}";
    let text = document(
        &format!("  - {lookup}"),
        "lookups: {languages: {France: fr}}",
    );
    let message = refused(&text, FaultCode::UnknownLookup, "fields[2].lookup");
    assert!(message.contains("\"languages\""), "{message}");
    field_refused("{use: address}", FaultCode::UnknownPart, "fields[2].use");
}

#[test]
fn table_values_must_fit_their_target() {
    let payments = "format: mapping/1
name: test
version: 1
source: bigcommerce.order@v2
target: freshbooks.books@accounting
fields:
  - {to: lines, each: entries as e, fields: [{to: name, from: e.name}, {to: qty, from: e.quantity}, {to: unit_cost, from: e.unit_cost}]}
  - {to: payments, each: receipts as r, fields: [{to: type, lookup: kinds, key: r.gateway}, {to: note, from: r.key}]}
lookups: {kinds: {stripe: Plastic}}
";
    refused(payments, FaultCode::TypeMismatch, "lookups.kinds.stripe");
}

#[test]
fn a_target_is_filled_once_unless_the_earlier_rule_has_a_condition() {
    let twice = |when: &str| {
        document(
            &format!("  - {{to: client.note, const: a{when}}}\n  - {{to: client.note, const: b}}"),
            "",
        )
    };
    refused(&twice(""), FaultCode::DuplicateTarget, "fields[3]");
    let with_condition = twice(", when: {path: order.staff_notes, is: present}");
    assert!(Mapping::from_document(&with_condition).is_ok());
}

#[test]
fn format_version_and_systems_are_checked() {
    let good = document("", "");
    refused(
        &good.replace("mapping/1", "mapping/2"),
        FaultCode::UnknownFormat,
        "format",
    );
    refused(
        &good.replace("version: 3", "version: 0"),
        FaultCode::BadVersion,
        "version",
    );
    refused(
        &good.replace("version: 3", "version: one"),
        FaultCode::BadVersion,
        "version",
    );
    refused(
        &good.replace("version: 3\n", ""),
        FaultCode::MissingKey,
        "version",
    );
    refused(
        &good.replace("order@v2", "order@v3"),
        FaultCode::WrongSystem,
        "source",
    );
    refused(
        &good.replace("books@accounting", "books"),
        FaultCode::WrongSystem,
        "target",
    );
}

#[test]
fn required_targets_must_be_mapped() {
    let good = document("", "");
    refused(
        &good.replace("{to: qty, from: entry.quantity}, ", ""),
        FaultCode::MissingRequired,
        "fields[0]",
    );
    refused(
        &good.replace("{to: type, const: Other}, ", ""),
        FaultCode::MissingRequired,
        "fields[1]",
    );
    let none = "format: mapping/1\nname: t\nversion: 1\nsource: bigcommerce.order@v2\n\
                target: freshbooks.books@accounting\nfields: []";
    let codes: Vec<_> = faults(none).into_iter().map(|fault| fault.code).collect();
    assert_eq!(
        codes,
        [FaultCode::MissingRequired, FaultCode::MissingRequired]
    );
}

#[test]
fn payments_stand_one_to_one_with_receipts() {
    let other = document("", "")
        .replace("receipts as r", "order.transactions as r")
        .replace("r.key", "r.id");
    refused(&other, FaultCode::WrongForm, "fields[1]");
    let filtered = document("", "").replace(
        "receipts as r,",
        "receipts as r, when: {path: r.key, is: present},",
    );
    refused(&filtered, FaultCode::WrongForm, "fields[1]");
    let twice = "{to: payments, each: receipts as r, fields: [{to: type, const: Other}, {to: note, from: r.key}]}";
    field_refused(twice, FaultCode::DuplicateTarget, "fields[2]");
}

#[test]
fn parts_in_a_circle_are_refused_used_or_not() {
    let circle = "parts: {a: [{use: b}], b: [{use: a}]}";
    let used: Vec<_> = faults(&document("  - {use: a}", circle))
        .into_iter()
        .map(|fault| fault.path)
        .collect();
    assert_eq!(used, ["parts.b[0].use", "parts.a", "parts.b"]);
    let unused = faults(&document("", circle));
    assert!(
        unused.iter().all(|fault| fault.code == FaultCode::Cycle) && unused.len() == 2,
        "{unused:#?}"
    );
}

#[test]
fn parts_that_multiply_are_cut_off() {
    let many = |name: char, rows: &str| format!("  {name}: [{}]\n", vec![rows; 20].join(", "));
    let parts: String = many('a', "{use: b}")
        + &many('b', "{use: c}")
        + &many('c', "{use: d}")
        + &many('d', "{use: e}")
        + "  e: []\n";
    let text = document("  - {use: a}", &format!("parts:\n{parts}"));
    assert!(
        faults(&text)
            .iter()
            .any(|fault| fault.code == FaultCode::TooLarge)
    );
    let deep: String = (0..10)
        .map(|n| format!("  p{n}: [{{use: p{}}}]\n", n + 1))
        .collect();
    let text = document("  - {use: p0}", &format!("parts:\n{deep}  p10: []"));
    refused(&text, FaultCode::TooLarge, "parts.p7[0].use");
}

#[test]
fn size_and_depth_are_bounded() {
    refused(
        &format!("# {}", "x".repeat(300_000)),
        FaultCode::TooLarge,
        "",
    );
    let deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
    refused(&deep, FaultCode::TooLarge, "");
    let many = format!("[{}]", "1,".repeat(30_000));
    refused(&many, FaultCode::TooLarge, "");
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n\
                c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n\
                e: [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]";
    refused(bomb, FaultCode::TooLarge, "");
}

#[test]
fn expressions_and_checks_are_kept_for_later() {
    let message = field_refused(
        "{to: client.fname, expr: 'upper(x)'}",
        FaultCode::Reserved,
        "fields[2].expr",
    );
    assert!(message.contains("later version"), "{message}");
    field_refused(
        "{to: client.fname, const: x, when: 'a > 0'}",
        FaultCode::Reserved,
        "fields[2].when",
    );
    refused(
        &document("", "checks: [{that: 'a == b', else: hold}]"),
        FaultCode::Reserved,
        "checks",
    );
}

#[test]
fn broken_forms_are_refused() {
    refused("format: [", FaultCode::Syntax, "");
    refused("name: a\nname: b", FaultCode::Syntax, "");
    refused("just text", FaultCode::WrongForm, "");
    field_refused("{to: client.fname}", FaultCode::WrongForm, "fields[2]");
    field_refused(
        "{to: client.fname, const: a, from: order.id}",
        FaultCode::WrongForm,
        "fields[2]",
    );
    field_refused("{from: order.id}", FaultCode::MissingKey, "fields[2].to");
    field_refused(
        "{to: lines, each: order.products, fields: []}",
        FaultCode::WrongForm,
        "fields[2].each",
    );
    field_refused(
        "{to: client.fname, const: x, when: {path: order.id}}",
        FaultCode::WrongForm,
        "fields[2].when",
    );
    field_refused(
        "{to: client.fname, from: []}",
        FaultCode::WrongForm,
        "fields[2].from",
    );
    field_refused(
        "{to: client.fname, const: x, required: 'yes'}",
        FaultCode::WrongForm,
        "fields[2].required",
    );
}

#[test]
fn all_faults_are_reported_at_once() {
    let text = document(
        "  - {to: client.x, const: a}\n  - {to: client.fname, from: order.x}\n  - {use: nothing}",
        "",
    );
    let paths: Vec<_> = faults(&text).into_iter().map(|fault| fault.path).collect();
    assert_eq!(paths, ["fields[2].to", "fields[3].from", "fields[4].use"]);
}

#[test]
fn yaml_and_json_forms_of_one_document_have_one_hash() {
    let json = r#"{"version": 1, "name": "caf\u00e9 \ud83d\ude00", "format": "mapping/1",
        "source": "bigcommerce.order@v2", "target": "freshbooks.books@accounting", "fields": [
        {"to": "lines", "each": "entries as e", "fields": [{"to": "name", "from": "e.name"},
            {"to": "qty", "from": "e.quantity"}, {"to": "unit_cost", "from": "e.unit_cost"}]},
        {"to": "payments", "each": "receipts as r", "fields": [{"to": "type", "const": "Other"},
            {"to": "note", "from": "r.key"}]}]}"#;
    let yaml = "# A comment changes nothing.
format: mapping/1
name: café 😀
version: 1
source: bigcommerce.order@v2
target: freshbooks.books@accounting
fields:
  - to: lines
    each: entries as e
    fields: [{to: name, from: e.name}, {to: qty, from: e.quantity}, {to: unit_cost, from: e.unit_cost}]
  - {to: payments, each: receipts as r, fields: [{to: type, const: Other}, {to: note, from: r.key}]}
";
    let (json, other) = (
        Mapping::from_document(json).unwrap(),
        yaml.replace("Other", "Cash"),
    );
    assert_eq!(json.hash(), Mapping::from_document(yaml).unwrap().hash());
    assert_eq!(json.hash().len(), 64);
    assert_ne!(json.hash(), Mapping::from_document(&other).unwrap().hash());
}

#[test]
fn the_example_in_the_documentation_is_valid() {
    let page = include_str!("../../../../../docs/mapping.md");
    let examples: Vec<_> = page
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    let whole: Vec<_> = examples
        .into_iter()
        .filter(|text| text.starts_with("format:"))
        .collect();
    assert_eq!(whole.len(), 1);
    Mapping::from_document(whole[0]).unwrap();
}

//! Whatever the text and whatever the order, nothing panics.

use proptest::prelude::*;

use super::super::{BUILT_IN_DOCUMENT, Mapping, source_schema, target_schema};
use super::{document, order, run};

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in "\\PC{0,200}") {
        let _ = Mapping::from_document(&text);
    }

    #[test]
    fn a_damaged_document_never_panics(at in 0usize..BUILT_IN_DOCUMENT.len(), cut in 0usize..40, put in "\\PC{0,12}") {
        let mut text = BUILT_IN_DOCUMENT.to_owned();
        let start = text.floor_char_boundary(at);
        let end = text.floor_char_boundary(start + cut.min(text.len() - start));
        text.replace_range(start..end, &put);
        if let Ok(mapping) = Mapping::from_document(&text) {
            let _ = run(&mapping, &order());
        }
    }

    /// Documents made of real paths, targets and odd values, on orders of odd text.
    #[test]
    fn evaluation_never_panics(
        from in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
        text in "\\PC{0,30}",
        number in -1_000_000_000_000i64..1_000_000_000_000,
    ) {
        let (sources, targets) = (source_schema(), target_schema());
        let (source, target) = (from.get(&sources), to.get(&targets));
        let mut path = match source.list {
            Some(list) => format!("{list}.0{}", &source.path[list.len()..]),
            None => source.path.clone(),
        };
        if path.ends_with('.') {
            path.push_str("Boxes");
        }
        let field = match target.path.strip_prefix("lines.") {
            Some(name) => format!("  - {{append: lines, fields: [{{to: {name}, from: {path}}}]}}"),
            None => format!("  - {{to: {}, from: {path}}}", target.path),
        };
        let mut order = order();
        order.billing_address.city.clone_from(&text);
        order.billing_address.form_fields[1].value.clone_from(&text);
        order.store_time_zone = text;
        order.created_at_s = number;
        order.totals.total.inc_tax = rust_decimal::Decimal::new(number, 4);
        if let Ok(mapping) = Mapping::from_document(&document(&field, "")) {
            let _ = run(&mapping, &order);
        }
    }
}

#[test]
fn every_source_of_the_schema_can_be_mapped() {
    for source in source_schema() {
        let own = if source.path.ends_with('.') {
            "Any name"
        } else {
            ""
        };
        let field = match source.list {
            // Payments are the frame's; a list's fields are read through an appended line.
            Some(list) => format!(
                "  - {{to: lines, each: {list} as row, fields: [{{to: name, from: 'row{}{own}'}}, \
                 {{to: qty, const: 1}}, {{to: unit_cost, const: 1}}]}}",
                &source.path[list.len()..]
            ),
            None => format!("  - {{to: client.note, from: '{}{own}'}}", source.path),
        };
        Mapping::from_document(&document(&field, ""))
            .unwrap_or_else(|faults| panic!("{}: {faults:?}", source.path));
    }
}

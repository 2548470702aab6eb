//! What was released once stays readable: messages of last week are still in the streams.
//!
//! Compares the contracts with the descriptor of the last release, file by file as buf's FILE
//! rules do. A field may be added; nothing may be removed, renumbered, renamed or retyped. When a
//! contract has to change for good, it gets a new version beside the old one.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use prost::Message;
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet};

use super::Fault;
use super::protos::{compile, released_file};

pub(crate) fn check(root: &Path) -> anyhow::Result<Vec<Fault>> {
    let file = released_file(root);
    if !file.is_file() {
        return Ok(vec![
            "no released contracts to compare with; run `cargo xtask release-contracts`".to_owned(),
        ]);
    }
    let bytes = std::fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
    let released = FileDescriptorSet::decode(bytes.as_slice())
        .with_context(|| format!("{} is no descriptor", file.display()))?;
    Ok(faults(&released, &compile(root)?))
}

/// What of `released` is gone or different in `present`.
fn faults(released: &FileDescriptorSet, present: &FileDescriptorSet) -> Vec<Fault> {
    let mut faults = Vec::new();
    for old in &released.file {
        let Some(new) = present.file.iter().find(|new| new.name() == old.name()) else {
            faults.push(format!("the file {} was removed", old.name()));
            continue;
        };
        if old.package() != new.package() {
            faults.push(format!(
                "{} moved to the package {}",
                old.name(),
                new.package()
            ));
            continue;
        }
        messages(
            old.package(),
            &old.message_type,
            &new.message_type,
            &mut faults,
        );
        enums(old.package(), &old.enum_type, &new.enum_type, &mut faults);
    }
    faults
}

fn messages(
    scope: &str,
    old: &[DescriptorProto],
    new: &[DescriptorProto],
    faults: &mut Vec<Fault>,
) {
    for old in old {
        let name = format!("{scope}.{}", old.name());
        let Some(new) = new.iter().find(|new| new.name() == old.name()) else {
            faults.push(format!("the message {name} was removed"));
            continue;
        };
        fields(&name, old, new, faults);
        messages(&name, &old.nested_type, &new.nested_type, faults);
        enums(&name, &old.enum_type, &new.enum_type, faults);
    }
}

fn fields(name: &str, old: &DescriptorProto, new: &DescriptorProto, faults: &mut Vec<Fault>) {
    let present: BTreeMap<i32, &FieldDescriptorProto> = new
        .field
        .iter()
        .map(|field| (field.number(), field))
        .collect();
    for field in &old.field {
        let full = format!("{name}.{}", field.name());
        let Some(other) = present.get(&field.number()) else {
            faults.push(format!(
                "{full} = {} was removed or renumbered",
                field.number()
            ));
            continue;
        };
        if other.name() != field.name() {
            faults.push(format!(
                "{full} = {} is now {}",
                field.number(),
                other.name()
            ));
        }
        let kind = |f: &FieldDescriptorProto| {
            (
                f.r#type(),
                f.type_name().to_owned(),
                f.label(),
                f.proto3_optional(),
            )
        };
        if kind(other) != kind(field) {
            faults.push(format!("{full} changed its type"));
        }
        if oneof(old, field) != oneof(new, other) {
            faults.push(format!("{full} moved into or out of a oneof"));
        }
    }
}

fn oneof<'a>(message: &'a DescriptorProto, field: &FieldDescriptorProto) -> Option<&'a str> {
    let index = usize::try_from(field.oneof_index?).ok()?;
    message
        .oneof_decl
        .get(index)
        .map(prost_types::OneofDescriptorProto::name)
}

fn enums(
    scope: &str,
    old: &[EnumDescriptorProto],
    new: &[EnumDescriptorProto],
    faults: &mut Vec<Fault>,
) {
    for old in old {
        let name = format!("{scope}.{}", old.name());
        let Some(new) = new.iter().find(|new| new.name() == old.name()) else {
            faults.push(format!("the enum {name} was removed"));
            continue;
        };
        for value in &old.value {
            let kept = new
                .value
                .iter()
                .any(|other| other.number() == value.number() && other.name() == value.name());
            if !kept {
                let number = value.number();
                faults.push(format!(
                    "{name}.{} = {number} was removed or changed",
                    value.name()
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::protos::tests::compiled;
    use super::*;

    const RELEASED: &str = "message Thing { string name = 1; sint64 amount_minor = 2; \
                            oneof way { string a = 3; } message Inner { string x = 1; } }\n\
                            enum Kind { KIND_UNSPECIFIED = 0; KIND_GOOD = 1; }";

    fn after(change: impl Fn(&str) -> String) -> Vec<Fault> {
        faults(&compiled(RELEASED), &compiled(&change(RELEASED)))
    }

    #[test]
    fn additions_are_no_break() {
        let more = after(|text| {
            text.replace("string name = 1;", "string name = 1; string more = 9;")
                .replace("KIND_GOOD = 1;", "KIND_GOOD = 1; KIND_NEW = 2;")
        });
        assert_eq!(more, Vec::<Fault>::new());
    }

    #[test]
    fn each_planted_break_is_found() {
        for (from, to) in [
            ("string name = 1;", ""),
            ("string name = 1;", "reserved 1;"),
            ("string name = 1;", "string name = 8;"),
            ("string name = 1;", "string title = 1;"),
            ("string name = 1;", "bytes name = 1;"),
            ("string name = 1;", "repeated string name = 1;"),
            ("string name = 1;", "optional string name = 1;"),
            ("sint64 amount_minor", "int64 amount_minor"),
            ("oneof way { string a = 3; }", "string a = 3;"),
            ("message Inner { string x = 1; }", ""),
            ("message Inner { string x = 1; }", "message Inner { }"),
            ("KIND_GOOD = 1;", ""),
            ("KIND_GOOD = 1;", "KIND_GOOD = 2;"),
            ("KIND_GOOD = 1;", "KIND_FINE = 1;"),
            ("message Thing", "message Other"),
            ("enum Kind", "enum Sort"),
        ] {
            let found = after(|text| text.replace(from, to));
            assert!(!found.is_empty(), "{from} -> {to}");
        }
    }

    #[test]
    fn a_removed_file_is_found() {
        let found = faults(&compiled(RELEASED), &FileDescriptorSet::default());
        assert_eq!(found.len(), 1);
    }
}

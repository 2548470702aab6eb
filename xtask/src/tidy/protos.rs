//! The style of the contracts, after buf's standard rules, plus: no floating point anywhere.

use std::path::{Path, PathBuf};

use anyhow::Context;
use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet};

use super::{Fault, tree};

/// Every contract, compiled without a system `protoc`.
pub(crate) fn compile(root: &Path) -> anyhow::Result<FileDescriptorSet> {
    let folder = root.join("proto");
    let files = tree::files(&folder, &["proto"])?;
    protox::compile(files, [&folder]).context("compiling the contracts")
}

/// Where the contracts of the last release are kept.
pub(crate) fn released_file(root: &Path) -> PathBuf {
    root.join("proto/released/descriptor.bin")
}

pub(crate) fn check(root: &Path) -> anyhow::Result<Vec<Fault>> {
    Ok(faults(&compile(root)?))
}

fn faults(set: &FileDescriptorSet) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in set
        .file
        .iter()
        .filter(|file| !file.package().starts_with("google."))
    {
        let package = file.package();
        let folder = file
            .name()
            .rsplit_once('/')
            .map_or("", |(folder, _)| folder);
        if package.replace('.', "/") != folder {
            faults.push(format!(
                "{}: package {package} is not its folder",
                file.name()
            ));
        }
        if !package.rsplit('.').next().is_some_and(is_version) {
            faults.push(format!(
                "{}: package {package} ends in no version",
                file.name()
            ));
        }
        if file.syntax() != "proto3" {
            faults.push(format!("{}: is not proto3", file.name()));
        }
        file.message_type
            .iter()
            .for_each(|m| message(package, m, &mut faults));
        file.enum_type
            .iter()
            .for_each(|e| enumeration(package, e, &mut faults));
    }
    faults
}

/// `v1`, `v2`, …
fn is_version(part: &str) -> bool {
    part.strip_prefix('v')
        .is_some_and(|digits| !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit()))
}

fn message(scope: &str, message: &DescriptorProto, faults: &mut Vec<Fault>) {
    let name = format!("{scope}.{}", message.name());
    if !is_pascal(message.name()) {
        faults.push(format!("{name} is not PascalCase"));
    }
    message
        .field
        .iter()
        .for_each(|one| field(&name, one, faults));
    for oneof in &message.oneof_decl {
        if !is_snake(oneof.name()) && !oneof.name().starts_with('_') {
            faults.push(format!("{name}.{} is not snake_case", oneof.name()));
        }
    }
    message
        .nested_type
        .iter()
        .for_each(|nested| self::message(&name, nested, faults));
    message
        .enum_type
        .iter()
        .for_each(|nested| enumeration(&name, nested, faults));
}

fn field(scope: &str, field: &FieldDescriptorProto, faults: &mut Vec<Fault>) {
    let name = format!("{scope}.{}", field.name());
    if !is_snake(field.name()) {
        faults.push(format!("{name} is not snake_case"));
    }
    if matches!(field.r#type(), Type::Float | Type::Double) {
        faults.push(format!(
            "{name} is a floating-point number; use smallest units or text"
        ));
    }
}

fn enumeration(scope: &str, one: &EnumDescriptorProto, faults: &mut Vec<Fault>) {
    let name = format!("{scope}.{}", one.name());
    if !is_pascal(one.name()) {
        faults.push(format!("{name} is not PascalCase"));
    }
    let prefix = format!("{}_", screaming(one.name()));
    for value in &one.value {
        let full = format!("{name}.{}", value.name());
        if !value.name().starts_with(&prefix) {
            faults.push(format!("{full} lacks the prefix {prefix}"));
        }
        if value.name() != value.name().to_uppercase() {
            faults.push(format!("{full} is not UPPER_SNAKE_CASE"));
        }
        if value.number() == 0 && value.name() != format!("{prefix}UNSPECIFIED") {
            faults.push(format!(
                "{full} is the zero value; call it {prefix}UNSPECIFIED"
            ));
        }
    }
}

fn is_snake(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !name.contains("__")
}

fn is_pascal(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.chars().all(|c| c.is_ascii_alphanumeric())
}

/// `JournalKind` → `JOURNAL_KIND`.
fn screaming(name: &str) -> String {
    let mut out = String::new();
    let mut before_lower = false;
    for c in name.chars() {
        if c.is_ascii_uppercase() && before_lower {
            out.push('_');
        }
        before_lower = !c.is_ascii_uppercase();
        out.push(c.to_ascii_uppercase());
    }
    out
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Compiles one file `proto/tillbook/thing/v1/thing.proto` with this text after its head.
    pub(crate) fn compiled(body: &str) -> FileDescriptorSet {
        compiled_as("tillbook.thing.v1", body)
    }

    fn compiled_as(package: &str, body: &str) -> FileDescriptorSet {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("proto/tillbook/thing/v1");
        std::fs::create_dir_all(&folder).unwrap();
        let text = format!("syntax = \"proto3\";\npackage {package};\n{body}");
        std::fs::write(folder.join("thing.proto"), text).unwrap();
        compile(root.path()).unwrap()
    }

    #[test]
    fn a_well_kept_file_passes() {
        let body = "message Thing { string name = 1; ThingKind kind = 2; map<string, string> x = 3; \
                    optional string maybe = 4; oneof way { string a_way = 5; } }\n\
                    enum ThingKind { THING_KIND_UNSPECIFIED = 0; THING_KIND_GOOD = 1; }";
        assert_eq!(faults(&compiled(body)), Vec::<Fault>::new());
    }

    #[test]
    fn each_planted_violation_is_found() {
        for planted in [
            "message Thing { double amount = 1; }",
            "message Thing { map<string, float> amounts = 1; }",
            "message Thing { message Inner { float rate = 1; } }",
            "message Thing { string camelCase = 1; }",
            "message bad_name { string name = 1; }",
            "enum ThingKind { THING_KIND_NONE = 0; }",
            "enum ThingKind { THING_KIND_UNSPECIFIED = 0; GOOD = 1; }",
            "message Thing { enum Kind { UNSPECIFIED = 0; } }",
        ] {
            assert!(!faults(&compiled(planted)).is_empty(), "{planted}");
        }
    }

    #[test]
    fn a_package_that_is_not_its_folder_or_has_no_version_is_found() {
        let set = compiled_as("tillbook.other.v1", "message Thing {}");
        assert_eq!(faults(&set).len(), 1);
        assert_eq!(
            faults(&compiled_as("tillbook.thing", "message Thing {}")).len(),
            2
        );
    }
}

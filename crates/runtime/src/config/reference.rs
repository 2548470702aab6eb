//! The reference of every key, from the same lines that read them.

use std::path::Path;

use toml::de::DeTable;

use super::document::{Document, KeyReference};

/// Every key of the configuration, in the order of the sections.
///
/// Found by reading an empty file and noting what was asked for.
pub fn reference() -> Vec<KeyReference> {
    let empty = DeTable::new();
    let document = Document::new("", Path::new(""), &|_| None);
    // What is missing from an empty file is no news.
    let _ = super::read(document.root(&empty));
    let _ = super::connection::read(
        document.root(&empty).absent("connections"),
        1,
        false,
        &mut super::connection::Seen::default(),
    );
    document.finish().1
}

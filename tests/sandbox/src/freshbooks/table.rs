//! Records of one kind, by id, with an index on the few fields that are looked up all the time.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::call::{Doc, plain};

/// Rows by id. The index keeps lookups by number, e-mail or invoice fast in a book of thousands.
#[derive(Debug)]
pub(super) struct Table {
    last_id: u64,
    rows: BTreeMap<u64, Doc>,
    indexed: &'static [&'static str],
    index: HashMap<(&'static str, String), BTreeSet<u64>>,
}

impl Table {
    /// Ids start after `first`, so that ids of different kinds do not look alike.
    pub(super) fn new(first: u64, indexed: &'static [&'static str]) -> Self {
        Self {
            last_id: first,
            rows: BTreeMap::new(),
            indexed,
            index: HashMap::new(),
        }
    }

    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    pub(super) fn get(&self, id: u64) -> Option<&Doc> {
        self.rows.get(&id)
    }

    /// Stores a row, new or changed.
    pub(super) fn put(&mut self, id: u64, row: Doc) {
        self.remove(id);
        for field in self.indexed {
            if let Some(value) = row.get(*field) {
                self.index
                    .entry((field, plain(value)))
                    .or_default()
                    .insert(id);
            }
        }
        self.rows.insert(id, row);
    }

    pub(super) fn remove(&mut self, id: u64) -> Option<Doc> {
        let row = self.rows.remove(&id)?;
        for field in self.indexed {
            if let Some(value) = row.get(*field) {
                let key = (*field, plain(value));
                if let Some(ids) = self.index.get_mut(&key) {
                    ids.remove(&id);
                    if ids.is_empty() {
                        self.index.remove(&key);
                    }
                }
            }
        }
        Some(row)
    }

    pub(super) fn rows(&self) -> impl DoubleEndedIterator<Item = (u64, &Doc)> {
        self.rows.iter().map(|(id, row)| (*id, row))
    }

    /// Ids with this value, or None when the field has no index and a scan is due.
    pub(super) fn indexed(&self, field: &str, value: &str) -> Option<Vec<u64>> {
        let field = self.indexed.iter().find(|name| **name == field)?;
        let ids = self.index.get(&(*field, value.to_owned()));
        Some(
            ids.map(|ids| ids.iter().copied().collect())
                .unwrap_or_default(),
        )
    }

    /// Rows with this value, through the index where there is one.
    pub(super) fn rows_with<'a>(
        &'a self,
        field: &'a str,
        value: &'a str,
    ) -> Box<dyn Iterator<Item = (u64, &'a Doc)> + 'a> {
        match self.indexed(field, value) {
            Some(ids) => Box::new(
                ids.into_iter()
                    .filter_map(|id| self.rows.get(&id).map(|row| (id, row))),
            ),
            None => Box::new(
                self.rows()
                    .filter(move |(_, row)| row.get(field).map(plain).as_deref() == Some(value)),
            ),
        }
    }
}

/// A row's integer field, 0 when it has none.
pub(super) fn integer(row: &Doc, field: &str) -> u64 {
    row.get(field).and_then(Value::as_u64).unwrap_or(0)
}

/// A row's text field, empty when it has none.
pub(super) fn text<'a>(row: &'a Doc, field: &str) -> &'a str {
    row.get(field).and_then(Value::as_str).unwrap_or("")
}

/// A row is deleted when its vis_state is 1; 0 is active, 2 archived.
pub(super) fn is_deleted(row: &Doc) -> bool {
    integer(row, "vis_state") == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(email: &str) -> Doc {
        Doc::from_iter([("email".to_owned(), Value::from(email))])
    }

    #[test]
    fn the_index_follows_changes_and_removals() {
        let mut table = Table::new(0, &["email"]);
        table.put(1, row("a@x"));
        table.put(2, row("a@x"));
        assert_eq!(table.indexed("email", "a@x"), Some(vec![1, 2]));
        table.put(1, row("b@x"));
        table.remove(2);
        assert_eq!(table.indexed("email", "a@x"), Some(vec![]));
        assert_eq!(table.indexed("email", "b@x"), Some(vec![1]));
        assert_eq!(table.indexed("fname", "a"), None);
    }
}

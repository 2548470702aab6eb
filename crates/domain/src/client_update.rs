//! What of a client is to be written, field by field: the store's changes, and people's.
//!
//! For each field Tillbook remembers two hashes: what the store said when it was last dealt with,
//! and what FreshBooks showed after Tillbook's last write. The first tells what the store changed,
//! the second what a person changed. Pure. Not here: reading and writing clients (`deliver`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::customer::ClientVersion;
use crate::policy::ClientConflicts;

/// Client field to text.
pub type Fields = BTreeMap<String, String>;

/// What is known of one field; hashes only.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Known {
    /// [`hash`] of the store's value that was last dealt with.
    pub offered: String,
    /// [`hash`] of what FreshBooks showed after Tillbook's last write; empty when it wrote none.
    pub shown: String,
}

/// What is known of all fields of a client.
pub type KnownFields = BTreeMap<String, Known>;

/// What is to be done with a client.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Difference {
    /// Fields to write.
    pub write: Fields,
    /// Fields a person changed; they stay as they are.
    pub kept: BTreeSet<String>,
    /// Fields that the store and a person both changed, where the policy lets a person decide.
    /// Nothing is to be written then.
    pub contested: BTreeSet<String>,
}

/// Fields that a customer states by leaving them out: empty.
const OWN: [&str; 7] = [
    "fname",
    "lname",
    "organization",
    "bus_phone",
    "mob_phone",
    "home_phone",
    "fax",
];
const ADDRESSES: [&str; 2] = ["p_", "s_"];

/// The desired fields, with those emptied that the store no longer has.
///
/// A mapping leaves out fields without a value. An address that is there at all is whole, so what
/// it lacks of an earlier one is emptied. `is_customer`: the same for names, company and phones.
pub fn completed(desired: &Fields, known: &KnownFields, is_customer: bool) -> Fields {
    let mut whole = desired.clone();
    for name in known.keys().filter(|name| !desired.contains_key(*name)) {
        let of_address = ADDRESSES.into_iter().any(|prefix| {
            name.starts_with(prefix) && desired.keys().any(|other| other.starts_with(prefix))
        });
        if of_address || (is_customer && OWN.contains(&name.as_str())) {
            whole.insert(name.clone(), String::new());
        }
    }
    whole
}

/// The version a client should carry: that with its present address, else the one whose address
/// it carried and that was edited, else the first.
pub fn chosen<'a>(
    versions: &'a [ClientVersion],
    known: &KnownFields,
    address_id: Option<u64>,
) -> Option<&'a ClientVersion> {
    let is_present = |version: &&ClientVersion| {
        let whole = completed(&version.fields, known, false);
        let mut address = whole.iter().filter(|(name, _)| name.starts_with("p_"));
        address.all(|(name, value)| {
            known
                .get(name)
                .is_some_and(|known| known.offered == hash(value))
        })
    };
    let edited =
        |version: &&ClientVersion| address_id.is_some() && version.address_id == address_id;
    versions
        .iter()
        .find(is_present)
        .or_else(|| versions.iter().find(edited))
        .or_else(|| versions.first())
}

/// Whether the store says nothing new, so that the client need not even be read.
pub fn is_settled(desired: &Fields, known: &KnownFields) -> bool {
    desired.iter().all(|(name, value)| {
        known
            .get(name)
            .is_some_and(|known| known.offered == hash(value))
    })
}

/// What is to be written, given what FreshBooks shows now.
///
/// `pending` are hashes of an earlier write whose reply was lost: what it wrote is Tillbook's. A
/// field that Tillbook never wrote is filled when it is empty, else it is a person's, who cannot
/// have changed it after Tillbook: it is never contested.
pub fn difference(
    desired: &Fields,
    known: &KnownFields,
    pending: &BTreeMap<String, String>,
    current: &Fields,
    conflicts: ClientConflicts,
) -> Difference {
    let mut result = Difference::default();
    for (name, value) in desired {
        let now = current.get(name).map_or("", |text| text.trim());
        if now == value.trim() {
            continue;
        }
        let before = known.get(name).cloned().unwrap_or_default();
        let now_hash = hash(now);
        let written = !before.shown.is_empty();
        let is_ours = (written && now_hash == before.shown)
            || pending.get(name) == Some(&now_hash)
            || (!written && now.is_empty());
        let store_changed = before.offered != hash(value);
        if is_ours {
            if store_changed || !written {
                result.write.insert(name.clone(), value.clone());
            }
            continue;
        }
        match conflicts {
            ClientConflicts::Overwrite => {
                result.write.insert(name.clone(), value.clone());
            }
            ClientConflicts::Hold if written && store_changed => {
                result.contested.insert(name.clone());
            }
            ClientConflicts::Keep | ClientConflicts::Hold => {
                result.kept.insert(name.clone());
            }
        }
    }
    if !result.contested.is_empty() {
        result.write.clear();
    }
    result
}

/// What is known after the store's values were dealt with; `current` is what FreshBooks shows then.
pub fn settled(
    desired: &Fields,
    known: &KnownFields,
    kept: &BTreeSet<String>,
    current: &Fields,
) -> KnownFields {
    let mut now = known.clone();
    for (name, value) in desired {
        let before = known.get(name).cloned().unwrap_or_default();
        let shown = if kept.contains(name) {
            before.shown
        } else {
            // A reply that leaves a field out shows what was sent.
            hash(current.get(name).unwrap_or(value))
        };
        now.insert(
            name.clone(),
            Known {
                offered: hash(value),
                shown,
            },
        );
    }
    now
}

/// A short hash of a field's text, spaces around it aside.
pub fn hash(text: &str) -> String {
    let mut hex = String::with_capacity(24);
    for byte in Sha256::digest(text.trim().as_bytes()).iter().take(12) {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

//! What can be wrong with a mapping document or with an order under it.
//!
//! Not here: who finds the fault; see `document` (form), `check` (meaning) and `evaluate` (values).

use std::fmt;

/// At most this many faults are reported at once.
pub(super) const MAX_FAULTS: usize = 100;

/// One fault: the place in the document, and what to do about it.
///
/// `message` never holds a value of the order, so it may be logged. `value` may hold one: show it
/// only to people who may see the order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct MappingFault {
    pub code: FaultCode,
    /// Where in the document, e.g. `fields[3].from`; empty for the document as a whole.
    pub path: String,
    /// The thing, the reason and the remedy.
    pub message: String,
    /// What the order held there, where that helps; not part of the display text.
    pub value: Option<String>,
}

/// The kind of a fault; the texts are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultCode {
    /// Neither YAML nor JSON.
    Syntax,
    /// Longer, deeper or larger than a mapping may be.
    TooLarge,
    UnknownKey,
    MissingKey,
    /// A value of another form than its key takes, e.g. a list for a text.
    WrongForm,
    UnknownFormat,
    BadVersion,
    /// `source` or `target` name another system.
    WrongSystem,
    UnknownPath,
    UnknownTarget,
    /// A FreshBooks field that Tillbook sets itself.
    ManagedTarget,
    TypeMismatch,
    UnknownLookup,
    UnknownPart,
    /// Parts that use each other in a circle.
    Cycle,
    DuplicateTarget,
    MissingRequired,
    /// A key kept for a later version of the format.
    Reserved,
    /// The order has no value for a required field.
    ValueMissing,
    /// The order's value is of the wrong type.
    ValueType,
    /// The order's value is in no row of the look-up table.
    ValueNotListed,
}

impl FaultCode {
    /// Stable text for storage and filters.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::TooLarge => "too_large",
            Self::UnknownKey => "unknown_key",
            Self::MissingKey => "missing_key",
            Self::WrongForm => "wrong_form",
            Self::UnknownFormat => "unknown_format",
            Self::BadVersion => "bad_version",
            Self::WrongSystem => "wrong_system",
            Self::UnknownPath => "unknown_path",
            Self::UnknownTarget => "unknown_target",
            Self::ManagedTarget => "managed_target",
            Self::TypeMismatch => "type_mismatch",
            Self::UnknownLookup => "unknown_lookup",
            Self::UnknownPart => "unknown_part",
            Self::Cycle => "cycle",
            Self::DuplicateTarget => "duplicate_target",
            Self::MissingRequired => "missing_required",
            Self::Reserved => "reserved",
            Self::ValueMissing => "value_missing",
            Self::ValueType => "value_type",
            Self::ValueNotListed => "value_not_listed",
        }
    }
}

impl fmt::Display for FaultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Faults gathered so far, cut off at `MAX_FAULTS`.
#[derive(Default)]
pub(super) struct Faults {
    found: Vec<MappingFault>,
}

impl Faults {
    pub(super) fn add(&mut self, code: FaultCode, path: &str, message: impl Into<String>) {
        self.add_with_value(code, path, message, None);
    }

    pub(super) fn add_with_value(
        &mut self,
        code: FaultCode,
        path: &str,
        message: impl Into<String>,
        value: Option<String>,
    ) {
        if self.found.len() < MAX_FAULTS {
            let path = path.to_owned();
            self.found.push(MappingFault {
                code,
                path,
                message: message.into(),
                value,
            });
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    pub(super) fn into_vec(self) -> Vec<MappingFault> {
        self.found
    }
}

/// A hint at the nearest known word, e.g. ` Did you mean "order.id"?`; empty when none is near.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    // A longer word than any known one cannot be near, and the distance is quadratic.
    if word.len() > 100 {
        return String::new();
    }
    let allowed = (word.chars().count() / 3).max(2);
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= allowed)
        .map(|(_, candidate)| format!(" Did you mean \"{candidate}\"?"))
        .unwrap_or_default()
}

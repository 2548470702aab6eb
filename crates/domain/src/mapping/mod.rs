//! The mapping document: which source field fills which FreshBooks field.
//!
//! A document is data, not code: versioned, checked as a whole before it is used, and named in
//! every posted invoice by its hash. The way of a document: `node` reads YAML or JSON,
//! `document` checks its form, `check` its meaning, `evaluate` runs it on an order. The format is
//! told in `docs/mapping.md`. Not here: amounts (they come as entries and receipts from
//! [`crate::accounting`]) and where documents are kept.

mod block;
mod check;
mod document;
mod evaluate;
mod fault;
mod item;
mod node;
mod path;
mod plan;
mod read;
mod schema;
mod target;
mod view;
mod whole;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use crate::accounting::{Entry, Receipt};
use crate::books::InvoiceLine;
use crate::order::Order;

pub use fault::{FaultCode, MappingFault};
use plan::Plan;
pub use read::FieldType;
pub use schema::{SourceField, TargetField, source_schema, target_schema};

/// The document Tillbook uses where a connection has none of its own.
pub const BUILT_IN_DOCUMENT: &str = include_str!("built_in.yaml");

static BUILT_IN: LazyLock<Mapping> = LazyLock::new(|| {
    Mapping::from_document(BUILT_IN_DOCUMENT).unwrap_or_else(|faults| {
        Mapping(Arc::new(Inner {
            name: String::new(),
            version: 0,
            hash: String::new(),
            plan: Err(faults),
        }))
    })
});

/// A checked mapping document. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Mapping(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: String,
    version: u32,
    hash: String,
    /// `Err` only for a built-in document that is itself faulty, which a test rules out; every
    /// evaluation then answers with its faults.
    plan: Result<Plan, Vec<MappingFault>>,
}

/// What a mapping reads.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'a> {
    pub order: &'a Order,
    pub entries: &'a [Entry],
    pub receipts: &'a [Receipt],
    /// The invoice's number.
    pub number: &'a str,
    /// `YYYY-MM-DD` in the store's time zone.
    pub create_date: &'a str,
}

/// What a mapping gives.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Mapped {
    /// FreshBooks client field to text; fields without a value are left out.
    pub client: BTreeMap<String, String>,
    /// FreshBooks invoice field to text; fields without a value are left out.
    pub invoice: BTreeMap<String, String>,
    pub lines: Vec<MappedLine>,
    /// One for each receipt, in their order.
    pub payments: Vec<MappedPayment>,
}

/// A mapped line is the books' own line.
pub type MappedLine = InvoiceLine;

/// The words of one payment.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct MappedPayment {
    /// A FreshBooks payment type.
    pub kind: String,
    pub note: String,
}

impl Mapping {
    /// Reads and checks a YAML or JSON document. All faults are found in one go (at most 100).
    pub fn from_document(text: &str) -> Result<Self, Vec<MappingFault>> {
        let node = node::parse(text).map_err(fault::Faults::into_vec)?;
        let mut faults = fault::Faults::default();
        let document = document::read(&node, &mut faults);
        let plan = check::check(&document, &mut faults);
        if !faults.is_empty() {
            return Err(faults.into_vec());
        }
        let hash = node::hash(&node);
        let document::Document { name, version, .. } = document;
        Ok(Self(Arc::new(Inner {
            name,
            version,
            hash,
            plan: Ok(plan),
        })))
    }

    /// The mapping of [`BUILT_IN_DOCUMENT`], read once.
    pub fn built_in() -> Self {
        BUILT_IN.clone()
    }

    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// From 1.
    pub fn version(&self) -> u32 {
        self.0.version
    }

    /// SHA-256, hex, of the document in canonical form: the same for its YAML and JSON forms.
    pub fn hash(&self) -> &str {
        &self.0.hash
    }

    /// The client's fields of somebody without an order, who stands in `order`'s billing address.
    ///
    /// Rules that read more of an order than that, and values that are not there, are left out.
    pub fn client_fields(&self, order: &Order) -> BTreeMap<String, String> {
        let Ok(plan) = self.0.plan.as_ref() else {
            return BTreeMap::new();
        };
        let sources = Sources {
            order,
            entries: &[],
            receipts: &[],
            number: "",
            create_date: "",
        };
        evaluate::client(plan, &sources)
    }

    /// The client, invoice, lines and payments of one order, or every fault of the order under
    /// this mapping (at most 100). Fault messages hold no values of the order.
    pub fn evaluate(&self, sources: &Sources<'_>) -> Result<Mapped, Vec<MappingFault>> {
        let plan = self.0.plan.as_ref().map_err(Clone::clone)?;
        let mut faults = fault::Faults::default();
        let mapped = evaluate::evaluate(plan, sources, &mut faults);
        if faults.is_empty() {
            Ok(mapped)
        } else {
            Err(faults.into_vec())
        }
    }
}

//! Fuzz targets: spoiled hooks, messages, vendor answers, mappings and configurations, a fixed
//! number of each in every test run.
//!
//! A target ([`run::Target`]) makes an input out of a seed and a number, and checks what must hold
//! of it; [`run`] counts, catches panics, and tells how to see a failing input again. The targets:
//! [`hooks`], [`protobuf`], [`orders`], [`freshbooks`], [`bigcommerce`], [`mapping`] and
//! [`configuration`]. Every input starts from a valid one, which [`bytes`] and [`structure`] spoil,
//! so that it gets past the first check.
//!
//! Why own mutations: libFuzzer and AFL want nightly or instrumented builds. `mutatis` runs on
//! stable, but its mutators change one element of a Rust type at a time: in a document of 3,000
//! bytes all but three of thousands of choices replace one byte by another. Truncating, splicing
//! two documents, broken UTF-8, odd numbers and spoiled `serde_json` and protobuf trees would all
//! be written by us inside its traits, and chance is what `rand` gives already. `proptest` makes
//! values up and does not spoil given ones. Trees of JSON are spoiled by the corpus's own
//! mutations (`corpus::fuzz`).

pub mod bigcommerce;
pub mod books;
pub mod bytes;
pub mod configuration;
pub mod freshbooks;
pub mod hooks;
pub mod line;
pub mod mapping;
pub mod messages;
pub mod orders;
pub mod protobuf;
pub mod run;
pub mod structure;

//! What the services say to each other: protobuf messages, streams, subjects, consumers, headers.
//!
//! The `.proto` files under `proto/` are the contract; this crate compiles them and holds the
//! single description of the JetStream topology ([`topology`]). It converts between the wire and
//! [`domain`] types. Not here: any connection to NATS (see `runtime` and `stage`).

/// The generated protobuf packages, as `wire::tillbook::<package>::v1`.
#[allow(clippy::all, unreachable_pub, missing_docs)]
mod wire {
    include!(concat!(env!("OUT_DIR"), "/packages.rs"));
}

pub use wire::tillbook::books::v1 as books;
pub use wire::tillbook::dead_letter::v1 as dead_letter;
pub use wire::tillbook::event::v1 as event;
pub use wire::tillbook::hint::v1 as hint;
pub use wire::tillbook::journal::v1 as journal;
pub use wire::tillbook::ledger::v1 as ledger;
pub use wire::tillbook::money::v1 as money;
pub use wire::tillbook::order::v1 as order;

pub mod books_conversion;
pub mod cause;
pub mod contract;
pub mod customer_conversion;
pub mod headers;
pub mod item_conversion;
pub mod ledger_conversion;
pub mod order_conversion;
pub mod original;
pub mod permissions;
pub mod snapshot_document;
pub mod topology;

/// The compiled descriptor set of every contract, as a serialised `FileDescriptorSet`.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptor.bin"));

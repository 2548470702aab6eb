//! The accounting core: money, orders, what the books should say, and the difference.
//!
//! Pure and total: no I/O, no clock, no floats; time and rates arrive as arguments. The way of an
//! order through here: [`validate`] reads a document into an [`order::Order`], [`accounting`]
//! works out what the books must show, [`mapping`] gives it FreshBooks' fields, [`account`] ties
//! them together into [`books`], and [`difference`] says what is left to write. Not here: vendors,
//! protobuf, storage.

pub mod account;
pub mod accounting;
pub mod arithmetic;
pub mod books;
pub mod client_update;
pub mod customer;
pub mod difference;
pub mod items;
pub mod mapping;
pub mod money;
pub mod order;
pub mod policy;
pub mod text;
pub mod validate;
pub mod words;

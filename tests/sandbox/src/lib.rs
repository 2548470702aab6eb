//! The vendors' side of the counter: emulators of BigCommerce and FreshBooks.
//!
//! Written from the published facts alone. They share no types with Tillbook's own clients, so
//! that they cannot repeat its misreadings. Not here: anything Tillbook imports in production.

pub mod bigcommerce;
mod clock;
mod drip;
pub mod freshbooks;

//! BigCommerce: hooks are verified and kept, orders, customers and products are read.
//!
//! Rooms: [`client`] (configuration and the one way a call is made), [`orders`] (a whole order
//! in few calls), [`customers`], [`products`], [`sweep`] (lists of orders), [`lists`] (figures of
//! many orders), [`hooks`], [`signature`], [`store_info`]; below
//! them `inline` (what one reply may already hold), `needs` (which calls an order needs),
//! `pages`, `quota` and `errors`. Nothing here writes orders.

pub mod client;
mod clock;
pub mod customers;
mod errors;
pub mod hooks;
mod inline;
pub mod lists;
mod needs;
pub mod orders;
mod pages;
pub mod products;
mod quota;
pub mod signature;
pub mod store_info;
pub mod sweep;

pub use client::{Client, Config};
pub use hooks::{Hook, HookReport};
pub use orders::{FetchHints, FetchedOrder};
pub use sweep::{Change, ChangeList, ChangePage, OrderFilter, OrderOutline};

//! FreshBooks: clients, invoices and payments are looked up and written.
//!
//! Rooms: [`client`] (configuration and the one way a call is made), [`clients`], [`invoices`],
//! [`payments`], [`oauth`] and [`token`]; below them `invoice_body` (what is written), `pages`,
//! `limits` and `errors`. Three of FreshBooks' habits shape all of them: unknown filters are
//! ignored, so every row found is checked again; errors can come with status 200; and a PUT with
//! `vis_state` or an action throws its other fields away, so these are never mixed.

pub mod client;
pub mod clients;
mod errors;
mod invoice_body;
pub mod invoices;
mod limits;
pub mod oauth;
mod pages;
pub mod payments;
mod shopper;
pub mod token;

pub use client::{Client, Config, LimitsLeft};
pub use clients::ClientRecord;
pub use invoices::{Deleted, Invoice, LineRecord};
pub use oauth::TokenPair;
pub use payments::Payment;
pub use token::{BoxFuture, TokenError, TokenSource};

//! FreshBooks: clients, items, invoices, payments, credit notes and expenses are looked up and
//! written.
//!
//! Rooms: [`client`] (configuration and the one way a call is made), [`clients`], [`items`],
//! [`invoices`], [`payments`], [`credit_notes`], [`expenses`], [`lists`] (figures of many records),
//! [`oauth`] and [`token`]; below them `invoice_body` (what is written), [`texts`] (what is refused
//! is made to fit), `pages`, `limits` and `errors`. Three of FreshBooks' habits shape all of them: unknown filters are
//! ignored, so every row found is checked again; errors can come with status 200; and a PUT with
//! `vis_state` or an action throws its other fields away, so these are never mixed.

pub mod client;
pub mod clients;
pub mod credit_notes;
mod errors;
pub mod expenses;
mod invoice_body;
pub mod invoices;
pub mod items;
mod limits;
pub mod lists;
pub mod oauth;
mod pages;
pub mod payments;
mod shopper;
pub mod texts;
pub mod token;

pub use crate::transport::BoxFuture;
pub use client::{Client, Config, LimitsLeft};
pub use clients::ClientRecord;
pub use credit_notes::CreditNote;
pub use expenses::{Category, Expense};
pub use invoices::{Deleted, Invoice, LineRecord, Rebilled};
pub use items::{ItemRecord, ItemSearch};
pub use oauth::TokenPair;
pub use payments::Payment;
pub use token::{TokenError, TokenSource};

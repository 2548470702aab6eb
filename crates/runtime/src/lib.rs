//! What every Tillbook service needs around its own logic: configuration,
//! telemetry, metrics, health, shutdown, the connection to NATS, backoff.
//!
//! Path of a process: [`config::Config::load`] (everything is checked before a
//! port opens) → [`telemetry::init`] → [`shutdown::install`] →
//! [`nats::connect`] and [`nats::check_server`] → [`admin::AdminServer::bind`]
//! → the service → [`shutdown::drain`].
//!
//! This crate deliberately knows nothing of orders, streams or vendors, and
//! imports no other crate of Tillbook.

pub mod admin;
pub mod backoff;
pub mod config;
pub mod metrics;
pub mod nats;
pub mod shutdown;
pub mod telemetry;

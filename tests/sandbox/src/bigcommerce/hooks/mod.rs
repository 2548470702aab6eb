//! Webhooks: who is registered, what happened, and getting it there.

pub(crate) mod burst;
pub(crate) mod deliver;
pub(crate) mod denylist;
pub(crate) mod events;
pub(crate) mod registry;
mod sign;

pub use sign::sign;

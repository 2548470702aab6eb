//! The two vendors, as Tillbook sees them: BigCommerce is read, FreshBooks is written.
//!
//! A folder per vendor holds its client, its errors and its limits. The shared rooms are
//! [`call`] (what one call is, and who watches it), [`transport`] (what carries it), [`error`] (what
//! can come of it), [`budget`] (who calls next when a window runs short) and [`breaker`] (when a
//! vendor is left alone). The rule
//! of this crate: one method is one vendor call or a bounded handful, and every failure says
//! whether something may have been changed. Not here: retries over time, the ledger, token
//! storage, and any decision about what the books should say.

mod addresses;
pub mod bigcommerce;
pub mod breaker;
pub mod budget;
pub mod call;
pub mod error;
pub mod freshbooks;
mod gate;
mod guard;
mod http;
mod json;
pub mod transport;
mod window;

pub use call::{CallObserver, NoObserver, Vendor, VendorCall};
pub use error::{Transient, Unreadable, VendorError, VendorFault};
pub use gate::Sharing;
pub use guard::Guards;
pub use http::{ConfigError, HttpLimits};

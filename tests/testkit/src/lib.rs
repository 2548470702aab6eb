//! What integration tests stand on: real servers, both vendors' emulators, real processes.
//!
//! - [`Servers`]: a NATS and a Redis of one test's own, side by side with any number of others.
//! - [`Vendors`]: both emulators inside the test's process, with their control calls.
//! - [`Tillbook`]: the built `tillbook` binary, one service or all.
//! - [`House`]: all of that joined by a configuration: a store whose orders reach the books.
//! - [`eventually`]: waits for a condition, never for a time.
//!
//! Not here: expectations about orders and books; those belong to the tests.

mod eventually;
mod house;
mod http;
mod servers;
mod tillbook;
mod users;
mod vendors;

pub use self::eventually::eventually;
pub use self::house::{Connection, House, HouseOptions, SECRET_KEY, SECRET_KEY_TEXT};
pub use self::http::Http;
pub use self::servers::{REDIS_PASSWORD, Servers};
pub use self::tillbook::{Ready, Tillbook};
pub use self::users::TEST_USER;
pub use self::vendors::Vendors;

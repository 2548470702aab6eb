//! Ports for what starts again on the port it had.
//!
//! Not here: ports of what starts once; those are the kernel's choice (port 0).

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::TcpListener;
use std::ops::Range;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::{Error, Result};

/// Below 32768, where Linux begins to hand out ports to outgoing connections: one of those could
/// take the port of a server between its end and its next start.
const PORTS: Range<u16> = 12_000..32_000;
const ATTEMPTS: u32 = 200;

/// A loopback port nobody has at this moment, and which this process has not been given before.
/// Somebody else may take it before it is used.
pub fn free_port() -> Result<u16> {
    // Tests run side by side in processes of their own, so each starts somewhere else.
    static NEXT: LazyLock<AtomicU32> = LazyLock::new(|| {
        let somewhere = RandomState::new().hash_one(std::process::id());
        AtomicU32::new((somewhere >> 40) as u32)
    });
    let count = u32::try_from(PORTS.len()).unwrap_or(1);
    for _ in 0..ATTEMPTS {
        let step = NEXT.fetch_add(1, Ordering::Relaxed) % count;
        let port = PORTS.start + u16::try_from(step).unwrap_or(0);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    Err(Error::NoPort {
        first: PORTS.start,
        end: PORTS.end,
        attempts: ATTEMPTS,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_given_once_and_no_outgoing_connection_may_take_it() {
        let given: Vec<u16> = (0..20).map(|_| free_port().unwrap()).collect();
        let mut distinct = given.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), given.len(), "{given:?}");
        assert!(given.iter().all(|port| PORTS.contains(port)), "{given:?}");
    }
}

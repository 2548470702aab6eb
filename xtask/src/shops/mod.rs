//! Stores and accounts at the vendors' emulators, joined by a running house: what `demo`,
//! `books` and `chaos` stand on.
//!
//! [`scene`] starts and ends it all, [`world`] makes the merchants, [`orders`] places and changes
//! orders, [`monitor`] and [`dump`] read both ends, [`verdict`] and [`compare`] compare them,
//! [`proof`] runs `tillbook prove` over them; [`holds`] says which
//! orders may wait for a person, [`columns`] lays tables out. Not here: which orders are placed, when, and what is printed.

pub(crate) mod columns;
pub(crate) mod compare;
pub(crate) mod dump;
pub(crate) mod holds;
pub(crate) mod monitor;
pub(crate) mod orders;
pub(crate) mod proof;
pub(crate) mod sandbox;
pub(crate) mod scene;
pub(crate) mod verdict;
pub(crate) mod world;

use std::io::Write;

use anyhow::Context;

/// Standard output is the tables' alone.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
        .context("printing the table")
}

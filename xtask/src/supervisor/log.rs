//! The supervisor's own words: JSON lines on standard error, or files for the demo.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::Context;
use serde_json::{Value, json};

/// Where the supervisor and its children write.
#[derive(Clone, Debug)]
pub(crate) enum Log {
    /// `up`: JSON lines for whoever collects them.
    Stderr,
    /// `demo`: one file a process in this folder, so that the table stays readable.
    Folder(PathBuf),
}

impl Log {
    /// One line: what happened to which service.
    pub(crate) fn line(&self, level: &str, service: &str, message: &str, fields: &Value) {
        let mut line = json!({
            "timestamp": jiff::Timestamp::now().to_string(),
            "level": level,
            "target": "supervisor",
            "service": service,
            "message": message,
        });
        if let (Some(line), Some(fields)) = (line.as_object_mut(), fields.as_object()) {
            line.extend(fields.clone());
        }
        match self {
            Self::Stderr => eprintln!("{line}"),
            Self::Folder(_) => {
                // A full disk must not end the demo; the line is a comfort.
                if let Ok(mut file) = self.file("supervisor") {
                    let _ = writeln!(file, "{line}");
                }
            }
        }
    }

    /// What a child's standard error becomes.
    pub(crate) fn child_stderr(&self, service: &str) -> anyhow::Result<Stdio> {
        Ok(match self {
            Self::Stderr => Stdio::inherit(),
            Self::Folder(_) => self.file(service)?.into(),
        })
    }

    fn file(&self, name: &str) -> anyhow::Result<File> {
        let Self::Folder(folder) = self else {
            anyhow::bail!("this log has no files")
        };
        std::fs::create_dir_all(folder)
            .with_context(|| format!("creating {}", folder.display()))?;
        let path = folder.join(format!("{name}.log"));
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .with_context(|| format!("opening {}", path.display()))
    }
}

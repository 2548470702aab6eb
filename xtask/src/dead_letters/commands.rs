//! The command line of dead letters, as a person uses it, and how often.

use std::process::Stdio;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::shops::scene::Scene;

/// Runs commands and counts them.
pub(super) struct Commands<'a> {
    scene: &'a Scene,
    count: usize,
}

impl<'a> Commands<'a> {
    pub(super) fn new(scene: &'a Scene) -> Self {
        Self { scene, count: 0 }
    }

    /// From here on they count.
    pub(super) fn begin(&mut self) {
        self.count = 0;
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// A call that a person would make elsewhere: in FreshBooks, in the store, to a supervisor.
    pub(super) fn counted_elsewhere(&mut self) {
        self.count = self.count.saturating_add(1);
    }

    /// `tillbook dlq …`; its answer. A release that stopped is an answer too.
    pub(super) async fn dlq(&mut self, arguments: &[&str]) -> anyhow::Result<Value> {
        let mut all = vec!["dlq"];
        all.extend(arguments);
        let text = self.run(&all).await?;
        serde_json::from_str(&text)
            .with_context(|| format!("dlq {} answered no JSON: {text}", arguments.join(" ")))
    }

    /// Any command of the binary; its standard output.
    pub(super) async fn run(&mut self, arguments: &[&str]) -> anyhow::Result<String> {
        self.count = self.count.saturating_add(1);
        let mut command = self.scene.house.command();
        let output = command
            .args(arguments)
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .output()
            .await
            .with_context(|| format!("starting tillbook {}", arguments.join(" ")))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() && text.is_empty() {
            bail!("tillbook {} failed: {}", arguments.join(" "), output.status);
        }
        Ok(text)
    }
}

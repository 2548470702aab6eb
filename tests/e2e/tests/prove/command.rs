//! The command, run as a person would, and its JSON report.

use std::path::Path;

use anyhow::{Context, ensure};
use serde_json::Value;
use testkit::{House, Tillbook};
use tokio::io::{AsyncBufReadExt, BufReader};

/// The sandboxes have no one to leave a share to.
const FAST: [&str; 4] = [
    "--bigcommerce-calls-per-minute",
    "600000",
    "--freshbooks-calls-per-minute",
    "600000",
];

/// What the command said.
pub(crate) struct Proved {
    pub(crate) exit: i32,
    pub(crate) errors: String,
    report: Value,
}

/// Proves these days at full speed, without a grace period.
pub(crate) async fn prove(
    house: &House,
    days: &[String; 2],
    more: &[&str],
) -> anyhow::Result<Proved> {
    let mut arguments = usual(days);
    arguments.extend(FAST);
    arguments.extend(["--format", "json"]);
    arguments.extend(more);
    Proved::run(house, &arguments).await
}

fn usual(days: &[String; 2]) -> Vec<&str> {
    let [from, to] = days;
    vec![
        "--connection",
        "acme",
        "--from",
        from,
        "--to",
        to,
        "--grace-minutes",
        "0",
    ]
}

impl Proved {
    pub(crate) async fn run(house: &House, arguments: &[&str]) -> anyhow::Result<Self> {
        let mut all = vec!["prove"];
        all.extend(arguments);
        let output = Tillbook::command(house.config(), &all, &house.environment()).await?;
        Ok(Self {
            exit: output.status.code().context("it was killed")?,
            errors: String::from_utf8_lossy(&output.stderr).into_owned(),
            report: serde_json::from_slice(&output.stdout).unwrap_or_default(),
        })
    }

    pub(crate) fn days(&self) -> &Value {
        self.report.get("days").unwrap_or(&Value::Null)
    }

    fn each_day(&self) -> impl Iterator<Item = &Value> {
        self.days()
            .as_object()
            .into_iter()
            .flat_map(|days| days.values())
    }

    /// Order id and the codes of its causes, the main one first.
    pub(crate) fn findings(&self) -> Vec<(u64, Vec<String>)> {
        let of_day = |day: &'_ Value| -> Vec<Value> {
            let found = day.get("findings").and_then(Value::as_array);
            found.cloned().unwrap_or_default()
        };
        self.each_day()
            .flat_map(of_day)
            .map(|finding| {
                let causes = finding.get("causes").and_then(Value::as_array);
                let code = |cause: &Value| Some(cause.get("code")?.as_str()?.to_owned());
                let codes = causes.into_iter().flatten().filter_map(code).collect();
                let id = finding.get("order_id").and_then(Value::as_u64);
                (id.unwrap_or(0), codes)
            })
            .collect()
    }

    pub(crate) fn matching(&self) -> u64 {
        let count = |day: &Value| day.get("matching").and_then(Value::as_u64);
        self.each_day().filter_map(count).sum()
    }

    pub(crate) fn forecast(&self, vendor: &str) -> anyhow::Result<u64> {
        self.number(&format!("/forecast/calls/{vendor}"))
    }

    pub(crate) fn calls(&self, vendor: &str) -> anyhow::Result<u64> {
        self.number(&format!("/calls/{vendor}"))
    }

    fn number(&self, pointer: &str) -> anyhow::Result<u64> {
        let found = self.report.pointer(pointer).and_then(Value::as_u64);
        found.with_context(|| format!("no {pointer}: {}", self.text()))
    }

    /// Everything, for an assertion's text.
    pub(crate) fn text(&self) -> String {
        let findings = self.findings();
        let held: Vec<&Value> = self.each_day().filter_map(|day| day.get("held")).collect();
        let mut words: Vec<String> = Vec::new();
        for day in self.each_day() {
            words.push(day.get("findings").unwrap_or(&Value::Null).to_string());
        }
        format!(
            "exit {}: {findings:?}; held {held:?}; {}\n{}",
            self.exit,
            self.errors,
            words.join("\n")
        )
    }
}

/// Starts a slow proof and kills it when the first day is done.
pub(crate) async fn kill_after_a_day(
    house: &House,
    days: &[String; 2],
    state: &Path,
) -> anyhow::Result<()> {
    let state = state.to_string_lossy();
    let mut arguments = vec!["prove"];
    arguments.extend(usual(days));
    arguments.extend(["--bigcommerce-calls-per-minute", "240"]);
    arguments.extend(["--freshbooks-calls-per-minute", "600000", "--state", &state]);
    let mut child = Tillbook::begin(house.config(), &arguments, &house.environment()).await?;
    let errors = child.stderr.take().context("no standard error")?;
    let mut lines = BufReader::new(errors).lines();
    while let Some(line) = lines.next_line().await? {
        if line.contains("is done (2 of") {
            child.kill().await.context("killing the proof")?;
            return Ok(());
        }
        ensure!(
            !line.contains("is done (6 of"),
            "it was too fast to be killed"
        );
    }
    anyhow::bail!("the proof ended before its second day")
}

//! `cargo xtask test`: everything that has to be green, in the order of what fails soonest.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::build::{cargo, workspace};
use crate::tidy;

/// How many last lines of the test runner are shown again at the very end.
const TAIL_LINES: usize = 25;

/// Run every check: format, clippy with warnings denied, house rules, unit, property,
/// integration and end-to-end tests on real servers, and the examples in the documentation.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Leave out the end-to-end tests and the examples in the documentation.
    #[arg(long)]
    fast: bool,
}

/// What a step does, and what a person types to do it alone.
struct Step {
    name: &'static str,
    rerun: String,
    work: Work,
}

enum Work {
    Cargo { arguments: Vec<String>, tail: bool },
    Inside(fn() -> anyhow::Result<()>),
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut done: Vec<(&'static str, Duration)> = Vec::new();
    let mut tail = Vec::new();
    for step in steps(arguments.fast) {
        eprintln!("\n── {}: {}", step.name, step.rerun);
        let since = Instant::now();
        let result = match &step.work {
            Work::Inside(work) => work(),
            Work::Cargo {
                arguments,
                tail: keep,
            } => watched(arguments).and_then(|(ok, lines)| {
                if *keep || !ok {
                    tail = lines;
                }
                if ok {
                    Ok(())
                } else {
                    bail!("it exited with an error")
                }
            }),
        };
        if let Err(error) = result {
            report(&done, &tail);
            eprintln!(
                "\nFAILED: {} after {}: {error:#}",
                step.name,
                shown(since.elapsed())
            );
            eprintln!("Run it alone: {}", step.rerun);
            return Ok(ExitCode::FAILURE);
        }
        done.push((step.name, since.elapsed()));
        eprintln!("── {}: ok, {}", step.name, shown(since.elapsed()));
    }
    report(&done, &tail);
    eprintln!("\nAll green.");
    Ok(ExitCode::SUCCESS)
}

fn steps(fast: bool) -> Vec<Step> {
    let mut steps = vec![
        by_cargo("format", "fmt --all --check", false),
        Step {
            name: "house rules",
            rerun: "cargo test -p xtask tidy".to_owned(),
            work: Work::Inside(|| tidy::run(workspace())),
        },
        Step {
            name: "servers",
            rerun: "cargo test -p servers".to_owned(),
            work: Work::Inside(|| {
                servers::binary::nats_server()?;
                servers::binary::redis_server()?;
                Ok(())
            }),
        },
        by_cargo(
            "clippy",
            "clippy --workspace --all-targets -- --deny warnings",
            false,
        ),
        // Integration tests run this binary; built here, they do not wait for one another.
        by_cargo(
            "binaries",
            "build --package tillbook --package sandbox --bins",
            false,
        ),
    ];
    let left_out = if fast { " --exclude e2e" } else { "" };
    if has_nextest() {
        let line = format!("nextest run --workspace{left_out} --no-fail-fast");
        steps.push(by_cargo("tests", &line, true));
    } else {
        let line = format!("test --workspace --all-targets{left_out} --no-fail-fast");
        steps.push(by_cargo("tests", &line, true));
    }
    if !fast {
        steps.push(by_cargo(
            "documentation examples",
            "test --workspace --doc",
            false,
        ));
    }
    steps
}

fn by_cargo(name: &'static str, line: &str, tail: bool) -> Step {
    let arguments = line.split(' ').map(str::to_owned).collect();
    Step {
        name,
        rerun: format!("cargo {line}"),
        work: Work::Cargo { arguments, tail },
    }
}

fn has_nextest() -> bool {
    let asked = cargo().args(["nextest", "--version"]).output();
    asked.is_ok_and(|output| output.status.success())
}

/// Runs cargo, shows all it says, and keeps the last lines.
fn watched(arguments: &[String]) -> anyhow::Result<(bool, Vec<String>)> {
    let (reader, writer) = std::io::pipe().context("opening a pipe")?;
    let mut command: Command = cargo();
    command.args(arguments).stdin(Stdio::null());
    command
        .stdout(writer.try_clone().context("opening a pipe")?)
        .stderr(writer);
    if std::io::stderr().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let mut child = command.spawn().context("starting cargo")?;
    // The command still holds our ends of the pipe; without this the reader never sees the end.
    drop(command);
    let mut last = VecDeque::with_capacity(TAIL_LINES);
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    while reader
        .read_until(b'\n', &mut line)
        .context("reading cargo's output")?
        > 0
    {
        std::io::stderr()
            .write_all(&line)
            .context("writing to standard error")?;
        if last.len() == TAIL_LINES {
            last.pop_front();
        }
        last.push_back(String::from_utf8_lossy(&line).trim_end().to_owned());
        line.clear();
    }
    let status = child.wait().context("waiting for cargo")?;
    Ok((status.success(), last.into()))
}

fn report(done: &[(&'static str, Duration)], tail: &[String]) {
    eprintln!();
    for (name, time) in done {
        eprintln!("  ok  {:>7}  {name}", shown(*time));
    }
    if !tail.is_empty() {
        eprintln!("\nThe last lines of the tests:");
        tail.iter().for_each(|line| eprintln!("{line}"));
    }
}

fn shown(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 60 {
        format!("{seconds} s")
    } else {
        format!("{}:{:02} min", seconds / 60, seconds % 60)
    }
}

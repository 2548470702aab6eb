//! `sandbox`: both vendor emulators in one process, for people and for benchmarks.
//!
//! Prints one JSON line with the two addresses when both listen, then serves until SIGTERM or
//! Ctrl-C. Logs go to stderr; `RUST_LOG` filters them.

use std::io::Write;
use std::net::SocketAddr;

use anyhow::Context;
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Emulators of BigCommerce and FreshBooks in one process.
#[derive(Debug, Parser)]
#[command(name = "sandbox", version)]
struct Options {
    /// Where BigCommerce listens; port 0 takes a free one.
    #[arg(long, env = "SANDBOX_BIGCOMMERCE", default_value = "127.0.0.1:0")]
    bigcommerce: SocketAddr,
    /// Where FreshBooks listens; port 0 takes a free one.
    #[arg(long, env = "SANDBOX_FRESHBOOKS", default_value = "127.0.0.1:0")]
    freshbooks: SocketAddr,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    // Listen for signals before saying that we are ready.
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let bigcommerce = sandbox::bigcommerce::Sandbox::start(options.bigcommerce).await?;
    let freshbooks = sandbox::freshbooks::Sandbox::start(options.freshbooks).await?;
    let ready = serde_json::json!({
        "bigcommerce": bigcommerce.base_url(),
        "freshbooks": freshbooks.base_url(),
    });
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{ready}").context("cannot write to stdout")?;
    stdout.flush().context("cannot write to stdout")?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    bigcommerce.shutdown().await;
    freshbooks.shutdown().await;
    Ok(())
}

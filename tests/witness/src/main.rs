//! `witness`: looks into a house's NATS past its services, and prepares it for a run of faults.
//!
//! A program of its own, so that `xtask` needs neither a NATS client nor our contracts. It is told
//! where NATS is by `TILLBOOK_NATS_URL`, as the services are. Not here: what is right or wrong.

mod look;
mod prepare;

use std::io::Write as _;

use anyhow::Context;
use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
struct Arguments {
    #[arg(long, env = "TILLBOOK_NATS_URL")]
    nats_url: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Prints, as JSON, what is under way and how far the sweeps are.
    Look {
        /// The ledger's open intents and the dead letters too.
        #[arg(long)]
        whole: bool,
    },
    /// Makes the ack waits short and the sweeps old; before any service is started.
    Prepare(prepare::Wishes),
    /// Loses the whole ledger.
    LoseLedger,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let client = async_nats::connect(&arguments.nats_url)
        .await
        .with_context(|| format!("connecting to NATS at {}", arguments.nats_url))?;
    let jetstream = async_nats::jetstream::new(client);
    match arguments.command {
        Command::Look { whole } => {
            let seen = look::look(&jetstream, whole).await?;
            let mut stdout = std::io::stdout().lock();
            serde_json::to_writer(&mut stdout, &seen)?;
            writeln!(stdout)?;
            Ok(())
        }
        Command::Prepare(wishes) => prepare::prepare(&jetstream, &wishes).await,
        Command::LoseLedger => prepare::lose_ledger(&jetstream).await,
    }
}

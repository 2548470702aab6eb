//! `tillbook`: runs any one service, or all of them in one process, and its small tools.
//!
//! Only wiring lives here: configuration in, services out. Exit codes: 0 done, 1 failed while
//! working, 2 bad command line, 64 bad configuration, 69 NATS or Redis cannot be used.
//! `prove` has more (see there).

mod backfill;
mod cli;
mod commands;
mod dlq;
mod grant;
mod house;
mod known;
mod nats_config;
mod prove;
mod rehearsal;
mod runs_at_work;
mod services;
mod undo;

use std::process::ExitCode;

use clap::Parser;

/// A third of the pipeline's processor time went into the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = cli::Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("tillbook: the runtime cannot start: {error}");
            return ExitCode::from(1);
        }
    };
    let outcome = runtime.block_on(commands::run(arguments));
    // A read of standard input cannot be cancelled, so the runtime is not waited for: everything
    // that matters has been drained and flushed by now.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("tillbook: {}", chain(failure.error.as_ref()));
            ExitCode::from(failure.code)
        }
    }
}

/// The whole chain of causes, since no error repeats its source.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

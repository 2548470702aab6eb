//! Ending a process in order: the first SIGTERM or SIGINT asks, the second
//! insists, and what still runs is waited for within a bound.
//!
//! It does not decide what draining means: each service stops pulling when the
//! token is cancelled and finishes what it holds.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
pub use tokio_util::sync::CancellationToken;

/// Shutdown could not be arranged.
#[derive(Debug, thiserror::Error)]
pub enum ShutdownError {
    /// The operating system refused a signal handler.
    #[error("listening for {signal}")]
    Listen {
        /// The signal's name.
        signal: &'static str,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
}

/// Listens for SIGTERM and SIGINT; the token is cancelled by the first.
///
/// A second signal ends the process at once, with 128 plus the signal's number.
/// Must be called inside a tokio runtime.
pub fn install() -> Result<CancellationToken, ShutdownError> {
    let terminate = listen(SignalKind::terminate(), "SIGTERM")?;
    let interrupt = listen(SignalKind::interrupt(), "SIGINT")?;
    let token = CancellationToken::new();
    tokio::spawn(watch(terminate, interrupt, token.clone()));
    Ok(token)
}

fn listen(kind: SignalKind, name: &'static str) -> Result<Signal, ShutdownError> {
    signal(kind).map_err(|source| ShutdownError::Listen {
        signal: name,
        source,
    })
}

async fn watch(mut terminate: Signal, mut interrupt: Signal, token: CancellationToken) {
    let name = next(&mut terminate, &mut interrupt).await.0;
    tracing::info!(
        signal = name,
        "shutting down; a second signal ends the process at once"
    );
    token.cancel();
    let (name, number) = next(&mut terminate, &mut interrupt).await;
    tracing::warn!(
        signal = name,
        "second signal; ending now, what is in flight is redelivered"
    );
    std::process::exit(128 + number);
}

async fn next(terminate: &mut Signal, interrupt: &mut Signal) -> (&'static str, i32) {
    tokio::select! {
        _ = terminate.recv() => ("SIGTERM", SignalKind::terminate().as_raw_value()),
        _ = interrupt.recv() => ("SIGINT", SignalKind::interrupt().as_raw_value()),
    }
}

/// How a drain went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// Tasks that came to their end.
    pub finished: usize,
    /// Tasks that panicked.
    pub panicked: usize,
    /// Tasks that were still running at the limit and were aborted.
    pub aborted: usize,
}

impl Drained {
    /// Whether every task came to its own end.
    pub fn is_clean(&self) -> bool {
        self.panicked == 0 && self.aborted == 0
    }
}

/// Waits for all tasks, at most `limit`; aborts what is left then.
///
/// Call it after the token is cancelled. Aborted work is safe, only repeated:
/// nothing was acknowledged for it.
pub async fn drain<T: 'static>(tasks: &mut JoinSet<T>, limit: Duration) -> Drained {
    let deadline = Instant::now() + limit;
    let mut drained = Drained::default();
    loop {
        match timeout_at(deadline, tasks.join_next()).await {
            Ok(None) => return drained,
            Ok(Some(ended)) => drained.count(ended.map(drop)),
            Err(_elapsed) => break,
        }
    }
    tracing::warn!(
        limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
        tasks = tasks.len(),
        "drain limit reached; aborting what still runs, it is redelivered later"
    );
    tasks.abort_all();
    while let Some(ended) = tasks.join_next().await {
        drained.count(ended.map(drop));
    }
    drained
}

impl Drained {
    fn count(&mut self, ended: Result<(), tokio::task::JoinError>) {
        match ended {
            Ok(()) => self.finished += 1,
            Err(error) if error.is_cancelled() => self.aborted += 1,
            Err(_panic) => self.panicked += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn drain_waits_for_work_and_aborts_what_outlasts_the_limit() {
        let mut tasks = JoinSet::new();
        tasks.spawn(tokio::time::sleep(Duration::from_secs(5)));
        tasks.spawn(std::future::pending());
        tasks.spawn(async { panic!("on purpose") });

        let drained = drain(&mut tasks, Duration::from_secs(30)).await;

        assert_eq!(
            drained,
            Drained {
                finished: 1,
                panicked: 1,
                aborted: 1
            }
        );
        assert!(!drained.is_clean());
    }

    #[tokio::test(start_paused = true)]
    async fn drain_of_nothing_returns_at_once() {
        let mut tasks = JoinSet::<()>::new();
        assert!(drain(&mut tasks, Duration::from_secs(30)).await.is_clean());
    }
}

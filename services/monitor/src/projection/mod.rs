//! The projection: three streams turned into rows, and begun anew whenever the rows are in doubt.
//!
//! The database is a cache of the streams. A missing, broken or outdated file, or streams that
//! are not the ones it was read from, mean the same: throw it away and read again. Not here: the
//! questions people ask of it (`views`).

mod apply;
mod orders;
mod prune;
mod reader;
mod record;
mod status;
#[cfg(test)]
mod tests;
mod writer;

use runtime::telemetry::chain;
use std::path::PathBuf;
use std::time::Duration;

use async_nats::jetstream;
use runtime::shutdown::CancellationToken;
use tokio::task::JoinSet;

pub use apply::{Position, apply, position};
pub(crate) use orders::attributes;
use reader::{End, Reader};
pub use record::{Content, Raw, Record, SOURCES, decode};
pub use status::{Reading, Readings, Status};
use writer::Writer;

use crate::database::DatabaseError;

/// Pause before a database that failed is opened again, for example after a full disk.
const DATABASE_PAUSE: Duration = Duration::from_secs(5);

/// Opens the database and keeps it in step with the streams until shutdown.
///
/// Returns when the database is open; the task it hands back ends after the last transaction.
/// Errors: the database can be neither opened nor made.
pub async fn start(
    jetstream: jetstream::Context,
    path: PathBuf,
    status: Status,
    shutdown: CancellationToken,
) -> Result<tokio::task::JoinHandle<()>, DatabaseError> {
    let writer = Writer::start(path).await?;
    Ok(tokio::spawn(supervise(jetstream, writer, status, shutdown)))
}

async fn supervise(
    jetstream: jetstream::Context,
    writer: Writer,
    status: Status,
    shutdown: CancellationToken,
) {
    while !shutdown.is_cancelled() {
        let reader = |stream| Reader {
            jetstream: jetstream.clone(),
            stream,
            writer: writer.clone(),
            status: status.clone(),
            shutdown: shutdown.clone(),
        };
        let mut readers = JoinSet::new();
        for stream in SOURCES {
            readers.spawn(reader(stream).run());
        }
        let end = first_trouble(&mut readers).await;
        // The others stop at an await; what they queued is written before what we ask next.
        readers.shutdown().await;
        match end {
            End::Shutdown => {}
            End::Foreign(stream) => {
                tracing::warn!(
                    stream = stream.name(),
                    "the stream is not the one the projection was read from; it is read anew"
                );
                status.emptied();
                if let Err(error) = writer.wipe().await {
                    recover(&writer, &status, &shutdown, error).await;
                }
            }
            End::Database(error) => recover(&writer, &status, &shutdown, error).await,
        }
    }
}

/// The first end that is no shutdown, or a shutdown when all ended so.
async fn first_trouble(readers: &mut JoinSet<End>) -> End {
    while let Some(ended) = readers.join_next().await {
        match ended {
            Ok(End::Shutdown) => {}
            Ok(trouble) => return trouble,
            Err(panic) => {
                tracing::error!(error = %panic, "a reader of the projection panicked; that is a bug, please report it");
                return End::Database(DatabaseError::ThreadEnded("reading"));
            }
        }
    }
    End::Shutdown
}

async fn recover(
    writer: &Writer,
    status: &Status,
    shutdown: &CancellationToken,
    error: DatabaseError,
) {
    for stream in SOURCES {
        status.detached(stream);
    }
    let broken = error.is_broken_file();
    tracing::error!(
        error = %chain(&error),
        "the projection cannot be written; is the disk full? It is opened again soon"
    );
    if !broken {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(DATABASE_PAUSE) => {}
        }
    }
    if let Err(error) = writer.reopen(broken).await {
        tracing::error!(
            error = %chain(&error),
            "the projection could not be opened"
        );
    }
}

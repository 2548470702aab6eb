//! The one thread that writes: commands come through a short queue and are answered when stored.
//!
//! SQLite blocks, so it has a thread of its own instead of a place on the runtime. Dropping every
//! handle ends the thread after what is queued. Not here: what the commands mean.

use std::path::PathBuf;
use std::thread;

use contracts::topology::Stream;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::apply::{self, Position};
use super::prune::prune_chunk;
use super::record::Record;
use crate::database::{self, DatabaseError};

/// Commands that may wait; readers of streams wait when it is full.
const QUEUE_MAX: usize = 4;

/// Hands commands to the writing thread. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Command>,
}

type Reply<T> = oneshot::Sender<Result<T, DatabaseError>>;

#[derive(Debug)]
enum Command {
    Position {
        stream: Stream,
        reply: Reply<Option<Position>>,
    },
    Apply {
        stream: Stream,
        created: String,
        records: Vec<Record>,
        reply: Reply<()>,
    },
    Prune {
        stream: Stream,
        first_sequence: u64,
        reply: Reply<bool>,
    },
    Wipe {
        reply: Reply<()>,
    },
    Reopen {
        anew: bool,
        reply: Reply<()>,
    },
}

impl Writer {
    /// Opens the database on a new thread; returns when it is open.
    pub(super) async fn start(path: PathBuf) -> Result<Self, DatabaseError> {
        let (queue, mut commands) = mpsc::channel(QUEUE_MAX);
        let (opened, open) = oneshot::channel();
        let spawned = thread::Builder::new()
            .name("projection".to_owned())
            .spawn(move || {
                let mut database = match database::open(&path) {
                    Ok(connection) => {
                        let _ = opened.send(Ok(()));
                        Some(connection)
                    }
                    Err(error) => {
                        let _ = opened.send(Err(error));
                        return;
                    }
                };
                while let Some(command) = commands.blocking_recv() {
                    perform(&mut database, &path, command);
                }
            });
        spawned.map_err(|_| DatabaseError::ThreadEnded("writing"))?;
        open.await
            .map_err(|_| DatabaseError::ThreadEnded("writing"))??;
        Ok(Self { queue })
    }

    /// How far the stream was read.
    pub(super) async fn position(&self, stream: Stream) -> Result<Option<Position>, DatabaseError> {
        self.ask(|reply| Command::Position { stream, reply }).await
    }

    /// Returns when the records and how far they reach are stored.
    pub(super) async fn apply(
        &self,
        stream: Stream,
        created: &str,
        records: Vec<Record>,
    ) -> Result<(), DatabaseError> {
        let created = created.to_owned();
        self.ask(|reply| Command::Apply {
            stream,
            created,
            records,
            reply,
        })
        .await
    }

    /// Forgets rows of messages before `first_sequence`, some at a time; true when more remain.
    pub(super) async fn prune(
        &self,
        stream: Stream,
        first_sequence: u64,
    ) -> Result<bool, DatabaseError> {
        self.ask(|reply| Command::Prune {
            stream,
            first_sequence,
            reply,
        })
        .await
    }

    /// Forgets everything.
    pub(super) async fn wipe(&self) -> Result<(), DatabaseError> {
        self.ask(|reply| Command::Wipe { reply }).await
    }

    /// Opens the file again; `anew` throws the old one away, for a page deep inside may be broken.
    pub(super) async fn reopen(&self, anew: bool) -> Result<(), DatabaseError> {
        self.ask(|reply| Command::Reopen { anew, reply }).await
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, DatabaseError> {
        let (reply, answer) = oneshot::channel();
        let ended = || DatabaseError::ThreadEnded("writing");
        self.queue.send(command(reply)).await.map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }
}

/// Somebody who no longer waits for the answer needs none, so replies are sent without a look.
fn perform(database: &mut Option<Connection>, path: &std::path::Path, command: Command) {
    match command {
        Command::Position { stream, reply } => {
            let _ = reply.send(with(database, |connection| {
                apply::position(connection, stream)
            }));
        }
        Command::Apply {
            stream,
            created,
            records,
            reply,
        } => {
            let apply = |connection: &mut _| apply::apply(connection, stream, &created, &records);
            let _ = reply.send(with(database, apply));
        }
        Command::Prune {
            stream,
            first_sequence,
            reply,
        } => {
            let prune = |connection: &mut _| prune_chunk(connection, stream, first_sequence);
            let _ = reply.send(with(database, prune));
        }
        Command::Wipe { reply } => {
            let _ = reply.send(with(database, database::wipe));
        }
        Command::Reopen { anew, reply } => {
            // Closed first: the files may be removed.
            *database = None;
            let removed = if anew { database::remove(path) } else { Ok(()) };
            let opened = removed.and_then(|()| database::open(path));
            let _ = reply.send(opened.map(|connection| *database = Some(connection)));
        }
    }
}

fn with<T>(
    database: &mut Option<Connection>,
    work: impl FnOnce(&mut Connection) -> Result<T, DatabaseError>,
) -> Result<T, DatabaseError> {
    database
        .as_mut()
        .map_or(Err(DatabaseError::ThreadEnded("writing")), work)
}

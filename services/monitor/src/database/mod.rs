//! The embedded database: opened when sound, else thrown away and made anew.
//!
//! One connection writes, readers open their own. WAL lets them read while it writes. The file
//! holds nothing that the streams do not, so durability is left to the streams. Not here: what
//! the rows mean.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

/// The schema; raise [`VERSION`] with every change to it or to what is derived into it.
const SCHEMA: &str = include_str!("schema.sql");
/// `PRAGMA user_version`; any other is rebuilt.
const VERSION: i64 = 1;
/// `PRAGMA application_id`: "till".
const APPLICATION: i64 = 0x7469_6c6c;
/// How long a statement waits for another connection's lock.
const BUSY_LIMIT: Duration = Duration::from_secs(5);

const TABLES: [&str; 7] = [
    "positions",
    "entries",
    "outcomes",
    "dead_letters",
    "dead_letter_reasons",
    "orders",
    "connections",
];

/// The database could not be used.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    #[error("{what} {}; monitor needs a folder it may write to (data_dir)", path.display())]
    File {
        what: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{what} the projection database")]
    Sqlite {
        what: &'static str,
        #[source]
        source: rusqlite::Error,
    },
    #[error("{0} questions are being answered already, the most at a time; ask again soon")]
    Busy(usize),
    #[error("the projection's {0} thread has ended")]
    ThreadEnded(&'static str),
}

impl DatabaseError {
    /// For `map_err`: what was being done.
    pub(crate) fn doing(what: &'static str) -> impl Fn(rusqlite::Error) -> Self {
        move |source| Self::Sqlite { what, source }
    }

    /// Whether the file itself is at fault, so that a new one helps.
    pub(crate) fn is_broken_file(&self) -> bool {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        let Self::Sqlite { source, .. } = self else {
            return false;
        };
        matches!(
            source.sqlite_error_code(),
            Some(DatabaseCorrupt | NotADatabase)
        )
    }
}

/// Opens the database for writing; one that is missing, broken, or of another version is made
/// anew, empty.
pub fn open(path: &Path) -> Result<Connection, DatabaseError> {
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        fs::create_dir_all(folder).map_err(|source| DatabaseError::File {
            what: "creating the folder of",
            path: path.to_owned(),
            source,
        })?;
    }
    match open_sound(path) {
        Ok(Some(connection)) => return Ok(connection),
        Ok(None) => tracing::info!("the projection is missing or of another version; made anew"),
        Err(error) if error.is_broken_file() => {
            tracing::warn!("the projection's file is broken; it is thrown away and read again");
        }
        Err(error) => return Err(error),
    }
    remove(path)?;
    create(path)
}

/// Removes the database's files.
pub(crate) fn remove(path: &Path) -> Result<(), DatabaseError> {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        match fs::remove_file(&name) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(DatabaseError::File {
                    what: "removing",
                    path: name.into(),
                    source,
                });
            }
            _ => {}
        }
    }
    Ok(())
}

/// Opens a connection that cannot write.
pub fn open_read_only(path: &Path) -> Result<Connection, DatabaseError> {
    let doing = DatabaseError::doing("opening");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(&doing)?;
    connection.busy_timeout(BUSY_LIMIT).map_err(&doing)?;
    connection
        .pragma_update(None, "cache_size", -8_192)
        .map_err(doing)?;
    Ok(connection)
}

/// Forgets every row and position, in one transaction; readers see all of it or none.
pub fn wipe(connection: &mut Connection) -> Result<(), DatabaseError> {
    let doing = DatabaseError::doing("emptying");
    let transaction = connection.transaction().map_err(&doing)?;
    for table in TABLES {
        transaction
            .execute(&format!("DELETE FROM {table}"), [])
            .map_err(&doing)?;
    }
    transaction.commit().map_err(doing)
}

fn open_sound(path: &Path) -> Result<Option<Connection>, DatabaseError> {
    if !path.exists() {
        return Ok(None);
    }
    let doing = DatabaseError::doing("opening");
    let connection = Connection::open(path).map_err(&doing)?;
    let number = |name: &str| {
        connection
            .pragma_query_value(None, name, |row| row.get::<_, i64>(0))
            .map_err(&doing)
    };
    if number("application_id")? != APPLICATION || number("user_version")? != VERSION {
        return Ok(None);
    }
    settle(&connection)?;
    // Reads the first page of every table: a torn file is noticed now, not in the middle.
    for table in TABLES {
        let query = format!("SELECT EXISTS (SELECT 1 FROM {table})");
        connection
            .query_row(&query, [], |row| row.get::<_, bool>(0))
            .map_err(&doing)?;
    }
    Ok(Some(connection))
}

fn create(path: &Path) -> Result<Connection, DatabaseError> {
    let doing = DatabaseError::doing("creating");
    let mut connection = Connection::open(path).map_err(&doing)?;
    settle(&connection)?;
    let transaction = connection.transaction().map_err(&doing)?;
    transaction.execute_batch(SCHEMA).map_err(&doing)?;
    transaction
        .pragma_update(None, "application_id", APPLICATION)
        .map_err(&doing)?;
    transaction
        .pragma_update(None, "user_version", VERSION)
        .map_err(&doing)?;
    transaction.commit().map_err(doing)?;
    Ok(connection)
}

fn settle(connection: &Connection) -> Result<(), DatabaseError> {
    let doing = DatabaseError::doing("setting up");
    connection.busy_timeout(BUSY_LIMIT).map_err(&doing)?;
    connection
        .pragma_update(None, "journal_mode", "WAL")
        .map_err(&doing)?;
    connection
        .pragma_update(None, "synchronous", "NORMAL")
        .map_err(&doing)?;
    connection
        .pragma_update(None, "cache_size", -16_384)
        .map_err(&doing)?;
    // Keeps the log from growing without bound after a long rebuild.
    connection
        .pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)
        .map_err(&doing)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// SQLite has no unsigned integers; what does not fit is clipped.
pub(crate) fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

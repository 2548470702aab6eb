use contracts::books::OutcomeKind;
use contracts::dead_letter::DeadLetterKind;
use contracts::journal::JournalKind;
use contracts::topology::Stream;
use rusqlite::Connection;
use rusqlite::types::Value;

use super::{Content, Raw, Record, apply, decode, position};
use crate::database;
use crate::fixtures::{Journey, journal, outcome};

type Stored = (Stream, Record);

/// Twelve orders in every state, with repeats, spread over the three streams.
fn history() -> Vec<Stored> {
    let mut stored = Vec::new();
    let mut sequences = [0_u64; 3];
    let mut put = |stream: Stream, content: Content| {
        let place = super::SOURCES
            .iter()
            .position(|source| *source == stream)
            .unwrap();
        sequences[place] += 1;
        stored.push((
            stream,
            Record {
                sequence: sequences[place],
                content,
            },
        ));
    };
    for number in 1..=12 {
        let mut journey = Journey::new(if number % 2 == 0 { "acme" } else { "bolt" }, number);
        for entry in journey.up_to_lookup() {
            put(Stream::Journal, Content::Journal(vec![entry]));
        }
        match number % 4 {
            0 => {
                put(Stream::Journal, Content::Journal(journey.delivery()));
                put(
                    Stream::Outcomes,
                    outcome(0, &journey, OutcomeKind::Written).content,
                );
                journey.again();
                put(Stream::Journal, Content::Journal(journey.up_to_lookup()));
            }
            1 => {
                let (letter, entry) = journey.death("deliver", DeadLetterKind::Held);
                put(
                    Stream::DeadLetters,
                    Content::DeadLetter(Box::new(letter.clone())),
                );
                put(Stream::Journal, Content::Journal(vec![entry]));
                if number > 4 {
                    let id = letter.dead_letter_id.as_str();
                    let replayed =
                        journey.entry("replay", JournalKind::Replayed, &[("dead_letter_id", id)]);
                    put(Stream::Journal, Content::Journal(vec![replayed]));
                }
            }
            2 => {
                let hold = journey.entry("deliver", JournalKind::ConnectionHeld, &[]);
                let release = journey.entry("deliver", JournalKind::ConnectionReleased, &[]);
                let retry = journey.entry("deliver", JournalKind::RetryScheduled, &[]);
                put(
                    Stream::Journal,
                    Content::Journal(vec![hold, retry.clone(), release]),
                );
                // The same id with other words: the later message counts.
                let mut corrected = retry;
                corrected.detail = "FreshBooks is away".to_owned();
                put(Stream::Journal, Content::Journal(vec![corrected]));
            }
            _ => {
                put(
                    Stream::Outcomes,
                    outcome(0, &journey, OutcomeKind::Unchanged).content,
                );
                put(Stream::Journal, Content::Journal(journey.delivery()));
            }
        }
    }
    stored
}

fn feed(database: &mut Connection, messages: &[Stored], batch: usize) {
    for chunk in messages.chunks(batch) {
        for stream in super::SOURCES {
            let of_stream = chunk.iter().filter(|(of, _)| *of == stream);
            let records: Vec<_> = of_stream.map(|(_, record)| record.clone()).collect();
            if !records.is_empty() {
                apply(database, stream, "created", &records).unwrap();
            }
        }
    }
}

/// Every row of every table, without the row numbers that only SQLite knows.
fn content(database: &Connection) -> Vec<String> {
    let mut lines = Vec::new();
    let tables = [
        "positions",
        "outcomes",
        "dead_letters",
        "dead_letter_reasons",
        "orders",
        "connections",
        "entries",
    ];
    for table in tables {
        let mut query = database.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let names: Vec<String> = query.column_names().map(str::to_owned).collect();
        let mut rows = query.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let values = names.iter().enumerate().filter(|(_, name)| *name != "id");
            let values: Vec<Value> = values.map(|(place, _)| row.get(place).unwrap()).collect();
            lines.push(format!("{table} {values:?}"));
        }
    }
    lines.sort();
    lines
}

fn fresh() -> (tempfile::TempDir, Connection) {
    let folder = tempfile::tempdir().unwrap();
    let database = database::open(&folder.path().join("monitor.db")).unwrap();
    (folder, database)
}

#[test]
fn a_repeated_message_changes_nothing() {
    let (_folder, mut database) = fresh();
    let messages = history();
    feed(&mut database, &messages, 5);
    let once = content(&database);
    feed(&mut database, &messages, 7);
    feed(&mut database, &messages[10..], 1);
    assert_eq!(content(&database), once);
}

#[test]
fn the_order_of_arrival_does_not_matter() {
    let (_folder, mut in_order) = fresh();
    let messages = history();
    feed(&mut in_order, &messages, 4);
    let expected = content(&in_order);

    let mut backwards = messages.clone();
    backwards.reverse();
    // Every seventh message of the list, round and round: 7 and the length share no divisor.
    let scattered: Vec<Stored> = (0..messages.len())
        .map(|place| messages[place * 7 % messages.len()].clone())
        .collect();
    assert_ne!(messages.len() % 7, 0);
    for shuffled in [backwards, scattered] {
        let (_folder, mut database) = fresh();
        feed(&mut database, &shuffled, 3);
        assert_eq!(content(&database), expected);
    }
}

#[test]
fn a_rebuild_after_deletion_gives_equal_content() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep").join("monitor.db");
    let mut database = database::open(&path).unwrap();
    feed(&mut database, &history(), 5);
    let before = content(&database);
    assert!(before.iter().any(|line| line.starts_with("orders")));
    drop(database);
    database::remove(&path).unwrap();

    let mut database = database::open(&path).unwrap();
    assert_eq!(content(&database), Vec::<String>::new());
    feed(&mut database, &history(), 64);
    assert_eq!(content(&database), before);
}

#[test]
fn rows_survive_closing_and_a_torn_batch_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("monitor.db");
    let mut database = database::open(&path).unwrap();
    feed(&mut database, &history(), 5);
    let before = content(&database);
    // A constraint breaks the batch after its first rows were written.
    database
        .execute_batch(
            "CREATE TRIGGER torn BEFORE UPDATE ON positions
        BEGIN SELECT RAISE(ABORT, 'torn'); END",
        )
        .unwrap();
    let mut journey = Journey::new("acme", 99);
    let batch = [journal(1_000, journey.up_to_lookup())];
    apply(&mut database, Stream::Journal, "created", &batch).unwrap_err();
    database.execute_batch("DROP TRIGGER torn").unwrap();
    drop(database);
    assert_eq!(content(&database::open(&path).unwrap()), before);
}

#[test]
fn a_broken_file_and_another_version_are_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("monitor.db");
    std::fs::write(
        &path,
        b"this is no database, it only stands where one should",
    )
    .unwrap();
    let mut database = database::open(&path).unwrap();
    feed(&mut database, &history(), 5);
    database.pragma_update(None, "user_version", 999).unwrap();
    drop(database);
    let database = database::open(&path).unwrap();
    assert_eq!(content(&database), Vec::<String>::new());
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, b"").unwrap();
    let error = database::open(&file.join("monitor.db")).unwrap_err();
    assert!(error.to_string().contains("creating the folder"), "{error}");
}

#[test]
fn the_position_is_the_highest_sequence() {
    let (_folder, mut database) = fresh();
    assert_eq!(position(&database, Stream::Journal).unwrap(), None);
    let mut journey = Journey::new("acme", 1);
    apply(
        &mut database,
        Stream::Journal,
        "t0",
        &[journal(9, journey.up_to_lookup())],
    )
    .unwrap();
    apply(
        &mut database,
        Stream::Journal,
        "t0",
        &[journal(4, journey.up_to_lookup())],
    )
    .unwrap();
    let position = position(&database, Stream::Journal).unwrap().unwrap();
    assert_eq!((position.sequence, position.created.as_str()), (9, "t0"));
}

#[test]
fn garbage_and_foreign_schemas_are_counted_and_passed() {
    let (_folder, mut database) = fresh();
    let raw = |payload, headers| Raw {
        stream: Stream::Journal,
        sequence: 3,
        stored_at_ms: 0,
        headers,
        payload,
    };
    let garbage = decode(raw(b"\xff\xff\xff", None));
    assert!(matches!(garbage.content, Content::Unreadable));
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("Tillbook-Schema", "tillbook.journal.v2.JournalBatch");
    let foreign = decode(raw(b"", Some(&headers)));
    assert!(matches!(foreign.content, Content::Unreadable));

    apply(
        &mut database,
        Stream::Journal,
        "t0",
        std::slice::from_ref(&garbage),
    )
    .unwrap();
    apply(&mut database, Stream::Journal, "t0", &[garbage]).unwrap();
    let counted: i64 = database
        .query_row("SELECT unreadable FROM positions", [], |row| row.get(0))
        .unwrap();
    assert_eq!(counted, 1, "a repeat is not counted again");
}

#[test]
fn pruning_forgets_what_the_streams_forgot_and_nothing_else() {
    let (_folder, mut database) = fresh();
    feed(&mut database, &history(), 5);
    let last: i64 = database
        .query_row("SELECT max(sequence) FROM entries", [], |row| row.get(0))
        .unwrap();
    let cut = u64::try_from(last / 2).unwrap();
    while super::prune::prune_chunk(&mut database, Stream::Journal, cut).unwrap() {}
    while super::prune::prune_chunk(&mut database, Stream::DeadLetters, 2).unwrap() {}
    let count = |query: &str| -> i64 { database.query_row(query, [], |row| row.get(0)).unwrap() };
    assert_eq!(
        count(&format!(
            "SELECT count(*) FROM entries WHERE sequence < {cut}"
        )),
        0
    );
    assert_eq!(count("SELECT count(*) FROM dead_letters"), 2);
    assert_eq!(count("SELECT count(*) FROM dead_letter_reasons"), 4);
    let orders = count("SELECT count(*) FROM orders");
    assert!(orders > 0 && orders < 12, "{orders}");
    let orphans = "SELECT count(*) FROM orders WHERE NOT EXISTS (SELECT 1 FROM entries
         WHERE entries.connection = orders.connection AND entity_id = order_id)";
    assert_eq!(count(orphans), 0);
}

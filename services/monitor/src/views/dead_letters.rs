//! Dead letters: the list, the counts by reason, and one with everything but its bytes.
//!
//! The bytes hold customers' data; they stay in the stream, where replay reads them.

use contracts::dead_letter::DeadLetterKind;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{page, text, unsigned};

/// Why it is dead, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KindWord {
    /// Waits for a person's decision.
    Held,
    /// Refused for good by a rule or a vendor.
    Rejected,
    /// Retries were spent.
    Exhausted,
    /// The bytes could not be read.
    Unreadable,
    /// The letter does not say.
    Unknown,
}

impl KindWord {
    pub const ALL: [Self; 5] = [
        Self::Held,
        Self::Rejected,
        Self::Exhausted,
        Self::Unreadable,
        Self::Unknown,
    ];

    /// The word in the API and in metric labels.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Rejected => "rejected",
            Self::Exhausted => "exhausted",
            Self::Unreadable => "unreadable",
            Self::Unknown => "unknown",
        }
    }

    /// The kind of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    const fn wire(self) -> DeadLetterKind {
        match self {
            Self::Held => DeadLetterKind::Held,
            Self::Rejected => DeadLetterKind::Rejected,
            Self::Exhausted => DeadLetterKind::Exhausted,
            Self::Unreadable => DeadLetterKind::Unreadable,
            Self::Unknown => DeadLetterKind::Unspecified,
        }
    }

    pub(super) fn from_wire(kind: i32) -> Self {
        let matching = Self::ALL
            .into_iter()
            .find(|word| i32::from(word.wire()) == kind);
        matching.unwrap_or(Self::Unknown)
    }
}

/// One reason, in plain words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReasonView {
    #[schema(example = "missing_customer")]
    pub code: String,
    pub message: String,
    /// Where in the document; null when nowhere in particular.
    pub path: Option<String>,
}

/// A dead letter without its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeadLetterView {
    pub dead_letter_id: String,
    pub connection: Option<String>,
    /// order, customer or product; null when the bytes did not decode.
    pub entity: Option<String>,
    pub entity_id: Option<String>,
    pub event_id: Option<String>,
    /// The stage that gave up.
    pub stage: String,
    pub kind: KindWord,
    /// Every reason, not only the first.
    pub reasons: Vec<ReasonView>,
    pub attempts: u32,
    pub first_seen_at_ms: i64,
    pub dead_at_ms: i64,
    /// When it was last released, if it was.
    pub replayed_at_ms: Option<i64>,
    pub original_stream: String,
    pub original_subject: String,
    pub original_sequence: u64,
    /// The protobuf message its bytes claim to be.
    pub original_schema: Option<String>,
    /// Size of the bytes, which are not shown here.
    pub payload_bytes: u64,
    pub trace_id: Option<String>,
}

/// How many dead letters give a reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CodeCount {
    pub code: String,
    pub dead_letters: u64,
}

/// One page of dead letters, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeadLetterPage {
    pub dead_letters: Vec<DeadLetterView>,
    /// The most frequent reasons among all that the filter names; a letter with two reasons
    /// counts for both.
    pub by_code: Vec<CodeCount>,
    /// Give it as `cursor` for the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// Which dead letters to list.
#[derive(Clone, Debug, Default)]
pub struct DeadLetterFilter {
    pub connection: Option<String>,
    pub entity_id: Option<String>,
    pub kind: Option<KindWord>,
    pub stage: Option<String>,
    pub code: Option<String>,
    /// Only those released, or only those not.
    pub replayed: Option<bool>,
    /// The last row of the page before: time and id.
    pub after: Option<(i64, String)>,
    pub limit: u32,
}

/// Reasons that are counted; rarer ones are left out.
const CODES_MAX: u32 = 50;

const REPLAYED_AT: &str =
    "(SELECT max(at_ms) FROM entries WHERE entries.replays = dead_letters.dead_letter_id)";

struct Conditions {
    sql: Vec<String>,
    values: Vec<Value>,
}

impl Conditions {
    fn of(filter: &DeadLetterFilter) -> Self {
        let mut of = Self {
            sql: vec!["1".to_owned()],
            values: Vec::new(),
        };
        for (column, wanted) in [
            ("connection", &filter.connection),
            ("entity_id", &filter.entity_id),
            ("stage", &filter.stage),
        ] {
            if let Some(wanted) = wanted {
                of.add(&format!("{column} = ?"), wanted.clone());
            }
        }
        if let Some(kind) = filter.kind {
            of.add("kind = ?", i64::from(i32::from(kind.wire())));
        }
        if let Some(code) = &filter.code {
            of.add(
                "dead_letter_id IN (SELECT dead_letter_id FROM dead_letter_reasons WHERE code = ?)",
                code.clone(),
            );
        }
        if let Some(replayed) = filter.replayed {
            let not = if replayed { "NOT " } else { "" };
            of.sql.push(format!("{REPLAYED_AT} IS {not}NULL"));
        }
        of
    }

    fn add(&mut self, condition: &str, value: impl Into<Value>) {
        self.sql.push(condition.to_owned());
        self.values.push(value.into());
    }
}

/// The dead letters a filter names, newest first, and their reasons counted.
pub fn dead_letters(
    connection: &Connection,
    filter: &DeadLetterFilter,
) -> rusqlite::Result<DeadLetterPage> {
    let mut only = Conditions::of(filter);
    let by_code = by_code(connection, &only)?;
    if let Some((at_ms, id)) = &filter.after {
        only.sql
            .push("(dead_at_ms, dead_letter_id) < (?, ?)".to_owned());
        only.values.extend([(*at_ms).into(), id.clone().into()]);
    }
    only.values
        .push(i64::from(filter.limit).saturating_add(1).into());
    let mut query = connection.prepare(&format!(
        "SELECT *, {REPLAYED_AT} AS replayed_at_ms FROM dead_letters WHERE {}
         ORDER BY dead_at_ms DESC, dead_letter_id DESC LIMIT ?",
        only.sql.join(" AND ")
    ))?;
    let rows = query.query_map(params_from_iter(only.values), letter)?;
    let (mut dead_letters, more) = page(rows, filter.limit)?;
    for letter in &mut dead_letters {
        letter.reasons = reasons(connection, &letter.dead_letter_id)?;
    }
    let last = dead_letters.last().filter(|_| more);
    let next_cursor = last.map(|last| format!("{}.{}", last.dead_at_ms, last.dead_letter_id));
    Ok(DeadLetterPage {
        dead_letters,
        by_code,
        next_cursor,
    })
}

/// One dead letter by its id.
pub fn dead_letter(connection: &Connection, id: &str) -> rusqlite::Result<Option<DeadLetterView>> {
    let query = format!(
        "SELECT *, {REPLAYED_AT} AS replayed_at_ms FROM dead_letters WHERE dead_letter_id = ?1"
    );
    let found = connection
        .prepare_cached(&query)?
        .query_row([id], letter)
        .optional()?;
    let Some(mut letter) = found else {
        return Ok(None);
    };
    letter.reasons = reasons(connection, id)?;
    Ok(Some(letter))
}

/// The dead letters of one order, oldest first, at most `limit`.
pub(super) fn of_order(
    connection: &Connection,
    name: &str,
    order_id: &str,
    limit: u32,
) -> rusqlite::Result<Vec<DeadLetterView>> {
    let mut query = connection.prepare_cached(&format!(
        "SELECT *, {REPLAYED_AT} AS replayed_at_ms FROM dead_letters
         WHERE connection = ?1 AND entity = 'order' AND entity_id = ?2
         ORDER BY dead_at_ms DESC, dead_letter_id DESC LIMIT ?3"
    ))?;
    let rows = query.query_map(rusqlite::params![name, order_id, limit], letter)?;
    let mut letters = rows.collect::<Result<Vec<_>, _>>()?;
    letters.reverse();
    for letter in &mut letters {
        letter.reasons = reasons(connection, &letter.dead_letter_id)?;
    }
    Ok(letters)
}

/// The newest letter of each of these orders that stands as held or failed.
pub fn held(
    connection: &Connection,
    name: &str,
    order_ids: &[u64],
) -> rusqlite::Result<Vec<(u64, DeadLetterView)>> {
    let mut stands = connection.prepare_cached(
        "SELECT 1 FROM orders
         WHERE connection = ?1 AND order_id = ?2 AND state IN ('held', 'failed')",
    )?;
    let mut found = Vec::new();
    for id in order_ids {
        let order_id = id.to_string();
        if stands.exists([name, &order_id])? {
            let newest = of_order(connection, name, &order_id, 1)?.pop();
            found.extend(newest.map(|letter| (*id, letter)));
        }
    }
    Ok(found)
}

fn by_code(connection: &Connection, only: &Conditions) -> rusqlite::Result<Vec<CodeCount>> {
    let mut values = only.values.clone();
    values.push(i64::from(CODES_MAX).into());
    let mut query = connection.prepare(&format!(
        "SELECT code, count(DISTINCT dead_letter_id) AS dead_letters FROM dead_letter_reasons
         WHERE dead_letter_id IN (SELECT dead_letter_id FROM dead_letters WHERE {})
         GROUP BY code ORDER BY dead_letters DESC, code LIMIT ?",
        only.sql.join(" AND ")
    ))?;
    let rows = query.query_map(params_from_iter(values), |row| {
        Ok(CodeCount {
            code: row.get("code")?,
            dead_letters: unsigned(row, "dead_letters")?,
        })
    })?;
    rows.collect()
}

fn reasons(connection: &Connection, id: &str) -> rusqlite::Result<Vec<ReasonView>> {
    let mut query = connection.prepare_cached(
        "SELECT code, message, path FROM dead_letter_reasons
         WHERE dead_letter_id = ?1 ORDER BY position",
    )?;
    let rows = query.query_map([id], |row| {
        Ok(ReasonView {
            code: row.get("code")?,
            message: row.get("message")?,
            path: text(row, "path")?,
        })
    })?;
    rows.collect()
}

fn letter(row: &Row<'_>) -> rusqlite::Result<DeadLetterView> {
    Ok(DeadLetterView {
        dead_letter_id: row.get("dead_letter_id")?,
        connection: text(row, "connection")?,
        entity: text(row, "entity")?,
        entity_id: text(row, "entity_id")?,
        event_id: text(row, "event_id")?,
        stage: row.get("stage")?,
        kind: KindWord::from_wire(row.get("kind")?),
        reasons: Vec::new(),
        attempts: row.get("attempts")?,
        first_seen_at_ms: row.get("first_seen_at_ms")?,
        dead_at_ms: row.get("dead_at_ms")?,
        replayed_at_ms: row.get("replayed_at_ms")?,
        original_stream: row.get("original_stream")?,
        original_subject: row.get("original_subject")?,
        original_sequence: unsigned(row, "original_sequence")?,
        original_schema: text(row, "original_schema")?,
        payload_bytes: unsigned(row, "payload_bytes")?,
        trace_id: text(row, "trace_id")?,
    })
}

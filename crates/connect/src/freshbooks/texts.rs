//! Texts that FreshBooks refuses, made to fit by what it answers.
//!
//! FreshBooks publishes no limits: which texts are too long (errno 1017) and which characters it
//! takes (1027, 1036) is learned from its refusals. A refusal changes nothing, so the same write
//! is made again with the named field cut or its characters replaced, a bounded number of times.
//! What fitted is remembered per field, so that the next text that is refused needs one more call
//! and not a search. No text is touched before it was refused. Not here: what a text says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::error::{VendorError, VendorFault};

const TOO_LONG: u32 = 1017;
const INVALID_CHARACTER: u32 = 1027;
const UNICODE: u32 = 1036;

/// Writes of one body in one call. What the refusals taught stays, so a call that ends here is
/// tried again from where it was.
pub(super) const ATTEMPTS_MAX: usize = 20;

/// Lengths that columns commonly have, tried from the longest.
const WIDTHS: [usize; 17] = [
    10_000, 5_000, 2_000, 1_000, 500, 255, 200, 150, 128, 100, 80, 64, 50, 40, 32, 20, 10,
];

/// Ends a text that was cut, where FreshBooks is not known to refuse it.
const CUT: char = '…';
/// Stands for a character that is refused; the second where the first is refused too.
const REPLACEMENTS: [char; 2] = ['\u{FFFD}', '?'];

/// Texts that are no words: ids, amounts, dates, and what a doubtful write is found by.
const NEVER: [&str; 22] = [
    "invoice_number",
    "credit_number",
    "credit_note_number",
    "number",
    "amount",
    "code",
    "currency_code",
    "qty",
    "quantity",
    "unit_cost",
    "taxamount1",
    "taxamount2",
    "create_date",
    "date",
    "type",
    "email",
    "sku",
    "language",
    "status",
    "clientid",
    "customerid",
    "invoiceid",
];

/// What FreshBooks' refusals taught of each field of each record.
#[derive(Debug, Default)]
pub(super) struct Memory(Mutex<BTreeMap<String, Learned>>);

#[derive(Clone, Copy, Debug, Default)]
struct Learned {
    /// A cut text of this length was taken.
    fits: Option<usize>,
    /// A text of this length was refused.
    too_long: Option<usize>,
    /// With this much replaced the text was taken.
    level: usize,
}

/// One write while it is made to fit.
#[derive(Debug, Default)]
pub(super) struct Fitting {
    cut_to: BTreeMap<String, usize>,
    levels: BTreeMap<String, usize>,
}

tokio::task_local! {
    static TOLD: Arc<Mutex<BTreeSet<String>>>;
}

/// Runs a future and gives what was done to the texts it wrote, in plain words without values.
pub async fn telling<F: Future>(future: F) -> (F::Output, Vec<String>) {
    let told = Arc::new(Mutex::new(BTreeSet::new()));
    let output = TOLD.scope(Arc::clone(&told), future).await;
    let told = std::mem::take(&mut *told.lock().unwrap_or_else(PoisonError::into_inner));
    (output, told.into_iter().collect())
}

impl Fitting {
    /// Changes the texts that the refusal is about. False where it is about none, or nothing more
    /// can be done: then it stands.
    pub(super) fn fit(
        &mut self,
        memory: &Memory,
        record: &str,
        body: &mut Value,
        error: &VendorError,
    ) -> bool {
        let VendorError::Rejected { errors, .. } = error else {
            return false;
        };
        let mut learned = memory.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = false;
        for fault in errors {
            let field = named(fault).filter(|field| count(body, field) > 0);
            let field = field.unwrap_or_default();
            let key = format!("{record}.{field}");
            let known = learned.entry(key.clone()).or_default();
            changed |= match fault.errno {
                Some(TOO_LONG) => self.shorten(key, known, body, &field),
                Some(INVALID_CHARACTER | UNICODE) => self.replace(key, known, body, &field),
                _ => false,
            };
        }
        changed
    }

    fn shorten(&mut self, key: String, known: &mut Learned, body: &mut Value, field: &str) -> bool {
        let longest = longest(body, field);
        if longest == 0 {
            return false;
        }
        known.too_long = Some(known.too_long.map_or(longest, |least| least.min(longest)));
        let too_long = known.too_long.unwrap_or(longest).min(longest);
        let width = match known.fits {
            Some(fits) if fits < too_long => fits,
            _ => match WIDTHS.into_iter().find(|width| *width < too_long) {
                Some(width) => width,
                None => return false,
            },
        };
        // Without a field's name only the longest texts can be meant.
        let least = if field.is_empty() { longest } else { 0 };
        each_text(body, field, &mut |text| {
            let length = text.chars().count();
            if length > width && length >= least {
                *text = cut(text, width);
            }
        });
        self.cut_to.insert(key, width);
        true
    }

    fn replace(&mut self, key: String, known: &mut Learned, body: &mut Value, field: &str) -> bool {
        let level = self.levels.entry(key).or_insert(0);
        while *level < LEVELS {
            *level = (*level + 1).max(known.level);
            let (mut changed, now) = (false, *level);
            each_text(body, field, &mut |text| {
                let replaced: String = text.chars().map(|c| replaced(c, now)).collect();
                changed |= replaced != *text;
                *text = replaced;
            });
            if changed {
                return true;
            }
        }
        false
    }

    /// The write was taken: what was done is remembered, and told to whoever listens.
    pub(super) fn took(self, memory: &Memory) {
        if self.cut_to.is_empty() && self.levels.is_empty() {
            return;
        }
        let mut learned = memory.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut words = Vec::new();
        for (key, width) in self.cut_to {
            words.push(format!(
                "FreshBooks refused {} as too long; it is cut to {width} characters.",
                place(&key)
            ));
            learned.entry(key).or_default().fits = Some(width);
        }
        for (key, level) in self.levels {
            words.push(format!(
                "FreshBooks refused characters in {}; they are replaced.",
                place(&key)
            ));
            learned.entry(key).or_default().level = level;
        }
        // Nobody listens outside of a delivery.
        let _ = TOLD.try_with(|told| {
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            told.extend(words);
        });
    }
}

fn place(key: &str) -> String {
    match key.split_once('.') {
        Some((record, "")) => format!("a text of the {}", record.replace('_', " ")),
        Some((record, field)) => format!("{field} of the {}", record.replace('_', " ")),
        None => "a text".to_owned(),
    }
}

/// The field's own name: the last word of a path such as `lines[0].name`.
fn named(fault: &VendorFault) -> Option<String> {
    let field = fault.field.as_deref()?;
    let mut words = field.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let word = words.find(|word| word.chars().any(|c| c.is_ascii_alphabetic()))?;
    Some(word.to_ascii_lowercase())
}

/// Every text of the field, or of all fields where it is empty.
fn each_text(value: &mut Value, field: &str, change: &mut impl FnMut(&mut String)) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let name = name.to_ascii_lowercase();
                match member {
                    Value::String(text) => {
                        let is_meant = field.is_empty() || name == field;
                        if is_meant && !NEVER.contains(&name.as_str()) {
                            change(text);
                        }
                    }
                    other => each_text(other, field, change),
                }
            }
        }
        Value::Array(rows) => rows
            .iter_mut()
            .for_each(|row| each_text(row, field, change)),
        _ => {}
    }
}

fn count(body: &mut Value, field: &str) -> usize {
    let mut found = 0;
    each_text(body, field, &mut |_| found += 1);
    found
}

fn longest(body: &mut Value, field: &str) -> usize {
    let mut most = 0;
    each_text(body, field, &mut |text| {
        most = most.max(text.chars().count())
    });
    most
}

/// The text cut to `width` characters. Its last word stays where it is a key such as `txn:47`, by
/// which a doubtful write is found again.
fn cut(text: &str, width: usize) -> String {
    let last = text.rsplit(char::is_whitespace).next().unwrap_or_default();
    let key = Some(last).filter(|word| word.contains(':') && word.chars().count() + 2 < width);
    let tail = key.map(|key| format!(" {key}")).unwrap_or_default();
    let room = width.saturating_sub(tail.chars().count() + 1);
    let head: String = text.chars().take(room).collect();
    format!("{}{CUT}{tail}", head.trim_end())
}

/// Steps of replacing, each of them more than the one before.
const LEVELS: usize = 4;

/// The character as it stands after so many steps: first what four bytes or control characters
/// write, then marks that markup uses, then all marks but the plainest, then all that is not ASCII.
fn replaced(c: char, level: usize) -> char {
    let plain = c.is_alphanumeric() || c.is_whitespace() || ".,:-/()#@_+".contains(c);
    let refused = match level {
        0 => false,
        1 => c > '\u{FFFF}' || (c.is_control() && !matches!(c, '\n' | '\t')),
        2 => c > '\u{FFFD}' || c == REPLACEMENTS[0] || "<>{}|\\^~`\"&".contains(c),
        3 => !plain,
        _ => !plain || !c.is_ascii(),
    };
    match (refused, level) {
        (false, _) => c,
        (true, 1) => REPLACEMENTS[0],
        (true, 2) => REPLACEMENTS[1],
        (true, _) => ' ',
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refused(errno: u32, field: Option<&str>) -> VendorError {
        VendorError::Rejected {
            status: 422,
            errors: vec![VendorFault::new(Some(errno), field, "no")],
        }
    }

    /// Writes until `takes` takes the body; the body, and how many writes that were.
    fn written(
        memory: &Memory,
        mut body: Value,
        takes: impl Fn(&Value) -> Result<(), VendorError>,
    ) -> Result<(Value, usize), Value> {
        let mut fitting = Fitting::default();
        for attempt in 1..=ATTEMPTS_MAX {
            let Err(error) = takes(&body) else {
                fitting.took(memory);
                return Ok((body, attempt));
            };
            if !fitting.fit(memory, "client", &mut body, &error) {
                break;
            }
        }
        Err(body)
    }

    fn at_most(limit: usize, field: &'static str) -> impl Fn(&Value) -> Result<(), VendorError> {
        move |body| {
            let long = body[field]
                .as_str()
                .is_some_and(|text| text.chars().count() > limit);
            if long {
                Err(refused(1017, Some(field)))
            } else {
                Ok(())
            }
        }
    }

    #[test]
    fn only_the_refused_field_is_cut_and_the_next_needs_one_more_call() {
        let memory = Memory::default();
        let long = "ä".repeat(300);
        let body = json!({"organization": long, "fname": long});
        let (fitted, calls) = written(&memory, body.clone(), at_most(100, "organization")).unwrap();
        assert_eq!(
            fitted["organization"].as_str().unwrap().chars().count(),
            100
        );
        assert!(fitted["organization"].as_str().unwrap().ends_with(CUT));
        assert_eq!(fitted["fname"], json!(long));
        assert!(calls > 2, "{calls}");
        let (again, calls) = written(&memory, body, at_most(100, "organization")).unwrap();
        assert_eq!((again, calls), (fitted, 2));
        // What was never refused is never cut.
        let short = json!({"organization": "ä".repeat(100)});
        assert_eq!(
            written(&memory, short.clone(), |_| Ok(())).unwrap(),
            (short, 1)
        );
    }

    #[test]
    fn every_limit_from_ten_on_is_found_within_the_bound() {
        for limit in 10..400 {
            let body = json!({"organization": "x".repeat(20_000)});
            let memory = Memory::default();
            let mut tries = 0;
            // A write that gives up is tried again; what was learned stays.
            while written(&memory, body.clone(), at_most(limit, "organization")).is_err() {
                tries += 1;
                assert!(tries < 3, "{limit}");
            }
        }
    }

    #[test]
    fn a_notes_key_outlives_the_cut() {
        let note = format!("{} txn:501", "paid ".repeat(60));
        let memory = Memory::default();
        let (fitted, _) = written(&memory, json!({"note": note}), at_most(40, "note")).unwrap();
        let text = fitted["note"].as_str().unwrap();
        assert!(
            text.ends_with("… txn:501") && text.chars().count() <= 40,
            "{text}"
        );
    }

    #[test]
    fn refused_characters_are_replaced_from_the_rarest_on() {
        let takes = |bad: &'static str, field: Option<&'static str>| {
            move |body: &Value| {
                let text = body.to_string();
                let is_bad = text.chars().any(|c| bad.contains(c));
                if is_bad {
                    Err(refused(1036, field))
                } else {
                    Ok(())
                }
            }
        };
        for field in [None, Some("lines[0].name"), Some("name")] {
            let body = json!({"lines": [{"name": "Mug 🎁 <b> ä", "qty": "1"}]});
            let memory = Memory::default();
            let (fitted, _) = written(&memory, body.clone(), takes("🎁", field)).unwrap();
            assert_eq!(fitted["lines"][0]["name"], json!("Mug \u{FFFD} <b> ä"));
            let (fitted, _) = written(&memory, body.clone(), takes("🎁<\u{FFFD}", field)).unwrap();
            assert_eq!(fitted["lines"][0]["name"], json!("Mug ? ?b? ä"));
            let (fitted, calls) = written(&memory, body, takes("🎁<\u{FFFD}", field)).unwrap();
            assert_eq!((fitted["lines"][0]["qty"].as_str(), calls), (Some("1"), 2));
        }
    }

    #[test]
    fn a_refusal_of_what_must_not_change_stands() {
        let memory = Memory::default();
        for field in ["invoice_number", "email", "sku"] {
            let body = json!({field: "x".repeat(300)});
            let before = body.clone();
            assert_eq!(written(&memory, body, at_most(20, field)), Err(before));
        }
        let other = |_: &Value| Err(refused(1004, Some("organization")));
        let body = json!({"organization": "x"});
        assert_eq!(written(&memory, body.clone(), other), Err(body));
    }
}

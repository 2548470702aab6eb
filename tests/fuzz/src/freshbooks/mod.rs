//! FreshBooks' answers, spoiled on their way to the client: no write is believed without its
//! record, and none that may have happened is called undone.
//!
//! The answers are the sandbox's, in the same thread. Not here: services that make the calls
//! (`tests/simulation`).

mod account;
mod calls;

use connect::VendorError;
use connect::transport::Outgoing;
use domain::books::DesiredBooks;
use domain::mapping::Mapping;
use domain::policy::Policy;
use http::Method;
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::Value;

use crate::line::{self, Exchange, Line, MARK};
use crate::run::Target;
pub use calls::Call;
use calls::{CALLS, Gave, make};

/// A call, on which books, over a line of that seed.
#[derive(Clone, Copy, Debug)]
pub struct Called {
    call: Call,
    books: usize,
    line: u64,
}

/// The client, with books to write.
#[derive(Debug)]
pub struct Answers {
    library: Vec<DesiredBooks>,
}

impl Answers {
    /// With the books of the corpus's orders.
    ///
    /// # Errors
    /// When a class of the corpus is not what it should be.
    pub fn new() -> Result<Self, String> {
        let (policy, mapping) = (Policy::default(), Mapping::built_in());
        let documents = corpus::fuzz::seeds()?;
        let books = documents
            .iter()
            .filter_map(|document| corpus::judge::books_of(Some(document), &policy, &mapping).ok());
        let library: Vec<_> = books
            .filter(|books| !books.invoice.lines.is_empty())
            .collect();
        if library.is_empty() {
            return Err("no order of the corpus is booked".to_owned());
        }
        Ok(Self { library })
    }
}

impl Target for Answers {
    const NAME: &'static str = "freshbooks";
    type Input = Called;

    fn input(&self, chance: &mut StdRng) -> Called {
        Called {
            call: *crate::bytes::pick(&CALLS, chance),
            books: chance.random_range(0..self.library.len()),
            line: chance.random(),
        }
    }

    fn check(&self, called: &Called) -> Result<&'static str, String> {
        let runtime = line::runtime()?;
        let (vendor, token, next) = account::account()?;
        let books = self.library.get(called.books).ok_or("no such books")?;
        let ids = account::furnish(&vendor, &token)?;
        let answering = Box::new(move |outgoing: &Outgoing| account::answer(&vendor, outgoing));
        let line = Line::to(answering, called.line);
        let gave = runtime.block_on(make(called.call, &line, books, (&token, &next), ids));
        judge(called.call, &gave, &line.exchanges())
    }
}

fn judge(
    call: Call,
    gave: &Result<Gave, VendorError>,
    exchanges: &[Exchange],
) -> Result<&'static str, String> {
    let last = exchanges.last();
    match gave {
        Ok(Gave::Read) => Ok("read"),
        Ok(Gave::Tokens(shown)) if shown.contains(MARK) => Err(format!("{shown} shows a token")),
        Ok(Gave::Tokens(_)) => match answered(last) {
            Some(body) if body["access_token"].is_string() && body["refresh_token"].is_string() => {
                Ok("refreshed")
            }
            other => Err(format!("tokens out of {other:?}")),
        },
        Ok(Gave::Wrote(id)) => {
            match answered(last).map(|body| body["response"]["result"].clone()) {
                Some(result) if result.is_object() && id.is_none_or(|id| names(&result, id)) => {
                    Ok("written")
                }
                other => Err(format!(
                    "{call:?} is said to be done, id {id:?}, answered {other:?}"
                )),
            }
        }
        Err(error) => {
            let shown = format!("{error} {error:?}");
            if shown.contains(MARK) {
                return Err(format!(
                    "{call:?}: the error shows what nobody may log: {shown}"
                ));
            }
            let is_write = last.is_some_and(|exchange| exchange.method != Method::GET);
            if !is_write {
                if error.is_outcome_unknown() {
                    return Err(format!("{call:?}: a read with an unknown outcome"));
                }
                return Ok("failed to read");
            }
            if may_have_happened(last) && !error.is_outcome_unknown() {
                return Err(format!(
                    "{call:?} may have happened, but: {shown} after {last:?}"
                ));
            }
            Ok(if error.is_outcome_unknown() {
                "unknown outcome"
            } else {
                "failed to write"
            })
        }
    }
}

/// The JSON of a good answer.
fn answered(exchange: Option<&Exchange>) -> Option<Value> {
    let (status, body) = exchange?.reply.as_ref().ok()?;
    let body = body.as_ref().filter(|_| (200..300).contains(status))?;
    serde_json::from_slice(body).ok()
}

/// Whether the record in a result has this id.
fn names(result: &Value, id: u64) -> bool {
    let is_it = |value: &Value| match value {
        Value::Number(number) => number.as_u64() == Some(id),
        Value::String(text) => text.trim().parse() == Ok(id),
        _ => false,
    };
    let records = result
        .as_object()
        .into_iter()
        .flatten()
        .map(|(_, record)| record);
    records
        .filter_map(Value::as_object)
        .any(|record| record.values().any(is_it))
}

/// Whether the vendor may have done a write that did not end well: no reply to what was sent, or a
/// good status without a word of an error.
fn may_have_happened(exchange: Option<&Exchange>) -> bool {
    match exchange.map(|exchange| &exchange.reply) {
        None | Some(Err(true)) => false,
        Some(Err(false)) => true,
        Some(Ok((status, _))) if *status >= 500 || *status == 408 => true,
        Some(Ok((200..300, Some(body)))) => {
            let text = String::from_utf8_lossy(body).to_lowercase();
            !text.contains("error") && !text.contains("details")
        }
        Some(Ok((status, None))) => (200..300).contains(status),
        Some(Ok(_)) => false,
    }
}

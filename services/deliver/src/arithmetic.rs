//! How FreshBooks rounds in an account: kept in the ledger, learned from FreshBooks' own answers.
//!
//! Every process keeps what it read for a while. One whose knowledge is old is set right by the
//! answer to its next write, so nothing depends on it. Not here: the arithmetic itself
//! (`domain::arithmetic`).

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::time::Duration;

use contracts::books_conversion::{model_from_wire, model_to_wire};
use contracts::ledger::{AccountEntry, OrderEntry};
use domain::arithmetic::{Figures, Learned, Model};
use domain::books::{DesiredBooks, DesiredInvoice};
use domain::difference::content_hash;
use domain::money::Money;
use stage::{Failure, Reason};
use store::ledger::Error;

use crate::account::Workplace;
use crate::entry;

/// How long what was read of an account is relied on.
const TRUSTED: Duration = Duration::from_secs(30);

/// What this process knows of the accounts, by account id, with when it read it.
#[derive(Debug, Default)]
pub(crate) struct Arithmetics(Mutex<HashMap<String, (Model, u64)>>);

impl Arithmetics {
    fn known(&self, account_id: &str) -> Option<Model> {
        let known = self.0.lock().unwrap_or_else(|lock| lock.into_inner());
        let (model, read_at_ms) = known.get(account_id)?;
        let age = store::now_ms().saturating_sub(*read_at_ms);
        (Duration::from_millis(age) <= TRUSTED).then_some(*model)
    }

    fn keep(&self, account_id: &str, model: Model) {
        let mut known = self.0.lock().unwrap_or_else(|lock| lock.into_inner());
        known.insert(account_id.to_owned(), (model, store::now_ms()));
    }
}

/// The books as this account needs them, or why the order is held here.
///
/// Lines that stand and were compared are kept, whatever was learned since: an invoice is not
/// written again only because another way of writing it would do as well.
pub(crate) async fn for_account<'b>(
    place: &Workplace<'_>,
    entry: &OrderEntry,
    books: &'b DesiredBooks,
) -> Result<Cow<'b, DesiredBooks>, Failure> {
    if books.alternatives.is_empty() && books.held_for.is_empty() {
        return Ok(Cow::Borrowed(books));
    }
    let written = entry.invoice.as_ref().map(|known| &known.content_hash);
    let stands = |invoice: &DesiredInvoice| {
        written.is_some_and(|hash| !hash.is_empty() && *hash == content_hash(invoice))
    };
    if stands(&books.invoice) {
        return Ok(Cow::Borrowed(books));
    }
    let mut others = books.alternatives.iter();
    let model = match others.find(|other| stands(&other.invoice)) {
        Some(other) => other.model,
        None => model(place).await?,
    };
    match books.for_model(model) {
        Ok(books) => Ok(Cow::Owned(books)),
        Err(held) => {
            let reason = |held: &domain::books::HeldFor| {
                Reason::new(held.code.clone(), held.message.clone())
            };
            Err(Failure::Held(held.into_iter().map(reason).collect()))
        }
    }
}

/// The account's arithmetic: the one that its answers proved, else the likeliest.
async fn model(place: &Workplace<'_>) -> Result<Model, Failure> {
    let account_id = place.account.account_id();
    if let Some(model) = place.arithmetics.known(account_id) {
        return Ok(model);
    }
    let known = place.ledger.account(account_id).await;
    let known = known.map_err(|error| entry::failure(&error))?;
    let model = model_from_wire(known.value.arithmetic).unwrap_or_default();
    place.arithmetics.keep(account_id, model);
    Ok(model)
}

/// Compares FreshBooks' answer with what the account's arithmetic makes of the lines that were
/// sent. Whether another was learned, so that the lines are to be written anew.
pub(crate) async fn learn(
    place: &Workplace<'_>,
    sent: &DesiredInvoice,
    answered: Money,
) -> Result<bool, Failure> {
    let known = model(place).await?;
    let lines = sent.lines.iter().map(Figures::from);
    match known.learned(lines, answered) {
        Ok(Learned::Changed(proven)) => {
            keep(place, proven, &sent.number).await?;
            Ok(true)
        }
        // What nothing explains teaches nothing.
        Ok(Learned::Confirmed | Learned::Unexplained) | Err(_) => Ok(false),
    }
}

async fn keep(place: &Workplace<'_>, proven: Model, number: &str) -> Result<(), Failure> {
    let account_id = place.account.account_id();
    let known = place.ledger.account(account_id).await;
    let known = known.map_err(|error| entry::failure(&error))?;
    if model_from_wire(known.value.arithmetic) != Some(proven) {
        let entry = AccountEntry {
            arithmetic: model_to_wire(proven).into(),
            proven_by: number.to_owned(),
            learned_at_ms: store::now_ms(),
        };
        match place
            .ledger
            .put_account(account_id, &entry, known.revision)
            .await
        {
            Ok(_) => tell(place, proven, number),
            // Another worker learned at the same time; whose answer it was is all the same.
            Err(Error::Fenced { .. }) => {}
            Err(error) => return Err(entry::failure(&error)),
        }
    }
    place.arithmetics.keep(account_id, proven);
    Ok(())
}

fn tell(place: &Workplace<'_>, proven: Model, number: &str) {
    let words = format!(
        "FreshBooks rounds {} in this account: only that explains its answer to invoice {number}. \
         Invoices are written accordingly from now on.",
        proven.words()
    );
    let attributes = BTreeMap::from([
        ("arithmetic".to_owned(), proven.words().to_owned()),
        ("invoice_number".to_owned(), number.to_owned()),
    ]);
    place.tell_with(words, attributes);
}

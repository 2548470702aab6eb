//! A proof from its lists to its report: day by day, resumable, every mismatch read twice.
//!
//! The lists are read first, so that the forecast is exact. Then each day's orders are judged;
//! an order that does not match is read again by itself, since the store and the books go on
//! while the proof runs. Not here: the verdict (`judge`).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use connect::bigcommerce::lists::OrderRow;
use connect::{Vendor, VendorError, bigcommerce, freshbooks};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::arithmetic::Tally;
use crate::evidence::Evidence;
use crate::forecast::{Forecast, duration};
use crate::judge::{Judged, Outcome, judge};
use crate::pace::{Lane, Pace};
use crate::report::{Calls, Cause, Code, Day, Explained, Finding, Note, Report, Sums};
use crate::state::{State, StateError};
use crate::survey::{Span, Stray, Survey};
use crate::terms::Terms;

mod reading;

/// Orders whose transactions are read at the same time; the pace bounds them all the same.
const AT_ONCE: usize = 4;

/// The longest range.
const DAYS_MAX: i32 = 3660;

/// One connection's clients, asked at a pace of their own.
#[derive(Debug)]
pub struct Vendors {
    pub(crate) store: bigcommerce::Client,
    pub(crate) account: freshbooks::Client,
    bigcommerce: Lane,
    freshbooks: Lane,
}

impl Vendors {
    pub fn new(store: bigcommerce::Client, account: freshbooks::Client, pace: Pace) -> Self {
        Self {
            store,
            account,
            bigcommerce: Lane::new(pace.bigcommerce_per_minute),
            freshbooks: Lane::new(pace.freshbooks_per_minute),
        }
    }

    pub(crate) async fn bigcommerce<T, F, R>(&self, call: F) -> Result<T, Error>
    where
        F: Fn() -> R,
        R: Future<Output = Result<T, VendorError>>,
    {
        let vendor = Vendor::BigCommerce.as_str();
        let called = self.bigcommerce.call(call).await;
        called.map_err(|source| Error::Vendor { vendor, source })
    }

    pub(crate) async fn freshbooks<T, F, R>(&self, call: F) -> Result<T, Error>
    where
        F: Fn() -> R,
        R: Future<Output = Result<T, VendorError>>,
    {
        let vendor = Vendor::FreshBooks.as_str();
        let called = self.freshbooks.call(call).await;
        called.map_err(|source| Error::Vendor { vendor, source })
    }

    fn calls(&self) -> Calls {
        Calls {
            bigcommerce: self.bigcommerce.calls(),
            freshbooks: self.freshbooks.calls(),
        }
    }
}

/// The proof could not be finished. What was done is kept; run it again to go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{vendor} could not be read; run the same command again to go on from here")]
    Vendor {
        vendor: &'static str,
        #[source]
        source: VendorError,
    },
    #[error("the range must be 1 to {DAYS_MAX} days, its first day not after its last")]
    Range,
    #[error(
        "the store's time zone is not known, so days cannot be told; set time_zone in the \
         connection"
    )]
    TimeZone,
    #[error(
        "the range has more than {} {what}; take a shorter one",
        crate::survey::ROWS_MAX
    )]
    TooMany { what: &'static str },
    #[error(transparent)]
    State(#[from] StateError),
}

/// How far a run is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The lists are read; this is what the rest will cost.
    Forecast(Forecast),
    /// A day is done.
    Day { day: String, done: u64, of: u64 },
}

/// What is to be proved.
#[derive(Clone, Debug)]
pub struct Proof {
    pub connection: String,
    /// First and last day, in the store's time zone.
    pub from: Date,
    pub to: Date,
    pub terms: Terms,
    /// Where progress is kept; `None` keeps none.
    pub state: Option<PathBuf>,
}

impl Proof {
    /// Reads the lists and tells what the rest would cost.
    pub async fn forecast(&self, vendors: &Vendors) -> Result<Forecast, Error> {
        let span = self.span(vendors).await?;
        let survey = Survey::read(vendors, &self.terms, &span).await?;
        let run = Run {
            proof: self,
            vendors,
            span: &span,
            survey: &survey,
        };
        Ok(run.forecast(&BTreeMap::new()))
    }

    /// The whole proof. Days that the state file has from an earlier run are not read again.
    ///
    /// Errors: a vendor that stays away, a range too long, a state file that cannot be used.
    /// Dropping the future stops the run; the state file keeps the days done.
    pub async fn run(
        &self,
        vendors: &Vendors,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Report, Error> {
        let now = Timestamp::now();
        let question = format!(
            "{} {} {} {:?}",
            self.connection, self.from, self.to, self.terms
        );
        let mut state = match &self.state {
            Some(path) => State::open(path, &question, now)?,
            None => State {
                question,
                started_at_s: now.as_second(),
                days: BTreeMap::new(),
            },
        };
        let span = self.span(vendors).await?;
        let survey = Survey::read(vendors, &self.terms, &span).await?;
        let run = Run {
            proof: self,
            vendors,
            span: &span,
            survey: &survey,
        };
        let forecast = run.forecast(&state.days);
        progress(Progress::Forecast(forecast));
        let by_day = run.by_day();
        let of = u64::try_from(by_day.len()).unwrap_or(u64::MAX);
        for (done, (day, orders)) in (1_u64..).zip(&by_day) {
            if !state.days.contains_key(day) {
                let found = run.day(day, orders).await?;
                state.days.insert(day.clone(), found);
                if let Some(path) = &self.state {
                    state.save(path)?;
                }
            }
            let day = day.clone();
            progress(Progress::Day { day, done, of });
        }
        if let Some(path) = &self.state {
            State::remove(path)?;
        }
        Ok(Report {
            connection: self.connection.clone(),
            from: self.from.to_string(),
            to: self.to.to_string(),
            time_zone: span.zone_name.clone(),
            started_at: Timestamp::from_second(state.started_at_s)
                .map(|at| at.to_string())
                .unwrap_or_default(),
            finished_at: Timestamp::now().to_string(),
            forecast,
            calls: vendors.calls(),
            days: state.days,
            arithmetic: Tally::of(survey.invoices.values()),
            explained: Explained::default(),
        })
    }

    async fn span(&self, vendors: &Vendors) -> Result<Span, Error> {
        let days = self
            .to
            .since(self.from)
            .map_err(|_| Error::Range)?
            .get_days();
        if self.from > self.to || days >= DAYS_MAX {
            return Err(Error::Range);
        }
        let settings = vendors
            .bigcommerce(|| vendors.store.store_settings())
            .await?;
        let zone_name = match &self.terms.time_zone {
            Some(name) => name.clone(),
            None => {
                let known = settings["time_zone_known"].as_bool() == Some(true);
                let name = settings["time_zone"].as_str().filter(|_| known);
                name.ok_or(Error::TimeZone)?.to_owned()
            }
        };
        let stated = settings["currency_decimals"].as_object();
        let stated = stated.into_iter().flatten().filter_map(|(code, decimals)| {
            let decimals = u32::try_from(decimals.as_u64()?).ok()?;
            Some((code.clone(), decimals))
        });
        let terms = Terms {
            store_decimals: stated.collect(),
            ..self.terms.clone()
        };
        Ok(Span {
            from: self.from,
            to: self.to,
            zone: TimeZone::get(&zone_name).map_err(|_| Error::TimeZone)?,
            zone_name,
            terms,
        })
    }
}

/// One run with its lists read.
struct Run<'a> {
    proof: &'a Proof,
    vendors: &'a Vendors,
    span: &'a Span,
    survey: &'a Survey,
}

impl Run<'_> {
    /// Orders by day; days with only a stray invoice are there too.
    fn by_day(&self) -> BTreeMap<String, Vec<u64>> {
        let mut days: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for (id, (_, day)) in &self.survey.orders {
            days.entry(day.clone()).or_default().push(*id);
        }
        for stray in &self.survey.strays {
            if let Some(invoice) = self.survey.invoices.get(&stray.invoice_id) {
                days.entry(invoice.create_date.clone()).or_default();
            }
        }
        days
    }

    fn forecast(&self, done: &BTreeMap<String, Day>) -> Forecast {
        let made = self.vendors.calls();
        let mut forecast = Forecast {
            orders: u64::try_from(self.survey.orders.len()).unwrap_or(u64::MAX),
            calls: made,
            calls_for_lists: made,
            ..Forecast::default()
        };
        let open = self.survey.orders.values();
        for (order, _) in open.filter(|(_, day)| !done.contains_key(day)) {
            if self.needs_transactions(order) {
                forecast.orders_with_transactions += 1;
                forecast.calls.bigcommerce += 1;
            }
            if let Some(again) = self.cost_of_reading_again(order) {
                forecast.orders_to_read_again += 1;
                forecast.calls.bigcommerce += again.bigcommerce;
                forecast.calls.freshbooks += again.freshbooks;
            }
        }
        let left = |all: u64, made: u64| all.saturating_sub(made);
        let store = left(forecast.calls.bigcommerce, made.bigcommerce);
        let books = left(forecast.calls.freshbooks, made.freshbooks);
        let longest = duration(store, self.vendors.bigcommerce.interval())
            .max(duration(books, self.vendors.freshbooks.interval()));
        forecast.duration_s = longest.as_secs();
        forecast
    }

    async fn day(&self, day: &str, orders: &[u64]) -> Result<Day, Error> {
        let judged: Vec<(u64, Judged, bool)> = stream::iter(orders.iter().copied())
            .map(|id| self.order(id))
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let mut found = Day {
            orders: u64::try_from(orders.len()).unwrap_or(u64::MAX),
            ..Day::default()
        };
        for (order_id, judged, is_young) in judged {
            self.enter(&mut found, order_id, judged, is_young);
        }
        let dated = |stray: &&Stray| {
            let invoice = self.survey.invoices.get(&stray.invoice_id);
            invoice.is_some_and(|invoice| invoice.create_date == day)
        };
        for stray in self.survey.strays.iter().filter(dated) {
            self.enter_stray(&mut found, stray);
        }
        Ok(found)
    }

    /// The verdict on one order, and whether it is too young to be called wrong.
    async fn order(&self, id: u64) -> Result<(u64, Judged, bool), Error> {
        let Some((order, day)) = self.survey.orders.get(&id) else {
            return Ok((id, Judged::default(), false));
        };
        let terms = &self.span.terms;
        let evidence = self.evidence(order, day).await?;
        let judged = judge(&evidence, terms);
        let is_young = self.is_young(&evidence.order);
        if matches!(judged.outcome, Outcome::Matches | Outcome::OutOfBooks) || is_young {
            return Ok((id, judged, is_young));
        }
        // It may have changed since the lists were read, or lie outside of them.
        let Some(evidence) = self.read_again(id, &evidence).await? else {
            return Ok((id, gone(&evidence, terms), false));
        };
        let is_young = self.is_young(&evidence.order);
        let judged = judge(&evidence, terms);
        let Outcome::Differs(causes) = &judged.outcome else {
            return Ok((id, judged, is_young));
        };
        // What is missing may have been there.
        let mut evidence = evidence;
        evidence.deleted = self.deleted(&evidence, causes).await?;
        Ok((id, judge(&evidence, terms), is_young))
    }

    fn is_young(&self, order: &OrderRow) -> bool {
        let changed = order.modified_at.max(order.created_at);
        let age = changed.map(|at| Timestamp::now().duration_since(at));
        let age = age.and_then(|age| Duration::try_from(age).ok());
        age.is_some_and(|age| age < self.proof.terms.grace)
    }

    fn enter(&self, found: &mut Day, order_id: u64, judged: Judged, is_young: bool) {
        let invoice_number = self.proof.terms.number(order_id);
        match judged.outcome {
            Outcome::OutOfBooks => return,
            Outcome::Held(code, words) => {
                let code = code.to_owned();
                found.held.push(Note {
                    order_id,
                    code,
                    words,
                });
                return;
            }
            Outcome::Differs(causes) => {
                let finding = Finding {
                    order_id,
                    invoice_number,
                    causes,
                };
                if is_young {
                    found.young.push(finding);
                    return;
                }
                found.findings.push(finding);
            }
            Outcome::Matches => {
                found.matching += 1;
                found.rounding.extend(judged.rounding.map(|words| Note {
                    order_id,
                    code: "rounding".to_owned(),
                    words,
                }));
            }
        }
        for (currency, sums) in judged.sums {
            found.sums.entry(currency).or_default().add(&sums);
        }
    }

    fn enter_stray(&self, found: &mut Day, stray: &Stray) {
        let Some(invoice) = self.survey.invoices.get(&stray.invoice_id) else {
            return;
        };
        let order_id = stray.order_id;
        let paid = invoice.paid.unwrap_or_default();
        let cause = match &stray.day {
            Some(day) => {
                let words = format!(
                    "The invoice is dated {}; its order is of {day}, outside of the range.",
                    invoice.create_date
                );
                Cause::new(Code::WrongDate, words)
            }
            None if !paid.is_zero() => {
                found.held.push(Note {
                    order_id,
                    code: "deleted_after_payment".to_owned(),
                    words: "The store does not know the order any more, and its invoice is paid: \
                            a person decides what becomes of it."
                        .to_owned(),
                });
                return;
            }
            None => {
                let words = "The invoice bears an order's number, and the store knows no such \
                             order.";
                Cause::new(Code::Unknown, words)
            }
        };
        let sums = Sums {
            books_total: invoice.amount.unwrap_or_default(),
            books_received: paid,
            ..Sums::default()
        };
        let of_currency = found.sums.entry(invoice.currency.clone()).or_default();
        of_currency.add(&sums);
        found.findings.push(Finding {
            order_id,
            invoice_number: invoice.number.clone(),
            causes: vec![cause],
        });
    }
}

/// The order was deleted while the proof ran: an unpaid invoice must not stay.
fn gone(evidence: &Evidence, terms: &Terms) -> Judged {
    if evidence.invoices.is_empty() {
        return Judged::default();
    }
    let paid = evidence
        .invoices
        .iter()
        .any(|one| !one.received().is_zero());
    if paid {
        let words = "The order was deleted in the store, and its invoice is paid.".to_owned();
        return Judged {
            outcome: Outcome::Held("deleted_after_payment", words),
            ..Judged::default()
        };
    }
    let mut judged = judge(evidence, terms);
    let words = "There is an invoice, but its order was deleted in the store.";
    judged.outcome = Outcome::Differs(vec![Cause::new(Code::ShouldNotBeInBooks, words)]);
    judged.sums.retain(|(_, sums)| sums.orders == 0);
    judged
}

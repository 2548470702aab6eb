//! Both vendors' lists of a range, read page by page and indexed.
//!
//! Bounded: at most [`ROWS_MAX`] rows of a kind; a range that has more is refused with the
//! advice to take a shorter one. Not here: what needs a call per order (`evidence` is completed
//! by the runner).

use std::collections::{BTreeMap, HashMap};

use connect::bigcommerce::lists::{OrderRow, RefundRow};
use connect::freshbooks::lists::{
    CLIENTS_AT_ONCE, ClientNames, Days, InvoiceFigures, OutgoingFigures, PAGE_ROWS_MAX, Page,
    PaymentFigures,
};
use connect::{Unreadable, VendorError};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::evidence::{Outgoing, PAYING, paying_order, refund_of, tokens};
use crate::runner::{Error, Vendors};
use crate::terms::Terms;

/// Rows of one kind that are held in memory.
pub(crate) const ROWS_MAX: usize = 200_000;

/// Orders whose refunds are asked for in one call.
const REFUNDS_AT_ONCE: usize = 100;

/// Payments this long after the range are listed; later ones are looked up one by one.
const PAYMENT_TAIL_DAYS: i64 = 7;

/// Page sizes to fall back on when a page with its lines is longer than a reply may be.
const PAGE_SIZES: [u32; 3] = [PAGE_ROWS_MAX, 20, 2];

/// The range and what days mean in it.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) from: Date,
    pub(crate) to: Date,
    pub(crate) zone: TimeZone,
    pub(crate) zone_name: String,
    /// The connection's, with what the store's settings say.
    pub(crate) terms: Terms,
}

impl Span {
    /// The day of an instant, `YYYY-MM-DD`.
    pub(crate) fn day(&self, at: Timestamp) -> String {
        self.zone.to_datetime(at).date().to_string()
    }

    pub(crate) fn holds(&self, day: &str) -> bool {
        self.from.to_string().as_str() <= day && day <= self.to.to_string().as_str()
    }

    /// The first and last second of the range.
    fn seconds(&self) -> Result<(Timestamp, Timestamp), Error> {
        let start = |day: Date| {
            let midnight = jiff::civil::DateTime::from(day);
            self.zone.to_timestamp(midnight).map_err(|_| Error::Range)
        };
        let after = self.to.tomorrow().map_err(|_| Error::Range)?;
        let last = start(after)?.checked_sub(1.second());
        Ok((start(self.from)?, last.map_err(|_| Error::Range)?))
    }
}

/// Everything the lists say.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    /// Orders of the range, by id.
    pub(crate) orders: BTreeMap<u64, (OrderRow, String)>,
    pub(crate) refunds: HashMap<u64, Vec<RefundRow>>,
    pub(crate) invoices: HashMap<u64, InvoiceFigures>,
    /// Invoice ids by number.
    numbered: HashMap<String, Vec<u64>>,
    pub(crate) payments: HashMap<u64, Vec<PaymentFigures>>,
    /// Invoices by the transaction, or by the order paid offline, that a payment's note names.
    by_money: HashMap<String, Vec<u64>>,
    /// Credit notes and expenses by refund.
    outgoing: HashMap<String, Vec<Outgoing>>,
    /// Refunds that credit notes name, by the invoice number they begin with.
    credited: HashMap<String, Vec<String>>,
    pub(crate) clients: HashMap<u64, ClientNames>,
    /// Invoices that bear an order's number, and no such order is in the range.
    pub(crate) strays: Vec<Stray>,
}

/// An invoice of the range whose order is not of the range.
#[derive(Clone, Debug)]
pub(crate) struct Stray {
    pub(crate) order_id: u64,
    pub(crate) invoice_id: u64,
    /// The order's real day; `None` when the store does not know it.
    pub(crate) day: Option<String>,
}

impl Survey {
    pub(crate) async fn read(vendors: &Vendors, terms: &Terms, span: &Span) -> Result<Self, Error> {
        let mut survey = Self::default();
        survey.read_orders(vendors, span).await?;
        let days = days(span.from, span.to)?;
        let invoices = paged(vendors, &days, "invoices", |days| {
            let account = vendors.account.clone();
            async move { account.invoices_dated(&days).await }
        });
        for invoice in invoices.await? {
            if span.holds(&invoice.create_date) {
                survey.keep(invoice);
            }
        }
        survey.read_payments(vendors, span).await?;
        survey.read_strays(vendors, terms, span).await?;
        survey.read_refunds(vendors).await?;
        survey.read_outgoing(vendors, span).await?;
        survey.read_clients(vendors, terms).await?;
        Ok(survey)
    }

    fn keep(&mut self, invoice: InvoiceFigures) {
        let (id, number) = (invoice.id, invoice.number.clone());
        if self.invoices.insert(id, invoice).is_none() {
            self.numbered.entry(number).or_default().push(id);
        }
    }

    async fn read_orders(&mut self, vendors: &Vendors, span: &Span) -> Result<(), Error> {
        let (min, max) = span.seconds()?;
        let mut after_id = 0;
        loop {
            let page = vendors
                .bigcommerce(|| vendors.store.orders_created(min, max, after_id))
                .await?;
            for order in page.rows {
                // A filter may be ignored; without a date there is no day to prove.
                let day = order.created_at.map(|at| span.day(at));
                if let Some(day) = day.filter(|day| span.holds(day)) {
                    self.orders.insert(order.id, (order, day));
                }
            }
            if self.orders.len() > ROWS_MAX {
                return Err(Error::TooMany { what: "orders" });
            }
            match page.next_after_id {
                Some(next) => after_id = next,
                None => return Ok(()),
            }
        }
    }

    async fn read_payments(&mut self, vendors: &Vendors, span: &Span) -> Result<(), Error> {
        let last = span.to.checked_add(PAYMENT_TAIL_DAYS.days());
        let days = days(span.from, last.map_err(|_| Error::Range)?)?;
        let payments = paged(vendors, &days, "payments", |days| {
            let account = vendors.account.clone();
            async move { account.payments_dated(&days).await }
        });
        for payment in payments.await? {
            let names = tokens(&payment.note, "txn:").map(|id| format!("txn:{id}"));
            let offline = tokens(&payment.note, "offline:").map(|id| format!("offline:{id}"));
            let paid = paying_order(&payment.note).map(|id| format!("{PAYING}{id}"));
            for name in names.chain(offline).chain(paid) {
                let known = self.by_money.entry(name).or_default();
                if !known.contains(&payment.invoice_id) {
                    known.push(payment.invoice_id);
                }
            }
            let of_invoice = self.payments.entry(payment.invoice_id).or_default();
            if of_invoice.iter().all(|known| known.id != payment.id) {
                of_invoice.push(payment);
            }
        }
        Ok(())
    }

    /// An order that the list left out (some leave out archived ones) is taken in; one of
    /// another day, or of nowhere, is noted.
    async fn read_strays(
        &mut self,
        vendors: &Vendors,
        terms: &Terms,
        span: &Span,
    ) -> Result<(), Error> {
        let unclaimed = self.invoices.values().filter_map(|invoice| {
            let order_id = terms.order_of(&invoice.number)?;
            (!self.orders.contains_key(&order_id)).then_some((order_id, invoice.id))
        });
        let mut unclaimed: Vec<(u64, u64)> = unclaimed.collect();
        unclaimed.sort_unstable();
        for (order_id, invoice_id) in unclaimed {
            if self.orders.contains_key(&order_id) {
                continue;
            }
            let order = vendors
                .bigcommerce(|| vendors.store.order_row(order_id))
                .await?;
            let day = order
                .as_ref()
                .and_then(|order| order.created_at)
                .map(|at| span.day(at));
            match (order, day) {
                (Some(order), Some(day)) if span.holds(&day) => {
                    self.orders.insert(order_id, (order, day));
                }
                (_, day) => self.strays.push(Stray {
                    order_id,
                    invoice_id,
                    day,
                }),
            }
        }
        Ok(())
    }

    async fn read_refunds(&mut self, vendors: &Vendors) -> Result<(), Error> {
        let placed = self.orders.values().map(|(order, _)| order);
        let ids: Vec<u64> = placed
            .filter(|order| order.status_id != Some(0))
            .map(|order| order.id)
            .collect();
        for ids in ids.chunks(REFUNDS_AT_ONCE) {
            let found = vendors
                .bigcommerce(|| vendors.store.refunds_of_orders(ids))
                .await?;
            for refund in found {
                self.refunds
                    .entry(refund.order_id)
                    .or_default()
                    .push(refund);
            }
        }
        Ok(())
    }

    /// Credit notes from the range until today. Expenses are read only when some refund is in
    /// no credit note and on no invoice, since no filter on them works.
    async fn read_outgoing(&mut self, vendors: &Vendors, span: &Span) -> Result<(), Error> {
        let today = span.zone.to_datetime(Timestamp::now()).date();
        let days = days(span.from, today.max(span.to))?;
        let notes = paged(vendors, &days, "credit notes", |days| {
            let account = vendors.account.clone();
            async move { account.credit_notes_dated(&days).await }
        });
        for figures in notes.await? {
            self.give(figures);
        }
        if self.all_refunds_found() {
            return Ok(());
        }
        let expenses = paged(vendors, &days, "expenses", |days| {
            let account = vendors.account.clone();
            async move { account.expenses_dated(&days).await }
        });
        for figures in expenses.await? {
            self.give(figures);
        }
        Ok(())
    }

    fn give(&mut self, figures: OutgoingFigures) {
        let Some(refund_id) = refund_of(&figures) else {
            return;
        };
        if let Some((number, _)) = figures.number.rsplit_once("-R") {
            self.credited
                .entry(number.to_owned())
                .or_default()
                .push(refund_id.clone());
        }
        let known = self.outgoing.entry(refund_id.clone()).or_default();
        let same =
            |one: &Outgoing| one.figures.id == figures.id && one.figures.number == figures.number;
        if !known.iter().any(same) {
            known.push(Outgoing { refund_id, figures });
        }
    }

    fn all_refunds_found(&self) -> bool {
        let lines = self.invoices.values().flat_map(|invoice| &invoice.lines);
        let names: std::collections::HashSet<&str> =
            lines.flatten().map(|line| line.name.trim()).collect();
        let moved = |refund: &&RefundRow| {
            refund.payments.is_empty() || refund.payments.iter().any(|part| !part.is_declined)
        };
        self.refunds.values().flatten().filter(moved).all(|refund| {
            self.outgoing.contains_key(&refund.id.to_string())
                || names.contains(format!("Refund {}", refund.id).as_str())
        })
    }

    async fn read_clients(&mut self, vendors: &Vendors, terms: &Terms) -> Result<(), Error> {
        let ours = |number: &str| {
            let order = terms.order_of(number);
            order.is_some_and(|id| self.orders.contains_key(&id))
        };
        let invoices = self.invoices.values();
        let mut ids: Vec<u64> = invoices
            .filter(|invoice| ours(&invoice.number))
            .map(|invoice| invoice.client_id)
            .collect();
        ids.sort_unstable();
        ids.dedup();
        for ids in ids.chunks(CLIENTS_AT_ONCE) {
            let found = vendors
                .freshbooks(|| vendors.account.clients_named(ids))
                .await?;
            self.clients
                .extend(found.into_iter().map(|one| (one.id, one)));
        }
        Ok(())
    }

    /// The invoices with this number.
    pub(crate) fn of_number(&self, number: &str) -> impl Iterator<Item = &InvoiceFigures> {
        let ids = self.numbered.get(number).into_iter().flatten();
        ids.filter_map(|id| self.invoices.get(id))
    }

    /// What the books give back for these refunds, or under this invoice number.
    pub(crate) fn given_back(&self, number: &str, refund_ids: &[String]) -> Vec<Outgoing> {
        let credited = self.credited.get(number).into_iter().flatten();
        let mut ids: Vec<&String> = refund_ids.iter().chain(credited).collect();
        ids.sort_unstable();
        ids.dedup();
        let found = ids.iter().filter_map(|id| self.outgoing.get(*id));
        found.flatten().cloned().collect()
    }

    /// The invoices whose payments name this money: `txn:…` or `offline:…`.
    pub(crate) fn of_money(&self, name: &str) -> &[u64] {
        self.by_money.get(name).map_or(&[], Vec::as_slice)
    }
}

fn days(from: Date, to: Date) -> Result<Days, Error> {
    Ok(Days {
        from: from.to_string(),
        until: to.tomorrow().map_err(|_| Error::Range)?.to_string(),
        page: 1,
        per_page: PAGE_ROWS_MAX,
    })
}

/// All pages of a FreshBooks list; smaller ones where a whole one is too long to be read.
async fn paged<T, R>(
    vendors: &Vendors,
    days: &Days,
    what: &'static str,
    page_of: impl Fn(Days) -> R,
) -> Result<Vec<T>, Error>
where
    R: Future<Output = Result<Page<T>, VendorError>>,
{
    let mut too_long = None;
    for per_page in PAGE_SIZES {
        let mut asked = Days {
            per_page,
            ..days.clone()
        };
        let mut rows = Vec::new();
        loop {
            let page = match vendors.freshbooks(|| page_of(asked.clone())).await {
                Ok(page) => page,
                Err(Error::Vendor {
                    source:
                        source @ VendorError::Unreadable {
                            what: Unreadable::TooLong { .. },
                        },
                    vendor,
                }) => {
                    too_long = Some(Error::Vendor { source, vendor });
                    break;
                }
                Err(error) => return Err(error),
            };
            rows.extend(page.rows);
            if rows.len() > ROWS_MAX {
                return Err(Error::TooMany { what });
            }
            if page.is_last {
                return Ok(rows);
            }
            asked.page = asked.page.saturating_add(1);
        }
    }
    Err(too_long.unwrap_or(Error::TooMany { what }))
}

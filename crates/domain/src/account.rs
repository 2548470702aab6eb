//! What the books should say about one order: disposition, client, invoice and payments.
//!
//! Ties the core together: status table, [`crate::accounting`], [`crate::mapping`], and the rules
//! that hold an order for a person. Not here: what FreshBooks already holds
//! ([`crate::difference`]).

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::accounting::{self, Entry, Hold, Receipt};
use crate::arithmetic::{Figures, Model, rounding_bound_minor};
use crate::books::{
    DesiredBooks, DesiredClient, DesiredInvoice, DesiredPayment, Disposition, InvoiceLine, LineKind,
};
use crate::mapping::{Mapped, Mapping, Sources};
use crate::money::{Currency, Money};
use crate::order::{Order, TransactionEvent};
use crate::policy::{INVOICE_NUMBER_MAX_CHARS, Policy, StatusRule, TaxMode};
use crate::text::{self, LONG_MAX_CHARS, SHORT_MAX_CHARS};

/// FreshBooks fields that take long text; all others are short.
const LONG_FIELDS: [&str; 3] = ["note", "notes", "terms"];

/// The books of one order. `state_gone`: the store answered 404 to an order it had.
///
/// Errors are holds: reasons for a person, all found at once.
pub fn account(
    order: &Order,
    state_gone: bool,
    policy: &Policy,
    mapping: &Mapping,
) -> Result<DesiredBooks, Vec<Hold>> {
    if state_gone {
        return Ok(gone(order.id, policy));
    }
    let mut notices = Vec::new();
    let disposition = disposition(order, policy, &mut notices).map_err(|hold| vec![hold])?;
    if matches!(
        disposition,
        Disposition::Nothing(_) | Disposition::Removed(_)
    ) {
        let mut books = bare(order.id, order.currency, disposition, policy);
        if matches!(books.disposition, Disposition::Removed(_)) {
            let day = create_date(order).map_err(|hold| vec![hold])?;
            if let Some(hold) = closed_period(&day, &[], policy) {
                return Err(vec![hold]);
            }
            books.invoice.create_date = day;
        }
        return Ok(DesiredBooks {
            client: client_keys(order),
            notices,
            ..books
        });
    }
    book(order, policy, mapping, disposition, notices)
}

/// The books of an order the store deleted: an unpaid invoice is removed.
///
/// Its day is not known, so `create_date` is empty and the currency is [`Currency::NONE`].
pub fn gone(order_id: u64, policy: &Policy) -> DesiredBooks {
    let reason = "The order was deleted in the store.".to_owned();
    bare(
        order_id,
        Currency::NONE,
        Disposition::Removed(reason),
        policy,
    )
}

fn book(
    order: &Order,
    policy: &Policy,
    mapping: &Mapping,
    disposition: Disposition,
    mut notices: Vec<String>,
) -> Result<DesiredBooks, Vec<Hold>> {
    let mut holds = Vec::new();
    holds.extend(refund_hold(order));
    let client = client_keys(order);
    if client.email_key.is_none() && client.name_key.is_none() && client.customer_id.is_none() {
        holds.push(Hold {
            code: "missing_customer",
            message:
                "The order has no e-mail, company or name, so there is nobody to invoice. Add \
                      one of them to the order in the store."
                    .to_owned(),
        });
    }
    let number = number(order.id, policy);
    if number.chars().count() > INVOICE_NUMBER_MAX_CHARS {
        holds.push(Hold {
            code: "invoice_number_too_long",
            message: format!(
                "Invoice number {number} has more than {INVOICE_NUMBER_MAX_CHARS} characters, the \
                 most FreshBooks takes. Shorten invoice.prefix."
            ),
        });
    }
    let entries = keep(accounting::entries(order, policy), &mut holds);
    let receipts = keep(accounting::receipts(order, policy), &mut holds);
    let day = keep(create_date(order).map_err(|hold| vec![hold]), &mut holds);
    if let (Some(day), Some(receipts)) = (&day, &receipts) {
        holds.extend(closed_period(day, receipts, policy));
    }
    let (Some(entries), Some(receipts), Some(day), true) =
        (entries, receipts, day, holds.is_empty())
    else {
        holds.dedup();
        return Err(holds);
    };
    let sources = Sources {
        order,
        entries: &entries,
        receipts: &receipts,
        number: &number,
        create_date: &day,
    };
    let mapped = mapping.evaluate(&sources).map_err(|faults| {
        let hold = |fault: crate::mapping::MappingFault| Hold {
            code: "mapping_fault",
            message: format!(
                "The mapping {:?} cannot be applied: {fault}",
                mapping.name()
            ),
        };
        faults.into_iter().map(hold).collect::<Vec<_>>()
    })?;
    let Mapped {
        client: client_fields,
        invoice: invoice_fields,
        lines,
        payments,
    } = mapped;
    let total = total(order).map_err(|hold| vec![hold])?;
    let expected_tax = Money::rounded(order.totals.total.tax, order.currency)
        .map_err(|error| vec![not_computable(&error)])?;
    let mut invoice = DesiredInvoice {
        number,
        create_date: day,
        due_offset_days: policy.due_offset_days_for(order.status_id),
        fields: invoice_fields,
        rounding_bound_minor: rounding_bound_minor(taxed_lines(&entries, &lines)),
        lines,
        expected_total: total,
        expected_tax,
    };
    let predicted_tax = same_amounts(&invoice).map_err(|hold| vec![hold])?;
    if policy.tax == TaxMode::Percent && predicted_tax != expected_tax {
        notices.push(format!(
            "FreshBooks' percents make {predicted_tax} tax, the store charged {expected_tax}: \
             rounding within the policy's bound."
        ));
    }
    let mut client = DesiredClient {
        fields: client_fields,
        ..client
    };
    let mut payments = desired_payments(receipts, payments, policy);
    fit_texts(&mut client, &mut invoice, &mut payments, &mut notices);
    Ok(DesiredBooks {
        disposition,
        client,
        invoice,
        payments,
        notices,
    })
}

fn keep<T>(result: Result<T, Vec<Hold>>, holds: &mut Vec<Hold>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(more) => {
            for hold in more {
                if !holds.contains(&hold) {
                    holds.push(hold);
                }
            }
            None
        }
    }
}

fn not_computable(error: &crate::money::Error) -> Hold {
    Hold {
        code: "not_computable",
        message: format!(
            "The order's sums cannot be computed: {error}. Correct the order in the store."
        ),
    }
}

fn total(order: &Order) -> Result<Money, Hold> {
    Money::exact(order.totals.total.inc_tax, order.currency).map_err(|e| not_computable(&e))
}

fn number(order_id: u64, policy: &Policy) -> String {
    format!("{}{order_id}", policy.invoice.prefix)
}

fn create_date(order: &Order) -> Result<String, Hold> {
    let zone = accounting::time_zone(order)?;
    accounting::day(order.created_at_s, &zone)
}

/// Whether and how the order is in the books.
fn disposition(
    order: &Order,
    policy: &Policy,
    notices: &mut Vec<String>,
) -> Result<Disposition, Hold> {
    let nothing = |reason: &str| Ok(Disposition::Nothing(reason.to_owned()));
    match policy.status.get(&order.status_id) {
        Some(StatusRule::None) => {
            return nothing(
                "The connection's policy keeps orders of this status out of the books.",
            );
        }
        Some(StatusRule::Draft) => return Ok(Disposition::Draft),
        Some(StatusRule::Sent) => return Ok(Disposition::Sent),
        None => {}
    }
    let captured = accounting::money_captured(order);
    if order.is_deleted && !captured && !accounting::paid_offline(order) {
        return nothing("The order was archived unpaid; what stands in the books, stands.");
    }
    match order.status_id {
        0 => nothing("The order is incomplete: the shopper has not placed it."),
        5 if captured => Ok(Disposition::Sent),
        5 => Ok(Disposition::Removed(
            "The order was cancelled and never paid.".to_owned(),
        )),
        6 if captured => Err(Hold {
            code: "declined_but_captured",
            message:
                "The order is declined, but money was captured for it. Give it back or change \
                      the order's status in the store."
                    .to_owned(),
        }),
        6 => Ok(Disposition::Removed("The order was declined.".to_owned())),
        12 => {
            notices.push("The order needs manual verification in the store.".to_owned());
            Ok(Disposition::Sent)
        }
        13 => {
            notices.push("The order is disputed in the store.".to_owned());
            Ok(Disposition::Sent)
        }
        1..=14 => Ok(Disposition::Sent),
        other => Err(Hold {
            code: "unknown_status",
            message: format!(
                "Order status {other} is none Tillbook knows. Set [status] in the connection's \
                 policy for it."
            ),
        }),
    }
}

/// This version books no refunds: an order with one waits for a person.
fn refund_hold(order: &Order) -> Option<Hold> {
    let mut given_back = Decimal::ZERO;
    let mut found = false;
    for refund in &order.refunds {
        let declined = !refund.payments.is_empty()
            && refund.payments.iter().all(|payment| payment.is_declined);
        if !declined {
            found = true;
            given_back = given_back
                .checked_add(refund.total_amount)
                .unwrap_or(Decimal::MAX);
        }
    }
    if !found {
        let refunds = order
            .transactions
            .iter()
            .filter(|money| money.event == TransactionEvent::Refund && money.ok && !money.test);
        for money in refunds {
            found = true;
            given_back = given_back.checked_add(money.amount).unwrap_or(Decimal::MAX);
        }
    }
    let by_status = matches!(order.status_id, 4 | 14);
    if found {
        return Some(Hold {
            code: "refund_not_carried",
            message: format!(
                "{given_back} {} of {} {} was given back. This version of Tillbook does not book \
                 refunds: book the invoice, its payments and the refund in FreshBooks by hand.",
                order.currency, order.totals.total.inc_tax, order.currency
            ),
        });
    }
    (by_status && accounting::money_captured(order)).then(|| Hold {
        code: "refund_not_carried",
        message: format!(
            "The store says the order of {} {} is refunded, wholly or in part, but reports no \
             refund. This version of Tillbook does not book refunds: look up what was given back \
             at the gateway, and book invoice, payments and refund in FreshBooks by hand.",
            order.totals.total.inc_tax, order.currency
        ),
    })
}

fn closed_period(day: &str, receipts: &[Receipt], policy: &Policy) -> Option<Hold> {
    let first_open = policy.books_locked_until?.to_string();
    let closed = |date: &str| date < first_open.as_str();
    let what = if closed(day) {
        format!("the invoice's date {day}")
    } else {
        let receipt = receipts.iter().find(|receipt| closed(&receipt.date))?;
        format!("the payment of {}", receipt.date)
    };
    Some(Hold {
        code: "period_closed",
        message: format!(
            "The books are closed for days before {first_open}, and {what} lies there. Book it by \
             hand, or move books_locked_until back."
        ),
    })
}

/// The keys under which the order's client is found.
fn client_keys(order: &Order) -> DesiredClient {
    let billing = &order.billing_address;
    let key = |text: String| Some(text).filter(|text| !text.is_empty());
    let company = billing.company.trim().to_lowercase();
    let name_key = if company.is_empty() {
        let (first, last) = (billing.first_name.trim(), billing.last_name.trim());
        format!("{first} {last}").trim().to_lowercase()
    } else {
        company
    };
    DesiredClient {
        email_key: key(billing.email.trim().to_lowercase()),
        customer_id: order.customer_id,
        name_key: key(name_key),
        fields: BTreeMap::new(),
    }
}

/// Lines the rounding bound counts: those with a tax, or, where tax is booked as an amount, all
/// that could have had one.
fn taxed_lines(entries: &[Entry], lines: &[InvoiceLine]) -> u64 {
    let as_amount = entries.iter().any(|entry| entry.kind == LineKind::Tax);
    let counts = |line: &&InvoiceLine| {
        let bare = matches!(line.kind, LineKind::Tax | LineKind::Rounding);
        line.tax1.is_some() || line.tax2.is_some() || (as_amount && !bare)
    };
    lines.iter().filter(counts).count() as u64
}

/// A mapping words lines; it must not change what they add up to. Gives the predicted tax.
fn same_amounts(invoice: &DesiredInvoice) -> Result<Money, Hold> {
    let lines = invoice.lines.iter().map(Figures::from);
    let predicted = Model::default()
        .predict(lines, invoice.expected_total.currency)
        .map_err(|error| not_computable(&error))?;
    if predicted.total == invoice.expected_total {
        return Ok(predicted.tax);
    }
    Err(Hold {
        code: "mapping_changed_amounts",
        message: format!(
            "The mapped lines make {}, the order is {}. A mapping may word lines, not change \
             them; correct the mapping.",
            predicted.total, invoice.expected_total
        ),
    })
}

fn desired_payments(
    receipts: Vec<Receipt>,
    mapped: Vec<crate::mapping::MappedPayment>,
    policy: &Policy,
) -> Vec<DesiredPayment> {
    let mut mapped = mapped.into_iter();
    receipts
        .into_iter()
        .map(|receipt| {
            let words = mapped.next().unwrap_or_default();
            // The connection's own table wins over the mapping's look-up.
            let set =
                accounting::overridden_payment_type(policy, &receipt.gateway, &receipt.method);
            let kind = match set {
                Some(kind) => kind.to_owned(),
                None if words.kind.is_empty() => receipt.kind,
                None => words.kind,
            };
            DesiredPayment {
                key: receipt.key,
                amount: receipt.amount,
                date: receipt.date,
                kind,
                note: words.note,
            }
        })
        .collect()
}

/// Makes every text fit FreshBooks, with a notice for what had to change.
fn fit_texts(
    client: &mut DesiredClient,
    invoice: &mut DesiredInvoice,
    payments: &mut [DesiredPayment],
    notices: &mut Vec<String>,
) {
    let mut note = |changed: text::Changed, place: &dyn Fn() -> String| {
        if changed.cut {
            notices.push(format!(
                "{} was too long for FreshBooks and is cut.",
                place()
            ));
        }
        if changed.replaced > 0 {
            notices.push(format!(
                "{}: {} characters FreshBooks refuses are replaced by {}.",
                place(),
                changed.replaced,
                text::REPLACEMENT
            ));
        }
    };
    let width = |key: &str| {
        if LONG_FIELDS.contains(&key) {
            LONG_MAX_CHARS
        } else {
            SHORT_MAX_CHARS
        }
    };
    for (key, value) in &mut client.fields {
        note(text::fit_in_place(value, width(key)), &|| {
            format!("Client field {key}")
        });
    }
    for (key, value) in &mut invoice.fields {
        note(text::fit_in_place(value, width(key)), &|| {
            format!("Invoice field {key}")
        });
    }
    for (index, line) in invoice.lines.iter_mut().enumerate() {
        let place = |what: &str| format!("Line {}'s {what}", index + 1);
        note(text::fit_in_place(&mut line.name, SHORT_MAX_CHARS), &|| {
            place("name")
        });
        note(
            text::fit_in_place(&mut line.description, LONG_MAX_CHARS),
            &|| place("description"),
        );
        for tax in [&mut line.tax1, &mut line.tax2].into_iter().flatten() {
            note(text::fit_in_place(&mut tax.name, SHORT_MAX_CHARS), &|| {
                place("tax name")
            });
        }
    }
    for payment in payments {
        let place = || format!("The note of payment {}", payment.key);
        let mut words = std::mem::take(&mut payment.note);
        // The key is how a doubtful payment is found again, so it is never cut off.
        let room = LONG_MAX_CHARS.saturating_sub(payment.key.chars().count() + 1);
        note(text::fit_in_place(&mut words, room), &place);
        if !contains_token(&words, &payment.key) {
            if !words.is_empty() {
                words.push(' ');
            }
            words.push_str(&payment.key);
        }
        payment.note = words;
    }
}

/// Whether `text` names `key` as a word of its own (`txn:47` is not named by `txn:4711`).
fn contains_token(text: &str, key: &str) -> bool {
    let inside = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric());
    text.match_indices(key).any(|(start, found)| {
        let before = text.get(..start).and_then(|part| part.chars().next_back());
        let after = text
            .get(start + found.len()..)
            .and_then(|part| part.chars().next());
        !inside(before) && !inside(after)
    })
}

/// Books without lines, for orders that are not in them.
fn bare(
    order_id: u64,
    currency: Currency,
    disposition: Disposition,
    policy: &Policy,
) -> DesiredBooks {
    DesiredBooks {
        disposition,
        client: DesiredClient::default(),
        invoice: DesiredInvoice {
            number: number(order_id, policy),
            create_date: String::new(),
            due_offset_days: 0,
            fields: BTreeMap::new(),
            lines: Vec::new(),
            expected_total: Money::zero(currency),
            expected_tax: Money::zero(currency),
            rounding_bound_minor: 0,
        },
        payments: Vec::new(),
        notices: Vec::new(),
    }
}

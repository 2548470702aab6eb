//! What the books should say about one order: disposition, client, invoice and payments.
//!
//! Ties the core together: status table, [`crate::accounting`], [`crate::mapping`], and the rules
//! that hold an order for a person. Not here: what FreshBooks already holds
//! ([`crate::difference`]).

mod disposition;
mod invoice_payment;
mod refunds;
mod shipping;
mod texts;

use std::collections::BTreeMap;

use crate::accounting::{self, Entry, Hold, Receipt};
use crate::arithmetic::{Figures, Model, rounding_bound_minor};
use crate::books::{
    DesiredBooks, DesiredClient, DesiredInvoice, DesiredPayment, Disposition, InvoiceLine, LineKind,
};
use crate::mapping::{Mapped, Mapping, Sources};
use crate::money::{Currency, Money};
use crate::order::Order;
use crate::policy::{INVOICE_NUMBER_MAX_CHARS, Policy, TaxMode};
use disposition::disposition;
pub use invoice_payment::PAYING_ORDER;
pub use texts::contains_token;
use texts::{fit_refunds, fit_texts};

/// Refunded, cancelled and declined: orders that ask for no money any more.
const ENDED_STATUSES: [u32; 3] = [4, 5, 6];

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
            books.invoice.create_date = create_date(order).map_err(|hold| vec![hold])?;
        }
        return Ok(DesiredBooks {
            client: client_keys(order),
            notices,
            ..books
        });
    }
    match invoice_payment::pays(order, policy).map_err(|hold| vec![hold])? {
        Some(paid) => invoice_payment::book(order, policy, mapping, paid, notices),
        None => book(order, policy, mapping, disposition, notices),
    }
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
    let refunds = match (&entries, &receipts) {
        (Some(entries), Some(receipts)) => keep(
            accounting::refunds(order, policy, entries, receipts),
            &mut holds,
        ),
        _ => None,
    };
    let (Some(entries), Some(receipts), Some(refunds), Some(day), true) =
        (entries, receipts, refunds, day, holds.is_empty())
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
    let mut refunds = refunds::book(refunds, &policy.refund, &mut invoice, &mut payments)
        .map_err(|hold| vec![hold])?;
    let shipping = shipping::book(&policy.shipping, &mut invoice).map_err(|hold| vec![hold])?;
    fit_texts(&mut client, &mut invoice, &mut payments, &mut notices);
    fit_refunds(&mut refunds, &mut notices);
    let email_to = email_to(order, policy, &disposition, &mut notices);
    Ok(DesiredBooks {
        disposition,
        client,
        invoice,
        payments,
        refunds,
        shipping,
        email_to,
        notices,
    })
}

/// Whom the invoice is mailed. Nobody is asked to pay what is cancelled, declined or given back.
fn email_to(
    order: &Order,
    policy: &Policy,
    disposition: &Disposition,
    notices: &mut Vec<String>,
) -> Option<String> {
    let is_wanted = policy.invoice.email
        && *disposition == Disposition::Sent
        && !ENDED_STATUSES.contains(&order.status_id);
    if !is_wanted {
        return None;
    }
    let email = order.billing_address.email.trim();
    if email.is_empty() {
        notices.push("The order has no e-mail address, so its invoice is not mailed.".to_owned());
        return None;
    }
    Some(email.to_owned())
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

/// Lines that carry a tax.
fn taxed(lines: &[InvoiceLine]) -> u64 {
    let carries = |line: &&InvoiceLine| line.tax1.is_some() || line.tax2.is_some();
    lines.iter().filter(carries).count() as u64
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
                captured: receipt.amount,
                date: receipt.date,
                kind,
                note: words.note,
            }
        })
        .collect()
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
        refunds: Vec::new(),
        shipping: Vec::new(),
        email_to: None,
        notices: Vec::new(),
    }
}

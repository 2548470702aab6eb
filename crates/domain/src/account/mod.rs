//! What the books should say about one order: disposition, client, invoice and payments.
//!
//! Ties the core together: status table, [`crate::accounting`], [`crate::mapping`], and the rules
//! that hold an order for a person. Not here: what FreshBooks already holds
//! ([`crate::difference`]).

mod disposition;
mod refunds;
mod shipping;
mod texts;
mod worded;

use std::collections::BTreeMap;

use crate::accounting::{self, Entry, Hold};
use crate::arithmetic::Model;
use crate::books::{DesiredBooks, DesiredClient, DesiredInvoice, Disposition, HeldFor};
use crate::mapping::Mapping;
use crate::money::{Currency, Money};
use crate::order::Order;
use crate::policy::{INVOICE_NUMBER_MAX_CHARS, Policy};
use disposition::disposition;
pub use texts::contains_token;
use worded::Frame;

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
    let whole_total = accounting::expected_total(order);
    let whole_total = keep(
        whole_total.map_err(|error| vec![not_computable(&error)]),
        &mut holds,
    );
    let entries = keep(likeliest_entries(order, policy), &mut holds);
    let receipts = keep(accounting::receipts(order, policy), &mut holds);
    let day = keep(create_date(order).map_err(|hold| vec![hold]), &mut holds);
    let refunds = match (&entries, &receipts) {
        (Some((_, entries)), Some(receipts)) => keep(
            accounting::refunds(order, policy, entries, receipts),
            &mut holds,
        ),
        _ => None,
    };
    let (Some((model, entries)), Some(receipts), Some(refunds), Some(day), Some(whole_total), true) = (
        entries,
        receipts,
        refunds,
        day,
        whole_total,
        holds.is_empty(),
    ) else {
        holds.dedup();
        return Err(holds);
    };
    notices.extend(whole_total.notice);
    let frame = Frame {
        order,
        policy,
        mapping,
        client: &client,
        number: &number,
        day: &day,
        total: whole_total.total,
        receipts: &receipts,
        refunds: &refunds,
    };
    let mut worded = frame.worded(&entries, model)?;
    let (mut alternatives, mut held_for) = (Vec::new(), Vec::new());
    for other in Model::ALL.into_iter().filter(|other| *other != model) {
        let lines = match accounting::entries(order, policy, other) {
            Ok(lines) if lines == entries => continue,
            other => other,
        };
        match lines.and_then(|lines| frame.worded(&lines, other)) {
            Ok(worded) => alternatives.push(worded.alternative(other)),
            Err(holds) => held_for.extend(holds.into_iter().map(|hold| HeldFor {
                model: other,
                code: hold.code.to_owned(),
                message: hold.message,
            })),
        }
    }
    notices.append(&mut worded.notices);
    let email_to = email_to(order, policy, &disposition, &mut notices);
    Ok(DesiredBooks {
        disposition,
        client: worded.client,
        invoice: worded.invoice,
        payments: worded.payments,
        refunds: worded.refunds,
        shipping: worded.shipping,
        email_to,
        notices,
        alternatives,
        held_for,
    })
}

/// The lines for the likeliest arithmetic that has any, or why none of them has.
fn likeliest_entries(order: &Order, policy: &Policy) -> Result<(Model, Vec<Entry>), Vec<Hold>> {
    let mut refused = None;
    for model in Model::ALL {
        match accounting::entries(order, policy, model) {
            Ok(entries) => return Ok((model, entries)),
            Err(holds) => refused = refused.or(Some(holds)),
        }
    }
    Err(refused.unwrap_or_default())
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
        alternatives: Vec::new(),
        held_for: Vec::new(),
    }
}

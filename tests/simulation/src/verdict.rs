//! After all is calm: the books against what the stores say, to the cent, and nothing twice.

use contracts::ledger::OrderEntry;
use domain::account::contains_token;
use domain::books::{DesiredBooks, DesiredPayment, Disposition, RefundDocument, ShippingExpense};
use domain::money::Money;
use prost::Message;
use serde_json::Value;

use crate::feed::Order;
use crate::process::House;

/// Holds by which an order is left to a person after its ledger entry was lost or went back in
/// time: what FreshBooks has is not what the ledger would have written.
const LEFT_TO_A_PERSON: [&str; 8] = [
    "edited_in_freshbooks",
    // A lost ledger, and an order that has changed since: nothing shows whose invoice it is.
    "number_taken",
    "invoice_deleted_in_freshbooks",
    "unknown_invoice_of_removed_order",
    "payment_edited_in_freshbooks",
    "refund_edited_in_freshbooks",
    "shipping_expense_edited_in_freshbooks",
    "exceeds_what_is_due",
];

/// Compares the books with each order's last state; what differs breaks the schedule.
pub(crate) fn judge(house: &House, orders: &[Order]) {
    let books = house.vendor.books();
    let mut found = Vec::new();
    let mut left_to_a_person = Vec::new();
    for letter in house.streams.letters() {
        let is_allowed = |code: &str| LEFT_TO_A_PERSON.contains(&code);
        if house.world.has_lost_ledger()
            && letter.reasons.iter().all(|reason| is_allowed(&reason.code))
        {
            left_to_a_person.push(letter.entity_id.clone());
            continue;
        }
        let reasons = letter.reasons.iter();
        let said: Vec<_> = reasons.map(|one| (&one.code, &one.message)).collect();
        found.push(format!(
            "order {} became a dead letter of {}: {said:?}",
            letter.entity_id, letter.stage
        ));
    }
    for order in orders {
        let class = order.class;
        let mut faults = Vec::new();
        once(&books, order, &mut faults);
        let is_left = left_to_a_person.contains(&order.id);
        if let Some(desired) = order.last().filter(|_| !is_left) {
            stands(&books, desired, &mut faults);
        }
        found.extend(
            faults
                .iter()
                .map(|fault| format!("order {} ({class}): {fault}", order.id)),
        );
    }
    clients(&books, &mut found);
    ledger(house, &left_to_a_person, &mut found);
    for fault in found {
        house.world.broken(fault);
    }
}

/// Bytes of every order's entry as stored, key included.
pub(crate) fn entry_bytes(house: &House) -> Vec<usize> {
    let records = house.ledger.records().into_iter();
    let orders = records.filter(|(key, _)| key.contains(".order."));
    orders.map(|(key, value)| key.len() + value.len()).collect()
}

fn rows<'a>(books: &'a Value, table: &str) -> impl Iterator<Item = &'a Value> {
    books[table].as_array().into_iter().flatten()
}

fn is_active(row: &Value) -> bool {
    row["vis_state"].as_u64() != Some(1)
}

fn text<'a>(row: &'a Value, field: &str) -> &'a str {
    row[field].as_str().unwrap_or_default()
}

/// Never two invoices of an order, two payments of a transaction, two documents of a refund.
fn once(books: &Value, order: &Order, faults: &mut Vec<String>) {
    let Some(number) = order.states.first().map(|books| &books.invoice.number) else {
        return;
    };
    // Deleted ones too: an invoice that was taken out is restored, never made anew.
    let invoices: Vec<_> = rows(books, "invoices")
        .filter(|row| text(row, "invoice_number") == number)
        .collect();
    if invoices.len() > 1 {
        faults.push(format!("{} invoices numbered {number}", invoices.len()));
    }
    let mut notes: Vec<&str> = rows(books, "payments")
        .filter(|row| is_active(row))
        .filter(|row| invoices.iter().any(|one| one["id"] == row["invoiceid"]))
        .map(|row| text(row, "note"))
        .collect();
    twice("payments noted", &mut notes, faults);
    let prefix = format!("{number}-R");
    let mut credits: Vec<&str> = rows(books, "credit_notes")
        .filter(|row| is_active(row))
        .map(|row| text(row, "credit_number"))
        .filter(|credit| credit.starts_with(&prefix))
        .collect();
    twice("credit notes numbered", &mut credits, faults);
    let mut expenses: Vec<&str> = rows(books, "expenses")
        .filter(|row| is_active(row))
        .map(|row| text(row, "notes"))
        .filter(|notes| contains_token(notes, number))
        .collect();
    twice("expenses noted", &mut expenses, faults);
}

fn twice(what: &str, names: &mut [&str], faults: &mut Vec<String>) {
    names.sort_unstable();
    let pairs = names.windows(2).filter(|pair| pair.first() == pair.last());
    faults.extend(pairs.map(|pair| format!("two {what} {:?}", pair.first())));
}

/// The books show the order's last state.
fn stands(books: &Value, desired: &DesiredBooks, faults: &mut Vec<String>) {
    let number = &desired.invoice.number;
    let invoice = rows(books, "invoices")
        .filter(|row| is_active(row))
        .find(|row| text(row, "invoice_number") == number);
    let wants_sent = match desired.disposition {
        Disposition::Sent => true,
        Disposition::Draft => false,
        Disposition::Removed(_) | Disposition::Undone(_) => {
            if invoice.is_some() {
                faults.push(format!("invoice {number} should be gone"));
            }
            return;
        }
        // What stands may stand.
        Disposition::Nothing(_) => return,
    };
    let Some(invoice) = invoice else {
        faults.push(format!("no invoice {number}"));
        return;
    };
    same(
        "invoice",
        &invoice["amount"],
        desired.invoice.expected_total,
        faults,
    );
    let is_draft = matches!(text(invoice, "v3_status"), "draft" | "created");
    if wants_sent == is_draft {
        faults.push(format!("the invoice is {}", text(invoice, "v3_status")));
    }
    payments(books, invoice, &desired.payments, faults);
    for refund in &desired.refunds {
        let row = match &refund.document {
            RefundDocument::None => continue,
            RefundDocument::CreditNote => rows(books, "credit_notes")
                .filter(|row| is_active(row))
                .find(|row| text(row, "credit_number") == refund.number),
            RefundDocument::Expense(_) => rows(books, "expenses")
                .filter(|row| is_active(row))
                .find(|row| {
                    contains_token(text(row, "notes"), &refund.key)
                        && contains_token(text(row, "notes"), number)
                }),
        };
        match row {
            Some(row) => same(&refund.key, &row["amount"], refund.amount, faults),
            None => faults.push(format!("no document of {}", refund.key)),
        }
    }
    for expense in &desired.shipping {
        let marker = ShippingExpense::marker(number, &expense.key);
        let row = rows(books, "expenses")
            .filter(|row| is_active(row))
            .find(|row| text(row, "notes").contains(&marker));
        match row {
            Some(row) => same(&expense.key, &row["amount"], expense.amount, faults),
            None => faults.push(format!("no expense of {}", expense.key)),
        }
    }
}

fn payments(books: &Value, invoice: &Value, desired: &[DesiredPayment], faults: &mut Vec<String>) {
    let standing: Vec<_> = rows(books, "payments")
        .filter(|row| is_active(row) && row["invoiceid"] == invoice["id"])
        .collect();
    let wanted: Vec<_> = desired
        .iter()
        .filter(|payment| payment.amount.amount_minor != 0)
        .collect();
    for payment in &wanted {
        let row = standing
            .iter()
            .find(|row| contains_token(text(row, "note"), &payment.key));
        match row {
            Some(row) => same(&payment.key, &row["amount"], payment.amount, faults),
            None => faults.push(format!("no payment of {}", payment.key)),
        }
    }
    if standing.len() != wanted.len() {
        let (stand, want) = (standing.len(), wanted.len());
        faults.push(format!("{stand} payments stand, {want} should"));
    }
}

fn same(what: &str, found: &Value, wanted: Money, faults: &mut Vec<String>) {
    let found = found.as_str().unwrap_or_default();
    if found.parse() != Ok(wanted.to_decimal()) {
        faults.push(format!("{what} says {found}, should say {wanted}"));
    }
}

/// Never two clients of one shopper.
fn clients(books: &Value, found: &mut Vec<String>) {
    let mut emails: Vec<&str> = rows(books, "clients")
        .filter(|row| is_active(row))
        .map(|row| text(row, "email"))
        .collect();
    twice("clients with", &mut emails, found);
}

/// Nothing is in doubt any more.
fn ledger(house: &House, left: &[String], found: &mut Vec<String>) {
    for (key, value) in house.ledger.records() {
        if !key.contains(".order.") {
            continue;
        }
        let is_left = left.iter().any(|id| key.ends_with(&format!(".{id}")));
        match OrderEntry::decode(value) {
            // What is left to a person may stay in doubt until they decide.
            Ok(_) if is_left => {}
            Ok(entry) => {
                let open = entry.intent.map(|open| open.kind());
                found.extend(open.map(|kind| format!("{key} still has an open intent: {kind:?}")));
            }
            Err(error) => found.push(format!("{key} cannot be read: {error}")),
        }
    }
}

//! The next step from what is written to what the books should say.
//!
//! Pure: deliver performs one step, writes its result to the ledger and asks again. Not here: how
//! a step is performed, and how a doubtful write is found again.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::accounting::Hold;
use crate::books::{DesiredBooks, DesiredInvoice, Disposition, LineTax};
use crate::money::Money;

/// What the ledger knows about an order.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Written {
    pub invoice: Option<WrittenInvoice>,
    /// Payment key to the amount written.
    pub payments: BTreeMap<String, Money>,
}

/// The invoice as it was last written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenInvoice {
    /// [`content_hash`] of what was sent.
    pub content_hash: String,
    pub sent: bool,
    /// The total FreshBooks answered.
    pub total: Money,
    pub removed: bool,
    /// Correction line that FreshBooks' own arithmetic made necessary, smallest units.
    pub correction_minor: i64,
}

/// What has to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The order is not in the books and nothing of it was written.
    Nothing,
    CreateInvoice,
    UpdateInvoice,
    MarkSent,
    /// Index into [`DesiredBooks::payments`].
    CreatePayment(usize),
    RemoveInvoice,
    Hold(Hold),
    /// What should be there is there.
    Done,
}

/// The next step. Repeated until it is [`Step::Nothing`], [`Step::Done`] or [`Step::Hold`].
pub fn next_step(desired: &DesiredBooks, written: &Written) -> Step {
    let standing = written.invoice.as_ref().filter(|invoice| !invoice.removed);
    let sent = match &desired.disposition {
        Disposition::Nothing(_) if standing.is_none() => return Step::Nothing,
        // What stands, stands.
        Disposition::Nothing(_) => return Step::Done,
        Disposition::Removed(_) => return removal(desired, standing, written),
        Disposition::Draft => false,
        Disposition::Sent => true,
    };
    let Some(invoice) = standing else {
        if !written.payments.is_empty() {
            return Step::Hold(Hold {
                code: "payments_without_invoice",
                message: format!(
                    "Invoice {} was removed, but {} payments were written for it. Compare it in \
                     FreshBooks and restore or book it by hand.",
                    desired.invoice.number,
                    written.payments.len()
                ),
            });
        }
        return Step::CreateInvoice;
    };
    let paid = match sum(written.payments.values(), desired) {
        Ok(paid) => paid,
        Err(hold) => return Step::Hold(hold),
    };
    if invoice.content_hash != content_hash(&desired.invoice) {
        if paid.amount_minor > desired.invoice.expected_total.amount_minor.max(0) {
            return Step::Hold(Hold {
                code: "paid_more_than_due",
                message: format!(
                    "Invoice {} should now be {}, but {paid} is already written as paid. Give the \
                     difference back in the store, or book it by hand.",
                    desired.invoice.number, desired.invoice.expected_total
                ),
            });
        }
        return Step::UpdateInvoice;
    }
    if sent && !invoice.sent {
        return Step::MarkSent;
    }
    next_payment(desired, written, invoice.total, paid)
}

/// The hold of a step that would write into a closed period, if it does.
///
/// `first_open_day` is `YYYY-MM-DD`; days before it are closed, empty closes none.
/// [`crate::account`] holds such orders already; this is for a plan made before the books closed.
pub fn closed_period(desired: &DesiredBooks, step: &Step, first_open_day: &str) -> Option<Hold> {
    let day = match step {
        Step::CreateInvoice | Step::UpdateInvoice | Step::MarkSent | Step::RemoveInvoice => {
            &desired.invoice.create_date
        }
        Step::CreatePayment(index) => &desired.payments.get(*index)?.date,
        Step::Nothing | Step::Hold(_) | Step::Done => return None,
    };
    (!day.is_empty() && day.as_str() < first_open_day).then(|| Hold {
        code: "period_closed",
        message: format!(
            "The books are closed for days before {first_open_day}, and {day} lies there. Book \
             it by hand, or move books_locked_until back."
        ),
    })
}

fn removal(desired: &DesiredBooks, standing: Option<&WrittenInvoice>, written: &Written) -> Step {
    match standing {
        None => Step::Nothing,
        Some(_)
            if written
                .payments
                .values()
                .any(|amount| amount.amount_minor != 0) =>
        {
            Step::Hold(Hold {
                code: "paid_invoice_not_removed",
                message: format!(
                    "The order is gone or was never paid in the store, but invoice {} has payments \
                     in FreshBooks. Tillbook removes no paid invoice; decide by hand.",
                    desired.invoice.number
                ),
            })
        }
        Some(_) => Step::RemoveInvoice,
    }
}

fn next_payment(desired: &DesiredBooks, written: &Written, total: Money, paid: Money) -> Step {
    for (index, payment) in desired.payments.iter().enumerate() {
        let Some(known) = written.payments.get(&payment.key) else {
            let open = total.checked_sub(paid);
            if open.is_ok_and(|open| payment.amount.amount_minor <= open.amount_minor)
                && payment.amount.currency == total.currency
            {
                return Step::CreatePayment(index);
            }
            return Step::Hold(Hold {
                code: "payment_exceeds_due",
                message: format!(
                    "Payment {} is {}, but of invoice {} ({total}) already {paid} is paid. Compare \
                     the payments in the store and in FreshBooks.",
                    payment.key, payment.amount, desired.invoice.number
                ),
            });
        };
        if *known != payment.amount {
            return Step::Hold(Hold {
                code: "payment_amount_changed",
                message: format!(
                    "Payment {} was written as {known}, the store now says {}. Compare both and \
                     correct the payment of invoice {} in FreshBooks by hand.",
                    payment.key, payment.amount, desired.invoice.number
                ),
            });
        }
    }
    let gone = written
        .payments
        .keys()
        .find(|key| !desired.payments.iter().any(|payment| payment.key == **key));
    match gone {
        Some(key) => Step::Hold(Hold {
            code: "payment_gone",
            message: format!(
                "Payment {key} is written on invoice {}, but the store no longer reports it as \
                 money. Check it at the gateway and correct FreshBooks by hand.",
                desired.invoice.number
            ),
        }),
        None => Step::Done,
    }
}

fn sum<'a>(
    amounts: impl Iterator<Item = &'a Money>,
    desired: &DesiredBooks,
) -> Result<Money, Hold> {
    let mut sum = Money::zero(desired.invoice.expected_total.currency);
    for amount in amounts {
        sum = sum.checked_add(*amount).map_err(|error| Hold {
            code: "payments_do_not_add_up",
            message: format!(
                "The payments written for invoice {} cannot be added: {error}. Compare them in \
                 FreshBooks.",
                desired.invoice.number
            ),
        })?;
    }
    Ok(sum)
}

/// SHA-256, hex, over a canonical form of everything that is sent of an invoice.
///
/// Equal content has equal hashes whatever the scale of its decimals (1.5 and 1.50).
pub fn content_hash(invoice: &DesiredInvoice) -> String {
    let mut form = Form(Vec::with_capacity(1024));
    form.text("invoice.1");
    form.text(&invoice.number);
    form.text(&invoice.create_date);
    form.number(i64::from(invoice.due_offset_days));
    form.text(invoice.expected_total.currency.code());
    form.number(invoice.expected_total.amount_minor);
    form.number(invoice.expected_tax.amount_minor);
    form.count(invoice.fields.len());
    for (key, value) in &invoice.fields {
        form.text(key);
        form.text(value);
    }
    form.count(invoice.lines.len());
    for line in &invoice.lines {
        // By place in the enum, so that a renamed variant does not rewrite every invoice.
        form.number(line.kind as i64);
        form.text(&line.name);
        form.text(&line.description);
        form.decimal(line.quantity);
        form.decimal(line.unit_cost);
        form.tax(line.tax1.as_ref());
        form.tax(line.tax2.as_ref());
        form.number(i64::from(line.compounded));
    }
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(&form.0) {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// Length-prefixed fields, so that no two contents read the same.
struct Form(Vec<u8>);

impl Form {
    fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    fn number(&mut self, number: i64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn count(&mut self, count: usize) {
        self.0.extend_from_slice(&(count as u64).to_le_bytes());
    }

    fn decimal(&mut self, value: rust_decimal::Decimal) {
        self.0.extend_from_slice(&value.normalize().serialize());
    }

    fn tax(&mut self, tax: Option<&LineTax>) {
        match tax {
            None => self.count(0),
            Some(tax) => {
                self.count(1);
                self.text(&tax.name);
                self.decimal(tax.percent);
            }
        }
    }
}

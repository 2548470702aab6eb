//! What was sent, as a hash, so that equal content is not written twice.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::books::{
    DesiredInvoice, DesiredRefund, InvoiceLine, LineTax, RefundDocument, ShippingExpense,
};

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
    form.lines(&invoice.lines);
    form.hex()
}

/// The same over everything that is sent of a refund's document.
pub fn refund_hash(refund: &DesiredRefund) -> String {
    let mut form = Form(Vec::with_capacity(512));
    form.text("refund.1");
    match &refund.document {
        RefundDocument::CreditNote => form.text("credit_note"),
        RefundDocument::Expense(category) => {
            form.text("expense");
            form.text(category);
        }
        RefundDocument::None => form.text("none"),
    }
    form.text(&refund.number);
    form.text(&refund.date);
    form.text(refund.amount.currency.code());
    form.number(refund.amount.amount_minor);
    form.number(refund.tax.amount_minor);
    form.text(&refund.note);
    form.lines(&refund.lines);
    form.hex()
}

/// The same over everything that is sent of an expense of the shipping.
pub fn shipping_hash(expense: &ShippingExpense) -> String {
    let mut form = Form(Vec::with_capacity(256));
    form.text("shipping.1");
    form.text(&expense.category);
    form.text(&expense.number);
    form.text(&expense.date);
    form.text(expense.amount.currency.code());
    form.number(expense.amount.amount_minor);
    form.text(&expense.note);
    form.hex()
}

/// Length-prefixed fields, so that no two contents read the same.
struct Form(Vec<u8>);

impl Form {
    fn hex(&self) -> String {
        let mut hex = String::with_capacity(64);
        for byte in Sha256::digest(&self.0) {
            let _ = write!(hex, "{byte:02x}");
        }
        hex
    }

    fn lines(&mut self, lines: &[InvoiceLine]) {
        self.count(lines.len());
        for line in lines {
            if let Some(key) = &line.rebills {
                // No kind has this number, so lines that rebill nothing read as they always did.
                self.number(-1);
                self.text(key);
            }
            // By place in the enum, so that a renamed variant does not rewrite every invoice.
            self.number(line.kind as i64);
            self.text(&line.name);
            self.text(&line.description);
            self.decimal(line.quantity);
            self.decimal(line.unit_cost);
            self.tax(line.tax1.as_ref());
            self.tax(line.tax2.as_ref());
            self.number(i64::from(line.compounded));
        }
    }

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

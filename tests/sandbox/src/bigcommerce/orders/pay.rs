//! Money movements of an order: what its payment plan makes of it, and later captures.

use rust_decimal::Decimal;

use super::model::{Order, Transaction};
use crate::bigcommerce::kinds::Pay;
use crate::bigcommerce::money::round;

/// Writes the transactions of `plan` and sets the payment status.
///
/// Gift certificate and store credit of the spec are movements of their own, before the card's.
pub(crate) fn apply(order: &mut Order, plan: Pay, ids: &mut impl FnMut() -> u64) {
    let mut till = Till { order, ids };
    if !matches!(plan, Pay::Nothing | Pay::Declined) {
        till.tender("gift_certificate", till.order.spec.gift_certificate);
        till.tender("store_credit", till.order.spec.store_credit);
    }
    let due = till.order.due_by_card();
    let status = if due.is_zero() && plan == Pay::Card {
        "paid"
    } else {
        till.card(plan, due)
    };
    status.clone_into(&mut till.order.payment_status);
}

/// Captures `amount`, or what is left of the latest good authorisation.
///
/// # Errors
/// When nothing is authorised, or less than `amount` is left; the text says which.
pub(crate) fn capture(
    order: &mut Order,
    amount: Option<Decimal>,
    ids: &mut impl FnMut() -> u64,
) -> Result<u64, String> {
    let authorization = order
        .transactions
        .iter()
        .rfind(|t| t.event == "authorization" && t.ok)
        .map(|t| (t.id, t.amount, t.test))
        .ok_or("nothing is authorised on this order; use a kind with an authorisation")?;
    let (reference, authorized, test) = authorization;
    let captured: Decimal = order
        .transactions
        .iter()
        .filter(|t| t.event == "capture" && t.ok && t.reference == Some(reference))
        .map(|t| t.amount)
        .sum();
    let left = authorized - captured;
    let amount = amount.unwrap_or(left);
    if amount <= Decimal::ZERO || amount > left {
        return Err(format!(
            "cannot capture {amount}: {left} of the authorised {authorized} is left"
        ));
    }
    let mut till = Till { order, ids };
    let id = till.card_movement("capture", amount, Some(reference));
    if let Some(last) = till.order.transactions.last_mut() {
        last.test = test;
    }
    "captured".clone_into(&mut till.order.payment_status);
    Ok(id)
}

/// Takes a new payment in full for what is still due, as when a shopper pays an open order.
pub(crate) fn purchase(
    order: &mut Order,
    amount: Option<Decimal>,
    ids: &mut impl FnMut() -> u64,
) -> Result<u64, String> {
    let due = order.sums.payable() - order.captured();
    let amount = amount.unwrap_or(due);
    if amount <= Decimal::ZERO {
        return Err(format!("cannot take {amount}: {due} is due"));
    }
    let mut till = Till { order, ids };
    let id = till.card_movement("purchase", amount, None);
    "captured".clone_into(&mut till.order.payment_status);
    Ok(id)
}

/// Voids the latest card movement that brought money, or with none the latest authorisation.
///
/// # Errors
/// When there is neither.
pub(crate) fn void(order: &mut Order, ids: &mut impl FnMut() -> u64) -> Result<(), String> {
    let of = |events: &[&str]| {
        let good = order
            .standing()
            .filter(|t| t.ok && t.method == "credit_card");
        good.filter(|t| events.contains(&t.event.as_str()))
            .last()
            .map(|t| (t.id, t.amount))
    };
    let found = of(&["purchase", "capture"]).or_else(|| of(&["authorization"]));
    let (reference, amount) = found.ok_or("nothing is authorised or captured on this order")?;
    let mut till = Till { order, ids };
    till.card_movement("void", amount, Some(reference));
    "void".clone_into(&mut till.order.payment_status);
    Ok(())
}

struct Till<'a, F> {
    order: &'a mut Order,
    ids: &'a mut F,
}

impl<F: FnMut() -> u64> Till<'_, F> {
    fn card(&mut self, plan: Pay, due: Decimal) -> &'static str {
        let digits = self.order.sums.digits;
        match plan {
            Pay::Nothing | Pay::Offline => return "",
            Pay::OfflineRecorded => {
                self.movement("purchase", "offline", due, None);
            }
            Pay::Wallet => {
                self.movement("purchase", "electronic_wallet", due, None);
            }
            Pay::Card => {
                self.card_movement("purchase", due, None);
            }
            Pay::AuthorizeOnly => {
                self.card_movement("authorization", due, None);
                return "authorized";
            }
            Pay::AuthorizeThenCapture => {
                let auth = self.card_movement("authorization", due, None);
                self.card_movement("capture", due, Some(auth));
            }
            Pay::PartialCapture => {
                let auth = self.card_movement("authorization", due, None);
                self.card_movement("capture", round(due / Decimal::TWO, digits), Some(auth));
            }
            Pay::SeveralCaptures => {
                let auth = self.card_movement("authorization", due, None);
                let third = round(due / Decimal::from(3), digits);
                for amount in [third, third, due - third - third] {
                    self.card_movement("capture", amount, Some(auth));
                }
            }
            Pay::FailedThenPaid => {
                self.failed(due);
                self.card_movement("purchase", due, None);
            }
            Pay::FailedUndatedThenPaid => {
                self.failed(due);
                if let Some(last) = self.order.transactions.last_mut() {
                    last.undated = true;
                }
                self.card_movement("purchase", due, None);
            }
            Pay::UnknownStatus => {
                self.failed(due);
                if let Some(last) = self.order.transactions.last_mut() {
                    last.status = Some("processing");
                }
                return "pending";
            }
            Pay::CutToUnits => {
                let cut = self.order.sums.total_inc_tax.trunc_with_scale(digits);
                self.card_movement("purchase", cut, None);
            }
            Pay::Voided => {
                let auth = self.card_movement("authorization", due, None);
                self.card_movement("void", due, Some(auth));
                return "void";
            }
            Pay::Test => {
                self.card_movement("purchase", due, None);
                if let Some(last) = self.order.transactions.last_mut() {
                    last.test = true;
                }
            }
            Pay::Declined => {
                self.failed(due);
                return "declined";
            }
            Pay::Pending => {
                self.card_movement("pending", due, None);
                return "pending";
            }
            Pay::Settled => {
                let pending = self.card_movement("pending", due, None);
                self.card_movement("settled", due, Some(pending));
            }
        }
        "captured"
    }

    fn failed(&mut self, amount: Decimal) {
        self.card_movement("purchase", amount, None);
        if let Some(last) = self.order.transactions.last_mut() {
            last.ok = false;
        }
    }

    fn tender(&mut self, method: &str, amount: Decimal) {
        if amount > Decimal::ZERO {
            self.movement("purchase", method, amount, None);
        }
    }

    fn card_movement(&mut self, event: &str, amount: Decimal, reference: Option<u64>) -> u64 {
        self.movement(event, "credit_card", amount, reference)
    }

    fn movement(
        &mut self,
        event: &str,
        method: &str,
        amount: Decimal,
        reference: Option<u64>,
    ) -> u64 {
        let id = (self.ids)();
        let gateway = match method {
            "credit_card" => "braintree",
            "electronic_wallet" => "paypalcommerce",
            "offline" => "offline",
            "gift_certificate" => "giftcertificate",
            _ => "storecredit",
        };
        let gateway_transaction_id = if method == "credit_card" {
            format!("bt{id:08x}")
        } else {
            String::new()
        };
        self.order.transactions.push(Transaction {
            id,
            event: event.to_owned(),
            method: method.to_owned(),
            amount,
            gateway: gateway.to_owned(),
            gateway_transaction_id,
            ok: true,
            status: None,
            undated: false,
            test: false,
            reference,
            at: crate::clock::now(),
        });
        id
    }
}

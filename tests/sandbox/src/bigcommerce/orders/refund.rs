//! Refunds: what an item is worth back, and which payment gives it.

use rust_decimal::Decimal;

use super::model::{Order, Refund, RefundItem, RefundPayment, Transaction};
use super::refund_by_merchant as by_merchant;
use super::sums::Part;
use crate::bigcommerce::kinds::After;
use crate::bigcommerce::money::round;

/// Where the money goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum To {
    /// Back to the payments it came from, cards first.
    Origin,
    StoreCredit,
    /// Given back outside: no transaction.
    Offline,
}

/// One thing asked back.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    Product {
        line: usize,
        quantity: u32,
    },
    Wrapping {
        line: usize,
    },
    Shipping {
        amount: Option<Decimal>,
    },
    Handling {
        amount: Option<Decimal>,
    },
    Fee {
        index: usize,
    },
    /// A custom value on the order; it carries no tax.
    Order {
        amount: Decimal,
    },
    /// The order's whole tax; the refund then lists no item.
    Tax,
}

/// Everything of an order that has not been refunded yet.
pub(crate) fn everything(order: &Order) -> Vec<Item> {
    if !given(order, "ORDER", order.id).is_zero() {
        // A custom value belongs to no item, so the rest is a custom value too.
        let back: Decimal = order.refunds.iter().map(paid_back).sum();
        let amount = order.sums.payable() - back;
        return vec![Item::Order { amount }];
    }
    let mut items = Vec::new();
    for (index, line) in order.spec.lines.iter().enumerate() {
        let done = order.refunded.get(&index).copied().unwrap_or(0);
        if line.quantity > done && !line.returned {
            items.push(Item::Product {
                line: index,
                quantity: line.quantity - done,
            });
        }
        if line.wrapping.is_some() && given(order, "GIFT_WRAPPING", order.line_ids[index]).is_zero()
        {
            items.push(Item::Wrapping { line: index });
        }
    }
    if left(order, "SHIPPING", &order.sums.shipping) > Decimal::ZERO {
        items.push(Item::Shipping { amount: None });
    }
    if left(order, "HANDLING", &order.sums.handling) > Decimal::ZERO {
        items.push(Item::Handling { amount: None });
    }
    let fees = 0..order.spec.fees.len();
    let open = |index: &usize| given(order, "FEE", fee_id(order, *index)).is_zero();
    items.extend(fees.filter(open).map(|index| Item::Fee { index }));
    items
}

fn fee_id(order: &Order, index: usize) -> u64 {
    order.id * 10 + index as u64 + 1
}

/// What earlier refunds gave back for an item; declined ones gave nothing.
fn given(order: &Order, item_type: &str, item_id: u64) -> Decimal {
    let good = |refund: &&Refund| !paid_back(refund).is_zero();
    let items = order.refunds.iter().filter(good).flat_map(|r| &r.items);
    items
        .filter(|item| item.item_type == item_type && item.item_id == item_id)
        .map(|item| item.amount)
        .sum()
}

/// What is left to give back of the shipping or the handling.
fn left(order: &Order, item_type: &str, part: &Part) -> Decimal {
    part.discounted_inc_tax() - given(order, item_type, order.address_id)
}

/// What a kind says happened after the payment.
pub(crate) fn after(order: &mut Order, after: After, ids: &mut impl FnMut() -> u64) {
    let one = vec![Item::Product {
        line: 0,
        quantity: 1,
    }];
    let (items, to) = match after {
        After::Nothing => return,
        After::RefundAll => (everything(order), To::Origin),
        After::RefundOneUnit | After::RefundDeclined => (one, To::Origin),
        After::RefundToStoreCredit => (one, To::StoreCredit),
        After::RefundOffline => (one, To::Offline),
        After::RefundShipping => (vec![Item::Shipping { amount: None }], To::Origin),
        After::RefundHandling => (vec![Item::Handling { amount: None }], To::Origin),
        After::RefundWrapping => (vec![Item::Wrapping { line: 0 }], To::Origin),
        After::RefundFee => (vec![Item::Fee { index: 0 }], To::Origin),
        After::RefundTax => (vec![Item::Tax], To::Origin),
        After::OverrideWithoutTax | After::OverrideOtherTax | After::OverrideBelow => {
            let _done = by_merchant::overridden(order, after, ids);
            return;
        }
        After::RestWithoutShipping | After::RestAsOneItem | After::RestAsOneUntaxedItem => {
            let _done = by_merchant::the_rest(order, after, ids);
            return;
        }
        After::RefundUndated => (one, To::Origin),
        After::RefundHalf => {
            let paid: Decimal = order.transactions.iter().map(Transaction::money).sum();
            let amount = round(paid / Decimal::TWO, order.sums.digits);
            (vec![Item::Order { amount }], To::Origin)
        }
        After::RefundValue => {
            let amount = round(order.sums.payable() / Decimal::TEN, order.sums.digits);
            (vec![Item::Order { amount }], To::Origin)
        }
    };
    let declined = after == After::RefundDeclined;
    // A kind's own refund is always in range: it asks for no more than was paid.
    let done = refund(order, &items, to, declined, "As the kind says", ids);
    if done.is_ok()
        && after == After::RefundUndated
        && let Some(last) = order.refunds.last_mut()
    {
        last.undated = true;
    }
}

/// Books a refund; returns its id. A declined one moves neither money nor quantities.
///
/// # Errors
/// When an item is not there, is refunded already, or more is asked than was paid.
pub(crate) fn refund(
    order: &mut Order,
    items: &[Item],
    to: To,
    declined: bool,
    reason: &str,
    ids: &mut impl FnMut() -> u64,
) -> Result<u64, String> {
    let mut rows = Vec::with_capacity(items.len());
    let (mut amount, mut tax) = (Decimal::ZERO, Decimal::ZERO);
    for item in items {
        if matches!(item, Item::Tax) {
            amount += order.sums.total_tax;
            tax += order.sums.total_tax;
            continue;
        }
        let (row, item_amount, item_tax) = worth(order, item)?;
        rows.push(row);
        amount += item_amount;
        tax += item_tax;
    }
    if order.spec.no_rounding {
        // Fractions of line taxes are in no payment: never more goes back than came.
        let back: Decimal = order.refunds.iter().map(paid_back).sum();
        amount = round(amount, order.sums.digits).min(order.sums.payable() - back);
        tax = round(tax, order.sums.digits);
    }
    if amount <= Decimal::ZERO {
        return Err("the items are worth nothing; ask for something that was paid".to_owned());
    }
    let figures = Figures {
        rows,
        amount,
        tax,
        reason: reason.to_owned(),
        overridden: false,
    };
    let id = book(order, figures, to, declined, ids)?;
    if !declined {
        for item in items {
            if let Item::Product { line, quantity } = item {
                *order.refunded.entry(*line).or_default() += quantity;
            }
        }
    }
    Ok(id)
}

/// What a refund's record says.
pub(super) struct Figures {
    pub(super) rows: Vec<RefundItem>,
    pub(super) amount: Decimal,
    pub(super) tax: Decimal,
    pub(super) reason: String,
    pub(super) overridden: bool,
}

/// Moves the money of a refund and keeps its record; returns its id.
pub(super) fn book(
    order: &mut Order,
    figures: Figures,
    to: To,
    declined: bool,
    ids: &mut impl FnMut() -> u64,
) -> Result<u64, String> {
    let amount = figures.amount;
    let payments = match to {
        To::Origin => back_to_origin(order, amount, declined, ids)?,
        To::StoreCredit => vec![store_credit(order, amount, declined, ids)],
        To::Offline => vec![RefundPayment {
            id: ids(),
            provider_id: "custom".to_owned(),
            amount,
            offline: true,
            declined,
            transaction_id: None,
        }],
    };
    let id = ids();
    order.refunds.push(Refund {
        id,
        at: crate::clock::now(),
        reason: figures.reason,
        undated: false,
        overridden: figures.overridden,
        total_amount: amount,
        total_tax: figures.tax,
        items: figures.rows,
        payments,
    });
    if !declined {
        let back: Decimal = order.refunds.iter().map(paid_back).sum();
        let status = if back >= order.sums.payable() {
            "refunded"
        } else {
            "partially refunded"
        };
        status.clone_into(&mut order.payment_status);
    }
    Ok(id)
}

/// What of a refund really went back.
pub(crate) fn paid_back(refund: &Refund) -> Decimal {
    let good = refund.payments.iter().filter(|payment| !payment.declined);
    good.map(|payment| payment.amount).sum()
}

fn worth(order: &Order, item: &Item) -> Result<(RefundItem, Decimal, Decimal), String> {
    let sums = &order.sums;
    let line_of = |line: usize| {
        let found = sums.lines.get(line).zip(order.line_ids.get(line));
        found.ok_or(format!("there is no line {line}; lines count from 0"))
    };
    let (item_type, item_id, quantity, asked, (amount, tax)) = match item {
        Item::Product { line, quantity } => {
            let (line_sums, id) = line_of(*line)?;
            let value = units(order, *line, &line_sums.part, *quantity)?;
            ("PRODUCT", *id, *quantity, None, value)
        }
        Item::Wrapping { line } => {
            let (line_sums, id) = line_of(*line)?;
            let part = &line_sums.wrapping;
            let value = (part.discounted_inc_tax(), part.tax);
            once(order, "GIFT_WRAPPING", *id)?;
            ("GIFT_WRAPPING", *id, 1, None, value)
        }
        Item::Shipping { amount } => {
            let value = cost(order, "SHIPPING", &sums.shipping, *amount)?;
            ("SHIPPING", order.address_id, 1, *amount, value)
        }
        Item::Handling { amount } => {
            let value = cost(order, "HANDLING", &sums.handling, *amount)?;
            ("HANDLING", order.address_id, 1, *amount, value)
        }
        Item::Fee { index } => {
            let fee = sums.fees.get(*index);
            let fee = fee.ok_or(format!("there is no fee {index}; fees count from 0"))?;
            let id = fee_id(order, *index);
            once(order, "FEE", id)?;
            let value = (fee.discounted_inc_tax(), fee.tax);
            ("FEE", id, 1, None, value)
        }
        Item::Tax => return Err("a tax adjustment is no item".to_owned()),
        Item::Order { amount } => {
            let value = (*amount, Decimal::ZERO);
            ("ORDER", order.id, 1, Some(*amount), value)
        }
    };
    let row = RefundItem {
        item_type: item_type.to_owned(),
        item_id,
        quantity,
        requested_amount: asked,
        amount,
    };
    Ok((row, amount, tax))
}

fn once(order: &Order, item_type: &str, item_id: u64) -> Result<(), String> {
    if given(order, item_type, item_id).is_zero() {
        return Ok(());
    }
    Err(format!("{item_type} {item_id} has been refunded already"))
}

/// Value and tax of the next `quantity` units of a line; all units together give all of it.
fn units(
    order: &Order,
    line: usize,
    part: &Part,
    quantity: u32,
) -> Result<(Decimal, Decimal), String> {
    let all = order.spec.lines[line].quantity;
    if order.spec.lines[line].returned {
        return Err(format!(
            "line {line} was given back by the shopper, not sold"
        ));
    }
    let done = order.refunded.get(&line).copied().unwrap_or(0);
    if quantity == 0 || done + quantity > all {
        return Err(format!(
            "cannot refund {quantity} of line {line}: {} of {all} are left",
            all - done
        ));
    }
    let share = |whole: Decimal| {
        let upto = |n: u32| {
            let part = whole * Decimal::from(n) / Decimal::from(all);
            round(part, order.sums.digits)
        };
        upto(done + quantity) - upto(done)
    };
    Ok((share(part.discounted_inc_tax()), share(part.tax)))
}

/// Value and tax of a refunded cost, by default all that is left of it.
fn cost(
    order: &Order,
    item_type: &str,
    part: &Part,
    amount: Option<Decimal>,
) -> Result<(Decimal, Decimal), String> {
    let left = left(order, item_type, part);
    let amount = amount.unwrap_or(left);
    if amount <= Decimal::ZERO || amount > left {
        return Err(format!(
            "cannot refund {amount} of {item_type}: {left} is left"
        ));
    }
    let tax = round(
        part.tax * amount / part.discounted_inc_tax(),
        order.sums.digits,
    );
    Ok((amount, tax))
}

fn store_credit(
    order: &mut Order,
    amount: Decimal,
    declined: bool,
    ids: &mut impl FnMut() -> u64,
) -> RefundPayment {
    let reference = order
        .transactions
        .iter()
        .find(|t| !t.money().is_zero())
        .map(|t| t.id);
    let transaction_id = ids();
    order.transactions.push(Transaction {
        id: transaction_id,
        event: "refund".to_owned(),
        method: "store_credit".to_owned(),
        amount,
        gateway: "storecredit".to_owned(),
        gateway_transaction_id: String::new(),
        ok: !declined,
        status: None,
        undated: false,
        test: false,
        reference,
        at: crate::clock::now(),
    });
    RefundPayment {
        id: ids(),
        provider_id: "storecredit".to_owned(),
        amount,
        offline: false,
        declined,
        transaction_id: Some(transaction_id),
    }
}

/// Gives `amount` back to the payments it came from, cards before other tenders.
fn back_to_origin(
    order: &mut Order,
    amount: Decimal,
    declined: bool,
    ids: &mut impl FnMut() -> u64,
) -> Result<Vec<RefundPayment>, String> {
    let mut sources: Vec<(Transaction, Decimal)> = order
        .transactions
        .iter()
        .filter(|t| t.money() > Decimal::ZERO)
        .map(|t| {
            let gone: Decimal = order
                .transactions
                .iter()
                .filter(|r| r.event == "refund" && r.ok && r.reference == Some(t.id))
                .map(|r| r.amount)
                .sum();
            (t.clone(), t.amount - gone)
        })
        .collect();
    sources.sort_by_key(|(t, _)| t.method != "credit_card");
    let most: Decimal = sources.iter().map(|(_, left)| *left).sum();
    if amount > most {
        return Err(format!(
            "cannot refund {amount}: {most} was paid and not given back; refund less, or offline"
        ));
    }
    let mut rest = amount;
    let mut payments = Vec::new();
    for (source, left) in sources {
        let part = rest.min(left);
        if part <= Decimal::ZERO {
            continue;
        }
        rest -= part;
        let transaction_id = ids();
        let provider_id = source.gateway.clone();
        let gateway_transaction_id = format!("rf{transaction_id:08x}");
        order.transactions.push(Transaction {
            id: transaction_id,
            event: "refund".to_owned(),
            amount: part,
            gateway_transaction_id,
            ok: !declined,
            reference: Some(source.id),
            at: crate::clock::now(),
            ..source
        });
        payments.push(RefundPayment {
            id: ids(),
            provider_id,
            amount: part,
            offline: false,
            declined,
            transaction_id: Some(transaction_id),
        });
    }
    Ok(payments)
}

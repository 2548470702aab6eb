//! From a kind and a seed to an order in the store.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::model::{InBooks, Order, Raw};
use super::spec::OrderSpec;
use super::{pay, refund, sums};
use crate::bigcommerce::kinds::{Draft, Gen, Kind, Shopper};
use crate::bigcommerce::money::round;
use crate::bigcommerce::people::{self, Customer};
use crate::bigcommerce::store::{Store, StoreData};

/// What a control request may fix instead of leaving it to the seed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wishes {
    pub(crate) email: Option<String>,
    pub(crate) customer_id: Option<u64>,
    pub(crate) created: Option<Timestamp>,
}

/// Registered customers who come back are these many.
const RETURNING: u64 = 8;
/// So many e-mails belong to two customers each, one in either channel.
const TWINS: u64 = 50;

/// Makes an order of a kind and puts it into the store. Answers it and its customer, if new.
pub(crate) fn place(
    store: &Store,
    kind: &Kind,
    seed: u64,
    wishes: &Wishes,
) -> (Arc<Order>, Option<u64>) {
    let config = &store.config;
    let mut data = store.data();
    let mut draft = {
        let mut source = Gen::new(
            seed,
            config.tax_inclusive,
            &config.default_currency,
            &data.products,
        );
        (kind.draft)(&mut source)
    };
    draft.spec.no_rounding = config.no_rounding;
    if draft.spec.unrounded && !config.no_rounding {
        // Only a store that does not round shows finer amounts than its currency has.
        draft.spec.unrounded = false;
        let digits = crate::bigcommerce::money::digits(&draft.spec.currency);
        for line in &mut draft.spec.lines {
            line.unit_price = round(line.unit_price, digits);
        }
    }
    let new_customer = customer(&mut data, &mut draft, seed, wishes);
    // A kind that is about its date has one.
    let own = draft.at.and_then(crate::bigcommerce::dates::read);
    let at = own.or(wishes.created).unwrap_or_else(crate::clock::now);
    let mut order = blank(&mut data, draft.spec, at, None);
    kind.name.clone_into(&mut order.kind);
    order.in_books = kind.in_books;
    order.later = draft.later;
    order.status_id = draft.status_id;
    order.shipped = matches!(draft.status_id, 2 | 10).then_some(at);
    let total = order.sums.payable();
    let share = |percent: u32| {
        let part = total * Decimal::from(percent) / Decimal::ONE_HUNDRED;
        round(part, order.sums.digits)
    };
    let (gift, credit) = (share(draft.gift_percent), share(draft.credit_percent));
    order.spec.gift_certificate = gift;
    order.spec.store_credit = credit;
    let mut ids = || data.take_row_ids(1);
    pay::apply(&mut order, draft.pay, &mut ids);
    refund::after(&mut order, draft.after, &mut ids);
    for transaction in &mut order.transactions {
        transaction.at = at;
    }
    for refund in &mut order.refunds {
        refund.at = at;
    }
    let order = Arc::new(order);
    data.orders.insert(order.id, Arc::clone(&order));
    (order, new_customer)
}

/// Puts an order of verbatim pieces into the store; what they leave out is empty.
pub(crate) fn place_raw(store: &Store, raw: Raw, in_books: InBooks) -> Arc<Order> {
    let mut data = store.data();
    let config = &store.config;
    let text = |name: &str| raw.order.get(name).and_then(Value::as_str);
    let inclusive = raw.order.get("is_tax_inclusive_pricing");
    let mut spec = OrderSpec::empty(
        inclusive
            .and_then(Value::as_bool)
            .unwrap_or(config.tax_inclusive),
        text("default_currency_code").unwrap_or(&config.default_currency),
    );
    spec.customer_id = raw
        .order
        .get("customer_id")
        .and_then(Value::as_u64)
        .unwrap_or(0);
    let email = raw.order.get("billing_address").map(|a| &a["email"]);
    if let Some(email) = email.and_then(Value::as_str) {
        email.clone_into(&mut spec.billing.email);
    }
    let at = |name: &str| text(name).and_then(crate::bigcommerce::dates::read);
    let created = at("date_created").unwrap_or_else(crate::clock::now);
    let modified = at("date_modified").unwrap_or(created);
    let id = raw.order.get("id").and_then(Value::as_u64);
    let mut order = blank(&mut data, spec, created, id);
    order.modified = modified;
    "raw".clone_into(&mut order.kind);
    order.in_books = in_books;
    order.status_id = raw
        .order
        .get("status_id")
        .and_then(Value::as_u64)
        .unwrap_or(1);
    let mut raw = raw;
    // These follow from the order's own state, so that later actions still show.
    for name in ["id", "status_id", "status", "date_modified", "date_created"] {
        raw.order.remove(name);
    }
    order.raw = Some(raw);
    let order = Arc::new(order);
    data.orders.insert(order.id, Arc::clone(&order));
    order
}

fn blank(data: &mut StoreData, spec: OrderSpec, at: Timestamp, id: Option<u64>) -> Order {
    let id = match id {
        Some(id) => {
            data.reserve_order_id(id);
            id
        }
        None => data.take_order_id(),
    };
    let count = spec.lines.len() as u64;
    let first = data.take_row_ids(count);
    let rows = (count * 2 + 2 + spec.elsewhere.len() as u64) * (spec.rates.len() as u64 + 1);
    Order {
        id,
        kind: String::new(),
        in_books: InBooks::Invoice,
        sums: sums::compute(&spec),
        line_ids: (first..first + count).collect(),
        address_id: data.take_row_ids(1),
        elsewhere_ids: spec
            .elsewhere
            .iter()
            .map(|_| data.take_row_ids(1))
            .collect(),
        tax_row_base: data.take_row_ids(rows),
        status_id: 1,
        payment_status: String::new(),
        archived: false,
        created: at,
        modified: at,
        shipped: None,
        // The same order has the same cart in every run.
        cart_id: uuid::Uuid::from_u64_pair(at.as_second().unsigned_abs(), id).to_string(),
        transactions: Vec::new(),
        refunds: Vec::new(),
        refunded: BTreeMap::new(),
        overrides: Map::new(),
        raw: None,
        later: Vec::new(),
        spec,
    }
}

/// Finds or registers who buys; answers the id of a customer that is new.
fn customer(data: &mut StoreData, draft: &mut Draft, seed: u64, wishes: &Wishes) -> Option<u64> {
    if let Some(email) = &wishes.email {
        draft.spec.billing.email.clone_from(email);
    }
    if let Some(id) = wishes.customer_id {
        draft.spec.customer_id = id;
        if let Some(customer) = data.customers.get(&id)
            && wishes.email.is_none()
        {
            draft.spec.billing = customer.address.clone();
        }
        return None;
    }
    let person = match draft.shopper {
        Shopper::Guest => return None,
        Shopper::Registered => draft.spec.billing.clone(),
        Shopper::Twin => {
            draft.spec.channel_id = seed % 2 + 1;
            let mut person = people::person(seed % (TWINS * 2));
            person.email = format!("twin.{}@example.com", seed / 2 % TWINS);
            person
        }
        Shopper::Returning => {
            let mut person = people::person(seed % RETURNING);
            if let Some(email) = &wishes.email {
                person.email.clone_from(email);
            }
            person
        }
    };
    let known = data.customer_by_email(draft.spec.channel_id, &person.email);
    let id = match known {
        Some(id) => id,
        None => register(data, person.clone(), draft.spec.channel_id),
    };
    draft.spec.customer_id = id;
    draft.spec.billing = person;
    draft.spec.shipping_address = draft
        .spec
        .shipping_address
        .as_ref()
        .map(|_| draft.spec.billing.clone());
    known.is_none().then_some(id)
}

/// Adds a customer of a channel with one address and no credit.
pub(crate) fn register(
    data: &mut StoreData,
    address: super::spec::Address,
    channel_id: u64,
) -> u64 {
    let id = data.take_customer_id();
    let now = crate::clock::now();
    let customer = Customer {
        id,
        address,
        address_id: data.take_row_ids(1),
        group_id: 0,
        channel_id,
        notes: String::new(),
        store_credit: Decimal::ZERO,
        created: now,
        modified: now,
    };
    data.put_customer(customer);
    id
}

//! The life of one order in its store: changes, and the document that the store shows after each.
//!
//! Sums are the store's own, in whole cents. Not here: what becomes of them in the books.

use std::sync::LazyLock;

use domain::account::{account, gone};
use domain::books::DesiredBooks;
use domain::mapping::Mapping;
use domain::policy::{Policy, RefundMode, ShippingMode};
use domain::validate::read_order;
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::common::{document, product, refund, tax, transaction};

static MAPPING: LazyLock<Mapping> = LazyLock::new(Mapping::built_in);

/// Statuses a merchant sets on an order that goes on.
const STATUSES: [u32; 8] = [2, 3, 8, 9, 10, 11, 12, 13];

/// How the store tells of a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// By the gateway's transaction alone, so far.
    Transaction,
    /// By a record that names the transaction.
    Both,
    /// By a record alone.
    Record,
    Declined,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    pub(crate) price_minor: i64,
    pub(crate) pieces: i64,
    pub(crate) taxed: bool,
}

impl Line {
    fn net(self) -> i64 {
        self.price_minor * self.pieces
    }

    /// 8.25 %, rounded half up.
    fn tax(self) -> i64 {
        if self.taxed {
            (self.net() * 825 + 5_000) / 10_000
        } else {
            0
        }
    }
}

/// One change. One that makes no sense for the order as it is changes nothing.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// So many thousandths of what is still open come in.
    Capture(i64),
    AddLine(Line),
    RemoveLine,
    /// Shipping costs so much from now on.
    Ship(i64),
    Move(u8),
    Message(u8),
    Rename(u8),
    Status(usize),
    Cancel(bool),
    Archive(bool),
    /// So many thousandths of what came in and was not given back go back.
    Refund(i64, Told),
    /// Records of refunds that were only told by a transaction appear.
    RecordRefunds,
    DeclineRefund,
    /// The merchant books refunds or shipping in another way from now on.
    Choose(usize),
    /// The first capture that stands is voided.
    Void,
    /// The gateway reports half of the latest capture.
    Halve,
    /// The latest refund is no longer reported.
    LoseRefund,
    OtherCurrency,
    Delete,
}

/// Changes after which Tillbook can always follow by itself.
pub(crate) fn followed() -> impl Strategy<Value = Change> {
    let told = prop_oneof![
        Just(Told::Transaction),
        Just(Told::Both),
        Just(Told::Record)
    ];
    prop_oneof![
        4 => prop_oneof![Just(1000), 1_i64..1000].prop_map(Change::Capture),
        2 => (1_i64..30_000, 1_i64..5, any::<bool>()).prop_map(|(price_minor, pieces, taxed)| {
            Change::AddLine(Line { price_minor, pieces, taxed })
        }),
        2 => Just(Change::RemoveLine),
        2 => prop_oneof![Just(0), 1_i64..2_000].prop_map(Change::Ship),
        1 => any::<u8>().prop_map(Change::Move),
        2 => any::<u8>().prop_map(Change::Message),
        1 => any::<u8>().prop_map(Change::Rename),
        1 => (0..STATUSES.len()).prop_map(Change::Status),
        2 => any::<bool>().prop_map(Change::Cancel),
        1 => any::<bool>().prop_map(Change::Archive),
        6 => (prop_oneof![Just(1000), 1_i64..1000], told)
            .prop_map(|(part, told)| Change::Refund(part, told)),
        2 => Just(Change::RecordRefunds),
        1 => Just(Change::DeclineRefund),
        5 => (0_usize..3).prop_map(Change::Choose),
        2 => (3_usize..6).prop_map(Change::Choose),
    ]
}

/// The same, and changes by which money or the order itself vanishes.
pub(crate) fn any_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        10 => followed(),
        3 => Just(Change::Void),
        1 => Just(Change::Halve),
        2 => Just(Change::LoseRefund),
        1 => Just(Change::OtherCurrency),
        1 => Just(Change::Delete),
    ]
}

/// What the books should say at each moment; the codes where the accounting rules hold it.
pub(crate) type Moment = Result<DesiredBooks, Vec<&'static str>>;

/// The moment an order is placed, and the moment after each change.
pub(crate) fn moments(changes: &[Change]) -> Vec<Moment> {
    let mut shop = Shop::default();
    let mut moments = vec![shop.moment()];
    for change in changes {
        shop.apply(change);
        moments.push(shop.moment());
    }
    moments
}

#[derive(Clone, Debug)]
struct Refund {
    minor: i64,
    told: Told,
}

#[derive(Clone, Debug)]
struct Shop {
    lines: Vec<Line>,
    shipping: Line,
    /// Amount, and whether it was voided.
    captures: Vec<(i64, bool)>,
    refunds: Vec<Refund>,
    status: u32,
    street: u8,
    message: u8,
    name: u8,
    cancelled: bool,
    archived: bool,
    deleted: bool,
    currency: &'static str,
    mode: RefundMode,
    shipping_mode: ShippingMode,
}

impl Default for Shop {
    fn default() -> Self {
        Self {
            lines: vec![Line {
                price_minor: 1999,
                pieces: 3,
                taxed: true,
            }],
            shipping: Line {
                price_minor: 799,
                pieces: 1,
                taxed: true,
            },
            captures: Vec::new(),
            refunds: Vec::new(),
            status: 11,
            street: 1,
            message: 0,
            name: 0,
            cancelled: false,
            archived: false,
            deleted: false,
            currency: "USD",
            mode: RefundMode::CreditNote,
            shipping_mode: ShippingMode::Expense("Freight".to_owned()),
        }
    }
}

impl Shop {
    fn apply(&mut self, change: &Change) {
        match change {
            Change::Capture(part) => {
                let open = (self.total() - self.captured()) * part / 1000;
                if open > 0 {
                    self.captures.push((open, false));
                }
            }
            Change::AddLine(line) => self.lines.push(*line),
            Change::RemoveLine => {
                if self.lines.len() > 1 {
                    let last = self.lines.pop();
                    // A store refuses to make an order worth less than what came in for it.
                    if self.total() < self.captured() {
                        self.lines.extend(last);
                    }
                }
            }
            Change::Ship(minor) => {
                let before = self.shipping;
                self.shipping.price_minor = *minor;
                if self.total() < self.captured() {
                    self.shipping = before;
                }
            }
            Change::Move(number) => self.street = *number,
            Change::Message(number) => self.message = *number,
            Change::Rename(number) => self.name = *number,
            Change::Status(index) => self.status = STATUSES[*index],
            Change::Cancel(cancelled) => self.cancelled = *cancelled,
            Change::Archive(archived) => self.archived = *archived,
            Change::Refund(part, told) => {
                let minor = (self.captured() - self.given_back()) * part / 1000;
                if minor > 0 {
                    self.refunds.push(Refund { minor, told: *told });
                }
            }
            Change::RecordRefunds => {
                for refund in &mut self.refunds {
                    if refund.told == Told::Transaction {
                        refund.told = Told::Both;
                    }
                }
            }
            Change::DeclineRefund => {
                let mut pending = self.refunds.iter_mut();
                if let Some(refund) = pending.find(|refund| refund.told == Told::Record) {
                    refund.told = Told::Declined;
                }
            }
            Change::Choose(index) => match index {
                0 => self.mode = RefundMode::CreditNote,
                1 => self.mode = RefundMode::Adjust,
                2 => self.mode = RefundMode::Expense("Refunds".to_owned()),
                3 => self.shipping_mode = ShippingMode::Line,
                4 => self.shipping_mode = ShippingMode::Expense("Freight".to_owned()),
                _ => self.shipping_mode = ShippingMode::Expense("Courier".to_owned()),
            },
            Change::Void => {
                if let Some(first) = self.captures.iter_mut().find(|capture| !capture.1) {
                    first.1 = true;
                }
            }
            Change::Halve => {
                if let Some((amount, _)) = self.captures.last_mut().filter(|last| last.0 > 1) {
                    *amount /= 2;
                }
            }
            Change::LoseRefund => drop(self.refunds.pop()),
            Change::OtherCurrency => self.currency = "EUR",
            Change::Delete => self.deleted = true,
        }
    }

    fn total(&self) -> i64 {
        let lines = self.lines.iter().chain([&self.shipping]);
        lines.map(|line| line.net() + line.tax()).sum()
    }

    fn captured(&self) -> i64 {
        let standing = self.captures.iter().filter(|(_, voided)| !voided);
        standing.map(|(amount, _)| amount).sum()
    }

    fn given_back(&self) -> i64 {
        let real = self.refunds.iter().filter(|one| one.told != Told::Declined);
        real.map(|refund| refund.minor).sum()
    }

    fn status(&self) -> u32 {
        match (self.cancelled, self.given_back()) {
            (true, _) => 5,
            (false, 0) if self.captured() == 0 => 7,
            (false, 0) => self.status,
            (false, back) if back >= self.captured() => 4,
            (false, _) => 14,
        }
    }

    fn moment(&self) -> Moment {
        let policy = Policy {
            refund: self.mode.clone(),
            shipping: self.shipping_mode.clone(),
            ..Policy::default()
        };
        if self.deleted {
            return Ok(gone(1001, &policy));
        }
        let order = read_order(&self.document()).unwrap().order;
        account(&order, false, &policy, &MAPPING)
            .map_err(|holds| holds.into_iter().map(|hold| hold.code).collect())
    }

    fn document(&self) -> Value {
        let mut document = document();
        let (mut products, mut taxes) = (Vec::new(), Vec::new());
        for (line, id) in self.lines.iter().zip(1_u64..) {
            let name = format!("Mug {}", self.name);
            let (pieces, price) = (line.pieces.to_string(), text(line.price_minor));
            let mut row = product(id, &name, &pieces, &price, &text(line.net()));
            row["total_tax"] = json!(text(line.tax()));
            row["total_inc_tax"] = json!(text(line.net() + line.tax()));
            products.push(row);
            taxes.push(tax(id, "item", "State", "8.2500", &text(line.tax())));
        }
        let (shipping, shipping_tax) = (self.shipping.net(), self.shipping.tax());
        taxes.push(tax(0, "shipping", "State", "8.2500", &text(shipping_tax)));
        let net: i64 = self.lines.iter().map(|line| line.net()).sum();
        let net = net + shipping;
        let order = &mut document["order"];
        order["shipping_cost_ex_tax"] = json!(text(shipping));
        order["shipping_cost_tax"] = json!(text(shipping_tax));
        order["shipping_cost_inc_tax"] = json!(text(shipping + shipping_tax));
        order["status_id"] = json!(self.status());
        order["is_deleted"] = json!(self.archived);
        order["default_currency_code"] = json!(self.currency);
        order["payment_provider_id"] = json!("stripe");
        order["customer_message"] = json!(format!("Message {}", self.message));
        order["billing_address"]["street_1"] = json!(format!("{} Mill Lane", self.street));
        order["total_ex_tax"] = json!(text(net));
        order["total_tax"] = json!(text(self.total() - net));
        order["total_inc_tax"] = json!(text(self.total()));
        document["products"] = json!(products);
        document["taxes"] = json!(taxes);
        document["transactions"] = json!(self.transactions());
        document["refunds"] = json!(self.records());
        document
    }

    fn transactions(&self) -> Vec<Value> {
        let mut rows = Vec::new();
        for ((amount, voided), number) in self.captures.iter().zip(0_u64..) {
            rows.push(transaction(501 + number, "capture", &text(*amount)));
            if *voided {
                let mut void = transaction(801 + number, "void", &text(*amount));
                void["reference_transaction_id"] = json!(501 + number);
                rows.push(void);
            }
        }
        for (refund, number) in self.refunds.iter().zip(0_u64..) {
            if matches!(refund.told, Told::Transaction | Told::Both) {
                let mut back = transaction(701 + number, "refund", &text(refund.minor));
                back["reference_transaction_id"] = json!(501);
                rows.push(back);
            }
        }
        for row in &mut rows {
            row["currency"] = json!(self.currency);
        }
        rows
    }

    fn records(&self) -> Vec<Value> {
        let mut rows = Vec::new();
        for (one, number) in self.refunds.iter().zip(0_u64..) {
            if one.told == Told::Transaction {
                continue;
            }
            let amount: serde_json::Number = text(one.minor).parse().unwrap();
            let items = json!([{"item_type": "ORDER", "item_id": 1001, "quantity": 1,
                "requested_amount": amount}]);
            let mut row = refund(7 + number, &text(one.minor), "0", items);
            row["reason"] = json!(format!("Reason {}", self.message));
            let way = &mut row["payments"][0];
            way["is_declined"] = json!(one.told == Told::Declined);
            if one.told == Told::Both {
                way["transaction_id"] = json!((701 + number).to_string());
            }
            rows.push(row);
        }
        rows
    }
}

fn text(minor: i64) -> String {
    Decimal::new(minor, 2).to_string()
}

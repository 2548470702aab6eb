//! A source path, from text to something that reads an order directly.
//!
//! Not here: the fields themselves; see `view`.

use crate::accounting::{Entry, Receipt};
use crate::order::{Address, Coupon, Fee, Order, ProductLine, Refund, TaxRow, Transaction};

use super::Sources;
use super::fault::nearest;
use super::read::{FieldType, Read};
use super::view::{self, Field};

/// A list a mapping may go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum List {
    Products,
    ShippingAddresses,
    Taxes,
    Coupons,
    Fees,
    Transactions,
    Refunds,
    Entries,
    Receipts,
}

/// The lists and their paths.
pub(super) const LISTS: &[(&str, List)] = &[
    ("order.products", List::Products),
    ("order.shipping_addresses", List::ShippingAddresses),
    ("order.taxes", List::Taxes),
    ("order.coupons", List::Coupons),
    ("order.fees", List::Fees),
    ("order.transactions", List::Transactions),
    ("order.refunds", List::Refunds),
    ("entries", List::Entries),
    ("receipts", List::Receipts),
];

/// One thing that fields are read from.
#[derive(Clone, Copy)]
pub(super) enum Row<'a> {
    Order(&'a Order),
    Address(&'a Address),
    Product(&'a ProductLine),
    Tax(&'a TaxRow),
    Coupon(&'a Coupon),
    Fee(&'a Fee),
    Transaction(&'a Transaction),
    Refund(&'a Refund),
    Entry(&'a Entry),
    Receipt(&'a Receipt),
    Text(&'a str),
}

impl List {
    pub(super) fn path(self) -> &'static str {
        LISTS
            .iter()
            .find(|(_, list)| *list == self)
            .map_or("", |(path, _)| path)
    }

    pub(super) fn len(self, sources: &Sources<'_>) -> usize {
        match self {
            Self::Products => sources.order.products.len(),
            Self::ShippingAddresses => sources.order.shipping_addresses.len(),
            Self::Taxes => sources.order.taxes.len(),
            Self::Coupons => sources.order.coupons.len(),
            Self::Fees => sources.order.fees.len(),
            Self::Transactions => sources.order.transactions.len(),
            Self::Refunds => sources.order.refunds.len(),
            Self::Entries => sources.entries.len(),
            Self::Receipts => sources.receipts.len(),
        }
    }

    pub(super) fn row<'a>(self, sources: &Sources<'a>, index: usize) -> Option<Row<'a>> {
        match self {
            Self::Products => sources.order.products.get(index).map(Row::Product),
            Self::ShippingAddresses => sources
                .order
                .shipping_addresses
                .get(index)
                .map(Row::Address),
            Self::Taxes => sources.order.taxes.get(index).map(Row::Tax),
            Self::Coupons => sources.order.coupons.get(index).map(Row::Coupon),
            Self::Fees => sources.order.fees.get(index).map(Row::Fee),
            Self::Transactions => sources.order.transactions.get(index).map(Row::Transaction),
            Self::Refunds => sources.order.refunds.get(index).map(Row::Refund),
            Self::Entries => sources.entries.get(index).map(Row::Entry),
            Self::Receipts => sources.receipts.get(index).map(Row::Receipt),
        }
    }

    fn field(self, name: &str) -> Option<(FieldType, Reader)> {
        match self {
            Self::Products => product(name),
            Self::ShippingAddresses => address(name),
            Self::Taxes => find(view::TAX, name, Reader::Tax),
            Self::Coupons => find(view::COUPON, name, Reader::Coupon),
            Self::Fees => find(view::FEE, name, Reader::Fee),
            Self::Transactions => find(view::TRANSACTION, name, Reader::Transaction),
            Self::Refunds => find(view::REFUND, name, Reader::Refund),
            Self::Entries => find(view::ENTRY, name, Reader::Entry),
            Self::Receipts => find(view::RECEIPT, name, Reader::Receipt),
        }
    }

    /// Its fields, for hints and the schema. A name that ends in `.` takes a merchant's own name.
    pub(super) fn fields(self) -> Vec<(&'static str, FieldType)> {
        match self {
            Self::Products => with_custom(names(view::PRODUCT), "product_options."),
            Self::ShippingAddresses => address_fields(),
            Self::Taxes => names(view::TAX),
            Self::Coupons => names(view::COUPON),
            Self::Fees => names(view::FEE),
            Self::Transactions => names(view::TRANSACTION),
            Self::Refunds => names(view::REFUND),
            Self::Entries => names(view::ENTRY),
            Self::Receipts => names(view::RECEIPT),
        }
    }
}

fn names<T>(fields: &[Field<T>]) -> Vec<(&'static str, FieldType)> {
    fields
        .iter()
        .map(|field| (field.name, field.field_type))
        .collect()
}

fn with_custom(
    mut names: Vec<(&'static str, FieldType)>,
    custom: &'static str,
) -> Vec<(&'static str, FieldType)> {
    names.push((custom, FieldType::Custom));
    names
}

pub(super) fn address_fields() -> Vec<(&'static str, FieldType)> {
    with_custom(names(view::ADDRESS), "form_fields.")
}

pub(super) fn order_fields() -> Vec<(&'static str, FieldType)> {
    names(view::ORDER)
}

/// How one value is read from a row.
#[derive(Clone, Debug)]
enum Reader {
    Order(fn(&Order) -> Read<'_>),
    Address(fn(&Address) -> Read<'_>),
    FormField(String),
    Product(fn(&ProductLine) -> Read<'_>),
    ProductOption(String),
    Tax(fn(&TaxRow) -> Read<'_>),
    Coupon(fn(&Coupon) -> Read<'_>),
    Fee(fn(&Fee) -> Read<'_>),
    Transaction(fn(&Transaction) -> Read<'_>),
    Refund(fn(&Refund) -> Read<'_>),
    Entry(fn(&Entry) -> Read<'_>),
    Receipt(fn(&Receipt) -> Read<'_>),
    Itself,
}

/// Which row.
#[derive(Clone, Copy, Debug)]
enum Origin {
    Order,
    Billing,
    /// A fixed place in a list.
    Item(List, usize),
    /// The row an `each` stands at.
    Each,
    Number,
    CreateDate,
}

/// A checked path.
#[derive(Clone, Debug)]
pub(super) struct SourcePath {
    pub(super) text: String,
    pub(super) field_type: FieldType,
    origin: Origin,
    reader: Reader,
}

/// What an `each` calls its rows.
#[derive(Clone, Debug)]
pub(super) struct Alias {
    pub(super) name: String,
    pub(super) list: List,
}

impl SourcePath {
    /// The path a text means where `alias` is known; the error is a message for people.
    pub(super) fn parse(text: &str, alias: Option<&Alias>) -> Result<Self, String> {
        locate(text, alias)
            .map(|(origin, (field_type, reader))| Self {
                text: text.to_owned(),
                field_type,
                origin,
                reader,
            })
            .ok_or_else(|| unknown(text, alias))
    }

    /// The order's value; `row` is where the enclosing `each` stands.
    pub(super) fn read<'a>(&self, sources: &Sources<'a>, row: Option<Row<'a>>) -> Read<'a> {
        let row = match self.origin {
            Origin::Order => Some(Row::Order(sources.order)),
            Origin::Billing => Some(Row::Address(&sources.order.billing_address)),
            Origin::Item(list, index) => list.row(sources, index),
            Origin::Each => row,
            Origin::Number => Some(Row::Text(sources.number)),
            Origin::CreateDate => Some(Row::Text(sources.create_date)),
        };
        match (&self.reader, row) {
            (Reader::Order(get), Some(Row::Order(order))) => get(order),
            (Reader::Address(get), Some(Row::Address(address))) => get(address),
            (Reader::FormField(name), Some(Row::Address(address))) => {
                view::form_field(address, name)
            }
            (Reader::Product(get), Some(Row::Product(product))) => get(product),
            (Reader::ProductOption(name), Some(Row::Product(line))) => {
                view::product_option(line, name)
            }
            (Reader::Tax(get), Some(Row::Tax(tax))) => get(tax),
            (Reader::Coupon(get), Some(Row::Coupon(coupon))) => get(coupon),
            (Reader::Fee(get), Some(Row::Fee(fee))) => get(fee),
            (Reader::Transaction(get), Some(Row::Transaction(transaction))) => get(transaction),
            (Reader::Refund(get), Some(Row::Refund(refund))) => get(refund),
            (Reader::Entry(get), Some(Row::Entry(entry))) => get(entry),
            (Reader::Receipt(get), Some(Row::Receipt(receipt))) => get(receipt),
            (Reader::Itself, Some(Row::Text(text))) => Read::text(text),
            _ => Read::Missing,
        }
    }
}

fn locate(text: &str, alias: Option<&Alias>) -> Option<(Origin, (FieldType, Reader))> {
    match text {
        "number" => return Some((Origin::Number, (FieldType::Text, Reader::Itself))),
        "create_date" => return Some((Origin::CreateDate, (FieldType::Date, Reader::Itself))),
        _ => {}
    }
    let (first, rest) = text.split_once('.')?;
    if let Some(alias) = alias
        && first == alias.name
    {
        return alias.list.field(rest).map(|found| (Origin::Each, found));
    }
    if let Some(name) = text.strip_prefix("order.billing_address.") {
        return address(name).map(|found| (Origin::Billing, found));
    }
    for (path, list) in LISTS {
        if let Some(rest) = text
            .strip_prefix(path)
            .and_then(|rest| rest.strip_prefix('.'))
        {
            let (index, name) = rest.split_once('.')?;
            let index = index.parse().ok()?;
            return list
                .field(name)
                .map(|found| (Origin::Item(*list, index), found));
        }
    }
    if first != "order" {
        return None;
    }
    find(view::ORDER, rest, Reader::Order).map(|found| (Origin::Order, found))
}

fn find<T>(
    fields: &[Field<T>],
    name: &str,
    reader: fn(fn(&T) -> Read<'_>) -> Reader,
) -> Option<(FieldType, Reader)> {
    let field = fields.iter().find(|field| field.name == name)?;
    Some((field.field_type, reader(field.get)))
}

fn address(name: &str) -> Option<(FieldType, Reader)> {
    custom(name, "form_fields.", Reader::FormField)
        .or_else(|| find(view::ADDRESS, name, Reader::Address))
}

fn product(name: &str) -> Option<(FieldType, Reader)> {
    custom(name, "product_options.", Reader::ProductOption)
        .or_else(|| find(view::PRODUCT, name, Reader::Product))
}

fn custom(name: &str, prefix: &str, reader: fn(String) -> Reader) -> Option<(FieldType, Reader)> {
    let own = name.strip_prefix(prefix)?.trim();
    (!own.is_empty()).then(|| (FieldType::Custom, reader(own.to_owned())))
}

/// Every path known where `alias` is known.
pub(super) fn known_paths(alias: Option<&Alias>) -> Vec<(String, FieldType)> {
    let mut known = vec![
        ("number".to_owned(), FieldType::Text),
        ("create_date".to_owned(), FieldType::Date),
    ];
    let mut add = |prefix: &str, fields: Vec<(&'static str, FieldType)>| {
        known.extend(
            fields
                .into_iter()
                .map(|(name, kind)| (format!("{prefix}.{name}"), kind)),
        );
    };
    add("order", order_fields());
    add("order.billing_address", address_fields());
    if let Some(alias) = alias {
        add(&alias.name, alias.list.fields());
    }
    known
}

fn unknown(text: &str, alias: Option<&Alias>) -> String {
    if LISTS.iter().any(|(path, _)| *path == text) {
        return format!(
            "\"{text}\" is a list, so it has no single value. Go through it with \"each: {text} as row\", or \
             name one item of it, e.g. \"{text}.0.…\"."
        );
    }
    let mut known = known_paths(alias);
    for (path, list) in LISTS {
        if text.starts_with(path) {
            known.extend(
                list.fields()
                    .into_iter()
                    .map(|(name, kind)| (format!("{path}.0.{name}"), kind)),
            );
        }
    }
    let hint = nearest(text, known.iter().map(|(path, _)| path.as_str()));
    format!(
        "There is no source field \"{text}\" here.{hint} Take a field from the list of source fields."
    )
}

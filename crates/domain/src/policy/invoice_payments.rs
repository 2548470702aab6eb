//! Marks of orders that only pay another order's invoice (BigCommerce's B2B Edition makes such).
//!
//! Not here: which order is paid ([`crate::account`]).

use serde::{Deserialize, Deserializer, de::Error as _};

use crate::order::{Order, ProductLine};

/// `[invoice_payment_orders]`: an order with one of these marks is no sale but a payment.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InvoicePaymentOrders {
    /// `channels`: ids of channels through which only invoices are paid.
    pub channels: Vec<String>,
    /// `products`: a SKU, `id:<product id>`, or `name:<text>`, where a last `*` stands for any end.
    pub products: Vec<ProductMark>,
    /// `external_sources`: what the store says made the order.
    pub external_sources: Vec<String>,
    /// `unmarked`: an order that looks like a payment and has no mark is held (`hold`, default) or
    /// a sale like any other (`ordinary`).
    pub unmarked: Unmarked,
}

/// What an order is that looks like an invoice payment and bears no mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unmarked {
    #[default]
    Hold,
    Ordinary,
}

/// A product by which invoices are paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProductMark {
    Sku(String),
    Id(u64),
    /// The whole name, in lower case.
    Name(String),
    /// The name's beginning, in lower case.
    NameStart(String),
}

impl InvoicePaymentOrders {
    /// Whether the channel or the source of the order says that it pays an invoice.
    pub fn marks_order(&self, order: &Order) -> bool {
        let names = |marks: &[String], text: &str| {
            let text = text.trim();
            !text.is_empty() && marks.iter().any(|mark| mark.eq_ignore_ascii_case(text))
        };
        names(&self.channels, &order.channel_id)
            || names(&self.external_sources, &order.external_source)
    }

    /// Whether the product of the line is one by which invoices are paid.
    pub fn marks_line(&self, line: &ProductLine) -> bool {
        let name = line.name.trim().to_lowercase();
        self.products.iter().any(|mark| match mark {
            ProductMark::Sku(sku) => sku.eq_ignore_ascii_case(line.sku.trim()),
            ProductMark::Id(id) => line.product_id == Some(*id),
            ProductMark::Name(whole) => *whole == name,
            ProductMark::NameStart(start) => name.starts_with(start.as_str()),
        })
    }
}

impl<'de> Deserialize<'de> for ProductMark {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = String::deserialize(deserializer)?;
        let refused = || {
            D::Error::custom(format!(
                "invoice_payment_orders.products has {value:?}; use a SKU, \"id:\" and a product's \
                 id, or \"name:\" and a product's name, whose last character may be * for any end"
            ))
        };
        let text = value.trim();
        if let Some(id) = text.strip_prefix("id:") {
            let id = id.trim().parse().ok().filter(|id| *id > 0);
            return id.map(Self::Id).ok_or_else(refused);
        }
        let Some(name) = text.strip_prefix("name:") else {
            return match text {
                "" => Err(refused()),
                sku => Ok(Self::Sku(sku.to_owned())),
            };
        };
        let name = name.trim().to_lowercase();
        let (start, is_start) = match name.strip_suffix('*') {
            Some(start) => (start.to_owned(), true),
            None => (name, false),
        };
        // A lone * would make a payment of every sale.
        match (start.trim().is_empty() || start.contains('*'), is_start) {
            (true, _) => Err(refused()),
            (false, true) => Ok(Self::NameStart(start)),
            (false, false) => Ok(Self::Name(start)),
        }
    }
}

//! What only decorates a document, in every form that real stores were seen to give it.
//!
//! Nothing of the books hangs on these fields. Where text, a number or an object is documented,
//! stores answer empty objects, lists and texts, null, or a number for a text.

use serde_json::{Map, Value, json};

/// The form of what decorates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Dress {
    /// As documented.
    #[default]
    Plain,
    /// `{}`.
    Objects,
    /// `[]`.
    Lists,
    /// `""`.
    Texts,
    Nulls,
    /// Numbers for texts and texts for numbers.
    Numbers,
}

const ORDER: [&str; 22] = [
    "external_id",
    "external_order_id",
    "external_merchant_id",
    "external_source",
    "ebay_order_id",
    "payment_provider_id",
    "payment_status",
    "date_shipped",
    "cart_id",
    "staff_notes",
    "customer_message",
    "credit_card_type",
    "custom_status",
    "customer_locale",
    "geoip_country",
    "geoip_country_iso2",
    "ip_address",
    "ip_address_v6",
    "is_email_opt_in",
    "order_source",
    "store_default_currency_code",
    "tax_provider_id",
];
const BILLING: [&str; 2] = ["street_2", "company"];
const PRODUCT: [&str; 12] = [
    "upc",
    "event_name",
    "event_date",
    "ebay_item_id",
    "ebay_transaction_id",
    "option_set_id",
    "bin_picking_number",
    "external_id",
    "fulfillment_source",
    "brand",
    "wrapping_message",
    "gift_certificate_id",
];
const TRANSACTION: [&str; 8] = [
    "credit_card",
    "gift_certificate",
    "store_credit",
    "offline",
    "custom",
    "avs_result",
    "cvv_result",
    "payment_instrument_token",
];
/// Documented as lists.
const LISTS: [&str; 3] = ["form_fields", "configurable_fields", "product_options"];
const REFUND: [&str; 2] = ["reason", "user_id"];

impl Dress {
    /// An order, its billing address included.
    pub(crate) fn order(self, body: &mut Map<String, Value>) {
        self.fill(body, &ORDER);
        if let Some(Value::Object(billing)) = body.get_mut("billing_address") {
            self.fill(billing, &BILLING);
            self.fill_lists(billing);
            if self == Self::Numbers {
                billing.insert("zip".into(), json!(78_701));
                billing.insert("phone".into(), json!(5_550_100));
            }
        }
        if self == Self::Numbers {
            spell_short(body);
        }
    }

    /// A product line.
    pub(crate) fn product(self, body: &mut Map<String, Value>) {
        self.fill(body, &PRODUCT);
        self.fill_lists(body);
        if self == Self::Numbers {
            for name in ["product_id", "variant_id", "order_address_id"] {
                let id = body.get(name).map(Value::to_string).unwrap_or_default();
                body.insert(name.into(), id.into());
            }
            spell_short(body);
        }
    }

    pub(crate) fn transaction(self, row: &mut Value) {
        if let Value::Object(body) = row {
            if self != Self::Numbers {
                self.fill(body, &TRANSACTION);
            } else {
                let id = body.get("order_id").and_then(Value::as_str);
                let id = id.and_then(|id| id.parse::<u64>().ok());
                body.insert("order_id".into(), json!(id));
            }
        }
    }

    pub(crate) fn refund(self, row: &mut Value) {
        if let Value::Object(body) = row {
            self.fill(body, &REFUND);
            let items = body.get_mut("items").and_then(Value::as_array_mut);
            for item in items.into_iter().flatten() {
                if let Value::Object(item) = item {
                    self.fill(item, &["reason", "adjustments"]);
                }
            }
        }
    }

    /// The lists that are there; no store was seen to give a number for one.
    fn fill_lists(self, body: &mut Map<String, Value>) {
        let there = LISTS.into_iter().filter(|name| body.contains_key(*name));
        let there: Vec<&str> = there.collect();
        if self != Self::Numbers {
            self.fill(body, &there);
        }
    }

    fn fill(self, body: &mut Map<String, Value>, names: &[&str]) {
        let value = match self {
            Self::Plain => return,
            Self::Objects => json!({}),
            Self::Lists => json!([]),
            Self::Texts => json!(""),
            Self::Nulls => Value::Null,
            Self::Numbers => json!(0),
        };
        for name in names {
            body.insert((*name).to_owned(), value.clone());
        }
    }
}

/// Amounts without the decimals that they do not need: `"8"` for `"8.0000"`.
fn spell_short(body: &mut Map<String, Value>) {
    for value in body.values_mut() {
        let whole = value.as_str().and_then(|text| text.strip_suffix(".0000"));
        if let Some(whole) = whole.map(str::to_owned) {
            *value = Value::String(whole);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_decorates_changes_its_form() {
        let plain = json!({"id": 7, "upc": "1", "quantity": 2, "total_tax": "8.0000"});
        let dressed = |dress: Dress| {
            let mut body = plain.as_object().cloned().unwrap_or_default();
            dress.product(&mut body);
            Value::Object(body)
        };
        assert_eq!(dressed(Dress::Plain), plain);
        let objects = dressed(Dress::Objects);
        assert_eq!(objects["upc"], json!({}));
        assert_eq!(
            (&objects["quantity"], &objects["id"]),
            (&json!(2), &json!(7))
        );
        assert_eq!(dressed(Dress::Numbers)["total_tax"], "8");
    }
}

//! What is written for an invoice.
//!
//! Amounts, quantities and percents go out as text, so no float ever touches them. Not here:
//! what the lines should be.

use std::collections::BTreeMap;

use domain::books::{DesiredInvoice, InvoiceLine, LineTax};
use domain::money::Currency;
use serde_json::{Map, Value, json};

use crate::error::VendorError;

/// The types of a line.
const NORMAL: u64 = 0;
const REBILLED_EXPENSE: u64 = 1;

/// The field of an invoice in which whoever made it can leave a mark: FreshBooks shows it beside a
/// discount of the whole invoice only, so nobody types into it where there is none.
pub(super) const MARK_FIELD: &str = "discount_description";

/// FreshBooks' limit on invoice numbers.
const MAX_NUMBER_CHARS: usize = 20;

/// Fields of the body that only this room writes.
const OWN_FIELDS: [&str; 6] = [
    "customerid",
    "create_date",
    "invoice_number",
    "due_offset_days",
    "currency_code",
    "lines",
];

/// Ids of expenses, by the keys under which lines of an invoice name them.
pub type Rebilled = BTreeMap<String, u64>;

/// The body of a create. `mark` is left where nobody types, unless the mapping writes there.
pub(super) fn for_create(
    client_id: u64,
    invoice: &DesiredInvoice,
    mark: &str,
    rebilled: &Rebilled,
) -> Result<Value, VendorError> {
    if invoice.number.is_empty() || invoice.number.chars().count() > MAX_NUMBER_CHARS {
        let reason = "an invoice number must have 1 to 20 characters; shorten the prefix";
        return Err(VendorError::Unsendable { reason });
    }
    let mut body = data(invoice, rebilled)?;
    body.insert("customerid".to_owned(), json!(client_id));
    body.insert("invoice_number".to_owned(), json!(invoice.number));
    body.entry(MARK_FIELD).or_insert_with(|| json!(mark));
    Ok(Value::Object(body))
}

/// The body of an update: all lines, because a PUT replaces the whole set. The number stays.
pub(super) fn for_update(
    client_id: Option<u64>,
    invoice: &DesiredInvoice,
    rebilled: &Rebilled,
) -> Result<Value, VendorError> {
    let mut body = data(invoice, rebilled)?;
    if let Some(client_id) = client_id {
        body.insert("customerid".to_owned(), json!(client_id));
    }
    Ok(Value::Object(body))
}

/// Refuses fields that would run as another phase of the PUT and discard everything else.
pub(super) fn refuse_phases(fields: &BTreeMap<String, String>) -> Result<(), VendorError> {
    let is_phase = |name: &String| {
        name == "vis_state" || name == "ext_vis_state" || name.starts_with("action_")
    };
    if fields.keys().any(is_phase) {
        let reason = "vis_state and actions cannot be mixed with fields: FreshBooks discards them";
        return Err(VendorError::Unsendable { reason });
    }
    Ok(())
}

fn data(invoice: &DesiredInvoice, rebilled: &Rebilled) -> Result<Map<String, Value>, VendorError> {
    refuse_phases(&invoice.fields)?;
    if invoice.fields.contains_key("due_date") {
        let reason = "due_date is read-only in FreshBooks; map to due_offset_days";
        return Err(VendorError::Unsendable { reason });
    }
    if invoice
        .fields
        .keys()
        .any(|name| OWN_FIELDS.contains(&name.as_str()))
    {
        let reason =
            "a mapped field is one that Tillbook writes itself; remove it from the mapping";
        return Err(VendorError::Unsendable { reason });
    }
    let currency = invoice.expected_total.currency;
    let lines = invoice.lines.iter().map(|row| {
        let mut body = line(row, currency);
        if let Some(key) = &row.rebills {
            let reason = "a line rebills an expense that is not written; write the expense first";
            let unwritten = VendorError::Unsendable { reason };
            body["type"] = json!(REBILLED_EXPENSE);
            body["expenseid"] = json!(rebilled.get(key).ok_or(unwritten)?);
        }
        Ok(body)
    });
    let lines: Vec<Value> = lines.collect::<Result<_, VendorError>>()?;
    let mut body: Map<String, Value> = invoice
        .fields
        .iter()
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect();
    body.insert("create_date".to_owned(), json!(invoice.create_date));
    body.insert("due_offset_days".to_owned(), json!(invoice.due_offset_days));
    body.insert("currency_code".to_owned(), json!(currency.code()));
    body.insert("lines".to_owned(), Value::Array(lines));
    Ok(body)
}

/// A line of an invoice or a credit note; it rebills nothing.
pub(super) fn line(line: &InvoiceLine, currency: Currency) -> Value {
    let mut body = Map::new();
    body.insert("type".to_owned(), json!(NORMAL));
    body.insert("name".to_owned(), json!(line.name));
    body.insert("description".to_owned(), json!(line.description));
    body.insert(
        "qty".to_owned(),
        json!(line.quantity.normalize().to_string()),
    );
    let unit_cost = json!({"amount": line.unit_cost.to_string(), "code": currency.code()});
    body.insert("unit_cost".to_owned(), unit_cost);
    tax(&mut body, ["taxName1", "taxAmount1"], line.tax1.as_ref());
    tax(&mut body, ["taxName2", "taxAmount2"], line.tax2.as_ref());
    if line.compounded {
        body.insert("compounded_tax".to_owned(), Value::Bool(true));
    }
    Value::Object(body)
}

fn tax(body: &mut Map<String, Value>, names: [&str; 2], tax: Option<&LineTax>) {
    if let Some(tax) = tax {
        body.insert(names[0].to_owned(), json!(tax.name));
        body.insert(
            names[1].to_owned(),
            json!(tax.percent.normalize().to_string()),
        );
    }
}

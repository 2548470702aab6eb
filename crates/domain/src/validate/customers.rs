//! Reads a customer document. V3 names its fields differently from an order's addresses.

use serde_json::Value;

use super::Fault;
use super::reader::{Findings, Node};
use crate::customer::Customer;
use crate::order::Address;

/// Reads `{"customer"}` with its `addresses`. Errors hold every fault found; none names the person.
pub fn read_customer(document: &Value) -> Result<Customer, Vec<Fault>> {
    let findings = Findings::default();
    let customer = read(document, &findings);
    let faults = findings.faults.into_inner();
    match customer {
        Some(customer) if faults.is_empty() => Ok(customer),
        _ => Err(faults),
    }
}

fn read(document: &Value, findings: &Findings) -> Option<Customer> {
    let root = Node::root(document, findings);
    let node = root.get("customer");
    if !node.is_object() {
        node.fault("missing_customer", "is missing; fetch the customer again");
        return None;
    }
    let id = node.get("id").id();
    if id.is_none() {
        let message = "must be a number above 0; fetch the customer again";
        node.get("id").fault("missing_customer_id", message);
    }
    let email = node.get("email").needed_text();
    if !email.trim().is_empty() && !looks_like_email(email.trim()) {
        let message =
            "is no e-mail address, so FreshBooks would refuse it; correct it in the store";
        node.get("email").fault("not_an_email", message);
    }
    Some(Customer {
        id: id.unwrap_or_default(),
        email,
        first_name: node.get("first_name").text(),
        last_name: node.get("last_name").text(),
        company: node.get("company").text(),
        phone: node.get("phone").text(),
        addresses: node.get("addresses").list_if_readable(address),
    })
}

fn address(node: &Node<'_>) -> Address {
    let country_iso2 = node.get_any(&["country_code", "country_iso2"]).text();
    let country = node.get("country").text();
    Address {
        id: node.get("id").id_if_readable(),
        first_name: node.get("first_name").text(),
        last_name: node.get("last_name").text(),
        company: node.get("company").text(),
        street_1: node.get_any(&["address1", "street_1"]).text(),
        street_2: node.get_any(&["address2", "street_2"]).text(),
        city: node.get("city").text(),
        state: node.get_any(&["state_or_province", "state"]).text(),
        zip: node.get_any(&["postal_code", "zip"]).text(),
        // The code is better than nothing where the store leaves the name out.
        country: if country.trim().is_empty() {
            country_iso2.clone()
        } else {
            country
        },
        country_iso2,
        phone: node.get("phone").text(),
        ..Address::default()
    }
}

fn looks_like_email(text: &str) -> bool {
    text.split_once('@')
        .is_some_and(|(user, host)| !user.is_empty() && !host.is_empty())
        && !text.chars().any(char::is_whitespace)
}

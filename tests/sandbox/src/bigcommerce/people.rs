//! Customers: made-up people, and the V3 view of those who are registered.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::dates::iso_utc;
use super::money::number;
use super::orders::spec::Address;

#[derive(Clone, Debug)]
pub(crate) struct Customer {
    pub(crate) id: u64,
    pub(crate) address: Address,
    pub(crate) address_id: u64,
    pub(crate) group_id: u64,
    /// The storefront where the customer signed up.
    pub(crate) channel_id: u64,
    pub(crate) notes: String,
    pub(crate) store_credit: Decimal,
    pub(crate) created: Timestamp,
    pub(crate) modified: Timestamp,
}

struct Place {
    city: &'static str,
    state: &'static str,
    zip: &'static str,
    country: &'static str,
    iso2: &'static str,
}

const FIRST: [&str; 16] = [
    "Ada", "Ben", "Clara", "David", "Elena", "Felix", "Grace", "Hugo", "Ines", "Jonas", "Kira",
    "Liam", "Mona", "Noah", "Olga", "Peter",
];
const LAST: [&str; 16] = [
    "Adams", "Baker", "Castillo", "Dubois", "Ellis", "Fischer", "Garcia", "Hill", "Ivanova",
    "Jensen", "Kowalski", "Lopez", "Moreau", "Novak", "O'Brien", "Price",
];
const PLACES: [Place; 6] = [
    place("Austin", "Texas", "78726", "United States", "US"),
    place("Albany", "New York", "12207", "United States", "US"),
    place("Toronto", "Ontario", "M5V 2T6", "Canada", "CA"),
    place(
        "London",
        "Greater London",
        "SW1A 1AA",
        "United Kingdom",
        "GB",
    ),
    place("Berlin", "Berlin", "10115", "Germany", "DE"),
    place("Sydney", "New South Wales", "2000", "Australia", "AU"),
];

const fn place(
    city: &'static str,
    state: &'static str,
    zip: &'static str,
    country: &'static str,
    iso2: &'static str,
) -> Place {
    Place {
        city,
        state,
        zip,
        country,
        iso2,
    }
}

fn pick<T>(from: &[T], n: u64) -> &T {
    let index = usize::try_from(n % from.len() as u64).unwrap_or(0);
    &from[index]
}

/// The same person for the same number, with an address of their own.
pub(crate) fn person(n: u64) -> Address {
    let (first, last) = (*pick(&FIRST, n), *pick(&LAST, n / 16));
    let home = pick(&PLACES, n / 7);
    let plain: String = last.chars().filter(char::is_ascii_alphabetic).collect();
    Address {
        first_name: first.to_owned(),
        last_name: last.to_owned(),
        company: if n.is_multiple_of(5) {
            format!("{last} Trading {}", n % 1000)
        } else {
            String::new()
        },
        street_1: format!("{} Market Street", 1 + n % 900),
        street_2: if n.is_multiple_of(3) {
            format!("Unit {}", 1 + n % 40)
        } else {
            String::new()
        },
        city: home.city.to_owned(),
        state: home.state.to_owned(),
        zip: home.zip.to_owned(),
        country: home.country.to_owned(),
        country_iso2: home.iso2.to_owned(),
        phone: format!("555{:07}", n % 10_000_000),
        email: format!("{first}.{plain}.{n}@example.com").to_lowercase(),
        form_fields: Vec::new(),
    }
}

/// The V3 object; the optional parts appear when included.
pub(crate) fn customer(customer: &Customer, includes: &[&str]) -> Value {
    let person = &customer.address;
    let mut body = json!({
        "id": customer.id,
        "email": person.email,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "company": person.company,
        "phone": person.phone,
        "notes": customer.notes,
        "tax_exempt_category": "",
        "customer_group_id": customer.group_id,
        "date_created": iso_utc(customer.created),
        "date_modified": iso_utc(customer.modified),
        "address_count": 1,
        "attribute_count": 0,
        "registration_ip_address": "",
        "origin_channel_id": customer.channel_id,
        "channel_ids": [customer.channel_id],
        "accepts_product_review_abandoned_cart_emails": false,
        "authentication": {"force_password_reset": false},
    });
    if let Value::Object(body) = &mut body {
        for include in includes {
            let (name, value) = match *include {
                "addresses" => ("addresses", json!([address(customer)])),
                "storecredit" => (
                    "store_credit_amounts",
                    json!([{"amount": number(customer.store_credit)}]),
                ),
                "attributes" => ("attributes", json!([])),
                "formfields" => ("form_fields", json!([])),
                _ => continue,
            };
            body.insert(name.to_owned(), value);
        }
    }
    body
}

fn address(customer: &Customer) -> Value {
    let person = &customer.address;
    json!({
        "id": customer.address_id,
        "customer_id": customer.id,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "company": person.company,
        "address1": person.street_1,
        "address2": person.street_2,
        "city": person.city,
        "state_or_province": person.state,
        "postal_code": person.zip,
        "country_code": person.country_iso2,
        "country": person.country,
        "phone": person.phone,
        "address_type": "residential",
    })
}

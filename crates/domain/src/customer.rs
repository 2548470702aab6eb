//! A registered customer of the store, and the FreshBooks client it should be.
//!
//! The mapping's client block gives the fields, as it does for an order. Not here: which client of
//! FreshBooks stands for the customer, and what a person changed there ([`crate::client_update`]).

use std::collections::BTreeMap;

use crate::books::DesiredClient;
use crate::mapping::Mapping;
use crate::order::{Address, Order};
use crate::text::{LONG_MAX_CHARS, SHORT_MAX_CHARS, fit_in_place};

/// One customer, typed. Absent text is empty.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Customer {
    pub id: u64,
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    pub company: String,
    pub phone: String,
    /// The address book; state and country in full.
    pub addresses: Vec<Address>,
}

/// The client's fields with one address of the address book.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ClientVersion {
    /// `None` when the customer has no address.
    pub address_id: Option<u64>,
    /// FreshBooks client field to text; fields without a value are left out.
    pub fields: BTreeMap<String, String>,
}

/// The keys the customer's client is found by, with the fields of the first version.
pub fn client(customer: &Customer, versions: &[ClientVersion]) -> DesiredClient {
    let email = customer.email.trim().to_lowercase();
    DesiredClient {
        email_key: Some(email).filter(|email| !email.is_empty()),
        customer_id: Some(customer.id),
        name_key: None,
        fields: versions
            .first()
            .map(|version| version.fields.clone())
            .unwrap_or_default(),
    }
}

/// The client's fields, once for each address, in the address book's order; never empty.
///
/// Which address the client carries is decided where its present one is known. Shipping fields are
/// left to orders: an address book does not say where something was sent.
pub fn versions(customer: &Customer, mapping: &Mapping) -> Vec<ClientVersion> {
    let none = Address::default();
    let book: Vec<&Address> = match customer.addresses.as_slice() {
        [] => vec![&none],
        book => book.iter().collect(),
    };
    book.into_iter()
        .map(|address| {
            let order = as_billed(customer, address);
            let mut fields = mapping.client_fields(&order);
            fields.retain(|name, _| !name.starts_with("s_"));
            for (name, value) in &mut fields {
                let width = if name == "note" {
                    LONG_MAX_CHARS
                } else {
                    SHORT_MAX_CHARS
                };
                fit_in_place(value, width);
            }
            ClientVersion {
                address_id: address.id,
                fields,
            }
        })
        .collect()
}

/// The customer as the mapping reads people: the billing address of an order without anything else.
fn as_billed(customer: &Customer, address: &Address) -> Order {
    let own = |own: &str, other: &str| {
        let text = if own.trim().is_empty() { other } else { own };
        text.to_owned()
    };
    Order {
        customer_id: Some(customer.id),
        billing_address: Address {
            id: None,
            first_name: own(&customer.first_name, &address.first_name),
            last_name: own(&customer.last_name, &address.last_name),
            // The customer's own company alone: one taken away must not come back from an address.
            company: customer.company.clone(),
            phone: own(&customer.phone, &address.phone),
            email: customer.email.clone(),
            ..address.clone()
        },
        ..Order::default()
    }
}

//! Wire and domain forms of a customer and of the client it should be.

use std::collections::BTreeMap;

use domain::client_update::{Known, KnownFields};
use domain::customer as d;
use domain::policy::ClientConflicts;

use crate::{books, ledger, order as w, order_conversion};

/// A customer as it travels.
pub fn to_wire(customer: &d::Customer) -> w::Customer {
    let addresses = customer.addresses.iter();
    w::Customer {
        id: customer.id,
        email: customer.email.clone(),
        first_name: customer.first_name.clone(),
        last_name: customer.last_name.clone(),
        company: customer.company.clone(),
        phone: customer.phone.clone(),
        addresses: addresses.map(order_conversion::address_to_wire).collect(),
    }
}

/// The customer that travelled.
pub fn from_wire(customer: &w::Customer) -> d::Customer {
    d::Customer {
        id: customer.id,
        email: customer.email.clone(),
        first_name: customer.first_name.clone(),
        last_name: customer.last_name.clone(),
        company: customer.company.clone(),
        phone: customer.phone.clone(),
        addresses: customer
            .addresses
            .iter()
            .map(order_conversion::address)
            .collect(),
    }
}

/// A client's fields with one address, as they travel.
pub fn version_to_wire(version: &d::ClientVersion) -> books::ClientVersion {
    books::ClientVersion {
        address_id: version.address_id.unwrap_or(0),
        fields: version.fields.clone(),
    }
}

/// The fields that travelled.
pub fn version_from_wire(version: &books::ClientVersion) -> d::ClientVersion {
    d::ClientVersion {
        address_id: (version.address_id != 0).then_some(version.address_id),
        fields: version.fields.clone(),
    }
}

/// The policy as it travels.
pub fn conflicts_to_wire(conflicts: ClientConflicts) -> books::ClientConflicts {
    match conflicts {
        ClientConflicts::Keep => books::ClientConflicts::Keep,
        ClientConflicts::Overwrite => books::ClientConflicts::Overwrite,
        ClientConflicts::Hold => books::ClientConflicts::Hold,
    }
}

/// The policy that travelled; the default where an older sender left it out.
pub fn conflicts_from_wire(conflicts: books::ClientConflicts) -> ClientConflicts {
    match conflicts {
        books::ClientConflicts::Keep | books::ClientConflicts::Unspecified => ClientConflicts::Keep,
        books::ClientConflicts::Overwrite => ClientConflicts::Overwrite,
        books::ClientConflicts::Hold => ClientConflicts::Hold,
    }
}

/// What is known of a client's fields, as the ledger keeps it.
pub fn known_to_wire(known: &KnownFields) -> BTreeMap<String, ledger::ClientField> {
    let field = |(name, known): (&String, &Known)| {
        let field = ledger::ClientField {
            offered: known.offered.clone(),
            shown: known.shown.clone(),
        };
        (name.clone(), field)
    };
    known.iter().map(field).collect()
}

/// What the ledger knows of a client's fields.
pub fn known_from_wire(known: &BTreeMap<String, ledger::ClientField>) -> KnownFields {
    let field = |(name, field): (&String, &ledger::ClientField)| {
        let known = Known {
            offered: field.offered.clone(),
            shown: field.shown.clone(),
        };
        (name.clone(), known)
    };
    known.iter().map(field).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_arrives_as_it_was_sent() {
        let customer = d::Customer {
            id: 7,
            email: "Ann@Example.com".to_owned(),
            first_name: "Ann".to_owned(),
            last_name: "Lee".to_owned(),
            company: "Lee & Co".to_owned(),
            phone: "1".to_owned(),
            addresses: vec![domain::order::Address {
                id: Some(3),
                street_1: "1 Main St".to_owned(),
                country: "Canada".to_owned(),
                ..domain::order::Address::default()
            }],
        };
        assert_eq!(from_wire(&to_wire(&customer)), customer);
    }

    #[test]
    fn every_choice_arrives() {
        for choice in [
            ClientConflicts::Keep,
            ClientConflicts::Overwrite,
            ClientConflicts::Hold,
        ] {
            assert_eq!(conflicts_from_wire(conflicts_to_wire(choice)), choice);
        }
    }
}

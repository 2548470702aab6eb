//! Customers and products: the client and the items they should be.

use contracts::event::Event;
use contracts::order::{SnapshotState, ValidatedOrder};
use contracts::{books, books_conversion, customer_conversion, item_conversion};
use domain::books::DesiredClient;
use domain::mapping::Mapping;
use domain::policy::Policy;
use stage::{Failure, Reason};

/// The client of a customer; nothing but its key when the customer is gone.
pub(crate) fn customer(
    event: &Event,
    validated: &ValidatedOrder,
    policy: &Policy,
    mapping: &Mapping,
) -> Result<books::DesiredBooks, Failure> {
    if validated.state() == SnapshotState::Gone {
        let client = DesiredClient {
            customer_id: event.entity_id.parse().ok(),
            ..DesiredClient::default()
        };
        return Ok(books::DesiredBooks {
            client: Some(books_conversion::client_to_wire(&client)),
            ..nothing("The customer was deleted in the store; the client stays in the books.")
        });
    }
    let customer = validated.customer.as_ref().ok_or_else(incomplete)?;
    let customer = customer_conversion::from_wire(customer);
    let versions = domain::customer::versions(&customer, mapping);
    let client = domain::customer::client(&customer, &versions);
    Ok(books::DesiredBooks {
        client: Some(books_conversion::client_to_wire(&client)),
        client_versions: versions
            .iter()
            .map(customer_conversion::version_to_wire)
            .collect(),
        client_conflicts: customer_conversion::conflicts_to_wire(policy.client_conflicts).into(),
        client_as_of_ms: event.version_ms,
        ..nothing("A customer alone is no client; the first order makes it one.")
    })
}

/// The items of a product; none when it is gone.
pub(crate) fn product(validated: &ValidatedOrder) -> Result<books::DesiredBooks, Failure> {
    if validated.state() == SnapshotState::Gone {
        return Ok(nothing(
            "The product was deleted in the store; its items stay, because FreshBooks never gives \
             a deleted item's name free.",
        ));
    }
    let product = validated.product.as_ref().ok_or_else(incomplete)?;
    let product = item_conversion::product_from_wire(product)
        .map_err(|error| Failure::rejected(Reason::new("unreadable_product", error.to_string())))?;
    let items = domain::items::of_product(&product);
    Ok(books::DesiredBooks {
        items: items.iter().map(item_conversion::to_wire).collect(),
        ..nothing("The product has nothing with a SKU, so it has no item.")
    })
}

fn nothing(reason: &str) -> books::DesiredBooks {
    books::DesiredBooks {
        disposition: books::Disposition::Nothing.into(),
        disposition_reason: reason.to_owned(),
        ..books::DesiredBooks::default()
    }
}

fn incomplete() -> Failure {
    Failure::rejected(Reason::new(
        "incomplete_message",
        "the validated message holds neither what it is about nor that it is gone",
    ))
}

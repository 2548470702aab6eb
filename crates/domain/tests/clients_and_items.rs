//! Customers and products: read with every fault, the client and the items they become, and which
//! of a client's fields are written where a person changed some.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{document, product, read};
use domain::client_update::{
    Fields, KnownFields, chosen, completed, difference, hash, is_settled, settled,
};
use domain::customer::{client, versions};
use domain::items::{changed, field_hashes, name_with_sku, of_order, of_product};
use domain::mapping::Mapping;
use domain::policy::ClientConflicts::{Hold, Keep, Overwrite};
use domain::validate::{read_customer, read_product};
use rust_decimal::Decimal;
use serde_json::{Value, json};

fn customer() -> Value {
    json!({"customer": {
        "id": 7, "email": "Ada@Example.com", "first_name": "Ada", "last_name": "Byron",
        "company": "", "phone": "555", "addresses": [
            address(31, "1 Mill Lane", "Austin"), address(32, "2 Dock Road", "Bonn")],
    }})
}

fn address(id: u64, street: &str, city: &str) -> Value {
    json!({"id": id, "first_name": "Ada", "last_name": "Byron", "company": "Old Co",
        "address1": street, "address2": "", "city": city, "state_or_province": "Texas",
        "postal_code": "78701", "country_code": "US", "country": "United States", "phone": "1"})
}

fn fields(pairs: &[(&str, &str)]) -> Fields {
    let pair = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    pairs.iter().map(pair).collect()
}

/// Known as after Tillbook wrote these.
fn written(fields: &Fields) -> KnownFields {
    settled(fields, &KnownFields::new(), &BTreeSet::new(), fields)
}

#[test]
fn a_customer_becomes_a_client_with_state_and_country_in_full() {
    let customer = read_customer(&customer()).unwrap();
    let versions = versions(&customer, &Mapping::built_in());
    assert_eq!(versions.len(), 2);
    let expected = fields(&[
        ("fname", "Ada"),
        ("lname", "Byron"),
        ("email", "Ada@Example.com"),
        ("bus_phone", "555"),
        ("p_street", "1 Mill Lane"),
        ("p_city", "Austin"),
        ("p_province", "Texas"),
        ("p_code", "78701"),
        ("p_country", "United States"),
    ]);
    assert_eq!(
        (versions[0].address_id, &versions[0].fields),
        (Some(31), &expected)
    );
    let client = client(&customer, &versions);
    assert_eq!(client.email_key.as_deref(), Some("ada@example.com"));
    assert_eq!((client.customer_id, client.fields), (Some(7), expected));
}

#[test]
fn every_fault_of_a_customer_is_named_at_once_and_no_person() {
    let broken =
        json!({"customer": {"id": 0, "email": "ada byron", "company": {}, "addresses": []}});
    let listed = json!({"customer": {"id": 1, "email": ["ada@example.com"]}});
    let faults = read_customer(&broken).unwrap_err();
    let codes: Vec<&str> = faults.iter().map(|fault| fault.code).collect();
    for code in ["missing_customer_id", "not_an_email"] {
        assert!(codes.contains(&code), "{codes:?}");
    }
    assert_eq!(read_customer(&listed).unwrap_err()[0].code, "not_text");
    assert!(!format!("{faults:?}").contains("byron"));
}

#[test]
fn a_product_becomes_one_item_for_each_sku() {
    let document = json!({"product": {"id": 5, "name": " Mug ", "price": 19.99, "sku": "MUG",
        "inventory_tracking": "variant", "inventory_level": 9, "variants": [
            {"id": 51, "sku": "MUG-S", "price": null, "inventory_level": 4,
             "option_values": [{"option_display_name": "Size", "label": "Small"}]},
            {"id": 52, "sku": "MUG-L", "price": 21.5, "inventory_level": 5,
             "option_values": [{"option_display_name": "Size", "label": "Large"}]},
            {"id": 53, "sku": "", "price": 1, "option_values": []},
            {"id": 54, "sku": "MUG-L", "price": 1, "option_values": []}]},
        "store": {"currency": "EUR"}});
    let items = of_product(&read_product(&document).unwrap());
    let shown: Vec<String> = items
        .iter()
        .map(|item| {
            let (cost, stock) = (item.unit_cost.unwrap(), item.inventory.unwrap());
            format!(
                "{} {} {cost} {} {stock}",
                item.sku, item.name, item.currency_code
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "MUG-S Mug (Size: Small) 19.99 EUR 4",
            "MUG-L Mug (Size: Large) 21.5 EUR 5"
        ]
    );
}

#[test]
fn an_untracked_simple_product_has_its_own_sku_and_no_stock() {
    let document = json!({"product": {"id": 5, "name": "Mug", "price": "3", "sku": " M ",
        "inventory_tracking": "none", "inventory_level": 9, "base_variant_id": 51}});
    let items = of_product(&read_product(&document).unwrap());
    assert_eq!(items.len(), 1);
    assert_eq!(
        (
            items[0].sku.as_str(),
            items[0].inventory,
            items[0].variant_id
        ),
        ("M", None, Some(51))
    );
}

#[test]
fn every_fault_of_a_product_is_named_at_once() {
    let broken = json!({"product": {"id": null, "name": "", "price": "x",
        "inventory_tracking": "sometimes", "variants": [{"sku": "A", "price": -1}]}});
    let faults = read_product(&broken).unwrap_err();
    let codes: BTreeSet<&str> = faults.iter().map(|fault| fault.code).collect();
    for code in [
        "missing_product_id",
        "missing_product_name",
        "not_an_amount",
        "negative_price",
    ] {
        assert!(codes.contains(code), "{codes:?}");
    }
}

#[test]
fn an_orders_lines_name_each_sku_once_and_gift_certificates_none() {
    let mut order = document();
    let mut certificate = product(3, "Gift", "1", "10.00", "10.00");
    certificate["type"] = json!("giftcertificate");
    let mut again = product(2, "Mug again", "1", "10.00", "10.00");
    again["sku"] = json!("SKU1");
    order["products"] = json!([product(1, "Mug", "1", "10.00", "10.00"), again, certificate]);
    for (key, total) in [("total_ex_tax", "30.0000"), ("total_inc_tax", "30.0000")] {
        order["order"][key] = json!(total);
    }
    let items = of_order(&read(&order));
    assert_eq!(items.len(), 1, "{items:?}");
    assert_eq!(
        (
            items[0].sku.as_str(),
            items[0].name.as_str(),
            items[0].unit_cost
        ),
        ("SKU1", "Mug", Some(Decimal::TEN))
    );
    assert_eq!(name_with_sku(&items[0]), "Mug [SKU1]");
}

#[test]
fn only_what_the_store_changed_of_an_item_is_written() {
    let mut item = of_order(&read(&document())).remove(0);
    let before = field_hashes(&item);
    assert!(changed(&item, &before).is_empty());
    item.unit_cost = Some("10".parse().unwrap());
    assert!(changed(&item, &before).is_empty(), "10 is 10.00");
    item.unit_cost = Some("11".parse().unwrap());
    assert!(changed(&item, &before).iter().eq(["unit_cost"]));
}

#[test]
fn what_the_store_says_again_needs_no_look_at_the_client() {
    let desired = fields(&[("p_city", "Austin"), ("fname", "Ada")]);
    assert!(is_settled(&desired, &written(&desired)));
    assert!(!is_settled(
        &fields(&[("p_city", "Bonn")]),
        &written(&desired)
    ));
    assert!(!is_settled(&desired, &KnownFields::new()));
}

#[test]
fn what_a_person_changed_stays_until_the_policy_says_otherwise() {
    let known = written(&fields(&[("p_city", "Austin")]));
    let (new, by_hand) = (
        fields(&[("p_city", "Bonn")]),
        fields(&[("p_city", "Berlin")]),
    );
    let none = BTreeMap::new();
    assert!(
        difference(&new, &known, &none, &by_hand, Keep)
            .write
            .is_empty()
    );
    assert_eq!(
        difference(&new, &known, &none, &by_hand, Overwrite).write,
        new
    );
    assert!(
        difference(&new, &known, &none, &by_hand, Hold)
            .contested
            .contains("p_city")
    );
    // The store says nothing new: a person's change is none of its business, nor held.
    let same = fields(&[("p_city", "Austin")]);
    let unchanged = difference(&same, &known, &none, &by_hand, Hold);
    assert!(unchanged.contested.is_empty() && unchanged.write.is_empty());
    // A person who wrote what the store says by now is no conflict.
    assert_eq!(
        difference(&new, &known, &none, &new, Hold),
        Default::default()
    );
}

#[test]
fn a_field_kept_once_is_still_the_persons_at_the_next_change() {
    let known = written(&fields(&[("p_city", "Austin")]));
    let (bonn, rome) = (fields(&[("p_city", "Bonn")]), fields(&[("p_city", "Rome")]));
    let by_hand = fields(&[("p_city", "Berlin")]);
    let first = difference(&bonn, &known, &BTreeMap::new(), &by_hand, Keep);
    let known = settled(&bonn, &known, &first.kept, &by_hand);
    assert!(
        is_settled(&bonn, &known),
        "the same order again costs no call"
    );
    let second = difference(&rome, &known, &BTreeMap::new(), &by_hand, Keep);
    assert!(second.write.is_empty() && second.kept.contains("p_city"));
}

#[test]
fn a_client_that_people_made_is_filled_up_and_not_overwritten() {
    let desired = fields(&[("p_city", "Bonn"), ("bus_phone", "1")]);
    let current = fields(&[("p_city", "Berlin"), ("bus_phone", "")]);
    let found = difference(
        &desired,
        &KnownFields::new(),
        &BTreeMap::new(),
        &current,
        Hold,
    );
    assert_eq!(found.write, fields(&[("bus_phone", "1")]));
    assert!(
        found.contested.is_empty(),
        "Tillbook never wrote it, so nobody changed it after"
    );
}

#[test]
fn what_a_lost_reply_wrote_is_not_taken_for_a_persons() {
    let known = written(&fields(&[("p_city", "Austin")]));
    let pending = BTreeMap::from([("p_city".to_owned(), hash("Bonn"))]);
    let landed = fields(&[("p_city", "Bonn")]);
    let newer = fields(&[("p_city", "Rome")]);
    assert_eq!(
        difference(&newer, &known, &pending, &landed, Hold).write,
        newer
    );
    assert!(
        !difference(&newer, &known, &BTreeMap::new(), &landed, Hold)
            .contested
            .is_empty()
    );
}

#[test]
fn an_address_replaces_the_earlier_one_whole_and_names_are_emptied_by_customers_only() {
    let known = written(&fields(&[
        ("p_street2", "Unit 4"),
        ("p_city", "Austin"),
        ("s_city", "Reno"),
        ("organization", "Old Co"),
        ("note", "mine"),
    ]));
    let desired = fields(&[("p_city", "Bonn")]);
    let order = completed(&desired, &known, false);
    assert_eq!(order, fields(&[("p_city", "Bonn"), ("p_street2", "")]));
    let customer = completed(&desired, &known, true);
    assert_eq!(customer.get("organization").map(String::as_str), Some(""));
    assert!(!customer.contains_key("note") && !customer.contains_key("s_city"));
}

#[test]
fn of_an_address_book_the_present_one_stays_and_an_edited_one_is_followed() {
    let customer = read_customer(&customer()).unwrap();
    let book = versions(&customer, &Mapping::built_in());
    let city = |known: &KnownFields, id: Option<u64>| {
        let version = chosen(&book, known, id).unwrap();
        version.fields["p_city"].clone()
    };
    // The client carries the second one, from an order: it stays.
    assert_eq!(city(&written(&book[1].fields), None), "Bonn");
    // It carried an earlier text of the second one: that is followed.
    let earlier = written(&fields(&[("p_city", "Ghent"), ("p_street", "2 Dock Road")]));
    assert_eq!(city(&earlier, Some(32)), "Bonn");
    assert_eq!(city(&earlier, None), "Austin");
}

//! Long texts and scripts of every kind: unchanged, or cut with a notice.

use domain::policy::Policy;
use serde_json::json;

use crate::common::{books, document};
use crate::with;

#[test]
fn notes_of_ten_thousand_characters_arrive_whole_and_longer_ones_are_cut_with_a_notice() {
    let note = "ä".repeat(10_000);
    let fits = books(
        &with("/order/customer_message", json!(note)),
        &Policy::default(),
    )
    .unwrap();
    assert_eq!(fits.invoice.fields["notes"], note);
    assert_eq!(fits.notices, Vec::<String>::new());

    let longer = json!(format!("{note}ä"));
    let cut = books(&with("/order/customer_message", longer), &Policy::default()).unwrap();
    assert_eq!(
        cut.invoice.fields["notes"],
        format!("{}…", "ä".repeat(9_999))
    );
    assert_eq!(
        cut.notices,
        ["Invoice field notes was too long for FreshBooks and is cut."]
    );
}

/// A text in every place a shopper or merchant can write into.
#[track_caller]
fn arrives_unchanged(text: &str) {
    let mut order = document();
    order["products"][0]["name"] = json!(text);
    order["order"]["customer_message"] = json!(text);
    let address = &mut order["order"]["billing_address"];
    for key in ["first_name", "company", "street_1", "city"] {
        address[key] = json!(text);
    }
    let books = books(&order, &Policy::default()).unwrap();
    assert_eq!(books.invoice.lines[0].name, text);
    for field in ["notes", "fname", "organization", "street", "city"] {
        assert_eq!(books.invoice.fields[field], text, "{field}");
    }
    for field in ["fname", "organization", "p_street", "p_city"] {
        assert_eq!(books.client.fields[field], text, "{field}");
    }
    assert_eq!(books.notices, Vec::<String>::new());
}

#[test]
fn text_from_right_to_left_arrives_unchanged() {
    arrives_unchanged("שלום עולם — مرحبا بالعالم \u{202B}123\u{202C}");
}

#[test]
fn text_beyond_the_basic_plane_and_joined_signs_arrive_unchanged() {
    arrives_unchanged("𠮷野家 👩‍👩‍👧‍👦 🏴󠁧󠁢󠁷󠁬󠁳󠁿 e\u{301} 𝔐𝔲𝔤");
}

#[test]
fn html_in_names_arrives_unchanged_as_text() {
    arrives_unchanged("<script>alert(1)</script> <b>Mug</b> &amp; \"A\" 'B' <img src=x>");
}

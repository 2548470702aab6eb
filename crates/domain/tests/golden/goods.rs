//! Bundles, wrapping, and names longer than FreshBooks takes.

use serde_json::json;

use crate::becomes;
use crate::common::{document, product, set_total, tax};

#[test]
fn a_bundles_priced_part_is_a_line_and_its_free_part_is_told() {
    let mut order = document();
    let mut spoon = product(2, "Spoon", "2", "0.0000", "0.0000");
    spoon["parent_order_product_id"] = json!(1);
    let mut engraving = product(3, "Engraving", "1", "4.00", "4.00");
    engraving["parent_order_product_id"] = json!(1);
    let set = product(1, "Breakfast set", "1", "10.00", "10.00");
    order["products"] = json!([set, spoon, engraving]);
    set_total(&mut order, "14.0000", "0.0000", "14.0000");
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Breakfast set | 1 x 10.00 | Includes 2 × Spoon (SKU2)
         Product Engraving | 1 x 4.00
         total 14.00 USD with tax 0.00 USD
         txn:501 VISA 14.00 USD on 2020-08-27",
    );
}

#[test]
fn each_wrapping_is_a_line_with_its_own_tax_and_paper() {
    let mut order = document();
    let wrapped = |id: u64, name: &str, price: &str, wrapping: [&str; 3], paper: &str| {
        let mut row = product(id, name, "1", price, price);
        row["wrapping_cost_ex_tax"] = json!(wrapping[0]);
        row["wrapping_cost_tax"] = json!(wrapping[1]);
        row["wrapping_cost_inc_tax"] = json!(wrapping[2]);
        row["wrapping_name"] = json!(paper);
        row
    };
    order["products"] = json!([
        wrapped(
            1,
            "Mug",
            "10.00",
            ["3.0000", "0.3000", "3.3000"],
            "Blue paper"
        ),
        wrapped(
            2,
            "Bowl",
            "20.00",
            ["2.0000", "0.2000", "2.2000"],
            "Red paper"
        ),
    ]);
    order["order"]["wrapping_cost_ex_tax"] = json!("5.0000");
    order["order"]["wrapping_cost_tax"] = json!("0.5000");
    order["order"]["wrapping_cost_inc_tax"] = json!("5.5000");
    order["taxes"] = json!([
        tax(1, "item", "VAT", "10.0000", "1.0000"),
        tax(2, "item", "VAT", "10.0000", "2.0000"),
        tax(1, "gift-wrapping", "VAT", "10.0000", "0.3000"),
        tax(2, "gift-wrapping", "VAT", "10.0000", "0.2000"),
    ]);
    set_total(&mut order, "35.0000", "3.5000", "38.5000");
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Mug | 1 x 10.00 | VAT 10 %
         Product Bowl | 1 x 20.00 | VAT 10 %
         Wrapping Gift wrapping | 1 x 3.00 | VAT 10 % | Blue paper
         Wrapping Gift wrapping | 1 x 2.00 | VAT 10 % | Red paper
         total 38.50 USD with tax 3.50 USD
         txn:501 VISA 38.50 USD on 2020-08-27",
    );
}

#[test]
fn options_are_told_beside_what_a_collapsed_line_stands_for() {
    let mut order = document();
    let mut tape = product(1, "Tape", "3", "1.6667", "5.0000");
    tape["product_options"] = json!([
        {"display_name": "Colour", "display_value": "red"},
        {"display_name": "Width", "display_value": "5 cm"},
    ]);
    order["products"] = json!([tape]);
    set_total(&mut order, "5.0000", "0.0000", "5.0000");
    becomes(
        &order,
        "1001 on 2020-08-27
         Product Tape | 1 x 5.00 | Colour: red, Width: 5 cm; 3 × 1.6667
         total 5.00 USD with tax 0.00 USD
         txn:501 VISA 5.00 USD on 2020-08-27",
    );
}

#[test]
fn names_too_long_for_freshbooks_are_cut_visibly_at_255_characters() {
    let mut order = document();
    order["products"] = json!([product(1, &"é".repeat(300), "1", "10.00", "10.00")]);
    let cut = "é".repeat(254);
    becomes(
        &order,
        &format!(
            "1001 on 2020-08-27
             Product {cut}… | 1 x 10.00
             total 10.00 USD with tax 0.00 USD
             txn:501 VISA 10.00 USD on 2020-08-27"
        ),
    );
}

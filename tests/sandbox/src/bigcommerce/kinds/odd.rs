//! The rare ones that break careless software.

use rust_decimal::Decimal;
use serde_json::json;

use super::{Draft, Gen, Kind, Pay, kind};
use crate::bigcommerce::orders::model::InBooks::{Invoice, None};
use crate::bigcommerce::orders::spec::{Address, OrderSpec};

pub(super) const KINDS: &[Kind] = &[
    kind(
        "zero_total",
        "A free sample: everything costs nothing",
        Invoice,
        |g| {
            let mut spec = g.goods(1);
            for line in &mut spec.lines {
                line.unit_price = Decimal::ZERO;
            }
            spec.shipping = Decimal::ZERO;
            Draft::paid(spec)
        },
    ),
    kind(
        "multi_currency_eur",
        "Paid in EUR in a store of another currency",
        Invoice,
        |g| {
            let mut spec = foreign(g, "EUR", 3);
            spec.transactional_rate = Decimal::new(92, 2);
            Draft::paid(spec)
        },
    ),
    kind(
        "display_currency_differs",
        "Shown in GBP, paid in the store's currency",
        Invoice,
        |g| {
            let mut spec = g.goods(2);
            "GBP".clone_into(&mut spec.display_currency);
            spec.display_rate = Decimal::new(78, 2);
            Draft::paid(spec)
        },
    ),
    kind(
        "zero_decimal_jpy",
        "Paid in JPY, which has no cents",
        Invoice,
        |g| {
            let mut spec = foreign(g, "JPY", 3);
            for line in &mut spec.lines {
                line.unit_price = Decimal::from(g.within(1, 9000));
            }
            spec.shipping = Decimal::from(g.within(300, 900));
            spec.transactional_rate = Decimal::from(150);
            Draft::paid(spec)
        },
    ),
    kind(
        "three_decimal_kwd",
        "Paid in KWD, which has three decimals",
        Invoice,
        |g| {
            let mut spec = foreign(g, "KWD", 2);
            for line in &mut spec.lines {
                line.unit_price = Decimal::new(i64::from(g.within(1, 90_000)), 3);
            }
            spec.transactional_rate = Decimal::new(31, 2);
            Draft::paid(spec)
        },
    ),
    kind(
        "unknown_currency",
        "Paid in ZZZ, a code of no currency: to be held, not guessed",
        None,
        |g| Draft::paid(foreign(g, "ZZZ", 1)),
    ),
    kind(
        "long_names_unicode",
        "Names at the length limit, in many scripts, with emoji, quotes and markup",
        Invoice,
        unicode,
    ),
    kind(
        "thousand_lines",
        "A thousand lines: every page of the sub-resources is needed",
        Invoice,
        |g| Draft::paid(g.goods(1000)),
    ),
    kind(
        "company_only_customer",
        "No person's name and no e-mail, only a company",
        Invoice,
        |g| {
            let mut spec = g.goods(1);
            let billing = &mut spec.billing;
            *billing = Address {
                first_name: String::new(),
                last_name: String::new(),
                email: String::new(),
                company: format!("Harbour Supplies {}", g.seed % 100),
                ..billing.clone()
            };
            Draft::paid(spec)
        },
    ),
    kind(
        "no_customer_at_all",
        "Neither e-mail nor company nor name: to be held",
        None,
        |g| {
            let mut spec = g.goods(1);
            spec.billing = Address {
                country: "United States".to_owned(),
                country_iso2: "US".to_owned(),
                ..Address::default()
            };
            Draft::paid(spec)
        },
    ),
    kind(
        "form_fields",
        "Custom form fields in the address: text, number and list",
        Invoice,
        |g| {
            let mut spec = g.goods(1);
            spec.billing.form_fields = vec![
                ("PO number".to_owned(), json!("PO-4711")),
                ("Floor".to_owned(), json!(7)),
                ("Interests".to_owned(), json!(["tea", "maps"])),
            ];
            Draft::paid(spec)
        },
    ),
    kind(
        "same_email_other_case",
        "A guest whose e-mail is a returning customer's, in capitals",
        Invoice,
        |g| {
            let mut spec = g.goods(1);
            spec.billing = crate::bigcommerce::people::person(g.seed % 8);
            spec.billing.email = spec.billing.email.to_uppercase();
            Draft::paid(spec)
        },
    ),
    kind(
        "large_amounts",
        "Millions: amounts with many digits before the point",
        Invoice,
        |g| {
            let mut spec = g.goods(2);
            for line in &mut spec.lines {
                line.unit_price = Decimal::new(i64::from(g.within(100_000_000, 999_999_999)), 2);
                if crate::bigcommerce::money::digits(&spec.currency) == 0 {
                    line.unit_price = line.unit_price.round();
                }
            }
            Draft::paid(spec)
        },
    ),
    kind(
        "no_lines",
        "An order by hand with no product, only shipping",
        Invoice,
        |g| {
            let mut spec = g.goods(0);
            spec.shipping_method = "Courier".to_owned();
            Draft::paid(spec).pay(Pay::Offline).method("Manual")
        },
    ),
];

fn foreign(g: &mut Gen, code: &'static str, lines: u32) -> OrderSpec {
    g.currency(code);
    g.goods(lines)
}

fn unicode(g: &mut Gen) -> Draft {
    let mut spec = g.goods(3);
    let names = [
        "日本語の商品名 — “引用符” & <b>太字</b> 😀 ".to_owned(),
        "Ünïcödé Ñandú \u{202e}rtl\u{202c} e\u{301} \u{200d}👩\u{200d}🚒 ".to_owned(),
        "قميص أزرق \"مقاس\" 42' \\ / ; -- ".to_owned(),
    ];
    for (line, name) in spec.lines.iter_mut().zip(names) {
        line.name = name.chars().cycle().take(250).collect();
    }
    "Zoë-Łucja 小林".clone_into(&mut spec.billing.first_name);
    "O’Brien–Ñúñez d’Été".clone_into(&mut spec.billing.last_name);
    "Müller & Söhne <GmbH> 株式会社".clone_into(&mut spec.billing.company);
    spec.billing.street_1 = "Straße des 17. Juni ".chars().cycle().take(180).collect();
    spec.shipping_address = Some(spec.billing.clone());
    Draft::paid(spec)
}

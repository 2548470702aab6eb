//! Sales whose figures are hard: many rates, odd prices, several addresses, odd names and dates.

use rust_decimal::Decimal;

use super::draft::rate;
use super::{Draft, Gen, Kind, Pay, kind};
use crate::bigcommerce::money::{digits, round};
use crate::bigcommerce::orders::model::InBooks::Invoice;
use crate::bigcommerce::orders::spec::{Elsewhere, Fee, OrderSpec, Rate, Wrapping};
use crate::bigcommerce::people;

pub(super) const KINDS: &[Kind] = &[
    kind(
        "taxed_four_rates",
        "State, county, city and district on every line",
        Invoice,
        |g| {
            let rates = four();
            Draft::paid(g.taxed(3, rates))
        },
    ),
    kind(
        "compound_three_rates",
        "Three taxes, each on top of the ones before",
        Invoice,
        |g| {
            let rates = vec![
                rate(1, "Federal", "5", 0),
                rate(2, "Provincial", "7", 1),
                rate(3, "Levy", "1.5", 2),
            ];
            Draft::paid(g.taxed(2, rates))
        },
    ),
    kind(
        "two_and_compound",
        "Two taxes side by side, a third on top of both",
        Invoice,
        |g| {
            let rates = vec![
                rate(1, "State", "4", 0),
                rate(2, "County", "2.25", 0),
                rate(3, "Surtax", "3", 1),
            ];
            Draft::paid(g.taxed(3, rates))
        },
    ),
    kind(
        "every_line_its_own_rate",
        "Four lines, four tax classes, shipping at one of them",
        Invoice,
        |g| {
            let mut spec = g.taxed(4, four());
            for (line, id) in spec.lines.iter_mut().zip(1..) {
                line.rate_ids = vec![id];
            }
            spec.shipping_rate_ids = vec![1];
            Draft::paid(spec)
        },
    ),
    kind(
        "exempt_line_among_taxed",
        "One line is tax-exempt",
        Invoice,
        |g| {
            let mut spec = g.goods(3);
            spec.lines[1].rate_ids.clear();
            Draft::paid(spec)
        },
    ),
    kind(
        "shipping_at_another_rate",
        "Shipping taxed at its own reduced rate",
        Invoice,
        |g| {
            let mut spec = g.taxed(
                2,
                vec![rate(1, "VAT", "19", 0), rate(2, "VAT reduced", "7", 0)],
            );
            for line in &mut spec.lines {
                line.rate_ids = vec![1];
            }
            spec.shipping_rate_ids = vec![2];
            Draft::paid(spec)
        },
    ),
    kind(
        "quebec_odd_quantities",
        "9.975 % beside 5 %, odd quantities of odd prices",
        Invoice,
        |g| {
            let mut spec = g.taxed(5, vec![rate(1, "GST", "5", 0), rate(2, "QST", "9.975", 0)]);
            for line in &mut spec.lines {
                line.quantity = [3, 7, 11, 13, 17][g.within(0, 4) as usize];
            }
            Draft::paid(spec)
        },
    ),
    kind(
        "odd_prices",
        "Prices like 0.07, 1.11, 33.33 in quantities of 3 to 99",
        Invoice,
        |g| {
            let mut spec = g.goods(6);
            for line in &mut spec.lines {
                line.unit_price = cents(
                    &spec.currency,
                    [7, 111, 3333, 999, 1, 66_667][g.within(0, 5) as usize],
                );
                line.quantity = g.within(3, 99);
            }
            Draft::paid(spec)
        },
    ),
    kind(
        "tiny_amounts",
        "One piece of the smallest unit, nothing for shipping",
        Invoice,
        |g| {
            let mut spec = g.goods(1);
            for line in &mut spec.lines {
                line.unit_price = cents(&spec.currency, 1);
                line.quantity = 1;
            }
            spec.shipping = Decimal::ZERO;
            Draft::paid(spec)
        },
    ),
    kind(
        "huge_amounts",
        "Hundreds of millions on one line",
        Invoice,
        |g| {
            let mut spec = g.goods(1);
            for line in &mut spec.lines {
                line.unit_price = cents(
                    &spec.currency,
                    i64::from(g.within(1_000_000_000, 2_000_000_000)) * 17,
                );
                line.quantity = g.within(2, 9);
            }
            Draft::paid(spec)
        },
    ),
    kind(
        "multi_address",
        "Two addresses: two shipping costs, each taxed by its own place",
        Invoice,
        |g| {
            let mut spec = g.taxed(
                4,
                vec![rate(1, "Texas", "8.25", 0), rate(2, "Nevada", "4.6", 0)],
            );
            for (n, line) in spec.lines.iter_mut().enumerate() {
                line.address = n % 2;
                line.rate_ids = vec![n as u64 % 2 + 1];
            }
            spec.shipping_rate_ids = vec![1];
            elsewhere(g, &mut spec, vec![2]);
            Draft::paid(spec)
        },
    ),
    kind(
        "multi_address_one_untaxed",
        "Three addresses, one of them abroad and untaxed",
        Invoice,
        |g| {
            let mut spec = g.goods(3);
            for (n, line) in spec.lines.iter_mut().enumerate() {
                line.address = n;
            }
            spec.lines[2].rate_ids.clear();
            elsewhere(g, &mut spec, vec![1]);
            elsewhere(g, &mut spec, Vec::new());
            Draft::paid(spec)
        },
    ),
    kind(
        "taxed_fee",
        "A taxed fee beside an untaxed one",
        Invoice,
        |g| {
            let mut spec = g.goods(2);
            for (name, taxed) in [("Cold chain", true), ("Deposit", false)] {
                let amount = g.amount(150, 900);
                spec.fees.push(Fee {
                    name: name.to_owned(),
                    amount,
                    taxed,
                });
            }
            Draft::paid(spec)
        },
    ),
    kind(
        "everything_charged",
        "Shipping, handling, wrapping and fees, all taxed, on four lines",
        Invoice,
        everything,
    ),
    kind(
        "untaxed_handling_and_wrapping",
        "Handling and wrapping without tax on taxed goods",
        Invoice,
        |g| {
            let mut draft = everything(g);
            draft.spec.handling_taxed = false;
            draft.spec.wrapping_taxed = false;
            draft
        },
    ),
    kind(
        "priced_bundles",
        "Two bundles, one child at a price of its own",
        Invoice,
        |g| {
            let mut spec = g.goods(2);
            for parent in [0, 1] {
                let mut child = g.line(&spec);
                child.parent = Some(parent);
                child.quantity = 1;
                if parent == 0 {
                    child.unit_price = Decimal::ZERO;
                }
                spec.lines.push(child);
            }
            Draft::paid(spec)
        },
    ),
    kind(
        "digital_and_physical",
        "A download beside goods that ship",
        Invoice,
        |g| {
            let mut spec = g.goods(2);
            let line = g.download(&spec);
            spec.lines.push(line);
            Draft::paid(spec)
        },
    ),
    kind("wallet", "Paid by a wallet", Invoice, |g| {
        Draft::paid(g.goods(2)).pay(Pay::Wallet)
    }),
    kind(
        "offline_recorded",
        "Paid outside, with an offline transaction that says so",
        Invoice,
        |g| {
            Draft::paid(g.goods(2))
                .pay(Pay::OfflineRecorded)
                .method("Money Order")
        },
    ),
    kind(
        "store_credit_pays_all",
        "Paid wholly by store credit",
        Invoice,
        |g| {
            let mut draft = Draft::paid(g.goods(1)).shopper(super::Shopper::Registered);
            draft.credit_percent = 100;
            draft
        },
    ),
    kind(
        "html_and_rtl_names",
        "Markup, scripts of both directions and emoji in names",
        Invoice,
        |g| {
            let mut spec = g.goods(2);
            "<script>alert(1)</script> &amp; \"quoted\" <b>Mug</b>"
                .clone_into(&mut spec.lines[0].name);
            "كوب أزرق ‏👨‍👩‍👧‍👦 🏴󠁧󠁢󠁥󠁮󠁧󠁿".clone_into(&mut spec.lines[1].name);
            "שלום <i>Ада</i> 🦀".clone_into(&mut spec.billing.first_name);
            Draft::paid(spec)
        },
    ),
    kind(
        "long_notes",
        "Ten thousand characters of notes and message",
        Invoice,
        |g| {
            let mut spec = g.goods(1);
            spec.customer_message = "Bitte läuten — 玄関 🔔. "
                .chars()
                .cycle()
                .take(10_000)
                .collect();
            spec.staff_notes = "Long note. ".chars().cycle().take(10_000).collect();
            Draft::paid(spec)
        },
    ),
    kind(
        "midnight",
        "Placed in the last second of a month, UTC",
        Invoice,
        |g| Draft::paid(g.goods(1)).at("2026-02-28T23:59:59Z"),
    ),
    kind(
        "summer_time",
        "Placed in the hour that daylight saving repeats",
        Invoice,
        |g| Draft::paid(g.goods(1)).at("2025-11-02T05:30:00Z"),
    ),
    kind("leap_day", "Placed on a leap day", Invoice, |g| {
        Draft::paid(g.goods(1)).at("2024-02-29T12:00:00Z")
    }),
    kind(
        "new_year",
        "Placed when the year changes in UTC but not yet in New York",
        Invoice,
        |g| Draft::paid(g.goods(1)).at("2026-01-01T02:00:00Z"),
    ),
    kind(
        "zero_decimal_krw",
        "Paid in KRW, which has no cents",
        Invoice,
        |g| {
            g.currency("KRW");
            let mut spec = g.goods(3);
            for line in &mut spec.lines {
                line.unit_price = Decimal::from(g.within(1, 90_000));
            }
            Draft::paid(spec)
        },
    ),
];

fn four() -> Vec<Rate> {
    vec![
        rate(1, "State", "6", 0),
        rate(2, "County", "1.25", 0),
        rate(3, "City", "0.75", 0),
        rate(4, "District", "0.5", 0),
    ]
}

/// So many hundredths, in a currency without them so many units.
pub(super) fn cents(currency: &str, number: i64) -> Decimal {
    match digits(currency) {
        0 => Decimal::from(number),
        digits => round(Decimal::new(number, 2), digits),
    }
}

fn elsewhere(g: &mut Gen, spec: &mut OrderSpec, rate_ids: Vec<u64>) {
    let shipping = g.amount(400, 1500);
    spec.elsewhere.push(Elsewhere {
        address: people::person(g.seed + 1 + spec.elsewhere.len() as u64),
        shipping,
        rate_ids,
    });
}

pub(super) fn everything(g: &mut Gen) -> Draft {
    let mut spec = g.goods(4);
    spec.handling = g.amount(200, 500);
    spec.handling_taxed = true;
    spec.wrapping_taxed = true;
    for n in [0, 2] {
        let cost = g.amount(200, 700);
        spec.lines[n].wrapping = Some(Wrapping {
            name: "Silk paper".to_owned(),
            message: String::new(),
            cost,
        });
    }
    let amount = g.amount(100, 500);
    spec.fees.push(Fee {
        name: "Small order fee".to_owned(),
        amount,
        taxed: true,
    });
    Draft::paid(spec)
}

//! Texts that are long, or of characters that some accounts refuse. A text never holds money.

use super::{Draft, Gen, Kind, kind};
use crate::bigcommerce::orders::model::InBooks::Invoice;

pub(super) const KINDS: &[Kind] = &[
    kind(
        "long_texts_everywhere",
        "Names, company, address and options of many hundred characters",
        Invoice,
        |g| {
            let long = |text: &str, count: usize| text.chars().cycle().take(count).collect();
            let mut draft = Draft::paid(g.goods(2));
            let spec = &mut draft.spec;
            spec.billing.first_name = long("Maximiliane ", 400);
            spec.billing.last_name = long("von und zu Hohenstein-", 400);
            spec.billing.company = long("United Harbour Supplies & Sons ", 700);
            spec.billing.street_1 = long("Long Lane ", 500);
            spec.billing.city = long("Llanfairpwllgwyngyll", 300);
            spec.billing.phone = long("0123456789", 120);
            spec.shipping_address = Some(spec.billing.clone());
            spec.shipping_method = long("By the coach over the hills ", 600);
            for line in &mut spec.lines {
                line.name = long("A mug of many words ", 900);
                line.options = vec![(long("Engraving ", 300), long("To the best of aunts. ", 900))];
            }
            draft
        },
    ),
    kind(
        "astral_characters",
        "Emoji and letters outside the basic plane in every text",
        Invoice,
        |g| written(g, "𝒵oë 🦊👩\u{200d}🚒 𠮷野家"),
    ),
    kind(
        "right_to_left_texts",
        "Hebrew and Arabic with marks of direction in every text",
        Invoice,
        |g| {
            written(
                g,
                "\u{202e}שלום\u{202c} \u{200f}قميص أزرق\u{2067}42\u{2069}",
            )
        },
    ),
    kind(
        "combining_marks",
        "Letters under piles of combining marks in every text",
        Invoice,
        |g| {
            let piled: String = "Ze\u{301}\u{323}\u{308}\u{304}\u{30a}"
                .chars()
                .chain("\u{301}\u{317}\u{35c}".chars().cycle().take(60))
                .collect();
            written(g, &piled)
        },
    ),
    kind(
        "control_characters",
        "Bells, tabs and line breaks in every text",
        Invoice,
        |g| written(g, "Tab\tbell\u{7}line\nend\u{0}\u{85}"),
    ),
];

fn written(g: &mut Gen, text: &str) -> Draft {
    let mut draft = Draft::paid(g.goods(2));
    let spec = &mut draft.spec;
    let billing = &mut spec.billing;
    for field in [
        &mut billing.first_name,
        &mut billing.last_name,
        &mut billing.company,
        &mut billing.street_1,
        &mut billing.city,
    ] {
        *field = format!("{field} {text}").trim().to_owned();
    }
    spec.shipping_address = Some(spec.billing.clone());
    for line in &mut spec.lines {
        line.name = format!("{} {text}", line.name);
        line.options = vec![("Text".to_owned(), text.to_owned())];
    }
    text.clone_into(&mut spec.customer_message);
    draft
}

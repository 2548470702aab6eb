//! The merchants of the run: every currency with prices before and with tax, each merchant with an
//! account and so a rate budget of its own.

use crate::shops::world::Merchant;

/// Merchants whose books must prove without any difference.
const MAIN: usize = 16;

pub(super) const MERCHANTS: [Merchant; 18] = [
    exclusive("usd", "usd1", "Usd01", "USD", "America/New_York"),
    inclusive("usd-incl", "usd2", "Usd02", "USD", "America/Los_Angeles"),
    exclusive("eur", "eur1", "Eur01", "EUR", "Europe/Dublin"),
    inclusive("eur-incl", "eur2", "Eur02", "EUR", "Europe/Berlin"),
    exclusive("gbp", "gbp1", "Gbp01", "GBP", "Europe/London"),
    without_rounding(inclusive(
        "gbp-incl",
        "gbp2",
        "Gbp02",
        "GBP",
        "Europe/London",
    )),
    without_rounding(exclusive("cad", "cad1", "Cad01", "CAD", "America/Toronto")),
    inclusive("cad-incl", "cad2", "Cad02", "CAD", "America/Vancouver"),
    exclusive("jpy", "jpy1", "Jpy01", "JPY", "Asia/Tokyo"),
    inclusive("jpy-incl", "jpy2", "Jpy02", "JPY", "Asia/Tokyo"),
    exclusive("krw", "krw1", "Krw01", "KRW", "Asia/Seoul"),
    without_rounding(inclusive("krw-incl", "krw2", "Krw02", "KRW", "Asia/Seoul")),
    exclusive("kwd", "kwd1", "Kwd01", "KWD", "Asia/Kuwait"),
    inclusive("kwd-incl", "kwd2", "Kwd02", "KWD", "Asia/Kuwait"),
    without_rounding(exclusive("chf", "chf1", "Chf01", "CHF", "Europe/Zurich")),
    inclusive("chf-incl", "chf2", "Chf02", "CHF", "Europe/Zurich"),
    // Orders of kinds that may be held are apart, so that each proof above must find nothing.
    exclusive("apart", "apart1", "Apart01", "USD", "America/New_York"),
    inclusive("apart-incl", "apart2", "Apart02", "EUR", "Europe/Berlin"),
];

/// Those of orders that no kind lets wait, and those of the rest.
pub(super) fn parted() -> (&'static [Merchant], &'static [Merchant]) {
    MERCHANTS.split_at(MAIN)
}

/// A store whose prices are before tax.
const fn exclusive(
    name: &'static str,
    store_hash: &'static str,
    account_id: &'static str,
    currency: &'static str,
    time_zone: &'static str,
) -> Merchant {
    Merchant {
        name,
        store_hash,
        account_id,
        tax_inclusive: false,
        no_rounding: false,
        currency,
        time_zone,
    }
}

/// A store whose prices have their tax inside them.
const fn inclusive(
    name: &'static str,
    store_hash: &'static str,
    account_id: &'static str,
    currency: &'static str,
    time_zone: &'static str,
) -> Merchant {
    Merchant {
        tax_inclusive: true,
        ..exclusive(name, store_hash, account_id, currency, time_zone)
    }
}

const fn without_rounding(merchant: Merchant) -> Merchant {
    Merchant {
        no_rounding: true,
        ..merchant
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_currency_has_both_tax_settings_and_nothing_is_shared() {
        let (main, apart) = parted();
        let settings: BTreeSet<_> = main
            .iter()
            .map(|merchant| (merchant.currency, merchant.tax_inclusive))
            .collect();
        assert_eq!((settings.len(), apart.len()), (main.len(), 2));
        let distinct = |of: fn(&Merchant) -> &'static str| {
            MERCHANTS.iter().map(of).collect::<BTreeSet<_>>().len()
        };
        for count in [
            distinct(|merchant| merchant.name),
            distinct(|merchant| merchant.store_hash),
            distinct(|merchant| merchant.account_id),
        ] {
            assert_eq!(count, MERCHANTS.len());
        }
    }
}

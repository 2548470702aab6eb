//! Named kinds of orders: everything a merchant's books have to cope with, each by seed.
//!
//! A kind says what the order is made of and what happens with its money; the sums are
//! [`super::orders::sums`]'s. The same kind, seed and store settings give the same figures.

mod alike;
mod basic;
mod buyers;
mod decorated;
mod discounts;
mod draft;
mod edits;
mod exchanges;
mod figures;
mod fine;
mod money;
mod odd;
mod reductions;
mod returns;
mod states;
mod taxes;
mod texts;

pub(crate) use draft::{After, Draft, Gen, Pay, Shopper};

use super::orders::model::InBooks;

pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) in_books: InBooks,
    pub(crate) draft: fn(&mut Gen) -> Draft,
}

const fn kind(
    name: &'static str,
    description: &'static str,
    in_books: InBooks,
    draft: fn(&mut Gen) -> Draft,
) -> Kind {
    Kind {
        name,
        description,
        in_books,
        draft,
    }
}

/// Every kind there is, in teaching order.
pub(crate) fn all() -> impl Iterator<Item = &'static Kind> {
    [
        basic::KINDS,
        taxes::KINDS,
        discounts::KINDS,
        money::KINDS,
        states::KINDS,
        odd::KINDS,
        figures::KINDS,
        reductions::KINDS,
        edits::KINDS,
        exchanges::KINDS,
        alike::KINDS,
        returns::KINDS,
        fine::KINDS,
        decorated::KINDS,
        texts::KINDS,
        buyers::KINDS,
    ]
    .into_iter()
    .flatten()
}

pub(crate) fn find(name: &str) -> Option<&'static Kind> {
    all().find(|kind| kind.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_many_and_their_names_are_unique() {
        let names: std::collections::BTreeSet<_> = all().map(|kind| kind.name).collect();
        assert_eq!(names.len(), all().count());
        assert!(names.len() >= 190, "{}", names.len());
    }
}

//! Words of a reason without what differs from order to order.
//!
//! Quoted texts, whatever has a digit or an `@` in it, currencies behind amounts, and the letter's
//! own names are taken out; what then stands side by side counts once.

/// What stands for whatever was taken out.
const GAP: &str = "#";

/// A place in a document without its indexes: `products[2].price` is `products[].price`.
pub(super) fn path(path: &str) -> String {
    path.chars().filter(|c| !c.is_ascii_digit()).collect()
}

/// A message without ids, amounts and names. `own` are names of the letter itself.
pub(super) fn message(message: &str, own: &[&str]) -> String {
    let unquoted = without_quoted(message);
    let mut words: Vec<&str> = Vec::new();
    for word in unquoted.split_whitespace() {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        let differs = word.contains(GAP)
            || word.contains('@')
            || word.chars().any(|c| c.is_ascii_digit())
            || own.iter().any(|name| !name.is_empty() && *name == bare);
        let behind_gap = words.last() == Some(&GAP);
        match (differs, behind_gap) {
            (true, true) => {}
            (true, false) => words.push(GAP),
            (false, true) if is_currency(bare) => {}
            (false, _) => words.push(word),
        }
    }
    words.join(" ")
}

fn is_currency(word: &str) -> bool {
    word.len() == 3 && word.bytes().all(|b| b.is_ascii_uppercase())
}

/// Texts between double quotes or backticks, replaced by the gap; a lone quote stays.
fn without_quoted(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(begin) = rest.find(['"', '`']) {
        let (before, quoted) = rest.split_at(begin);
        let quote = quoted.chars().next().unwrap_or('"');
        let inside = quoted.get(1..).unwrap_or_default();
        out.push_str(before);
        match inside.find(quote) {
            Some(end) => {
                out.push_str(GAP);
                rest = inside.get(end.saturating_add(1)..).unwrap_or_default();
            }
            None => {
                out.push(quote);
                rest = inside;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_order_to_order_is_taken_out() {
        let own = ["acme", "1234"];
        let same = [
            (
                "order 17: the sums are 12.50 USD and 13.00 USD apart",
                "order 9001: the sums are 1 EUR and 2.75 EUR apart",
            ),
            (
                "the SKUs \"MUG\" and \"TEA\" are no items of acme",
                "the SKUs \"X\" and \"Y 2\" are no items of acme",
            ),
            (
                "FreshBooks knows a@b.example, c@d.example already",
                "FreshBooks knows x@y.example already",
            ),
        ];
        for (one, other) in same {
            assert_eq!(message(one, &own), message(other, &own), "{one}");
        }
    }

    #[test]
    fn what_is_said_stays() {
        assert_eq!(
            message("the store's time zone is no IANA name", &[]),
            "the store's time zone is no IANA name"
        );
        assert_ne!(
            message("creating the invoice: refused", &[]),
            message("creating the payment: refused", &[])
        );
        assert_eq!(message("a lone \" stays", &[]), "a lone \" stays");
    }

    #[test]
    fn indexes_are_no_part_of_a_place() {
        assert_eq!(path("products[12].price"), "products[].price");
    }
}

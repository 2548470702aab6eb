//! Text that FreshBooks takes: what it refuses is replaced visibly, what is too long is cut.
//!
//! The one place for it. Everything else arrives unchanged. Not here: what a text says.

use std::borrow::Cow;

/// Stands for a character FreshBooks refuses.
pub const REPLACEMENT: char = '\u{FFFD}';
/// Ends a text that was cut.
pub const CUT: char = '…';
/// Names, numbers, address parts. FreshBooks publishes no limit; this is its fields' usual width.
pub const SHORT_MAX_CHARS: usize = 255;
/// Notes, terms and descriptions.
pub const LONG_MAX_CHARS: usize = 10_000;

/// What happened to a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Changed {
    /// Characters replaced.
    pub replaced: usize,
    /// Something was cut off its end.
    pub cut: bool,
}

/// The text as FreshBooks takes it, and what was changed about it.
///
/// Refused are control characters other than tab and line ends; those of Windows become one.
pub fn fit(text: &str, max_chars: usize) -> (Cow<'_, str>, Changed) {
    let mut changed = Changed::default();
    // Bytes bound characters, so most texts need no counting at all.
    let plain = text.bytes().all(|byte| (0x20..0x7F).contains(&byte));
    if plain && text.len() <= max_chars {
        return (Cow::Borrowed(text), changed);
    }
    let refused = |c: char| c.is_control() && !matches!(c, '\n' | '\t' | '\r');
    if text.len() <= max_chars && !text.contains(|c: char| c == '\r' || refused(c)) {
        return (Cow::Borrowed(text), changed);
    }
    let mut fitted = String::with_capacity(text.len().min(max_chars.saturating_mul(4)));
    let mut chars = text.chars().peekable();
    let mut count = 0;
    while let Some(c) = chars.next() {
        if c == '\r' && chars.peek() == Some(&'\n') {
            continue;
        }
        if count == max_chars {
            fitted.pop();
            fitted.push(CUT);
            changed.cut = true;
            break;
        }
        count += 1;
        match c {
            '\r' => fitted.push('\n'),
            c if refused(c) => {
                changed.replaced += 1;
                fitted.push(REPLACEMENT);
            }
            c => fitted.push(c),
        }
    }
    (Cow::Owned(fitted), changed)
}

/// Makes a text fit in place; tells what was changed.
pub fn fit_in_place(text: &mut String, max_chars: usize) -> Changed {
    let (fitted, changed) = fit(text, max_chars);
    if let Cow::Owned(fitted) = fitted {
        *text = fitted;
    }
    changed
}

/// At most three of the known names that are like `name`, without regard to case: one is part of
/// the other, or few letters differ. The nearest first.
pub fn alike<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted = name.trim().to_lowercase();
    // The distance is quadratic, and no name of a screenful is meant by a word.
    if wanted.is_empty() || wanted.len() > SHORT_MAX_CHARS {
        return Vec::new();
    }
    let allowed = (wanted.chars().count() / 3).max(2);
    let mut near: Vec<(usize, &str)> = known
        .into_iter()
        .filter(|candidate| !candidate.is_empty() && candidate.len() <= SHORT_MAX_CHARS)
        .filter_map(|candidate| {
            let other = candidate.to_lowercase();
            let distance = strsim::damerau_levenshtein(&wanted, &other);
            let is_part = other.contains(&wanted) || wanted.contains(&other);
            (is_part || distance <= allowed).then_some((distance, candidate))
        })
        .collect();
    near.sort_by_key(|(distance, _)| *distance);
    near.into_iter().take(3).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_accepted_character_arrives_unchanged() {
        let text = "Ünïcödé 漢字 🎁 \"quotes\" <b>\tand\nlines";
        let (fitted, changed) = fit(text, 100);
        assert!(matches!(fitted, Cow::Borrowed(_)));
        assert_eq!((fitted.as_ref(), changed), (text, Changed::default()));
    }

    #[test]
    fn names_that_are_alike_are_named_the_nearest_first() {
        let known = [
            "Rent",
            "Shipping",
            "Shipping & Handling",
            "Shopping",
            "Other",
        ];
        assert_eq!(alike("shiping", known), ["Shipping", "Shopping"]);
        assert_eq!(alike("Handling", known), ["Shipping & Handling"]);
        assert!(alike("Customs", known).is_empty() && alike(" ", known).is_empty());
    }

    #[test]
    fn refused_characters_are_replaced_visibly_and_counted() {
        let (fitted, changed) = fit("a\u{0}b\u{7}c\r\nd", 100);
        assert_eq!(fitted, "a\u{FFFD}b\u{FFFD}c\nd");
        assert_eq!(
            changed,
            Changed {
                replaced: 2,
                cut: false
            }
        );
    }

    #[test]
    fn too_long_texts_are_cut_by_characters_not_bytes() {
        let (fitted, changed) = fit("äöüß", 3);
        assert_eq!(fitted, "äö…");
        assert!(changed.cut);
        assert_eq!(fit("äöü", 3).0, "äöü");
    }
}

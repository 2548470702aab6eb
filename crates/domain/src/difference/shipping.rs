//! The next step with the expenses that the invoice rebills.
//!
//! They are written before the invoice names them and taken out after it no longer does, so that
//! no line ever rebills what is not there. One that was taken out and is wanted again is restored.

use super::{Step, Written, shipping_hash};
use crate::books::DesiredBooks;

/// The next expense that must stand before the invoice is written.
pub(super) fn missing(desired: &DesiredBooks, written: &Written) -> Option<Step> {
    let steps = desired.shipping.iter().enumerate().map(|(index, expense)| {
        match written.shipping.get(&expense.key) {
            None => Some(Step::CreateShipping(index)),
            Some(known) if known.removed => Some(Step::RestoreShipping(expense.key.clone())),
            Some(known) if known.content_hash != shipping_hash(expense) => {
                Some(Step::UpdateShipping(index))
            }
            Some(_) => None,
        }
    });
    steps.flatten().next()
}

/// The next expense that stands although the invoice, as it now is, does not name it.
pub(super) fn left_over(desired: &DesiredBooks, written: &Written) -> Option<Step> {
    let is_wanted = |key: &str| desired.shipping.iter().any(|one| one.key == key);
    last_standing(written, |key| !is_wanted(key))
}

/// The next expense that stands although no invoice does.
pub(super) fn without_invoice(written: &Written) -> Option<Step> {
    last_standing(written, |_| true)
}

fn last_standing(written: &Written, concerns: impl Fn(&str) -> bool) -> Option<Step> {
    let mut standing = written.shipping.iter().rev();
    let (key, _) = standing.find(|(key, known)| !known.removed && concerns(key))?;
    Some(Step::RemoveShipping(key.clone()))
}

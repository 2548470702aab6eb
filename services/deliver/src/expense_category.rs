//! The id of an expense category by its name; a name FreshBooks does not have is held, with those
//! like it.

use domain::text;
use stage::{Failure, Reason};

use crate::account::Workplace;

/// The id of the category of this name, compared without case. `policy_key` is what names it.
pub(crate) async fn id(
    place: &Workplace<'_>,
    name: &str,
    policy_key: &str,
) -> Result<u64, Failure> {
    let categories = match place.account.list_expense_categories().await {
        Ok(categories) => categories,
        Err(error) => {
            let what = "reading the expense categories";
            return Err(place.vendor_failure(what, &error).await);
        }
    };
    let wanted = name.trim().to_lowercase();
    let found = categories
        .iter()
        .find(|category| category.name.to_lowercase() == wanted);
    if let Some(category) = found {
        return Ok(category.id);
    }
    let names = categories.iter().map(|category| category.name.as_str());
    let near = match text::alike(name, names).as_slice() {
        [] => "none is like it".to_owned(),
        near => format!("like it are {}", near.join(", ")),
    };
    Err(Failure::held(Reason::new(
        "unknown_expense_category",
        format!(
            "FreshBooks has no expense category named {name:?}, {near}; create it there or name another in the policy's {policy_key}, then replay"
        ),
    )))
}

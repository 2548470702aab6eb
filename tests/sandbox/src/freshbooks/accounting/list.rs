//! Lists: paging, the few search keys that work, and the silence about those that do not.
//!
//! An unknown search or sort key is no error: the reply is 200 with unfiltered data.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::super::call::{Call, Doc, plain};
use super::super::errors::{Refusal, errno};
use super::super::state::Account;
use super::super::table::{integer, text};
use super::fields::{decimal, is_date, stored_amount};
use super::{Resource, shown};

const DEFAULT_PER_PAGE: usize = 15;
const MOST_PER_PAGE: usize = 100;

/// How a search key is held against a row.
#[derive(Clone, Copy)]
pub(super) enum Test {
    /// The field equals the value.
    Equals(&'static str),
    /// One of the fields contains the value, without regard to case.
    Like(&'static [&'static str]),
    /// The field's day is this one or later.
    DayFrom(&'static str),
    /// The field's day is before this one: `_max` is exclusive.
    DayBefore(&'static str),
    /// The money field equals, reaches, or stays below the amount.
    Money(&'static str),
    MoneyFrom(&'static str),
    MoneyBefore(&'static str),
    /// What needs more than the row.
    Other(fn(&Account, &Doc, &str) -> bool),
}

/// A search key that works for a kind: `search[<key>]`.
pub(super) struct Filter {
    pub(super) key: &'static str,
    /// The name of its many-valued form, `search[<many>][]`.
    pub(super) many: Option<&'static str>,
    pub(super) test: Test,
}

impl Filter {
    pub(super) const fn new(key: &'static str, test: Test) -> Self {
        Self {
            key,
            many: None,
            test,
        }
    }

    pub(super) const fn with_many(key: &'static str, many: &'static str, test: Test) -> Self {
        Self {
            key,
            many: Some(many),
            test,
        }
    }
}

/// A filter in use, with the values asked for: any of them will do.
struct Asked<'a> {
    filter: &'static Filter,
    values: Vec<&'a str>,
}

/// One page of a list: `{"<plural>":[…],"page","pages","per_page","total"}`.
pub(super) fn page(
    account: &Account,
    resource: &dyn Resource,
    call: &Call,
    include: &[&str],
) -> Result<Value, Refusal> {
    let page = number(call, "page", errno::PAGE)?.unwrap_or(1).max(1);
    let per_page = match number(call, "per_page", errno::PER_PAGE)? {
        None => DEFAULT_PER_PAGE,
        Some(0) => return Err(bad_number("per_page", errno::PER_PAGE, "0")),
        Some(wanted) => wanted.min(MOST_PER_PAGE),
    };
    let asked = asked(resource, call)?;
    let vis_states = vis_states(call);
    let mut rows = candidates(account, resource, &asked);
    rows.retain(|(_, row)| {
        let visible = !row.contains_key("vis_state")
            || vis_states.contains(&integer(row, "vis_state").to_string().as_str());
        visible && asked.iter().all(|asked| matches(account, row, asked))
    });
    sort(&mut rows, resource, call.param("sort"));
    let total = rows.len();
    let shown: Vec<Doc> = rows
        .into_iter()
        .skip((page - 1).saturating_mul(per_page))
        .take(per_page)
        .map(|(_, row)| shown(account, resource, row, include))
        .collect();
    Ok(json!({
        resource.plural(): shown,
        "page": page, "pages": total.div_ceil(per_page), "per_page": per_page, "total": total,
    }))
}

/// Page 0 is page 1; anything that is no whole number has its own errno.
fn number(call: &Call, key: &'static str, errno: u32) -> Result<Option<usize>, Refusal> {
    call.param(key)
        .map(|value| value.parse().map_err(|_| bad_number(key, errno, value)))
        .transpose()
}

fn bad_number(key: &'static str, errno: u32, value: &str) -> Refusal {
    Refusal::field(
        "list",
        key,
        errno,
        format!("{key} must be a positive integer."),
    )
    .with_value(value)
}

/// Active and archived rows, unless the caller names states.
fn vis_states(call: &Call) -> Vec<&str> {
    let asked = values(call, "vis_state", Some("vis_states"));
    if asked.is_empty() {
        vec!["0", "2"]
    } else {
        asked
    }
}

fn values<'a>(call: &'a Call, key: &str, many: Option<&str>) -> Vec<&'a str> {
    let one = format!("search[{key}]");
    let several = many.map(|many| (format!("search[{many}][]"), format!("search[{many}]")));
    call.query
        .iter()
        .filter(|(name, _)| {
            *name == one
                || several
                    .as_ref()
                    .is_some_and(|(a, b)| name == a || name == b)
        })
        .map(|(_, value)| value.as_str())
        .collect()
}

fn asked<'a>(resource: &dyn Resource, call: &'a Call) -> Result<Vec<Asked<'a>>, Refusal> {
    let mut all = Vec::new();
    for filter in resource.filters() {
        let values = values(call, filter.key, filter.many);
        if values.is_empty() {
            continue;
        }
        if matches!(filter.test, Test::DayFrom(_) | Test::DayBefore(_))
            && let Some(bad) = values.iter().find(|value| !is_date(day(value)))
        {
            let message = format!("{} must be a date, YYYY-MM-DD.", filter.key);
            return Err(
                Refusal::field(resource.single(), filter.key, errno::DATE, message)
                    .with_value(*bad),
            );
        }
        all.push(Asked { filter, values });
    }
    Ok(all)
}

/// Through an index where one serves, else every row.
fn candidates<'a>(
    account: &'a Account,
    resource: &dyn Resource,
    asked: &[Asked<'_>],
) -> Vec<(u64, &'a Doc)> {
    let table = resource.table(account);
    for Asked { filter, values } in asked {
        let Test::Equals(field) = filter.test else {
            continue;
        };
        let ids: Option<Vec<Vec<u64>>> = values
            .iter()
            .map(|value| table.indexed(field, value))
            .collect();
        if let Some(ids) = ids {
            let mut ids = ids.concat();
            ids.sort_unstable();
            ids.dedup();
            return ids
                .into_iter()
                .filter_map(|id| table.get(id).map(|row| (id, row)))
                .collect();
        }
    }
    table.rows().collect()
}

fn matches(account: &Account, row: &Doc, asked: &Asked<'_>) -> bool {
    asked
        .values
        .iter()
        .any(|value| one_matches(account, row, asked.filter.test, value))
}

fn one_matches(account: &Account, row: &Doc, test: Test, value: &str) -> bool {
    let amount = |field, accept: fn(&Decimal, &Decimal) -> bool| {
        decimal(&Value::from(value))
            .is_some_and(|wanted| accept(&stored_amount(row, field), &wanted))
    };
    match test {
        Test::Equals(field) => row.get(field).is_some_and(|stored| plain(stored) == value),
        Test::Like(fields) => {
            let wanted = value.to_lowercase();
            fields
                .iter()
                .any(|field| text(row, field).to_lowercase().contains(&wanted))
        }
        Test::DayFrom(field) => day(text(row, field)) >= day(value),
        Test::DayBefore(field) => day(text(row, field)) < day(value),
        Test::Money(field) => amount(field, Decimal::eq),
        Test::MoneyFrom(field) => amount(field, Decimal::ge),
        Test::MoneyBefore(field) => amount(field, Decimal::lt),
        Test::Other(test) => test(account, row, value),
    }
}

/// Dates are compared day by day, whatever the time.
fn day(text: &str) -> &str {
    text.get(..10).unwrap_or(text)
}

/// Newest id first without a sort; an unrecognised sort was seen to come back ascending by id.
fn sort(rows: &mut [(u64, &Doc)], resource: &dyn Resource, sort: Option<&str>) {
    let Some(sort) = sort else {
        return rows.sort_unstable_by_key(|(id, _)| std::cmp::Reverse(*id));
    };
    let known = resource
        .sorts()
        .iter()
        .find_map(|(key, read)| match sort.strip_prefix(key)? {
            "_asc" => Some((read, false)),
            "_desc" => Some((read, true)),
            _ => None,
        });
    rows.sort_unstable_by_key(|(id, _)| *id);
    if let Some((read, descending)) = known {
        rows.sort_by_cached_key(|(_, row)| read(row));
        if descending {
            rows.reverse();
        }
    }
}

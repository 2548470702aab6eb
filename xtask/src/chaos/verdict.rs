//! What is wrong after a run: lost, doubled, wrong, out of order, left over. Pure.

use std::collections::BTreeMap;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::Value;

use super::house::{Letter, Seen};
use crate::shops::orders::Placed;
use crate::shops::verdict::{Outcome, Row};

/// FreshBooks' own arithmetic may need a rounding line: what is written before it is off by a few
/// of the smallest units. In the end not one may be.
const ROUNDING: Decimal = Decimal::from_parts(10, 0, 0, false, 2);

/// What a run found, each in words; all empty when all is right.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Found {
    pub(super) lost: Vec<String>,
    pub(super) doubled: Vec<String>,
    pub(super) wrong: Vec<String>,
    pub(super) out_of_order: Vec<String>,
    pub(super) dead_letters: Vec<String>,
    pub(super) left_over: Vec<String>,
}

impl Found {
    /// Every sort with what was found of it.
    pub(super) fn sorts(&self) -> [(&'static str, &Vec<String>); 6] {
        [
            ("lost", &self.lost),
            ("doubled", &self.doubled),
            ("wrong", &self.wrong),
            ("out of order", &self.out_of_order),
            ("unexplained dead letters", &self.dead_letters),
            ("left over", &self.left_over),
        ]
    }

    pub(super) fn is_right(&self) -> bool {
        self.sorts().iter().all(|(_, found)| found.is_empty())
    }

    /// Takes what the comparison of store and books says.
    pub(super) fn compare(&mut self, rows: &[Row], strays: &[String]) {
        for row in rows.iter().filter(|row| !row.outcome.is_right()) {
            let Placed { order_id, kind, .. } = &row.placed;
            let name = row.placed.merchant.name;
            let words = format!("{name} order {order_id} ({kind}): {}", row.outcome.words());
            match &row.outcome {
                Outcome::Wrong(why) if why.contains("invoices for one order") => {
                    self.doubled.push(words);
                }
                _ if is_left_alone(row) => {}
                Outcome::Waiting(_) => self.lost.push(words),
                _ if row.placed.in_books && row.invoice.is_none() => self.lost.push(words),
                _ if row.paid < row.placed.paid => self.lost.push(words),
                _ => self.wrong.push(words),
            }
        }
        self.doubled.extend(strays.iter().cloned());
    }

    /// Takes what stands in an account twice although it is one thing.
    pub(super) fn twice(&mut self, name: &str, books: &Value) {
        let natural_keys: [(&str, &[&str]); 5] = [
            ("invoices", &["invoice_number"]),
            ("payments", &["invoiceid", "note"]),
            ("credit_notes", &["credit_number"]),
            ("clients", &["email"]),
            ("items", &["sku"]),
        ];
        for (kind, fields) in natural_keys {
            let mut met: BTreeMap<String, u64> = BTreeMap::new();
            let rows = books.get(kind).and_then(Value::as_array);
            for row in rows.into_iter().flatten().filter(|row| is_active(row)) {
                let values: Vec<String> = fields.iter().map(|field| text(row, field)).collect();
                if values.iter().any(String::is_empty) {
                    continue;
                }
                let count = met.entry(values.join(" ")).or_default();
                *count = count.saturating_add(1);
            }
            let twice = met.into_iter().filter(|(_, count)| *count > 1);
            self.doubled
                .extend(twice.map(|(key, count)| format!("{name} has {count} {kind} of {key:?}")));
        }
    }

    /// Takes writes that brought an older state of an order back over a newer one.
    ///
    /// `states` has every total that an order had, oldest first. Each write of its invoice must
    /// show a state that is not older than the one before it showed.
    pub(super) fn order_of_writes(
        &mut self,
        name: &str,
        writes: &Value,
        states: &BTreeMap<u64, Vec<Decimal>>,
    ) {
        let mut reached: BTreeMap<String, usize> = BTreeMap::new();
        let rows = writes.get("writes").and_then(Value::as_array);
        for row in rows.into_iter().flatten() {
            let number = text(row, "number");
            let order = number.parse().ok().and_then(|id: u64| states.get(&id));
            let amount = Decimal::from_str(&text(row, "amount"));
            let is_invoice = text(row, "kind") == "invoice" && is_active(row);
            let (Some(states), Ok(amount), true) = (order, amount, is_invoice) else {
                continue;
            };
            let shows = |state: &Decimal| state.saturating_sub(amount).abs() <= ROUNDING;
            let at = reached.get(&number).copied().unwrap_or(0);
            if let Some(later) = states.iter().skip(at).position(shows) {
                reached.insert(number, at.saturating_add(later));
            } else if states.iter().any(shows) {
                self.out_of_order.push(format!(
                    "{name} invoice {number}: {amount} was written after a newer state; it was {states:?}"
                ));
            } else {
                self.wrong.push(format!(
                    "{name} invoice {number}: {amount} was written, and the order was never so; it was {states:?}"
                ));
            }
        }
    }

    /// Takes what the streams and the ledger still hold.
    ///
    /// No kind of order here may wait for a person, so every dead letter is one too many, unless
    /// its order is right by now: it was read while it changed, and read again. A claim on a shopper or an item may stay open where the order needs neither any more: whoever needs
    /// it next looks it up.
    pub(super) fn leftovers(&mut self, seen: &Seen, rows: &[Row]) {
        for (what, count) in &seen.under_way {
            self.left_over.push(format!("{count} messages: {what}"));
        }
        if seen.scheduled > 0 {
            let words = format!("{} messages wait for another attempt", seen.scheduled);
            self.left_over.push(words);
        }
        let open = seen.open_intents.iter().filter(|open| !is_claim(open));
        self.left_over
            .extend(open.map(|intent| format!("open intent {intent}")));
        let unexplained = seen.dead_letters.iter();
        let unexplained = unexplained.filter(|letter| !is_of_the_past(letter, rows));
        self.dead_letters.extend(unexplained.map(|letter| {
            let Letter {
                stage,
                connection,
                entity,
                entity_id,
                codes,
                words,
            } = letter;
            format!("{stage}: {connection} {entity} {entity_id}: {codes:?} {words:?}")
        }));
    }
}

/// Whether the order was archived before any money came: what stands of it in the books by then is
/// left alone, be it a draft or nothing.
fn is_left_alone(row: &Row) -> bool {
    row.placed.archived && row.placed.paid.is_zero()
}

/// Whether the order that the letter is about has come right since.
fn is_of_the_past(letter: &Letter, rows: &[Row]) -> bool {
    letter.entity == "order"
        && rows.iter().any(|row| {
            row.placed.merchant.name == letter.connection
                && row.placed.order_id.to_string() == letter.entity_id
                && row.outcome.is_right()
        })
}

/// Whether the intent is a claim to create a client or an item, and none of an order's effects.
fn is_claim(open: &str) -> bool {
    open.ends_with("CREATE_CLIENT") || open.ends_with("CREATE_ITEM")
}

fn is_active(row: &Value) -> bool {
    row.get("vis_state").and_then(Value::as_u64).unwrap_or(0) != 1
}

fn text(row: &Value, field: &str) -> String {
    match row.get(field) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn writes(amounts: &[&str]) -> Value {
        let rows: Vec<Value> = amounts
            .iter()
            .map(|amount| json!({ "kind": "invoice", "number": "100", "amount": amount, "vis_state": 0 }))
            .collect();
        json!({ "writes": rows })
    }

    fn judged(amounts: &[&str]) -> Found {
        let totals = ["10.00", "15.00", "12.00"].map(|text| text.parse().unwrap());
        let states = BTreeMap::from([(100, totals.to_vec())]);
        let mut found = Found::default();
        found.order_of_writes("harbour", &writes(amounts), &states);
        found
    }

    #[test]
    fn states_may_be_skipped_and_repeated_but_not_go_back() {
        assert!(judged(&["10.00", "10.00", "12.00"]).is_right());
        assert!(judged(&["15.01", "15.00"]).is_right());
        let back = judged(&["15.00", "10.00", "12.00"]);
        assert_eq!((back.out_of_order.len(), back.wrong.len()), (1, 0));
    }

    #[test]
    fn a_total_that_the_order_never_had_is_wrong() {
        let never = judged(&["10.00", "11.00"]);
        assert_eq!((never.out_of_order.len(), never.wrong.len()), (0, 1));
    }

    #[test]
    fn each_thing_that_stands_twice_is_named_and_what_is_deleted_does_not_count() {
        let payment = |vis: u64| json!({ "invoiceid": 7, "note": "tx 1", "vis_state": vis });
        let client = json!({ "email": "a@example.com" });
        let nobody = json!({ "email": "" });
        let books = json!({ "payments": [payment(0), payment(1), payment(0)],
            "clients": [client, client, nobody, nobody] });
        let mut found = Found::default();
        found.twice("harbour", &books);
        assert_eq!(
            found.doubled,
            [
                r#"harbour has 2 payments of "7 tx 1""#,
                r#"harbour has 2 clients of "a@example.com""#
            ]
        );
    }

    #[test]
    fn open_intents_and_messages_under_way_are_left_over() {
        let seen = Seen {
            under_way: vec![("deliver of RESOLVED".to_owned(), 2)],
            scheduled: 1,
            open_intents: [
                "order.100: INTENT_KIND_CREATE_PAYMENT",
                "client.email.a: INTENT_KIND_CREATE_CLIENT",
            ]
            .map(|open| format!("harbour.{open}"))
            .to_vec(),
            ..Seen::default()
        };
        let mut found = Found::default();
        found.leftovers(&seen, &[]);
        assert_eq!(found.left_over.len(), 3);
    }
}

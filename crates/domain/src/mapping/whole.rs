//! What is wrong with a mapping as a whole: fields set twice, and fields left out.

use super::fault::{FaultCode, Faults};
use super::path::List;
use super::plan::{Plan, Rows, Rule};
use super::target::Entity;

/// Fields that are set twice.
pub(super) fn doubled(plan: &Plan, faults: &mut Faults) {
    twice(&plan.head, faults);
    for rows in plan.lines.iter().chain(&plan.payments) {
        twice(&rows.rules, faults);
    }
    if let [_, second, ..] = plan.payments.as_slice() {
        let message = "Payments are mapped twice. Keep one \"to: payments\".";
        faults.add(FaultCode::DuplicateTarget, &second.at, message);
    }
}

/// What a mapping must not leave out.
pub(super) fn missing(plan: &Plan, faults: &mut Faults) {
    if plan.lines.is_empty() {
        let message =
            "No invoice lines are mapped. Add \"to: lines\" with \"each: entries as entry\".";
        faults.add(FaultCode::MissingRequired, "fields", message);
    }
    for rows in &plan.lines {
        complete(rows, Entity::Lines, faults);
    }
    match plan.payments.as_slice() {
        [rows] => {
            complete(rows, Entity::Payments, faults);
            if rows.list != Some(List::Receipts) || !rows.whens.is_empty() {
                let message = "Payments stand one to one with the money that came in. Use \"each: receipts as receipt\" \
                               without a \"when\".";
                faults.add(FaultCode::WrongForm, &rows.at, message);
            }
        }
        [] => {
            let message =
                "No payments are mapped. Add \"to: payments\" with \"each: receipts as receipt\".";
            faults.add(FaultCode::MissingRequired, "fields", message);
        }
        _ => {}
    }
}

/// A target may be filled by several rules only when all but the last have a `when`.
fn twice(rules: &[Rule], faults: &mut Faults) {
    for (index, rule) in rules.iter().enumerate() {
        let same = |earlier: &&Rule| {
            earlier.entity == rule.entity && earlier.target.name == rule.target.name
        };
        let earlier = rules
            .iter()
            .take(index)
            .find(|earlier| same(earlier) && earlier.whens.is_empty());
        if let Some(earlier) = earlier {
            let message = format!(
                "\"{}\" is filled at {} already. Remove one of the two, or give the earlier one a \"when\".",
                rule.target.name, earlier.at
            );
            faults.add(FaultCode::DuplicateTarget, &rule.at, message);
        }
    }
}

fn complete(rows: &Rows, entity: Entity, faults: &mut Faults) {
    for spec in entity.fields().iter().filter(|spec| spec.required) {
        if !rows.named.contains(&spec.name) {
            let message = format!(
                "Each of the {} needs \"{}\". Add a field for it.",
                entity.as_str(),
                spec.name
            );
            faults.add(FaultCode::MissingRequired, &rows.at, message);
        }
    }
}

//! The meaning of a mapping document: paths, targets, types, tables and parts.
//!
//! A document that passes becomes a `Plan`, with every part written out and every path resolved.
//! Not here: the form of the document (`document`), values (`evaluate`), and what only shows once
//! all is checked (`whole`).

mod value;

use std::collections::BTreeMap;

use super::document::{Document, Item, ItemKind};
use super::fault::{FaultCode, Faults, nearest};
use super::path::{Alias, LISTS};
use super::plan::{Condition, Plan, Rows};
use super::target::{self, Entity, TargetSpec};
use super::whole::{doubled, missing};

/// Most rules after parts are written out.
const MAX_RULES: usize = 2_000;
/// Deepest chain of parts that use parts.
const MAX_USE_DEPTH: usize = 8;
const EXPRESSIONS_LATER: &str = "Expressions come in a later version of the format. Use from, const, lookup or a when with path for now.";

/// Checks a document; faults are added, and the plan is only of use when there are none.
pub(super) fn check(document: &Document, faults: &mut Faults) -> Plan {
    if document.checks > 0 {
        faults.add(FaultCode::Reserved, "checks", EXPRESSIONS_LATER);
    }
    let table_indexes = document
        .lookups
        .keys()
        .enumerate()
        .map(|(index, name)| (name.as_str(), index))
        .collect();
    let incomplete = !faults.is_empty();
    let rules_left = MAX_RULES;
    let mut checker = Checker {
        document,
        table_indexes,
        rules_left,
        plan: Plan::default(),
        incomplete,
        faults,
    };
    checker.plan.tables = document.lookups.values().cloned().collect();
    checker.top(&document.items, &[], &mut Vec::new());
    checker.cycles_in_unused_parts();
    let Checker {
        plan, incomplete, ..
    } = checker;
    doubled(&plan, faults);
    if !incomplete {
        missing(&plan, faults);
    }
    plan
}

struct Checker<'d, 'f> {
    document: &'d Document,
    table_indexes: BTreeMap<&'d str, usize>,
    rules_left: usize,
    plan: Plan,
    /// Fields were lost to faults, so that what is missing cannot be told.
    incomplete: bool,
    faults: &'f mut Faults,
}

/// Where the fields of a list of rows go and what they may read.
struct RowScope<'a> {
    entity: Entity,
    alias: Option<&'a Alias>,
}

impl<'d> Checker<'d, '_> {
    /// The items of the document itself, or of a part used there.
    fn top(&mut self, items: &'d [Item], whens: &[Condition], stack: &mut Vec<&'d str>) {
        for item in items {
            match &item.kind {
                ItemKind::Use { part } => {
                    let whens = self.whens(item, whens, None);
                    if let Some(items) = self.enter(part, &item.at, stack) {
                        self.top(items, &whens, stack);
                        stack.pop();
                    }
                }
                ItemKind::Field {
                    to,
                    value,
                    required,
                } => {
                    let whens = self.whens(item, whens, None);
                    if let Some((entity, target)) = self.head_target(to, &item.at)
                        && let Some(rule) =
                            self.rule(item, (entity, target), value, *required, whens, None)
                    {
                        self.plan.head.push(rule);
                    }
                }
                ItemKind::Each {
                    to,
                    list,
                    alias,
                    rows,
                } => {
                    let entity = self.list_target(to, &item.at, "to");
                    let alias = self.alias(list, alias, &item.at);
                    let (Some(entity), Some(alias)) = (entity, alias) else {
                        self.incomplete = true;
                        continue;
                    };
                    self.rows(item, entity, Some(&alias), rows, whens, stack);
                }
                ItemKind::Append { to, rows } => match self.list_target(to, &item.at, "append") {
                    Some(entity) => self.rows(item, entity, None, rows, whens, stack),
                    None => self.incomplete = true,
                },
            }
        }
    }

    fn rows(
        &mut self,
        item: &'d Item,
        entity: Entity,
        alias: Option<&Alias>,
        items: &'d [Item],
        whens: &[Condition],
        stack: &mut Vec<&'d str>,
    ) {
        let whens = self.whens(item, whens, alias);
        let list = alias.map(|alias| alias.list);
        let mut rows = Rows {
            at: item.at.clone(),
            list,
            whens,
            rules: Vec::new(),
            named: Vec::new(),
        };
        self.row_fields(items, &RowScope { entity, alias }, &[], stack, &mut rows);
        match entity {
            Entity::Payments => self.plan.payments.push(rows),
            _ => self.plan.lines.push(rows),
        }
    }

    fn row_fields(
        &mut self,
        items: &'d [Item],
        scope: &RowScope<'_>,
        whens: &[Condition],
        stack: &mut Vec<&'d str>,
        rows: &mut Rows,
    ) {
        for item in items {
            let whens = self.whens(item, whens, scope.alias);
            match &item.kind {
                ItemKind::Use { part } => {
                    if let Some(items) = self.enter(part, &item.at, stack) {
                        self.row_fields(items, scope, &whens, stack, rows);
                        stack.pop();
                    }
                }
                ItemKind::Field { to, value, required } => match target::find(scope.entity, to) {
                    Ok(target) => {
                        let owner = (scope.entity, target);
                        rows.named.push(target.name);
 rows.rules.extend(self.rule(item, owner, value, *required, whens, scope.alias));
                    }
                    Err((code, message)) => {
                        self.incomplete = true;
                        self.faults.add(code, &format!("{}.to", item.at), message);
                    }
                },
                ItemKind::Each { .. } | ItemKind::Append { .. } => self.faults.add(
                    FaultCode::WrongForm,
                    &item.at,
                    "Rows stand within rows; FreshBooks has no such lists. Move it out to the top \"fields\".",
                ),
            }
        }
    }

    /// The part's items, with its name on the stack; a fault when it is unknown, in a circle or
    /// too deep.
    fn enter(&mut self, part: &'d str, at: &str, stack: &mut Vec<&'d str>) -> Option<&'d [Item]> {
        let at = format!("{at}.use");
        let Some(items) = self.document.parts.get(part) else {
            self.incomplete = true;
            let hint = nearest(part, self.document.parts.keys().map(String::as_str));
            let message = format!(
                "There is no part \"{part}\".{hint} Add it under \"parts\" or name another one."
            );
            self.faults.add(FaultCode::UnknownPart, &at, message);
            return None;
        };
        if stack.contains(&part) {
            let circle = stack.join(" → ");
            let message = format!(
                "The parts use each other in a circle: {circle} → {part}. Take one \"use\" out."
            );
            self.faults.add(FaultCode::Cycle, &at, message);
            return None;
        }
        if stack.len() >= MAX_USE_DEPTH {
            let message = format!("Parts use parts more than {MAX_USE_DEPTH} deep. Flatten them.");
            self.faults.add(FaultCode::TooLarge, &at, message);
            return None;
        }
        // An empty part costs nothing to enter, but many of them could be entered very often.
        self.spend(&at)?;
        stack.push(part);
        Some(items)
    }

    fn spend(&mut self, at: &str) -> Option<()> {
        if self.rules_left == 1 {
            self.incomplete = true;
            let message = format!(
                "With its parts written out, the mapping has more than {MAX_RULES} fields. Use fewer parts."
            );
            self.faults.add(FaultCode::TooLarge, at, message);
        }
        self.rules_left = self.rules_left.saturating_sub(1);
        (self.rules_left > 0).then_some(())
    }

    /// `client.x` and `invoice.x`.
    fn head_target(&mut self, to: &str, at: &str) -> Option<(Entity, &'static TargetSpec)> {
        let at = format!("{at}.to");
        let (entity, name) = match to.split_once('.') {
            Some(("client", name)) => (Entity::Client, name),
            Some(("invoice", name)) => (Entity::Invoice, name),
            _ => {
                let known: Vec<String> = [Entity::Client, Entity::Invoice]
                    .into_iter()
                    .flat_map(|entity| {
                        entity
                            .fields()
                            .iter()
                            .map(move |spec| format!("{}.{}", entity.as_str(), spec.name))
                    })
                    .collect();
                let hint = nearest(to, known.iter().map(String::as_str));
                let message = format!(
                    "There is no target field \"{to}\".{hint} Write client.… or invoice.…; fields of lines and \
                     payments stand within an \"each\" or \"append\"."
                );
                self.faults.add(FaultCode::UnknownTarget, &at, message);
                return None;
            }
        };
        match target::find(entity, name) {
            Ok(target) => Some((entity, target)),
            Err((code, message)) => {
                self.faults.add(code, &at, message);
                None
            }
        }
    }

    fn list_target(&mut self, to: &str, at: &str, key: &str) -> Option<Entity> {
        match to {
            "lines" => return Some(Entity::Lines),
            "payments" => return Some(Entity::Payments),
            _ => {}
        }
        let hint = nearest(to, ["lines", "payments"]);
        let message =
            format!("FreshBooks has no list \"{to}\" here.{hint} Write lines or payments.");
        self.faults
            .add(FaultCode::UnknownTarget, &format!("{at}.{key}"), message);
        None
    }

    fn alias(&mut self, list: &str, name: &str, at: &str) -> Option<Alias> {
        let at = format!("{at}.each");
        if matches!(
            name,
            "order" | "entries" | "receipts" | "number" | "create_date"
        ) {
            let message = format!(
                "\"{name}\" is the name of a source already. Call the rows something else."
            );
            self.faults.add(FaultCode::WrongForm, &at, message);
            return None;
        }
        if let Some((_, list)) = LISTS.iter().find(|(path, _)| *path == list) {
            return Some(Alias {
                name: name.to_owned(),
                list: *list,
            });
        }
        let hint = nearest(list, LISTS.iter().map(|(path, _)| *path));
        let known = LISTS
            .iter()
            .map(|(path, _)| *path)
            .collect::<Vec<_>>()
            .join(", ");
        let message = format!("There is no source list \"{list}\".{hint} Known: {known}.");
        self.faults.add(FaultCode::UnknownPath, &at, message);
        None
    }

    /// Parts that nothing uses are not written out, but circles among them are still faults.
    fn cycles_in_unused_parts(&mut self) {
        let parts = &self.document.parts;
        // A part is sound once all parts it uses are; what never becomes sound is in a circle.
        let mut unsound: Vec<&str> = parts.keys().map(String::as_str).collect();
        loop {
            let before = unsound.len();
            let waiting = unsound.clone();
            unsound.retain(|name| {
                parts
                    .get(*name)
                    .is_some_and(|items| uses_any(items, &waiting))
            });
            if unsound.len() == before {
                break;
            }
        }
        for name in unsound {
            let message = format!(
                "The part \"{name}\" uses parts that use each other in a circle. Take one \"use\" out."
            );
            self.faults
                .add(FaultCode::Cycle, &format!("parts.{name}"), message);
        }
    }
}

fn uses_any(items: &[Item], names: &[&str]) -> bool {
    items.iter().any(|item| match &item.kind {
        ItemKind::Use { part } => names.contains(&part.as_str()),
        ItemKind::Each { rows, .. } | ItemKind::Append { rows, .. } => uses_any(rows, names),
        ItemKind::Field { .. } => false,
    })
}

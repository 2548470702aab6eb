//! How one field is filled: its value and its conditions, checked against its target.

use super::super::document::{Item, OnMissing, PieceForm, Test, ValueForm, When};
use super::super::fault::{FaultCode, nearest};
use super::super::path::{Alias, SourcePath};
use super::super::plan::{Condition, Fallback, Piece, Rule, Value};
use super::super::read::FieldType;
use super::super::target::{self, Entity, TargetSpec};
use super::{Checker, EXPRESSIONS_LATER};

impl Checker<'_, '_> {
    pub(super) fn rule(
        &mut self,
        item: &Item,
        (entity, target): (Entity, &'static TargetSpec),
        value: &ValueForm,
        required: bool,
        whens: Vec<Condition>,
        alias: Option<&Alias>,
    ) -> Option<Rule> {
        self.spend(&item.at)?;
        let value = self.value(item, target, value, alias)?;
        Some(Rule {
            at: item.at.clone(),
            entity,
            target,
            value,
            required,
            whens,
        })
    }

    fn value(
        &mut self,
        item: &Item,
        target: &'static TargetSpec,
        value: &ValueForm,
        alias: Option<&Alias>,
    ) -> Option<Value> {
        match value {
            ValueForm::Expr => {
                self.faults.add(
                    FaultCode::Reserved,
                    &format!("{}.expr", item.at),
                    EXPRESSIONS_LATER,
                );
                None
            }
            ValueForm::Const(text) => {
                self.fixed(text, target, &format!("{}.const", item.at))?;
                Some(Value::Const(text.clone()))
            }
            ValueForm::From { pieces, join } => {
                let at = format!("{}.from", item.at);
                let texts = join.is_some();
                let pieces = pieces
                    .iter()
                    .map(|piece| self.piece(piece, target, texts, &at, alias));
                // Every piece is checked before the first fault ends the rule.
                let pieces: Vec<_> = pieces.collect();
                let pieces = pieces.into_iter().collect::<Option<Vec<_>>>()?;
                Some(match join {
                    Some(join) => Value::Join(pieces, join.clone()),
                    None => Value::First(pieces),
                })
            }
            ValueForm::Lookup {
                table,
                keys,
                on_missing,
            } => {
                let table = self.table(table, target, &item.at);
                let key_at = format!("{}.key", item.at);
                let keys: Vec<_> = keys
                    .iter()
                    .map(|key| self.path(key, alias, &key_at))
                    .collect();
                let on_missing = self.fallback(
                    on_missing,
                    target,
                    alias,
                    &format!("{}.on_missing", item.at),
                );
                let keys = keys.into_iter().collect::<Option<Vec<_>>>()?;
                Some(Value::Lookup {
                    table: table?,
                    keys,
                    on_missing: on_missing?,
                })
            }
        }
    }

    fn piece(
        &mut self,
        form: &PieceForm,
        target: &'static TargetSpec,
        joined: bool,
        at: &str,
        alias: Option<&Alias>,
    ) -> Option<Piece> {
        let path = self.path(&form.path, alias, at)?;
        let is_text = joined || !form.before.is_empty() || !form.after.is_empty();
        let found = if is_text {
            FieldType::Text
        } else {
            path.field_type
        };
        self.fits(found, target, &path.text, at)?;
        Some(Piece {
            path,
            before: form.before.clone(),
            after: form.after.clone(),
        })
    }

    fn fits(
        &mut self,
        found: FieldType,
        target: &'static TargetSpec,
        source: &str,
        at: &str,
    ) -> Option<()> {
        if found.fits(target.field_type) {
            return Some(());
        }
        let message = format!(
            "\"{source}\" gives a {}, but \"{}\" takes a {}. Choose another source field, or a \"lookup\" that \
             turns one into the other.",
            found.as_str(),
            target.name,
            target.field_type.as_str()
        );
        self.faults.add(FaultCode::TypeMismatch, at, message);
        None
    }

    fn fixed(&mut self, text: &str, target: &'static TargetSpec, at: &str) -> Option<()> {
        let Some(refusal) = target::refuse_text(text, target.field_type) else {
            return Some(());
        };
        self.faults.add(
            FaultCode::TypeMismatch,
            at,
            format!("The field \"{}\": {refusal}", target.name),
        );
        None
    }

    fn table(&mut self, name: &str, target: &'static TargetSpec, at: &str) -> Option<usize> {
        let document = self.document;
        let (Some(index), Some(rows)) = (
            self.table_indexes.get(name).copied(),
            document.lookups.get(name),
        ) else {
            let hint = nearest(name, document.lookups.keys().map(String::as_str));
            let message = format!(
                "There is no table \"{name}\".{hint} Add it under \"lookups\" or name another one."
            );
            self.faults
                .add(FaultCode::UnknownLookup, &format!("{at}.lookup"), message);
            return None;
        };
        for (key, text) in rows {
            self.fixed(text, target, &format!("lookups.{name}.{key}"));
        }
        Some(index)
    }

    fn fallback(
        &mut self,
        on_missing: &OnMissing,
        target: &'static TargetSpec,
        alias: Option<&Alias>,
        at: &str,
    ) -> Option<Fallback> {
        Some(match on_missing {
            OnMissing::Error => Fallback::Error,
            OnMissing::Omit => Fallback::Omit,
            OnMissing::Text(text) => {
                self.fixed(text, target, at)?;
                Fallback::Text(text.clone())
            }
            OnMissing::From(path) => {
                let path = self.path(path, alias, at)?;
                self.fits(path.field_type, target, &path.text, at)?;
                Fallback::From(path)
            }
        })
    }

    fn path(&mut self, text: &str, alias: Option<&Alias>, at: &str) -> Option<SourcePath> {
        SourcePath::parse(text, alias)
            .map_err(|message| self.faults.add(FaultCode::UnknownPath, at, message))
            .ok()
    }

    /// The conditions from outside with the item's own.
    pub(super) fn whens(
        &mut self,
        item: &Item,
        outer: &[Condition],
        alias: Option<&Alias>,
    ) -> Vec<Condition> {
        let mut whens = outer.to_vec();
        let at = format!("{}.when", item.at);
        match &item.when {
            None => {}
            Some(When::Expr) => self.faults.add(FaultCode::Reserved, &at, EXPRESSIONS_LATER),
            Some(When::Closed { path, test }) => {
                if let Some(path) = self.path(path, alias, &at) {
                    if matches!(test, Test::GreaterThan(_))
                        && !path.field_type.fits(FieldType::Decimal)
                    {
                        let message = format!(
                            "\"{}\" is no number, so greater_than cannot compare it.",
                            path.text
                        );
                        self.faults.add(FaultCode::TypeMismatch, &at, message);
                    }
                    whens.push(Condition {
                        path,
                        test: test.clone(),
                    });
                }
            }
        }
        whens
    }
}

//! What was measured, beside what was aimed at.

use std::io::Write;

use anyhow::Context;

/// A whole number with three decimals, so that no figure is a float.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Milli(u64);

impl Milli {
    pub(crate) const fn thousandths(value: u64) -> Self {
        Self(value)
    }

    pub(crate) const fn whole(value: u64) -> Self {
        Self(value.saturating_mul(1000))
    }

    pub(crate) const fn twice(self) -> Self {
        Self(self.0.saturating_mul(2))
    }

    /// `part / whole`; 0 when there is no whole.
    pub(crate) fn ratio(part: u64, whole: u64) -> Self {
        let thousand_fold = u128::from(part).saturating_mul(1000);
        let ratio = thousand_fold.checked_div(u128::from(whole)).unwrap_or(0);
        Self(u64::try_from(ratio).unwrap_or(u64::MAX))
    }
}

impl std::fmt::Display for Milli {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (whole, rest) = (self.0 / 1000, self.0 % 1000);
        if rest == 0 {
            write!(f, "{whole}")
        } else if whole >= 100 {
            write!(f, "{whole}.{}", rest / 100)
        } else if whole >= 1 {
            write!(f, "{whole}.{:02}", rest / 10)
        } else {
            write!(f, "0.{rest:03}")
        }
    }
}

/// What a figure should be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Aim {
    None,
    AtLeast(Milli),
    AtMost(Milli),
    Below(Milli),
    Exactly(Milli),
}

impl Aim {
    fn is_met(self, value: Milli) -> Option<bool> {
        match self {
            Self::None => None,
            Self::AtLeast(aim) => Some(value >= aim),
            Self::AtMost(aim) => Some(value <= aim),
            Self::Below(aim) => Some(value < aim),
            Self::Exactly(aim) => Some(value == aim),
        }
    }
}

#[derive(Debug)]
struct Row {
    name: String,
    value: Milli,
    unit: &'static str,
    aim: Aim,
}

/// All figures of one run, in the order in which they were measured.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
    remarks: Vec<String>,
}

impl Table {
    pub(crate) fn figure(
        &mut self,
        name: impl Into<String>,
        value: Milli,
        unit: &'static str,
        aim: Aim,
    ) {
        let name = name.into();
        eprintln!("  {name}: {value} {unit}");
        self.rows.push(Row {
            name,
            value,
            unit,
            aim,
        });
    }

    /// What a reader must know to read the figures right.
    pub(crate) fn remark(&mut self, text: impl Into<String>) {
        self.remarks.push(text.into());
    }

    pub(crate) fn print(&self, quick: bool) -> anyhow::Result<()> {
        let width = self
            .rows
            .iter()
            .map(|row| row.name.chars().count())
            .max()
            .unwrap_or(0);
        let mut out = String::new();
        if quick {
            out.push_str("A quick run: it shows that everything works, not how fast it is.\n\n");
        }
        for row in &self.rows {
            out.push_str(&row.line(width));
        }
        out.push('\n');
        for remark in &self.remarks {
            out.push_str(&format!("* {remark}\n"));
        }
        let missed = self
            .rows
            .iter()
            .filter(|row| row.aim.is_met(row.value) == Some(false));
        let aimed = self
            .rows
            .iter()
            .filter(|row| row.aim.is_met(row.value).is_some())
            .count();
        out.push_str(&format!(
            "\n{} of {} aims are missed.\n",
            missed.count(),
            aimed
        ));
        anyhow::ensure!(
            aimed > 0,
            "nothing was measured that has an aim; the error above or below says why"
        );
        let mut stdout = std::io::stdout().lock();
        stdout
            .write_all(out.as_bytes())
            .and_then(|()| stdout.flush())
            .context("printing the table")
    }
}

impl Row {
    fn line(&self, width: usize) -> String {
        let Self {
            name,
            value,
            unit,
            aim,
        } = self;
        let value = value.to_string();
        let verdict = match aim.is_met(self.value) {
            None => "",
            Some(true) => "met",
            Some(false) => "MISSED",
        };
        let aim = match aim {
            Aim::None => String::new(),
            Aim::AtLeast(aim) => format!("at least {aim}"),
            Aim::AtMost(aim) => format!("at most {aim}"),
            Aim::Below(aim) => format!("under {aim}"),
            Aim::Exactly(aim) => format!("exactly {aim}"),
        };
        let line = format!("{name:<width$}  {value:>9} {unit:<8}  {aim:<14} {verdict}");
        format!("{}\n", line.trim_end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_show_about_three_digits() {
        let shown = |value| Milli::thousandths(value).to_string();
        assert_eq!(
            [shown(512), shown(1_234), shown(123_456), shown(4_000)],
            ["0.512", "1.23", "123.4", "4"]
        );
    }

    #[test]
    fn an_aim_is_met_at_its_bound_unless_it_says_under() {
        let value = Milli::whole(2);
        assert_eq!(Aim::AtMost(value).is_met(value), Some(true));
        assert_eq!(Aim::AtLeast(value).is_met(value), Some(true));
        assert_eq!(Aim::Below(value).is_met(value), Some(false));
        assert_eq!(Aim::None.is_met(value), None);
    }

    #[test]
    fn nothing_over_nothing_is_nothing() {
        assert_eq!(Milli::ratio(5, 0), Milli::whole(0));
        assert_eq!(Milli::ratio(1, 2), Milli::thousandths(500));
    }
}

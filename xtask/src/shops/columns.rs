//! A table for people: columns side by side under a rule, amounts as money.

use rust_decimal::Decimal;

/// The first row is the head. Columns named in `figures` stand to the right.
pub(crate) fn lay_out(rows: &[Vec<String>], figures: &[usize]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let rule: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        text.push_str(&line(row, &widths, figures));
        if number == 0 {
            text.push_str(&line(&rule, &widths, figures));
        }
    }
    text
}

fn line(cells: &[String], widths: &[usize], figures: &[usize]) -> String {
    let cells = cells.iter().zip(widths).enumerate();
    let cells = cells.map(|(column, (cell, width))| {
        if figures.contains(&column) {
            format!("{cell:>width$}")
        } else {
            format!("{cell:<width$}")
        }
    });
    let line = cells.collect::<Vec<_>>().join("  ");
    format!("{}\n", line.trim_end())
}

/// Without the zeros that the store pads with, but with the decimals of most currencies.
pub(crate) fn plain(amount: Decimal) -> String {
    let short = amount.normalize();
    if short.scale() < 2 {
        format!("{short:.2}")
    } else {
        short.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stand_left_and_figures_right() {
        let rows = [["kind", "orders"], ["paid", "7"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(
            lay_out(&rows, &[1]),
            "kind  orders\n────  ──────\npaid       7\n"
        );
    }

    #[test]
    fn amounts_read_like_money() {
        let shown = |text: &str| plain(text.parse().unwrap());
        assert_eq!(shown("12.5000"), "12.50");
        assert_eq!(shown("1200.0000"), "1200.00");
        assert_eq!(shown("0.375"), "0.375");
        assert_eq!(shown("0.0000"), "0.00");
    }
}

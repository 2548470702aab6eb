//! Which orders the demo places.

use anyhow::Context;
use serde_json::json;

use super::MERCHANTS;
use crate::shops::orders::{self, Kind, Placed};
use crate::shops::sandbox::{Addresses, Http};
use crate::shops::world::Merchant;

/// The demo makes no later change happen, so kinds that end other than they begin stay out.
pub(super) fn takes_part(kind: &Kind) -> bool {
    !kind.name.starts_with("later_")
}

/// Places the `number`-th order: every kind in turn, the merchants alternating, and in the next
/// round each kind at the other merchant.
pub(super) async fn place(
    http: &Http,
    at: &Addresses,
    kinds: &[Kind],
    number: usize,
) -> anyhow::Result<Placed> {
    let (kind, merchant) = choice(kinds, number)?;
    let request = json!({ "kind": kind.name, "seed": number, "hooks": "storm" });
    orders::place(http, at, merchant, &request).await
}

fn choice(kinds: &[Kind], number: usize) -> anyhow::Result<(&Kind, Merchant)> {
    let turn = number.checked_rem(kinds.len()).context("no kinds")?;
    let round = number.checked_div(kinds.len()).context("no kinds")?;
    let kind = kinds.get(turn).context("no such kind")?;
    let merchant = MERCHANTS
        .get((turn + round) % MERCHANTS.len())
        .context("no merchant")?;
    Ok((kind, *merchant))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_meets_both_merchants() {
        let kind = |n: usize| Kind {
            name: format!("kind{n}"),
            in_books: true,
        };
        let kinds: Vec<Kind> = (0..4).map(kind).collect();
        let met: BTreeSet<_> = (0..8)
            .map(|n| choice(&kinds, n).unwrap())
            .map(|(kind, merchant)| (kind.name.clone(), merchant.name))
            .collect();
        assert_eq!(met.len(), 8);
    }
}

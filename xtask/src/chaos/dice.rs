//! The one source of chance of a schedule: a seed gives the same throws for ever.
//!
//! SplitMix64 (Steele, Lea, Flood 2014). A library's generator may give other numbers in its next
//! version, and a seed that was printed last year must repeat its schedule.

#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From `least` up to and without `end`; `least` when there is nothing between them.
    pub(crate) fn between(&mut self, least: u64, end: u64) -> u64 {
        let span = end.saturating_sub(least).max(1);
        least.saturating_add(self.throw().checked_rem(span).unwrap_or(0))
    }

    /// True in so many of a hundred throws.
    pub(crate) fn percent(&mut self, chance: u64) -> bool {
        self.between(0, 100) < chance
    }

    /// One of them; `None` when there is none.
    pub(crate) fn one_of<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        let place = self.between(0, u64::try_from(all.len()).unwrap_or(1));
        all.get(usize::try_from(place).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_published_numbers() {
        let mut dice = Dice::new(1_234_567);
        let thrown = [dice.throw(), dice.throw(), dice.throw()];
        assert_eq!(
            thrown,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
    }
}

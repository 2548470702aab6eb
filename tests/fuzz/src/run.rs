//! Runs a target over a fixed number of inputs, and tells how to see a failing one again.
//!
//! An input depends on the seed and its number only, so any one of them can be run alone:
//! `TILLBOOK_FUZZ_SEED=7 TILLBOOK_FUZZ_ONLY=1234 cargo test -p fuzz hooks`. The number of the input
//! under way stands in a file, for what no test survives: an overflowing stack, a hang. Not here:
//! what is tried.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use rand::SeedableRng;
use rand::rngs::StdRng;

/// What is fuzzed.
pub trait Target {
    /// Also the name of its files and of its test.
    const NAME: &'static str;
    /// Its `Debug` is what a failure shows.
    type Input: Debug;

    /// An input; the same chance gives the same one.
    fn input(&self, chance: &mut StdRng) -> Self::Input;

    /// What became of the input, in a word that is counted; an error is what does not hold.
    ///
    /// # Errors
    /// When a property is broken. A panic counts as one.
    fn check(&self, input: &Self::Input) -> Result<&'static str, String>;
}

/// How much is run.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub inputs: u64,
    pub seed: u64,
    /// The number of one input, to run it alone.
    pub only: Option<u64>,
}

/// How often each word of [`Target::check`] was said.
pub type Tally = BTreeMap<&'static str, u64>;

/// Characters of an input that a failure shows; the file holds all.
const SHOWN_CHARS: usize = 4_000;

impl Settings {
    /// `inputs` and seed 1, unless the environment says otherwise.
    ///
    /// # Errors
    /// When a variable is set and is no number.
    pub fn from_environment(inputs: u64) -> Result<Self, String> {
        Ok(Self {
            inputs: number("TILLBOOK_FUZZ_INPUTS")?.unwrap_or(inputs),
            seed: number("TILLBOOK_FUZZ_SEED")?.unwrap_or(1),
            only: number("TILLBOOK_FUZZ_ONLY")?,
        })
    }
}

fn number(variable: &str) -> Result<Option<u64>, String> {
    match std::env::var(variable) {
        Err(_) => Ok(None),
        Ok(text) => match text.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(format!("{variable} must be a whole number, not {text:?}")),
        },
    }
}

/// Runs the inputs, and keeps what is needed to see a failing one again in `folder`.
///
/// # Errors
/// What does not hold of which input, and how to run it alone.
pub fn run<T: Target>(target: &T, settings: Settings, folder: &Path) -> Result<Tally, String> {
    let under_way = folder.join(format!("fuzz-{}.under-way", T::NAME));
    let mut tally = Tally::new();
    let numbers = match settings.only {
        Some(only) => only..only.saturating_add(1),
        None => 0..settings.inputs,
    };
    for number in numbers {
        let told = format!("seed {} number {number}\n", settings.seed);
        fs::write(&under_way, told).map_err(|error| format!("{}: {error}", under_way.display()))?;
        let input = target.input(&mut chance(settings.seed, number));
        let checked = catch_unwind(AssertUnwindSafe(|| target.check(&input)));
        let broken = match checked {
            Ok(Ok(word)) => {
                *tally.entry(word).or_default() += 1;
                continue;
            }
            Ok(Err(broken)) => broken,
            Err(panic) => format!("panicked: {}", words(panic.as_ref())),
        };
        return Err(failure::<T>(settings.seed, number, &input, &broken, folder));
    }
    fs::remove_file(&under_way).map_err(|error| format!("{}: {error}", under_way.display()))?;
    Ok(tally)
}

/// Another number is another stream, whatever the seed.
fn chance(seed: u64, number: u64) -> StdRng {
    const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
    StdRng::seed_from_u64(seed.wrapping_mul(SPREAD) ^ number)
}

fn failure<T: Target>(
    seed: u64,
    number: u64,
    input: &T::Input,
    broken: &str,
    folder: &Path,
) -> String {
    let whole = format!("{input:?}");
    let file = folder.join(format!("fuzz-{}-{seed}-{number}.input", T::NAME));
    let kept = match fs::write(&file, &whole) {
        Ok(()) => format!("the whole input is in {}", file.display()),
        Err(error) => format!("the input could not be kept: {error}"),
    };
    let shown: String = whole.chars().take(SHOWN_CHARS).collect();
    format!(
        "{name}: {broken}\ninput {number} of seed {seed}; {kept}\nrun it alone: \
         TILLBOOK_FUZZ_SEED={seed} TILLBOOK_FUZZ_ONLY={number} cargo test -p fuzz {name}\n{shown}",
        name = T::NAME
    )
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without words")
}

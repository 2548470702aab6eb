//! How inputs are run: a broken property is told, and its input runs again alone.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests may panic as tests do"
)]

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use fuzz::run::{Settings, Target, run};
use rand::RngExt;
use rand::rngs::StdRng;

/// Fails for one input in sixteen, by an error or by a panic; or never, and keeps what it saw.
#[derive(Default)]
struct Sieve {
    fails: bool,
    panics: bool,
    seen: RefCell<Vec<u64>>,
}

impl Target for Sieve {
    const NAME: &'static str = "sieve";
    type Input = u64;

    fn input(&self, chance: &mut StdRng) -> u64 {
        chance.random()
    }

    fn check(&self, input: &u64) -> Result<&'static str, String> {
        self.seen.borrow_mut().push(*input);
        match input % 16 {
            3 if self.panics => panic!("a planted panic"),
            3 if self.fails => Err("a planted fault".to_owned()),
            _ => Ok("good"),
        }
    }
}

/// Of each test its own: the number under way stands in a file.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn settings(seed: u64, only: Option<u64>) -> Settings {
    Settings {
        inputs: 500,
        seed,
        only,
    }
}

#[test]
fn a_broken_property_is_told_with_what_runs_it_again() {
    let folder = folder("sieve-broken");
    for (panics, told) in [
        (false, "a planted fault"),
        (true, "panicked: a planted panic"),
    ] {
        let sieve = Sieve {
            fails: true,
            panics,
            ..Sieve::default()
        };
        // A seed for each, so that the files of neither are the other's.
        let seed = if panics { 8 } else { 9 };
        let failure = run(&sieve, settings(seed, None), &folder).unwrap_err();
        assert!(failure.contains(told), "{failure}");
        let number = failure.split("FUZZ_ONLY=").nth(1).unwrap();
        let number = number.split(' ').next().unwrap().parse().unwrap();
        let again = run(&sieve, settings(seed, Some(number)), &folder);
        assert_eq!(again.unwrap_err(), failure);
        let kept = folder.join(format!("fuzz-sieve-{seed}-{number}.input"));
        let input = sieve.seen.borrow().last().unwrap().to_string();
        assert_eq!(std::fs::read_to_string(&kept).unwrap(), input);
        std::fs::remove_file(kept).unwrap();
    }
}

#[test]
fn inputs_are_the_same_for_a_seed_and_differ_between_seeds() {
    let folder = folder("sieve-whole");
    let of = |seed| {
        let sieve = Sieve::default();
        let tally = run(&sieve, settings(seed, None), &folder).unwrap();
        assert_eq!(tally["good"], 500);
        sieve.seen.into_inner()
    };
    let first = of(1);
    assert_eq!(first, of(1));
    let second = of(2);
    assert!(first.iter().all(|input| !second.contains(input)));
}

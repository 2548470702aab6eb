//! `[stage]` and `[stage.<name>]`: bounds and retries, for all stages or one.

use super::section::Section;

/// `[stage]`: how a stage takes, bounds and repeats its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StageConfig {
    /// Messages worked on at once.
    pub in_flight: usize,
    /// Then the message becomes a dead letter.
    pub max_attempts: u32,
    /// Ceiling of the first retry delay.
    pub retry_base_ms: u64,
    /// Ceiling of every later one.
    pub retry_cap_s: u64,
    /// For one attempt.
    pub process_timeout_s: u64,
    /// Then the message becomes a dead letter, however few its attempts.
    pub max_age_h: u64,
}

/// The stages' tuning, one for each stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StagesConfig {
    /// The fetcher inside ingest.
    pub fetch: StageConfig,
    /// validate
    pub validate: StageConfig,
    /// transform
    pub transform: StageConfig,
    /// lookup
    pub lookup: StageConfig,
    /// deliver
    pub deliver: StageConfig,
}

impl StagesConfig {
    pub(super) fn read(mut of: Section<'_>) -> Self {
        let base = StageConfig {
            in_flight: 64,
            max_attempts: 2_000,
            retry_base_ms: 1_000,
            retry_cap_s: 900,
            process_timeout_s: 120,
            max_age_h: 168,
        };
        let base = StageConfig::read(&mut of, base);
        let [fetch, validate, transform, lookup, deliver] =
            ["fetch", "validate", "transform", "lookup", "deliver"].map(|name| {
                let mut of = of.section(name);
                let stage = StageConfig::read(&mut of, base);
                of.finish();
                stage
            });
        of.finish();
        Self {
            fetch,
            validate,
            transform,
            lookup,
            deliver,
        }
    }
}

impl StageConfig {
    fn read(of: &mut Section<'_>, base: Self) -> Self {
        let stage = Self {
            in_flight: of.size(
                "in_flight",
                base.in_flight,
                1..=1_024,
                "Messages worked on at once, in each process.",
            ),
            max_attempts: of.small(
                "max_attempts",
                base.max_attempts,
                1..=100_000,
                "Attempts before a message becomes a dead letter. High, so that a vendor's outage \
                 of days ends by `max_age_h`, not by counting.",
            ),
            retry_base_ms: of.int(
                "retry_base_ms",
                base.retry_base_ms,
                10..=3_600_000,
                "The first retry comes within this time; each later bound is twice as long, and \
                 the delay is drawn evenly from zero to the bound.",
            ),
            retry_cap_s: of.int(
                "retry_cap_s",
                base.retry_cap_s,
                1..=86_400,
                "No retry waits longer than this.",
            ),
            process_timeout_s: of.int(
                "process_timeout_s",
                base.process_timeout_s,
                1..=3_600,
                "How long one attempt may take before it counts as failed.",
            ),
            max_age_h: of.int(
                "max_age_h",
                base.max_age_h,
                1..=720,
                "A message older than this becomes a dead letter instead of being tried again.",
            ),
        };
        // A fault inherited from [stage] is told there, once.
        let told_here = of.has("retry_cap_s") || of.has("retry_base_ms");
        if told_here && stage.retry_cap_s.saturating_mul(1_000) < stage.retry_base_ms {
            of.fault("retry_cap_s is shorter than retry_base_ms; raise one or lower the other");
        }
        stage
    }
}

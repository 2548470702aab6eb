//! What the stages' own functions cost, without streams: where the chain's processor time goes.

use std::time::{Duration, Instant};

use contracts::books::DesiredBooks;
use contracts::order::{OrderSnapshot, ValidatedOrder};
use domain::mapping::Mapping;
use domain::policy::Policy;
use prost::Message;

use crate::snapshots::Snapshots;
use crate::table::Milli;

const REPEATS: u32 = 10;

/// One line: microseconds of each step of an order on one thread, nothing else running.
pub(crate) fn costs(snapshots: &Snapshots, policy: &Policy) -> anyhow::Result<String> {
    let mapping = Mapping::built_in();
    let failed = |failure: stage::Failure| anyhow::anyhow!("{failure:?}");
    let mut spent = [Duration::ZERO; 5];
    for _ in 0..REPEATS {
        for snapshot in &snapshots.all {
            let bytes = snapshot.message.encode_to_vec();
            let mut laps = Laps::begin();
            let read = OrderSnapshot::decode(bytes.as_slice())?;
            let event = read.event.clone().unwrap_or_default();
            let json: serde_json::Value =
                serde_json::from_slice(&crate::snapshots::document(&read)?)?;
            drop(json);
            let parsed = laps.lap();
            let validated = validate::read(event.clone(), read).map_err(failed)?;
            let validate = laps.lap();
            let bytes = validated.encode_to_vec();
            let validated = ValidatedOrder::decode(bytes.as_slice())?;
            let first_wire = laps.lap();
            let desired =
                transform::transform(event, &validated, policy, &mapping).map_err(failed)?;
            let transform = laps.lap();
            let bytes = desired.encode_to_vec();
            drop(DesiredBooks::decode(bytes.as_slice())?);
            let second_wire = laps.lap();
            for (sum, lap) in
                spent
                    .iter_mut()
                    .zip([parsed, validate, first_wire, transform, second_wire])
            {
                *sum = sum.saturating_add(lap);
            }
        }
    }
    let orders = u64::try_from(snapshots.all.len())?.saturating_mul(u64::from(REPEATS));
    let [parsed, validate, first_wire, transform, second_wire] =
        spent.map(|sum| Milli::ratio(u64::try_from(sum.as_micros()).unwrap_or(u64::MAX), orders));
    Ok(format!(
        "Pure functions, one order on one thread: validate {validate} µs (of it {parsed} µs for making a JSON value), \
         ValidatedOrder there and back {first_wire} µs, transform {transform} µs, DesiredBooks there and back {second_wire} µs."
    ))
}

struct Laps(Instant);

impl Laps {
    fn begin() -> Self {
        Self(Instant::now())
    }

    fn lap(&mut self) -> Duration {
        let now = Instant::now();
        let lap = now.saturating_duration_since(self.0);
        self.0 = now;
        lap
    }
}

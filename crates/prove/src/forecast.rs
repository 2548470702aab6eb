//! What a proof will cost, known once the lists are read and before the orders are.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::report::Calls;

/// Orders, calls and time of a whole run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forecast {
    pub orders: u64,
    /// Orders whose transactions are read one by one.
    pub orders_with_transactions: u64,
    /// Orders that the lists already show to differ, so that each is read again by itself.
    pub orders_to_read_again: u64,
    /// All calls, those for the lists included.
    pub calls: Calls,
    /// Of these, already made for the lists.
    pub calls_for_lists: Calls,
    /// From now on, at the pace that is set.
    pub duration_s: u64,
}

impl Forecast {
    /// One line for people.
    pub fn words(&self) -> String {
        let minutes = self.duration_s.div_ceil(60);
        let duration = if self.duration_s < 90 {
            format!("{} s", self.duration_s)
        } else {
            format!("{minutes} min")
        };
        format!(
            "{} orders; {} calls to BigCommerce and {} to FreshBooks, of which {} and {} are made; \
             about {duration} more",
            self.orders,
            self.calls.bigcommerce,
            self.calls.freshbooks,
            self.calls_for_lists.bigcommerce,
            self.calls_for_lists.freshbooks,
        )
    }
}

/// How long calls take when both vendors are asked at their own pace.
pub(crate) fn duration(calls: u64, interval: Duration) -> Duration {
    u32::try_from(calls).map_or(Duration::MAX, |calls| interval.saturating_mul(calls))
}

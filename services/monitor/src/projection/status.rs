//! How far the projection is behind its streams; shared with the API, the gauges and readiness.

use std::collections::BTreeMap;
use std::sync::Arc;

use contracts::topology::Stream;
use runtime::admin::ReadyFlag;
use tokio::sync::watch;

use super::record::SOURCES;

/// One stream's reading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Whether it is being read now.
    pub attached: bool,
    /// Whether everything that was there when reading began has been stored.
    pub caught_up: bool,
    /// The last stored sequence.
    pub sequence: u64,
    /// Messages in the stream that are not stored here yet.
    pub lag_messages: u64,
}

/// All readings, by stream name.
pub type Readings = BTreeMap<&'static str, Reading>;

/// Shared by readers and onlookers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Status {
    readings: Arc<watch::Sender<Readings>>,
    ready: ReadyFlag,
}

impl Status {
    /// Nothing read yet; the flag becomes ready when every stream is caught up once.
    pub fn new(ready: ReadyFlag) -> Self {
        let readings = SOURCES
            .map(|stream| (stream.name(), Reading::default()))
            .into();
        let status = Self {
            readings: Arc::new(watch::Sender::new(readings)),
            ready,
        };
        status.tell_readiness();
        status
    }

    /// The present readings.
    pub fn readings(&self) -> Readings {
        self.readings.borrow().clone()
    }

    /// To wait on.
    pub fn subscribe(&self) -> watch::Receiver<Readings> {
        self.readings.subscribe()
    }

    pub(super) fn attached(&self, stream: Stream, sequence: u64, lag_messages: u64) {
        self.change(stream, |reading| {
            reading.attached = true;
            reading.sequence = sequence;
            reading.lag_messages = lag_messages;
            reading.caught_up |= lag_messages == 0;
        });
    }

    pub(super) fn stored(&self, stream: Stream, sequence: u64, lag_messages: u64, caught_up: bool) {
        self.change(stream, |reading| {
            reading.sequence = sequence;
            reading.lag_messages = lag_messages;
            reading.caught_up |= caught_up;
        });
    }

    pub(super) fn detached(&self, stream: Stream) {
        self.change(stream, |reading| reading.attached = false);
    }

    /// A rebuild begins.
    pub(super) fn emptied(&self) {
        for stream in SOURCES {
            self.change(stream, |reading| *reading = Reading::default());
        }
    }

    fn change(&self, stream: Stream, change: impl FnOnce(&mut Reading)) {
        self.readings.send_if_modified(|readings| {
            let reading = readings.entry(stream.name()).or_default();
            let before = reading.clone();
            change(reading);
            *reading != before
        });
        self.tell_readiness();
    }

    fn tell_readiness(&self) {
        let readings = self.readings.borrow();
        let waiting = |pick: fn(&Reading) -> bool| {
            let names = readings
                .iter()
                .filter(|(_, reading)| !pick(reading))
                .map(|(name, _)| *name);
            names.collect::<Vec<_>>().join(", ")
        };
        let (apart, behind) = (waiting(|r| r.attached), waiting(|r| r.caught_up));
        if !apart.is_empty() {
            self.ready.not_ready(format!("not reading {apart}"));
        } else if !behind.is_empty() {
            self.ready.not_ready(format!("catching up with {behind}"));
        } else {
            self.ready.ready();
        }
    }
}

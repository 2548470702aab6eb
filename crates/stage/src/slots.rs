//! Places to work in, shared out among connections.
//!
//! Each known connection has a few places that nobody else takes; the rest belongs to whoever
//! comes first. So a store whose vendor hangs fills its own places and the common ones, and
//! another store's orders still find theirs. First come, first served, as far as the shares allow.
//! Not here: what is done in a place.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// How a stage's places are shared out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    /// How many connections there are; 1 means that there is nothing to share out.
    pub connections: usize,
    /// The most places of one connection.
    pub most: usize,
}

impl Shares {
    /// Everything belongs to whoever comes.
    pub const ALL_IN_ONE: Self = Self {
        connections: 1,
        most: usize::MAX,
    };

    /// Whether one connection could stand in another's way.
    pub(crate) const fn are_several(self) -> bool {
        self.connections > 1
    }

    /// Places of each connection that nobody else takes: half of all are shared out so.
    fn own(self, places: usize) -> usize {
        if self.are_several() {
            places / 2 / self.connections
        } else {
            0
        }
    }
}

/// The places of one stage. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Slots(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    places: usize,
    shares: Shares,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    held: HashMap<String, usize>,
    waiting: VecDeque<(String, oneshot::Sender<Slot>)>,
}

/// A place; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Slot {
    inner: Arc<Inner>,
    connection: String,
}

impl Slots {
    pub(crate) fn new(places: usize, shares: Shares) -> Self {
        Self(Arc::new(Inner {
            places,
            shares,
            state: Mutex::default(),
        }))
    }

    /// Waits for a place.
    pub(crate) async fn acquire(&self, connection: &str) -> Slot {
        let waiter = {
            let mut state = self.0.lock();
            if self.0.has_place(&state, connection) {
                return Inner::take(&self.0, &mut state, connection);
            }
            let (sender, waiter) = oneshot::channel();
            state.waiting.push_back((connection.to_owned(), sender));
            waiter
        };
        match waiter.await {
            Ok(slot) => slot,
            // Nobody drops a sender unasked; without a place this would never work.
            Err(_) => std::future::pending().await,
        }
    }
}

impl Inner {
    fn has_place(&self, state: &State, connection: &str) -> bool {
        let own = self.shares.own(self.places);
        let held = state.held.get(connection).copied().unwrap_or(0);
        if held >= self.shares.most {
            return false;
        }
        if held < own {
            return true;
        }
        // What all take beyond their own comes out of the common places.
        let common = self
            .places
            .saturating_sub(own.saturating_mul(self.shares.connections));
        let beyond: usize = state
            .held
            .values()
            .map(|held| held.saturating_sub(own))
            .sum();
        beyond < common
    }

    fn take(inner: &Arc<Self>, state: &mut State, connection: &str) -> Slot {
        let held = state.held.entry(connection.to_owned()).or_default();
        *held = held.saturating_add(1);
        Slot {
            inner: Arc::clone(inner),
            connection: connection.to_owned(),
        }
    }

    /// Gives places to those who wait, in order, as far as there are some for them.
    fn serve(inner: &Arc<Self>, state: &mut State) {
        let mut unserved = VecDeque::new();
        while let Some((connection, waiter)) = state.waiting.pop_front() {
            if waiter.is_closed() {
                continue;
            }
            if !inner.has_place(state, &connection) {
                unserved.push_back((connection, waiter));
                continue;
            }
            let slot = Self::take(inner, state, &connection);
            if let Err(mut slot) = waiter.send(slot) {
                slot.give_back(state);
            }
        }
        state.waiting = unserved;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Gives the place back under the lock; the drop that follows finds nothing to do.
    fn give_back(&mut self, state: &mut State) {
        let connection = std::mem::take(&mut self.connection);
        if let Some(held) = state.held.get_mut(&connection) {
            *held = held.saturating_sub(1);
            if *held == 0 {
                state.held.remove(&connection);
            }
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if self.connection.is_empty() {
            return;
        }
        let inner = Arc::clone(&self.inner);
        let mut state = inner.lock();
        self.give_back(&mut state);
        Inner::serve(&inner, &mut state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    fn slots(places: usize, connections: usize, most: usize) -> Slots {
        Slots::new(places, Shares { connections, most })
    }

    fn take(slots: &Slots, connection: &str) -> Option<Slot> {
        slots.acquire(connection).now_or_never()
    }

    fn take_all(slots: &Slots, connection: &str) -> Vec<Slot> {
        std::iter::from_fn(|| take(slots, connection)).collect()
    }

    #[test]
    fn one_connection_has_every_place() {
        let slots = slots(8, 1, usize::MAX);
        assert_eq!(take_all(&slots, "acme").len(), 8);
    }

    #[test]
    fn a_greedy_connection_leaves_the_others_theirs() {
        let slots = slots(8, 2, usize::MAX);
        let greedy = take_all(&slots, "beta");
        assert_eq!(greedy.len(), 6, "its own two and the common four");
        assert_eq!(take_all(&slots, "acme").len(), 2);
    }

    #[test]
    fn no_connection_has_more_than_its_most() {
        let slots = slots(8, 2, 4);
        let _beta = take_all(&slots, "beta");
        assert_eq!(take_all(&slots, "acme").len(), 4);
    }

    #[test]
    fn more_connections_than_places_share_what_there_is() {
        let slots = slots(4, 100, usize::MAX);
        assert_eq!(take_all(&slots, "acme").len(), 4);
    }

    #[tokio::test]
    async fn a_place_given_back_goes_to_the_first_who_may_have_it() {
        let slots = slots(4, 2, usize::MAX);
        let mut beta = take_all(&slots, "beta");
        let acme = take_all(&slots, "acme");
        assert_eq!((beta.len(), acme.len()), (3, 1));
        let (ours, theirs) = (slots.clone(), slots.clone());
        let mut waiting_beta = Box::pin(ours.acquire("beta"));
        let mut waiting_acme = Box::pin(theirs.acquire("acme"));
        assert!((&mut waiting_beta).now_or_never().is_none());
        assert!((&mut waiting_acme).now_or_never().is_none());
        drop(acme);
        assert!(
            (&mut waiting_beta).now_or_never().is_none(),
            "acme's own place is none of beta's"
        );
        let _acme = (&mut waiting_acme).now_or_never().unwrap();
        beta.pop();
        assert!((&mut waiting_beta).now_or_never().is_some());
    }

    #[test]
    fn who_no_longer_waits_is_passed_over() {
        let slots = slots(1, 1, usize::MAX);
        let first = take(&slots, "acme").unwrap();
        let gone = slots.acquire("acme");
        let mut gone = Box::pin(gone);
        assert!((&mut gone).now_or_never().is_none());
        drop(gone);
        let mut next = Box::pin(slots.acquire("acme"));
        assert!((&mut next).now_or_never().is_none());
        drop(first);
        assert!((&mut next).now_or_never().is_some());
    }
}

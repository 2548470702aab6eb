//! What the stores do during a schedule: orders change, and hints of it make plans that arrive
//! late, twice and out of order, each with the order as it was when it was fetched.

use std::sync::Arc;
use std::time::Duration;

use contracts::books_conversion;
use contracts::event::{Entity, Event, Origin};
use contracts::topology::Stage;
use domain::books::DesiredBooks;
use tokio::time::Instant;

use crate::fault::Fault;
use crate::library::{Library, Story, shopper};
use crate::process::{CONNECTION, House};

/// One order of a schedule.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) class: &'static str,
    pub(crate) id: String,
    pub(crate) states: Vec<DesiredBooks>,
    /// When each state begins.
    begins: Vec<Instant>,
}

impl Order {
    /// What the books must show in the end.
    pub(crate) fn last(&self) -> Option<&DesiredBooks> {
        self.states.last()
    }
}

/// Chooses the orders of a schedule and when each changes.
pub(crate) fn choose(house: &House, library: &Library) -> Vec<Order> {
    let world = &house.world;
    let mut orders: Vec<Order> = Vec::new();
    for _ in 0..world.between(1, 3) {
        let at = world.between(0, library.stories.len() as u64 - 1);
        let story = usize::try_from(at)
            .ok()
            .and_then(|at| library.stories.get(at));
        let Some(story) = story.filter(|story| orders.iter().all(|one| one.id != story.order_id))
        else {
            continue;
        };
        orders.push(order(house, story));
    }
    orders
}

fn order(house: &House, story: &Story) -> Order {
    let world = &house.world;
    let client = shopper(world.between(0, 1));
    // Shoppers order at the same moment, and merchants change orders while they are booked.
    let pace_ms = *[50, 2_000, 60_000]
        .get(usize::try_from(world.between(0, 2)).unwrap_or(0))
        .unwrap_or(&50);
    let mut at = Instant::now();
    let begins = story.states.iter().map(|_| {
        at += world.millis(0, pace_ms);
        at
    });
    Order {
        class: story.class,
        id: story.order_id.clone(),
        begins: begins.collect(),
        states: story
            .states
            .iter()
            .map(|books| DesiredBooks {
                client: client.clone(),
                ..books.clone()
            })
            .collect(),
    }
}

/// Hints each state of the order; the future ends when the last plan is on its way.
pub(crate) async fn hint(house: Arc<House>, order: Order) {
    let world = &house.world;
    let mut fetches = Vec::new();
    for begins in &order.begins {
        let hints = if world.strikes(Fault::HintDoubled) {
            world.between(2, 3)
        } else {
            1
        };
        for _ in 0..hints {
            let delay = if world.strikes(Fault::HintDelayed) {
                world.millis(1_000, 180_000)
            } else {
                world.millis(0, 500)
            };
            fetches.push((*begins + world.millis(1, 300), delay));
        }
    }
    fetches.sort_unstable();
    let mut under_way = Vec::new();
    for (number, (at, delay)) in fetches.into_iter().enumerate() {
        tokio::time::sleep_until(at).await;
        let state = order.begins.iter().rposition(|begins| *begins <= at);
        let Some(books) = state.and_then(|state| order.states.get(state)) else {
            continue;
        };
        let plan = plan(&house, &order, books, number);
        world.trace(|| {
            let state = state.unwrap_or_default();
            format!(
                "order {} is fetched: state {state}, {:?}, v{}",
                order.id,
                books.disposition,
                world.now_ms() % 100_000_000
            )
        });
        let streams = Arc::clone(&house.streams);
        under_way.push(tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            streams.feed(Stage::Lookup, &plan);
        }));
        // Versions are milliseconds; two fetches of one order never share one.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for plan in under_way {
        // A plan that is dropped with the schedule is of no interest.
        drop(plan.await);
    }
}

/// Hints the order's last state once more.
pub(crate) fn hint_last(house: &House, order: &Order) {
    if let Some(books) = order.last() {
        let plan = plan(house, order, books, usize::MAX);
        house.streams.feed(Stage::Lookup, &plan);
    }
}

/// The desired books as `transform` hands them on.
fn plan(
    house: &House,
    order: &Order,
    books: &DesiredBooks,
    number: usize,
) -> contracts::books::DesiredBooks {
    let mut wire = books_conversion::to_wire(books);
    wire.event = Some(Event {
        event_id: format!("{CONNECTION}-{}-{number}", order.id),
        connection: CONNECTION.to_owned(),
        entity: Entity::Order.into(),
        entity_id: order.id.clone(),
        version_ms: house.world.now_ms(),
        origin: Origin::Hook.into(),
        hinted_at_ms: house.world.now_ms(),
    });
    wire.client_as_of_ms = 1;
    wire
}

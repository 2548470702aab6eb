#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::desk::By;
use crate::filter::Filter;

const SETTINGS: Settings = Settings {
    rate_per_s: 10,
    canaries: 2,
    failures_max: 1,
    at_once: 4,
    refetch: false,
};

fn release() -> Release {
    let by = By {
        who: "jo",
        why: "mended",
    };
    Release::new(Filter::default(), SETTINGS, by, 100, 0)
}

fn key(order: &str) -> Key {
    ["acme".to_owned(), "order".to_owned(), order.to_owned()]
}

fn item(sequence: u64, order: &str) -> Item {
    Item {
        sequence,
        key: key(order),
        event_id: format!("event-{sequence}"),
    }
}

fn end(sequence: u64, order: &str, trouble: Option<&str>) -> End {
    End {
        key: key(order),
        event_id: format!("event-{sequence}"),
        stored_at_ms: 1_000,
        trouble: trouble.map(str::to_owned),
    }
}

/// Takes out what may go; the sequences.
fn go(work: &mut Work, release: &mut Release) -> Vec<u64> {
    let mut gone = Vec::new();
    while let Some(item) = work.next(release) {
        gone.push(item.sequence);
        work.released(item, 1_000);
        release.released += 1;
    }
    gone
}

#[test]
fn canaries_go_first_and_the_rest_when_they_ended_well() {
    let mut release = release();
    let items = (1..=8).map(|n| item(n, &n.to_string())).collect();
    let mut work = Work::new(SETTINGS, items);
    assert_eq!(go(&mut work, &mut release), [1, 2]);
    work.conclude(end(1, "1", None), &mut release);
    assert_eq!(go(&mut work, &mut release), [0; 0], "one canary is out");
    work.conclude(end(2, "2", None), &mut release);
    assert_eq!(go(&mut work, &mut release), [3, 4, 5, 6], "four at once");
    assert_eq!(work.must_stop(&release), None);
    for n in 3..=6 {
        work.conclude(end(n, &n.to_string(), None), &mut release);
    }
    assert_eq!(go(&mut work, &mut release), [7, 8]);
    assert!(!work.is_done());
    work.conclude(end(7, "7", None), &mut release);
    work.conclude(end(8, "8", None), &mut release);
    assert!(work.is_done());
    assert_eq!((release.ended_well, release.ended_badly), (8, 0));
}

#[test]
fn a_canary_that_dies_again_stops_the_release_and_later_ones_when_they_are_many() {
    let items = || (1..=8).map(|n| item(n, &n.to_string())).collect();
    let mut one = release();
    let mut work = Work::new(SETTINGS, items());
    go(&mut work, &mut one);
    work.conclude(end(2, "2", Some("deliver: rejected: no")), &mut one);
    assert!(work.must_stop(&one).unwrap().contains("canary"));
    assert_eq!(one.failures, ["deliver: rejected: no"]);

    let mut later = release();
    let mut work = Work::new(SETTINGS, items());
    go(&mut work, &mut later);
    work.conclude(end(1, "1", None), &mut later);
    work.conclude(end(2, "2", None), &mut later);
    go(&mut work, &mut later);
    work.conclude(end(3, "3", Some("no")), &mut later);
    assert_eq!(work.must_stop(&later), None, "one may fail");
    work.conclude(end(4, "4", Some("no")), &mut later);
    assert!(work.must_stop(&later).unwrap().contains("2 letters"));
}

#[test]
fn letters_of_one_entity_go_oldest_first_each_when_the_one_before_ended_well() {
    let mut release = release();
    let items = vec![item(1, "a"), item(2, "a"), item(3, "b"), item(4, "a")];
    let mut work = Work::new(SETTINGS, items);
    assert_eq!(go(&mut work, &mut release), [1, 3]);
    work.conclude(end(3, "b", None), &mut release);
    work.conclude(end(9, "a", None), &mut release);
    assert_eq!(
        release.ended_well, 1,
        "another event of a is no end of ours"
    );
    work.conclude(end(1, "a", None), &mut release);
    assert_eq!(go(&mut work, &mut release), [2]);
    work.conclude(end(2, "a", Some("no")), &mut release);
    assert_eq!(
        go(&mut work, &mut release),
        [0; 0],
        "the rest stays behind it"
    );
    assert_eq!(release.skipped, 1);
    assert!(work.is_done());
}

#[test]
fn a_letter_that_others_settled_lets_the_next_one_go() {
    let mut release = release();
    let mut work = Work::new(SETTINGS, vec![item(1, "a"), item(2, "a")]);
    let first = work.next(&release).unwrap();
    work.passed_over(first);
    assert_eq!(go(&mut work, &mut release), [2]);
}

#[test]
fn an_entity_read_again_ends_with_whatever_comes_after_its_release() {
    let mut release = release();
    let settings = Settings {
        refetch: true,
        ..SETTINGS
    };
    let mut work = Work::new(settings, vec![item(1, "a")]);
    let first = work.next(&release).unwrap();
    work.released(first, 10_000);
    work.conclude(end(9, "a", None), &mut release);
    assert_eq!(release.ended_well, 0, "it came before the release");
    let after = End {
        stored_at_ms: 10_001,
        ..end(9, "a", None)
    };
    work.conclude(after, &mut release);
    assert_eq!(release.ended_well, 1);
}

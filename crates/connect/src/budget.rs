//! Who may call a vendor next when its window runs short, and the seam to a budget that all
//! processes share.
//!
//! A class belongs to the work at hand, not to a call: [`in_class`] marks a whole task. Not here:
//! the shared budget itself (`store`), and what one process does without it (`window`).

use std::pin::Pin;
use std::time::Duration;

use tokio::time::Instant;

/// What a call is made for; the order is who goes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// A hook that somebody waits for.
    #[default]
    Live,
    /// A replay, or what a sweep found: late already.
    Replay,
    /// A backfill, an undo, a proof: whatever is left.
    Backfill,
}

impl Class {
    /// Name for metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Replay => "replay",
            Self::Backfill => "backfill",
        }
    }

    /// Position among the classes, 0 first.
    pub const fn rank(self) -> u8 {
        match self {
            Self::Live => 0,
            Self::Replay => 1,
            Self::Backfill => 2,
        }
    }

    /// Per cent of a window that stay free for higher classes while they may still come.
    ///
    /// The share shrinks evenly to nothing at the window's end, so a lower class that is alone
    /// uses almost the whole window.
    pub const fn reserve_percent(self) -> u64 {
        match self {
            Self::Live => 0,
            Self::Replay => 10,
            Self::Backfill => 30,
        }
    }
}

tokio::task_local! {
    static CLASS: Class;
}

/// Marks all vendor calls of this future, as far as it spawns no tasks for them.
pub async fn in_class<F: Future>(class: Class, work: F) -> F::Output {
    CLASS.scope(class, work).await
}

/// The class of the work at hand; `usual` where nobody said.
pub(crate) fn class_or(usual: Class) -> Class {
    CLASS.try_with(|class| *class).unwrap_or(usual)
}

/// A wish to make calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    pub calls: u64,
    pub class: Class,
    /// Per cent of the window left to more urgent work; shrinks to nothing at the window's end.
    pub leaves_percent: u64,
    /// Calls of each window left to others who share it.
    pub reserve: u64,
    /// A caller that is refused for longer than this goes away and comes again.
    pub max_wait: Duration,
    /// False: only whether there is room.
    pub takes: bool,
}

/// What a shared budget answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// `is_first`: the window is not known yet, so the reply should be told at once.
    Granted { is_first: bool },
    /// Come again after this; those who are told so are spread over when there is room.
    Refused { after: Duration },
    /// The budget does not answer: everybody for himself.
    Away,
}

/// What a vendor's reply said of its window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    Told {
        left: u64,
        quota: Option<u64>,
        resets_in: Duration,
        at: Instant,
    },
    /// A 429: nothing goes for so long.
    Shut { wait: Duration },
}

/// A boxed future, so that the trait can be an object.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The budget of vendors' windows that all processes share.
///
/// Never fails: whoever cannot answer says [`Answer::Away`]. A bucket's name holds no secret.
pub trait SharedBudget: Send + Sync {
    /// Asks for calls, telling what was heard meanwhile.
    fn ask<'a>(&'a self, bucket: &'a str, ask: Ask, heard: Option<Heard>) -> Boxed<'a, Answer>;

    /// Tells what was heard, without asking for anything.
    fn hear<'a>(&'a self, bucket: &'a str, heard: Heard) -> Boxed<'a, ()>;
}

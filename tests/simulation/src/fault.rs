//! What can strike in a schedule, and how often each does.

use rand::RngExt;
use rand::rngs::StdRng;

/// One kind of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// A process dies between two polls; its calls that are under way go on without it.
    Crash,
    /// A vendor call never arrives; its caller waits until the cut-off or sees a broken line.
    CallLost,
    /// A vendor call is refused before it is sent.
    CallRefused,
    /// A vendor call took effect, its reply is lost.
    ReplyLost,
    /// A vendor call takes long, up to its cut-off.
    CallSlow,
    /// A vendor call takes effect after its caller gave up.
    CallLate,
    /// Status 500 without effect.
    ErrorBefore,
    /// Status 500 after the effect.
    ErrorAfter,
    /// Status 429.
    Throttled,
    /// Half of a reply's JSON.
    Garbled,
    /// A bucket's request is lost before it took effect.
    BucketLost,
    /// A bucket's request took effect, its reply is lost.
    BucketReplyLost,
    /// A bucket's request takes nearly as long as it may.
    BucketSlow,
    /// A bucket's write takes effect after its caller gave up.
    BucketLate,
    /// A publish is lost before the message was stored.
    PublishLost,
    /// A publish stored the message, its ack is lost.
    PublishAckLost,
    /// An ack is lost; the message comes again.
    AckLost,
    /// The server forgot an ack that it had confirmed, as a restart can make it.
    AckForgotten,
    /// A message comes again while the first delivery still works: a slow twin.
    Twin,
    /// A hint comes twice.
    HintDoubled,
    /// A hint is overtaken by later ones.
    HintDelayed,
    /// The clock of a process jumps, within what machines may differ by.
    ClockStep,
    /// FreshBooks ends the access tokens at once.
    TokensEnded,
    /// The ledger's entries of an order at rest vanish.
    EntryLost,
    /// The whole ledger vanishes.
    LedgerLost,
    /// The ledger goes back to what it said earlier, as a restored backup makes it.
    LedgerRestored,
    /// A refresh was cut off before its pair was stored; a person connects the account again.
    GrantLost,
}

impl Fault {
    pub const ALL: [Self; 27] = [
        Self::Crash,
        Self::CallLost,
        Self::CallRefused,
        Self::ReplyLost,
        Self::CallSlow,
        Self::CallLate,
        Self::ErrorBefore,
        Self::ErrorAfter,
        Self::Throttled,
        Self::Garbled,
        Self::BucketLost,
        Self::BucketReplyLost,
        Self::BucketSlow,
        Self::BucketLate,
        Self::PublishLost,
        Self::PublishAckLost,
        Self::AckLost,
        Self::AckForgotten,
        Self::Twin,
        Self::HintDoubled,
        Self::HintDelayed,
        Self::ClockStep,
        Self::TokensEnded,
        Self::EntryLost,
        Self::LedgerLost,
        Self::LedgerRestored,
        Self::GrantLost,
    ];

    /// The kind in words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crash => "process died",
            Self::CallLost => "call lost",
            Self::CallRefused => "connection refused",
            Self::ReplyLost => "reply lost after the effect",
            Self::CallSlow => "call slow",
            Self::CallLate => "effect after the caller gave up",
            Self::ErrorBefore => "500 before the effect",
            Self::ErrorAfter => "500 after the effect",
            Self::Throttled => "429",
            Self::Garbled => "truncated JSON",
            Self::BucketLost => "bucket request lost",
            Self::BucketReplyLost => "bucket reply lost",
            Self::BucketSlow => "bucket slow",
            Self::BucketLate => "bucket write after its caller gave up",
            Self::PublishLost => "publish lost",
            Self::PublishAckLost => "publish ack lost",
            Self::AckLost => "ack lost",
            Self::AckForgotten => "confirmed ack forgotten",
            Self::Twin => "slow twin",
            Self::HintDoubled => "hint doubled",
            Self::HintDelayed => "hint overtaken",
            Self::ClockStep => "clock step",
            Self::TokensEnded => "access tokens ended",
            Self::EntryLost => "ledger entry lost",
            Self::LedgerLost => "whole ledger lost",
            Self::LedgerRestored => "ledger restored from a backup",
            Self::GrantLost => "grant lost and given anew",
        }
    }

    /// Those that happen to one occasion in so many, when a schedule has them at all. Others are
    /// brought about by the schedule itself.
    const fn one_in(self) -> &'static [u32] {
        match self {
            // Of a process's life.
            Self::Crash => &[2, 4],
            Self::ClockStep | Self::TokensEnded | Self::EntryLost => &[2, 4],
            Self::LedgerLost | Self::LedgerRestored => &[2, 8],
            Self::HintDoubled | Self::HintDelayed => &[2, 3],
            Self::GrantLost => &[],
            _ => &[4, 12, 40],
        }
    }
}

/// How often each fault strikes in one schedule: `None` never, else one occasion in so many.
///
/// Each schedule has some faults often and others never, which finds more than all of them a
/// little ("swarm testing").
#[derive(Clone, Debug)]
pub(crate) struct Rates([Option<u32>; Fault::ALL.len()]);

impl Rates {
    pub(crate) fn draw(chance: &mut StdRng) -> Self {
        let share = chance.random_range(0..=10_u32);
        let mut rates = [None; Fault::ALL.len()];
        for (rate, fault) in rates.iter_mut().zip(Fault::ALL) {
            let rare = fault.one_in();
            if !rare.is_empty() && chance.random_range(0..12) < share {
                *rate = rare.get(chance.random_range(0..rare.len())).copied();
            }
        }
        Self(rates)
    }

    pub(crate) fn none() -> Self {
        Self([None; Fault::ALL.len()])
    }

    pub(crate) fn of(&self, fault: Fault) -> Option<u32> {
        let at = Fault::ALL.iter().position(|one| *one == fault)?;
        self.0.get(at).copied().flatten()
    }
}

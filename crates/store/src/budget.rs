//! The budget of the vendors' windows that all processes share, in Redis.
//!
//! One hash per window, changed by one script and by nothing else, so that what is granted adds up
//! to what the vendor allows. A key names account or store and no secret, and goes an hour after
//! the last call. Without Redis every process keeps to its own part (`connect`). Not here: what a
//! reply's headers mean.

use std::time::Duration;

use connect::budget::{Answer, Ask, Boxed, Heard, SharedBudget};
use redis::{Script, ScriptInvocation};

use crate::redis_link::RedisLink;

const SCRIPT: &str = include_str!("budget.lua");

/// The budget on one connection to Redis.
#[derive(Debug)]
pub struct RedisBudget {
    link: RedisLink,
    script: Script,
}

impl RedisBudget {
    pub fn on(link: RedisLink) -> Self {
        Self {
            link,
            script: Script::new(SCRIPT),
        }
    }

    async fn run(&self, bucket: &str, ask: Option<Ask>, heard: Option<Heard>) -> Answer {
        let Some(mut redis) = self.link.open() else {
            return Answer::Away;
        };
        let mut call = self.script.key(format!("tillbook:budget:{bucket}"));
        tell(&mut call, heard);
        wish(&mut call, ask);
        let answer: Option<(u8, u8, u64)> = self.link.ask(call.invoke_async(&mut redis)).await;
        match answer {
            Some((1, is_first, _)) => Answer::Granted {
                is_first: is_first == 1,
            },
            Some((_, _, after_ms)) => Answer::Refused {
                after: Duration::from_millis(after_ms),
            },
            None => Answer::Away,
        }
    }
}

fn tell(call: &mut ScriptInvocation<'_>, heard: Option<Heard>) {
    let (is_told, left, quota, rest_ms, shut_ms) = match heard {
        Some(Heard::Told {
            left,
            quota,
            resets_in,
            at,
        }) => {
            let rest = resets_in.saturating_sub(at.elapsed());
            let quota = quota.map_or(-1, |quota| i64::try_from(quota).unwrap_or(-1));
            (1, left, quota, ms(rest), 0)
        }
        Some(Heard::Shut { wait }) => (0, 0, -1, 0, ms(wait)),
        None => (0, 0, -1, 0, 0),
    };
    call.arg(is_told)
        .arg(left)
        .arg(quota)
        .arg(rest_ms)
        .arg(shut_ms);
}

fn wish(call: &mut ScriptInvocation<'_>, ask: Option<Ask>) {
    let Some(ask) = ask else {
        call.arg(0).arg(0).arg(0).arg(0).arg(0).arg(0);
        return;
    };
    call.arg(ask.calls)
        .arg(u8::from(ask.takes))
        .arg(ask.class.rank())
        .arg(ask.reserve)
        .arg(ms(ask.max_wait))
        .arg(ask.leaves_percent);
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl SharedBudget for RedisBudget {
    fn ask<'a>(&'a self, bucket: &'a str, ask: Ask, heard: Option<Heard>) -> Boxed<'a, Answer> {
        Box::pin(self.run(bucket, Some(ask), heard))
    }

    fn hear<'a>(&'a self, bucket: &'a str, heard: Heard) -> Boxed<'a, ()> {
        Box::pin(async move {
            self.run(bucket, None, Some(heard)).await;
        })
    }
}

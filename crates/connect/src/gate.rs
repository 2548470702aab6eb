//! The way into one window of a vendor: by the budget that all processes share, or alone.
//!
//! What replies say of the window is kept here as well, so that a process goes on safely when the
//! shared budget does not answer: within its own share, slower and never wrong. Not here: header
//! names, and how either side counts.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::budget::{Answer, Ask, Class, Heard, SharedBudget, class_or};
use crate::window::{Entry, Permit, Told, Window};

/// How a client shares its vendor with other processes.
#[derive(Clone)]
pub struct Sharing {
    /// `None`: this process has the vendor for itself.
    pub budget: Option<Arc<dyn SharedBudget>>,
    /// Per cent of each window this process takes while the budget does not answer.
    pub alone_percent: u64,
    /// The class of work that says none.
    pub class: Class,
    /// Per cent of a window that even live work of this client leaves to what is nearer its end.
    pub leaves_percent: u64,
}

impl Default for Sharing {
    /// Alone, and everything is live.
    fn default() -> Self {
        Self {
            budget: None,
            alone_percent: 100,
            class: Class::Live,
            leaves_percent: 0,
        }
    }
}

/// Longest a caller is sent away for while the shared budget does not answer.
const AWAY_WAIT_MAX: Duration = Duration::from_secs(5);

/// One window of one account or store.
pub(crate) struct Gate {
    window: Window,
    sharing: Sharing,
    bucket: String,
    /// What was heard and is told with the next question.
    untold: Mutex<Option<(Told, Instant)>>,
}

/// A call under way; dropping it ends it.
pub(crate) struct Pass<'a> {
    _permit: Permit<'a>,
    is_first: bool,
}

impl Gate {
    pub(crate) fn new(bucket: String, sharing: Sharing) -> Self {
        Self {
            window: Window::default(),
            sharing,
            bucket,
            untold: Mutex::new(None),
        }
    }

    /// Lets `entry.calls` calls in, after a wait of at most `entry.max_wait`; otherwise how long
    /// to stay away.
    pub(crate) async fn enter(&self, entry: Entry) -> Result<Pass<'_>, Duration> {
        let class = class_or(self.sharing.class);
        let leaves_percent = class.reserve_percent().max(self.sharing.leaves_percent);
        let Some(budget) = &self.sharing.budget else {
            return self.alone(entry, leaves_percent, 100).await;
        };
        let ask = Ask {
            calls: entry.calls,
            class,
            leaves_percent,
            reserve: entry.reserve,
            max_wait: entry.max_wait,
            takes: entry.takes,
        };
        let give_up_at = Instant::now() + entry.max_wait;
        loop {
            match budget.ask(&self.bucket, ask, self.take_untold()).await {
                Answer::Granted { is_first } => {
                    let _permit = self.window.count(entry);
                    return Ok(Pass { _permit, is_first });
                }
                Answer::Refused { after } if Instant::now() + after > give_up_at => {
                    return Err(after);
                }
                Answer::Refused { after } => tokio::time::sleep(after).await,
                Answer::Away => {
                    let percent = self.sharing.alone_percent;
                    let alone = self.alone(entry, leaves_percent, percent).await;
                    // The budget may be back long before this process's own part is free again.
                    return alone.map_err(|after| after.min(AWAY_WAIT_MAX));
                }
            }
        }
    }

    async fn alone(
        &self,
        entry: Entry,
        leaves_percent: u64,
        percent: u64,
    ) -> Result<Pass<'_>, Duration> {
        let _permit = self.window.enter(entry, leaves_percent, percent).await?;
        Ok(Pass {
            _permit,
            is_first: false,
        })
    }

    /// Takes over what the reply to a call said.
    pub(crate) async fn heard(&self, pass: &Pass<'_>, told: Told) {
        self.window.learn(told);
        let Some(budget) = &self.sharing.budget else {
            return;
        };
        if pass.is_first {
            budget.hear(&self.bucket, said(told, Instant::now())).await;
        } else {
            let mut untold = self.untold.lock().unwrap_or_else(PoisonError::into_inner);
            *untold = Some((told, Instant::now()));
        }
    }

    /// Shuts the window: the vendor refused a call.
    pub(crate) async fn shut(&self, wait: Duration) {
        self.window.shut(wait);
        if let Some(budget) = &self.sharing.budget {
            budget.hear(&self.bucket, Heard::Shut { wait }).await;
        }
    }

    /// What is left and for how long, as far as this process was told.
    pub(crate) fn snapshot(&self) -> Option<(u64, Duration)> {
        self.window.snapshot()
    }

    /// How many calls a whole window takes, as far as the vendor ever said.
    pub(crate) fn quota(&self) -> Option<u64> {
        self.window.quota()
    }

    fn take_untold(&self) -> Option<Heard> {
        let mut untold = self.untold.lock().unwrap_or_else(PoisonError::into_inner);
        untold.take().map(|(told, at)| said(told, at))
    }
}

fn said(told: Told, at: Instant) -> Heard {
    Heard::Told {
        left: told.left,
        quota: told.quota,
        resets_in: told.resets_in,
        at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::{Boxed, in_class};

    /// Answers as it is told, and remembers what it was asked and heard.
    #[derive(Default)]
    struct Scripted {
        answers: Mutex<Vec<Answer>>,
        asked: Mutex<Vec<(Ask, Option<Heard>)>>,
        heard: Mutex<Vec<Heard>>,
    }

    impl SharedBudget for Scripted {
        fn ask<'a>(&'a self, _: &'a str, ask: Ask, heard: Option<Heard>) -> Boxed<'a, Answer> {
            self.asked.lock().unwrap().push((ask, heard));
            let answer = self.answers.lock().unwrap().pop();
            Box::pin(async move { answer.unwrap_or(Answer::Away) })
        }

        fn hear<'a>(&'a self, _: &'a str, heard: Heard) -> Boxed<'a, ()> {
            self.heard.lock().unwrap().push(heard);
            Box::pin(async {})
        }
    }

    const ENTRY: Entry = Entry {
        calls: 1,
        reserve: 0,
        max_wait: Duration::from_millis(100),
        takes: true,
    };

    /// A gate whose budget gives these answers, last first, and is away afterwards.
    fn gate(answers: &[Answer]) -> (Gate, Arc<Scripted>) {
        let budget = Arc::new(Scripted::default());
        answers.clone_into(&mut budget.answers.lock().unwrap());
        let sharing = Sharing {
            budget: Some(budget.clone()),
            alone_percent: 20,
            ..Sharing::default()
        };
        (Gate::new("x".to_owned(), sharing), budget)
    }

    const GRANTED: Answer = Answer::Granted { is_first: false };

    fn told(left: u64) -> Told {
        Told {
            left,
            quota: Some(250),
            resets_in: Duration::from_secs(60),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_short_wait_is_waited_for_and_a_long_one_named() {
        let short = Answer::Refused {
            after: Duration::from_millis(50),
        };
        let long = Answer::Refused {
            after: Duration::from_secs(30),
        };
        let (gate, budget) = gate(&[long, GRANTED, short]);
        assert!(gate.enter(ENTRY).await.is_ok());
        assert_eq!(budget.asked.lock().unwrap().len(), 2);
        assert_eq!(gate.enter(ENTRY).await.err(), Some(Duration::from_secs(30)));
    }

    #[tokio::test(start_paused = true)]
    async fn while_the_budget_is_away_each_process_keeps_to_its_part() {
        let (gate, _) = gate(&[GRANTED]);
        let pass = gate.enter(ENTRY).await.ok().unwrap();
        gate.heard(&pass, told(249)).await;
        drop(pass);
        let mut let_in = 1;
        while gate.enter(ENTRY).await.is_ok() {
            let_in += 1;
        }
        assert_eq!(
            let_in, 50,
            "a fifth of 250, what was granted before included"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_heard_goes_with_the_next_question_or_at_once_when_others_wait_for_it() {
        let first = Answer::Granted { is_first: true };
        let (gate, budget) = gate(&[GRANTED, GRANTED, first]);
        let pass = gate.enter(ENTRY).await.ok().unwrap();
        gate.heard(&pass, told(249)).await;
        assert_eq!(budget.heard.lock().unwrap().len(), 1);
        let pass = gate.enter(ENTRY).await.ok().unwrap();
        gate.heard(&pass, told(248)).await;
        assert_eq!(budget.heard.lock().unwrap().len(), 1);
        gate.enter(ENTRY).await.ok().unwrap();
        let asked = budget.asked.lock().unwrap();
        assert!(matches!(
            asked.last(),
            Some((_, Some(Heard::Told { left: 248, .. })))
        ));
    }

    #[tokio::test(start_paused = true)]
    async fn the_class_of_the_work_goes_with_the_question() {
        let (gate, budget) = gate(&[GRANTED, GRANTED]);
        let _live = gate.enter(ENTRY).await;
        let _late = in_class(Class::Backfill, gate.enter(ENTRY)).await;
        let classes: Vec<(Class, u64)> = budget
            .asked
            .lock()
            .unwrap()
            .iter()
            .map(|(ask, _)| (ask.class, ask.leaves_percent))
            .collect();
        assert_eq!(classes, [(Class::Live, 0), (Class::Backfill, 30)]);
    }
}

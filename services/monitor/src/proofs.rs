//! Proofs that people start from the console: one at a time, the latest kept in memory.
//!
//! A proof reads the vendors, which monitor otherwise never does; without sources it starts none
//! and all else works. Progress is kept in files, so that one that was interrupted goes on when
//! it is asked for again. Not here: the proof itself (`prove`).

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::known::Knowledge;
use prove::{Forecast, Pace, Progress, Proof, Report, Terms, Vendors};
use runtime::shutdown::CancellationToken;
use serde::Serialize;
use utoipa::ToSchema;

/// Finished proofs that are kept.
const KEPT: usize = 20;

/// One connection's vendors and what of its policy a proof needs.
#[derive(Clone, Debug)]
pub struct Source {
    pub store: connect::bigcommerce::Client,
    pub account: connect::freshbooks::Client,
    pub terms: Terms,
}

/// Starts proofs and knows how far they are. Clones are the same.
#[derive(Clone, Debug)]
pub struct Proofs {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    sources: BTreeMap<String, Source>,
    folder: PathBuf,
    shutdown: CancellationToken,
    /// `None` names causes by the vendors' figures alone.
    knowledge: Option<Knowledge>,
    /// Newest last.
    known: Mutex<VecDeque<ProofView>>,
}

/// Where a proof stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProofState {
    Running,
    Done,
    Failed,
}

/// A proof as the API shows it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ProofView {
    pub id: String,
    pub connection: String,
    /// First and last day, `YYYY-MM-DD`, in the store's time zone.
    pub from: String,
    pub to: String,
    pub state: ProofState,
    pub days_done: u64,
    /// 0 until the lists are read.
    pub days: u64,
    /// What the whole will cost; null until the lists are read.
    #[schema(value_type = Option<Object>)]
    pub forecast: Option<Forecast>,
    /// Why it failed, with the remedy.
    pub error: Option<String>,
    /// Whether everything matches; null until it is done.
    pub matches: Option<bool>,
    /// The report, as `tillbook prove --format json` prints it; null until it is done.
    #[schema(value_type = Option<Object>)]
    pub report: Option<Report>,
}

/// Why a proof was not started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Monitor runs without vendor clients.
    NoSources,
    UnknownConnection,
    /// One is running.
    Busy,
}

impl Proofs {
    /// Proofs over these connections; `folder` keeps their progress.
    pub(crate) fn new(
        sources: BTreeMap<String, Source>,
        folder: PathBuf,
        shutdown: CancellationToken,
        knowledge: Option<Knowledge>,
    ) -> Self {
        let known = Mutex::new(VecDeque::new());
        Self {
            shared: Arc::new(Shared {
                sources,
                folder,
                shutdown,
                knowledge,
                known,
            }),
        }
    }

    /// Starts a proof in the background.
    pub fn start(
        &self,
        connection: &str,
        from: jiff::civil::Date,
        to: jiff::civil::Date,
    ) -> Result<ProofView, Refusal> {
        let shared = &self.shared;
        if shared.sources.is_empty() {
            return Err(Refusal::NoSources);
        }
        let source = shared.sources.get(connection);
        let source = source.ok_or(Refusal::UnknownConnection)?.clone();
        let view = self.enter(connection, from, to)?;
        let proof = Proof {
            connection: connection.to_owned(),
            from,
            to,
            terms: source.terms,
            state: Some(
                shared
                    .folder
                    .join(format!("monitor-{connection}-{from}-{to}.json")),
            ),
        };
        let vendors = Vendors::new(source.store, source.account, Pace::default());
        let (proofs, id) = (self.clone(), view.id.clone());
        tokio::spawn(async move { proofs.run(&id, &proof, &vendors).await });
        Ok(view)
    }

    /// A proof by its id; `None` for one that is unknown or forgotten.
    pub fn get(&self, id: &str) -> Option<ProofView> {
        self.known().iter().find(|view| view.id == id).cloned()
    }

    /// Takes the one place there is.
    fn enter(
        &self,
        connection: &str,
        from: jiff::civil::Date,
        to: jiff::civil::Date,
    ) -> Result<ProofView, Refusal> {
        let mut known = self.known();
        if known.iter().any(|view| view.state == ProofState::Running) {
            return Err(Refusal::Busy);
        }
        let view = ProofView {
            id: format!("{connection}-{}", jiff::Timestamp::now().as_microsecond()),
            connection: connection.to_owned(),
            from: from.to_string(),
            to: to.to_string(),
            state: ProofState::Running,
            days_done: 0,
            days: 0,
            forecast: None,
            error: None,
            matches: None,
            report: None,
        };
        if known.len() >= KEPT {
            known.pop_front();
        }
        known.push_back(view.clone());
        Ok(view)
    }

    async fn run(&self, id: &str, proof: &Proof, vendors: &Vendors) {
        let tell = |progress: Progress| {
            self.change(id, |view| match progress {
                Progress::Forecast(forecast) => view.forecast = Some(forecast),
                Progress::Day { done, of, .. } => (view.days_done, view.days) = (done, of),
            });
        };
        let stopped = self.shared.shutdown.cancelled();
        let mut ended = tokio::select! {
            ended = proof.run(vendors, &tell) => ended.map_err(|error| chain(&error)),
            () = stopped => Err("Monitor is stopping; ask again and it goes on.".to_owned()),
        };
        if let (Ok(report), Some(knowledge)) = (&mut ended, &self.shared.knowledge) {
            knowledge.explain(report).await;
        }
        self.change(id, |view| match ended {
            Ok(report) => {
                view.state = ProofState::Done;
                view.matches = Some(report.is_clean());
                view.report = Some(report);
            }
            Err(error) => {
                view.state = ProofState::Failed;
                view.error = Some(error);
            }
        });
    }

    fn change(&self, id: &str, change: impl FnOnce(&mut ProofView)) {
        if let Some(view) = self.known().iter_mut().find(|view| view.id == id) {
            change(view);
        }
    }

    fn known(&self) -> MutexGuard<'_, VecDeque<ProofView>> {
        let known = self.shared.known.lock();
        known.unwrap_or_else(PoisonError::into_inner)
    }
}

/// The whole chain of causes; vendors' errors hold no customer data in their texts.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

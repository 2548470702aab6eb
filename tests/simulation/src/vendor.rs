//! FreshBooks in the same thread: the emulator behind a line that fails.
//!
//! A call that was sent goes on when its caller dies or gives up, as a real one does. Also watches
//! that a refresh token is spent once.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use connect::Transient;
use connect::transport::{BodyFailure, BoxFuture, Outgoing, Reply, Transport, TransportFailure};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use sandbox::freshbooks::in_process::{Answer, InProcess, Question};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::fault::Fault;
use crate::plant::Plant;
use crate::process::Life;
use crate::world::World;

/// The account of every schedule.
pub(crate) const ACCOUNT: &str = "sim1";

/// FreshBooks, and what was seen of its tokens.
#[derive(Debug)]
pub(crate) struct Vendor {
    books: InProcess,
    world: Arc<World>,
    spent: Mutex<HashMap<String, Spent>>,
    /// Numbers the grants that were given anew.
    grants: Mutex<u64>,
    /// A refresh token was refused.
    refused: AtomicBool,
}

/// Who spent a refresh token, and whether they live on with what they got.
#[derive(Debug)]
struct Spent {
    by: Arc<Life>,
    /// Set once the caller has the reply, or has given up on it.
    heard: Option<bool>,
}

impl Vendor {
    pub(crate) fn open(world: &Arc<World>) -> Arc<Self> {
        let vendor = Self {
            books: InProcess::default(),
            world: Arc::clone(world),
            spent: Mutex::default(),
            grants: Mutex::new(0),
            refused: AtomicBool::new(false),
        };
        // The most hostile answers where the vendor's behaviour is unproven.
        let account = json!({
            "account_id": ACCOUNT, "client_id": "app", "client_secret": "secret",
            "refresh_token": vendor.seed_token(), "limits": null,
            "duplicate_numbers": "accept", "access_token_ttl_s": 900,
        });
        vendor.control(&Method::POST, "", &account);
        Arc::new(vendor)
    }

    /// The refresh token of the latest grant, as a person puts it into the configuration.
    pub(crate) fn seed_token(&self) -> String {
        let grants = self.grants.lock().unwrap_or_else(PoisonError::into_inner);
        format!("grant-{grants}")
    }

    /// A person connects the account again.
    pub(crate) fn grant_anew(&self) {
        *self.grants.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        let token = json!({"refresh_token": self.seed_token()});
        self.control(&Method::POST, &format!("/{ACCOUNT}/grant"), &token);
    }

    /// Whether a refresh token was refused since this was asked last.
    pub(crate) fn take_refusal(&self) -> bool {
        self.refused.swap(false, Ordering::Relaxed)
    }

    pub(crate) fn end_access_tokens(&self) {
        let path = format!("/{ACCOUNT}/expire_access_tokens");
        self.control(&Method::POST, &path, &Value::Null);
    }

    /// The whole books, flat.
    pub(crate) fn books(&self) -> Value {
        self.control(&Method::GET, &format!("/{ACCOUNT}/books"), &Value::Null)
    }

    fn control(&self, method: &Method, path: &str, body: &Value) -> Value {
        let body = body.to_string();
        let answer = self.books.answer(
            self.world.now_ms(),
            &Question {
                method,
                path: &format!("/_sandbox/accounts{path}"),
                query: None,
                authorization: None,
                content_type: "application/json",
                body: body.as_bytes(),
            },
        );
        if answer.status >= 300 {
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            self.world
                .broken(format!("the sandbox refused {path}: {text}"));
        }
        serde_json::from_slice(&answer.body).unwrap_or_default()
    }

    /// The call takes effect now.
    fn answer(&self, request: &Request) -> Answer {
        let is_search = request.method == Method::GET && request.is_list;
        if is_search && self.world.plant == Some(Plant::SkipLookup) {
            return nothing_found(request);
        }
        let answer = self.books.answer(
            self.world.now_ms(),
            &Question {
                method: &request.method,
                path: &request.path,
                query: request.query.as_deref(),
                authorization: request.authorization.as_deref(),
                content_type: &request.content_type,
                body: &request.body,
            },
        );
        if answer.status == 400 && request.refresh_token().is_some() {
            self.refused.store(true, Ordering::Relaxed);
        }
        self.world.trace(|| {
            let (status, method, path) = (answer.status, &request.method, &request.path);
            let tail = path.rsplit("sim1/").next().unwrap_or(path);
            format!("FreshBooks does {method} {tail}: {status}")
        });
        answer
    }

    /// A refresh arrives: two may not spend one token, unless the first never heard of its pair.
    fn watch_spending(&self, request: &Request, by: &Arc<Life>) -> Option<String> {
        let token = request.refresh_token()?;
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(earlier) = spent.get(&token) {
            // A caller that lives and still waits, or has the pair, is about to use it.
            if earlier.by.is_alive() && earlier.heard != Some(false) {
                self.world.broken(format!(
                    "refresh token {}… is spent by {} while {} spends it",
                    token.get(..8).unwrap_or_default(),
                    by.name,
                    earlier.by.name
                ));
            }
        }
        let entry = Spent {
            by: Arc::clone(by),
            heard: None,
        };
        spent.insert(token.clone(), entry);
        Some(token)
    }

    fn heard(&self, token: Option<&String>, with_a_pair: bool) {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = token.and_then(|token| spent.get_mut(token)) {
            entry.heard = Some(with_a_pair);
        }
    }
}

/// A call as it travels.
#[derive(Clone, Debug)]
struct Request {
    method: Method,
    path: String,
    query: Option<String>,
    authorization: Option<String>,
    content_type: String,
    body: Vec<u8>,
    is_list: bool,
    template: &'static str,
}

impl Request {
    fn of(outgoing: &Outgoing) -> Self {
        let header = |name| {
            let value: Option<&HeaderValue> = outgoing.headers.get(name);
            value
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        Self {
            method: outgoing.method.clone(),
            path: outgoing.url.path().to_owned(),
            query: outgoing.url.query().map(str::to_owned),
            authorization: header(AUTHORIZATION),
            content_type: header(CONTENT_TYPE).unwrap_or_default(),
            body: outgoing.body.as_deref().unwrap_or_default().to_vec(),
            is_list: !outgoing.template.ends_with("{id}"),
            template: outgoing.template,
        }
    }

    fn refresh_token(&self) -> Option<String> {
        if self.template != "/auth/oauth/token" {
            return None;
        }
        let body = String::from_utf8_lossy(&self.body).into_owned();
        let fields = url::form_urlencoded::parse(body.as_bytes());
        let mut tokens = fields.filter(|(name, _)| name == "refresh_token");
        tokens.next().map(|(_, token)| token.into_owned())
    }
}

/// The answer of a search that nobody really made.
fn nothing_found(request: &Request) -> Answer {
    let plural = request.path.rsplit('/').next().unwrap_or_default();
    // Categories are no look-up: without one no expense could be written at all.
    let result = BTreeMap::from([
        (plural.to_owned(), json!([])),
        ("page".to_owned(), json!(1)),
        ("pages".to_owned(), json!(0)),
        ("per_page".to_owned(), json!(15)),
        ("total".to_owned(), json!(0)),
    ]);
    Answer {
        status: 200,
        headers: Vec::new(),
        body: json!({"response": {"result": result}})
            .to_string()
            .into_bytes(),
    }
}

/// One process's line to FreshBooks.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) vendor: Arc<Vendor>,
    pub(crate) life: Arc<Life>,
    /// The cut-off of every call.
    pub(crate) request_timeout: Duration,
    /// Longest that a call may take effect after its cut-off.
    pub(crate) late_max: Duration,
}

/// What happens to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Answered {
        garbled: bool,
    },
    /// Takes effect, and is answered with a status that says it did not.
    EffectThen(u16),
    /// No effect, and a status.
    Refused(u16),
    /// Takes effect, and nobody is told.
    Silent,
    /// Never arrives.
    Lost,
}

impl Line {
    /// What happens to the next call, and how long it takes until it does.
    fn fate(&self) -> (Fate, Duration) {
        let world = &self.vendor.world;
        let cut_off_ms = u64::try_from(self.request_timeout.as_millis()).unwrap_or(1);
        let quick = world.millis(5, 120);
        if world.strikes(Fault::CallLost) {
            return (Fate::Lost, quick);
        }
        if world.strikes(Fault::CallLate) {
            let late_ms = u64::try_from(self.late_max.as_millis()).unwrap_or(1);
            return (
                Fate::Silent,
                self.request_timeout + world.millis(1, late_ms),
            );
        }
        let slow = world.strikes(Fault::CallSlow);
        let until = if slow {
            world.millis(cut_off_ms / 4, cut_off_ms)
        } else {
            quick
        };
        if world.strikes(Fault::ReplyLost) {
            return (Fate::Silent, until);
        }
        if world.strikes(Fault::ErrorBefore) {
            return (Fate::Refused(500), until);
        }
        if world.strikes(Fault::Throttled) {
            return (Fate::Refused(429), until);
        }
        if world.strikes(Fault::ErrorAfter) {
            return (Fate::EffectThen(502), until);
        }
        let garbled = world.strikes(Fault::Garbled);
        (Fate::Answered { garbled }, until)
    }

    async fn call(&self, outgoing: Outgoing) -> Result<Reply, TransportFailure> {
        self.life.alive().await;
        let world = &self.vendor.world;
        if world.strikes(Fault::CallRefused) {
            tokio::time::sleep(world.millis(1, 20)).await;
            return Err(TransportFailure {
                cause: Transient::Connect,
                never_sent: true,
            });
        }
        let request = Request::of(&outgoing);
        let (fate, until) = self.fate();
        world.trace(|| {
            let (method, template) = (&request.method, request.template);
            format!(
                "sends {method} {template}: {fate:?} after {} ms",
                until.as_millis()
            )
        });
        let back = world.millis(1, 40);
        let spends = self.vendor.watch_spending(&request, &self.life);
        let (reply, heard) = oneshot::channel();
        let vendor = Arc::clone(&self.vendor);
        // A task of its own: what was sent goes on without its caller.
        tokio::spawn(async move {
            tokio::time::sleep(until).await;
            let answer = match fate {
                Fate::Lost => None,
                Fate::Refused(status) => Some(refusal(status)),
                Fate::Silent => {
                    vendor.answer(&request);
                    None
                }
                Fate::EffectThen(status) => {
                    vendor.answer(&request);
                    Some(refusal(status))
                }
                Fate::Answered { .. } => Some(vendor.answer(&request)),
            };
            tokio::time::sleep(back).await;
            match answer {
                // Nobody may be there to hear it.
                Some(answer) => drop(reply.send(answer)),
                // The line stays open and silent.
                None => std::future::pending().await,
            }
        });
        let broken_line = world.between(0, 1) == 0;
        let give_up = match fate {
            Fate::Lost | Fate::Silent if broken_line && until < self.request_timeout => {
                until + back
            }
            _ => self.request_timeout,
        };
        let heard = tokio::time::timeout(give_up, heard).await;
        self.life.alive().await;
        let answered = heard.ok().and_then(Result::ok);
        let with_a_pair = answered.as_ref().is_some_and(|answer| {
            answer.status == 200 && fate == Fate::Answered { garbled: false }
        });
        self.vendor.heard(spends.as_ref(), with_a_pair);
        match answered {
            Some(answer) => Ok(travelled(answer, fate)),
            None => Err(TransportFailure {
                cause: if give_up < self.request_timeout {
                    Transient::Broken
                } else {
                    Transient::Timeout
                },
                never_sent: false,
            }),
        }
    }
}

impl Transport for Line {
    fn exchange(&self, outgoing: Outgoing) -> BoxFuture<'_, Result<Reply, TransportFailure>> {
        Box::pin(self.call(outgoing))
    }
}

fn refusal(status: u16) -> Answer {
    let wait = (status == 429).then(|| ("retry-after", "2".to_owned()));
    Answer {
        status,
        headers: wait.into_iter().collect(),
        body: br#"{"message": "not now"}"#.to_vec(),
    }
}

fn travelled(answer: Answer, fate: Fate) -> Reply {
    let mut headers = HeaderMap::new();
    for (name, value) in answer.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    let mut body = answer.body;
    let is_cut = fate == Fate::Answered { garbled: true };
    if is_cut {
        body.truncate(body.len() / 2);
    }
    // Half of the truncated replies end cleanly, the others with a broken line.
    let body = if is_cut && body.len().is_multiple_of(2) {
        Err(BodyFailure::Lost(Transient::Broken))
    } else {
        Ok(body.into())
    };
    Reply {
        status: StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        headers,
        body,
    }
}

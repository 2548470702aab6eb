//! What replay is asked and how it answers: JSON over a NATS request.

use std::time::Duration;

use async_nats::Client;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::bulk::{self, Settings};
use crate::desk::{By, Desk};
use crate::error::Error;
use crate::filter::Filter;
use crate::{edit, purge, rehearsal, release, shown};

/// Where replay listens.
pub(crate) const REQUEST_SUBJECT: &str = "tillbook.control.replay";
/// Longest a request may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// A question or an order to replay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    List {
        filter: Filter,
        limit: usize,
    },
    Groups {
        filter: Filter,
    },
    /// The newest letter that rests of each of these orders.
    OfOrders {
        connection: String,
        order_ids: Vec<u64>,
    },
    Show {
        dead_letter_id: String,
    },
    Edit {
        dead_letter_id: String,
        payload: Value,
        reason: String,
        who: String,
    },
    Rehearse {
        dead_letter_id: String,
    },
    Release {
        dead_letter_id: String,
        refetch: bool,
        reason: String,
        who: String,
    },
    ReleaseMany {
        filter: Filter,
        settings: Settings,
        reason: String,
        who: String,
    },
    Releases,
    ReleaseStatus {
        release_id: String,
    },
    StopRelease {
        release_id: String,
        reason: String,
        who: String,
    },
    ResumeRelease {
        release_id: String,
        reason: String,
        who: String,
    },
    Purge {
        dead_letter_id: String,
        reason: String,
        who: String,
    },
    PurgeMany {
        filter: Filter,
        reason: String,
        who: String,
    },
}

/// No usable answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    #[error("the request cannot be written")]
    Write(#[source] serde_json::Error),
    #[error("no replay service answers; is `tillbook replay` running?")]
    NoAnswer(#[source] async_nats::RequestError),
    #[error("{0}")]
    Refused(String),
    #[error("the answer cannot be read")]
    Unreadable(#[source] serde_json::Error),
}

/// Asks a running replay service.
pub async fn ask(client: &Client, request: &Request) -> Result<Value, AskError> {
    let payload = serde_json::to_vec(request).map_err(AskError::Write)?;
    let request = async_nats::Request::new()
        .payload(payload.into())
        .timeout(Some(ANSWER_LIMIT));
    let answer = client
        .send_request(REQUEST_SUBJECT, request)
        .await
        .map_err(AskError::NoAnswer)?;
    let answer: Value = serde_json::from_slice(&answer.payload).map_err(AskError::Unreadable)?;
    match answer.get("error").and_then(Value::as_str) {
        Some(why) => Err(AskError::Refused(why.to_owned())),
        None => Ok(answer),
    }
}

/// Answers one request; every failure becomes an `error` in plain words.
pub(crate) async fn respond(desk: &Desk, payload: &[u8]) -> Vec<u8> {
    let answer = match serde_json::from_slice::<Request>(payload) {
        Ok(request) => perform(desk, request).await.map_err(|error| error.words()),
        Err(error) => Err(format!("the request cannot be read: {error}")),
    };
    let answer = answer.unwrap_or_else(|why| json!({ "error": why }));
    serde_json::to_vec(&answer).unwrap_or_default()
}

async fn perform(desk: &Desk, request: Request) -> Result<Value, Error> {
    match request {
        Request::List { filter, limit } => shown::list(desk, &filter, limit).await,
        Request::Groups { filter } => shown::groups(desk, &filter).await,
        Request::OfOrders {
            connection,
            order_ids,
        } => shown::of_orders(desk, &connection, &order_ids).await,
        Request::Show { dead_letter_id } => shown::show(desk, &dead_letter_id).await,
        Request::Rehearse { dead_letter_id } => rehearsal::rehearse(desk, &dead_letter_id).await,
        Request::Edit {
            dead_letter_id,
            payload,
            reason,
            who,
        } => edit::edit(desk, &dead_letter_id, payload, by(&who, &reason)).await,
        Request::Release {
            dead_letter_id,
            refetch,
            reason,
            who,
        } => {
            let letter = desk.letter(&dead_letter_id).await?;
            let how = release::How {
                by: by(&who, &reason),
                refetch,
                release: None,
            };
            let published = release::release(desk, &letter, how).await?;
            Ok(published.shown(&letter))
        }
        Request::ReleaseMany {
            filter,
            settings,
            reason,
            who,
        } => bulk::begin(desk, filter, settings, by(&who, &reason)).await,
        Request::Releases => bulk::list(desk).await,
        Request::ReleaseStatus { release_id } => bulk::status(desk, &release_id).await,
        Request::StopRelease {
            release_id,
            reason,
            who,
        } => bulk::stop(desk, &release_id, by(&who, &reason)).await,
        Request::ResumeRelease {
            release_id,
            reason,
            who,
        } => bulk::resume(desk, &release_id, by(&who, &reason)).await,
        Request::Purge {
            dead_letter_id,
            reason,
            who,
        } => purge::one(desk, &dead_letter_id, by(&who, &reason)).await,
        Request::PurgeMany {
            filter,
            reason,
            who,
        } => purge::many(desk, &filter, by(&who, &reason)).await,
    }
}

fn by<'a>(who: &'a str, why: &'a str) -> By<'a> {
    By { who, why }
}

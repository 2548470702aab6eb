//! What replay is asked and how it answers: JSON over a NATS request.

use std::time::Duration;

use async_nats::Client;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stage::StageContext;

use crate::{letters, release};

/// Where replay listens.
pub(crate) const REQUEST_SUBJECT: &str = "tillbook.control.replay";
/// Longest a request may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// A question or an order to replay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    List {
        connection: Option<String>,
        limit: usize,
    },
    Show {
        dead_letter_id: String,
    },
    Release {
        dead_letter_id: String,
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

/// Asks a running replay service; the answer is JSON text, laid out for people.
pub async fn ask(client: &Client, request: &Request) -> Result<String, AskError> {
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
        None => serde_json::to_string_pretty(&answer).map_err(AskError::Unreadable),
    }
}

/// Answers one request; every failure becomes an `error` in plain words.
pub(crate) async fn respond(context: &StageContext, payload: &[u8]) -> Vec<u8> {
    let answer = match serde_json::from_slice::<Request>(payload) {
        Ok(request) => perform(context, request).await,
        Err(error) => Err(format!("the request cannot be read: {error}")),
    };
    let answer = answer.unwrap_or_else(|why| json!({ "error": why }));
    serde_json::to_vec(&answer).unwrap_or_default()
}

async fn perform(context: &StageContext, request: Request) -> Result<Value, String> {
    match request {
        Request::List { connection, limit } => {
            letters::list(context, connection.as_deref(), limit).await
        }
        Request::Show { dead_letter_id } => letters::find(context, &dead_letter_id)
            .await
            .map(|letter| letters::shown(&letter)),
        Request::Release {
            dead_letter_id,
            reason,
            who,
        } => {
            let letter = letters::find(context, &dead_letter_id).await?;
            release::release(context, &letter, &reason, &who).await
        }
    }
}

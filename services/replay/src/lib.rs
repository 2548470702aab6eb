//! Replay: shows dead letters, groups them by cause, edits, rehearses, releases and purges them.
//!
//! It answers requests on one NATS subject (`protocol`), so the command line and later the console
//! share it. A released letter goes to its original subject with a new message id (JetStream would
//! swallow the old one) and its trace links to the old. Beside that it works on its own: on
//! releases of many letters (`bulk`), on letters that clear themselves (`clear`), and as the net
//! below the stages (`net`). Not here: making the letters of failures a stage saw (`stage`), and
//! any call to a vendor.

mod audit;
mod bulk;
mod catalogue;
mod clear;
mod desk;
mod edit;
mod error;
mod filter;
mod net;
mod payload_json;
mod protocol;
mod purge;
mod rehearsal;
mod release;
mod shown;
mod states;
mod streams;

use std::sync::Arc;

use async_nats::{Client, Subscriber};
use futures::StreamExt;
use stage::StageContext;
use tokio::task::JoinSet;
use tracing::{error, warn};

pub use crate::bulk::Settings;
use crate::desk::Desk;
pub use crate::filter::Filter;
pub use crate::protocol::{AskError, Request, ask};
use crate::protocol::{REQUEST_SUBJECT, respond};
pub use crate::rehearsal::{Rehearse, Rehearsed};

/// Replay could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("subscribing to {REQUEST_SUBJECT}")]
    Subscribe(#[source] async_nats::SubscribeError),
    #[error("opening replay's records: {0}")]
    Open(String),
}

/// Subscribes; the future it returns answers requests and works on its own until shutdown.
///
/// Several replay processes share the work: each request is answered by one of them, each release
/// is worked on by one of them.
pub async fn start(
    client: Client,
    context: StageContext,
    rehearsal: Arc<dyn Rehearse>,
) -> Result<impl Future<Output = ()> + Send + 'static, StartError> {
    let desk = Desk::open(context, rehearsal).await;
    let desk = Arc::new(desk.map_err(|error| StartError::Open(error.words()))?);
    let requests = client
        .queue_subscribe(REQUEST_SUBJECT, "replay".to_owned())
        .await
        .map_err(StartError::Subscribe)?;
    // The subscription is only certain once the server has seen it.
    if let Err(error) = client.flush().await {
        warn!(error = %error, "the subscription could not be flushed; it takes effect later");
    }
    Ok(async move {
        let mut tasks = JoinSet::new();
        tasks.spawn(answer(client, requests, desk.clone()));
        tasks.spawn(bulk::keep(desk.clone()));
        tasks.spawn(clear::follow(desk.clone()));
        tasks.spawn(clear::look_back(desk.clone()));
        tasks.spawn(net::follow(desk));
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended {
                error!(error = %error, "a task of replay ended badly");
            }
        }
    })
}

async fn answer(client: Client, mut requests: Subscriber, desk: Arc<Desk>) {
    loop {
        let request = tokio::select! {
            () = desk.context.shutdown.cancelled() => return,
            request = requests.next() => request,
        };
        let Some(request) = request else { return };
        let Some(reply) = request.reply.clone() else {
            continue;
        };
        let answer = respond(&desk, &request.payload).await;
        if let Err(error) = client.publish(reply, answer.into()).await {
            warn!(error = %error, "an answer could not be sent");
        }
    }
}

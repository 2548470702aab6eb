//! Replay: lists dead letters and puts them back into the stage they left.
//!
//! It answers requests on one NATS subject, so the command line and later the console share it.
//! A released letter goes to its original subject with a new message id (JetStream would swallow
//! the old one) and its trace links to the old. Not here: editing, groups, canaries and rate
//! caps, which come with the recovery tools.

mod letters;
mod protocol;
mod release;

pub use protocol::{AskError, Request, ask};

use async_nats::Client;
use futures::StreamExt;
use stage::StageContext;
use tracing::warn;

use crate::protocol::{REQUEST_SUBJECT, respond};

/// Replay could not start.
#[derive(Debug, thiserror::Error)]
#[error("subscribing to {REQUEST_SUBJECT}")]
pub struct StartError(#[source] async_nats::SubscribeError);

/// Subscribes; the future it returns answers requests until shutdown.
///
/// Several replay processes share the work: each request is answered by one of them.
pub async fn start(
    client: Client,
    context: StageContext,
) -> Result<impl Future<Output = ()> + Send + 'static, StartError> {
    let mut requests = client
        .queue_subscribe(REQUEST_SUBJECT, "replay".to_owned())
        .await
        .map_err(StartError)?;
    // The subscription is only certain once the server has seen it.
    if let Err(error) = client.flush().await {
        warn!(error = %error, "the subscription could not be flushed; it takes effect later");
    }
    Ok(async move {
        loop {
            let request = tokio::select! {
                () = context.shutdown.cancelled() => return,
                request = requests.next() => request,
            };
            let Some(request) = request else { return };
            let Some(reply) = request.reply.clone() else {
                continue;
            };
            let answer = respond(&context, &request.payload).await;
            if let Err(error) = client.publish(reply, answer.into()).await {
                warn!(error = %error, "an answer could not be sent");
            }
        }
    })
}

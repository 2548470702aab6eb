//! Carries webhooks to their receivers: a bounded queue, one at a time, a few tries each.

use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::events::Notice;

const QUEUE: usize = 4_096;
const TRIES: u32 = 3;
const TIMEOUT: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(500);

/// Starts the courier; it stops when `stop` turns true or the sender is gone.
pub(super) fn start(stop: watch::Receiver<bool>) -> anyhow::Result<mpsc::Sender<Notice>> {
    let client = reqwest::Client::builder()
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    let (sender, receiver) = mpsc::channel(QUEUE);
    tokio::spawn(run(client, receiver, stop));
    Ok(sender)
}

async fn run(
    client: reqwest::Client,
    mut notices: mpsc::Receiver<Notice>,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        let notice = tokio::select! {
            notice = notices.recv() => notice,
            _ = stop.wait_for(|stopped| *stopped) => None,
        };
        let Some(notice) = notice else { return };
        tokio::select! {
            () = deliver(&client, &notice) => {}
            _ = stop.wait_for(|stopped| *stopped) => return,
        }
    }
}

async fn deliver(client: &reqwest::Client, notice: &Notice) {
    for attempt in 1..=TRIES {
        let mut request = client.post(&notice.uri).form(&notice.form);
        if let Some(signature) = &notice.signature {
            request = request.header("X-FreshBooks-Hmac-SHA256", signature);
        }
        match request.send().await {
            Ok(reply) if reply.status().is_success() => return,
            _ if attempt < TRIES => tokio::time::sleep(PAUSE).await,
            _ => tracing::warn!(tries = TRIES, "a webhook was dropped: its receiver refuses"),
        }
    }
}

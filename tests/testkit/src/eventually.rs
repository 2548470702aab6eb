//! Waiting for a condition instead of a time.

use std::time::Duration;

use tokio::time::Instant;

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// Asks `condition` again and again until it gives a value, and returns that.
///
/// The condition's error is the reason why it is not true yet. After `limit` the last reason and
/// `what` was awaited are the error. The limit is a bound for broken code, not an expectation:
/// make it generous.
pub async fn eventually<T>(
    limit: Duration,
    what: &str,
    mut condition: impl AsyncFnMut() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let end = Instant::now() + limit;
    let mut reason = anyhow::anyhow!("the first look did not end");
    loop {
        // A look that the limit cuts off says nothing; the reason of the one before stands.
        match tokio::time::timeout_at(end, condition()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(why)) => reason = why,
            Err(_) => {}
        }
        if Instant::now() >= end {
            return Err(reason.context(format!("waited {limit:?} for {what}")));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn gives_the_value_as_soon_as_there_is_one() {
        let mut looks = 0;
        let value = eventually(Duration::from_secs(20), "the third look", async || {
            looks += 1;
            anyhow::ensure!(looks == 3, "only look {looks}");
            Ok(looks)
        });
        assert_eq!(value.await.unwrap(), 3);
    }

    #[tokio::test]
    async fn says_what_was_awaited_and_why_it_is_not_so() {
        let never = eventually(Duration::from_millis(60), "rain", async || {
            Err::<(), _>(anyhow::anyhow!("the sky is blue"))
        });
        let error = format!("{:#}", never.await.unwrap_err());
        assert!(
            error.contains("rain") && error.contains("the sky is blue"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn a_condition_that_hangs_is_bounded_too() {
        let hung = eventually(Duration::from_millis(60), "an answer", async || {
            std::future::pending::<anyhow::Result<()>>().await
        });
        assert!(hung.await.is_err());
    }
}

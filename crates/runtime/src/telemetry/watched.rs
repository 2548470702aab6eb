//! An exporter that says when its collector is lost and when it is back.
//!
//! The SDK drops spans in silence. One line at each turn is enough: a line per
//! batch would bury everything else during an outage.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

/// Wraps the real exporter; changes nothing but the log.
#[derive(Debug)]
pub(super) struct Watched<E> {
    exporter: E,
    endpoint: String,
    lost: AtomicBool,
}

impl<E> Watched<E> {
    pub(super) fn new(exporter: E, endpoint: String) -> Self {
        Self {
            exporter,
            endpoint,
            lost: AtomicBool::new(false),
        }
    }
}

impl<E: SpanExporter> SpanExporter for Watched<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let result = self.exporter.export(batch).await;
        let was_lost = self.lost.swap(result.is_err(), Ordering::Relaxed);
        match &result {
            Err(error) if !was_lost => tracing::warn!(
                endpoint = self.endpoint,
                %error,
                "the trace collector takes no spans; they are lost until it is back, nothing else is"
            ),
            Ok(()) if was_lost => {
                tracing::info!(
                    endpoint = self.endpoint,
                    "the trace collector takes spans again"
                );
            }
            _ => {}
        }
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use opentelemetry_sdk::error::OTelSdkError;

    use super::*;

    /// Answers as scripted, from the last to the first.
    #[derive(Debug)]
    struct Scripted(Mutex<Vec<bool>>);

    impl SpanExporter for Scripted {
        async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
            let works = self.0.lock().unwrap().pop().unwrap();
            if works {
                Ok(())
            } else {
                Err(OTelSdkError::InternalFailure("down".into()))
            }
        }
    }

    #[derive(Clone, Default)]
    struct Lines(std::sync::Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn an_outage_is_told_once_at_each_end() {
        let lines = Lines::default();
        let writer = {
            let lines = lines.clone();
            move || lines.clone()
        };
        let logs = tracing_subscriber::fmt().with_writer(writer).finish();
        let _default = tracing::subscriber::set_default(logs);
        let script = vec![true, true, false, false, false, true];
        let exporter = Watched::new(Scripted(Mutex::new(script)), "http://collector".into());
        for _ in 0..6 {
            let _ = exporter.export(Vec::new()).await;
        }
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.matches("takes no spans").count(), 1, "{text}");
        assert_eq!(text.matches("takes spans again").count(), 1, "{text}");
        assert_eq!(text.lines().count(), 2, "{text}");
    }
}

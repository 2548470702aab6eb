//! A message is handled in the trace it came in; a replay starts its own and links to the old.
#![allow(
    clippy::unwrap_used,
    reason = "also in helpers, which clippy does not count as tests"
)]

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_nats::HeaderMap;
use common::{Bench, OUTPUT, pass, settings, snapshot};
use contracts::headers;
use contracts::journal::JournalKind;
use opentelemetry::Context;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, Span, SpanData, SpanProcessor};
use stage::{Failure, Reason};
use tracing_subscriber::layer::SubscriberExt;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

/// Keeps every span that ended.
#[derive(Clone, Debug, Default)]
struct Ended(Arc<Mutex<Vec<SpanData>>>);

impl SpanProcessor for Ended {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        self.0.lock().unwrap().push(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl Ended {
    /// Keeps the spans of this thread, which runs all of a test's tasks.
    fn of_this_thread() -> (Self, tracing::subscriber::DefaultGuard) {
        let ended = Self::default();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(ended.clone())
            .build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        let subscriber = tracing_subscriber::registry().with(layer);
        (ended, tracing::subscriber::set_default(subscriber))
    }

    fn processing(&self) -> SpanData {
        let spans = self.0.lock().unwrap();
        spans
            .iter()
            .find(|span| span.name == "process ingested")
            .unwrap()
            .clone()
    }
}

fn traceparent() -> String {
    format!("00-{TRACE}-{SPAN}-01")
}

#[tokio::test]
async fn the_trace_of_the_headers_goes_on_in_the_next_message_and_the_journal() {
    let (ended, _guard) = Ended::of_this_thread();
    let bench = Bench::start().await;
    let stage = bench.run(settings(), pass).await;
    let mut header_map = HeaderMap::new();
    header_map.insert(headers::TRACEPARENT, traceparent().as_str());
    bench.put_with(&snapshot(7), header_map).await;
    let out = bench.awaited(OUTPUT, 1).await;
    bench.settled().await;
    stage.stop().await;
    let next = out[0].header(headers::TRACEPARENT).unwrap();
    assert!(next.starts_with(&format!("00-{TRACE}-")), "{next}");
    let span = ended.processing();
    assert_eq!(span.span_context.trace_id().to_string(), TRACE);
    assert_eq!(span.parent_span_id.to_string(), SPAN);
    assert!(
        next.contains(&span.span_context.span_id().to_string()),
        "{next}"
    );
    let entries = bench.journal(JournalKind::StagePassed).await;
    assert_eq!(entries[0].trace_id, TRACE);
}

#[tokio::test]
async fn a_replayed_message_has_a_trace_of_its_own_that_links_to_the_old() {
    let (ended, _guard) = Ended::of_this_thread();
    let bench = Bench::start().await;
    let stage = bench.run(settings(), pass).await;
    let mut header_map = HeaderMap::new();
    header_map.insert(headers::REPLAY_OF, traceparent().as_str());
    bench.put_with(&snapshot(7), header_map).await;
    bench.awaited(OUTPUT, 1).await;
    bench.settled().await;
    stage.stop().await;
    let span = ended.processing();
    assert_ne!(span.span_context.trace_id().to_string(), TRACE);
    let links: Vec<String> = span
        .links
        .iter()
        .map(|link| link.span_context.trace_id().to_string())
        .collect();
    assert_eq!(links, [TRACE]);
}

#[tokio::test]
async fn a_dead_letter_names_the_trace_of_its_failed_attempt() {
    let (_ended, _guard) = Ended::of_this_thread();
    let bench = Bench::start().await;
    let stage = bench.run(settings(), |_| async {
        Err(Failure::held(Reason::new("held", "a person must decide")))
    });
    let stage = stage.await;
    let mut header_map = HeaderMap::new();
    header_map.insert(headers::TRACEPARENT, traceparent().as_str());
    bench.put_with(&snapshot(7), header_map).await;
    let letter = bench.letter().await;
    assert!(
        letter.traceparent.starts_with(&format!("00-{TRACE}-")),
        "{}",
        letter.traceparent
    );
    stage.stop().await;
}

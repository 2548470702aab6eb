//! Traces across two processes' worth of spans, received by a real OTLP
//! collector in this process; and the log lines that go with them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "test helpers fail by panicking"
)]

use std::io::Write;
use std::sync::{Arc, Mutex};

use async_nats::HeaderMap;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value;
use opentelemetry_proto::tonic::trace::v1::Span;
use runtime::config::TelemetryConfig;
use runtime::telemetry;
use serde_json::Value;
use tokio::net::TcpListener;
use tracing::{Instrument, info_span};

/// Keeps every span with the name of the service that sent it.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<(String, Span)>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        let mut seen = self.0.lock().unwrap();
        for resource_spans in request.into_inner().resource_spans {
            let attributes = resource_spans.resource.unwrap_or_default().attributes;
            let name = attributes.into_iter().find(|one| one.key == "service.name");
            let name = match name.and_then(|one| one.value).and_then(|value| value.value) {
                Some(any_value::Value::StringValue(name)) => name,
                _ => String::new(),
            };
            let spans = resource_spans
                .scope_spans
                .into_iter()
                .flat_map(|scope| scope.spans);
            seen.extend(spans.map(|span| (name.clone(), span)));
        }
        Ok(tonic::Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    async fn start(&self) -> TelemetryConfig {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let incoming = tonic::transport::server::TcpIncoming::from(listener);
        let service = TraceServiceServer::new(self.clone());
        tokio::spawn(
            tonic::transport::Server::builder()
                .add_service(service)
                .serve_with_incoming(incoming),
        );
        TelemetryConfig {
            otlp_endpoint: Some(format!("http://{address}").parse().unwrap()),
            ..TelemetryConfig::default()
        }
    }

    #[track_caller]
    fn span(&self, name: &str) -> (String, Span) {
        let seen = self.0.lock().unwrap();
        let found: Vec<_> = seen.iter().filter(|(_, span)| span.name == name).collect();
        assert_eq!(found.len(), 1, "spans named {name}");
        found[0].clone()
    }
}

/// Log lines, kept.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn parsed(&self) -> Vec<Value> {
        let bytes = self.0.lock().unwrap();
        let text = std::str::from_utf8(&bytes).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

fn start(
    service: &str,
    config: &TelemetryConfig,
) -> (tracing::Dispatch, telemetry::TelemetryGuard, Lines) {
    let lines = Lines::default();
    let writer = {
        let lines = lines.clone();
        move || lines.clone()
    };
    let (subscriber, guard) = telemetry::build(service, config, writer).unwrap();
    (tracing::Dispatch::new(subscriber), guard, lines)
}

#[tokio::test]
async fn one_trace_goes_through_headers_and_a_replay_is_linked() {
    let collector = Collector::default();
    let config = collector.start().await;
    let (ingest, ingest_guard, _) = start("ingest", &config);
    let (lookup, lookup_guard, _) = start("lookup", &config);

    let mut headers = HeaderMap::new();
    tracing::dispatcher::with_default(&ingest, || {
        let span = info_span!("publish", otel.kind = "producer");
        telemetry::inject(&mut headers, &span);
    });
    assert_eq!(
        headers.iter().count(),
        1,
        "an empty tracestate is left out: {headers:?}"
    );
    tracing::dispatcher::with_default(&lookup, || {
        let span = info_span!("process", otel.kind = "consumer");
        assert!(telemetry::set_parent(&span, telemetry::extract(&headers)));
        let _entered = span.enter();
        let inner = info_span!("call", otel.kind = "client", otel.status_code = "error");
        drop(inner.entered());

        let replay = info_span!(parent: None, "replay");
        telemetry::add_link(&replay, &telemetry::extract(&headers));
        drop(replay.entered());
    });
    ingest_guard.shutdown().await.unwrap();
    lookup_guard.flush().await.unwrap();

    let (from, publish) = collector.span("publish");
    assert_eq!(from, "ingest");
    assert!(publish.parent_span_id.is_empty());
    let (from, process) = collector.span("process");
    assert_eq!(from, "lookup");
    assert_eq!(process.trace_id, publish.trace_id);
    assert_eq!(process.parent_span_id, publish.span_id);
    let (_, call) = collector.span("call");
    assert_eq!(call.parent_span_id, process.span_id);
    assert_eq!(call.status.unwrap().code, 2, "ERROR");
    let (_, replay) = collector.span("replay");
    assert_ne!(replay.trace_id, publish.trace_id);
    assert_eq!(replay.links[0].trace_id, publish.trace_id);
    lookup_guard.shutdown().await.unwrap();
}

#[tokio::test]
async fn log_lines_carry_the_trace_the_service_and_the_fields_of_their_spans() {
    let (dispatch, guard, lines) = start("tillbook", &TelemetryConfig::default());
    let id = {
        let _default = tracing::dispatcher::set_default(&dispatch);
        tracing::info!("outside");
        let span = info_span!("process", tillbook.service = "lookup", order.id = 1234);
        async {
            tokio::task::yield_now().await;
            let error = std::io::Error::other("why");
            tracing::warn!(
                attempt = 2,
                error = &error as &dyn std::error::Error,
                service = "planted",
                "it \"failed\"\nonce"
            );
            telemetry::current_trace_id()
        }
        .instrument(span)
        .await
    };
    guard.shutdown().await.unwrap();

    let [outside, inside] = lines.parsed().try_into().unwrap();
    assert_eq!(outside["service"], "tillbook");
    assert_eq!(outside["message"], "outside");
    assert_eq!(outside["level"], "INFO");
    assert!(outside["timestamp"].as_str().unwrap().ends_with('Z'));
    assert!(outside.get("trace_id").is_none());

    assert_eq!(inside["service"], "lookup");
    assert_eq!(inside["field.service"], "planted");
    assert_eq!(inside["message"], "it \"failed\"\nonce");
    assert_eq!(inside["order.id"], 1234);
    assert_eq!(inside["attempt"], 2);
    assert_eq!(inside["error"], "why");
    assert_eq!(inside["trace_id"].as_str(), id.as_deref());
    assert_eq!(inside["span_id"].as_str().unwrap().len(), 16);
}

#[tokio::test]
async fn ids_exist_without_a_collector_a_sample_or_a_chatty_log() {
    let config = TelemetryConfig {
        log: "error".to_owned(),
        sample_per_mille: 0,
        ..TelemetryConfig::default()
    };
    let (dispatch, guard, lines) = start("ingest", &config);
    tracing::dispatcher::with_default(&dispatch, || {
        let span = info_span!("receive", tillbook.service = "ingest", order.id = 7);
        let _entered = span.enter();
        tracing::warn!("cut");
        tracing::error!("kept");
        let parent = telemetry::traceparent(&span).unwrap();
        assert_eq!(parent.len(), 55);
        assert!(parent.ends_with("-00"), "not sampled: {parent}");
        assert_eq!(telemetry::trace_id(&span), telemetry::current_trace_id());
    });
    guard.shutdown().await.unwrap();
    let [kept] = lines.parsed().try_into().unwrap();
    assert_eq!(kept["message"], "kept");
    assert_eq!(kept["order.id"], 7);
    assert_eq!(kept["trace_id"].as_str().unwrap().len(), 32);
}

#[tokio::test]
async fn a_message_without_a_trace_starts_its_own() {
    let (dispatch, guard, _) = start("lookup", &TelemetryConfig::default());
    tracing::dispatcher::with_default(&dispatch, || {
        let outer = info_span!("outer");
        let _entered = outer.enter();
        let mut broken = HeaderMap::new();
        broken.insert("traceparent", "00-nonsense");
        for headers in [HeaderMap::new(), broken] {
            let span = info_span!(parent: None, "process");
            assert!(!telemetry::set_parent(&span, telemetry::extract(&headers)));
            assert_ne!(telemetry::trace_id(&span), telemetry::trace_id(&outer));
            assert!(telemetry::trace_id(&span).is_some());
        }
    });
    guard.shutdown().await.unwrap();
    assert_eq!(telemetry::current_trace_id(), None);
}

#[tokio::test]
async fn a_kept_traceparent_can_be_linked_to_later() {
    let collector = Collector::default();
    let (dispatch, guard, _) = start("replay", &collector.start().await);
    tracing::dispatcher::with_default(&dispatch, || {
        let dead = info_span!("dead");
        let kept = telemetry::traceparent(&dead).unwrap();
        let replay = info_span!(parent: None, "replay");
        telemetry::add_link(&replay, &telemetry::from_traceparent(&kept));
        for nonsense in ["", "x", "00-\r\nevil: 1", "00-0-0-00"] {
            telemetry::add_link(&replay, &telemetry::from_traceparent(nonsense));
        }
        drop((dead.entered(), replay.entered()));
    });
    guard.shutdown().await.unwrap();
    let ((_, dead), (_, replay)) = (collector.span("dead"), collector.span("replay"));
    assert_eq!(replay.links.len(), 1);
    assert_eq!(replay.links[0].span_id, dead.span_id);
    assert_ne!(replay.trace_id, dead.trace_id);
}

#[tokio::test]
async fn a_dead_collector_delays_the_end_within_bounds() {
    let config = TelemetryConfig {
        // Discard, a port nothing listens on.
        otlp_endpoint: Some("http://127.0.0.1:9".parse().unwrap()),
        ..TelemetryConfig::default()
    };
    let (dispatch, guard, _) = start("ingest", &config);
    tracing::dispatcher::with_default(&dispatch, || drop(info_span!("lost").entered()));
    let ended = tokio::time::timeout(std::time::Duration::from_secs(60), guard.shutdown()).await;
    assert!(
        ended.is_ok(),
        "the end of a process does not wait for a collector"
    );
}

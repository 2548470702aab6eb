//! Trace context in and out of NATS headers, and the ids of a span.
//!
//! Parent and child connect one message's hops; links connect what must not be
//! one trace: batches, replays, late retries.

use async_nats::HeaderMap;
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanContext, TraceContextExt};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// async-nats header names are case-sensitive and W3C's are lower case, so the
/// adapters are plain.
struct Headers<'a>(&'a HeaderMap);
struct HeadersMut<'a>(&'a mut HeaderMap);

impl Injector for HeadersMut<'_> {
    fn set(&mut self, key: &str, value: String) {
        // An empty tracestate says nothing, and not every reader accepts it.
        if !value.is_empty() {
            self.0.insert(key, value.as_str());
        }
    }
}

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(|value| value.as_str())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| name.as_ref()).collect()
    }
}

/// Writes the span's W3C context into message headers, replacing what was
/// there. A disabled span writes nothing.
pub fn inject(headers: &mut HeaderMap, span: &Span) {
    TraceContextPropagator::new().inject_context(&span.context(), &mut HeadersMut(headers));
}

/// The remote context that message headers carry; empty when there is none.
pub fn extract(headers: &HeaderMap) -> Context {
    // Not `extract`, which would fall back to the span this thread is in.
    TraceContextPropagator::new().extract_with_context(&Context::new(), &Headers(headers))
}

/// The remote context of a kept [`traceparent`], to link a replay to what it
/// replays; empty when the text is none.
pub fn from_traceparent(traceparent: &str) -> Context {
    let mut headers = HeaderMap::new();
    if traceparent.bytes().all(|byte| byte.is_ascii_graphic()) {
        headers.insert("traceparent", traceparent);
    }
    extract(&headers)
}

/// Makes `span` a child of the extracted context.
///
/// Must come before the span is first entered, injected or asked for its id.
/// Returns false when it came too late, when the span is disabled, or when the
/// context is empty.
pub fn set_parent(span: &Span, parent: Context) -> bool {
    parent.span().span_context().is_valid() && span.set_parent(parent).is_ok()
}

/// Links `span` to the extracted context, without making it a child.
pub fn add_link(span: &Span, context: &Context) {
    span.add_link(context.span().span_context().clone());
}

/// The trace id of the current span, 32 hexadecimal digits.
pub fn current_trace_id() -> Option<String> {
    trace_id(&Span::current())
}

/// The trace id of a span, 32 hexadecimal digits.
pub fn trace_id(span: &Span) -> Option<String> {
    valid(span).map(|context| context.trace_id().to_string())
}

/// The span as a W3C `traceparent`, to keep beside data that may be replayed.
pub fn traceparent(span: &Span) -> Option<String> {
    valid(span).map(|context| {
        format!(
            "00-{}-{}-{:02x}",
            context.trace_id(),
            context.span_id(),
            context.trace_flags().to_u8()
        )
    })
}

fn valid(span: &Span) -> Option<SpanContext> {
    let context = span.context();
    let context = context.span().span_context().clone();
    context.is_valid().then_some(context)
}

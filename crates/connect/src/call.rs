//! One vendor call: what it is called, how it is traced, and who watches it.
//!
//! Every attempt makes a CLIENT span without query values, carries the W3C trace context, and is
//! reported to the [`CallObserver`], also when its future is dropped. Not here: sockets
//! (`http`) and what a reply means (`errors` of each vendor).

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use jiff::Timestamp;
use tracing::{Instrument, Span, field};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::error::VendorError;
use crate::http::Http;
use crate::transport::{Outgoing, Reply, TransportFailure};

/// Who was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Vendor {
    BigCommerce,
    FreshBooks,
}

impl Vendor {
    /// Name for metrics and the journal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BigCommerce => "bigcommerce",
            Self::FreshBooks => "freshbooks",
        }
    }
}

/// One attempt to call a vendor, free of customer data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VendorCall {
    pub vendor: Vendor,
    pub method: &'static str,
    /// With placeholders for ids: `/v2/orders/{id}`.
    pub path_template: &'static str,
    /// `None` when no reply came.
    pub status: Option<u16>,
    pub duration_us: u64,
    /// `ok`, `cancelled`, or a [`VendorError::class`].
    pub outcome: &'static str,
    /// Requests left in the vendor's window, where the reply said so.
    pub requests_left: Option<u64>,
}

/// Watches vendor calls.
///
/// Called synchronously in the task that makes the call, so task-locals and the current span
/// are those of the work at hand. It must not block.
pub trait CallObserver: Send + Sync {
    fn observed(&self, call: VendorCall);
}

/// Watches nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoObserver;

impl CallObserver for NoObserver {
    fn observed(&self, _call: VendorCall) {}
}

impl<F: Fn(VendorCall) + Send + Sync> CallObserver for F {
    fn observed(&self, call: VendorCall) {
        self(call);
    }
}

/// Whether a lost reply leaves something undecided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Read,
    Write,
}

impl Effect {
    pub(crate) fn of(method: &Method) -> Self {
        if method.is_safe() {
            Self::Read
        } else {
            Self::Write
        }
    }
}

/// The time of day.
pub(crate) fn now() -> Timestamp {
    let now_ms = i64::try_from(ambient::now_ms()).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(now_ms).unwrap_or(Timestamp::MAX)
}

/// Performs one attempt: span, trace context, call, verdict, report.
pub(crate) async fn perform<T>(
    http: &Http,
    mut outgoing: Outgoing,
    requests_left: impl Fn(&HeaderMap) -> Option<u64>,
    verdict: impl FnOnce(Effect, Result<Reply, TransportFailure>) -> Result<T, VendorError>,
) -> Result<T, VendorError> {
    let effect = Effect::of(&outgoing.method);
    let span = client_span(http, &outgoing);
    inject_trace_context(&span, &mut outgoing.headers);
    let mut report = Report::start(http, &outgoing);
    async {
        let reply = http.transport.exchange(outgoing).await;
        if let Ok(reply) = &reply {
            report.call.status = Some(reply.status.as_u16());
            report.call.requests_left = requests_left(&reply.headers);
            Span::current().record("http.response.status_code", reply.status.as_u16());
        }
        let result = verdict(effect, reply);
        report.call.outcome = "ok";
        if let Err(error) = &result {
            report.call.outcome = error.class();
            Span::current().record("error.type", error.class());
            Span::current().record("otel.status_code", "ERROR");
        }
        drop(report);
        result
    }
    .instrument(span)
    .await
}

fn client_span(http: &Http, outgoing: &Outgoing) -> Span {
    tracing::info_span!(
        "vendor_call",
        otel.name = %format_args!("{} {}", outgoing.method, outgoing.template),
        otel.kind = "client",
        otel.status_code = field::Empty,
        http.request.method = %outgoing.method,
        http.response.status_code = field::Empty,
        url.template = outgoing.template,
        server.address = outgoing.url.host_str().unwrap_or_default(),
        server.port = outgoing.url.port_or_known_default(),
        peer.service = http.vendor.as_str(),
        error.type = field::Empty,
    )
}

fn inject_trace_context(span: &Span, headers: &mut HeaderMap) {
    let context = span.context();
    opentelemetry::global::get_text_map_propagator(|propagator| {
        propagator.inject_context(&context, &mut HeaderCarrier(headers));
    });
}

struct HeaderCarrier<'a>(&'a mut HeaderMap);

impl opentelemetry::propagation::Injector for HeaderCarrier<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}

/// Reports the call when dropped, so that an abandoned call is seen too.
struct Report {
    observer: Arc<dyn CallObserver>,
    started: Instant,
    call: VendorCall,
}

impl Report {
    fn start(http: &Http, outgoing: &Outgoing) -> Self {
        let call = VendorCall {
            vendor: http.vendor,
            method: method_name(&outgoing.method),
            path_template: outgoing.template,
            status: None,
            duration_us: 0,
            outcome: "cancelled",
            requests_left: None,
        };
        Self {
            observer: Arc::clone(&http.observer),
            started: Instant::now(),
            call,
        }
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        let mut call = self.call.clone();
        call.duration_us = micros(self.started.elapsed());
        self.observer.observed(call);
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        _ => "OTHER",
    }
}

//! Traces over OTLP, JSON logs on standard error, and the ids that tie them
//! together.
//!
//! One provider serves the process, whichever services it runs; a span that
//! belongs to one service says so in the attribute `tillbook.service`. Ids
//! exist and travel even when nothing is exported, so that a log line, a
//! journal entry and a dead letter always name their trace. Metrics are not
//! here but in [`crate::metrics`].

mod context;
mod format;
mod watched;

use std::time::Duration;

use opentelemetry::global;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::WithExportConfig;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider,
};
use tracing::{Level, Subscriber};
use tracing_subscriber::filter::{EnvFilter, FilterExt, LevelFilter, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};

use crate::config::TelemetryConfig;
use watched::Watched;

pub use context::{
    add_link, current_trace_id, extract, from_traceparent, inject, set_parent, trace_id,
    traceparent,
};

pub use format::chain;

/// The span field that names the service a span belongs to.
pub const SERVICE_FIELD: &str = "tillbook.service";

/// How long the exporter waits for the collector, per batch.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the end of a process waits for the last spans.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(6);

/// Telemetry could not be started or ended.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The log filter is malformed.
    #[error("the log filter {filter:?} is malformed; write for example \"info,async_nats=warn\"")]
    Filter {
        /// The configured text.
        filter: String,
        /// The cause.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// The exporter could not be built.
    #[error("preparing the OTLP exporter for {endpoint}")]
    Exporter {
        /// The configured address.
        endpoint: String,
        /// The cause.
        #[source]
        source: opentelemetry_otlp::ExporterBuildError,
    },
    /// A process has one telemetry; it is running already.
    #[error("telemetry is running already in this process; start it once, before the services")]
    AlreadyRunning(#[source] tracing::subscriber::SetGlobalDefaultError),
    /// The last spans could not be sent.
    #[error("sending the last spans to the collector; they are lost, nothing else is")]
    Shutdown(#[source] opentelemetry_sdk::error::OTelSdkError),
    /// The blocking task that flushes was lost.
    #[error("waiting for the last spans to be sent")]
    Join(#[source] tokio::task::JoinError),
}

/// Keeps the exporter alive; end it with [`TelemetryGuard::shutdown`].
#[derive(Debug)]
#[must_use = "spans are lost when the guard is dropped without shutdown"]
pub struct TelemetryGuard {
    provider: SdkTracerProvider,
}

impl TelemetryGuard {
    /// Sends what is buffered and stops exporting, within six seconds.
    pub async fn shutdown(self) -> Result<(), TelemetryError> {
        let end = move || self.provider.shutdown_with_timeout(SHUTDOWN_TIMEOUT);
        tokio::task::spawn_blocking(end)
            .await
            .map_err(TelemetryError::Join)?
            .map_err(TelemetryError::Shutdown)
    }

    /// Sends what is buffered now and goes on.
    pub async fn flush(&self) -> Result<(), TelemetryError> {
        let provider = self.provider.clone();
        tokio::task::spawn_blocking(move || provider.force_flush())
            .await
            .map_err(TelemetryError::Join)?
            .map_err(TelemetryError::Shutdown)
    }
}

/// Starts telemetry for this process: the global subscriber, provider and W3C
/// propagator.
///
/// `service` is `service.name` in traces, and in logs outside any span that
/// names another. Call it once, inside a tokio runtime.
pub fn init(service: &str, config: &TelemetryConfig) -> Result<TelemetryGuard, TelemetryError> {
    let (subscriber, guard) = build(service, config, std::io::stderr)?;
    tracing::subscriber::set_global_default(subscriber).map_err(TelemetryError::AlreadyRunning)?;
    global::set_text_map_propagator(TraceContextPropagator::new());
    global::set_tracer_provider(guard.provider.clone());
    Ok(guard)
}

/// As [`init`], but touches nothing global and writes logs to `logs`: for
/// tests, with `tracing::subscriber::set_default`.
pub fn build<W>(
    service: &str,
    config: &TelemetryConfig,
    logs: W,
) -> Result<(impl Subscriber + Send + Sync + use<W>, TelemetryGuard), TelemetryError>
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let filter = log_filter(&config.log)?;
    let provider = provider(service, config)?;
    let traces = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("tillbook"))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        // Spans below info are for debugging a process, not for following an order.
        .with_filter(LevelFilter::INFO);
    // Spans pass the log filter always: their fields belong in every line
    // written inside them, whatever level the lines are cut at.
    let spans = filter_fn(|metadata| metadata.is_span() && *metadata.level() <= Level::INFO)
        .with_max_level_hint(LevelFilter::INFO);
    let lines = tracing_subscriber::fmt::layer()
        .fmt_fields(tracing_subscriber::fmt::format::JsonFields::new())
        .event_format(format::JsonLines::new(service))
        .with_ansi(false)
        .with_writer(logs)
        .with_filter(filter.or(spans));
    let subscriber = tracing_subscriber::registry().with(traces).with(lines);
    Ok((subscriber, TelemetryGuard { provider }))
}

/// Checks a filter as `[telemetry] log` gives it.
pub(crate) fn log_filter(filter: &str) -> Result<EnvFilter, TelemetryError> {
    EnvFilter::builder()
        .parse(filter)
        .map_err(|source| TelemetryError::Filter {
            filter: filter.to_owned(),
            source,
        })
}

fn provider(service: &str, config: &TelemetryConfig) -> Result<SdkTracerProvider, TelemetryError> {
    let resource = Resource::builder_empty()
        .with_service_name(service.to_owned())
        .with_attributes([
            opentelemetry::KeyValue::new("service.namespace", "tillbook"),
            opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        ])
        .build();
    let builder = SdkTracerProvider::builder()
        .with_resource(resource)
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(
            ratio(config.sample_per_mille),
        ))));
    let Some(endpoint) = &config.otlp_endpoint else {
        return Ok(builder.build());
    };
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint.as_str())
        .with_timeout(EXPORT_TIMEOUT)
        .build()
        .map_err(|source| TelemetryError::Exporter {
            endpoint: endpoint.to_string(),
            source,
        })?;
    let batches = BatchConfigBuilder::default()
        .with_max_queue_size(8_192)
        .with_max_export_batch_size(512)
        .with_scheduled_delay(Duration::from_secs(1))
        .build();
    let processor = BatchSpanProcessor::builder(Watched::new(exporter, endpoint.to_string()))
        .with_batch_config(batches)
        .build();
    Ok(builder.with_span_processor(processor).build())
}

/// The share of new traces that is kept, as the OpenTelemetry API wants it.
#[allow(
    clippy::float_arithmetic,
    reason = "the sampler takes a float; nothing of ours computes with it"
)]
fn ratio(per_mille: u16) -> f64 {
    f64::from(per_mille) / 1000.0
}

//! An OTLP collector inside the test: keeps every span it is sent.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::net::TcpListener;

/// A span and the process it came from.
#[derive(Clone, Debug)]
pub struct Exported {
    pub service: String,
    pub span: Span,
}

impl Exported {
    /// A text or number attribute.
    pub fn attribute(&self, key: &str) -> Option<String> {
        text_of(&self.span.attributes, key)
    }

    pub fn trace_id(&self) -> String {
        hex(&self.span.trace_id)
    }
}

/// Receives spans over gRPC; ends with the test's runtime.
#[derive(Clone, Debug, Default)]
pub struct Collector(Arc<Mutex<Vec<Exported>>>);

impl Collector {
    /// Starts on a free port; gives itself and the address for `otlp_endpoint`.
    pub async fn start() -> anyhow::Result<(Self, String)> {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("a port for spans")?;
        let address = listener.local_addr()?;
        let collector = Self::default();
        let server = tonic::transport::Server::builder()
            .add_service(TraceServiceServer::new(collector.clone()))
            .serve_with_incoming(tonic::transport::server::TcpIncoming::from(listener));
        tokio::spawn(server);
        Ok((collector, format!("http://{address}")))
    }

    /// Every span so far.
    pub fn spans(&self) -> Vec<Exported> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for one in request.into_inner().resource_spans {
            let attributes = one.resource.unwrap_or_default().attributes;
            let service = text_of(&attributes, "service.name").unwrap_or_default();
            let spans = one.scope_spans.into_iter().flat_map(|scope| scope.spans);
            seen.extend(spans.map(|span| Exported {
                service: service.clone(),
                span,
            }));
        }
        Ok(tonic::Response::new(ExportTraceServiceResponse::default()))
    }
}

fn text_of(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|one| one.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        any_value::Value::StringValue(text) => Some(text.clone()),
        any_value::Value::IntValue(number) => Some(number.to_string()),
        _ => None,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

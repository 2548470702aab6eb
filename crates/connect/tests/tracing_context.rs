//! A call carries the trace, and its span says nothing about the customer.
#![allow(clippy::unwrap_used)] // also in helpers, which clippy does not count as tests

mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use common::{Stub, Watch, json};
use connect::freshbooks::{BoxFuture, Client, Config, TokenError, TokenSource};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use secrecy::SecretString;
use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

struct Tokens;

impl TokenSource for Tokens {
    fn access_token(&self) -> BoxFuture<'_, Result<SecretString, TokenError>> {
        Box::pin(async { Ok("the-token".into()) })
    }

    fn refresh<'a>(
        &'a self,
        _rejected: &'a SecretString,
    ) -> BoxFuture<'a, Result<SecretString, TokenError>> {
        self.access_token()
    }
}

/// Writes down every field of every span.
#[derive(Clone, Default)]
struct Fields(Arc<Mutex<String>>);

impl Visit for &Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        writeln!(self.0.lock().unwrap(), "{}={value:?}", field.name()).unwrap();
    }
}

impl<S: tracing::Subscriber> Layer<S> for Fields {
    fn on_new_span(&self, attributes: &Attributes<'_>, _id: &Id, _context: Context<'_, S>) {
        attributes.record(&mut &*self);
    }

    fn on_record(&self, _id: &Id, values: &tracing::span::Record<'_>, _context: Context<'_, S>) {
        values.record(&mut &*self);
    }
}

#[tokio::test]
async fn the_vendor_is_given_the_trace_and_the_span_holds_no_customer_data() {
    opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
    let provider = SdkTracerProvider::builder().build();
    let fields = Fields::default();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    let subscriber = tracing_subscriber::registry()
        .with(layer)
        .with(fields.clone());
    let _guard = tracing::subscriber::set_default(subscriber);

    let stub = Stub::start(|_| {
        json(json!({"response": {"result": {"clients": [], "page": 1, "pages": 0, "total": 0}}}))
    })
    .await;
    let config = Config::new(
        stub.url.clone(),
        "https://auth.freshbooks.com".parse().unwrap(),
        "AbC12".into(),
        "app".into(),
        "secret".into(),
        "https://tillbook.example/back".parse().unwrap(),
    );
    let client = Client::new(config, Arc::new(Tokens), Arc::new(Watch::default())).unwrap();
    client
        .find_clients_by_email("ann@example.com")
        .await
        .unwrap();

    let asked = stub.asked();
    let traceparent = asked[0].headers["traceparent"].to_str().unwrap();
    let parts: BTreeMap<usize, &str> = traceparent.split('-').enumerate().collect();
    assert_eq!(
        (parts[&0], parts[&1].len(), parts[&2].len()),
        ("00", 32, 16)
    );
    let seen = fields.0.lock().unwrap().clone();
    for expected in [
        "otel.kind=\"client\"",
        "otel.name=GET /accounting/account/{account_id}/users/clients",
        "http.request.method=GET",
        "http.response.status_code=200",
        "server.address=\"127.0.0.1\"",
    ] {
        assert!(seen.contains(expected), "{expected} is missing in {seen}");
    }
    for forbidden in ["ann", "the-token", "AbC12"] {
        assert!(!seen.contains(forbidden), "{forbidden} is in {seen}");
    }
}

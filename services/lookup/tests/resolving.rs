//! What is known is not asked again; what is not known is asked, with or without Redis.
#![allow(
    clippy::unwrap_used,
    reason = "also in helpers, which clippy does not count as tests"
)]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::ensure;
use async_nats::HeaderMap;
use async_nats::jetstream;
use axum::Router;
use axum::body::Body;
use axum::http::{Response, Uri};
use connect::NoObserver;
use connect::freshbooks::{self, BoxFuture, TokenError, TokenSource};
use contracts::books::{
    Client, ClientResolution, DesiredBooks, Disposition, Invoice, InvoiceResolution, Presence,
    ResolvedPlan,
};
use contracts::contract::Contract;
use contracts::dead_letter::DeadLetter;
use contracts::event::{Entity, Event};
use contracts::headers;
use contracts::ledger::{ClientEntry, OrderEntry, WrittenInvoice};
use contracts::topology::{Sizing, Stream};
use lookup::Lookup;
use prost::Message;
use runtime::metrics::Metrics;
use secrecy::SecretString;
use serde_json::{Value, json};
use servers::{NatsServer, RedisServer};
use stage::{Journal, Publisher, RetryPolicy, Runner, StageContext, StageMetrics, StageSettings};
use store::cache::LookupCache;
use store::connections::Connections;
use store::ledger::{ClientKey, Ledger};
use store::redis_address::RedisAddress;
use tempfile::TempDir;
use testkit::eventually;
use tokio_util::sync::CancellationToken;
use url::Url;

/// A bound for broken code, not an expectation.
const LIMIT: Duration = Duration::from_secs(60);

struct Token;

impl TokenSource for Token {
    fn access_token(&self) -> BoxFuture<'_, Result<SecretString, TokenError>> {
        Box::pin(async { Ok("token".into()) })
    }

    fn refresh<'a>(
        &'a self,
        _rejected: &'a SecretString,
    ) -> BoxFuture<'a, Result<SecretString, TokenError>> {
        self.access_token()
    }
}

/// A FreshBooks account with these clients and invoices; remembers what it was asked.
#[derive(Clone, Default)]
struct Account {
    clients: Arc<Mutex<Vec<Value>>>,
    invoices: Arc<Mutex<Vec<Value>>>,
    asked: Arc<Mutex<Vec<&'static str>>>,
}

impl Account {
    fn answer(&self, uri: &Uri) -> Response<Body> {
        let of_clients = uri.path().ends_with("/users/clients");
        let (name, rows) = if of_clients {
            ("clients", self.clients.lock().unwrap().clone())
        } else {
            ("invoices", self.invoices.lock().unwrap().clone())
        };
        self.asked.lock().unwrap().push(name);
        let total = rows.len();
        let result = json!({ name: rows, "page": 1, "pages": 1, "per_page": 100, "total": total });
        let body = json!({ "response": { "result": result } });
        Response::builder()
            .status(200)
            .body(Body::from(body.to_string()))
            .unwrap()
    }

    fn asked(&self, name: &str) -> usize {
        self.asked
            .lock()
            .unwrap()
            .iter()
            .filter(|asked| **asked == name)
            .count()
    }

    async fn client(&self) -> freshbooks::Client {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let account = self.clone();
        let app = Router::new().fallback(move |uri: Uri| {
            let account = account.clone();
            async move { account.answer(&uri) }
        });
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let redirect = Url::parse("https://tillbook.example/callback").unwrap();
        let config = freshbooks::Config::new(
            url.clone(),
            url,
            "acc1".into(),
            "app".into(),
            "secret".into(),
            redirect,
        );
        freshbooks::Client::new(config, Arc::new(Token), Arc::new(NoObserver)).unwrap()
    }

    fn has_jane(&self) {
        let jane = json!({ "id": 42, "email": "Jane@Example.com", "vis_state": 0 });
        self.clients.lock().unwrap().push(jane);
    }

    fn has_invoice(&self, id: u64, number: &str) {
        let money = |amount: &str| json!({ "amount": amount, "code": "USD" });
        self.invoices.lock().unwrap().push(json!({
            "id": id, "invoice_number": number, "customerid": 42, "currency_code": "USD",
            "amount": money("10.00"), "outstanding": money("10.00"), "paid": money("0.00"),
            "vis_state": 0, "lines": [],
        }));
    }
}

struct Bench {
    redis: RedisServer,
    jetstream: jetstream::Context,
    ledger: Ledger,
    account: Account,
    shutdown: CancellationToken,
    _nats: NatsServer,
    _folder: TempDir,
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

impl Bench {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let nats = NatsServer::start(folder.path().join("nats"), None)
            .await
            .unwrap();
        let redis = RedisServer::start(folder.path().join("redis"), None)
            .await
            .unwrap();
        let jetstream = jetstream::new(async_nats::connect(nats.url()).await.unwrap());
        let sizing = Sizing {
            replicas: 1,
            storage_gib: 1,
        };
        stage::bootstrap::bootstrap(&jetstream, sizing)
            .await
            .unwrap();
        let ledger = Ledger::bind(&jetstream).await.unwrap();
        let account = Account::default();
        let shutdown = CancellationToken::new();
        let url = SecretString::from(redis.url());
        let cache = LookupCache::connect(&RedisAddress::plain(url), Duration::from_secs(600))
            .await
            .unwrap();
        let accounts = HashMap::from([("acme".to_owned(), account.client().await)]);
        let connections = Connections::bind(&jetstream).await.unwrap();
        let stage = Lookup::new(accounts, ledger.clone(), Arc::new(cache), connections);
        let context = context(&jetstream, &shutdown);
        tokio::spawn(Runner::bind(stage, context).await.unwrap().run());
        Self {
            redis,
            jetstream,
            ledger,
            account,
            shutdown,
            _nats: nats,
            _folder: folder,
        }
    }

    async fn put(&self, order_id: u64) {
        let books = books(order_id);
        let mut header_map = HeaderMap::new();
        header_map.insert(headers::SCHEMA, DesiredBooks::SCHEMA);
        let subject = Stream::Transformed.subject("acme", "order", &order_id.to_string());
        let id = format!("acme-{order_id}-1-1:transform");
        let payload = books.encode_to_vec().into();
        let publisher = Publisher::new(self.jetstream.clone());
        publisher
            .publish(subject, Some(&id), header_map, payload)
            .await
            .unwrap();
    }

    /// What became of the messages so far; the plans in their order.
    async fn plans(&self, count: u64) -> Vec<(ClientResolution, InvoiceResolution)> {
        let plans = eventually(LIMIT, "the plans", async || {
            let handle = self.jetstream.get_stream(Stream::Resolved.name()).await?;
            let last = handle.cached_info().state.last_sequence;
            ensure!(last == count, "{last} of {count}");
            let mut plans = Vec::new();
            for sequence in 1..=last {
                let message = handle.get_raw_message(sequence).await?;
                let plan = ResolvedPlan::decode(message.payload)?;
                plans.push((plan.client.unwrap(), plan.invoice.unwrap()));
            }
            Ok(plans)
        });
        plans.await.unwrap()
    }

    async fn resolved(&self) -> (ClientResolution, InvoiceResolution) {
        self.plans(1).await.remove(0)
    }
}

fn context(jetstream: &jetstream::Context, shutdown: &CancellationToken) -> StageContext {
    let publisher = Publisher::new(jetstream.clone());
    StageContext {
        jetstream: jetstream.clone(),
        publisher: publisher.clone(),
        journal: Journal::start(publisher, "lookup"),
        metrics: StageMetrics::register(&Metrics::new()).unwrap(),
        settings: StageSettings {
            in_flight: 8,
            process_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(30),
            retry: RetryPolicy {
                attempts_max: 3,
                age_max: Duration::from_secs(3600),
                base: Duration::from_millis(1),
                cap: Duration::from_millis(5),
            },
        },
        shutdown: shutdown.clone(),
    }
}

fn jane() -> ClientKey {
    ClientKey::Email("jane@example.com".to_owned())
}

/// What the books must show for an order of Jane's.
fn books(order_id: u64) -> DesiredBooks {
    DesiredBooks {
        event: Some(Event {
            event_id: format!("acme-{order_id}-1-1"),
            connection: "acme".to_owned(),
            entity: Entity::Order.into(),
            entity_id: order_id.to_string(),
            ..Event::default()
        }),
        disposition: Disposition::Sent.into(),
        client: Some(Client {
            email_key: "jane@example.com".to_owned(),
            fields: [("email".to_owned(), "Jane@Example.com".to_owned())]
                .into_iter()
                .collect(),
            ..Client::default()
        }),
        invoice: Some(Invoice {
            number: format!("BC-{order_id}"),
            ..Invoice::default()
        }),
        ..DesiredBooks::default()
    }
}

#[tokio::test]
async fn what_the_ledger_knows_is_not_asked() {
    let bench = Bench::start().await;
    let invoice = Some(WrittenInvoice {
        invoice_id: 9,
        ..WrittenInvoice::default()
    });
    let entry = OrderEntry {
        version_ms: 1,
        client_id: 42,
        invoice,
        ..OrderEntry::default()
    };
    bench
        .ledger
        .put_order("acme", "7", &entry, 0)
        .await
        .unwrap();
    bench.put(7).await;
    let (client, invoice) = bench.resolved().await;
    assert_eq!(
        (client.presence(), client.client_id),
        (Presence::InLedger, 42)
    );
    assert_eq!(invoice.presence(), Presence::InLedger);
    assert!(bench.account.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_shopper_of_an_earlier_order_is_known_from_the_ledger() {
    let bench = Bench::start().await;
    let entry = ClientEntry {
        client_id: 42,
        ..ClientEntry::default()
    };
    bench
        .ledger
        .put_client("acme", &jane(), &entry, 0)
        .await
        .unwrap();
    bench.put(7).await;
    let (client, _) = bench.resolved().await;
    assert_eq!((client.presence(), client.client_id), (Presence::Found, 42));
    assert_eq!(bench.account.asked("clients"), 0);
}

#[tokio::test]
async fn orders_of_one_shopper_at_once_ask_for_the_client_once() {
    let bench = Bench::start().await;
    bench.account.has_jane();
    for order_id in 1..=6 {
        bench.put(order_id).await;
    }
    for (client, _) in bench.plans(6).await {
        assert_eq!((client.presence(), client.client_id), (Presence::Found, 42));
    }
    assert_eq!(bench.account.asked("clients"), 1);
    // For each order those that stand and, beside it, those that were deleted.
    assert_eq!(bench.account.asked("invoices"), 12);
}

#[tokio::test]
async fn absence_is_handed_on_with_its_moment_and_never_cached() {
    let bench = Bench::start().await;
    let before_ms = store::now_ms();
    bench.put(7).await;
    let (client, invoice) = bench.resolved().await;
    assert_eq!((client.presence(), client.client_id), (Presence::Absent, 0));
    assert!(client.verified_at_ms >= before_ms && client.verified_at_ms <= store::now_ms());
    assert_eq!(invoice.presence(), Presence::Absent);
    assert!(invoice.verified_at_ms >= before_ms);
    bench.account.has_jane();
    bench.put(8).await;
    assert_eq!(bench.plans(2).await[1].0.client_id, 42);
}

#[tokio::test]
async fn without_redis_freshbooks_is_asked_instead() {
    let mut bench = Bench::start().await;
    bench.account.has_jane();
    bench.redis.kill9();
    bench.put(7).await;
    bench.put(8).await;
    for (client, _) in bench.plans(2).await {
        assert_eq!((client.presence(), client.client_id), (Presence::Found, 42));
    }
    assert!(
        bench.account.asked("clients") >= 2,
        "each order asked for itself"
    );
}

#[tokio::test]
async fn an_invoice_that_is_there_already_is_found_by_its_number() {
    let bench = Bench::start().await;
    bench.account.has_invoice(9, "BC-7");
    bench.put(7).await;
    let (_, invoice) = bench.resolved().await;
    assert_eq!(
        (invoice.presence(), invoice.invoice_id),
        (Presence::Found, 9)
    );
}

#[tokio::test]
async fn two_invoices_of_one_number_are_held_for_a_person() {
    let bench = Bench::start().await;
    bench.account.has_invoice(9, "BC-7");
    bench.account.has_invoice(10, "BC-7");
    bench.put(7).await;
    let letter = eventually(LIMIT, "the dead letter", async || {
        let handle = bench
            .jetstream
            .get_stream(Stream::DeadLetters.name())
            .await?;
        let message = handle.get_raw_message(1).await?;
        Ok(DeadLetter::decode(message.payload)?)
    });
    let letter = letter.await.unwrap();
    assert_eq!(letter.reasons[0].code, "invoice_twice");
    assert!(
        letter.reasons[0].message.contains("BC-7"),
        "{}",
        letter.reasons[0].message
    );
}

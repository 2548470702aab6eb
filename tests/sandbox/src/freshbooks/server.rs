//! The listener: reads a call to its end, asks the gate, and does to the connection what the gate
//! says, including cutting it.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{StatusCode, header};
use axum::response::Response;
use axum::serve::{IncomingStream, Listener};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::call::{Call, Reply, pairs};
use super::events::Notice;
use super::gate::{self, Outcome};
use super::state::Shared;
use super::{control, courier};

/// Largest body taken, in bytes.
const MOST_BYTES: usize = 4 << 20;
/// How long a shutdown waits for open connections.
const GRACE: Duration = Duration::from_secs(3);

/// A running FreshBooks emulator.
#[derive(Debug)]
pub struct Sandbox {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    server: JoinHandle<io::Result<()>>,
}

impl Sandbox {
    /// Starts to serve on `listen`; port 0 takes a free one. Accounts are opened by
    /// POST /_sandbox/accounts.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn start(listen: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        let desk = Desk {
            world: Shared::default(),
            courier: courier::start(stopped.clone())?,
            stopped: stopped.clone(),
        };
        let app = Router::new().fallback(front).with_state(desk);
        let service = app.into_make_service_with_connect_info::<Cutter>();
        let mut until = stopped;
        let serving =
            axum::serve(CuttableListener(listener), service).with_graceful_shutdown(async move {
                let _gone = until.wait_for(|stopped| *stopped).await;
            });
        let server = tokio::spawn(async move { serving.await });
        Ok(Self {
            address,
            stop,
            server,
        })
    }

    /// `http://<address>`, without a slash at the end: API, auth and control surface.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops serving; waits a little for calls in flight, then drops them.
    pub async fn shutdown(mut self) {
        let _nobody_listens = self.stop.send(true);
        if tokio::time::timeout(GRACE, &mut self.server).await.is_err() {
            self.server.abort();
        }
    }
}

#[derive(Clone)]
struct Desk {
    world: Shared,
    courier: mpsc::Sender<Notice>,
    stopped: watch::Receiver<bool>,
}

async fn front(
    State(desk): State<Desk>,
    ConnectInfo(cutter): ConnectInfo<Cutter>,
    request: Request,
) -> Response {
    let call = match read(request).await {
        Ok(call) => call,
        Err(refused) => return respond(&refused, None),
    };
    if call.path.starts_with("/_sandbox") {
        let reply = control::answer(&mut desk.world.lock(), &call);
        return respond(&reply, None);
    }
    let outcome = gate::answer(&mut desk.world.lock(), &call);
    let response = match outcome {
        Outcome::Answer(reply) => respond(&reply, None),
        Outcome::AnswerLate { reply, hang_ms } => {
            desk.post();
            hang(&desk, hang_ms).await;
            respond(&reply, None)
        }
        Outcome::ProcessLate { hang_ms } => process_late(&desk, call, hang_ms).await,
        Outcome::Reset => {
            cutter.cut();
            respond(&Reply::empty(503), None)
        }
        Outcome::Drip { reply, hang_ms } => {
            let (head, body) = respond(&reply, None).into_parts();
            let whole = to_bytes(body, MOST_BYTES).await.unwrap_or_default();
            let span = Duration::from_millis(hang_ms);
            Response::from_parts(head, crate::drip::body(whole, span))
        }
        Outcome::Truncate(reply) => {
            let half = reply
                .body
                .as_ref()
                .map_or(0, |body| body.to_string().len() / 2);
            respond(&reply, Some(half))
        }
    };
    desk.post();
    response
}

/// Detached from the connection: the effect comes even when the caller has hung up.
async fn process_late(desk: &Desk, call: Call, hang_ms: u64) -> Response {
    let late = desk.clone();
    let done = tokio::spawn(async move {
        hang(&late, hang_ms).await;
        let reply = gate::process(&mut late.world.lock(), &call);
        late.post();
        reply
    });
    let reply = done
        .await
        .unwrap_or_else(|_| Reply::json(500, json!({"message": "interrupted"})));
    respond(&reply, None)
}

impl Desk {
    /// Hands due webhooks to the courier.
    fn post(&self) {
        let due = gate::collect(&mut self.world.lock());
        for notice in due {
            if self.courier.try_send(notice).is_err() {
                tracing::warn!("a webhook was dropped: the courier's queue is full");
            }
        }
    }
}

/// Waits, but not beyond a shutdown.
async fn hang(desk: &Desk, hang_ms: u64) {
    let mut stopped = desk.stopped.clone();
    tokio::select! {
        () = tokio::time::sleep(Duration::from_millis(hang_ms)) => {}
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
}

async fn read(request: Request) -> Result<Call, Reply> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, MOST_BYTES).await.map_err(|_| {
        let message = format!("The body is cut short or larger than {MOST_BYTES} bytes.");
        Reply::json(413, json!({"message": message}))
    })?;
    let text = |name| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let bearer = text(header::AUTHORIZATION)
        .and_then(|value| value.strip_prefix("Bearer "))
        .map(|token| token.trim().to_owned());
    Ok(Call {
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().map(pairs).unwrap_or_default(),
        bearer,
        content_type: text(header::CONTENT_TYPE).unwrap_or_default().to_owned(),
        method: parts.method,
        body,
    })
}

/// Bytes of a reply; `cut` keeps only so many of them.
fn respond(reply: &Reply, cut: Option<usize>) -> Response {
    let mut bytes = reply
        .body
        .as_ref()
        .map(|body| body.to_string().into_bytes())
        .unwrap_or_default();
    if let Some(length) = cut {
        bytes.truncate(length);
    }
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = Response::builder()
        .status(status)
        .header("x-api-version", "2023-02-20");
    if reply.body.is_some() {
        response = response.header(header::CONTENT_TYPE, "application/json");
    }
    for (name, value) in &reply.headers {
        response = response.header(*name, value);
    }
    response.body(Body::from(bytes)).unwrap_or_default()
}

/// The switch that cuts one connection.
#[derive(Debug, Clone, Default)]
struct Cutter(Arc<AtomicBool>);

impl Cutter {
    fn cut(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn check(&self, stream: &TcpStream) -> io::Result<()> {
        if !self.0.load(Ordering::SeqCst) {
            return Ok(());
        }
        stream.set_zero_linger()?;
        Err(io::ErrorKind::ConnectionReset.into())
    }
}

impl Connected<IncomingStream<'_, CuttableListener>> for Cutter {
    fn connect_info(stream: IncomingStream<'_, CuttableListener>) -> Self {
        stream.io().cutter.clone()
    }
}

struct CuttableListener(TcpListener);

impl Listener for CuttableListener {
    type Io = CuttableStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        (
            CuttableStream {
                stream,
                cutter: Cutter::default(),
            },
            address,
        )
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

/// A connection that, once cut, refuses to write: the peer sees a reset instead of a reply.
struct CuttableStream {
    stream: TcpStream,
    cutter: Cutter,
}

impl AsyncRead for CuttableStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for CuttableStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.cutter.check(&self.stream)?;
        Pin::new(&mut self.stream).poll_write(context, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

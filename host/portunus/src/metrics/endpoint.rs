//! The socket, its clients and their bounds.
//!
//! A client costs one connection of a few, for a few seconds: whoever is slow,
//! talks nonsense or never reads is cut off, and no port waits for any of it.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::sync::Mutex;
use tokio::task::{AbortHandle, JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

use super::page::{CONTENT_TYPE as OPEN_METRICS, Look};
use crate::config::Spec;
use crate::listener::{Access, Listener, SocketFault};
use crate::router::Router;

/// Clients at once: a scraper or two and a person with `curl` need less. One
/// more takes the place of the oldest, so that none keeps others out.
const MAX_CONNECTIONS: usize = 8;

/// What one client may take from its connection to the last byte of its answer:
/// Prometheus waits ten seconds for an answer.
const CONNECTION_TIME: Duration = Duration::from_secs(5);

/// Bytes of a request before its body: the least that hyper can be told, and
/// ten times what any scraper sends. What comes after is not read.
const MAX_HEADER_BYTES: usize = 8 * 1024;

/// Header fields of a request.
const MAX_HEADERS: usize = 64;

/// How long a listener rests that the system refused a connection: it is out of
/// descriptors, most likely.
const REFUSED_REST: Duration = Duration::from_millis(100);

const WHERE: &str =
    "metrics are at /metrics: curl --unix-socket PATH_OF_THIS_SOCKET http://localhost/metrics\n";
const HOW: &str = "only GET and HEAD are answered here\n";
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// A running endpoint.
pub struct Endpoint {
    accepting: JoinHandle<()>,
}

/// What a connection answers from.
struct Source {
    vm: String,
    router: Arc<Router>,
    /// One page is made at a time, so that clients cost one core at most.
    making: Arc<Mutex<()>>,
}

impl Endpoint {
    /// Shows the counters of a machine where its configuration wants that. Must
    /// be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// Why there is no socket.
    pub fn of(spec: &Spec, router: &Arc<Router>) -> Result<Option<Self>, SocketFault> {
        let Some(socket) = &spec.metrics.socket else {
            return Ok(None);
        };
        let endpoint = Self::start(spec.vm.name.as_str(), Arc::clone(router), socket)?;
        tracing::info!(socket = %socket.display(), "metrics are shown");
        Ok(Some(endpoint))
    }

    /// Shows the counters of a machine at `socket`, for our own user. When this
    /// returns, the path is there and may be connected to. Must be called
    /// within a tokio runtime.
    ///
    /// # Errors
    ///
    /// Why there is no socket.
    pub fn start(vm: &str, router: Arc<Router>, socket: &Path) -> Result<Self, SocketFault> {
        let listener = Listener::bind(socket, Access::Owner)?;
        let source = Source {
            vm: vm.to_owned(),
            router,
            making: Arc::default(),
        };
        let accepting = tokio::spawn(accept(listener, Arc::new(source)));
        Ok(Self { accepting })
    }

    /// Lets go of every client and removes the socket.
    pub async fn stop(self) {
        self.accepting.abort();
        // An error says that it was aborted.
        drop(self.accepting.await);
    }
}

async fn accept(listener: Listener, source: Arc<Source>) {
    // Dropped with this task, and its tasks with it.
    let mut clients = JoinSet::new();
    let mut oldest_first: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let stream = match listener.accept().await {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!(%error, "a client of the metrics could not be served");
                sleep(REFUSED_REST).await;
                continue;
            }
        };
        while clients.try_join_next().is_some() {}
        oldest_first.retain(|client| !client.is_finished());
        if oldest_first.len() >= MAX_CONNECTIONS
            && let Some(oldest) = oldest_first.pop_front()
        {
            oldest.abort();
        }
        let talk = timeout(CONNECTION_TIME, converse(stream, Arc::clone(&source)));
        oldest_first.push_back(clients.spawn(talk));
    }
}

/// Answers one request.
async fn converse(stream: UnixStream, source: Arc<Source>) {
    let answer = service_fn(|request| {
        let source = Arc::clone(&source);
        async move { Ok::<_, Infallible>(source.answer(&request).await) }
    });
    let done = http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(MAX_HEADER_BYTES)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), answer)
        .await;
    if let Err(error) = done {
        tracing::debug!(%error, "a client of the metrics was not understood, or left");
    }
}

impl Source {
    async fn answer(&self, request: &Request<Incoming>) -> Response<String> {
        if request.uri().path() != "/metrics" {
            return refusal(StatusCode::NOT_FOUND, WHERE);
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut response = refusal(StatusCode::METHOD_NOT_ALLOWED, HOW);
            let allowed = HeaderValue::from_static("GET, HEAD");
            response.headers_mut().insert(ALLOW, allowed);
            return response;
        }
        match self.page().await {
            Some(page) => with_type(page, HeaderValue::from_static(OPEN_METRICS)),
            None => refusal(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the page could not be made; the log has more\n",
            ),
        }
    }

    /// Makes the page where it holds no port up. The turn is kept until it is
    /// made, even where the client is gone before.
    async fn page(&self) -> Option<String> {
        let turn = Arc::clone(&self.making).lock_owned().await;
        let look = Look::at(&self.vm, &self.router);
        let made = tokio::task::spawn_blocking(move || {
            let page = look.page();
            drop(turn);
            page
        });
        let page = made.await.map_err(|error| error.to_string());
        page.and_then(|page| page.map_err(|error| error.to_string()))
            .inspect_err(|error| tracing::error!(%error, "the page of metrics could not be made"))
            .ok()
    }
}

fn refusal(status: StatusCode, words: &str) -> Response<String> {
    let mut response = with_type(words.to_owned(), TEXT);
    *response.status_mut() = status;
    response
}

fn with_type(body: String, content_type: HeaderValue) -> Response<String> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

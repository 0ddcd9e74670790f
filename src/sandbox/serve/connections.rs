//! Connections: at most so many, each with a time limit for what it sends, until the server is to stop.
//!
//! HTTP/1.1 only: without TLS no browser speaks anything else.

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use futures::{StreamExt, stream};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tower::ServiceExt;

/// How long the head of a request may take, its body, and the time between two requests.
const PATIENCE: Duration = Duration::from_secs(30);
/// At the end, how long requests in flight are waited for.
pub(super) const GRACE: Duration = Duration::from_secs(5);
/// How many connections are served at a time; others wait to be accepted.
const MOST: usize = 1_000;
/// What else needs a file: the database, mail, the log.
const OTHER_FILES: usize = 64;

/// Serves until `stop` resolves, and then what is in flight, for as long as it may take.
pub(super) async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    let seats = Arc::new(Semaphore::new(most()));
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let next = async {
            let seat = Arc::clone(&seats).acquire_owned().await;
            (seat, listener.accept().await)
        };
        let (seat, accepted) = tokio::select! {
            () = &mut stop => break,
            next = next => next,
        };
        let Ok((stream, peer)) = accepted else {
            // Out of files, as a rule: those who are there have to go first.
            sleep(Duration::from_millis(200)).await;
            continue;
        };
        // Answers are small and written at once: waiting for more would only add latency.
        if let Err(e) = stream.set_nodelay(true) {
            tracing::debug!("no TCP_NODELAY: {e}");
        }
        let connection = graceful.watch(connection(stream, peer, router.clone()));
        tokio::spawn(async move {
            // A client that breaks off, or is cut off, is no news.
            let _ = connection.await;
            drop(seat);
        });
    }
    drop(listener);
    let _ = timeout(GRACE, graceful.shutdown()).await;
}

/// Answers the requests of one connection.
#[derive(Clone)]
struct Answering {
    router: Router,
    peer: SocketAddr,
}

impl hyper::service::Service<Request<Incoming>> for Answering {
    type Response = axum::response::Response;
    type Error = std::convert::Infallible;
    type Future = futures::future::BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let mut request = request.map(in_time);
        request.extensions_mut().insert(ConnectInfo(self.peer));
        Box::pin(self.router.clone().oneshot(request))
    }
}

fn connection<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    peer: SocketAddr,
    router: Router,
) -> http1::Connection<TokioIo<S>, Answering> {
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), Answering { router, peer })
}

/// A body that fails when it is not complete in time.
fn in_time(body: Incoming) -> Body {
    let end = Instant::now() + PATIENCE;
    let chunks = Body::new(body).into_data_stream();
    Body::from_stream(stream::unfold(chunks, move |mut chunks| async move {
        let next = match timeout_at(end, chunks.next()).await {
            Ok(next) => next?.map_err(io::Error::other),
            Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut)),
        };
        Some((next, chunks))
    }))
}

/// As many connections as the process may have files, less those it needs itself.
fn most() -> usize {
    #[cfg(unix)]
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    #[cfg(not(unix))]
    let files = None::<u64>;
    let files = files.and_then(|files| usize::try_from(files).ok()).unwrap_or(MOST + OTHER_FILES);
    files.saturating_sub(OTHER_FILES).clamp(8, MOST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::post;
    use std::net::Ipv4Addr;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9);

    #[tokio::test(start_paused = true)]
    async fn half_a_request_is_cut_off() {
        let router = Router::new().route("/", post(|body: String| async move { body }));
        for half in [
            "",
            "POST / HT",
            "POST / HTTP/1.1\r\nhost: a\r\n",
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc",
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc",
        ] {
            let (mut client, server) = tokio::io::duplex(1024);
            let ended = tokio::spawn(connection(server, PEER, router.clone()));
            client.write_all(half.as_bytes()).await.unwrap();
            let begun = Instant::now();
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.unwrap();
            assert!(!answer.starts_with("HTTP/1.1 200"), "{half}: {answer}");
            assert!(begun.elapsed() <= PATIENCE + Duration::from_secs(1), "{half}");
            let _ = ended.await.unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whole_requests_are_answered_one_after_the_other() {
        let router = Router::new().route("/", post(|body: String| async move { body }));
        let (mut client, server) = tokio::io::duplex(1024);
        tokio::spawn(connection(server, PEER, router));
        for word in ["one", "two"] {
            let request = format!("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\n{word}");
            client.write_all(request.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            while !answer.ends_with(word.as_bytes()) {
                client.read_buf(&mut answer).await.unwrap();
            }
            tokio::time::sleep(PATIENCE / 2).await;
        }
    }
}

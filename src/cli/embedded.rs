//! The sandbox inside the binary: `endpoint.sandbox` in a `KoreAccount` serves the account from a folder, on a free
//! loopback port, for as long as the command runs.

use super::CliError;
use crate::sandbox::{Options, RateLimit, Sandbox};
use std::path::Path;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The app the command signs in with; made on first use.
const APP: &str = "koreconcile";

/// A sandbox that is being served.
pub(super) struct Embedded {
    /// `http://127.0.0.1:PORT`
    pub url: String,
    /// Of its app.
    pub client_id: String,
    /// Of its app.
    pub client_secret: String,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<std::io::Result<()>>,
}

impl Embedded {
    /// Opens the folder, seeds it with the account if it is new, and serves it.
    pub(super) async fn start(data: &Path, account: Option<&str>, rate: RateLimit) -> Result<Self, CliError> {
        let unexpected = |error: std::io::Error| {
            CliError::Unexpected(format!("no loopback port for the sandbox: {error}"))
        };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(unexpected)?;
        let url = format!("http://{}", listener.local_addr().map_err(unexpected)?);
        let options = Options {
            account_id: account.map(str::to_owned),
            public_url: url.clone(),
            record_requests: false,
            rate,
            ..Options::default()
        };
        let sandbox = Sandbox::open(data, options)?;
        let app = sandbox.admin()?.app_called(APP)?;
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(async move {
            sandbox
                .serve(listener, async {
                    let _ = stopped.await;
                })
                .await
        });
        Ok(Self { url, client_id: app.client_id, client_secret: app.client_secret, stop: Some(stop), server })
    }

    /// Lets requests in flight end.
    pub(super) async fn end(mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        let patience = std::time::Duration::from_secs(2);
        let _ = tokio::time::timeout(patience, &mut self.server).await;
        self.server.abort();
    }
}

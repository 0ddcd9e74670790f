//! Being asked to stop: a run finishes the call in flight, looks at what it has sent, and reports.

use super::{Exit, Output};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Listens from now on. Ctrl-C, a termination and a closed terminal cancel; a second Ctrl-C ends the program.
pub(super) fn listen(cancel: CancellationToken, output: Output) -> JoinHandle<()> {
    let mut asked = Asked::new();
    tokio::spawn(async move {
        asked.first().await;
        cancel.cancel();
        output.warn("stopping after the call in flight; Ctrl-C again stops at once");
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(i32::from(Exit::Partial as u8));
        }
        std::future::pending::<()>().await;
    })
}

#[cfg(unix)]
struct Asked([Option<tokio::signal::unix::Signal>; 3]);

#[cfg(unix)]
impl Asked {
    fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        Self(kinds.map(|kind| signal(kind).ok()))
    }

    async fn first(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            () = received(interrupt) => {}
            () = received(terminate) => {}
            () = received(hangup) => {}
        }
    }
}

#[cfg(unix)]
async fn received(signal: &mut Option<tokio::signal::unix::Signal>) {
    let received = match signal {
        Some(signal) => signal.recv().await,
        None => None,
    };
    if received.is_none() {
        std::future::pending::<()>().await;
    }
}

#[cfg(not(unix))]
struct Asked;

#[cfg(not(unix))]
impl Asked {
    fn new() -> Self {
        Self
    }

    async fn first(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
